// Turns what a venue answered about an order into the settlement to book.
import type { OrderStatus } from '../../domain/order.ts';
import { untrustedText } from '../../domain/text/secrets.ts';
import type { Settlement } from '../../ports/store/orders.ts';
import type { SubmitOutcome, VenueReport } from '../../ports/venue.ts';

/**
 * After this many lookups an unknown order is handed to a person: about four minutes of growing pauses. One the venue has
 * confirmed is after as many in a row that did not find it, once its day is over.
 */
export const MAX_LOOKUPS = 8;
/** The database takes a look with this reason out of the count again. */
export const WAITING_FOR_RATE = 'waiting_for_rate';
const FIRST_LOOKUP_MS = 2_000;
const MAX_PAUSE_MS = 60_000;
const MAX_ATTEMPTS = 5;
const DAY_MS = 24 * 60 * 60_000;

/** Pause before the next lookup: 2 s, 4 s, 8 s … at most a minute. */
function lookupPauseMs(lookups: number): number {
  return Math.min(FIRST_LOOKUP_MS * 2 ** lookups, MAX_PAUSE_MS);
}

const nothing = {
  reason: null,
  message: null,
  venueOrderId: null,
  fills: [],
  nextLookupMs: null,
  nextAttemptMs: null,
} as const;

/** The order an outcome is about, as far as pauses and limits need it. */
export interface Tried {
  orderId: number;
  status: OrderStatus;
  attempts: number;
  lookups: number;
  sendBeforeMs: number;
}

/** What a submission means for our books; `order.attempts` counts it. */
export function settlementOf(order: Tried, outcome: SubmitOutcome, nowMs: number): Settlement {
  const { orderId, attempts } = order;
  switch (outcome.kind) {
    case 'acknowledged':
      return reported(order, outcome.report, nowMs);
    case 'rejected':
      return {
        ...nothing,
        fills: [],
        orderId,
        attempts,
        venueStatus: 'rejected',
        reason: outcome.reason ?? 'venue_rejected',
        message: untrustedText(outcome.message),
      };
    case 'not_sent':
      return {
        ...nothing,
        fills: [],
        orderId,
        attempts,
        venueStatus: 'queued',
        reason: untrustedText(outcome.reason),
        nextAttemptMs: nextAttemptMs(order, nowMs),
      };
    case 'unknown':
      return {
        ...nothing,
        fills: [],
        orderId,
        attempts,
        venueStatus: 'unknown',
        reason: untrustedText(outcome.reason),
        nextLookupMs: nowMs + FIRST_LOOKUP_MS,
      };
  }
}

/** What the venue's book says of an order, as a settlement; an order still open is looked at again later. */
export function reported(order: Tried, report: VenueReport, nowMs: number): Settlement {
  const open = report.status === 'working' || report.status === 'partially_filled';
  return {
    ...nothing,
    orderId: order.orderId,
    venueStatus: report.status,
    reason: endReason(report.status),
    message: report.message === null ? null : untrustedText(report.message),
    venueOrderId: report.venueOrderId,
    fills: report.fills,
    nextLookupMs: open ? nowMs + lookupPauseMs(order.lookups) : null,
  };
}

function endReason(status: VenueReport['status']): string | null {
  if (status === 'rejected') return 'venue_rejected';
  if (status === 'canceled') return 'venue_canceled';
  if (status === 'expired') return 'venue_expired';
  return null;
}

/**
 * Still not known: look again after a growing pause, or, out of budget, leave it to a person. An order the venue has
 * acknowledged may still trade, so some lookups without an answer don't end them before its day is over.
 */
export function stillUnknown(order: Tried, reason: string, nowMs: number): Settlement {
  const acknowledged = order.status !== 'unknown';
  const again = acknowledged ? nowMs < order.sendBeforeMs + DAY_MS : order.lookups + 1 < MAX_LOOKUPS;
  const nextLookupMs = again ? nowMs + lookupPauseMs(order.lookups + 1) : null;
  const { orderId, attempts } = order;
  const text = untrustedText(reason);
  return { ...nothing, fills: [], orderId, attempts, venueStatus: 'unknown', reason: text, nextLookupMs };
}

/**
 * No answer about an order the venue has confirmed as open: it stays what it is and is looked at again, since it may
 * still trade. When that is of no use any more `claim_lookups` says. (The transition table keeps it from becoming unknown.)
 */
export function stillOpen(order: Tried, reason: string, nowMs: number): Settlement {
  const nextLookupMs = nowMs + lookupPauseMs(order.lookups + 1);
  const { orderId, attempts } = order;
  return {
    ...nothing,
    fills: [],
    orderId,
    attempts,
    venueStatus: 'unknown',
    reason: untrustedText(reason),
    nextLookupMs,
  };
}

/** Nobody was asked: the order stays what it is, and no look is spent on it. */
export function stillWaiting(order: Tried, nowMs: number): Settlement {
  const nextLookupMs = nowMs + FIRST_LOOKUP_MS;
  return {
    ...nothing,
    fills: [],
    orderId: order.orderId,
    attempts: order.attempts,
    venueStatus: 'unknown',
    reason: WAITING_FOR_RATE,
    nextLookupMs,
  };
}

/** Proven never placed and too late to place it: it ends without a trade. */
export function neverPlaced(order: Tried): Settlement {
  const { orderId, attempts } = order;
  return { ...nothing, fills: [], orderId, attempts, venueStatus: 'expired', reason: 'never_reached_venue' };
}

/**
 * Proven not sent: again after a doubling pause, up to twice as long so that a batch that was turned away does not come
 * back as one; the share is the order's own, so that a run can be replayed. After the last attempt it waits for its end.
 */
function nextAttemptMs({ orderId, attempts, sendBeforeMs }: Tried, nowMs: number): number {
  if (attempts >= MAX_ATTEMPTS) return sendBeforeMs;
  const pauseMs = 250 * 2 ** attempts;
  return nowMs + pauseMs + Math.floor((pauseMs * ((orderId * 7919) % 1000)) / 1000);
}
