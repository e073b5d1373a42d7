import type { AccountAtVenue, Venue } from '../../../src/ports/venue.ts';
import type { Clock } from '../../../src/ports/world.ts';

/**
 * What a loopback exchange can be told to do wrong with an order. Each says whether the order is taken all the same:
 * that is what makes the difference between an order and two.
 */
export const faultNames = [
  'silence_after_accept', // taken; no answer comes
  'silence_before_accept', // not taken; no answer comes
  'html_200', // taken; 200 with a page of HTML
  'empty_200', // taken; 200 with no body
  'says_timed_out', // taken; 400 «timed out, check the order book»
  'rate_limited', // not taken; 429 as this venue writes it
  'bad_gateway', // taken; 502 with a page of HTML
  'unavailable', // not taken; 503 as this venue writes it
  'token_expired', // not taken; what this venue says of a dead token (the next request finds it alive again)
  'refused', // not taken for want of money: in the book as rejected only where the venue books refusals
  'partial_fill', // taken; half of it (rounded down, one at least) fills at once, the rest a minute later
  'surfaces_late', // taken; no answer comes, and the venue's own book shows it only 90 s later
  'duplicate_postback', // taken and answered; its push (one, of its end) comes twice
  'wrong_checksum', // taken and answered; its only push comes with a signature that is not the venue's
  'reset', // taken; the connection is reset before the answer
] as const;

export type FaultName = (typeof faultNames)[number];

/** The faults a read can have: nothing is taken by it, so they differ in the answer only. */
export const readFaultNames = [
  ...(['silence_before_accept', 'html_200', 'empty_200', 'rate_limited', 'bad_gateway'] as const),
  ...(['unavailable', 'token_expired', 'reset'] as const),
] satisfies FaultName[];

/** What goes wrong with an order that has nothing queued for it, and with a read that a lookup makes of an account. */
export interface FaultPlan {
  order(clientOrderId: string): FaultName | null;
  read(account: string, path: string): (typeof readFaultNames)[number] | null;
}

/** One order the exchange took, whatever it said about it. */
export interface Booked {
  /** As the exchange knows it: by token, client or key. */
  account: string;
  clientOrderId: string;
  venueOrderId: string;
  symbol: string;
  side: 'BUY' | 'SELL';
  quantity: number;
  filledQuantity: number;
  /** Its limit, in rupees or dollars: what it fills at. */
  price: number;
  product: 'delivery' | 'mtf';
  status: 'open' | 'filled' | 'rejected' | 'canceled';
}

/** A push whose signature was found good: which order to look up. Nothing else of it is believed. */
export interface VerifiedPush {
  venueOrderId: string;
  clientOrderId: string | null;
}

/**
 * A venue's server on 127.0.0.1:0 that speaks its wire exactly, with the real adapter speaking to it. An order
 * without a fault is taken, answered and filled whole at its limit price. Every account has credentials and a session.
 */
export interface Exchange {
  /** The venue's name: `kite`, `lemonn`, `alpaca`. */
  name: string;
  /** The real adapter, with a time-out of `answerWithinMs`. */
  venue: Venue;
  /** What the account's credentials are; changed, the next request goes with the new ones. */
  credentials: (account: AccountAtVenue) => unknown;
  /** What the exchange took, refusals left out unless the venue books them: the judge. */
  book(): Booked[];
  /** Queues what happens to the next request for an order that has nothing queued before it; null: nothing wrong. */
  next(fault: FaultName | null): void;
  /** Lets faults be drawn; null: none. */
  injectFaults(plan: FaultPlan | null): void;
  /** Faults this venue's wire can't have, each with the reason. */
  unsupported: Partial<Record<FaultName, string>>;
  /** The pushes (raw bodies or messages) since the last call, and how the adapter reads one; only with a push. */
  push?: { take(): string[]; hear(raw: string): VerifiedPush | null };
  close(): Promise<void>;
}

/**
 * Starts one. The exchange and its adapter live on the caller's clock: the suite jumps it, so everything that has to
 * do with time (late surfacing, the rest of a partial fill, the end of a token) reads `clock.nowMs()` when asked.
 * One per venue, in `NAME-exchange.ts`: openKiteExchange, openLemonnExchange, openAlpacaExchange.
 */
export type OpenExchange = (clock: Clock) => Promise<Exchange>;

/** How long the adapters wait for an answer in these tests: long enough for a busy machine, short enough for silence. */
export const answerWithinMs = 1_200;
