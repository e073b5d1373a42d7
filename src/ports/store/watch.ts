// What is watched over all runs, and what operators are told: a day, gauges, the next session, notices.
import { z } from 'zod';
import { type CurrencyCode, currencyCodes } from '../../domain/currency.ts';
import { missedExits } from './reports.ts';
import { call, count, counts, minor, mode, runState, side, status } from './shapes.ts';

export interface SettledNotice {
  noticeId: number;
  status: 'queued' | 'sent' | 'failed' | 'unknown';
  reason: string | null;
  providerId: string | null;
  nextAttemptMs: number | null;
}

/** MIC of the market a run is of. */
const market = z.string();

const gauges = z.object({
  orders: z.array(z.object({ mode, venue: z.string(), status, reason: z.string(), market, count })),
  messages: z.array(z.object({ mode, status: z.string(), market, count })),
  runs: z.array(
    z.object({
      market,
      slot: z.string(),
      mode,
      state: runState,
      planningMs: z.int().nullable(),
      sendingMs: z.int().nullable(),
      totalMs: z.int().nullable(),
    }),
  ),
  spreads: z.array(
    z.object({
      mode,
      symbol: z.string(),
      side,
      market,
      lowestMilli: z.int().positive(),
      highestMilli: z.int().positive(),
    }),
  ),
  queued: z.object({ count, oldestAtMs: z.int().nullable() }),
  unknownOrders: count,
  leftToAPerson: count,
  messagesWaiting: z.object({ count, oldestDueAtMs: z.int().nullable() }),
  blockedAccounts: count,
  halts: count,
});
export type Gauges = z.infer<typeof gauges>;

const databaseReadiness = z.object({
  nowMs: z.int(),
  /** Whether the asking process's clock is so far off that nothing is done for it; an older schema does not say. */
  clockIsFar: z.boolean().default(false),
  migrations: z.array(z.string()),
  /** Marked as being sent, with a lease that lapsed a minute ago: nobody looks after them. At most 1000 are counted. */
  stuckOrders: count,
});
export type DatabaseReadiness = z.infer<typeof databaseReadiness>;

const condition = z.object({
  signals: z.array(z.object({ market, tradeDate: z.string(), count })),
  users: z.object({ active: count, withoutAccount: count, withoutOptIn: count }),
  unknownOrders: count,
  /** The first twenty; `leftCount`: all of them. */
  leftToAPerson: z.array(z.string()),
  leftCount: count,
  /** Sent, and not looked up any more: nobody knows whether they arrived. */
  messagesNotKnown: count,
  blockedAccounts: z.object({
    count,
    first: z.array(z.object({ userId: z.string(), venue: z.string(), why: z.string() })),
  }),
  halts: z.array(z.object({ scope: z.string(), target: z.string(), why: z.string() })),
  notCallable: z.array(z.string()),
  openToVisitors: z.array(z.string()),
  withoutRowSecurity: z.array(z.string()),
});
export type Condition = z.infer<typeof condition>;

/** A date a market's signals are wanted for. */
export interface DueDay {
  market: string;
  tradeDate: string;
  exchanges: readonly string[];
}

/** The live accounts that trade, by venue, and why some may not on a day: `why` is the code of a reason. */
const liveAccounts = z.object({
  venues: z.array(z.object({ venue: z.string(), accounts: count, connected: count, ready: count })),
  notReady: z.array(z.object({ venue: z.string(), why: z.string(), count })),
});
export type LiveAccounts = z.infer<typeof liveAccounts>;

/** Sessions that hold an account's row, as the server tells it to whoever may see it. */
const lockHolder = z.object({
  pid: z.int(),
  application: z.string(),
  state: z.string(),
  forSeconds: z.int(),
  query: z.string(),
});

/** What the role this program calls as may do beside calling functions. */
const privileges = z.object({
  role: z.string(),
  superuser: z.boolean(),
  /** Of the schema: it may change or drop anything of ours. */
  owner: z.boolean(),
  /** Tables of ours it reads or writes; 20 at most. */
  tables: z.array(z.string()),
  /** Roles of the service that the server lacks. */
  missingRoles: z.array(z.string()),
});

const listOf = <Row extends z.ZodType>(row: Row) => z.object({ count: z.int(), first: z.array(row) });

const at = { userId: z.string(), venue: z.string() };

const dayOverview = z.object({
  tradeDate: z.string(),
  mode,
  /** Of every amount. */
  currency: z.enum(currencyCodes),
  runs: z.array(z.string()),
  accounts: z.object({
    count: z.int(),
    cashMinor: minor,
    heldMinor: minor,
    /** What people moved in and out on the day. */
    depositedMinor: minor,
    withdrawnMinor: minor,
  }),
  held: z.object({
    positions: z.int(),
    instruments: z.int(),
    costMinor: minor,
    valueMinor: minor,
    marginMinor: minor,
    unpriced: z.int(),
  }),
  largest: z.array(
    z.object({
      exchange: z.string(),
      symbol: z.string(),
      accounts: z.int(),
      quantity: z.int(),
      costMinor: minor,
      priceMinor: minor.nullable(),
      pricedAtMs: z.int().nullable(),
    }),
  ),
  orders: z.object({
    count: z.int(),
    filled: z.int(),
    open: z.int(),
    boughtMinor: minor,
    soldMinor: minor,
    chargesMinor: minor,
    realisedMinor: minor,
  }),
  missedExits,
  messages: z.object({
    queued: z.int(),
    sent: z.int(),
    failed: z.int(),
    unknown: z.int(),
    runs: z.array(z.string()),
  }),
  unknownOrders: listOf(
    z.object({
      ...at,
      clientOrderId: z.string(),
      userName: z.string(),
      symbol: z.string(),
      side,
      quantity: z.int(),
      status,
      leftToAPerson: z.boolean(),
    }),
  ),
  drifts: listOf(z.object({ ...at, kind: z.string(), what: z.string(), ours: z.string(), theirs: z.string() })),
  blocked: listOf(z.object({ ...at, why: z.string() })),
  missingLogins: listOf(z.object(at)),
  notChecked: z.int(),
  halts: z.array(z.object({ scope: z.string(), target: z.string(), why: z.string() })),
  messagesStopped: z.string().nullable(),
});
export type DayOverview = z.infer<typeof dayOverview>;

const claimedNotice = z.object({
  noticeId: z.int(),
  key: z.string(),
  number: z.string(),
  text: z.string(),
  attempt: z.int(),
});
export type ClaimedNotice = z.infer<typeof claimedNotice>;

const runDigest = z.object({
  runId: z.string(),
  mode,
  startedAtMs: z.int(),
  doneAtMs: z.int(),
  badRows: z.int(),
  users: z.int(),
  outcomes: counts,
  orders: counts,
  messages: counts,
  /** The first five. */
  unknownOrders: z.array(z.string()),
  breaker: z.int(),
  lateFills: z.int(),
  /** Why no messages go at the moment; null: they go. */
  messagesStopped: z.string().nullable(),
});
export type RunDigest = z.infer<typeof runDigest>;

export const watch = {
  /** Reads a day over all its runs in a currency (left out: INR); money and positions as they are now. */
  read_day: call<{ tradeDate: string; mode: string; currency?: CurrencyCode }>()(dayOverview),
  /** Reads what is so at the moment: of each market's trade date, and what waits or is unknown of any. */
  read_gauges: call<{ days: readonly { market: string; tradeDate: string }[] }>()(gauges, {
    isLong: true,
    isReport: true,
  }),
  /**
   * Reads the database’s clock and its migrations. With `nowMs` it says whether this clock is far from the database’s.
   */
  read_readiness: call<{ nowMs?: number }>()(databaseReadiness),
  /**
   * Reads what a person has to know before the next session: of `days` the signals of the exchanges that are due in that
   * market's run; `functions` are the names this program calls.
   */
  read_condition: call<{ mode: string; days: readonly DueDay[]; functions: readonly string[] }>()(condition, {
    isLong: true,
    isReport: true,
  }),
  /**
   * Reads the live accounts that trade, by venue: how many are connected and may trade on a day, and why others may
   * not.
   */
  read_live_accounts: call<{ tradeDate: string; currency: CurrencyCode }>()(liveAccounts, {
    isLong: true,
    isReport: true,
  }),
  /** Reads which sessions hold an account’s row, for how long, and what they did last. */
  read_lock_holders: call<{ accountId: number }>()(z.array(lockHolder)),
  /** Reads what the caller reaches beside the functions. */
  read_privileges: call<Record<string, never>>()(privileges),
  /** Reads the facts of runs that are over and that operators were not told of yet. */
  read_digests: call<{ nowMs: number }>()(z.array(runDigest)),
  /** Queues notices to operators’ numbers, each key once per number. */
  queue_notices: call<{
    notices: { key: string; runId: string | null; text: string }[];
    to: readonly string[];
    nowMs: number;
  }>()(z.object({ queued: z.int() })),
  /** Marks notices as being sent. One whose sender is gone may have gone, and is not sent again. */
  claim_notices: call<{ limit: number; nowMs: number }>()(z.array(claimedNotice)),
  /** Books what became of notices. */
  settle_notices: call<{ notices: SettledNotice[]; nowMs: number }>()(z.object({ settled: z.int() })),
};
