import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import type { Answer, Settlement } from '../ports/store.ts';
import type { SubmitOutcome, Venue } from '../ports/venue.ts';
import type { World } from '../ports/world.ts';
import { batched } from './batch.ts';
import { settlementOf } from './outcome.ts';

const BATCH_ORDERS = 200;
/** How long a claim or a mark stands before its holder counts as gone. */
const LEASE_MS = 30_000;
/** A send not started within this time of its mark is abandoned: the lease must outlive every send. */
const SEND_WITHIN_MS = 5_000;

export type ClaimedOrder = Answer<'claim_orders'>[number];

/** Sends every order that may go now, at most `concurrency` at once, and books what the venues say. Gives how many went. */
export async function execute(world: World, concurrency: number): Promise<number> {
  const { store, clock, venues, tell } = world;
  const swept = await store.call('sweep_orders', { nowMs: clock.nowMs(), onlyProcess: false });
  if (swept.expired + swept.lapsed > 0) tell({ step: 'orders_swept', ...swept });
  let sent = 0;
  for (;;) {
    const claimId = randomUUID();
    const claim = { claimId, venues: [...venues.keys()], limit: BATCH_ORDERS, leaseMs: LEASE_MS, nowMs: clock.nowMs() };
    const orders = await store.call('claim_orders', claim);
    if (orders.length === 0) return sent;
    sent += await sendAll(world, claimId, orders, concurrency);
  }
}

async function sendAll(world: World, claimId: string, orders: ClaimedOrder[], concurrency: number): Promise<number> {
  const limit = pLimit(concurrency);
  const mark = batched((batch: ClaimedOrder[]) => markSubmitting(world, claimId, batch), concurrency);
  const settle = settler(world);
  const results = await Promise.allSettled(
    orders.map(async (order) => {
      const outcome = await limit(() => markAndSend(world, mark, order));
      if (!outcome) return false;
      await settle(settlementOf({ ...order, attempts: order.attempts + 1 }, outcome, world.clock.nowMs()));
      tellOutcome(world, order, outcome);
      return true;
    }),
  );
  // Every order gets its turn before a lost database ends the run.
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return results.filter((result) => result.status === 'fulfilled' && result.value).length;
}

/** Write first, then speak: what the database did not mark is not sent. */
async function markAndSend(
  world: World,
  mark: (order: ClaimedOrder) => Promise<boolean>,
  order: ClaimedOrder,
): Promise<SubmitOutcome | null> {
  const askedAtMs = world.clock.nowMs();
  if (!(await mark(order))) return null;
  if (world.clock.nowMs() - askedAtMs > SEND_WITHIN_MS) return { kind: 'not_sent', reason: 'marked_too_long_ago' };
  const venue = venueOf(world, order);
  return submitSafely(venue, order);
}

async function markSubmitting(world: World, claimId: string, batch: ClaimedOrder[]): Promise<boolean[]> {
  const { marked } = await world.store.call('mark_submitting', {
    claimId,
    orderIds: batch.map(({ orderId }) => orderId),
    leaseMs: LEASE_MS,
    nowMs: world.clock.nowMs(),
  });
  const allowed = new Set(marked);
  return batch.map(({ orderId }) => allowed.has(orderId));
}

/** A venue adapter that throws has told us nothing about the order: unknown, never failed. */
export async function submitSafely(venue: Venue, order: ClaimedOrder): Promise<SubmitOutcome> {
  try {
    return await venue.submit(order);
  } catch (error) {
    return { kind: 'unknown', reason: error instanceof Error ? `adapter_error: ${error.message}` : 'adapter_error' };
  }
}

export function venueOf(world: World, order: ClaimedOrder): Venue {
  const venue = world.venues.get(order.venue);
  if (!venue)
    throw new Error(`order ${order.clientOrderId} was claimed for ${order.venue}, a venue this process has not`);
  return venue;
}

/** Books outcomes in batches; each caller waits until its own is written. */
export function settler(world: World): (settlement: Settlement) => Promise<true> {
  return batched(async (outcomes: Settlement[]) => {
    await world.store.call('settle_orders', { outcomes, nowMs: world.clock.nowMs() });
    return outcomes.map(() => true as const);
  }, BATCH_ORDERS);
}

function tellOutcome({ tell }: World, order: ClaimedOrder, outcome: SubmitOutcome): void {
  const { runId, signalId, userId, orderId, clientOrderId, venue } = order;
  tell({ step: 'order_settled', runId, signalId, userId, orderId, clientOrderId, venue, outcome: outcome.kind });
}
