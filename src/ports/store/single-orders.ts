// Orders that somebody asks for one by one, and orders as they are shown.
import { z } from 'zod';
import type { Actor } from '../../domain/actions.ts';
import type { Quote, Signal } from '../../domain/types.ts';
import { storedPrices } from './imports.ts';
import { type DecisionToAccept, queuedAccount } from './runs.ts';
import { call, corporateAction, instrument, minor, outcome, rate, reason, side, status } from './shapes.ts';

/** One order somebody asks for, under an idempotency key of theirs. */
interface OrderToPlace {
  principal: string;
  key: string;
  bodyHash: string;
  /** The hint of the API key it was asked with: the database checks it once more. null: another kind of login. */
  apiKey?: string | null;
  /** The operator who asks in a user's name; null: the user. */
  by: Actor | null;
  sendBeforeMs: number;
  signal: Signal;
}

/** What single orders are decided on; `accounts` as `read_accounts` gives them. */
const orderInputs = z.object({
  halted: z.string().nullable(),
  rates: z.array(rate),
  symbolExposure: z.record(z.string(), minor),
  instrumentsKnown: z.boolean(),
  corporateActions: z.array(corporateAction),
  shares: z.array(z.object({ exchange: z.string(), symbol: z.string(), share: z.string() })),
  instruments: z.array(instrument),
  accounts: z.array(queuedAccount),
  /** What `read_prices` gives for these symbols and what the users hold; null: not in this mode. */
  storedPrices: storedPrices.nullable(),
});

/** What became of a request for one order; `fresh` false: the key was used before, and this is what became of it then. */
const placedOrder = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('in_flight') }),
  /** Another session holds the account: nothing was written. */
  z.object({ kind: z.literal('locked') }),
  z.object({ kind: z.literal('other_body') }),
  /** So many were refused (or placed) of this caller (or user) today that no more are kept; nothing was decided. */
  z.object({ kind: z.literal('over_quota'), of: z.enum(['refused', 'placed']), limit: z.int(), reason }),
  /** The API key may not place this order: it has ended meanwhile, or never might. */
  z.object({
    kind: z.literal('key_refused'),
    why: z.enum(['unknown', 'revoked', 'expired', 'read_only', 'other_user']),
  }),
  z.object({
    kind: z.literal('decided'),
    fresh: z.boolean(),
    outcome,
    reason,
    limit: z.string().nullable(),
    actual: z.string().nullable(),
    order: z.object({ orderId: z.int(), clientOrderId: z.string() }).nullable(),
  }),
]);
export type PlacedOrder = z.infer<typeof placedOrder>;
/** Why an order was not even decided, whatever it asks for. */
export type OrderRefusal = Extract<PlacedOrder, { kind: 'key_refused' | 'over_quota' }>;

const orderView = z.object({
  orderId: z.int(),
  clientOrderId: z.string(),
  runId: z.string(),
  userId: z.string(),
  exchange: z.string(),
  symbol: z.string(),
  side,
  quantity: z.int(),
  status,
  reason: z.string().nullable(),
  message: z.string().nullable(),
  venue: z.string(),
  venueOrderId: z.string().nullable(),
  limitPriceMinor: minor,
  filledQuantity: z.int(),
  filledValueMinor: minor,
  chargesMinor: minor,
  lateFill: z.boolean(),
  createdAtMs: z.int(),
  changedAtMs: z.int(),
});
export type OrderView = z.infer<typeof orderView>;

const orderWithHistory = orderView.extend({
  /** Its signal's, which are shown and not placed. */
  stopLossMinor: minor.nullable(),
  targetMinor: minor.nullable(),
  events: z.array(
    z.object({
      eventId: z.int(),
      atMs: z.int(),
      from: status.nullable(),
      to: status,
      reason: z.string().nullable(),
    }),
  ),
  fills: z.array(z.object({ quantity: z.int(), priceMinor: minor, atMs: z.int(), late: z.boolean() })),
});
export type OrderWithHistory = z.infer<typeof orderWithHistory>;

const orderEvent = z.object({
  /** Grows within an order; over several orders a later one may become visible first. */
  eventId: z.int(),
  orderId: z.int(),
  clientOrderId: z.string(),
  status,
  from: status.nullable(),
  reason: z.string().nullable(),
  filledQuantity: z.int(),
  filledValueMinor: minor,
  atMs: z.int(),
});
export type OrderEvent = z.infer<typeof orderEvent>;

export const singleOrders = {
  /**
   * Reads what `decide` looks at for single orders: as read_inputs and read_accounts, for these users and symbols only.
   */
  read_order_inputs: call<{
    runId: string;
    mode: string;
    tradeDate: string;
    /** Whether the exposure of symbols is wanted: only where a cap is set. */
    capped: boolean;
    userIds: string[];
    listings: { exchange: string; symbol: string }[];
  }>()(orderInputs),
  /**
   * Decides and books single orders; one answer per request, in their order. A key is used up by its first request,
   * whose answer stands.
   */
  place_orders: call<{
    runId: string;
    sessionId: string;
    tradeDate: string;
    mode: string;
    limits: object;
    takesOrdersUntilMs: number;
    nowMs: number;
    skipLocked?: boolean;
    quotes: Quote[];
    decisions: DecisionToAccept[];
    requests: OrderToPlace[];
  }>()(z.array(placedOrder)),
  /** Reads what became of earlier requests with these keys, in their order; null: a key that is new. */
  read_request_outcomes: call<{ requests: { principal: string; key: string; bodyHash: string }[] }>()(
    z.array(placedOrder.nullable()),
  ),
  /** Reads orders, the newest first, before `beforeId`. null: no filter. */
  read_orders: call<{
    userId: string | null;
    status: string | null;
    symbol: string | null;
    runId: string | null;
    beforeId: number | null;
    limit: number;
  }>()(z.array(orderView), { isReport: true }),
  /**
   * Reads an order by our number or its client order id, with its history; null: there is none, or it is not this
   * user’s.
   */
  read_order: call<{ order: string; userId: string | null }>()(orderWithHistory.nullable()),
  /** Reads what happened to each of these orders after an event, the oldest first. */
  read_order_events: call<{ orders: { orderId: number; afterEventId: number }[] }>()(z.array(orderEvent)),
};
