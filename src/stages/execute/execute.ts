// Sends orders: claims, marks and submits each one, then settles what the venue answered.
import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import { batched } from '../../concurrency/batch.ts';
import { type TaskPool, taskPool } from '../../concurrency/task-pool.ts';
import { untrustedText } from '../../domain/text/secrets.ts';
import { DatabaseError } from '../../ports/database.ts';
import type { Deps, VenuesWith } from '../../ports/deps.ts';
import type { ClaimedOrder } from '../../ports/store/orders.ts';
import type { CallOptions } from '../../ports/store/store.ts';
import type { OrderToStart, RateBudget, SubmitOutcome } from '../../ports/venue.ts';
import { inHalves } from '../in-halves.ts';
import { stopped } from '../until-stopped.ts';
import { isTrouble, judgeOf } from './breakers.ts';
import type { ExecuteDeps, OrderVenue } from './deps.ts';
import { type Shares, sharesOf } from './fair-shares.ts';
import { type ClaimHeld, heartbeat, LEASE_MS } from './heartbeat.ts';
import { settlementOf } from './outcome.ts';
import { booker } from './settle.ts';
import { sweep } from './sweep.ts';

const ORDER_BATCH_SIZE = 500;
/** While some are at their venues and nothing may be claimed: how soon it looks again. */
const RECHECK_MS = 250;
/** Claimed beyond what is being sent, so that a fast venue is not kept waiting for claims. */
const CLAIM_AHEAD = 100;
/** A send not started within this time of its mark is abandoned: the lease must outlive every send. */
export const SEND_WITHIN_MS = 5_000;

/**
 * Sends every order that may go now, at most `concurrency` at once, and books what the venues say. Gives how many went.
 * It claims at most what the next moments can send, so that other processes get their share. After `stop` it claims
 * and marks nothing more, finishes what is with a venue and hands the rest back. It tries at most `most` orders.
 */
export async function execute(
  deps: ExecuteDeps,
  concurrency: number,
  stop?: AbortSignal,
  maxOrders = Number.POSITIVE_INFINITY,
): Promise<number> {
  await sweep(deps);
  const alive = heartbeat<Held>(deps);
  const shares = sharesOf(deps, concurrency);
  const send = sender(deps, { concurrency, shares, stop });
  // Those that were handed back for their rate are not counted as tried.
  let tried = 0;
  const pool = taskPool(async (order: Held) => {
    shares.claimed(order);
    const sent = await alive.during(order, () => send(order)).finally(() => shares.released(order));
    if (sent === 'waits') tried -= 1;
    return sent === 'sent';
  });
  try {
    for (;;) {
      const room = Math.max(concurrency * 2, CLAIM_AHEAD) - pool.underWay();
      const mayClaim = !stop?.aborted && room >= concurrency && tried < maxOrders;
      const orders = mayClaim ? await claim(deps, shares, Math.min(room, ORDER_BATCH_SIZE, maxOrders - tried)) : [];
      tried += orders.length;
      for (const order of orders) pool.start(order);
      const pace = { isBusy: orders.length > 0 || room < concurrency, concurrency, stop };
      const goesOn = await waitForRoom(deps, pool, shares, pace);
      if (!goesOn || (pool.underWay() === 0 && tried >= maxOrders)) return await pool.ended();
    }
  } finally {
    alive.stop();
  }
}

interface Pace {
  /** There was something to claim, or no room for it. */
  isBusy: boolean;
  concurrency: number;
  stop: AbortSignal | undefined;
}

/**
 * Waits until more may be claimed; false: nothing is left to wait for. With nothing to claim it waits for all that are at
 * their venues, since one that was proven not sent may be claimed again, but not for long: who hangs makes nobody else
 * wait. (On a clock that is set nothing beats: there it waits for all.)
 */
async function waitForRoom(
  { clock }: Deps<'clock'>,
  pool: TaskPool<Held>,
  shares: Shares,
  { isBusy, concurrency, stop }: Pace,
): Promise<boolean> {
  const waitMs = shares.nextTurnMs();
  if (pool.underWay() === 0) {
    if (waitMs === null || stop?.aborted) return false;
    await Promise.race([clock.sleep(waitMs), stopped(stop)]);
  } else if (isBusy) await pool.atMost(concurrency);
  else {
    const pauseMs = Math.min(waitMs ?? RECHECK_MS, RECHECK_MS);
    const again = Promise.withResolvers<void>();
    const stopBeat = clock.every(pauseMs, again.resolve);
    await Promise.race([pool.atMost(0), again.promise]).finally(stopBeat);
  }
  return true;
}

type Held = ClaimedOrder & ClaimHeld;

async function claim({ store, clock }: ExecuteDeps, shares: Shares, limit: number): Promise<Held[]> {
  const { perAccount } = shares;
  const claimId = randomUUID();
  const args = { claimId, venues: shares.venues(), held: shares.held(), perAccount, limit, leaseMs: LEASE_MS };
  const orders = await store.call('claim_orders', { ...args, nowMs: clock.nowMs() });
  return orders.map((order) => ({ ...order, claimId: args.claimId }));
}

interface Sending {
  concurrency: number;
  shares: Shares;
  stop: AbortSignal | undefined;
}

/** One claimed order from its mark to its settlement; `waits` for its rate, or `kept` where it may not go (now). */
function sender(deps: ExecuteDeps, sending: Sending): (order: Held) => Promise<'sent' | 'waits' | 'kept'> {
  const { concurrency, shares, stop } = sending;
  const limit = pLimit(concurrency);
  const mark = marker(deps, concurrency, stop);
  const settle = booker(deps);
  const judge = judgeOf(deps);
  const settleAndJudge = async (order: Held, outcome: Sent): Promise<void> => {
    const tried = { ...order, attempts: order.attempts + 1 };
    const booked = await settle(tried, settlementOf(tried, outcome, deps.clock.nowMs()));
    if (!booked) return;
    emitOutcome(deps, order, outcome);
    if (isTrouble(booked) || outcome.isProbe) await judge(order.orderId);
  };
  return async (order) => {
    const outcome = await limit(async () => {
      const answer = await markAndSend(deps, mark, order);
      if (answer?.kind !== 'unknown' && answer?.kind !== 'not_sent') return answer;
      // Trouble keeps its slot until it is judged: what fails at once must not run through all that waits.
      await settleAndJudge(order, answer);
      return 'judged';
    });
    if (!outcome) return 'kept';
    if (outcome === 'judged') return 'sent';
    if (outcome.kind === 'wait') {
      // Handed back, without its slot or its place among the claimed: others go on meanwhile.
      shares.mustWait(order, outcome.waitMs, outcome.isVenue);
      return 'waits';
    }
    await settleAndJudge(order, outcome);
    return 'sent';
  };
}

/** Marks what comes together by one call per venue: one whose database row or rate is held up delays no other. */
function marker(deps: ExecuteDeps, batchSize: number, stop: AbortSignal | undefined): (order: Held) => Promise<Marked> {
  const venues = new Map<string, (order: Held) => Promise<Marked>>();
  return (order) => {
    const mark = venues.get(order.venue) ?? batched((batch: Held[]) => markSubmitting(deps, batch, stop), batchSize);
    venues.set(order.venue, mark);
    return mark(order);
  };
}

/** `ms`: how long the venue took, where it was asked. */
type Sent = SubmitOutcome & { ms?: number; isProbe: boolean };

type Waits = { kind: 'wait'; waitMs: number; isVenue: boolean };
type Marked = { kind: 'send'; isProbe: boolean } | Waits | { kind: 'no' };

/** Write first, then speak: what the database did not mark is not sent. */
async function markAndSend(
  deps: ExecuteDeps,
  mark: (order: Held) => Promise<Marked>,
  order: Held,
): Promise<Sent | Waits | null> {
  const requestedAtMs = deps.clock.nowMs();
  const marked = await mark(order);
  if (marked.kind === 'no') return null;
  if (marked.kind === 'wait') return marked;
  const { isProbe } = marked;
  if (deps.clock.nowMs() - requestedAtMs > SEND_WITHIN_MS) {
    return { kind: 'not_sent', reason: 'mark_stale', isProbe };
  }
  const sentAtMs = deps.clock.nowMs();
  const outcome = await submitSafely(venueOf(deps, order), {
    ...order,
    startBeforeMs: startBeforeMs(order, requestedAtMs),
  });
  return { ...outcome, ms: deps.clock.nowMs() - sentAtMs, isProbe };
}

/**
 * One call per claim in the batch (mostly one in all); what takes longer than a call may is halved. Once stopped it hands
 * the orders back instead.
 */
async function markSubmitting(deps: ExecuteDeps, batch: Held[], stop: AbortSignal | undefined): Promise<Marked[]> {
  const verdicts = new Map<number, Marked>();
  for (const claimId of new Set(batch.map((order) => order.claimId))) {
    const orderIds = batch.filter((order) => order.claimId === claimId).map(({ orderId }) => orderId);
    if (stop?.aborted) {
      await deps.store.call('release_orders', { claimId, orderIds });
      continue;
    }
    // One id for the whole batch: after a lost answer its parts are answered with what it marked, and go at once.
    const markId = randomUUID();
    const marked = await inHalves(orderIds, (part, options) => markPart(deps, { claimId, markId }, part, options));
    for (const [index, orderId] of orderIds.entries()) {
      const verdict = marked[index];
      if (verdict instanceof DatabaseError) deps.emit({ type: 'mark_failed', alert: true, orderId, error: verdict });
      else if (verdict) verdicts.set(orderId, verdict);
    }
  }
  return batch.map(({ orderId }) => verdicts.get(orderId) ?? { kind: 'no' });
}

/** One call; a single order is marked as patiently as anything else is asked of the database. */
async function markPart(
  deps: ExecuteDeps,
  ids: { claimId: string; markId: string },
  orderIds: number[],
  options: CallOptions,
): Promise<Marked[]> {
  const { store, clock } = deps;
  const args = {
    ...ids,
    orderIds,
    leaseMs: LEASE_MS,
    nowMs: clock.nowMs(),
    budgets: budgetsOf(deps),
  };
  const isPatient = orderIds.length === 1 && options.repeat !== 'never';
  const answer = await store.call('mark_submitting', args, isPatient ? {} : options);
  const isVenue = answer.venuesWaiting.length > 0;
  return orderIds.map((orderId) => {
    if (answer.marked.includes(orderId)) return { kind: 'send', isProbe: answer.probes.includes(orderId) };
    if (answer.waiting.includes(orderId)) return { kind: 'wait', waitMs: answer.waitMs ?? 100, isVenue };
    return { kind: 'no' };
  });
}

/** The rate budgets of the venues that count how often they are spoken to. */
export function budgetsOf({ venues }: VenuesWith<OrderVenue>): Record<string, RateBudget> {
  const limited = [...venues.values()].flatMap(({ name, capabilities }) => {
    return capabilities.rates === undefined ? [] : [[name, capabilities.rates] as const];
  });
  return Object.fromEntries(limited);
}

/** When an order's request must be on its way: soon after its mark, while its lease surely stands, and in its own time. */
export function startBeforeMs({ sendBeforeMs }: ClaimedOrder, markedAtMs: number): number {
  return Math.min(sendBeforeMs, markedAtMs + SEND_WITHIN_MS);
}

/** A venue adapter that throws has told us nothing about the order: unknown, never failed. */
export async function submitSafely(venue: Pick<OrderVenue, 'submit'>, order: OrderToStart): Promise<SubmitOutcome> {
  try {
    return await venue.submit(order);
  } catch (error) {
    return {
      kind: 'unknown',
      reason: untrustedText(error instanceof Error ? `adapter_error: ${error.message}` : 'adapter_error'),
    };
  }
}

export function venueOf({ venues }: VenuesWith<OrderVenue>, order: ClaimedOrder): OrderVenue {
  const venue = venues.get(order.venue);
  if (!venue)
    throw new Error(`order ${order.clientOrderId} was claimed for ${order.venue}, a venue this process has not`);
  return venue;
}

function emitOutcome({ emit }: Deps<'emit'>, order: ClaimedOrder, { kind, ms }: Sent): void {
  const { runId, signalId, userId, orderId, clientOrderId, venue } = order;
  emit({ type: 'order_settled', runId, signalId, userId, orderId, clientOrderId, venue, outcome: kind, ms });
}
