import { expect, test } from 'vitest';
import type { Arguments } from '../../../src/ports/store/store.ts';
import { minuteMs, nowMs, tradeDate, user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { accepted, decideAll, openTestRun, undecided } from '../support/test-run.ts';

const by = { who: 'ravi@office', how: 'cli', why: 'wired in the morning' } as const;

onEveryDatabase('cash', ({ store, session, value }) => {
  const move = (change: Partial<Arguments['move_cash']>) =>
    store.call('move_cash', {
      ...{
        userId: 'asha',
        venue: null,
        kind: 'deposit',
        amountMinor: 50_000_00,
        reference: 'R1',
        isNamed: true,
        by,
        nowMs,
      },
      ...change,
    });
  const entries = () =>
    session.query(`select kind, cash_delta_minor::int as cash, held_delta_minor::int as held, reference
      from public.ledger_entries order by id`);

  test('a deposit adds to the cash of a paper account, with who and why on record', async () => {
    await openTestRun(store, { users: [user('asha')] });
    expect(await move({})).toMatchObject({
      ...{ kind: 'moved', venue: 'paper', cashBeforeMinor: 1_00_000_00, cashMinor: 1_50_000_00, heldMinor: 0 },
    });
    expect((await entries()).at(-1)).toEqual({ kind: 'deposit', cash: 50_000_00, held: 0, reference: 'R1' });
    const page = { beforeId: null, limit: 1, userId: 'asha', action: 'move_cash' as const, sinceMs: null };
    expect(await store.call('read_actions', page)).toMatchObject([
      {
        ...{ ...by, target: 'account:asha paper paper', before: { cashMinor: 1_00_000_00 } },
        after: { cashMinor: 1_50_000_00, moved: 'deposit', amountMinor: 50_000_00 },
      },
    ]);
    const [account] = (await store.call('read_user', { userId: 'asha' }))?.accounts ?? [];
    expect(account?.moved).toMatchObject([
      { kind: 'deposit', amountMinor: 50_000_00, reference: 'R1', source: 'operator' },
      { kind: 'deposit', amountMinor: 1_00_000_00, reference: null },
    ]);
    expect(await store.call('read_day', { tradeDate, mode: 'paper' })).toMatchObject({
      accounts: { cashMinor: 1_50_000_00, depositedMinor: 1_50_000_00, withdrawnMinor: 0 },
    });
  });

  test('a reference counts once: the same again books nothing, something else under it is refused', async () => {
    await openTestRun(store, { users: [user('asha'), user('ravi')] });
    await move({});
    const again = await move({ nowMs: nowMs + 86_400_000 });
    expect(again).toMatchObject({ kind: 'counted_before', cashMinor: 1_50_000_00, atMs: nowMs });
    expect(await move({ amountMinor: 1 })).toMatchObject({ kind: 'reference_used', amountMinor: 50_000_00 });
    expect(await move({ kind: 'withdrawal' })).toMatchObject({ kind: 'reference_used', moved: 'deposit' });
    // Of its account: somebody else's deposits have names of their own.
    expect(await move({ userId: 'ravi' })).toMatchObject({ kind: 'moved' });
    expect((await entries()).filter(({ reference }) => reference !== null)).toHaveLength(2);
  });

  test('the same amount a moment later is a key pressed twice, unless a person named it', async () => {
    await openTestRun(store, { users: [user('asha')] });
    const pressed = (reference: string, atMs: number) => move({ reference, isNamed: false, nowMs: atMs });
    expect(await pressed('cli:1', nowMs)).toMatchObject({ kind: 'moved' });
    expect(await pressed('cli:2', nowMs + minuteMs)).toMatchObject({ kind: 'moved_just_now', atMs: nowMs });
    // The first call once more, after a lost answer.
    expect(await pressed('cli:1', nowMs + minuteMs)).toMatchObject({ kind: 'counted_before' });
    expect(await move({ reference: 'second', nowMs: nowMs + minuteMs })).toMatchObject({ kind: 'moved' });
    expect(await pressed('cli:3', nowMs + 12 * minuteMs)).toMatchObject({ kind: 'moved', cashMinor: 2_50_000_00 });
  });

  test('a withdrawal takes at most what is available, to the paisa', async () => {
    const testRun = await openTestRun(store, { users: [user('asha')] });
    await decideAll(testRun);
    const held = Number(await value('select held_minor::int from public.accounts'));
    expect(held).toBeGreaterThan(0);
    const free = 1_00_000_00 - held;
    const out = (amountMinor: number, reference: string) => move({ kind: 'withdrawal', amountMinor, reference });
    expect(await out(free + 1, 'W1')).toMatchObject({ kind: 'not_enough', cashMinor: 1_00_000_00, heldMinor: held });
    expect(await out(free, 'W1')).toMatchObject({ kind: 'moved', cashMinor: held, heldMinor: held });
    expect(await out(1, 'W2')).toMatchObject({ kind: 'not_enough' });
    expect((await entries()).at(-1)).toMatchObject({ kind: 'withdrawal', cash: -free, held: 0 });
  });

  test('money alone opens no blocked account: who has seen why does', async () => {
    await openTestRun(store, { users: [user('asha')] });
    await session.exec(`update public.accounts set cash_minor = -500, not_ready = 'available money is below zero: acknowledge it';
      insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, at)
      select id, 'adjustment', -10000500, 0, now() from public.accounts`);
    expect(await move({ kind: 'withdrawal', amountMinor: 1, reference: 'W' })).toMatchObject({ kind: 'not_enough' });
    const deposited = await move({ amountMinor: 1_000_00 });
    expect(deposited).toMatchObject({
      kind: 'moved',
      cashMinor: 995_00,
      notReady: expect.stringMatching('below zero'),
    });
    const [block] = await store.call('read_blocks', { userId: 'asha' });
    const account = { userId: 'asha', venue: 'paper', mode: 'paper' as const, driftIds: [] };
    const snapshotEntryId = block?.snapshotEntryId ?? 0;
    await store.call('acknowledge_account', { ...account, snapshotEntryId, by, nowMs });
    expect(await value('select not_ready from public.accounts')).toBeNull();
  });

  test('a live account is left to its venue, and nobody else has one', async () => {
    await openTestRun(store, { users: [user('asha')] });
    await store.call('import_users', {
      users: [user('ravi', { venue: 'kite' })],
      mode: 'live',
      source: 's',
      nowMs,
      by,
    });
    expect(await move({ userId: 'ravi' })).toEqual({ kind: 'no_account', accounts: [], liveToo: true });
    expect(await move({ userId: 'nobody' })).toEqual({ kind: 'no_account', accounts: [], liveToo: false });
    const other = user('asha', { venue: 'kite' });
    await store.call('import_users', { users: [other], mode: 'paper', source: 's', nowMs, by });
    expect(await move({})).toMatchObject({
      kind: 'several_accounts',
      accounts: [
        { venue: 'kite', currency: 'INR' },
        { venue: 'paper', currency: 'INR' },
      ],
    });
    expect(await move({ venue: 'kite' })).toMatchObject({ kind: 'moved', venue: 'kite' });
    expect(await move({ venue: 'alpaca' })).toMatchObject({ kind: 'no_account' });
  });

  test('an account of each currency is a ledger of its own', async () => {
    await openTestRun(store, { users: [user('asha')] });
    const inDollars = user('asha', { currency: 'USD', capitalMinor: 10_000_00 });
    await store.call('import_users', { users: [inDollars], mode: 'paper', source: 's', nowMs, by });
    expect(await move({})).toMatchObject({ kind: 'several_accounts' });
    expect(await move({ currency: 'USD', amountMinor: 250_50 })).toMatchObject({
      ...{ kind: 'moved', currency: 'USD', cashBeforeMinor: 10_000_00, cashMinor: 10_250_50 },
    });
    expect(await move({ currency: 'INR' }), 'the reference is of another account').toMatchObject({
      ...{ kind: 'moved', currency: 'INR', cashMinor: 1_50_000_00 },
    });
    const page = { beforeId: null, limit: 2, userId: 'asha', action: 'move_cash' as const, sinceMs: null };
    expect((await store.call('read_actions', page)).map(({ target }) => target)).toEqual([
      'account:asha paper paper',
      'account:asha paper paper USD',
    ]);
    const stored = await store.call('read_user', { userId: 'asha' });
    expect(stored?.accounts).toMatchObject([
      { currency: 'INR', cashMinor: 1_50_000_00 },
      { currency: 'USD', cashMinor: 10_250_50 },
    ]);
  });

  test('what blocks an account in one currency is acknowledged of it, and not of the other', async () => {
    await openTestRun(store, { users: [user('asha')] });
    const inDollars = user('asha', { currency: 'USD' });
    await store.call('import_users', { users: [inDollars], mode: 'paper', source: 's', nowMs, by });
    await session.exec("update public.accounts set not_ready = 'a late fill was booked: acknowledge it'");
    const blocks = await store.call('read_blocks', { userId: 'asha' });
    expect(blocks.map(({ currency }) => currency)).toEqual(['INR', 'USD']);
    const { snapshotEntryId = 0 } = blocks[1] ?? {};
    const account = { userId: 'asha', venue: 'paper', mode: 'paper', currency: 'USD' } as const;
    await store.call('acknowledge_account', { ...account, driftIds: [], snapshotEntryId, by, nowMs });
    const still = await session.query('select currency from public.accounts where not_ready is not null');
    expect(still).toEqual([{ currency: 'INR' }]);
  });

  test('more than can be counted exactly is refused', async () => {
    await openTestRun(store, { users: [user('asha')] });
    expect(await move({ amountMinor: Number.MAX_SAFE_INTEGER })).toMatchObject({ kind: 'too_much' });
  });

  test('what is deposited while a page is decided can be used by the next', async () => {
    const testRun = await openTestRun(store, { users: [user('asha', { capitalMinor: 1_00 })] });
    const [account] = await undecided(testRun);
    const [titan] = testRun.signals;
    if (!account || !titan) throw new Error('the test run has a user and a signal');
    await move({ amountMinor: 1_00_000_00 });
    const page = { runId: testRun.runId, nowMs, decisions: [accepted(testRun, account, titan)] };
    expect(await store.call('accept_page', page)).toMatchObject({ accepted: 1 });
  });
});
