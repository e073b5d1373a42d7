import { expect, test } from 'vitest';
import { planHashOf, planLine } from '../../../src/domain/ids.ts';
import type { DecisionToAccept } from '../../../src/ports/store/runs.ts';
import { nowMs, signal, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { acceptAll, accepted, notAccepted, openTestRun, type TestRun, undecided } from '../support/test-run.ts';

onEveryDatabase('accept and decide_run', ({ store, session, value }) => {
  const accept = (testRun: TestRun, decisions: DecisionToAccept[]) =>
    store.call('accept_page', { runId: testRun.runId, nowMs, decisions });
  const decide = ({ runId }: TestRun, atMs = nowMs) => store.call('decide_run', { runId, nowMs: atMs });
  const counts = () =>
    session.query(`select (select count(*)::int from public.decisions) as decisions,
      (select count(*)::int from public.orders) as orders,
      (select count(*)::int from public.ledger_entries where kind = 'hold') as holds`);
  const users = ['asha', 'ravi', 'meera'].map((id) => user(id));
  const signals = [signal('TITAN'), signal('INFY', { rank: 2 })];

  test('writes decisions, orders and holds of a page in one go', async () => {
    const testRun = await openTestRun(store, { users, signals });
    const decisions = await acceptAll(testRun);
    expect(await counts()).toEqual([{ decisions: 6, orders: 6, holds: 6 }]);
    const [first] = decisions;
    const [order] = await session.query(
      `select status, reason, venue, side, quantity::int, limit_price_minor::int,
      decision_price_minor::int, hold_minor::int, charges_minor::int, position::int, queue_position::int, attempts, filled_quantity::int
      from public.orders where client_order_id = $1`,
      [first?.clientOrderId],
    );
    expect(order).toEqual({
      status: 'queued',
      reason: null,
      venue: 'paper',
      side: 'BUY',
      quantity: 10,
      limit_price_minor: 100_50,
      decision_price_minor: 100_00,
      hold_minor: first?.holdMinor,
      charges_minor: first?.chargesMinor,
      position: 1,
      queue_position: 1,
      attempts: 0,
      filled_quantity: 0,
    });
    const left = await undecided(testRun);
    expect(left).toEqual([]);
    const held = decisions.filter(({ userId }) => userId === 'asha').reduce((sum, { holdMinor }) => sum + holdMinor, 0);
    expect(await value("select held_minor::int from public.accounts where user_id = 'asha'")).toBe(held);
  });

  test('a page repeated, whole, in part or at the same time, doubles nothing', async () => {
    const testRun = await openTestRun(store, { users, signals });
    const page = await undecided(testRun);
    const decisions = page.flatMap((account) => signals.map((of) => accepted(testRun, account, of)));
    const answers = await Promise.all([
      accept(testRun, decisions),
      accept(testRun, decisions),
      accept(testRun, decisions),
    ]);
    expect(answers.map((answer) => answer.accepted).sort()).toEqual([0, 0, 6]);
    expect(await accept(testRun, decisions.slice(0, 2))).toEqual({ accepted: 0, state: 'planning' });
    expect(await counts()).toEqual([{ decisions: 6, orders: 6, holds: 6 }]);
  });

  test('overlapping pages of two planners decide each user once', async () => {
    const testRun = await openTestRun(store, {
      users: Array.from({ length: 30 }, (_, n) => user(`user-${n}`)),
      signals,
    });
    const page = await undecided(testRun);
    const decisions = page.map((account) => signals.map((of) => accepted(testRun, account, of)));
    const pages = [decisions.slice(0, 20), decisions.slice(10), decisions.slice(5, 25).toReversed()];
    const answers = await Promise.all(pages.map((decisions) => accept(testRun, decisions.flat())));
    expect(answers.reduce((sum, answer) => sum + answer.accepted, 0)).toBe(60);
    expect(await counts()).toEqual([{ decisions: 60, orders: 60, holds: 60 }]);
  });

  test('a refusal stays the refusal it was: accept never turns it round', async () => {
    const testRun = await openTestRun(store, { signals });
    const [account] = await undecided(testRun);
    if (!account) throw new Error('asha is in the run');
    const skipped = notAccepted(account, testRun.signals[0] ?? signal('TITAN'), 'skipped', 'user_inactive');
    const denied = {
      ...notAccepted(account, signals[1] ?? signal('INFY'), 'denied', 'price_outside_band'),
      limit: '3.00',
      actual: '4.10',
    };
    expect(await accept(testRun, [skipped, denied])).toEqual({ accepted: 0, state: 'planning' });
    expect(
      await session.query(`select outcome, reason, limit_value, actual_value, quantity::int, hold_minor::int
      from public.decisions order by position`),
    ).toEqual([
      {
        outcome: 'skipped',
        reason: 'user_inactive',
        limit_value: null,
        actual_value: null,
        quantity: 0,
        hold_minor: 0,
      },
      {
        outcome: 'denied',
        reason: 'price_outside_band',
        limit_value: '3.00',
        actual_value: '4.10',
        quantity: 0,
        hold_minor: 0,
      },
    ]);
    expect(await value('select count(*)::int from public.orders')).toBe(0);
  });

  test('a user without an account gets their decisions too', async () => {
    await store.call('import_users', { by: tester, users: [user('asha')], mode: 'paper', source: 's', nowMs });
    const testRun = await openTestRun(store, { mode: 'live', users: [user('ravi', { venue: 'kite' })] });
    await session.exec(`delete from public.run_users;
      begin; set local session_replication_role = replica; delete from public.accounts where mode = 'live'; commit`);
    await session.query("insert into public.run_users (run_id, queue_position, user_id) values ($1, 1, 'ravi')", [
      testRun.runId,
    ]);
    const [account] = await undecided(testRun);
    if (!account) throw new Error('ravi is in the run');
    expect(account.accountId).toBeNull();
    await accept(testRun, [notAccepted(account, signal('TITAN'), 'skipped', 'account_not_ready')]);
    expect((await decide(testRun)).state).toBe('decided');
  });

  // 121 is New York's rate of the same leg on the same day.
  test.each([
    [999, null],
    [121, null],
    [121, 1_00_00_000_00],
  ])(
    'an order at a rate that is not there (%i, symbol cap %s) fails its page: nothing of it is written',
    async (rateId, symbolCapMinor) => {
      const testRun = await openTestRun(store, { limits: { symbolCapMinor } });
      const [account] = await undecided(testRun);
      if (!account) throw new Error('asha is in the run');
      const decision = { ...accepted(testRun, account, signal('TITAN')), rateId };
      await expect(accept(testRun, [decision])).rejects.toMatchObject({ code: '23502' });
      expect(await value('select count(*)::int from public.orders')).toBe(0);
      expect(await value('select count(*)::int from public.decisions')).toBe(0);
    },
  );

  test('a run is decided when everybody is, once, with the hash TypeScript gives the same plan', async () => {
    const testRun = await openTestRun(store, { users, signals });
    expect(await decide(testRun)).toEqual({ state: 'planning', planHash: null });
    const [first, ...others] = await undecided(testRun);
    if (!first) throw new Error('three users are in the run');
    const decisions = [
      accepted(testRun, first, signals[0] ?? signal('TITAN')),
      notAccepted(first, signals[1] ?? signal('INFY'), 'denied', 'quantity_zero'),
    ];
    await accept(testRun, decisions);
    expect(await decide(testRun)).toEqual({ state: 'planning', planHash: null });
    expect(await value('select count(*)::int from public.messages')).toBe(0);

    const rest = others.flatMap((account) => [
      { ...notAccepted(account, signals[0] ?? signal('TITAN'), 'skipped', 'not_subscribed'), priceMinor: null },
      accepted(testRun, account, signals[1] ?? signal('INFY'), { quantity: 3 }),
    ]);
    await accept(testRun, rest);
    const lines = [...decisions, ...rest].map(planLine);
    expect((await store.call('read_plan_lines', { runId: testRun.runId })).toSorted()).toEqual(lines.toSorted());
    expect(await decide(testRun)).toEqual({ state: 'decided', planHash: planHashOf(lines) });
    expect(await value('select count(*)::int from public.messages')).toBe(3);
    expect(await decide(testRun, nowMs + 60_000)).toEqual({ state: 'decided', planHash: planHashOf(lines) });
    expect(await value('select core.ms(decided_at)::text from public.scan_runs')).toBe(String(nowMs));
  });

  test('the hash is the same for ids beyond ASCII and for a plan without lines', async () => {
    const odd = ['élodie', 'zoë-😀', 'ﬁona', 'Zed'].map((id) => user(id));
    const testRun = await openTestRun(store, { users: odd });
    const decisions = await acceptAll(testRun);
    expect((await decide(testRun)).planHash).toBe(planHashOf(decisions.map(planLine)));
    const empty = await openTestRun(store, { runId: 'empty', users: [] });
    expect((await decide(empty)).planHash).toBe(planHashOf([]));
  });

  test('a run that is decided takes no more decisions', async () => {
    const testRun = await openTestRun(store);
    const decisions = await acceptAll(testRun);
    await decide(testRun);
    expect(await accept(testRun, decisions)).toEqual({ accepted: 0, state: 'decided' });
    expect(await accept({ ...testRun, runId: 'none' }, decisions)).toEqual({ accepted: 0, state: null });
  });
});
