// The RunReport's shape, written from the contract and not from the code.
import { z } from 'zod';

/** Decimal strings with two decimals: rupees and leverage. */
const money = z.string().regex(/^-?\d+\.\d{2}$/);
const count = z.int().nonnegative();
const side = z.enum(['BUY', 'SELL']);
const text = z.string().min(1);
/** ISO with the offset of India, whatever the machine's time zone. */
const instant = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+05:30$/);

const orderStatuses = [
  ...(['planned', 'queued', 'submitting', 'working', 'partially_filled'] as const),
  ...(['filled', 'rejected', 'canceled', 'expired', 'unknown'] as const),
] as const;
const runSkips = [
  ...(['market_closed', 'outside_window', 'too_late', 'already_done'] as const),
  ...(['already_running', 'no_signals', 'no_users', 'halted'] as const),
] as const;

const order = z.strictObject({
  clientOrderId: z.string().regex(/^[a-z0-9]{1,20}$/),
  userId: text,
  userName: text,
  symbol: text,
  side,
  quantity: z.int().positive(),
  status: z.enum(orderStatuses),
  reason: text.nullable(),
  limitPrice: money.nullable(),
  averagePrice: money.nullable(),
  filledQuantity: count,
  exposure: money,
  margin: money,
  charges: money,
  leverage: money,
  currency: z.enum(['INR', 'USD']),
});

const counts = {
  ...{ accepted: count, skipped: count, denied: count },
  ...{ filled: count, rejected: count, unknown: count },
};

/** The contract's RunReport, key by key: one more or one less is a failure. Written from the contract, not from the code. */
export const runReport = z.strictObject({
  runId: z.string().regex(/^X(?:NSE|NYS):\d{4}-\d\d-\d\d:open:paper$/),
  session: z.string().regex(/^X(?:NSE|NYS):\d{4}-\d\d-\d\d:open$/),
  mode: z.literal('paper'),
  dryRun: z.boolean(),
  planHash: z.string().regex(/^([0-9a-f]{64})?$/),
  /** Only with PAPER_PRICES=signal and no prices. */
  pricesFrom: z.literal('signal').optional(),
  skipped: z
    .strictObject({
      reason: z.enum(runSkips),
      nextSession: text.nullable(),
    })
    .nullable(),
  startedAt: instant,
  finishedAt: instant,
  durationMs: count,
  truncated: z.literal(false),
  totals: z.strictObject({
    ...{ users: count, signals: count, decisions: count, accepted: count, skipped: count, denied: count },
    ...{ queued: count, working: count, partiallyFilled: count, filled: count },
    ...{ rejected: count, canceled: count, expired: count, unknown: count },
    messages: z.strictObject({
      ...{ queued: count, sent: count, delivered: count, failed: count, unknown: count, suppressed: count },
    }),
  }),
  signals: z.array(
    z.strictObject({
      ...{ id: text, symbol: text, side, rank: z.int().positive(), ...counts },
      ...{ durationMs: count, priceSpreadPct: z.number().nullable() },
    }),
  ),
  orders: z.array(order),
  decisions: z.array(
    z.strictObject({
      ...{
        userId: text,
        userName: text,
        symbol: text,
        side,
        signalId: text,
        outcome: z.enum(['accepted', 'skipped', 'denied']),
      },
      ...{ reason: text.nullable(), limit: z.string().nullable(), actual: z.string().nullable() },
    }),
  ),
  messages: z.array(
    z.strictObject({
      userId: text,
      status: z.enum(['queued', 'sending', 'sent', 'delivered', 'failed', 'unknown', 'suppressed']),
      text: z.string(),
    }),
  ),
  problems: z.array(
    z.strictObject({
      ...{ file: text, line: z.int().positive(), field: text.nullable(), reason: text, value: z.string().nullable() },
    }),
  ),
});

export type ReportShape = z.infer<typeof runReport>;

/** The one JSON document on stdout, in the contract's shape; its sums hold. */
export function reportOn(stdout: string): ReportShape {
  const report = runReport.parse(JSON.parse(stdout));
  const { totals } = report;
  const orders = [totals.queued, totals.working, totals.partiallyFilled, totals.filled, totals.rejected];
  const ended = [totals.canceled, totals.expired, totals.unknown];
  const sum = [...orders, ...ended].reduce((a, b) => a + b, 0);
  if (!report.dryRun && sum !== totals.accepted) throw new Error(`accepted ${totals.accepted}, but orders ${sum}`);
  if (totals.decisions !== totals.accepted + totals.skipped + totals.denied) throw new Error('decisions do not add up');
  if (totals.decisions !== totals.users * totals.signals) throw new Error('decisions are not users × signals');
  return report;
}

/** The refusal on stdout of a command that was given --json. */
export function refusalOn(stdout: string): { code: string; message: string; problems: unknown[] } {
  const problems = runReport.shape.problems;
  return z.strictObject({ error: z.strictObject({ code: text, message: text, problems }) }).parse(JSON.parse(stdout))
    .error;
}
