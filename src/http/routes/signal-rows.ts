// Reads each row of a signals request as a signal, or says what is wrong with it.
import { z } from 'zod';
import { MAX_RANK, misplaced, strategyPattern, validityFault } from '../../domain/decision/signal-rules.ts';
import { signalIdOf } from '../../domain/ids.ts';
import type { DayOverride } from '../../domain/market/calendar.ts';
import { istIso, parseInstant, parseTradeDate } from '../../domain/market/india-time.ts';
import type { Market } from '../../domain/market/market.ts';
import { digitsText, formatPrice, mostPriceDigits, parsePrice, priceRule } from '../../domain/market/price.ts';
import { dateIn, nextSession, runIdOf, sessionIdOf, sessionOf } from '../../domain/market/session.ts';
import type { SymbolReader } from '../../domain/market/symbols.ts';
import { LARGEST_PRICE_MINOR, parseMinor } from '../../domain/money.ts';
import { isNested } from '../../domain/text/json.ts';
import { cut, storableText } from '../../domain/text/text.ts';
import type { Mode, Signal } from '../../domain/types.ts';
import { type AlertFault, readAlertFields } from './alert-text.ts';
import { type ChartinkOptions, readChartink } from './chartink.ts';
import { exchange } from './exchange.ts';

const DEFAULT_RANK = 1_000;
const MAX_VALUE_LENGTH = 200;
const MAX_PAYLOAD_LENGTH = 4_000;
const API_KEYS = /ds_[\w-]{43}/g;

/** A market with its days and cut-off as they are set. */
export interface MarketHours {
  market: Market;
  cutOffTime: string;
  overrides: readonly DayOverride[];
}

/** What the trade date of a signal is judged by. */
export interface SignalDay {
  nowMs: number;
  mode: Mode;
  /** By which days and until when signals of an exchange are taken: one of `exchangesWithRuns`. */
  hoursAt: (exchange: string) => MarketHours;
  /** Whoever sees a signed request can send it again: without its day it would be a new signal every day. */
  mustBeNamed: boolean;
  /** Reads a symbol among what is listed. */
  readSymbol: SymbolReader;
}

/** The sender's own name for each field of ours. */
type Named = ReadonlyMap<string, string>;

export interface RowProblem {
  field: string | null;
  reason: string;
  value: string | null;
}

/** One row of a request: what was sent, for the record, and the signal it is or what is wrong with it. */
export type ReadRow = { payload: string } & ({ signal: Signal; runId: string } | { problem: RowProblem });

/** A decimal string or a JSON number, taken as it is written: what has more decimals is refused, not rounded. */
const price = z
  .union([z.string(), z.number()], { error: 'must be a price such as "3564.80"' })
  .transform((raw, context) => {
    const value = parseMinor(String(raw), { minorDigits: mostPriceDigits });
    if (value !== null && value > 0 && value <= LARGEST_PRICE_MINOR) return String(raw);
    const message = `must be above 0 with at most ${digitsText(mostPriceDigits)} decimals, such as "3564.80"`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

const instant = z
  .string({ error: 'must be an instant with its offset, such as 2025-08-28T15:00:00+05:30' })
  .transform((text, context) => {
    const value = parseInstant(text);
    if (value !== null) return value;
    const message = 'must be an instant with its offset, such as 2025-08-28T15:00:00+05:30';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

const row = z.strictObject(
  {
    tradeDate: z
      .string({ error: 'must be a date (YYYY-MM-DD)' })
      .refine((text) => parseTradeDate(text) !== null, 'is not a date (YYYY-MM-DD)')
      .optional(),
    rank: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(MAX_RANK, `must be at most ${MAX_RANK}`)
      .default(DEFAULT_RANK),
    strategy: z
      .string({ error: 'must be a name' })
      .regex(strategyPattern, 'must be 1 to 60 characters without : and |'),
    exchange,
    symbol: z.string({ error: 'must be a symbol' }).max(60, 'is no symbol: it has more than 60 characters'),
    side: z.enum(['BUY', 'SELL'], { error: 'must be BUY or SELL' }),
    referencePrice: price,
    stopLoss: price.nullish(),
    target: price.nullish(),
    validUntil: instant.nullish(),
    valid_until: instant.nullish(),
  },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? 'is no field of a signal' : 'must be an object') },
);

/** Reads one row of `{signals: […]}`. A field nobody knows is refused: it may be a stop or target misspelt. */
export function readRow(raw: unknown, day: SignalDay): ReadRow {
  return read(raw, raw, day);
}

/** Reads one TradingView-style alert. */
export function readAlert(raw: object, day: SignalDay): ReadRow {
  if (isNested(raw, MAX_DEPTH)) return { payload: TOO_DEEP, problem: problemOfDepth(raw) };
  const alert = readAlertFields(withoutKey(raw));
  return 'field' in alert ? unread(raw, alert) : read(raw, alert.fields, day, alert.named);
}

/** Reads the shares of a ChartInk alert. */
export function readChartinkRows(body: object, options: ChartinkOptions, day: SignalDay): ReadRow[] {
  const named = new Map([
    ['symbol', 'stocks'],
    ['referencePrice', 'trigger_prices'],
    ['strategy', 'scan_name'],
  ]);
  return readChartink(body, options).map((row) => {
    return 'fault' in row ? unread(row.raw, row.fault) : read(row.raw, row.fields, day, named);
  });
}

function unread(raw: object, { field, reason, value }: AlertFault): ReadRow {
  return { payload: payloadOf(raw), problem: { field: shown(field), reason, value: shown(value) } };
}

/** What a row says, in words of ours, is `fields`; `named` gives the sender's names for them. */
function read(raw: unknown, fields: unknown, day: SignalDay, named: Named = new Map()): ReadRow {
  if (isNested(raw, MAX_DEPTH)) return { payload: TOO_DEEP, problem: problemOfDepth(raw) };
  const payload = payloadOf(raw);
  const content = withoutKey(fields);
  const parsed = row.safeParse(content);
  if (!parsed.success) return { payload, problem: problemOf(parsed.error, content, named) };
  const { tradeDate, symbol: text, exchange } = parsed.data;
  if (tradeDate === undefined && day.mustBeNamed) return { payload, problem: dayless };
  const symbol = day.readSymbol(text, exchange);
  if ('reason' in symbol) return { payload, problem: problemAt(named, 'symbol', symbol.reason, text) };
  const prices = pricesOf(parsed.data, named);
  if ('reason' in prices) return { payload, problem: prices };
  const hours = day.hoursAt(exchange);
  const date = tradeDate ?? nextDate(hours, day.nowMs);
  const signal = signalOf({ ...parsed.data, symbol: symbol.value }, date, prices);
  const problem = wrongSide(signal, named) ?? wrongDate(date, hours, day.nowMs) ?? wrongEnd(signal, parsed.data, day);
  if (problem) return { payload, problem };
  return { payload, signal, runId: runIdOf(sessionIdOf(hours.market.mic, date, 'open'), day.mode) };
}

function payloadOf(raw: unknown): string {
  return cut(hidden(JSON.stringify(withoutKey(raw))), MAX_PAYLOAD_LENGTH, '');
}

function problemAt(named: Named, field: string, reason: string, value: unknown): RowProblem {
  return { field: shown(named.get(field) ?? field), reason, value: shown(value) };
}

/** Nothing a signal has is nested; what is, is not gone through, nor kept. */
const MAX_DEPTH = 8;
const TOO_DEEP = '(nested too deeply to be kept)';

function problemOfDepth(raw: unknown): RowProblem {
  const fields = typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? Object.entries(raw) : [];
  const [field = null] = fields.find(([, value]) => isNested(value, MAX_DEPTH - 1)) ?? [];
  return { field: shown(field), reason: 'is nested too deeply', value: null };
}

const dayless: RowProblem = { field: 'tradeDate', reason: 'is needed in a signed request', value: null };

type Prices = Pick<Signal, 'referencePriceMinor' | 'stopLossMinor' | 'targetMinor'>;

/** The prices in price units of the exchange, or the first that is none there. */
function pricesOf(fields: z.output<typeof row>, named: Named): Prices | RowProblem {
  const { exchange, referencePrice, stopLoss = null, target = null } = fields;
  const referencePriceMinor = parsePrice(referencePrice, exchange);
  const stopLossMinor = stopLoss === null ? null : parsePrice(stopLoss, exchange);
  const targetMinor = target === null ? null : parsePrice(target, exchange);
  const rule = `${priceRule(exchange)}, such as "3564.80"`;
  if (referencePriceMinor === null) return problemAt(named, 'referencePrice', rule, referencePrice);
  if (stopLossMinor === null && stopLoss !== null) return problemAt(named, 'stopLoss', rule, stopLoss);
  if (targetMinor === null && target !== null) return problemAt(named, 'target', rule, target);
  return { referencePriceMinor, stopLossMinor, targetMinor };
}

function signalOf(fields: z.output<typeof row>, tradeDate: string, prices: Prices): Signal {
  const { strategy, exchange, symbol, side, rank } = fields;
  const named = { tradeDate, strategy, exchange, symbol, side };
  return {
    id: signalIdOf(named),
    ...named,
    rank,
    ...prices,
    validUntilMs: fields.validUntil ?? fields.valid_until ?? null,
  };
}

/** The first thing that is wrong, under the name the sender gave it, with what stands there. */
function problemOf({ issues: [issue] }: z.ZodError, raw: unknown, named: Named): RowProblem {
  if (!issue) return { field: null, reason: 'can not be read', value: null };
  const unknownField = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const field = unknownField ?? issue.path[0]?.toString();
  if (field === undefined) return { field: null, reason: issue.message, value: shown(raw) };
  const fields = new Map(typeof raw === 'object' && raw !== null ? Object.entries(raw) : []);
  return problemAt(named, field, issue.message, fields.get(field));
}

function wrongSide(signal: Signal, named: Named): RowProblem | null {
  const wrong = misplaced(signal);
  if (!wrong) return null;
  const valueMinor = wrong.of === 'stopLoss' ? signal.stopLossMinor : signal.targetMinor;
  const reason = `must be ${wrong.must} the reference price for a ${signal.side}`;
  return problemAt(named, wrong.of, reason, valueMinor === null ? null : formatPrice(valueMinor, signal.exchange));
}

/** A signal ends on its trade date, and one that has ended already would never be acted on. */
function wrongEnd(signal: Signal, fields: z.output<typeof row>, day: SignalDay): RowProblem | null {
  const { validUntilMs } = signal;
  const isOver =
    validUntilMs !== null && validUntilMs <= day.nowMs ? 'is over: leave it out, or give a later one' : null;
  const reason = validityFault(signal) ?? isOver;
  const field = fields.validUntil === undefined ? 'valid_until' : 'validUntil';
  return reason === null ? null : { field, reason, value: istIso(validUntilMs ?? 0) };
}

/** A signal nobody would ever act on is rejected now: its day is over, or no trading day at all. */
function wrongDate(date: string, hours: MarketHours, nowMs: number): RowProblem | null {
  const wrong = (reason: string): RowProblem => ({ field: 'tradeDate', reason, value: date });
  const resolved = sessionOf({ ...hours, slot: 'open', date });
  if (resolved.kind === 'session') return nowMs < resolved.session.cutOffMs ? null : wrong('too_late');
  if (resolved.kind === 'closed') return wrong(`the exchange does not trade then (${resolved.name})`);
  return wrong('is beyond the trading calendar');
}

/** Today until its cut-off, from then on the next trading day. Where the calendar has none, today: it is refused then. */
function nextDate(hours: MarketHours, nowMs: number): string {
  const date = dateIn(hours.market, nowMs);
  const query = { ...hours, slot: 'open' } as const;
  const today = sessionOf({ ...query, date });
  if (today.kind === 'session' && nowMs < today.session.cutOffMs) return date;
  return nextSession(date, query)?.split(':')[1] ?? date;
}

/** The key an alert may carry is nothing to keep. */
function withoutKey<Value>(value: Value): Value | object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'key'));
}

/** Nor is one that stands anywhere else. */
function hidden(text: string): string {
  return text.replace(API_KEYS, '[hidden]');
}

function shown(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return cut(storableText(hidden(typeof value === 'string' ? value : JSON.stringify(value))), MAX_VALUE_LENGTH, '');
}
