import { describe, expect, test } from 'vitest';
import { sharesOf } from '../../../src/domain/market/share.ts';
import type { Adjustment, Drift } from '../../../src/ports/store/accounts.ts';
import { instrument, nowMs, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { acknowledgeDrifts, readDrifts } from '../support/acknowledge-drifts.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendOne, settle, settlement, undecided } from '../support/test-run.ts';

const users = [user('asha', { venue: 'kite' }), user('ravi', { venue: 'kite' })];
const runId = `XNSE:${tradeDate}:open:live`;

onEveryDatabase('readiness', ({ store, session, value, breaks }) => {
  /** Two connected live accounts at Kite, without money. */
  const connected = async (): Promise<number[]> => {
    await store.call('import_users', { by: tester, users, mode: 'live', source: 'test', nowMs });
    await store.call('import_instruments', {
      by: tester,
      instruments: [instrument('TITAN', { isin: 'INE280A01028' }), instrument('INFY')],
    });
    const rows = await session.query('select id::int from public.accounts order by id');
    return rows.map(({ id }) => Number(id));
  };
  const verdict = (accountId: number, reason: string | null, checkedAtMs = nowMs - 60_000) => {
    return { accountId, ready: reason === null, reason, checkedAtMs };
  };
  const adjustment = (accountId: number, change: Partial<Adjustment> = {}): Adjustment => {
    return {
      accountId,
      booksCashMinor: 0,
      cashMinor: 5_000_00,
      blockedByOthersMinor: 0,
      source: 'kite at readiness',
      holdings: [],
      ...change,
    };
  };
  const adjust = (accounts: Adjustment[]) => store.call('adjust_books', { mode: 'live', tradeDate, nowMs, accounts });
  const titan = (booksQuantity: number, quantity: number): Adjustment['holdings'][number] => {
    const reference = `readiness:${booksQuantity}:${quantity}`;
    return {
      exchange: 'NSE',
      symbol: 'TITAN',
      product: 'delivery',
      booksQuantity,
      quantity,
      priceMinor: 3_000_00,
      reference,
    };
  };
  const books = (accountIds: number[] | null = null) =>
    store.call('read_books', { mode: 'live', currency: 'INR', tradeDate, accountIds, afterId: 0, limit: 10 });
  const drift = (accountId: number, change: Partial<Drift> = {}): Drift => {
    return { accountId, kind: 'position', what: 'NSE:TITAN', ours: '10', theirs: '0', ...change };
  };
  const storeDrifts = (drifts: Drift[], atMs = nowMs) => store.call('store_drifts', { tradeDate, nowMs: atMs, drifts });
  const notReady = async () => {
    const rows = await session.query('select not_ready as why from public.accounts order by id');
    return rows.map(({ why }) => why);
  };
  const daysLater = (days: number) => nowMs + days * 86_400_000;
  const acknowledge = (userId: string) => acknowledgeDrifts(store, { userId, venue: 'kite', mode: 'live' });

  test.each([
    [null, 'late fill'],
    ['not checked yet', 'late fill'],
    ['drift: position TITAN: acknowledge it', 'late fill'],
    ['available money is below zero: acknowledge it', 'available money is below zero: acknowledge it'],
  ])('what a person has to see about money stands above what comes again by itself: %s', async (before, stands) => {
    expect(await value("select core.block_reason($1, 'late fill')", [before])).toBe(stands);
  });

  describe('a verdict', () => {
    test('opens the account for its day and no other, and only until a younger one says otherwise', async () => {
      const [asha = 0] = await connected();
      const opened = await store.call('store_readiness', { tradeDate, nowMs, verdicts: [verdict(asha, null)] });
      expect(opened).toEqual([{ accountId: asha, notReady: null, acknowledge: false }]);
      const why = (day: string) =>
        value('select core.not_ready_on(a, $2::date) from public.accounts a where id = $1', [asha, day]);
      expect(await why(tradeDate)).toBeNull();
      expect(await why('2025-08-29')).toBe('not_checked_today');
      const closed = verdict(asha, 'no_login: token_expired', nowMs);
      await store.call('store_readiness', { tradeDate, nowMs, verdicts: [closed] });
      await store.call('store_readiness', { tradeDate, nowMs, verdicts: [verdict(asha, null)] });
      expect(await why(tradeDate)).toBe('no_login: token_expired');
    });

    test('is what a scan sees and what its accept looks at once more', async () => {
      const testRun = await openTestRun(store, { runId, mode: 'live', users });
      const [asha, ravi] = (await books()).map(({ accountId }) => accountId);
      const verdicts = [verdict(asha ?? 0, null), verdict(ravi ?? 0, 'no_login: gone')];
      await store.call('store_readiness', { tradeDate, nowMs, verdicts });
      const accounts = await undecided(testRun);
      expect(Object.fromEntries(accounts.map(({ settings, notReady: why }) => [settings.id, why]))).toEqual({
        asha: null,
        ravi: 'no_login: gone',
      });
      await decideAll(testRun);
      const rows = await session.query(
        'select user_id, outcome, reason, actual_value from public.decisions order by 1',
      );
      expect(rows).toMatchObject([
        { user_id: 'asha', reason: 'insufficient_funds' },
        { user_id: 'ravi', outcome: 'skipped', reason: 'account_not_ready', actual_value: 'no_login: gone' },
      ]);
    });

    test('says of which day the books were brought up, and check_books who trades without it', async () => {
      const rule = 'who trades on a day had their books brought up for it';
      breaks(rule);
      const testRun = await openTestRun(store, { runId, mode: 'live', users });
      const [asha = 0, ravi = 0] = (await books()).map(({ accountId }) => accountId);
      await session.exec(`update public.accounts set not_ready = null, cash_minor = 10000000;
        insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, at)
        select id, 'adjustment', 10000000, 0, '2025-08-28' from public.accounts`);
      const verdicts = [verdict(asha, null), { ...verdict(ravi, null), broughtUp: false }];
      await store.call('store_readiness', { tradeDate, nowMs, verdicts });
      await decideAll(testRun);
      const broken = await store.call('check_books', {});
      expect(broken.filter((one) => one.rule === rule)).toMatchObject([
        { userId: 'ravi', ours: 'never brought up', should: `brought up for ${tradeDate}`, settle: 'npm run ready' },
      ]);
    });

    test('never clears what a person has to acknowledge', async () => {
      const [asha = 0] = await connected();
      await session.exec("update public.accounts set not_ready = 'a late fill'");
      const stored = await store.call('store_readiness', { tradeDate, nowMs, verdicts: [verdict(asha, null)] });
      expect(stored).toEqual([{ accountId: asha, notReady: 'a late fill', acknowledge: true }]);
    });

    test('is not asked of a paper account', async () => {
      const [account] = await undecided(await openTestRun(store));
      expect(account?.notReady).toBeNull();
    });
  });

  describe('the books of an account', () => {
    test('are brought to the venue’s once, with their source, however often it is asked', async () => {
      const [asha = 0, ravi = 0] = await connected();
      const accounts = [adjustment(asha, { holdings: [titan(0, 7)] }), adjustment(ravi, { cashMinor: 0 })];
      expect(await adjust(accounts)).toEqual({ free: [asha, ravi], adjusted: 1, external: 1 });
      expect(await adjust(accounts)).toEqual({ free: [asha, ravi], adjusted: 0, external: 0 });
      const [mine] = await books([asha]);
      expect(mine).toMatchObject({ cashMinor: 5_000_00, positions: [{ symbol: 'TITAN', quantity: 7 }], orders: [] });
      expect(
        await session.query('select kind, source, cash_delta_minor::int as cash from public.ledger_entries'),
      ).toEqual([{ kind: 'adjustment', source: 'kite at readiness', cash: 5_000_00 }]);
      const again = adjustment(asha, { booksCashMinor: 5_000_00, holdings: [titan(0, 7)] });
      expect(await adjust([again])).toMatchObject({ adjusted: 0, external: 0 });
    });

    test('below zero block the account for a person, and a good verdict does not open it', async () => {
      const [asha = 0] = await connected();
      await adjust([adjustment(asha, { cashMinor: -1 })]);
      const stored = await store.call('store_readiness', { tradeDate, nowMs, verdicts: [verdict(asha, null)] });
      expect(stored).toMatchObject([{ notReady: 'available money is below zero: acknowledge it', acknowledge: true }]);
    });

    test('are left alone while a run of the day is open, and after an order of the day', async () => {
      const testRun = await openTestRun(store, { runId, mode: 'live', users: users.slice(0, 1) });
      const [{ accountId = 0 } = {}] = await books();
      expect(await adjust([adjustment(accountId)])).toEqual({ free: [], adjusted: 0, external: 0 });
      await session.exec(`insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, source, at)
          select id, 'deposit', 10000000, 0, 'test', now() from public.accounts;
        update public.accounts set cash_minor = 10000000, not_ready = null`);
      await store.call('store_readiness', { tradeDate, nowMs, verdicts: [verdict(accountId, null)] });
      await decideAll(testRun);
      await session.exec("update public.orders set venue = 'paper'");
      breaks("an order is of its account's user, venue and mode");
      const { orderId } = await sendOne(store);
      await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 10)] })]);
      await session.exec("update public.scan_runs set state = 'done', done_at = now()");
      const [after] = await books();
      expect(after).toMatchObject({
        positions: [{ quantity: 10 }],
        orders: [{ status: 'filled', filledQuantity: 10, filledValueMinor: 1_000_00, today: true }],
      });
      const late = adjustment(accountId, { booksCashMinor: after?.cashMinor ?? 0 });
      expect(await adjust([late])).toEqual({ free: [], adjusted: 0, external: 0 });
    });
  });

  test('a listing goes by its own ISIN, else by that of its namesake at the other Indian exchange', async () => {
    await connected();
    const listings = [
      ...['NSE:TITAN', 'BSE:TITAN', 'NSE:TITAN-BE', 'BSE:TITAN-EQ', 'US:TITAN', 'US:TITAN-BE'],
      ...['NSE:INFY', 'BSE:INFY', 'NSE:NEW', 'NSE:NEW-BE', 'NSE:SGBAUG28V-GB', 'NSE:BAJAJ-AUTO'],
    ].map((name) => ({ exchange: name.slice(0, name.indexOf(':')), symbol: name.slice(name.indexOf(':') + 1) }));
    const shares = (await store.call('read_shares', { listings })).map(({ share }) => share);
    expect(shares).toEqual([
      ...['INE280A01028', 'INE280A01028', 'INE280A01028', 'INE280A01028', 'US:TITAN', 'US:TITAN-BE'],
      ...['INFY', 'INFY', 'NEW', 'NEW', 'SGBAUG28V-GB', 'BAJAJ-AUTO'],
    ]);
    // The two rules, in TypeScript and in SQL, are one.
    const shareOf = sharesOf([{ exchange: 'NSE', symbol: 'TITAN', isin: 'INE280A01028' }]);
    expect(listings.map(shareOf)).toEqual(shares);
  });

  describe('a drift', () => {
    test('is kept once and blocks its account until it is acknowledged', async () => {
      const [asha = 0, ravi = 0] = await connected();
      expect(await storeDrifts([drift(asha), drift(asha, { what: 'NSE:INFY' })])).toHaveLength(2);
      expect(await storeDrifts([drift(asha)])).toEqual([]);
      const text = 'drift: position NSE:TITAN: ours 10, theirs 0 (and 1 more): acknowledge it';
      expect(await notReady()).toEqual([text, 'not connected yet']);
      const stored = await store.call('store_readiness', {
        tradeDate,
        nowMs,
        verdicts: [verdict(asha, null), verdict(ravi, null)],
      });
      expect(stored.map((one) => one.notReady)).toEqual([text, null]);
      expect(await acknowledge('asha')).toMatchObject({ changed: true });
      expect(await notReady()).toEqual([null, null]);
    });

    test('that was acknowledged is not raised again while it stays, and is when it comes back', async () => {
      const [asha = 0] = await connected();
      const funds = (theirs = '0') => drift(asha, { kind: 'funds', theirs });
      await storeDrifts([funds()]);
      await acknowledge('asha');
      expect(await storeDrifts([funds()], daysLater(1))).toEqual([]);
      expect(await storeDrifts([funds()], daysLater(5))).toEqual([]);
      expect((await notReady())[0]).toBeNull();
      expect(await storeDrifts([funds('3')], daysLater(5))).toHaveLength(1);
      await acknowledge('asha');
      expect(await storeDrifts([funds()], daysLater(11))).toHaveLength(1);
      expect((await notReady())[0]).toContain('drift: funds');
    });

    test('an order nobody knows is named first; what stood before it is acknowledged before it', async () => {
      const [asha = 0] = await connected();
      await session.exec("update public.accounts set not_ready = 'a late fill'");
      const order = drift(asha, { kind: 'unknown_order', what: 'abc', ours: 'no such order', theirs: 'BUY 1' });
      await storeDrifts([drift(asha), order]);
      expect((await notReady())[0]).toBe('a late fill');
      expect((await readDrifts(store, { userId: 'asha', venue: 'kite', mode: 'live' })).driftIds).toHaveLength(2);
      await store.call('acknowledge_account', {
        by: tester,
        ...{ userId: 'asha', venue: 'kite', mode: 'live', driftIds: [], snapshotEntryId: 0, nowMs },
      });
      const text = 'drift: unknown_order abc: ours no such order, theirs BUY 1 (and 1 more): acknowledge it';
      expect((await notReady())[0]).toBe(text);
      await acknowledge('asha');
      expect((await notReady())[0]).toBeNull();
    });
  });
});
