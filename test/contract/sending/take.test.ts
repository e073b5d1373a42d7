import { expect, test } from 'vitest';
import { minuteMs, nowMs, signal, user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import {
  acceptAll,
  cutOffMs,
  decideAll,
  fill,
  leaseMs,
  openTestRun,
  sendOne,
  settle,
  settlement,
  take,
} from '../support/test-run.ts';

onEveryDatabase('take', ({ store, session }) => {
  const users = ['asha', 'ravi', 'meera'].map((id) => user(id));
  const signals = [signal('TITAN'), signal('INFY', { rank: 2 })];
  const halt = (scope: 'all' | 'venue' | 'user', target: string) =>
    store.call('halt', { scope, target, why: 'drill', by: { who: 'me', how: 'cli' }, nowMs });
  const ids = (orders: { orderId: number }[]) => orders.map(({ orderId }) => orderId);
  const row = (orderId: number) =>
    session.query('select status, mark_id, lease_until is null as free, attempts from public.orders where id = $1', [
      orderId,
    ]);

  test('nothing of a run that is still planning', async () => {
    const testRun = await openTestRun(store, { users, signals });
    await acceptAll(testRun);
    expect(await take(store, 'm1')).toEqual([]);
    await store.call('decide_run', { runId: testRun.runId, nowMs });
    expect(await take(store, 'm1')).toHaveLength(6);
  });

  test('the best signal first, then place in the queue, and no more than there are slots', async () => {
    const testRun = await openTestRun(store, { users, signals });
    await decideAll(testRun);
    const batches = [await take(store, 'm1', { limit: 4 }), await take(store, 'm2', { limit: 4 })];
    expect(batches.map((batch) => batch.length)).toEqual([4, 2]);
    expect(batches.flat().map(({ symbol }) => symbol)).toEqual(['TITAN', 'TITAN', 'TITAN', 'INFY', 'INFY', 'INFY']);
    const rows = await session.query('select user_id from public.run_users order by queue_position');
    const queue = rows.map(({ user_id }) => user_id);
    expect(batches.flat().map(({ userId }) => userId)).toEqual([...queue, ...queue]);
  });

  test('an order as the venue needs it, marked and leased to its sender', async () => {
    const testRun = await openTestRun(store, { users: [user('asha', { leverageCenti: 500 })] });
    await decideAll(testRun);
    const [order] = await take(store, 'm1');
    expect(order).toMatchObject({
      runId: testRun.runId,
      signalId: signal('TITAN').id,
      userId: 'asha',
      venue: 'paper',
      exchange: 'NSE',
      symbol: 'TITAN',
      side: 'BUY',
      quantity: 10,
      limitPriceMinor: 100_50,
      product: 'mtf',
      sendBeforeMs: cutOffMs + 2 * minuteMs,
      attempts: 1,
      lookups: 0,
    });
    expect(await row(order?.orderId ?? 0)).toEqual([{ status: 'submitting', mark_id: 'm1', free: false, attempts: 1 }]);
    expect(await take(store, 'm2')).toEqual([]);
  });

  test('the same mark id again is answered the same, counts as one attempt, and takes nothing more', async () => {
    await decideAll(await openTestRun(store, { users, signals }));
    const first = await take(store, 'm1', { limit: 4 });
    expect(await take(store, 'm1', { limit: 4 })).toEqual(first);
    expect(await take(store, 'm1', { limit: 100 })).toEqual(first);
    expect(await row(first[0]?.orderId ?? 0)).toMatchObject([{ attempts: 1 }]);
    const second = await take(store, 'm2');
    expect(second).toHaveLength(2);
    expect(ids(first)).not.toEqual(expect.arrayContaining(ids(second)));
    expect(await take(store, 'm3')).toEqual([]);
  });

  test('what was settled meanwhile is not given again to who asks again', async () => {
    await decideAll(await openTestRun(store, { users }));
    const [first, ...others] = await take(store, 'm1');
    await settle(store, [settlement(first?.orderId ?? 0, 'rejected')]);
    expect(await take(store, 'm1')).toEqual(others);
  });

  test('many at once never get the same order', async () => {
    await decideAll(await openTestRun(store, { users: Array.from({ length: 20 }, (_, n) => user(`u${n}`)), signals }));
    const batches = await Promise.all(Array.from({ length: 8 }, (_, n) => take(store, `m${n}`, { limit: 7 })));
    const all = ids(batches.flat());
    expect(new Set(all).size).toBe(all.length);
    const rest = await take(store, 'rest');
    expect(new Set([...all, ...ids(rest)]).size).toBe(40);
  });

  test('a lapsed mark is taken over by nobody, and its old holder may not send any more', async () => {
    await decideAll(await openTestRun(store));
    const [order] = await take(store, 'slow', { leaseMs: -1 });
    expect(order).toBeDefined();
    expect(await take(store, 'quick')).toEqual([]);
    expect(await take(store, 'slow')).toEqual([]);
    expect(await row(order?.orderId ?? 0)).toMatchObject([{ status: 'submitting', mark_id: 'slow', attempts: 1 }]);
  });

  test('only orders of the venues the caller has', async () => {
    await decideAll(await openTestRun(store));
    expect(await take(store, 'm1', { venues: ['kite', 'alpaca'] })).toEqual([]);
    expect(await take(store, 'm1', { venues: [] })).toEqual([]);
    expect(await take(store, 'm1', { venues: ['kite', 'paper'] })).toHaveLength(1);
  });

  test('nothing past the time it had to be sent by', async () => {
    await decideAll(await openTestRun(store, { sendBeforeMs: nowMs + minuteMs }));
    expect(await take(store, 'late', { nowMs: nowMs + minuteMs })).toEqual([]);
    expect(await take(store, 'm1', { nowMs: nowMs + minuteMs - 1 })).toHaveLength(1);
  });

  test.each([
    ['all', ''],
    ['venue', 'paper'],
    ['user', 'asha'],
  ] as const)('a halt of %s stops it, until it is lifted', async (scope, target) => {
    await decideAll(await openTestRun(store, { users: [user('asha', { venue: 'kite' })] }));
    await halt(scope, target);
    expect(await take(store, 'm1')).toEqual([]);
    await store.call('resume', { scope, target, why: 'over', by: { who: 'me', how: 'cli' }, nowMs });
    expect(await take(store, 'm2')).toHaveLength(1);
  });

  test('one that is repeated after a halt, or past its time, may not go any more', async () => {
    await decideAll(await openTestRun(store, { sendBeforeMs: nowMs + minuteMs }));
    const orders = await take(store, 'm1');
    expect(orders).toHaveLength(1);
    expect(await take(store, 'm1', { nowMs: nowMs + minuteMs })).toEqual([]);
    await halt('all', '');
    expect(await take(store, 'm1')).toEqual([]);
    expect(await row(orders[0]?.orderId ?? 0)).toMatchObject([{ status: 'submitting', attempts: 1 }]);
  });

  test('one user’s halt leaves the others’ orders alone', async () => {
    await decideAll(await openTestRun(store, { users }));
    await halt('user', 'asha');
    expect((await take(store, 'm1')).map(({ userId }) => userId).toSorted()).toEqual(['meera', 'ravi']);
  });

  test('what is proven not sent is queued again, after its pause, and counts its attempts', async () => {
    await decideAll(await openTestRun(store));
    const first = await sendOne(store);
    await settle(store, [
      settlement(first.orderId, 'queued', { reason: 'connection_refused', nextAttemptMs: nowMs + 500 }),
    ]);
    expect(await take(store, 'early', { nowMs: nowMs + 499 })).toEqual([]);
    const [again] = await take(store, 'm2', { nowMs: nowMs + 500 });
    expect(again).toMatchObject({ orderId: first.orderId, clientOrderId: first.clientOrderId, attempts: 2 });
    expect(await row(first.orderId)).toMatchObject([{ status: 'submitting', attempts: 2 }]);
  });

  test('a queued order with a fill is never sent again: it was sent, whatever we were told', async () => {
    await decideAll(await openTestRun(store));
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'queued', { nextAttemptMs: nowMs })]);
    await settle(store, [settlement(orderId, 'working', { fills: [fill('f1', 4)] })]);
    expect(await row(orderId)).toMatchObject([{ status: 'queued' }]);
    expect(await take(store, 'm2')).toEqual([]);
    await store.call('sweep_orders', { nowMs: cutOffMs + 3 * minuteMs, onlyProcess: false });
    expect(await row(orderId)).toMatchObject([{ status: 'expired' }]);
  });

  test('an unknown order is marked to be asked for again by who has leased it, once, and stays unknown', async () => {
    await decideAll(await openTestRun(store, { sendBeforeMs: nowMs + minuteMs }));
    const { orderId } = await sendOne(store);
    const resend = (change: object = {}) =>
      store.call('mark_resend', { orderId, claimId: 'l1', markId: 'r1', leaseMs, nowMs, ...change });
    const refused = { marked: false, waitMs: null };
    expect(await resend()).toEqual(refused);
    await settle(store, [settlement(orderId, 'unknown', { nextLookupMs: nowMs })]);
    const lookup = { claimId: 'l1', venues: ['paper'], limit: 1, leaseMs, nowMs };
    expect(await store.call('claim_lookups', lookup)).toHaveLength(1);
    expect(await resend({ claimId: 'stranger' })).toEqual(refused);
    expect(await resend({ nowMs: nowMs + minuteMs })).toEqual(refused);
    const spent = { paper: { account: { perSecond: 0, perMinute: 9, perDay: 9 }, venue: null } };
    expect(await resend({ budgets: spent })).toEqual({ marked: false, waitMs: 100 });
    expect(await resend()).toEqual({ marked: true, waitMs: null });
    expect(await resend()).toEqual({ marked: true, waitMs: null });
    expect(await row(orderId)).toEqual([{ status: 'unknown', mark_id: 'r1', free: false, attempts: 2 }]);
    await halt('all', '');
    expect(await resend()).toEqual(refused);
    expect(await take(store, 'm2')).toEqual([]);
  });
});
