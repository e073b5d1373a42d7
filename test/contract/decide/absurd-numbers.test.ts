import { expect, test } from 'vitest';
import { signalOfRequest } from '../../../src/domain/decision/single-order.ts';
import { LARGEST_MINOR } from '../../../src/domain/money.ts';
import { nowMs, quote, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { accepted, cutOffMs, limits, openTestRun, undecided } from '../support/test-run.ts';

// Numbers nobody means: they are refused where they come in, and where they are there they are one user's trouble.
onEveryDatabase('absurd numbers', ({ store, session, value }) => {
  const stored = (runId: string) =>
    session.query(
      `select user_id, coalesce(reason, outcome) as result, limit_value as "limit", actual_value as actual
       from public.decisions where run_id = $1 order by position, queue_position`,
      [runId],
    );
  const imported = (change: Parameters<typeof user>[1]) => {
    const users = [user('asha', change)];
    return store.call('import_users', { by: tester, users, mode: 'paper', source: 's', nowMs });
  };

  test('settings whose largest order could not be told exactly are refused', async () => {
    const largest = { capitalMinor: 99_999_999_999_999, allocationBps: 10_000, leverageCenti: 10_000 };
    await expect(imported(largest)).rejects.toThrow('the_largest_order_can_be_told_exactly');
    await imported({ ...largest, leverageCenti: 9_007 });
    await expect(session.exec('update public.accounts set leverage_centi = 9008')).rejects.toThrow('told_exactly');
  });

  test('money and positions that could not be told exactly are refused, at their edge', async () => {
    await imported({});
    await expect(session.exec('update public.accounts set cash_minor = 9007199254740992')).rejects.toThrow(
      'an_accounts_money_can_be_told_exactly',
    );
    const holding = { userId: 'asha', venue: 'paper', mode: 'paper', exchange: 'NSE', symbol: 'INFY', tradeDate };
    const hold = (quantity: number, reference: string) =>
      store.call('import_holdings', { holdings: [{ ...holding, quantity, priceMinor: 1, reference }], nowMs });
    await hold(LARGEST_MINOR, 'h1');
    await expect(hold(1, 'h2')).rejects.toThrow('a_position_can_be_told_exactly');
    expect(await value('select quantity::text from public.positions')).toBe(String(LARGEST_MINOR));
  });

  test('an order too large to compute with is denied where the account is locked, and the others of its page are not', async () => {
    const users = ['asha', 'ravi', 'meera'].map((id, index) => user(id, { priority: index + 1 }));
    const testRun = await openTestRun(store, { users });
    const page = await undecided(testRun);
    const decisions = page.map((account) => {
      const one = accepted(testRun, account, signal('TITAN'));
      // Its value is beyond a bigint, too: 9.0e15 at 100.50.
      return account.settings.id === 'ravi' ? { ...one, quantity: LARGEST_MINOR } : one;
    });
    await store.call('accept_page', { runId: testRun.runId, nowMs, decisions });
    const exact = (BigInt(LARGEST_MINOR) * 10_050n).toString().replace(/(\d\d)$/, '.$1');
    expect(await stored(testRun.runId)).toMatchObject([
      { user_id: 'asha', result: 'accepted' },
      { user_id: 'ravi', result: 'max_order_value', limit: '90071992547409.91', actual: exact },
      { user_id: 'meera', result: 'accepted' },
    ]);
  });

  test('so is a single order, beside those that are asked for at the same moment', async () => {
    await openTestRun(store, { users: ['asha', 'ravi'].map((id) => user(id)) });
    const run = { runId: `XNSE:${tradeDate}:api:paper`, mode: 'paper', tradeDate } as const;
    const listings = [{ exchange: 'NSE', symbol: 'TITAN' }];
    const { accounts, rates } = await store.call('read_order_inputs', {
      ...run,
      capped: true,
      userIds: ['asha', 'ravi'],
      listings,
    });
    const requests = accounts.map((account) => {
      const { id: userId } = account.settings;
      const order = {
        userId,
        exchange: 'NSE',
        symbol: 'TITAN',
        side: 'BUY' as const,
        quantity: 1,
        limitPriceMinor: null,
      };
      const at = { date: tradeDate, quote: quote('TITAN'), nowMs };
      const of = signalOfRequest({ principal: 'key:1', key: userId }, order, at);
      const request = { principal: 'key:1', key: userId, bodyHash: 'b', by: null, sendBeforeMs: cutOffMs, signal: of };
      const testRun = { store, ...run, signals: [], users: [], rates };
      const decision = accepted(testRun, account, of);
      return { request, decision: userId === 'asha' ? { ...decision, quantity: LARGEST_MINOR } : decision };
    });
    const placed = await store.call('place_orders', {
      ...run,
      ...{ sessionId: `XNSE:${tradeDate}:api`, limits: { ...limits, symbolCapMinor: 1_00_000_00 }, nowMs },
      takesOrdersUntilMs: cutOffMs,
      quotes: [quote('TITAN')],
      decisions: requests.map(({ decision }) => decision),
      requests: requests.map(({ request }) => request),
    });
    expect(placed).toMatchObject([
      { outcome: 'denied', reason: 'max_order_value', limit: '90071992547409.91' },
      { outcome: 'accepted' },
    ]);
  });

  test('sums over all of them are the largest number there is, and end no page', async () => {
    const users = ['asha', 'ravi'].map((id) => user(id));
    await openTestRun(store, { users });
    const holdings = users.map(({ id: userId }, index) => {
      const listing = { exchange: 'NSE', symbol: 'TITAN', tradeDate, reference: `h${index}` };
      return { userId, venue: 'paper', mode: 'paper', ...listing, quantity: LARGEST_MINOR, priceMinor: 1 };
    });
    await store.call('import_holdings', { holdings, nowMs });
    const day = await store.call('read_day', { tradeDate, mode: 'paper' });
    expect(day.held).toMatchObject({ costMinor: LARGEST_MINOR, valueMinor: LARGEST_MINOR });
    expect(day.largest).toMatchObject([{ quantity: LARGEST_MINOR, costMinor: LARGEST_MINOR }]);
    const all = { userId: null, mode: null, after: null, limit: 10 };
    const positions = await store.call('read_positions', all);
    expect(positions.map(({ quantity }) => quantity)).toEqual([LARGEST_MINOR, LARGEST_MINOR]);
  });
});
