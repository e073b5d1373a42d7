// The port to a venue: placing and looking up orders, and reading accounts.
import type { Mic } from '../domain/market/market.ts';
import type { NamedRefusal } from '../domain/order.ts';
import type { ListedInstrument, Quote, Side } from '../domain/types.ts';

/**
 * In which units an instrument counts: its quantities in 10^-`quantityScale` of a piece, its prices in 10^-`priceScale`
 * of the minor unit of its currency. What is left out is 0: whole pieces, whole minor units.
 */
export interface Scales {
  quantityScale?: number;
  priceScale?: number;
}

/** An order as a venue needs it. The clientOrderId is in our table before the venue hears of it. */
export interface OrderToSend extends Scales {
  orderId: number;
  clientOrderId: string;
  userId: string;
  accountId: number;
  exchange: string;
  symbol: string;
  side: Side;
  /** In units of the instrument, as the limit price and whatever a venue says of this order. */
  quantity: number;
  limitPriceMinor: number;
  /** `mtf`: bought with the broker's leverage. */
  product: 'delivery' | 'mtf';
}

/** An order whose request may leave for the venue before `startBeforeMs` only: after it others may take it for lost. */
export interface OrderToStart extends OrderToSend {
  startBeforeMs: number;
}

export interface VenueFill {
  /** Unique per account at the venue: a fill counts once. */
  venueFillId: string;
  quantity: number;
  priceMinor: number;
  /** What it cost, rounded up, or brought, rounded down, where the price can't say it exactly; left out: quantity × price. */
  valueMinor?: number;
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
  | { kind: 'rejected'; message: string; reason?: NamedRefusal }
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
  /** An order the lookup does not find was never placed; of a real venue's (`dealing`), on the order's own day. */
  missIsProof: boolean;
  /** How often the venue may be spoken to; none for a venue that does not count. */
  rates?: RateBudget;
  /** Lookups are taken out of the same budget. */
  ratesCountLookups?: boolean;
  /** How often prices may be asked for, whoever asks, and of how many shares at once; none for a venue that does not count. */
  quotes?: { everyMs: number; atOnce: number };
  /** The markets whose instruments it trades; left out: India's. An account in none of their currencies is not ready. */
  markets?: readonly Mic[];
  /** What an operator and readiness need to know of a real venue; a simulated one has none. */
  dealing?: VenueDealing;
}

export interface VenueDealing {
  /** How an order is found again: by its id, or by reading the account's whole book of the day. */
  lookup: 'by_id' | 'book_scan';
  /** Orders may be given outside trading hours, for the next open. */
  afterMarketOrders: boolean;
  /** Orders without a limit may be given; `protected`: only with a percentage that makes a limit of them. */
  marketOrders: 'yes' | 'protected' | 'no';
  products: readonly OrderToSend['product'][];
  /** Orders are taken only from an address that was registered. */
  staticIp: boolean;
  /** The longest client order id, in characters. */
  tagLength: number;
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

/** The account a venue is asked about: ours, with its user. */
export interface AccountAtVenue {
  accountId: number;
  userId: string;
}

/**
 * A read that fails closed: what is not `read` is no answer, whatever else it says. `no_session`: the login is missing
 * or over, and somebody has to log in.
 */
export type VenueRead<T> =
  | { kind: 'read'; value: T }
  | { kind: 'no_session'; reason: string }
  | { kind: 'unreadable'; reason: string };

/** One order of the venue's book of today; `clientOrderId` null: it was not ours. */
export interface VenueOrder {
  clientOrderId: string | null;
  exchange: string;
  symbol: string;
  side: Side;
  quantity: number;
  report: VenueReport;
}

/**
 * A row of a venue's list that is none of our kind (a fraction, an option, a coin) or can't be read. It decides nothing,
 * unless it can't be read and is about an order or a share of ours.
 */
export interface OddRow {
  listing: { exchange: string; symbol: string } | null;
  clientOrderId: string | null;
  venueOrderId: string | null;
  /** `fraction: 0.5`, `quantity: invalid_type`. */
  why: string;
  /** False: it was read, and is none of ours. */
  unreadable: boolean;
}

/** A venue's list, row by row. */
export interface VenueRows<T> {
  rows: T[];
  odd: OddRow[];
}

/**
 * An account's money, in three words that every venue's adapter fills by a rule of its own, written down there.
 * `spendableMinor` is what our books take for cash while no order of ours is open: sizing, holds, readiness and the
 * evening's comparison all go by it.
 */
export interface VenueFunds {
  /** The account's cash by the venue's word, what is blocked of it included. */
  cashMinor: number;
  /** What may be spent on new shares, outright, now. Never more than the cash. */
  spendableMinor: number;
  /** What business of the account's own that never goes through us has blocked; null: the venue doesn't say. */
  blockedByOthersMinor: number | null;
}

export interface VenuePosition {
  exchange: string;
  symbol: string;
  quantity: number;
  /** How much of it was bought with the broker's leverage; left out: nothing. */
  mtfQuantity?: number;
  /** What was paid for it in all; null where the venue does not say. */
  costMinor: number | null;
}

/** Margin and charges of one order, as the venue counts them. */
export interface VenueMargin {
  marginMinor: number;
  chargesMinor: number | null;
}

/**
 * `canceled`: the venue took the request (the book says when it is done); `too_late`: it has ended already; `refused`
 * and `unknown` leave the order as it is.
 */
export type CancelOutcome =
  | { kind: 'canceled' }
  | { kind: 'too_late' }
  | { kind: 'refused'; reason: string }
  | { kind: 'unknown'; reason: string };

export type SessionStatus =
  | { kind: 'open'; untilMs: number | null }
  | { kind: 'closed'; reason: string }
  | { kind: 'unreadable'; reason: string };

/** In which units a listing's quantities and prices are wanted. */
export type ScalesOf = (listing: { exchange: string; symbol: string }) => Scales;

/** What a real venue can do beside taking orders. */
export interface VenueAccountApi {
  /** Quantities and prices are in the units `scalesOf` gives for a listing; left out: whole pieces and minor units. */
  ordersToday(account: AccountAtVenue, scalesOf?: ScalesOf): Promise<VenueRead<VenueRows<VenueOrder>>>;
  cancel(order: OrderToSend & { venueOrderId: string | null }): Promise<CancelOutcome>;
  /** A symbol the venue has no price for is left out. */
  quotes(
    account: AccountAtVenue,
    listings: ({ exchange: string; symbol: string } & Scales)[],
  ): Promise<VenueRead<Quote[]>>;
  /** A margin of 0 is «not known», never free: it is left out (null). */
  margins(account: AccountAtVenue, orders: OrderToSend[]): Promise<VenueRead<(VenueMargin | null)[]>>;
  funds(account: AccountAtVenue): Promise<VenueRead<VenueFunds>>;
  positions(account: AccountAtVenue, scalesOf?: ScalesOf): Promise<VenueRead<VenueRows<VenuePosition>>>;
  sessionStatus(account: AccountAtVenue): Promise<SessionStatus>;
  /** Only a venue that publishes a list of all that can be traded there has it. */
  instruments?(account: AccountAtVenue): Promise<VenueRead<VenueRows<VenueInstrument>>>;
  /** Only a venue that publishes its market's calendar has it: the days from one date to another that trade. */
  calendar?: {
    mic: Mic;
    tradingDays(account: AccountAtVenue, from: string, to: string): Promise<VenueRead<VenueTradingDay[]>>;
  };
}

/** What a venue's own list says of an instrument. */
export type VenueInstrument = Omit<ListedInstrument, 'isin' | 'freezeQuantity' | 'fno'>;

/** A day on which a venue says its market trades: `HH:MM` in the market's zone. */
export interface VenueTradingDay {
  date: string;
  openTime: string;
  closeTime: string;
}

/** A venue's secrets for one account, as JSON: decrypted for one use, and never kept or logged. null: none is stored. */
export type CredentialsOf = (account: AccountAtVenue) => Promise<unknown>;

/** Which order a venue says something about. It is looked up; nothing else of what was said is believed. */
export interface UpdatedOrder {
  clientOrderId: string;
  venueOrderId: string;
}

/** `lost` says when it is tried again; what happened meanwhile was not heard, and is found by looking orders up. */
export type StreamState = { kind: 'listening' } | { kind: 'lost'; reason: string; againInMs: number };

/** Who hears a stream. An order may also be none of ours. Neither may throw. */
export interface StreamHandlers {
  onUpdate(order: UpdatedOrder): void;
  onState(state: StreamState): void;
}

export interface Venue {
  name: string;
  capabilities: VenueCapabilities;
  /** What is not on its way by its `startBeforeMs`, read after all that has to be waited for, is `not_sent`. */
  submit(order: OrderToStart): Promise<SubmitOutcome>;
  /** Knows the venue's own number of the order where the venue has ever told it. */
  lookup(order: OrderToSend & { venueOrderId?: string | null }): Promise<LookupOutcome>;
  /** Only a real venue has one. */
  accountApi?: VenueAccountApi;
  /**
   * Only a venue that pushes an account's updates has it. Comes back whenever it is lost, until it is closed: `close`
   * resolves when nothing of it is left.
   */
  listen?(account: AccountAtVenue, handlers: StreamHandlers): { close(): Promise<void> };
  /** Only a simulated venue has it: the prices its market trades at on a day. */
  openMarket?(tradeDate: string, quotes: readonly Quote[]): Promise<void>;
}
