// Shapes of what the database answers about orders requested one by one.
import { z } from 'zod';
import { corporateAction, instrument, minor, outcome, queuedAccount, rate, reason, side, status } from './rows.ts';

/** What single orders are decided on; `accounts` as `read_accounts` gives them. */
export const orderInputs = z.object({
  halted: z.string().nullable(),
  rates: z.array(rate),
  symbolExposure: z.record(z.string(), minor),
  instrumentsKnown: z.boolean(),
  corporateActions: z.array(corporateAction),
  shares: z.array(z.object({ exchange: z.string(), symbol: z.string(), share: z.string() })),
  instruments: z.array(instrument),
  accounts: z.array(queuedAccount),
});

/** What became of a request for one order; `fresh` false: the key was used before, and this is what became of it then. */
export const placed = z.discriminatedUnion('kind', [
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

export const orderView = z.object({
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

export const orderWithHistory = orderView.extend({
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
