// Orders on their way: taken, sent, settled and looked up; and the simulated venue they may go to.
import { z } from 'zod';
import type { Fault } from '../../domain/faults.ts';
import type { Quote } from '../../domain/types.ts';
import type { RateBudget, VenueReport } from '../venue.ts';
import { call, minor, product, rowsInColumns, side, status } from './shapes.ts';

/** What became of one order, as `settle_orders` books it. `queued`: proven not sent, it may go again. */
export interface Settlement {
  orderId: number;
  venueStatus: VenueReport['status'] | 'unknown' | 'queued';
  reason: string | null;
  message: string | null;
  venueOrderId: string | null;
  fills: VenueReport['fills'];
  nextLookupMs: number | null;
  nextAttemptMs: number | null;
  /** How often the order had been sent when this was so; left out for what the venue's book says, a fact at any time. */
  attempts?: number;
}

const orderToSend = z.object({
  orderId: z.int(),
  clientOrderId: z.string(),
  runId: z.string(),
  signalId: z.string().nullable(),
  userId: z.string(),
  accountId: z.int(),
  venue: z.string(),
  exchange: z.string(),
  symbol: z.string(),
  side,
  quantity: z.int(),
  limitPriceMinor: minor,
  product,
  sendBeforeMs: z.int(),
  attempts: z.int(),
  lookups: z.int(),
});
/** An order as it is sent or looked up. */
export type StoredOrder = z.infer<typeof orderToSend>;

/** What may be sent now, and which of it are probes of an open breaker. */
const takenOrders = z.object({
  orders: rowsInColumns(orderToSend),
  probes: z.array(z.int()),
  /** Whose rate budget is used up, and for how long: a venue's (`accountId` null), or one account's there. */
  waits: z.array(z.object({ venue: z.string(), accountId: z.int().nullable(), waitMs: z.int() })),
});
export type RateWait = z.infer<typeof takenOrders>['waits'][number];

const lookedUpOrder = orderToSend.extend({
  status,
  venueOrderId: z.string().nullable(),
  filledQuantity: z.int(),
  submittedAtMs: z.int().nullable(),
  halted: z.string().nullable(),
  spent: z.boolean(),
  /** The last lookups in a row, this one counted, in which its venue did not show it. */
  missedLookups: z.int(),
});
export type LookedUpOrder = z.infer<typeof lookedUpOrder>;

/** A breaker that has just been opened or closed, with the counts it was opened by. */
const changedBreaker = z.object({
  kind: z.enum(['opened', 'closed']),
  runId: z.string(),
  venue: z.string(),
  /** null: of every signal. */
  signalId: z.string().nullable(),
  /** null: of every account. */
  userId: z.string().nullable(),
  tried: z.int(),
  failed: z.int(),
  accounts: z.int(),
  failedAccounts: z.int(),
  /** Orders it holds back, or lets go again. */
  waiting: z.int(),
  nextProbeMs: z.int(),
});
export type ChangedBreaker = z.infer<typeof changedBreaker>;

/** `locked`: orders that another session holds, or their account; they are as they were. */
const settledOrders = z.object({
  settled: z.int(),
  fills: z.int(),
  lateFills: z.array(z.string()),
  unproven: z.array(z.string()),
  wrongFills: z.array(z.object({ clientOrderId: z.string(), what: z.string() })),
  locked: z.array(z.int()).optional(),
});

/** `stopped`: canceled, by an open breaker or by their users' settings. */
const sweptOrders = z.object({
  expired: z.int(),
  stopped: z.int(),
  lapsed: z.int(),
  abandoned: z.array(z.object({ runId: z.string(), tradeDate: z.string() })).optional(),
});
export type SweptOrders = z.infer<typeof sweptOrders>;

const orderOwner = z.object({ orderId: z.int(), accountId: z.int(), userId: z.string() });

const venueReport = z.object({
  venueOrderId: z.string(),
  status: z.enum(['working', 'partially_filled', 'filled', 'rejected', 'canceled', 'expired']),
  message: z.string().nullable(),
  fills: z.array(z.object({ venueFillId: z.string(), quantity: z.int(), priceMinor: minor, atMs: z.int() })),
}) satisfies z.ZodType<VenueReport>;

const paperAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('acknowledged'), report: venueReport }),
  z.object({ kind: z.literal('rejected'), report: venueReport }),
  z.object({ kind: z.literal('duplicate') }),
  z.object({ kind: z.enum(['silence', 'garbage']) }),
]);
export type PaperAnswer = z.infer<typeof paperAnswer>;

const paperLookup = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('found'), report: venueReport }),
  z.object({ kind: z.literal('missing') }),
]);

export const orders = {
  /**
   * Marks queued orders as being sent and hands them out, best signal first, then by place in the queue: only what this
   * returns may be sent, and only by its caller.
   */
  take_orders: call<{
    /** One per call: repeated after a lost answer it is answered with what it marked. */
    markId: string;
    venues: string[];
    limit: number;
    leaseMs: number;
    nowMs: number;
    budgets?: Record<string, RateBudget>;
    /** Orders the caller has of which account already; with what is taken, each has at most `perAccount`. */
    held?: Record<number, number>;
    perAccount?: number;
  }>()(takenOrders),
  /** Marks an unknown order to be asked for again, by who has leased it for its lookup. */
  mark_resend: call<{
    orderId: number;
    claimId: string;
    /** One per call: repeated after a lost answer it is answered the same. */
    markId: string;
    leaseMs: number;
    nowMs: number;
    budgets?: Record<string, RateBudget>;
  }>()(
    z.object({
      marked: z.boolean(),
      /** Its rate budget is used up for as long. */
      waitMs: z.int().nullable(),
    }),
  ),
  /** Takes lookups out of the rate budget of their venues; answers how long each has to wait, 0 where it may go. */
  take_rates: call<{ uses: { venue: string; accountId: number }[]; budgets: Record<string, RateBudget> }>()(
    z.array(z.int().nullable()),
  ),
  /**
   * Renews the leases of who is still there. A lease that has lapsed is not revived: somebody else may have acted on
   * it.
   */
  renew_claims: call<{ orderIds: number[]; claimIds: string[]; leaseMs: number }>()(z.object({ renewed: z.int() })),
  /** Books what venues said, one outcome per order. */
  settle_orders: call<{ outcomes: Settlement[]; nowMs: number; skipLocked?: boolean }>()(settledOrders),
  /**
   * Opens and closes breakers by what came of some orders’ sends. `judgeId`: one per call; repeated after a lost answer
   * it is answered with what it changed.
   */
  trip_breakers: call<{ judgeId: string; orderIds: number[]; nowMs: number }>()(
    z.object({ changed: z.array(changedBreaker) }),
    { isLong: true },
  ),
  /** Ends what may no longer be sent, and hands sends whose lease has lapsed over to lookup. */
  sweep_orders: call<{ nowMs: number; onlyProcess: boolean }>()(sweptOrders),
  /** Leases orders whose truth is at the venue and whose pause is over. A lookup is counted here, before it is made. */
  claim_lookups: call<{
    claimId: string;
    venues: string[];
    limit: number;
    leaseMs: number;
    nowMs: number;
    /** Orders that have had so many looks, and are of no use to look up again, are given as `spent`; left out: none are. */
    maxLookups?: number;
  }>()(z.array(lookedUpOrder)),
  /**
   * Makes an order due to be looked up now: somebody said that something happened to it, and the venue’s book says
   * what.
   */
  request_lookup: call<{ orderId: number; nowMs: number }>()(z.object({ due: z.boolean() })),
  /** Finds whose order a venue speaks of, by our id of it; not one that carries another number of the venue. */
  find_venue_order: call<{ venue: string; venueOrderId: string; clientOrderId: string }>()(orderOwner.nullable()),
  /** The same for many, in their order. */
  find_venue_orders: call<{ venue: string; orders: { venueOrderId: string; clientOrderId: string }[] }>()(
    z.array(orderOwner.nullable()),
  ),
  /**
   * Sets the simulated market of a day. `faults`, of users by name or id, replace those given before; null: they stay.
   * `unmatched`: what names nobody and no symbol of the day.
   */
  paper_venue_prepare: call<{
    tradeDate: string;
    quotes: Quote[];
    faults: Fault[] | null;
  }>()(z.object({ unmatched: z.array(z.string()) })),
  /** Sends orders to the simulated venue, each by itself; answers in their order. */
  paper_venue_submit: call<{ orders: object[] }>()(z.array(paperAnswer)),
  /** Looks an order up at the simulated venue. */
  paper_venue_lookup: call<{ clientOrderId: string; nowMs: number }>()(paperLookup),
};
