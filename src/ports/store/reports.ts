// What people ask of a run or of a user: reports, pages of them, and why somebody got something or not.
import { z } from 'zod';
import {
  call,
  counts,
  messageStatus,
  minor,
  mode,
  namedUser,
  outcome,
  pricesFrom,
  problem,
  reason,
  runState,
  side,
  status,
} from './shapes.ts';

const storedReport = z.object({
  runId: z.string(),
  sessionId: z.string(),
  tradeDate: z.string(),
  mode,
  state: runState,
  planHash: z.string().nullable(),
  pricesFrom: pricesFrom.nullable(),
  openedAtMs: z.int(),
  finishedAtMs: z.int(),
  problems: z.array(problem),
  users: z.int(),
  outcomes: counts,
  statuses: counts,
  messageStatuses: counts,
  signals: z.array(
    z.object({
      id: z.string(),
      symbol: z.string(),
      side,
      rank: z.int(),
      accepted: z.int(),
      skipped: z.int(),
      denied: z.int(),
      filled: z.int(),
      rejected: z.int(),
      unknown: z.int(),
      durationMs: z.int(),
      /** Thousandths of the minor unit: an average price need not be whole. */
      lowestMilli: z.int().nullable(),
      highestMilli: z.int().nullable(),
      fills: z.int(),
    }),
  ),
});
export type StoredReport = z.infer<typeof storedReport>;

/** A decision of a run, with the order it led to; `position` and `place` say where the next page begins. */
const storedDecision = z.object({
  position: z.int(),
  queuePosition: z.int(),
  userId: z.string(),
  userName: z.string(),
  symbol: z.string(),
  side,
  signalId: z.string(),
  outcome,
  reason,
  limit: z.string().nullable(),
  actual: z.string().nullable(),
  order: z
    .object({
      clientOrderId: z.string(),
      quantity: z.int(),
      status,
      reason: z.string().nullable(),
      limitPriceMinor: minor,
      decisionPriceMinor: minor,
      filledQuantity: z.int(),
      filledValueMinor: minor,
      chargesMinor: minor,
      leverageCenti: z.int(),
    })
    .nullable(),
});
export type StoredDecision = z.infer<typeof storedDecision>;

const reportMessage = z.object({
  queuePosition: z.int(),
  userId: z.string(),
  status: messageStatus,
  text: z.string(),
});
export type ReportMessage = z.infer<typeof reportMessage>;

const whyOrder = z.object({
  clientOrderId: z.string(),
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
  events: z.array(z.object({ atMs: z.int(), from: status.nullable(), to: status, reason: z.string().nullable() })),
  ledger: z.array(z.object({ kind: z.string(), cashDeltaMinor: minor, heldDeltaMinor: minor })),
});

const why = z.object({
  users: z.array(namedUser),
  decisions: z.array(
    z.object({
      runId: z.string(),
      tradeDate: z.string(),
      userId: z.string(),
      symbol: z.string(),
      side,
      strategy: z.string(),
      outcome,
      reason,
      limit: z.string().nullable(),
      actual: z.string().nullable(),
      quantity: z.int(),
      priceMinor: minor.nullable(),
      holdMinor: minor,
      referencePriceMinor: minor,
      pricesFrom: pricesFrom.nullable(),
      stopLossMinor: minor.nullable(),
      targetMinor: minor.nullable(),
      order: whyOrder.nullable(),
    }),
  ),
});
export type Why = z.infer<typeof why>;

export const missedExits = z.object({
  count: z.int(),
  first: z.array(
    z.object({
      userId: z.string(),
      userName: z.string(),
      symbol: z.string(),
      reason: z.string(),
      quantity: z.int(),
    }),
  ),
});
export type MissedExits = z.infer<typeof missedExits>;

const reportReasons = z.object({
  reasons: z.array(
    z.object({ what: z.string(), reason: z.string().nullable(), count: z.int(), first: z.array(z.string()) }),
  ),
  boughtMinor: minor,
  soldMinor: minor,
  chargesMinor: minor,
  exits: z.array(z.object({ signalId: z.string(), stopLossMinor: minor.nullable(), targetMinor: minor.nullable() })),
  missedExits,
});
export type ReportReasons = z.infer<typeof reportReasons>;

const reportPage = z.object({
  users: z.array(z.object({ queuePosition: z.int(), userId: z.string(), userName: z.string() })),
  decisions: z.array(storedDecision),
  messages: z.array(reportMessage),
  left: z.int(),
});

const listedRun = z.object({
  runId: z.string(),
  tradeDate: z.string(),
  mode,
  state: runState,
  openedAtMs: z.int(),
  users: z.int(),
  orders: z.int(),
  filled: z.int(),
  rejected: z.int(),
  open: z.int(),
  unknown: z.int(),
  messagesFailed: z.int(),
});
export type ListedRun = z.infer<typeof listedRun>;

export const reports = {
  /** Reads what a run came to, counted; null: there is no such run. */
  read_report: call<{ runId: string }>()(storedReport.nullable(), { isLong: true, isReport: true }),
  /** Reads a page of a run’s decisions with what became of their orders: best signal first, then place in the queue. */
  read_report_decisions: call<{ runId: string; afterPosition: number; afterQueuePosition: number; limit: number }>()(
    z.array(storedDecision),
    { isLong: true, isReport: true },
  ),
  /** Reads the messages of a page of a run’s users, in the order the run served them. */
  read_report_messages: call<{ runId: string; afterQueuePosition: number; limit: number }>()(z.array(reportMessage), {
    isLong: true,
    isReport: true,
  }),
  /** Reads what a run came to in reasons and money, of all its users; null: there is no such run. */
  read_report_reasons: call<{ runId: string }>()(reportReasons.nullable()),
  /**
   * Reads a page of a run’s users with all their decisions, orders and messages. `left`: how many such users come
   * after.
   */
  read_report_page: call<{
    runId: string;
    afterQueuePosition: number;
    limit: number;
    userId: string | null;
    status: string | null;
    /** Where the status is looked for. */
    of: 'all' | 'messages';
  }>()(reportPage),
  /**
   * Reads runs, the newest first. `named`: the run of that id, or those whose id starts so, with or without the market;
   * `after`: only those before that run.
   */
  read_runs: call<{ named: string | null; after: string | null; limit: number }>()(z.array(listedRun)),
  /**
   * Says why a user did or did not get a symbol: decisions, orders with their history, fills and money. `symbol` null:
   * all of the day.
   */
  why: call<{ user: string; symbol: string | null; date: string | null }>()(why, { isLong: true, isReport: true }),
};
