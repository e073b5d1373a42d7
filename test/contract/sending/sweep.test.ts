import { expect, test } from 'vitest';
import { minuteMs, nowMs, tradeDate, user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import {
  acceptAll,
  cutOffMs,
  decideAll,
  fill,
  leaseMs,
  openTestRun,
  sendAll,
  sendOne,
  settle,
  settlement,
  take,
} from '../support/test-run.ts';

onEveryDatabase('sweeping and looking up', ({ store, session, value }) => {
  const sweep = (atMs: number, onlyProcess = false) => store.call('sweep_orders', { nowMs: atMs, onlyProcess });
  const lookups = (claimId: string, change: object = {}) =>
    store.call('claim_lookups', { claimId, venues: ['paper'], limit: 100, leaseMs, nowMs, ...change });
  const statuses = async () =>
    (await session.query('select status, reason from public.orders order by id')).map(({ status, reason }) => [
      status,
      reason,
    ]);
  const soon = { sendBeforeMs: nowMs + minuteMs };

  test('what was not sent in time expires, and its hold is voided', async () => {
    await decideAll(await openTestRun(store, { ...soon, users: [user('asha'), user('ravi')] }));
    expect(await sweep(nowMs + minuteMs - 1)).toEqual({ expired: 0, stopped: 0, lapsed: 0 });
    expect(await sweep(nowMs + minuteMs)).toEqual({ expired: 2, stopped: 0, lapsed: 0 });
    expect(await statuses()).toEqual([
      ['expired', 'not_sent_in_time'],
      ['expired', 'not_sent_in_time'],
    ]);
    expect(await value('select sum(held_minor)::int from public.accounts')).toBe(0);
    expect(await sweep(nowMs + minuteMs)).toEqual({ expired: 0, stopped: 0, lapsed: 0 });
  });

  test('by several at once expires each order once', async () => {
    await decideAll(await openTestRun(store, { ...soon, users: Array.from({ length: 20 }, (_, n) => user(`u${n}`)) }));
    const answers = await Promise.all([1, 2, 3, 4].map(() => sweep(nowMs + minuteMs)));
    expect(answers.reduce((sum, { expired }) => sum + expired, 0)).toBe(20);
  });

  test('orders of a planning run wait for its end', async () => {
    await acceptAll(await openTestRun(store, soon));
    expect(await sweep(nowMs + minuteMs)).toEqual({ expired: 0, stopped: 0, lapsed: 0 });
  });

  test('a planning run is named as abandoned from its cut-off on, until it is decided', async () => {
    const testRun = await openTestRun(store, soon);
    await acceptAll(testRun);
    expect(await sweep(cutOffMs - 1)).toEqual({ expired: 0, stopped: 0, lapsed: 0 });
    const { runId } = testRun;
    expect((await sweep(cutOffMs)).abandoned).toEqual([{ runId, tradeDate }]);
    await store.call('decide_run', { runId, nowMs: cutOffMs });
    expect(await sweep(cutOffMs)).toEqual({ expired: 1, stopped: 0, lapsed: 0 });
  });

  test('a halt that is lifted too late leaves nothing to send', async () => {
    await decideAll(await openTestRun(store, soon));
    const halt = { scope: 'all', target: '', why: 'drill', by: { who: 'me', how: 'cli' }, nowMs } as const;
    await store.call('halt', halt);
    await sweep(nowMs + minuteMs);
    await store.call('resume', halt);
    expect(await take(store, 'm1', { nowMs: nowMs + minuteMs })).toEqual([]);
    expect(await statuses()).toEqual([['expired', 'not_sent_in_time']]);
  });

  test('a send whose lease has lapsed becomes unknown with its hold, and is looked up, never sent', async () => {
    await decideAll(await openTestRun(store));
    const orderIds = (await take(store, 'm1', { leaseMs: -1 })).map(({ orderId }) => orderId);
    const held = await value('select held_minor::int from public.accounts');
    expect(await sweep(nowMs)).toEqual({ expired: 0, stopped: 0, lapsed: 1 });
    expect(await statuses()).toEqual([['unknown', 'sender_lost']]);
    expect(await value('select held_minor::int from public.accounts')).toBe(held);
    expect(await take(store, 'm2')).toEqual([]);
    expect(await take(store, 'm1')).toEqual([]);
    expect((await lookups('l1')).map(({ orderId }) => orderId)).toEqual(orderIds);
  });

  test('the lease is the database clock’s, which business time does not move', async () => {
    await decideAll(await openTestRun(store));
    await sendAll(store);
    expect(await sweep(nowMs + 10 * minuteMs)).toEqual({ expired: 0, stopped: 0, lapsed: 0 });
    const sweepAt = async (clock: string) => {
      const args = JSON.stringify({ nowMs, onlyProcess: false });
      await session.exec(`set daily_scan.now = '${clock}'`);
      try {
        return await value('select public.sweep_orders($1::jsonb)', [args]);
      } finally {
        await session.exec('reset daily_scan.now');
      }
    };
    expect(await sweepAt('2000-01-01T00:00:00Z')).toEqual({ expired: 0, stopped: 0, lapsed: 0 });
    expect(await sweepAt('2100-01-01T00:00:00Z')).toEqual({ expired: 0, stopped: 0, lapsed: 1 });
  });

  test('the only process knows that whoever was sending is gone', async () => {
    await decideAll(await openTestRun(store, { users: [user('asha'), user('ravi')] }));
    await take(store, 'm1', { limit: 1 });
    expect(await sweep(nowMs)).toEqual({ expired: 0, stopped: 0, lapsed: 0 });
    expect(await sweep(nowMs, true)).toEqual({ expired: 0, stopped: 0, lapsed: 1 });
    expect(await statuses()).toEqual([
      ['unknown', 'sender_lost'],
      ['queued', null],
    ]);
    expect(await take(store, 'm2')).toHaveLength(1);
  });

  test('an order is looked up when its pause is over, by one at a time, and again when that one is gone', async () => {
    await decideAll(await openTestRun(store));
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'unknown', { nextLookupMs: nowMs + 2000 })]);
    expect(await lookups('l1', { nowMs: nowMs + 1999 })).toEqual([]);
    const due = { nowMs: nowMs + 2000 };
    const claims = await Promise.all(
      ['l1', 'l2', 'l3'].map((claimId) => lookups(claimId, { ...due, leaseMs: minuteMs })),
    );
    expect(claims.flat()).toHaveLength(1);
    expect(claims.flat()[0]).toMatchObject({ orderId, status: 'unknown', lookups: 1, attempts: 1, halted: null });
    await settle(store, [settlement(orderId, 'unknown', { nextLookupMs: nowMs + 6000 })]);
    expect(await lookups('l4', due)).toEqual([]);
    expect(await lookups('l5', { nowMs: nowMs + 6000, leaseMs: -1 })).toMatchObject([{ lookups: 2 }]);
    expect(await lookups('l6', { nowMs: nowMs + 6000 })).toHaveLength(1);
  });

  test('working and partially filled orders are looked up, ended and handed-over ones are not', async () => {
    await decideAll(await openTestRun(store, { users: ['a', 'b', 'c', 'd', 'e'].map((id) => user(id)) }));
    const [working, partial, ended, handedOver, other] = await sendAll(store);
    const id = (order: { orderId: number } | undefined) => order?.orderId ?? 0;
    await settle(store, [
      settlement(id(working), 'working', { nextLookupMs: nowMs + 1 }),
      settlement(id(partial), 'partially_filled', { nextLookupMs: nowMs, fills: [fill('f1', 1)] }),
      settlement(id(ended), 'rejected', { nextLookupMs: nowMs }),
      settlement(id(handedOver), 'unknown', { nextLookupMs: null }),
    ]);
    const later = await lookups('l1', { nowMs: nowMs + minuteMs });
    expect(later.map(({ orderId }) => orderId).toSorted()).toEqual([id(working), id(partial)].toSorted());
    expect(await value('select status from public.orders where id = $1', [id(other)])).toBe('submitting');
  });

  test('an unknown one that is left to a person stays theirs when an older look comes back without an answer', async () => {
    await decideAll(await openTestRun(store));
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'unknown', { nextLookupMs: nowMs })]);
    const next = () => value('select next_lookup_at from public.orders where id = $1', [orderId]);
    await settle(store, [settlement(orderId, 'unknown', { nextLookupMs: null })]);
    await settle(store, [settlement(orderId, 'unknown', { nextLookupMs: nowMs + minuteMs })]);
    expect(await next()).toBeNull();
    await settle(store, [settlement(orderId, 'working', { nextLookupMs: nowMs + minuteMs })]);
    expect(await next()).not.toBeNull();
  });

  test('only at the venues the caller has, no more than the limit, the longest due first', async () => {
    await decideAll(await openTestRun(store, { users: ['a', 'b', 'c'].map((id) => user(id)) }));
    const orders = await sendAll(store);
    const pauses = [300, 100, 200];
    await settle(
      store,
      orders.map(({ orderId }, index) =>
        settlement(orderId, 'unknown', { nextLookupMs: nowMs + (pauses[index] ?? 0) }),
      ),
    );
    const at = { nowMs: nowMs + minuteMs };
    expect(await lookups('l1', { ...at, venues: ['kite'] })).toEqual([]);
    const order = [];
    for (const claimId of ['l1', 'l2', 'l3']) order.push(...(await lookups(claimId, { ...at, limit: 1 })));
    expect(order.map(({ orderId }) => orderId)).toEqual([orders[1], orders[2], orders[0]].map((one) => one?.orderId));
  });

  test('a halt does not stop looking up, but is told, so that nothing is asked again', async () => {
    await decideAll(await openTestRun(store));
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'unknown', { nextLookupMs: nowMs })]);
    await store.call('halt', { scope: 'venue', target: 'paper', why: 'outage', by: { who: 'me', how: 'cli' }, nowMs });
    expect(await lookups('l1')).toMatchObject([{ orderId, halted: 'outage' }]);
  });
});
