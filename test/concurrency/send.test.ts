import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Settlement } from '../../src/ports/store/orders.ts';
import { decideAll, fill, openTestRun, sendOne, settle, settlement, take } from '../contract/support/test-run.ts';
import { minuteMs, nowMs, signal, tradeDate, user } from '../support/builders.ts';
import { chunks, clientPool, shuffled } from './client-pool.ts';

const { store, query } = clientPool(16);

const people = (name: string, count: number) => Array.from({ length: count }, (_, n) => user(`${name}-${n}`));

test('8 takers on 2000 orders take each once', async () => {
  const signals = ['C1', 'C2', 'C3', 'C4'].map((symbol, index) => signal(symbol, { rank: index + 1 }));
  await decideAll(
    await openTestRun(store, { runId: `XNSE:${tradeDate}:open:paper:claims`, users: people('c', 500), signals }),
  );
  const marked: number[] = [];
  await Promise.all(
    Array.from({ length: 8 }, async (_, taker) => {
      for (let round = 0; ; round += 1) {
        const markId = `taker-${taker}-${round}`;
        // A lost answer: the same mark again, even at the same moment, gives the same orders.
        const [orders, again] = await Promise.all([
          take(store, markId, { limit: 37 }),
          take(store, markId, { limit: 37 }),
        ]);
        if (orders.length === 0) return;
        expect(again).toEqual(orders);
        marked.push(...orders.map(({ orderId }) => orderId));
      }
    }),
  );
  expect(marked).toHaveLength(2000);
  expect(new Set(marked).size).toBe(2000);
  await settle(
    store,
    marked.map((orderId) => settlement(orderId, 'rejected')),
  );
});

test('takes, settlements, late fills, breaker, sweep and resolutions at once neither deadlock nor lose a paisa', async () => {
  const signals = ['M1', 'M2', 'M3', 'M4', 'M5'].map((symbol, index) => signal(symbol, { rank: index + 1 }));
  const runId = `XNSE:${tradeDate}:open:paper:mess`;
  await decideAll(await openTestRun(store, { runId, users: people('m', 60), signals }));
  const sent: number[] = [];
  await Promise.all([
    ...Array.from({ length: 6 }, async (_, n) => {
      for (let round = 0; round < 5; round += 1) {
        const marked = (await take(store, `mess-${n}-${round}`, { limit: 8 })).map(({ orderId }) => orderId);
        sent.push(...marked);
        await settle(store, shuffled(marked, n).map(firstAnswer));
        await store.call('trip_breakers', { judgeId: `mess-${n}-${round}`, orderIds: marked, nowMs });
      }
    }),
    ...Array.from({ length: 3 }, async () => {
      for (let round = 0; round < 8; round += 1) {
        await store.call('sweep_orders', { nowMs: nowMs + round * 3 * minuteMs, onlyProcess: false });
        await store.call('finish_runs', { nowMs });
      }
    }),
  ]);
  // The truth of each arrives from several sides at once, late for most.
  await Promise.all(
    Array.from({ length: 6 }, async (_, n) => {
      for (const part of chunks(shuffled(sent, n), 11)) await settle(store, part.map(bookAnswer));
      for (const orderId of shuffled(sent, n + 6).slice(0, 40)) await resolve(orderId);
    }),
  );
  const booked = await query(
    `select f.order_id::int as id, sum(f.quantity)::int as quantity from public.fills f
     join public.orders o on o.id = f.order_id where o.run_id = $1 group by 1`,
    [runId],
  );
  const reported = sent.map((id): [number, number] => [
    id,
    quantityOf([...firstAnswer(id).fills, ...bookAnswer(id).fills]),
  ]);
  expect(new Map(booked.map(({ id, quantity }) => [Number(id), Number(quantity)]))).toEqual(
    new Map(reported.filter(([, quantity]) => quantity > 0).toSorted(([a], [b]) => a - b)),
  );
});

test('a lookup that froze and ends without an answer does not stop the lookups of an order another one found open', async () => {
  await decideAll(await openTestRun(store, { runId: `XNSE:${tradeDate}:open:paper:frozen`, users: people('f', 1) }));
  const { orderId } = await sendOne(store, 'frozen');
  const nextLookupMs = nowMs + minuteMs;
  await settle(store, [settlement(orderId, 'unknown', { reason: 'timeout', nextLookupMs: nowMs })]);
  await settle(store, [settlement(orderId, 'working', { venueOrderId: 'V1', nextLookupMs })]);
  // The frozen one looked for the last time in its count, so it asks for no further look.
  await settle(store, [settlement(orderId, 'unknown', { reason: 'timeout' })]);
  const rows = await query('select status, core.ms(next_lookup_at)::text as next from public.orders where id = $1', [
    orderId,
  ]);
  expect(rows).toEqual([{ status: 'working', next: String(nextLookupMs) }]);
  await settle(store, [settlement(orderId, 'filled', { fills: [fill('V1-1', 10)] })]);
});

test('a fill that is booked while a person names the same one counts once', async () => {
  await decideAll(await openTestRun(store, { runId: `XNSE:${tradeDate}:open:paper:words`, users: people('w', 1) }));
  const { orderId } = await sendOne(store, 'words');
  await settle(store, [settlement(orderId, 'unknown', { reason: 'timeout' })]);
  // A lock of ours holds both back, the venue's word first.
  await query('begin');
  await query("update public.accounts set held_minor = held_minor where user_id = 'w-0'");
  const settling = settle(store, [settlement(orderId, 'filled', { fills: [fill('w-1', 10)] })]);
  await waitingCalls(1);
  const named = resolve(orderId, 'filled');
  await waitingCalls(2);
  await query('commit');
  await Promise.all([settling, named]);
  const rows = await query('select filled_quantity::int as filled from public.orders where id = $1', [orderId]);
  expect(rows).toEqual([{ filled: 10 }]);
});

/** Waits until so many calls stand before a lock. */
async function waitingCalls(count: number): Promise<void> {
  for (let round = 0; round < 500; round += 1) {
    // Inside a transaction the view would go on showing what it showed first.
    await query('select pg_stat_clear_snapshot()');
    const [row] = await query(`select count(*)::int as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`);
    if (Number(row?.['n']) >= count) return;
    await pause(10);
  }
}

/** A fill that is told twice counts once. */
function quantityOf(fills: Settlement['fills']): number {
  const byId = new Map(fills.map(({ venueFillId, quantity }) => [venueFillId, quantity]));
  return [...byId.values()].reduce((sum, quantity) => sum + quantity, 0);
}

/** What the venue said at first: a third each of trouble, a part, and an end. */
function firstAnswer(orderId: number): Settlement {
  if (orderId % 3 === 0) return settlement(orderId, 'unknown', { reason: 'timeout' });
  if (orderId % 3 === 1) return settlement(orderId, 'partially_filled', { fills: [fill(`${orderId}-a`, 4)] });
  return settlement(orderId, orderId % 2 === 0 ? 'canceled' : 'rejected');
}

/** What its book says in the end, whatever was said before. */
function bookAnswer(orderId: number): Settlement {
  const fills = [fill(`${orderId}-a`, 4), fill(`${orderId}-b`, 6)];
  if (orderId % 4 === 0) return settlement(orderId, 'canceled', { fills: fills.slice(0, 1) });
  return orderId % 5 === 0 ? settlement(orderId, 'rejected') : settlement(orderId, 'filled', { fills });
}

async function resolve(orderId: number, as: 'rejected' | 'filled' = 'rejected'): Promise<void> {
  const priceMinor = as === 'filled' ? 100_00 : null;
  await store.call('resolve_order', {
    order: String(orderId),
    as,
    quantity: null,
    priceMinor,
    by: { who: 'test', how: 'cli' },
    nowMs,
  });
}
