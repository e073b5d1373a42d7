import { expect, test } from 'vitest';
import { INR } from '../../../src/domain/currency.ts';
import { formatMinor } from '../../../src/domain/money.ts';
import { minuteMs, nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { apiRunId, placeSingleOrders } from '../support/single-orders.ts';
import {
  acceptAll,
  accepted,
  cutOffMs,
  decideAll,
  fill,
  openTestRun,
  sendAll,
  sendOne,
  settle,
  settlement,
  undecided,
} from '../support/test-run.ts';

// The cap of a symbol is on what is open or was bought of it, over all users and runs of a day.
onEveryDatabase('the symbol cap', ({ store, session, value, breaks }) => {
  const stored = (runId: string) =>
    session.query(
      `select outcome, reason, limit_value as "limit", actual_value as actual from public.decisions
       where run_id = $1 order by position, queue_position`,
      [runId],
    );
  const denied = (reason: string, limit: string, actual: string) => ({ outcome: 'denied', reason, limit, actual });
  const yes = { outcome: 'accepted', reason: null, limit: null, actual: null };

  test('keeps the cap of a symbol over all users and runs of the day', async () => {
    const users = ['asha', 'ravi', 'meera'].map((id) => user(id));
    const capped = { limits: { symbolCapMinor: 2500_00 }, users };
    const testRun = await openTestRun(store, capped);
    await acceptAll(testRun);
    expect(await stored(testRun.runId)).toEqual([yes, yes, denied('symbol_cap', '2500.00', '3000.00')]);
    const more = await openTestRun(store, {
      ...capped,
      runId: 'more',
      signals: [signal('TITAN', { strategy: 'other' })],
      users: [user('dev')],
    });
    await acceptAll(more);
    expect(await stored('more')).toEqual([denied('symbol_cap', '2500.00', '3000.00')]);
  });

  /** Orders to buy TITAN of the day, in runs of their own: what became of them says what they count towards the cap. */
  const ended = async (name: string, ends: (orderId: number) => unknown) => {
    const signals = [signal('TITAN', { strategy: name })];
    const testRun = await openTestRun(store, {
      runId: name,
      signals,
      users: [user(name)],
      limits: { symbolCapMinor: 1000_00 },
    });
    await decideAll(testRun);
    await ends((await sendOne(store, name)).orderId);
  };
  const decideUnder = async (symbolCapMinor: number) => {
    const signals = [signal('TITAN', { strategy: 'asked' })];
    const testRun = await openTestRun(store, {
      runId: 'asked',
      signals,
      users: [user('dev')],
      limits: { symbolCapMinor },
    });
    await acceptAll(testRun);
    return stored('asked');
  };

  test.each<[string, number, (orderId: number) => unknown]>([
    ['refused by its venue counts nothing', 0, (id) => settle(store, [settlement(id, 'rejected')])],
    ['canceled unfilled counts nothing', 0, (id) => settle(store, [settlement(id, 'canceled')])],
    ['still open counts all of it', 1000_00, () => null],
    [
      'filled counts what it was bought for',
      998_00,
      (id) => settle(store, [settlement(id, 'filled', { fills: [fill('f', 10, 99_80)] })]),
    ],
    [
      'canceled after a part counts that part',
      399_00,
      (id) => settle(store, [settlement(id, 'canceled', { fills: [fill('f', 4, 99_75)] })]),
    ],
    [
      'open after a part counts all of it',
      1000_00,
      (id) => settle(store, [settlement(id, 'partially_filled', { fills: [fill('f', 4, 99_75)] })]),
    ],
  ])('an order that is %s towards the cap', async (_what, countedMinor, ends) => {
    await ended('asha', ends);
    const all = countedMinor + 1000_00;
    const inputs = { mode: 'paper', tradeDate, runId: 'next' };
    expect((await store.call('read_inputs', inputs)).symbolExposure).toEqual({ TITAN: countedMinor });
    expect(await decideUnder(all - 1)).toEqual([
      denied('symbol_cap', formatMinor(all - 1, INR), formatMinor(all, INR)),
    ]);
    await session.exec("update public.orders set side = 'SELL'");
    expect((await store.call('read_inputs', inputs)).symbolExposure).toEqual({});
    await session.exec("update public.orders set side = 'BUY'");
  });

  test('an order that was never sent gives its share of the cap back', async () => {
    await acceptAll(await openTestRun(store, { runId: 'asha', users: [user('asha')] }));
    await store.call('decide_run', { runId: 'asha', nowMs });
    await store.call('sweep_orders', { nowMs: cutOffMs + 3 * minuteMs, onlyProcess: false });
    expect(await decideUnder(1000_00)).toEqual([yes]);
  });

  const rule = 'no more of a share is bought in a day than its cap';
  const correct = (orderId: number, quantity: number) => {
    const named = { order: String(orderId), fill: 'f', quantity, priceMinor: null };
    return store.call('correct_fill', { ...named, by: { ...tester, why: 'the contract note' }, nowMs });
  };
  const overfilled = (id: number, quantity: number, priceMinor = 100_00) =>
    settle(store, [settlement(id, 'filled', { fills: [fill('f', 10), fill('more', quantity, priceMinor)] })]);

  // After each test check_books is asked what is wrong: nothing, but what somebody was told of.
  test.each<[string, number, (orderId: number) => unknown, (orderId: number) => unknown]>([
    [
      'was filled for less than it was decided at',
      1998_00,
      (id) => settle(store, [settlement(id, 'filled', { fills: [fill('f', 10, 99_80)] })]),
      () => null,
    ],
    [
      'is filled late, when others have had its share',
      1000_00,
      (id) => settle(store, [settlement(id, 'canceled')]),
      (id) => settle(store, [settlement(id, 'canceled', { fills: [fill('f', 10)] })]),
    ],
    [
      'is filled at its limit',
      2000_00,
      () => null,
      (id) => settle(store, [settlement(id, 'filled', { fills: [fill('f', 10, 100_50)] })]),
    ],
    ['is filled with more than it asked for', 2000_00, () => null, (id) => overfilled(id, 5)],
    ['is filled beyond its limit', 2000_00, () => null, (id) => overfilled(id, 5, 102_00)],
    [
      'is corrected to what it was told first, when others have had the difference',
      1400_00,
      async (id) => {
        await settle(store, [settlement(id, 'filled', { fills: [fill('f', 10)] })]);
        await correct(id, 4);
      },
      (id) => correct(id, 10),
    ],
  ])('an order that %s breaks nobody’s cap', async (_what, capMinor, before, after) => {
    let order = 0;
    await ended('asha', async (id) => {
      order = id;
      await before(id);
    });
    expect(await decideUnder(capMinor)).toEqual([yes]);
    await after(order);
    expect(await store.call('check_books', {})).not.toContainEqual(expect.objectContaining({ rule }));
  });

  test('an order beyond the cap it was accepted under is found, whatever the cap of others was', async () => {
    breaks(rule);
    await acceptAll(
      await openTestRun(store, { runId: 'asha', users: [user('asha')], limits: { symbolCapMinor: 5000_00 } }),
    );
    expect(await decideUnder(2000_00)).toEqual([yes]);
    await session.exec(
      `update public.scan_runs set limits = limits || '{"symbolCapMinor": 199999}' where id = 'asked'`,
    );
    expect(await store.call('check_books', {})).toContainEqual(
      expect.objectContaining({ rule, ours: '2000.00', should: 'at most 1999.99', leftToAPerson: false }),
    );
  });

  test('a lower cap is on what is asked for under it, not on what was accepted before', async () => {
    await openTestRun(store, { users: [user('asha'), user('ravi')] });
    const under = async (userId: string, symbolCapMinor: number) => {
      const [placed] = await placeSingleOrders(store, [{ userId, symbol: 'TITAN' }], nowMs, { symbolCapMinor });
      return placed;
    };
    expect(await under('asha', 100_00)).toMatchObject({ outcome: 'accepted' });
    expect(await under('ravi', 50_00)).toMatchObject({ reason: 'symbol_cap', limit: '50.00', actual: '200.00' });
    expect(await value(`select limits ->> 'symbolCapMinor' from public.scan_runs where id = $1`, [apiRunId])).toBe(
      '5000',
    );
  });

  test('a single order counts at the limit it names above the quote, until it has ended', async () => {
    const users = ['asha', 'ravi', 'meera', 'dev'];
    await openTestRun(store, { users: users.map((id) => user(id)) });
    const place = (userIds: string[], symbolCapMinor: number, limitPriceMinor: number) => {
      const orders = userIds.map((userId) => ({ userId, symbol: 'TITAN', limitPriceMinor }));
      return placeSingleOrders(store, orders, nowMs, { symbolCapMinor });
    };
    const used = async () => (await store.call('read_inputs', { mode: 'paper', tradeDate, runId: '' })).symbolExposure;
    expect(await place(['asha', 'ravi'], 239_99, 120_00)).toMatchObject([
      { outcome: 'accepted' },
      { reason: 'symbol_cap', limit: '239.99', actual: '240.00' },
    ]);
    expect(await used()).toEqual({ TITAN: 120_00 });
    expect(await place(['meera'], 220_00, 90_00)).toMatchObject([{ outcome: 'accepted' }]);
    expect(await used()).toEqual({ TITAN: 220_00 });
    const orderId = await value("select id::int from public.orders where user_id = 'asha'");
    await sendAll(store);
    await settle(store, [settlement(Number(orderId), 'filled', { fills: [fill('f', 1, 101_00)] })]);
    expect(await used()).toEqual({ TITAN: 201_00 });
    expect(await place(['dev'], 320_99, 120_00)).toMatchObject([{ reason: 'symbol_cap', actual: '321.00' }]);
  });

  test('who does not fit under the cap, or is refused for something else, takes nothing of it from those behind', async () => {
    const users = ['large', 'poor', 'small', 'last'].map((id, index) => user(id, { priority: index + 1 }));
    const testRun = await openTestRun(store, { users, limits: { symbolCapMinor: 1000_00 } });
    const page = await undecided(testRun);
    const quantities: Record<string, number> = { large: 11, poor: 5, small: 6, last: 5 };
    const decisions = page.map((account) => {
      const size = { quantity: quantities[account.settings.id] ?? 0 };
      return accepted(testRun, account, signal('TITAN'), size);
    });
    await session.exec("update public.accounts set cash_minor = 500 where user_id = 'poor'");
    await session.exec(`insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, at)
      select id, 'adjustment', 500 - capital_minor, 0, now() from public.accounts where user_id = 'poor'`);
    await store.call('accept_page', { runId: testRun.runId, nowMs, decisions });
    expect(await stored(testRun.runId)).toEqual([
      denied('symbol_cap', '1000.00', '1100.00'),
      denied('insufficient_funds', '5.00', formatMinor(decisions[1]?.holdMinor ?? 0, INR)),
      yes,
      denied('symbol_cap', '1000.00', '1100.00'),
    ]);
  });

  test('keeps the cap when pages are accepted at the same time', async () => {
    const users = Array.from({ length: 12 }, (_, n) => user(`user-${n}`));
    const testRun = await openTestRun(store, { users, limits: { symbolCapMinor: 5500_00 } });
    const page = await undecided(testRun);
    const decisions = page.map((account) => accepted(testRun, account, signal('TITAN')));
    const pages = [0, 3, 6, 9].map((from) => decisions.slice(from, from + 3));
    await Promise.all(
      pages.map((decisions) => store.call('accept_page', { runId: testRun.runId, nowMs, decisions: decisions })),
    );
    expect(await value('select count(*)::int from public.orders')).toBe(5);
  });
});
