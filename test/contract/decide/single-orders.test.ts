import { expect, test } from 'vitest';
import type { Actor } from '../../../src/domain/actions.ts';
import { signalOfRequest } from '../../../src/domain/decision/single-order.ts';
import { minuteMs, nowMs, quote, tradeDate, user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { accepted, cutOffMs, limits, openTestRun, sendOne, settle, settlement } from '../support/test-run.ts';

onEveryDatabase('single orders', ({ store, session, value, breaks }) => {
  const runId = `XNSE:${tradeDate}:api:paper`;
  const listings = [{ exchange: 'NSE', symbol: 'TITAN' }];
  const inputs = (userIds: string[]) =>
    store.call('read_order_inputs', { runId, mode: 'paper', tradeDate, capped: true, userIds, listings });
  const users = ['asha', 'ravi'].map((id) => user(id));

  const request = (key: string, userId = 'asha', by: Actor | null = null) => {
    const order = { userId, exchange: 'NSE', symbol: 'TITAN', side: 'BUY' as const, quantity: 1 };
    const at = { date: tradeDate, quote: quote('TITAN'), nowMs };
    const signal = signalOfRequest({ principal: 'key:1', key }, { ...order, limitPriceMinor: null }, at);
    return { principal: 'key:1', key, bodyHash: 'b1', by, sendBeforeMs: nowMs + 2 * minuteMs, signal, userId };
  };
  const placeOrders = async (requests: ReturnType<typeof request>[], quantity = 1, otherDay = {}) => {
    const { accounts, rates } = await inputs([...new Set(requests.map(({ userId }) => userId))]);
    const testRun = { store, runId, mode: 'paper', signals: [], users: [], rates } as const;
    const decisions = requests.flatMap(({ signal, userId }) => {
      const account = accounts.find(({ settings }) => settings.id === userId);
      return account ? [accepted({ ...testRun, signals: [], users: [] }, account, signal, { quantity })] : [];
    });
    const day = { runId, sessionId: `XNSE:${tradeDate}:api`, tradeDate, mode: 'paper', limits, nowMs, ...otherDay };
    return store.call('place_orders', {
      ...day,
      takesOrdersUntilMs: cutOffMs + 60 * minuteMs,
      quotes: [quote('TITAN')],
      decisions,
      requests,
    });
  };
  const view = { userId: null, status: null, symbol: null, runId: null, beforeId: null, limit: 10 };

  test('what they are decided on is about their users and symbols only', async () => {
    await openTestRun(store, { users });
    const raviInputs = await inputs(['ravi']);
    expect(raviInputs.accounts.map(({ settings }) => settings.id)).toEqual(['ravi']);
    expect(raviInputs).toMatchObject({ halted: null, instruments: [{ symbol: 'TITAN' }], symbolExposure: {} });
    expect(raviInputs.rates.length).toBeGreaterThan(0);
  });

  test('each is accepted once, whatever is asked again', async () => {
    await openTestRun(store, { users });
    const [first] = await placeOrders([request('k1')]);
    expect(first).toMatchObject({ kind: 'decided', fresh: true, outcome: 'accepted' });
    expect(await placeOrders([request('k1')])).toEqual([{ ...first, fresh: false }]);
    expect(await placeOrders([{ ...request('k1'), bodyHash: 'b2' }])).toMatchObject([{ kind: 'other_body' }]);
    const requests = ['k1', 'k2'].map((key) => ({ principal: 'key:1', key, bodyHash: 'b1' }));
    expect(await store.call('read_request_outcomes', { requests })).toEqual([{ ...first, fresh: false }, null]);
    expect(await store.call('read_orders', view)).toHaveLength(1);
  });

  test('what operators placed in one call is an act each, in their order, and the log’s chain holds', async () => {
    await openTestRun(store, { users });
    const by = { who: 'key:ds_op', how: 'http' } as const;
    const requests = [request('k1'), request('k2', 'ravi', by), request('k3', 'ravi', by)];
    expect(await placeOrders(requests)).toMatchObject(requests.map(() => ({ kind: 'decided', fresh: true })));
    const all = { beforeId: null, limit: 10, userId: null, action: 'place_order', sinceMs: null } as const;
    const acts = await store.call('read_actions', all);
    expect(acts.toReversed()).toMatchObject([
      { ...by, userId: 'ravi', after: { outcome: 'accepted' } },
      { ...by, userId: 'ravi', after: { outcome: 'skipped' } },
    ]);
    expect((await store.call('verify_actions', { keptId: null, keptHash: null })).problems).toEqual([]);
  });

  test('a key is used up for good: the next day it answers with the first order, and places none', async () => {
    await openTestRun(store, { users });
    const [first] = await placeOrders([request('k1')]);
    const nextDay = { runId: 'XNSE:2025-08-29:api:paper', tradeDate: '2025-08-29', nowMs: nowMs + 86_400_000 };
    expect(await placeOrders([request('k1')], 1, nextDay)).toEqual([{ ...first, fresh: false }]);
    expect(await store.call('read_orders', view)).toHaveLength(1);
    breaks('a run is opened, decided and done in this order, on its day');
  });

  test('the money is looked at again under the lock, one after another', async () => {
    await openTestRun(store, { users });
    const placed = await placeOrders([request('k1'), request('k2'), request('k3', 'ravi')], 600);
    expect(placed).toMatchObject([
      { outcome: 'accepted' },
      { outcome: 'skipped', reason: 'working_order', order: null },
      { outcome: 'accepted' },
    ]);
  });

  test('each is judged by the limits it is asked under, which are kept with it, and not by those of the first', async () => {
    await openTestRun(store, { users });
    const [first] = await placeOrders([request('k1')], 10);
    expect(first).toMatchObject({ outcome: 'accepted' });
    const capped = { symbolCapMinor: 1500_00 };
    const [second] = await placeOrders([request('k2', 'ravi')], 10, {
      limits: { ...limits, ...capped, breakerMinOrders: 3 },
    });
    expect(second).toMatchObject({ reason: 'symbol_cap', limit: '1500.00', actual: '2000.00' });
    const kept = await session.query('select limits from public.order_requests order by idempotency_key');
    expect(kept).toMatchObject([{ limits }, { limits: { ...limits, ...capped } }]);
    // Breakers judge by the run's own: they follow.
    expect(await value('select limits from public.scan_runs where id = $1', [runId])).toEqual({
      ...limits,
      ...capped,
      breakerMinOrders: 3,
    });
    const [third] = await placeOrders([request('k3', 'ravi')], 10);
    expect(third).toMatchObject({ outcome: 'accepted' });
  });

  test('its run stays open until the exchange closes, and is done then', async () => {
    await openTestRun(store, { users });
    await placeOrders([request('k1')]);
    const order = await sendOne(store);
    await settle(store, [settlement(order.orderId, 'rejected')]);
    expect(await store.call('finish_run', { runId, nowMs })).toMatchObject({ state: 'decided', openOrders: 0 });
    expect(await store.call('finish_runs', { nowMs })).toMatchObject({ finished: 0 });
    const closed = { runId, nowMs: cutOffMs + 60 * minuteMs };
    expect(await store.call('finish_run', closed)).toMatchObject({ state: 'done' });
  });

  test('orders are listed newest first, a page at a time, by user, symbol, status and run', async () => {
    await openTestRun(store, { users });
    await placeOrders([request('k1'), request('k2', 'ravi')]);
    const all = await store.call('read_orders', view);
    expect(all.map(({ userId }) => userId)).toEqual(['ravi', 'asha']);
    const [newest, oldest] = all;
    if (!newest || !oldest) throw new Error('two orders were placed');
    expect(await store.call('read_orders', { ...view, limit: 1 })).toEqual([newest]);
    expect(await store.call('read_orders', { ...view, beforeId: newest.orderId })).toEqual([oldest]);
    expect(await store.call('read_orders', { ...view, userId: 'asha', symbol: 'TITAN', runId })).toEqual([oldest]);
    for (const none of [{ status: 'filled' }, { symbol: 'INFY' }, { runId: 'other' }]) {
      expect(await store.call('read_orders', { ...view, ...none })).toEqual([]);
    }
  });

  test('one order is found by either id, with its history, by its owner only', async () => {
    await openTestRun(store, { users });
    await placeOrders([request('k1')]);
    const [order] = await store.call('read_orders', view);
    if (!order) throw new Error('an order was placed');
    const orderRow = await store.call('read_order', { order: order.clientOrderId, userId: 'asha' });
    expect(orderRow).toMatchObject({ ...order, events: [{ from: null, to: 'queued' }], fills: [] });
    expect(await store.call('read_order', { order: String(order.orderId), userId: null })).toEqual(orderRow);
    expect(await store.call('read_order', { order: order.clientOrderId, userId: 'ravi' })).toBeNull();
    expect(await store.call('read_order', { order: '99999999999999999999', userId: null })).toBeNull();
  });
});
