// Looks up the orders whose truth is with their venues, until each has ended or is a person's.
import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import { dateIn, marketOfExchange } from '../../domain/market/session.ts';
import { untrustedText } from '../../domain/text/secrets.ts';
import type { Deps } from '../../ports/deps.ts';
import type { LookedUpOrder, Settlement } from '../../ports/store/orders.ts';
import type { LookupOutcome } from '../../ports/venue.ts';
import type { ExecuteDeps, OrderVenue } from './deps.ts';
import { budgetsOf, SEND_WITHIN_MS, startBeforeMs, submitSafely, venueOf } from './execute.ts';
import { heartbeat, LEASE_MS } from './heartbeat.ts';
import {
  MAX_LOOKUPS,
  neverPlaced,
  reported,
  settlementOf,
  stillOpen,
  stillUnknown,
  stillWaiting,
  WAITING_FOR_RATE,
} from './outcome.ts';
import { booker } from './settle.ts';

const LOOKUP_BATCH_SIZE = 200;

const notToday: LookupOutcome = { kind: 'unreadable', reason: 'rate_spent_today' };

type ClaimedLookup = LookedUpOrder & { claimId: string };

/** Asks the venues about every order whose truth is with them and whose pause is over. Gives how many were looked up. */
export async function reconcile(deps: ExecuteDeps, concurrency: number): Promise<number> {
  const { store, clock, venues } = deps;
  const claim = { claimId: randomUUID(), venues: [...venues.keys()], limit: LOOKUP_BATCH_SIZE, leaseMs: LEASE_MS };
  const claimed = await store.call('claim_lookups', { ...claim, maxLookups: MAX_LOOKUPS, nowMs: clock.nowMs() });
  for (const order of claimed) if (order.spent) emitLeft(deps, order, whyLeft(deps, order));
  // The look that is made now was counted when it was claimed: what is said of them here are those before it.
  const orders = claimed
    .filter(({ spent }) => !spent)
    .map((order) => ({ ...order, lookups: order.lookups - 1, claimId: claim.claimId }));
  const limit = pLimit(concurrency);
  const settle = booker(deps);
  const alive = heartbeat<ClaimedLookup>(deps);
  const lookUpAndSettle = async (order: ClaimedLookup): Promise<void> => {
    const { settlement, ms } = await limit(async () => {
      const startMs = deps.clock.nowMs();
      return { settlement: await lookUp(deps, order), ms: deps.clock.nowMs() - startMs };
    });
    const booked = await settle(order, settlement);
    if (booked) emitLookedUp(deps, order, booked, ms);
  };
  try {
    await Promise.all(orders.map((order) => alive.during(order, () => lookUpAndSettle(order))));
  } finally {
    alive.stop();
  }
  return orders.length;
}

/** An order that stays unknown and is not looked up again is the operator's from here on, who settles it with `resolve`. */
function emitLookedUp(
  { clock, emit }: Deps<'clock' | 'emit'>,
  order: ClaimedLookup,
  settlement: Settlement,
  ms: number,
): void {
  const { venueStatus, nextLookupMs, reason } = settlement;
  const { runId, signalId, userId, orderId, clientOrderId, venue } = order;
  const ids = { runId, signalId, userId, orderId, clientOrderId, venue };
  emit({ type: 'order_looked_up', ...ids, found: venueStatus, reason, ms });
  const isLeft = order.status === 'unknown' && venueStatus === 'unknown' && nextLookupMs === null;
  if (isLeft) emitLeft({ emit }, order, reason);
  // Once in a row of misses; it goes on being looked up, for it may trade as long as its day lasts.
  const isMissed = order.status !== 'unknown' && venueStatus === 'unknown' && reason !== WAITING_FOR_RATE;
  const isItsDay = isDayOf(order, clock.nowMs());
  if (isMissed && isItsDay && order.missedLookups === MAX_LOOKUPS)
    emit({ type: 'order_not_found', alert: true, ...ids, reason });
}

/** Why an order is a person's from here on, and not looked up any more. */
function whyLeft({ venues }: ExecuteDeps, { venue, status, missedLookups }: LookedUpOrder): string {
  if (!venues.has(venue)) return 'venue_not_set_up';
  if (status === 'unknown') return 'lookups_never_booked';
  return missedLookups >= MAX_LOOKUPS ? 'not_found_after_its_day' : 'still_open_after_its_day';
}

function emitLeft({ emit }: Deps<'emit'>, order: LookedUpOrder, reason: string | null): void {
  const { runId, signalId, userId, orderId, clientOrderId, venue, status } = order;
  const facts = { runId, signalId, userId, orderId, clientOrderId, venue, status, reason };
  emit({ type: 'order_needs_person', alert: true, ...facts });
}

async function lookUp(deps: ExecuteDeps, order: ClaimedLookup): Promise<Settlement> {
  const venue = venueOf(deps, order);
  const rate = venue.capabilities.ratesCountLookups ? await takeRate(deps, order) : 'taken';
  if (rate === 'busy') return stillWaiting(order, deps.clock.nowMs());
  // A day's budget that is spent is no answer either: the look counts, so that a person is told in the end.
  const outcome = rate === 'spent' ? notToday : await lookUpSafely(() => venue.lookup(order));
  const nowMs = deps.clock.nowMs();
  if (outcome.kind === 'found') return reported(order, outcome.report, nowMs);
  const why = outcome.kind === 'unreadable' ? outcome.reason : 'not_found_at_venue';
  if (order.status !== 'unknown') return stillOpen(order, why, nowMs);
  if (outcome.kind === 'unreadable') return stillUnknown(order, why, nowMs);

  // A miss proves nothing in general. Where the venue refuses duplicate ids, asking again is the safe probe.
  const maySend = nowMs < order.sendBeforeMs && order.halted === null;
  if (venue.capabilities.refusesDuplicates && maySend) return resubmit(deps, venue, order);
  return missProves(venue, order, nowMs) ? neverPlaced(order) : stillUnknown(order, why, nowMs);
}

/** A real venue's book is of its day: what it does not show the day after proves nothing. A simulated one keeps its book. */
function missProves({ capabilities }: OrderVenue, order: ClaimedLookup, nowMs: number): boolean {
  const { missIsProof, dealing } = capabilities;
  return missIsProof && (dealing === undefined || isDayOf(order, nowMs));
}

/** Whether it still is the order's trade date, where its market is. */
function isDayOf({ exchange, sendBeforeMs }: ClaimedLookup, nowMs: number): boolean {
  const market = marketOfExchange(exchange);
  return dateIn(market, nowMs) === dateIn(market, sendBeforeMs);
}

/** Takes one use of the budget the lookup shares with orders; waits a little for it, but not for long. */
async function takeRate(deps: ExecuteDeps, { venue, accountId }: ClaimedLookup): Promise<'taken' | 'busy' | 'spent'> {
  for (let tries = 0; tries < 10; tries++) {
    const [waitMs] = await deps.store.call('take_rates', { uses: [{ venue, accountId }], budgets: budgetsOf(deps) });
    if (waitMs === 0) return 'taken';
    if (waitMs === null || waitMs === undefined) return 'spent';
    await deps.clock.sleep(waitMs);
  }
  return 'busy';
}

/**
 * Asking again is sending, so it is marked first like any send: not by who has lost the order to another process, and not
 * in a halt that came meanwhile. An answer moves the order; anything short of proof leaves it unknown.
 */
async function resubmit(deps: ExecuteDeps, venue: OrderVenue, order: ClaimedLookup): Promise<Settlement> {
  const { store, clock } = deps;
  const { claimId, orderId } = order;
  const nowMs = clock.nowMs();
  const ids = { claimId, markId: randomUUID(), orderId };
  const args = { ...ids, leaseMs: LEASE_MS, nowMs, budgets: budgetsOf(deps) };
  const { marked, waitMs } = await store.call('mark_resend', args);
  if (waitMs !== null) return stillWaiting(order, clock.nowMs());
  if (!marked) return stillUnknown(order, 'not_found_at_venue', clock.nowMs());
  const tried = { ...order, attempts: order.attempts + 1 };
  if (clock.nowMs() - nowMs > SEND_WITHIN_MS) return stillUnknown(tried, 'mark_stale', clock.nowMs());
  const outcome = await submitSafely(venue, { ...order, startBeforeMs: startBeforeMs(order, nowMs) });
  // A refusal is about the second request only: the first may be alive and hold the money the second one lacked.
  const conclusive = outcome.kind === 'rejected' && venue.capabilities.missIsProof;
  if (outcome.kind === 'acknowledged' || conclusive) return settlementOf(tried, outcome, clock.nowMs());
  const reason = outcome.kind === 'rejected' ? 'resend_rejected' : outcome.reason;
  return stillUnknown(tried, reason, clock.nowMs());
}

async function lookUpSafely(lookup: () => Promise<LookupOutcome>): Promise<LookupOutcome> {
  try {
    return await lookup();
  } catch (error) {
    return {
      kind: 'unreadable',
      reason: untrustedText(error instanceof Error ? `adapter_error: ${error.message}` : 'adapter_error'),
    };
  }
}
