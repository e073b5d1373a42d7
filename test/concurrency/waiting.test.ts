import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { decideAll, leaseMs, openTestRun, settle, settlement, take } from '../contract/support/test-run.ts';
import { nowMs, signal, tradeDate, user } from '../support/builders.ts';
import { clientPool } from './client-pool.ts';

const { store, query } = clientPool(4);

const people = (name: string, count: number) => Array.from({ length: count }, (_, n) => user(`${name}-${n}`));

/** Opens and decides a run of its own: one order for each of so many users. */
async function waitingOrders(name: string, count: number): Promise<void> {
  const runId = `XNSE:${tradeDate}:open:paper:${name}`;
  await decideAll(
    await openTestRun(store, { runId, users: people(name, count), signals: [signal(name.toUpperCase())] }),
  );
}

/** Until so many calls stand before the lock this test holds. */
async function untilTheyWait(count: number): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    const [row] = await query(`select count(*)::int as n from (select pg_stat_clear_snapshot()) fresh, pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`);
    if (row?.['n'] === count) return;
    await pause(10);
  }
  throw new Error(`${count} calls were to wait`);
}

test('a halt that comes while an unknown order waits to be asked for again is heard', async () => {
  await waitingOrders('halted', 1);
  const [orderId = 0] = (await take(store, 'halted')).map((order) => order.orderId);
  await settle(store, [settlement(orderId, 'unknown', { nextLookupMs: nowMs })]);
  const lookup = { claimId: 'lookup', venues: ['paper'], limit: 1, leaseMs, nowMs };
  expect(await store.call('claim_lookups', lookup)).toMatchObject([{ orderId }]);
  await query('begin');
  await query("select pg_advisory_xact_lock(hashtextextended('rate paper', 0))");
  const venue = { perSecond: 10, perMinute: 100, perDay: 1000 };
  const args = { claimId: 'lookup', markId: 'm1', orderId, leaseMs, nowMs };
  const marking = store.call('mark_resend', { ...args, budgets: { paper: { account: null, venue } } });
  await untilTheyWait(1);
  await store.call('halt', { scope: 'all', target: '', why: 'test', by: { who: 'somebody', how: 'cli' }, nowMs });
  await query('commit');
  expect(await marking).toEqual({ marked: false, waitMs: null });
  await store.call('resume', { scope: 'all', target: '', why: 'test', by: { who: 'somebody', how: 'cli' }, nowMs });
  expect(await store.call('mark_resend', { ...args, markId: 'm2' })).toEqual({ marked: true, waitMs: null });
  await settle(store, [settlement(orderId, 'rejected')]);
});

test('a take leaves the orders of a venue whose rate somebody is counting, and says so', async () => {
  await waitingOrders('counted', 2);
  await query('begin');
  await query("select pg_advisory_xact_lock(hashtextextended('rate paper', 0))");
  const venue = { perSecond: 10, perMinute: 100, perDay: 1000 };
  const args = { venues: ['paper'], limit: 9, leaseMs, nowMs, budgets: { paper: { account: null, venue } } };
  const answer = await store.call('take_orders', { ...args, markId: 'counted-1' });
  expect(answer).toEqual({ orders: [], probes: [], waits: [{ venue: 'paper', accountId: null, waitMs: 100 }] });
  await query('commit');
  const { orders } = await store.call('take_orders', { ...args, markId: 'counted-2' });
  expect(orders).toHaveLength(2);
  await settle(
    store,
    orders.map(({ orderId }) => settlement(orderId, 'rejected')),
  );
});

test('a take that runs twice at once, since its first call was thought lost, marks once and gives the same', async () => {
  await waitingOrders('twice', 10);
  await query('begin');
  await query('lock table core.takes in share row exclusive mode');
  const calls = [take(store, 'twice', { limit: 3 }), take(store, 'twice', { limit: 3 })];
  await untilTheyWait(2);
  await query('commit');
  const [first, second] = await Promise.all(calls);
  expect(first).toHaveLength(3);
  expect(second).toEqual(first);
  const rows = await query("select count(*)::int as n from public.orders where mark_id = 'twice'");
  expect(rows).toEqual([{ n: 3 }]);
});
