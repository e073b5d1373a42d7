// Shapes of what people read about runs, users and the calendar.
import { z } from 'zod';
import { cashMove } from './cash.ts';
import { language, messageStatus, minor, mode, outcome, pricesFrom, reason, runState, side, status } from './rows.ts';

const counts = z.record(z.string(), z.int());

export const report = z.object({
  runId: z.string(),
  sessionId: z.string(),
  tradeDate: z.string(),
  mode,
  state: runState,
  planHash: z.string().nullable(),
  pricesFrom: pricesFrom.nullable(),
  openedAtMs: z.int(),
  finishedAtMs: z.int(),
  problems: z.array(
    z.object({
      file: z.string(),
      line: z.int(),
      field: z.string().nullable(),
      reason: z.string(),
      value: z.string().nullable(),
    }),
  ),
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

/** A decision of a run, with the order it led to; `position` and `place` say where the next page begins. */
export const reportDecision = z.object({
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

export const reportMessage = z.object({
  queuePosition: z.int(),
  userId: z.string(),
  status: messageStatus,
  text: z.string(),
});

export const progress = z.object({
  signalId: z.string(),
  symbol: z.string(),
  side,
  done: z.int(),
  total: z.int(),
});

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

export const why = z.object({
  users: z.array(z.object({ id: z.string(), name: z.string() })),
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

const namedUser = z.object({ id: z.string(), name: z.string() });

export const foundUsers = z.object({ matches: z.array(namedUser), near: z.array(namedUser) });

export const user = z.object({
  id: z.string(),
  name: z.string(),
  active: z.boolean(),
  tradingEnabled: z.boolean(),
  strategies: z.array(z.string()).nullable(),
  allowSymbols: z.array(z.string()).nullable(),
  denySymbols: z.array(z.string()),
  priority: z.int(),
  hasWhatsapp: z.boolean(),
  notify: z.enum(['always', 'orders', 'off']),
  language,
  accounts: z.array(
    z.object({
      venue: z.string(),
      mode,
      notReady: z.string().nullable(),
      cashMinor: minor,
      heldMinor: minor,
      /** The last deposits and withdrawals, the newest first. */
      moved: z.array(cashMove),
      /** null: no limit. */
      maxOrdersPerDay: z.int().nullable(),
      maxOrderValueMinor: minor.nullable(),
    }),
  ),
});

export const calendarDay = z.object({
  date: z.string(),
  kind: z.enum(['open', 'closed']),
  name: z.string(),
  openTime: z.string().nullable(),
  closeTime: z.string().nullable(),
  ofYearList: z.boolean(),
});
