import { expect, test } from 'vitest';
import { dateIn, marketOfExchange } from '../../../src/domain/market/session.ts';
import { reportPage } from '../../../src/stages/report/report.ts';
import { nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import {
  decideAll,
  fill,
  notAccepted,
  openTestRun,
  sendAll,
  settle,
  settlement,
  undecided,
} from '../support/test-run.ts';

onEveryDatabase('screens', ({ store }) => {
  /** Three users, two signals: TITAN fills for all but one; nobody but the first may open a second position. */
  const played = async () => {
    const signals = [signal('TITAN', { stopLossMinor: 95_00, targetMinor: 110_00 }), signal('INFY', { rank: 2 })];
    const users = ['asha', 'bela', 'chand'].map((id, n) =>
      user(id, { name: `${id} Rao`, priority: n + 1, maxOpenPositions: n === 0 ? null : 1 }),
    );
    const testRun = await openTestRun(store, { signals, users });
    await decideAll(testRun);
    const orders = await sendAll(store);
    const outcomes = orders.map(({ orderId, userId, symbol }) => {
      if (userId === 'chand') return settlement(orderId, 'rejected', { reason: 'venue_rejected', message: 'T2T' });
      return settlement(orderId, 'filled', { venueOrderId: `${userId}-${symbol}`, fills: [fill('f1', 10, 99_90)] });
    });
    await settle(store, outcomes, nowMs + 1500);
    return testRun;
  };

  test('all reasons are counted over everybody, with the first users and what was bought for', async () => {
    const { runId, signals } = await played();
    const facts = await store.call('read_report_reasons', { runId });
    expect(facts?.reasons).toEqual([
      { what: 'denied', reason: 'max_open_positions', count: 2, first: ['bela Rao', 'chand Rao'] },
      { what: 'rejected', reason: 'venue_rejected', count: 1, first: ['chand Rao'] },
    ]);
    expect(facts).toMatchObject({ boughtMinor: 3 * 999_00, soldMinor: 0, missedExits: { count: 0, first: [] } });
    expect(facts?.exits[0]).toEqual({ signalId: signals[0]?.id, stopLossMinor: 95_00, targetMinor: 110_00 });
    expect(await store.call('read_report_reasons', { runId: 'none' })).toBeNull();
  });

  test('pages show every user of a run once, and a status or a user narrows them', async () => {
    const { runId } = await played();
    const page = { after: 0, limit: 2, userId: null, status: null, of: 'all' } as const;
    const first = await reportPage(store, runId, page);
    expect([...(first?.names.keys() ?? [])]).toEqual(['asha', 'bela']);
    expect(first).toMatchObject({ left: 1, report: { totals: { users: 3, denied: 2 } } });
    const rest = await reportPage(store, runId, { ...page, after: first?.last ?? 0 });
    expect([...(rest?.names.keys() ?? []), rest?.left]).toEqual(['chand', 0]);
    const rejected = await reportPage(store, runId, { ...page, status: 'rejected' });
    expect(rejected?.report.orders.map(({ userId, status }) => `${userId} ${status}`)).toEqual(['chand rejected']);
    const one = await reportPage(store, runId, { ...page, userId: 'bela' });
    expect(one?.report.decisions.map(({ userId, symbol, side }) => [userId, symbol, side].join(' '))).toEqual([
      'bela TITAN BUY',
      'bela INFY BUY',
    ]);
  });

  test('runs are found by id, date or the start of either, the newest first', async () => {
    const { runId } = await played();
    const named = async (text: string | null, after: string | null = null) =>
      (await store.call('read_runs', { named: text, after, limit: 5 })).map((run) => `${run.runId} ${run.orders}`);
    expect(await named(tradeDate)).toEqual([`${runId} 4`]);
    expect(await named(runId.slice(0, 12))).toEqual([`${runId} 4`]);
    expect(await named('2025-08-29')).toEqual([]);
    expect(await named(null, runId)).toEqual([]);
  });

  test('positions have cost and the last price, by pages', async () => {
    await played();
    const page = { userId: null, mode: 'paper', after: null, limit: 2 };
    const first = await store.call('read_positions', page);
    expect(
      first.map(({ userId, quantity, costMinor, priceMinor }) => [userId, quantity, costMinor, priceMinor]),
    ).toEqual([
      ['asha', 10, 999_00, 100_00],
      ['asha', 10, 999_00, 100_00],
    ]);
    const next = await store.call('read_positions', { ...page, after: first.at(-1)?.key ?? null });
    expect(next.map(({ userId }) => userId)).toEqual(['bela']);
    expect(await store.call('read_positions', { ...page, userId: 'chand' })).toEqual([]);
  });

  test('the evening page of a currency has its own accounts, holdings and money moved, and no others', async () => {
    await played();
    const dollars = user('asha', { name: 'asha Rao', currency: 'USD', capitalMinor: 2_000_00 });
    const rest = { mode: 'paper', source: 's', nowMs, by: { who: 'me', how: 'cli' } } as const;
    await store.call('import_users', { users: [dollars], ...rest });
    const inRupees = await store.call('read_day', { tradeDate, mode: 'paper' });
    expect(inRupees).toMatchObject({ currency: 'INR', accounts: { count: 3 }, held: { positions: 3 } });
    // Money moves on the day of New York, where it is still the evening before.
    const newYork = dateIn(marketOfExchange('US'), nowMs);
    const inDollars = await store.call('read_day', { tradeDate: newYork, mode: 'paper', currency: 'USD' });
    expect(inDollars).toMatchObject({
      ...{ currency: 'USD', runs: [], orders: { count: 0, boughtMinor: 0 }, held: { positions: 0, valueMinor: 0 } },
      accounts: { count: 1, cashMinor: 2_000_00, depositedMinor: 2_000_00 },
    });
  });

  test('the evening page adds up what all have and did, and a paused user’s missed exit is on it', async () => {
    const { runId } = await played();
    const day = await store.call('read_day', { tradeDate, mode: 'paper' });
    expect(day).toMatchObject({
      runs: [runId],
      accounts: { count: 3, heldMinor: 0 },
      held: { positions: 3, instruments: 2, costMinor: 3 * 999_00, valueMinor: 3 * 1000_00, unpriced: 0 },
      orders: { count: 4, filled: 3, open: 0, boughtMinor: 3 * 999_00, soldMinor: 0 },
      unknownOrders: { count: 0 },
      missedExits: { count: 0 },
    });
    await store.call('set_user', { userId: 'bela', active: false, by: { who: 'me', how: 'cli' } });
    const exit = [signal('TITAN', { side: 'SELL', strategy: 'exit' })];
    const later = { runId: 'XNSE:2025-08-28:close:paper', signals: exit, users: [user('bela', { name: 'bela Rao' })] };
    const testRun = await openTestRun(store, later);
    const decisions = (await undecided(testRun)).flatMap((account) =>
      testRun.signals.map((of) => notAccepted(account, of, 'skipped', 'user_inactive')),
    );
    await store.call('accept_page', { runId: testRun.runId, nowMs, decisions });
    const [missed] = (await store.call('read_day', { tradeDate, mode: 'paper' })).missedExits.first;
    expect(missed).toMatchObject({ userId: 'bela', symbol: 'TITAN', quantity: 10, reason: 'user_inactive' });
    expect(await store.call('read_day', { tradeDate: '2025-08-29', mode: 'live' })).toMatchObject({
      accounts: { count: 0 },
      runs: [],
    });
  });
});
