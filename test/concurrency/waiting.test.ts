import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { claim, decideAll, leaseMs, nowMs, openScene, signal, tradeDate, user } from '../contract/support/scene.ts';
import { clientPool } from './client-pool.ts';

const { store, query } = clientPool(4);

const people = (name: string, count: number) => Array.from({ length: count }, (_, n) => user(`${name}-${n}`));

/** Opens and decides a run of its own: one order for each of so many users. */
async function waitingOrders(name: string, count: number): Promise<void> {
  const runId = `XNSE:${tradeDate}:open:paper:${name}`;
  await decideAll(await openScene(store, { runId, users: people(name, count), signals: [signal(name.toUpperCase())] }));
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

test('a halt that comes while a mark waits for its venue’s rate is heard', async () => {
  await waitingOrders('halted', 1);
  const orderIds = (await claim(store, 'halted')).map(({ orderId }) => orderId);
  expect(orderIds).toHaveLength(1);
  await query('begin');
  await query("select pg_advisory_xact_lock(hashtextextended('rate paper', 0))");
  const venue = { perSecond: 10, perMinute: 100, perDay: 1000 };
  const args = { claimId: 'halted', markId: 'm1', orderIds, leaseMs, nowMs };
  const marking = store.call('mark_submitting', { ...args, budgets: { paper: { account: null, venue } } });
  await untilTheyWait(1);
  await store.call('halt', { scope: 'all', target: '', why: 'test', by: { who: 'somebody', how: 'cli' }, nowMs });
  await query('commit');
  expect(await marking).toMatchObject({ marked: [], waiting: [] });
  await store.call('resume', { scope: 'all', target: '', why: 'test', by: { who: 'somebody', how: 'cli' }, nowMs });
  expect((await claim(store, 'after it')).map(({ orderId }) => orderId)).toEqual(orderIds);
  await store.call('release_orders', { claimId: 'after it', orderIds });
});

test('a claim that runs twice at once, since its first call was thought lost, gives both batches', async () => {
  await waitingOrders('twice', 10);
  await query('begin');
  await query('lock table core.claims in share row exclusive mode');
  const calls = [claim(store, 'twice', { limit: 3 }), claim(store, 'twice', { limit: 3 })];
  await untilTheyWait(2);
  await query('commit');
  const claimedIds = (await Promise.all(calls)).flat().map(({ orderId }) => orderId);
  const held = await query("select id from public.orders where claim_id = 'twice' order by id");
  expect(new Set(claimedIds)).toEqual(new Set(held.map(({ id }) => Number(id))));
});
