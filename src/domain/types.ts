// The nouns every part of the service shares: instruments, signals, quotes and users.
import type { CurrencyCode } from './currency.ts';

/**
 * The nouns every room shares. One word, one meaning: a word here is the word in tables, logs and messages.
 * Money is an integer in the currency's minor unit (paise) and says so in its name: `…Minor`.
 * Percentages are basis points (`…Bps`, 20 % = 2000), leverage is hundredths (`leverageCenti`, 5x = 500).
 * Instants are milliseconds since the epoch (`…Ms`); trade dates are ISO dates in the exchange's time zone.
 */
export type Mode = 'paper' | 'live';
export type Side = 'BUY' | 'SELL';

/** What a file or a venue's own list says of an instrument. */
export interface ListedInstrument {
  exchange: string;
  symbol: string;
  isin: string | null;
  name: string;
  /** The step of its prices, in price units (see `Instrument`). */
  tickMinor: number;
  /** The step of its quantities, in pieces. */
  lotSize: number;
  /** Largest quantity the exchange takes in one order; null where it names none. */
  freezeQuantity: number | null;
  /** Cash security with derivatives: its continuous trading ends early since 2026-08-03. */
  fno: boolean;
  /** Why nobody may enter it (ban list, surveillance), or null. */
  restricted: string | null;
  /** As of `Instrument`; 0 where nothing is said. */
  quantityScale?: number;
  priceScale?: number;
}

/**
 * An instrument as orders are decided by. A quantity is a whole number of pieces, each 10^-quantityScale of one share or
 * token; a price (`…PriceMinor`) is a whole number of price units for a whole one, each 10^-priceScale of the currency's
 * minor unit; what a quantity is worth at a price: `valueUp` and `valueDown`. With scales of 0, as on the NSE, they are
 * shares and paise. None of the three ever changes while anything names the instrument.
 */
export interface Instrument extends ListedInstrument {
  currency: CurrencyCode;
  quantityScale: number;
  priceScale: number;
}

/** A strategy's view of one instrument for one trade date. Stop and target are shown, never placed. */
export interface Signal {
  id: string;
  tradeDate: string;
  rank: number;
  strategy: string;
  exchange: string;
  symbol: string;
  side: Side;
  referencePriceMinor: number;
  stopLossMinor: number | null;
  targetMinor: number | null;
  validUntilMs: number | null;
}

/** A price of one instrument at one instant, as the venue or the price file gave it. */
export interface Quote {
  exchange: string;
  symbol: string;
  priceMinor: number;
  previousCloseMinor: number | null;
  lowerCircuitMinor: number | null;
  upperCircuitMinor: number | null;
  atMs: number;
  /** No price source gave it: it is the signal's own reference price (paper, PAPER_PRICES=signal). */
  fromSignal?: true;
}

/** What a users file (or an operator) says of one user: who, how to reach, and how to size. */
export interface UserSettings {
  id: string;
  name: string;
  /** E.164, or null for a user who gets no message. */
  whatsapp: string | null;
  capitalMinor: number;
  allocationBps: number;
  leverageCenti: number;
  maxOpenPositions: number | null;
  dailyLossLimitBps: number | null;
  /** Most orders to buy on one trading day; null: no limit, left out: nothing is said of it. */
  maxOrdersPerDay?: number | null;
  /** The most one order to buy may be worth; null: no limit, left out: nothing is said of it. */
  maxOrderValueMinor?: number | null;
  /** 1 goes first. */
  priority: number;
  venue: string;
  /** Of all the money of the account; left out: INR. */
  currency?: CurrencyCode;
}

/** One line of an input file that can't be used, and why; or a whole file's warning (line 1). */
export interface Problem {
  file: string;
  line: number;
  field: string | null;
  reason: string;
  value: string | null;
}

/** `delivery`: paid for in full; `mtf` (margin trading facility): bought with the broker's leverage. */
export type Product = 'delivery' | 'mtf';
