// The report of a run, as `npm run scan -- --json` and the HTTP service give it.
import type { CurrencyCode } from './currency.ts';
import type { Outcome } from './decision/decision.ts';
import type { OrderStatus } from './order.ts';
import type { Mode, Problem, Side } from './types.ts';

/** Why a run did not open, with the session to expect instead. */
export type RunSkip =
  | 'market_closed'
  | 'outside_window'
  | 'too_late'
  | 'already_done'
  | 'already_running'
  | 'no_signals'
  | 'no_users'
  | 'halted';

export type MessageStatus = 'queued' | 'sending' | 'sent' | 'delivered' | 'failed' | 'unknown' | 'suppressed';

/** The contract's RunReport: money and leverage are decimal strings, everything else JSON numbers. */
export interface RunReport {
  runId: string;
  session: string;
  mode: Mode;
  dryRun: boolean;
  planHash: string;
  /** Only where no prices were given: everything was decided and filled at the signals' own. */
  pricesFrom?: 'signal' | undefined;
  skipped: { reason: RunSkip; nextSession: string | null } | null;
  startedAt: string;
  finishedAt: string;
  durationMs: number;
  truncated: boolean;
  totals: ReportTotals;
  signals: ReportSignal[];
  orders: ReportOrder[];
  decisions: ReportDecision[];
  messages: { userId: string; status: MessageStatus; text: string }[];
  problems: Problem[];
}

export interface ReportTotals {
  users: number;
  signals: number;
  decisions: number;
  accepted: number;
  skipped: number;
  denied: number;
  queued: number;
  working: number;
  partiallyFilled: number;
  filled: number;
  rejected: number;
  canceled: number;
  expired: number;
  unknown: number;
  messages: {
    queued: number;
    sent: number;
    delivered: number;
    failed: number;
    unknown: number;
    suppressed: number;
  };
}

export interface ReportSignal {
  id: string;
  symbol: string;
  side: Side;
  rank: number;
  accepted: number;
  skipped: number;
  denied: number;
  filled: number;
  rejected: number;
  unknown: number;
  durationMs: number;
  priceSpreadPct: number | null;
}

export interface ReportOrder {
  clientOrderId: string;
  userId: string;
  userName: string;
  symbol: string;
  side: Side;
  quantity: number;
  /** `planned` in a dry run. */
  status: OrderStatus | 'planned';
  reason: string | null;
  limitPrice: string | null;
  averagePrice: string | null;
  filledQuantity: number;
  exposure: string;
  margin: string;
  charges: string;
  leverage: string;
  /** Of every amount of the row. */
  currency: CurrencyCode;
}

export interface ReportDecision {
  userId: string;
  userName: string;
  symbol: string;
  side: Side;
  signalId: string;
  outcome: Outcome;
  reason: string | null;
  limit: string | null;
  actual: string | null;
}
