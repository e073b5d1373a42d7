// Runs in the database: what is scanned, frozen, decided and accepted, and when a run is done.
import { z } from 'zod';
import type { Actor } from '../../domain/actions.ts';
import { currencyCodes } from '../../domain/currency.ts';
import type { Decision } from '../../domain/decision/decision.ts';
import type { AccountState } from '../../domain/decision/inputs.ts';
import type { Problem, Quote } from '../../domain/types.ts';
import {
  call,
  columnsOf,
  corporateAction,
  count,
  instrument,
  limits,
  listing,
  minor,
  mode,
  product,
  quote,
  rate,
  runState,
  settings,
  side,
  signal,
  status,
} from './shapes.ts';

export interface DecisionToAccept extends Decision {
  queuePosition: number;
  accountId: number | null;
  leverageCenti: number;
  rateId: number | null;
  clientOrderId: string | null;
}

const storedInputs = z.object({
  users: z.int(),
  anySignals: z.boolean(),
  signals: z.array(signal),
  instruments: z.array(instrument),
  /** Whether an instruments file was ever imported: from then on what is not in one is unknown. */
  instrumentsKnown: z.boolean(),
  held: z.array(listing),
  rates: z.array(rate),
  corporateActions: z.array(corporateAction),
  symbolExposure: z.record(z.string(), minor),
  halted: z.string().nullable(),
  runState: runState.nullable(),
});
export type StoredInputs = z.infer<typeof storedInputs>;

const frozenRun = z.object({
  runId: z.string(),
  sessionId: z.string(),
  tradeDate: z.string(),
  mode,
  state: runState,
  limits,
  planHash: z.string().nullable(),
  cutOffMs: z.int(),
  openedAtMs: z.int(),
  doneAtMs: z.int().nullable(),
  users: z.int(),
  undecided: z.int(),
  halted: z.string().nullable(),
  instrumentsKnown: z.boolean(),
  rates: z.array(rate),
  corporateActions: z.array(corporateAction),
  symbolExposure: z.record(z.string(), minor),
  signals: z.array(z.object({ signal, instrument: instrument.nullable(), share: z.string(), sendBeforeMs: z.int() })),
  quotes: z.array(quote),
});
export type FrozenRun = z.infer<typeof frozenRun>;

/** A whole number of any size, as text: sums of absurd numbers must end nobody else's page. */
const whole = z.string().regex(/^-?\d+$/);

/** What an account traded on a day, by listing, and what it cost in charges. */
const dayTrades = z.object({
  traded: z.array(
    z.object({
      exchange: z.string(),
      symbol: z.string(),
      share: z.string(),
      boughtQuantity: whole,
      boughtMinor: whole,
      soldQuantity: whole,
      soldMinor: whole,
    }),
  ),
  chargesMinor: whole,
});

export const queuedAccount = z.object({
  queuePosition: z.int(),
  accountId: z.int().nullable(),
  settings,
  active: z.boolean(),
  tradingEnabled: z.boolean(),
  strategies: z.array(z.string()).nullable(),
  allowSymbols: z.array(z.string()).nullable(),
  denySymbols: z.array(z.string()),
  currency: z.enum(currencyCodes).nullable(),
  notReady: z.string().nullable(),
  halted: z.string().nullable(),
  availableMinor: minor,
  today: dayTrades,
  ordersToday: z.int(),
  positions: z.array(listing.extend({ share: z.string(), product, quantity: z.int() })),
  working: z.array(listing.extend({ share: z.string(), side })),
  decidedSignalIds: z.array(z.string()),
}) satisfies z.ZodType<AccountState>;
export type QueuedAccount = z.infer<typeof queuedAccount>;

/** `locked`: users whose account another session holds, with nothing written of them. */
const acceptedPage = z.object({
  accepted: z.int(),
  state: runState.nullable(),
  locked: z.array(z.string()).optional(),
});

const signalProgress = z.object({
  signalId: z.string(),
  symbol: z.string(),
  side,
  done: z.int(),
  total: z.int(),
});

const runTimings = z.object({
  openedAtMs: z.int(),
  decidedAtMs: z.int().nullable(),
  firstSentAtMs: z.int().nullable(),
  lastSentAtMs: z.int().nullable(),
  lastSettledAtMs: z.int().nullable(),
  lastMessageAtMs: z.int().nullable(),
  doneAtMs: z.int().nullable(),
  attempts: count,
  troubles: z.array(
    z.object({ status, venue: z.string(), reason: z.string().nullable(), message: z.string().nullable(), count }),
  ),
  setbacks: z.array(z.object({ status, venue: z.string(), reason: z.string().nullable(), count })),
});
export type RunTimings = z.infer<typeof runTimings>;

export const runs = {
  /** Reads what a scan looks at before it opens a run. */
  read_inputs: call<{ mode: string; tradeDate: string; runId: string }>()(storedInputs, { isLong: true }),
  /** Freezes the signals, prices and users of a run. A second call finds the first one’s rows and changes nothing. */
  open_run: call<{
    runId: string;
    sessionId: string;
    tradeDate: string;
    mode: string;
    nowMs: number;
    cutOffMs: number;
    limits: object;
    problems: Problem[];
    signals: { signalId: string; position: number; sendBeforeMs: number }[];
    quotes: Quote[];
    userIds: string[] | null;
    by: Actor;
  }>()(z.object({ created: z.boolean() }), { isLong: true }),
  /**
   * Gives a planning run that was killed, and is resumed too late for its frozen prices, new ones. Decided users keep
   * theirs.
   */
  reprice_run: call<{ runId: string; quotes: Quote[] }>()(z.object({ repriced: z.boolean() }), { isLong: true }),
  /** Reads the frozen run: all that `decide` needs that is the same for every user. null: there is no such run. */
  read_run: call<{ runId: string }>()(frozenRun.nullable(), { isLong: true }),
  /**
   * Reads a page of accounts as `decide` sees them: of an open run (`frozen`) those still undecided, of a run that is
   * only planned every user in the order it would serve them.
   */
  read_accounts: call<{
    runId: string;
    frozen: boolean;
    mode: string;
    tradeDate: string;
    userIds: string[] | null;
    signalIds: string[];
    /** Reads the day's orders and fills also of who has no limit to them: a file that is laid over may set one. */
    countDay?: boolean;
    afterQueuePosition: number;
    limit: number;
  }>()(z.array(queuedAccount)),
  /** Writes a page of decisions, with an order and a hold on its money for each that is accepted. */
  accept_page: call<{ runId: string; nowMs: number; decisions: DecisionToAccept[]; skipLocked?: boolean }>()(
    acceptedPage,
    { encoded: ({ decisions, ...args }) => ({ ...args, decisions: columnsOf(decisions) }) },
  ),
  /** Reads the part of a plan that is written already, to compare a resumed run with the plan somebody approved. */
  read_plan_lines: call<{ runId: string }>()(z.array(z.string()), { isLong: true }),
  /**
   * Ends the plan, after its last page: orders become claimable, every user gets a message row. Repeats change nothing.
   */
  decide_run: call<{ runId: string; nowMs: number }>()(z.object({ state: runState, planHash: z.string().nullable() }), {
    isLong: true,
  }),
  /**
   * Says what is left to do of a run, and when the next thing is due; with nothing left, a decided run becomes done.
   */
  finish_run: call<{ runId: string; nowMs: number }>()(
    z.object({
      state: runState,
      openOrders: z.int(),
      openMessages: z.int(),
      nextDueMs: z.int().nullable(),
    }),
    { isLong: true },
  ),
  /** The same for a worker, who belongs to no run: every decided run with nothing left becomes done. */
  finish_runs: call<{ nowMs: number }>()(z.object({ finished: z.int(), nextDueMs: z.int().nullable() }), {
    isLong: true,
  }),
  /** Counts what is still to be done over all runs: orders not ended and not left to a person, messages not settled. */
  count_unfinished: call<Record<string, never>>()(z.object({ orders: z.int(), messages: z.int() })),
  /** Reads, per signal, how many of its orders the venue has heard of, out of all. */
  read_progress: call<{ runId: string }>()(z.array(signalProgress), { isReport: true }),
  /** Reads when a run did what, and what went wrong in it how often. null: there is no such run. */
  read_run_timings: call<{ runId: string }>()(runTimings.nullable(), { isLong: true, isReport: true }),
};
