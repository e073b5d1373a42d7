import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import { othersWords } from '../domain/secrets.ts';
import type { Settlement } from '../ports/arguments.ts';
import { batched } from '../ports/batch.ts';
import type { Answer } from '../ports/store.ts';
import type { OrderToStart, RateBudget, SubmitOutcome, Venue } from '../ports/venue.ts';
import type { World } from '../ports/world.ts';
import { counting } from './counting.ts';
import { type ClaimHeld, heartbeat, LEASE_MS } from './heartbeat.ts';
import { settlementOf } from './outcome.ts';

const BATCH_ORDERS = 500;
/** Claimed beyond what is being sent, so that a fast venue is not kept waiting for claims. */
const CLAIM_AHEAD = 100;
/** A send not started within this time of its mark is abandoned: the lease must outlive every send. */
export const SEND_WITHIN_MS = 5_000;

export type ClaimedOrder = Answer<'claim_orders'>[number];

/**
 * Sends every order that may go now, at most `concurrency` at once, and books what the venues say. Gives how many went.
 * It claims at most what the next moments can send, so that other processes get their share. After `stop` it claims
 * and marks nothing more, finishes what is with a venue and hands the rest back. It tries at most `most` orders.
 */
export async function execute(
  world: World,
  concurrency: number,
  stop?: AbortSignal,
  most = Number.POSITIVE_INFINITY,
): Promise<number> {
  await sweep(world);
  const alive = heartbeat<Held>(world);
  const send = sender(world, concurrency, stop);
  const counter = counting((order: Held) => alive.during(order, () => send(order)));
  let claimed = 0;
  try {
    for (;;) {
      const room = Math.max(concurrency * 2, CLAIM_AHEAD) - counter.underWay();
      const mayClaim = !stop?.aborted && room >= concurrency && claimed < most;
      const orders = mayClaim ? await claim(world, Math.min(room, BATCH_ORDERS, most - claimed)) : [];
      claimed += orders.length;
      for (const order of orders) counter.start(order);
      if (counter.underWay() === 0) return counter.ended();
      // With nothing left to claim, wait for all: one that was proven not sent may be claimed again.
      await counter.atMost(orders.length > 0 || room < concurrency ? concurrency : 0);
    }
  } finally {
    alive.stop();
  }
}

async function sweep({ store, clock, tell }: World): Promise<void> {
  const swept = await store.call('sweep_orders', { nowMs: clock.nowMs(), onlyProcess: false });
  if (swept.expired + swept.lapsed > 0) tell({ step: 'orders_swept', ...swept });
}

type Held = ClaimedOrder & ClaimHeld;

async function claim({ store, venues, clock }: World, limit: number): Promise<Held[]> {
  const asked = { claimId: randomUUID(), venues: [...venues.keys()], limit, leaseMs: LEASE_MS };
  const orders = await store.call('claim_orders', { ...asked, nowMs: clock.nowMs() });
  return orders.map((order) => ({ ...order, claimId: asked.claimId }));
}

/** One claimed order from its mark to its settlement; false where it may not go (now). */
function sender(world: World, concurrency: number, stop: AbortSignal | undefined): (order: Held) => Promise<boolean> {
  const limit = pLimit(concurrency);
  const mark = batched((batch: Held[]) => markSubmitting(world, batch, stop), concurrency);
  const settle = settler(world);
  const turn = async (order: Held): Promise<Sent | null> => {
    for (;;) {
      const outcome = await limit(() => markAndSend(world, mark, order));
      if (outcome?.kind !== 'wait') return outcome;
      // Without its slot, so that other venues' orders go on meanwhile.
      await world.clock.sleep(outcome.waitMs);
    }
  };
  return async (order) => {
    const outcome = await turn(order);
    if (!outcome) return false;
    await settle(settlementOf({ ...order, attempts: order.attempts + 1 }, outcome, world.clock.nowMs()));
    tellOutcome(world, order, outcome);
    return true;
  };
}

/** `ms`: how long the venue took, where it was asked. */
type Sent = SubmitOutcome & { ms?: number };

type Marked = { kind: 'send' } | { kind: 'wait'; waitMs: number } | { kind: 'no' };

/** Write first, then speak: what the database did not mark is not sent. */
async function markAndSend(
  world: World,
  mark: (order: Held) => Promise<Marked>,
  order: Held,
): Promise<Sent | { kind: 'wait'; waitMs: number } | null> {
  const askedAtMs = world.clock.nowMs();
  const marked = await mark(order);
  if (marked.kind === 'no') return null;
  if (marked.kind === 'wait') return marked;
  if (world.clock.nowMs() - askedAtMs > SEND_WITHIN_MS) return { kind: 'not_sent', reason: 'marked_too_long_ago' };
  const sentAtMs = world.clock.nowMs();
  const outcome = await submitSafely(venueOf(world, order), {
    ...order,
    startBeforeMs: startBeforeMs(order, askedAtMs),
  });
  return { ...outcome, ms: world.clock.nowMs() - sentAtMs };
}

/** One call per claim in the batch (mostly one in all). Once stopped it hands the orders back instead. */
async function markSubmitting(world: World, batch: Held[], stop: AbortSignal | undefined): Promise<Marked[]> {
  const verdicts = new Map<number, Marked>();
  for (const claimId of new Set(batch.map((order) => order.claimId))) {
    const orderIds = batch.filter((order) => order.claimId === claimId).map(({ orderId }) => orderId);
    if (stop?.aborted) {
      await world.store.call('release_orders', { claimId, orderIds });
      continue;
    }
    const asked = {
      claimId,
      markId: randomUUID(),
      orderIds,
      leaseMs: LEASE_MS,
      nowMs: world.clock.nowMs(),
      budgets: budgetsOf(world),
    };
    const { marked, waiting, waitMs } = await world.store.call('mark_submitting', asked);
    for (const orderId of marked) verdicts.set(orderId, { kind: 'send' });
    for (const orderId of waiting) verdicts.set(orderId, { kind: 'wait', waitMs: waitMs ?? 100 });
  }
  return batch.map(({ orderId }) => verdicts.get(orderId) ?? { kind: 'no' });
}

/** The rate budgets of the venues that count how often they are spoken to. */
export function budgetsOf({ venues }: World): Record<string, RateBudget> {
  const counting = [...venues.values()].flatMap(({ name, capabilities }) => {
    return capabilities.rates === undefined ? [] : [[name, capabilities.rates] as const];
  });
  return Object.fromEntries(counting);
}

/** When an order's request must be on its way: soon after its mark, while its lease surely stands, and in its own time. */
export function startBeforeMs({ sendBeforeMs }: ClaimedOrder, markedAtMs: number): number {
  return Math.min(sendBeforeMs, markedAtMs + SEND_WITHIN_MS);
}

/** A venue adapter that throws has told us nothing about the order: unknown, never failed. */
export async function submitSafely(venue: Venue, order: OrderToStart): Promise<SubmitOutcome> {
  try {
    return await venue.submit(order);
  } catch (error) {
    return {
      kind: 'unknown',
      reason: othersWords(error instanceof Error ? `adapter_error: ${error.message}` : 'adapter_error'),
    };
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
    const { lateFills } = await world.store.call('settle_orders', { outcomes, nowMs: world.clock.nowMs() });
    for (const clientOrderId of lateFills) world.tell({ step: 'late_fill', alert: true, clientOrderId });
    if (outcomes.some(isTrouble)) await tripBreakers(world);
    return outcomes.map(() => true as const);
  }, BATCH_ORDERS);
}

/** No clear answer, or not even sent: enough of these and the fan-out is stopped. */
function isTrouble({ venueStatus }: Settlement): boolean {
  return venueStatus === 'unknown' || venueStatus === 'queued';
}

async function tripBreakers({ store, clock, tell }: World): Promise<void> {
  const { canceled } = await store.call('trip_breakers', { nowMs: clock.nowMs() });
  if (canceled > 0) tell({ step: 'breaker_opened', alert: true, canceled });
}

function tellOutcome({ tell }: World, order: ClaimedOrder, { kind, ms }: Sent): void {
  const { runId, signalId, userId, orderId, clientOrderId, venue } = order;
  tell({ step: 'order_settled', runId, signalId, userId, orderId, clientOrderId, venue, outcome: kind, ms });
}
