// The states of an order and the reasons it may end for.
/** Every status an order can have, in the order of its life. */
export const orderStatuses = [
  'queued',
  'submitting',
  'working',
  'partially_filled',
  'unknown',
  'filled',
  'rejected',
  'canceled',
  'expired',
] as const;

export type OrderStatus = (typeof orderStatuses)[number];

/** Why an order ended without (all of) its fill; a test compares them with those the database and the venues' answers give. */
export const orderReasons = [
  'breaker_open',
  'user_inactive',
  'trading_disabled',
  'not_subscribed',
  'symbol_not_allowed',
  'not_sent_in_time',
  'venue_rejected',
  'pattern_day_trader',
  'halted_at_exchange',
  'not_tradable',
  'not_fractionable',
  'venue_canceled',
  'venue_expired',
  'never_reached_venue',
  'resolved_by_operator',
] as const;

export type OrderReason = (typeof orderReasons)[number];

/** Refusals of a venue that say more than that it refused: people are told them in their own language. */
export const namedRefusals = [
  'pattern_day_trader',
  'halted_at_exchange',
  'not_tradable',
  'not_fractionable',
] as const satisfies readonly OrderReason[];

export type NamedRefusal = (typeof namedRefusals)[number];

export function isNamedRefusal(reason: string): reason is NamedRefusal {
  return namedRefusals.some((one) => one === reason);
}

/**
 * What may follow what. The database holds the same table (`order_transitions`) and refuses anything else;
 * a test compares the two. A terminal status has no successor: later fills are facts appended to the order
 * (`lateFill`), not a change of its status.
 */
export const transitions: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  queued: ['submitting', 'canceled', 'expired'],
  submitting: ['working', 'partially_filled', 'filled', 'rejected', 'unknown', 'queued'],
  working: ['partially_filled', 'filled', 'canceled', 'expired', 'rejected'],
  partially_filled: ['filled', 'canceled', 'expired'],
  unknown: ['working', 'partially_filled', 'filled', 'rejected', 'canceled', 'expired'],
  filled: [],
  rejected: [],
  canceled: [],
  expired: [],
};

/** Nothing will happen to the order any more (but a late fill may still be booked on it). */
export function isTerminal(status: OrderStatus): boolean {
  return transitions[status].length === 0;
}
