import type { Quote, Side } from '../domain/words.ts';

/** An order as a venue needs it. The clientOrderId is in our table before the venue hears of it. */
export interface OrderToSend {
  orderId: number;
  clientOrderId: string;
  userId: string;
  accountId: number;
  exchange: string;
  symbol: string;
  side: Side;
  quantity: number;
  limitPriceMinor: number;
  /** `mtf`: bought with the broker's leverage. */
  product: 'delivery' | 'mtf';
}

export interface VenueFill {
  /** Unique per account at the venue: a fill counts once. */
  venueFillId: string;
  quantity: number;
  priceMinor: number;
  atMs: number;
}

/** What the venue's book says of one order. */
export interface VenueReport {
  venueOrderId: string;
  status: 'working' | 'partially_filled' | 'filled' | 'rejected' | 'canceled' | 'expired';
  fills: VenueFill[];
  message: string | null;
}

/**
 * Four outcomes of one attempt. `rejected` is proven refusal, `not_sent` is proven not placed (it may go again);
 * everything that proves neither is `unknown`, and only the venue's book may move it.
 */
export type SubmitOutcome =
  | { kind: 'acknowledged'; report: VenueReport }
  | { kind: 'rejected'; message: string }
  | { kind: 'not_sent'; reason: string }
  | { kind: 'unknown'; reason: string };

export type LookupOutcome =
  | { kind: 'found'; report: VenueReport }
  | { kind: 'missing' }
  | { kind: 'unreadable'; reason: string };

/** The core reads these, never a venue's name. */
export interface VenueCapabilities {
  /** A second order with the same client order id is refused, so an unknown one may be asked again. */
  refusesDuplicates: boolean;
  /** An order the lookup does not find was never placed. */
  missIsProof: boolean;
  /** How often the venue may be spoken to; none for a venue that does not count. */
  rates?: RateBudget;
  /** Lookups are taken out of the same budget. */
  ratesCountLookups?: boolean;
}

export interface RateLimit {
  perSecond: number;
  perMinute: number;
  perDay: number;
}

/** Held across all processes; null: that side is not limited. */
export interface RateBudget {
  account: RateLimit | null;
  venue: RateLimit | null;
}

/** What Indian brokers allow per client account (SEBI's 10 a second; Zerodha staff: 400 a minute, 5000 a day, 2026). */
export const defaultRate: RateLimit = { perSecond: 10, perMinute: 400, perDay: 5000 };

export interface Venue {
  name: string;
  capabilities: VenueCapabilities;
  submit(order: OrderToSend): Promise<SubmitOutcome>;
  lookup(order: OrderToSend): Promise<LookupOutcome>;
  /** Only a simulated venue has it: the prices its market trades at on a day. */
  openMarket?(tradeDate: string, quotes: readonly Quote[]): Promise<void>;
}
