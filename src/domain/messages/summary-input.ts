// What a user's summary is made from.
import type { Currency } from '../currency.ts';
import type { Mode, Side } from '../types.ts';
import type { Language } from './texts/en.ts';

export interface SummaryFill {
  symbol: string;
  side: Side;
  quantity: number;
  averagePriceMinor: number;
  amountMinor: number;
  marginMinor: number;
  /** Of a sale: what it brought beyond what was paid for it, before charges; null or left out: not known. */
  profitMinor?: number | null | undefined;
  /** Of a buy: where its strategy would leave it; shown, not placed. null or left out: nowhere. */
  stopMinor?: number | null | undefined;
  targetMinor?: number | null | undefined;
  /** Set where less was filled than asked for; the rest is in `pending`, or its end in `notDone`. */
  partial?: { ordered: number } | undefined;
}

interface SummaryPending {
  symbol: string;
  side: Side;
  quantity: number;
  limitPriceMinor: number | null;
  /** `queued`: not sent yet. `working`: at the exchange. */
  status: 'queued' | 'working';
}

export interface SummaryUnknown {
  symbol: string;
  side: Side;
  quantity: number;
}

export interface SummaryNotDone {
  symbol: string;
  side: Side;
  what: 'skipped' | 'denied' | 'rejected' | 'canceled' | 'expired';
  reason: string | null;
  limit: string | null;
  actual: string | null;
  /** The venue's own words of a rejection. */
  message: string | null;
}

/** Everything one user's summary says; made only from rows. */
export interface SummaryInput {
  userName: string;
  language: Language;
  /** It replaces what the user was told before. */
  isCorrection: boolean;
  /** The trade date, ISO. */
  date: string;
  mode: Mode;
  /** Of every amount in it: a run is of one market, and a market has one currency. */
  currency: Currency;
  /** `signal`: no prices were given, and each signal's own stood for one. */
  pricesFrom?: 'signal' | null | undefined;
  bought: SummaryFill[];
  pending: SummaryPending[];
  unknown: SummaryUnknown[];
  notDone: SummaryNotDone[];
  /** `availableMinor`: cash that is not set aside; null: not known, and not said. */
  totals: { signals: number; chargesMinor: number; availableMinor: number | null };
}
