// Shapes of what screens show of everybody: reasons, pages, runs, positions, a day.
import { z } from 'zod';
import { reportDecision, reportMessage } from './report.ts';
import { minor, mode, runState, side, status } from './rows.ts';

const missedExits = z.object({
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

export const reportReasons = z.object({
  reasons: z.array(
    z.object({ what: z.string(), reason: z.string().nullable(), count: z.int(), first: z.array(z.string()) }),
  ),
  boughtMinor: minor,
  soldMinor: minor,
  chargesMinor: minor,
  exits: z.array(z.object({ signalId: z.string(), stopLossMinor: minor.nullable(), targetMinor: minor.nullable() })),
  missedExits,
});

export const reportPage = z.object({
  users: z.array(z.object({ queuePosition: z.int(), userId: z.string(), userName: z.string() })),
  decisions: z.array(reportDecision),
  messages: z.array(reportMessage),
  left: z.int(),
});

export const runRow = z.object({
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

export const position = z.object({
  key: z.string(),
  userId: z.string(),
  userName: z.string(),
  venue: z.string(),
  mode,
  exchange: z.string(),
  symbol: z.string(),
  quantity: z.int(),
  costMinor: minor,
  marginMinor: minor,
  /** null: no price of it is known. */
  priceMinor: minor.nullable(),
  pricedAtMs: z.int().nullable(),
});

const listOf = <Row extends z.ZodType>(row: Row) => z.object({ count: z.int(), first: z.array(row) });
const at = { userId: z.string(), venue: z.string() };

export const day = z.object({
  tradeDate: z.string(),
  mode,
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
