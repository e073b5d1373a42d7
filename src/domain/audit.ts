// What an audit of the books found: figures, and where two of them differ.
/** A figure of the database that is not what the facts come to. Money in minor units, shares as they are. */
export interface Difference {
  userId: string;
  venue: string;
  mode: 'paper' | 'live';
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
  day: Day;
  differences: Difference[];
}

interface Day {
  orders: number;
  fills: number;
  cashInMinor: bigint;
  cashOutMinor: bigint;
  chargesMinor: bigint;
  realisedMinor: bigint;
}
