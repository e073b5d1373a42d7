// What an audit of the books found: figures, and where two of them differ.
import type { CurrencyCode } from './currency.ts';

/** A figure of the database that is not what the facts come to. Money in minor units, shares as they are. */
export interface Difference {
  userId: string;
  venue: string;
  mode: 'paper' | 'live';
  /** Of its money. */
  currency: CurrencyCode;
  /** `cash`, `margin of NSE:TITAN mtf`, `cash of order abc`. */
  what: string;
  unit: 'money' | 'shares';
  database: bigint;
  model: bigint;
}

/** What was audited up to the end of a day, and what happened on it. Money in minor units. */
export interface Audit {
  tradeDate: string;
  accounts: number;
  orders: number;
  fills: number;
  entries: number;
  /** How many figures of the database were compared. */
  figures: number;
  /** What happened on the day in accounts of each currency: amounts of two never meet in a sum. */
  days: ReadonlyMap<CurrencyCode, AuditDay>;
  differences: Difference[];
}

export interface AuditDay {
  orders: number;
  fills: number;
  cashInMinor: bigint;
  cashOutMinor: bigint;
  chargesMinor: bigint;
  realisedMinor: bigint;
}
