// Shapes of what is watched: events of orders, gauges, the doctor's questions, timings.
import { z } from 'zod';
import { minor, mode, runState, side, status } from './rows.ts';

export const orderEvent = z.object({
  /** Grows within an order; over several orders a later one may become visible first. */
  eventId: z.int(),
  orderId: z.int(),
  clientOrderId: z.string(),
  status,
  from: status.nullable(),
  reason: z.string().nullable(),
  filledQuantity: z.int(),
  filledValueMinor: minor,
  atMs: z.int(),
});

const count = z.int();

export const gauges = z.object({
  orders: z.array(z.object({ mode, venue: z.string(), status, reason: z.string(), count })),
  messages: z.array(z.object({ mode, status: z.string(), count })),
  runs: z.array(
    z.object({
      slot: z.string(),
      mode,
      state: runState,
      planningMs: z.int().nullable(),
      sendingMs: z.int().nullable(),
      totalMs: z.int().nullable(),
    }),
  ),
  spreads: z.array(
    z.object({ mode, symbol: z.string(), side, lowestMilli: z.int().positive(), highestMilli: z.int().positive() }),
  ),
  queued: z.object({ count, oldestAtMs: z.int().nullable() }),
  unknownOrders: count,
  leftToAPerson: count,
  messagesWaiting: z.object({ count, oldestDueAtMs: z.int().nullable() }),
  blockedAccounts: count,
  halts: count,
});

export const readiness = z.object({
  nowMs: z.int(),
  /** Whether the asking process's clock is so far off that nothing is done for it; an older schema does not say. */
  clockIsFar: z.boolean().default(false),
  migrations: z.array(z.string()),
  /** Marked as being sent, with a lease that lapsed a minute ago: nobody looks after them. At most 1000 are counted. */
  stuckOrders: count,
});

export const condition = z.object({
  signals: z.array(z.object({ tradeDate: z.string(), count })),
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

/** The live accounts that trade, by venue, and why some may not on a day: `why` is the code of a reason. */
export const liveAccounts = z.object({
  venues: z.array(z.object({ venue: z.string(), accounts: count, connected: count, ready: count })),
  notReady: z.array(z.object({ venue: z.string(), why: z.string(), count })),
});

export const runTimings = z.object({
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

/** Sessions that hold an account's row, as the server tells it to whoever may see it. */
export const lockHolders = z.array(
  z.object({
    pid: z.int(),
    application: z.string(),
    state: z.string(),
    forSeconds: z.int(),
    query: z.string(),
  }),
);
