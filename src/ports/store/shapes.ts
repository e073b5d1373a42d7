// How a database function is written down, and the row shapes that topics share or the domain has a type for.
import { z } from 'zod';
import { currencyCodes } from '../../domain/currency.ts';
import { denyReasons, type Outcome, skipReasons } from '../../domain/decision/decision.ts';
import type { ChargeRate, RunLimits } from '../../domain/decision/inputs.ts';
import { type CorporateAction, corporateActionKinds } from '../../domain/market/corporate-actions.ts';
import type { Listing } from '../../domain/market/share.ts';
import { type Language, languages } from '../../domain/messages/texts/en.ts';
import { orderStatuses } from '../../domain/order.ts';
import type { MessageStatus } from '../../domain/report.ts';
import type { Instrument, Mode, Problem, Product, Quote, Side, Signal, UserSettings } from '../../domain/types.ts';

/** A function of the database: what it is called with, what it answers, and how long that may take. */
export interface Call<Args, A extends z.ZodType> {
  answer: A;
  /** Of the type only: no value has it. */
  args?: Args;
  /** What the database is given for them, where it takes them in another shape. */
  encoded?(args: Args): object;
  /** It goes over a whole run, file or year, and nobody waits for it at a screen: it may take a minute. */
  isLong?: boolean;
  /** A list or report, for people who look: such have connections of their own, so that no order waits for them. */
  isReport?: boolean;
}

/** `call<Args>()(answer)`, in two steps so that the answer's type is inferred beside arguments that are named. */
export const call =
  <Args>() =>
  <A extends z.ZodType>(
    answer: A,
    kind: Pick<Call<Args, A>, 'encoded' | 'isLong' | 'isReport'> = {},
  ): Call<Args, A> => ({
    answer,
    ...kind,
  });

/**
 * Rows as one list per field, in their order: less for the database to read than an object per row. All have the fields
 * of the first.
 */
export function columnsOf<Row extends object>(rows: readonly Row[]): Record<string, unknown[]> {
  const columns: Record<string, unknown[]> = {};
  for (const field in rows[0]) columns[field] = rows.map((row) => row[field]);
  return columns;
}

// Money is an integer in the minor unit; a JSON number holds it exactly up to 2^53, which zod’s int() checks.
export const minor = z.int();
export const side = z.enum(['BUY', 'SELL']) satisfies z.ZodType<Side>;
export const mode = z.enum(['paper', 'live']) satisfies z.ZodType<Mode>;
export const product = z.enum(['delivery', 'mtf']) satisfies z.ZodType<Product>;
export const status = z.enum(orderStatuses);
export const outcome = z.enum(['accepted', 'skipped', 'denied']) satisfies z.ZodType<Outcome>;
export const reason = z.enum([...skipReasons, ...denyReasons]).nullable();
export const language = z.enum(languages) satisfies z.ZodType<Language>;
export const channel = z.enum(['whatsapp', 'sms']);

export const messageStatus = z.enum([
  'queued',
  'sending',
  'sent',
  'delivered',
  'failed',
  'unknown',
  'suppressed',
]) satisfies z.ZodType<MessageStatus>;

export const runState = z.enum(['planning', 'decided', 'done']);

/** Written only where it says something. */
export const pricesFrom = z.literal('signal');

export const listing = z.object({ exchange: z.string(), symbol: z.string() }) satisfies z.ZodType<Listing>;
export const namedUser = z.object({ id: z.string(), name: z.string() });
export const count = z.int();
export const counts = z.record(z.string(), z.int());

export const instrument = z.object({
  exchange: z.string(),
  symbol: z.string(),
  isin: z.string().nullable(),
  name: z.string(),
  tickMinor: minor,
  lotSize: z.int(),
  freezeQuantity: z.int().nullable(),
  fno: z.boolean(),
  restricted: z.string().nullable(),
  currency: z.enum(currencyCodes),
  quantityScale: z.int(),
  priceScale: z.int(),
}) satisfies z.ZodType<Instrument>;

export const corporateAction = z.object({
  exchange: z.string(),
  symbol: z.string(),
  exDate: z.string(),
  kind: z.enum(corporateActionKinds),
  ratio: z.string().nullable(),
}) satisfies z.ZodType<CorporateAction>;

export const rate = z.object({
  id: z.int(),
  product,
  side,
  transactionTaxPpb: z.int(),
  exchangePpb: z.int(),
  regulatorPpb: z.int(),
  stampPpb: z.int(),
  brokeragePpb: z.int(),
  brokerageCapMinor: minor,
  gstBps: z.int(),
}) satisfies z.ZodType<ChargeRate>;

export const signal = z.object({
  id: z.string(),
  tradeDate: z.string(),
  rank: z.int(),
  strategy: z.string(),
  exchange: z.string(),
  symbol: z.string(),
  side,
  referencePriceMinor: minor,
  stopLossMinor: minor.nullable(),
  targetMinor: minor.nullable(),
  validUntilMs: z.int().nullable(),
}) satisfies z.ZodType<Signal>;

export const quote = z.object({
  exchange: z.string(),
  symbol: z.string(),
  priceMinor: minor,
  previousCloseMinor: minor.nullable(),
  lowerCircuitMinor: minor.nullable(),
  upperCircuitMinor: minor.nullable(),
  atMs: z.int(),
}) satisfies z.ZodType<Quote>;

export const limits = z.object({
  priceBandBps: z.int(),
  limitBandBps: z.int().optional(),
  protectionBps: z.int(),
  minOrderValueMinor: minor,
  maxOrderValueMinor: minor.nullable(),
  symbolCapMinor: minor.nullable(),
  quoteMaxAgeMs: z.int(),
  pricesFrom: pricesFrom.optional(),
}) satisfies z.ZodType<RunLimits>;

export const settings = z.object({
  id: z.string(),
  name: z.string(),
  whatsapp: z.string().nullable(),
  capitalMinor: minor,
  allocationBps: z.int(),
  leverageCenti: z.int(),
  maxOpenPositions: z.int().nullable(),
  dailyLossLimitBps: z.int().nullable(),
  maxOrdersPerDay: z.int().nullable(),
  maxOrderValueMinor: minor.nullable(),
  priority: z.int(),
  venue: z.string(),
}) satisfies z.ZodType<UserSettings>;

export const problem = z.object({
  file: z.string(),
  line: z.int(),
  field: z.string().nullable(),
  reason: z.string(),
  value: z.string().nullable(),
}) satisfies z.ZodType<Problem>;

/** Rows that are told as columns, each parsed as `row`; null: none. A quarter of the text, and quicker to write and read. */
export function rowsInColumns<Row extends z.ZodType>(row: Row) {
  return z.preprocess(rowsOf, z.array(row));
}

/** What is no object of arrays is left for the parser to refuse, as is a row whose columns are not equally long. */
function rowsOf(columns: unknown): unknown {
  if (columns === null) return [];
  const entries = Object.entries(columns ?? {});
  const length = Math.max(...entries.map(([, values]) => (Array.isArray(values) ? values.length : 0)));
  return Array.from({ length: Math.max(length, 0) }, (_, n) => {
    const row: Record<string, unknown> = {};
    for (const [name, values] of entries) row[name] = Array.isArray(values) ? values[n] : undefined;
    return row;
  });
}
