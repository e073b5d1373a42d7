// Sends orders: takes what there are free slots for, submits each one, then settles what the venue answered.
import { randomUUID } from 'node:crypto';
import { type TaskPool, taskPool } from '../../concurrency/task-pool.ts';
import { untrustedText } from '../../domain/text/secrets.ts';
import { DatabaseError, isClockWrong } from '../../ports/database.ts';
import type { Deps, VenuesWith } from '../../ports/deps.ts';
import type { StoredOrder } from '../../ports/store/orders.ts';
import type { Answer, CallOptions } from '../../ports/store/store.ts';
import type { OrderToStart, RateBudget, SubmitOutcome } from '../../ports/venue.ts';
import { stopped } from '../until-stopped.ts';
import { isTrouble, judgeOf } from './breakers.ts';
import type { ExecuteDeps, OrderVenue } from './deps.ts';
import { type Shares, sharesOf } from './fair-shares.ts';
import { type ClaimHeld, heartbeat, LEASE_MS } from './heartbeat.ts';
import { settlementOf } from './outcome.ts';
import { booker } from './settle.ts';
import { sweep } from './sweep.ts';

const ORDER_BATCH_SIZE = 500;
/** While some are at their venues and nothing may be taken: how soon it looks again. */
const RECHECK_MS = 250;
/** A send not started within this time of its mark is abandoned: the lease must outlive every send. */
export const SEND_WITHIN_MS = 5_000;

/** An order this process has marked as being sent. */
type Taken = StoredOrder & ClaimHeld & { status: 'submitting'; isProbe: boolean; markedAtMs: number };

/**
 * Sends every order that may go now, and books what the venues say. Gives how many went. An order has its slot from its
 * mark until it is settled, so at most `concurrency` can be in doubt at one moment; beside them only those whose account
 * another session holds at their settlement. After `stop` it takes nothing more and finishes what it has taken. It takes
 * at most `maxOrders` orders.
 */
export async function execute(
  deps: ExecuteDeps,
  concurrency: number,
  stop?: AbortSignal,
  maxOrders = Number.POSITIVE_INFINITY,
): Promise<number> {
  await sweep(deps);
  const alive = heartbeat<Taken>(deps);
  const shares = sharesOf(deps, concurrency);
  const send = sender(deps);
  const pool = taskPool(async (order: Taken) => {
    shares.taken(order);
    await alive.during(order, () => send(order)).finally(() => shares.released(order));
    return true;
  });
  try {
    for (let taken = 0; taken < maxOrders && !stop?.aborted; ) {
      const free = Math.min(concurrency - pool.underWay(), atOnce(concurrency), maxOrders - taken);
      const orders = free > 0 ? await take(deps, shares, free) : [];
      taken += orders.length;
      for (const order of orders) pool.start(order);
      const isBusy = orders.length > 0 || free <= 0;
      if (!(await waitForSlot(deps, pool, shares, { isBusy, concurrency, stop }))) break;
    }
    return await pool.ended();
  } finally {
    alive.stop();
  }
}

/** Not all slots in one batch: while some are settled others are taken. */
function atOnce(concurrency: number): number {
  return Math.min(Math.ceil(concurrency / 2), ORDER_BATCH_SIZE);
}

interface Pace {
  /** There was something to take, or no slot for it. */
  isBusy: boolean;
  concurrency: number;
  stop: AbortSignal | undefined;
}

/**
 * Waits until more may be taken; false: nothing is left to wait for. With nothing to take it waits for all that are at
 * their venues, since one that was proven not sent may be taken again, but not for long: who hangs makes nobody else
 * wait. (On a clock that is set nothing beats: there it waits for all.)
 */
async function waitForSlot(
  { clock }: Deps<'clock'>,
  pool: TaskPool<Taken>,
  shares: Shares,
  { isBusy, concurrency, stop }: Pace,
): Promise<boolean> {
  const waitMs = shares.nextTurnMs();
  if (pool.underWay() === 0) {
    if (waitMs === null || stop?.aborted) return false;
    await Promise.race([clock.sleep(waitMs), stopped(stop)]);
  } else if (isBusy) await pool.atMost(concurrency - 1);
  else {
    const pauseMs = Math.min(waitMs ?? RECHECK_MS, RECHECK_MS);
    const again = Promise.withResolvers<void>();
    const stopBeat = clock.every(pauseMs, again.resolve);
    await Promise.race([pool.atMost(0), again.promise]).finally(stopBeat);
  }
  return true;
}

/** Write first, then speak: what the database did not mark is not sent. */
async function take(deps: ExecuteDeps, shares: Shares, limit: number): Promise<Taken[]> {
  const { perAccount } = shares;
  const markId = randomUUID();
  const markedAtMs = deps.clock.nowMs();
  const args = { markId, venues: shares.venues(), held: shares.held(), perAccount, leaseMs: LEASE_MS };
  const answer = await takeUpTo(limit, (most, options) => {
    const now = { limit: most, nowMs: deps.clock.nowMs(), budgets: budgetsOf(deps) };
    return deps.store.call('take_orders', { ...args, ...now }, options);
  });
  if (answer instanceof DatabaseError) {
    deps.emit({ type: 'mark_failed', alert: true, error: answer });
    return [];
  }
  for (const wait of answer.waits) shares.mustWait(wait);
  const probes = new Set(answer.probes);
  return answer.orders.map((order) => {
    const isProbe = probes.has(order.orderId);
    return { ...order, claimId: markId, status: 'submitting', isProbe, markedAtMs };
  });
}

type Take = (most: number, options: CallOptions) => Promise<Answer<'take_orders'>>;

/**
 * What takes longer together than a call may is asked for in halves; at last a single one, as patiently as anything is
 * asked of the database. The same mark id throughout: what an unanswered call has marked is answered by the next.
 * @throws what is not about the orders: the connection is lost, or a clock is wrong
 */
async function takeUpTo(
  most: number,
  ask: Take,
  options: CallOptions = { repeat: 'lost' },
): Promise<Answer<'take_orders'> | DatabaseError> {
  const isPatient = most === 1 && options.repeat !== 'never';
  try {
    return await ask(most, isPatient ? {} : options);
  } catch (error) {
    if (!(error instanceof DatabaseError) || !error.answered || isClockWrong(error)) throw error;
    if (most > 1) return takeUpTo(Math.ceil(most / 2), ask, error.kind === 'lost' ? { repeat: 'never' } : options);
    if (error.kind === 'lost') throw error;
    return error;
  }
}

/** One taken order until it is settled, and judged where its venue was in trouble. */
function sender(deps: ExecuteDeps): (order: Taken) => Promise<void> {
  const settle = booker(deps);
  const judge = judgeOf(deps);
  return async (order) => {
    const outcome = await submit(deps, order);
    const booked = await settle(order, settlementOf(order, outcome, deps.clock.nowMs()));
    if (!booked) return;
    emitOutcome(deps, order, outcome);
    // It keeps its slot until it is judged: what fails at once must not run through all that waits.
    if (isTrouble(booked) || order.isProbe) await judge(order.orderId);
  };
}

/** `ms`: how long the venue took, where it was asked. */
type Sent = SubmitOutcome & { ms?: number };

async function submit(deps: ExecuteDeps, order: Taken): Promise<Sent> {
  const sentAtMs = deps.clock.nowMs();
  if (sentAtMs - order.markedAtMs > SEND_WITHIN_MS) return { kind: 'not_sent', reason: 'mark_stale' };
  const request = { ...order, startBeforeMs: startBeforeMs(order, order.markedAtMs) };
  const outcome = await submitSafely(venueOf(deps, order), request);
  return { ...outcome, ms: deps.clock.nowMs() - sentAtMs };
}

/** The rate budgets of the venues that count how often they are spoken to. */
export function budgetsOf({ venues }: VenuesWith<OrderVenue>): Record<string, RateBudget> {
  const limited = [...venues.values()].flatMap(({ name, capabilities }) => {
    return capabilities.rates === undefined ? [] : [[name, capabilities.rates] as const];
  });
  return Object.fromEntries(limited);
}

/** When an order's request must be on its way: soon after its mark, while its lease surely stands, and in its own time. */
export function startBeforeMs({ sendBeforeMs }: StoredOrder, markedAtMs: number): number {
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

export function venueOf({ venues }: VenuesWith<OrderVenue>, order: StoredOrder): OrderVenue {
  const venue = venues.get(order.venue);
  if (!venue)
    throw new Error(`order ${order.clientOrderId} was taken for ${order.venue}, a venue this process has not`);
  return venue;
}

function emitOutcome({ emit }: Deps<'emit'>, order: StoredOrder, { kind, ms }: Sent): void {
  const { runId, signalId, userId, orderId, clientOrderId, venue } = order;
  emit({ type: 'order_settled', runId, signalId, userId, orderId, clientOrderId, venue, outcome: kind, ms });
}
