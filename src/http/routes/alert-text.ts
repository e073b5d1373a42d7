// Reads a TradingView alert as the fields of a signal.
import { exchangesWithRuns } from '../../domain/market/market.ts';
import { exchangeNamed } from '../../domain/market/symbols.ts';

/** What an alert says, under the names of a signal's fields, and where it says it. */
export interface AlertFields {
  fields: Record<string, unknown>;
  /** The sender's own name for each of them: `strategy.order_price`. */
  named: ReadonlyMap<string, string>;
}

/** Something an alert says that can't be followed, and what to write instead. */
export interface AlertFault {
  field: string;
  reason: string;
  value: unknown;
}

/**
 * What alerts call a signal's fields, the first first; without case, `_` and `-`. The second part is what TradingView's
 * placeholders give: https://www.tradingview.com/support/solutions/43000531021
 */
const NAMES = {
  symbol: ['ticker', 'symbol'],
  exchange: ['exchange'],
  side: ['action', 'side', 'orderaction'],
  referencePrice: ['price', 'orderprice', 'referenceprice', 'close'],
  stopLoss: ['stoploss', 'sl', 'stop', 'stopprice', 'stoplossprice'],
  target: ['target', 'takeprofit', 'tp', 'targetprice', 'takeprofitprice'],
  rank: ['rank'],
  strategy: ['strategy', 'strategyname'],
  tradeDate: ['tradedate'],
  validUntil: ['validuntil'],
} as const;

type FieldName = keyof typeof NAMES;

/** Objects inside an alert that are part of it; what else it carries is let be. */
const NESTED_OBJECTS = ['strategy', 'order', 'bar'];
/** What must not vanish: whoever writes it relies on it. */
const LIKE_A_LIMIT = /stop|takeprofit|target|^(sl|tp)\d*$/;
/** The side as alerts have it. */
const SIDES: Readonly<Record<string, string>> = { BUY: 'BUY', LONG: 'BUY', SELL: 'SELL' };

const NEEDED = [
  ['symbol', 'ticker', '"ticker": "{{ticker}}"'],
  ['side', 'action', '"action": "{{strategy.order.action}}", or "buy" or "sell"'],
  ['referencePrice', 'price', '"price": {{close}}'],
] as const;

interface AlertValue {
  path: string;
  /** The name without case and signs. */
  plain: string;
  value: unknown;
}

/** Whether a body that has no list of signals is one alert. */
export function isAlert(body: unknown): body is object {
  if (!isObject(body)) return false;
  const has = (name: string) => Object.hasOwn(body, name);
  const strategy: unknown = Reflect.get(body, 'strategy');
  return has('action') || has('ticker') || has('order_action') || (has('strategy') && isObject(strategy));
}

/**
 * One TradingView alert as the fields of a signal: flat, or with what the strategy says in an object `strategy`; numbers
 * as numbers or in quotes. Its `time` is the bar's, not the signal's, and is not read. Stop, target and rank are
 * kept; what looks like a stop or target and is none of their names is a fault, never lost.
 */
export function readAlertFields(alert: object): AlertFields | AlertFault {
  const values = valuesOf(alert);
  const limit = values.find(({ plain }) => LIKE_A_LIMIT.test(plain) && fieldNamed(plain) === undefined);
  if (limit) {
    return { field: limit.path, reason: 'is no field of an alert: write stop_loss or target', value: limit.value };
  }
  const byField = new Map<FieldName, AlertValue>();
  for (const field of Object.keys(NAMES).filter(isFieldName)) {
    const [first, ...more] = meaning(values, field);
    if (first) byField.set(field, first);
    const other = more.find(({ value }) => String(value) !== String(first?.value));
    if (first && other && (field === 'stopLoss' || field === 'target')) {
      return { field: other.path, reason: `differs from ${first.path}: give one of them`, value: other.value };
    }
  }
  return missing(byField) ?? elsewhere(byField) ?? covering(values, byField) ?? fieldsOf(byField);
}

function fieldsOf(byField: ReadonlyMap<FieldName, AlertValue>): AlertFields {
  const fields: Record<string, unknown> = { strategy: 'tradingview' };
  for (const [field, { value }] of byField) {
    const text = typeof value === 'string' ? value.trim() : value;
    if (field === 'exchange') Object.assign(fields, exchangeOf(text));
    else if (field === 'side' && typeof text === 'string') fields[field] = SIDES[text.toUpperCase()] ?? text;
    else if (field === 'rank' && typeof text === 'string' && /^\d{1,9}$/.test(text)) fields[field] = Number(text);
    else fields[field] = text;
  }
  return { fields, named: new Map([...byField].map(([field, { path }]) => [field, path])) };
}

/** Everything an alert says, its own members before those of its parts; an empty value says nothing. */
function valuesOf(alert: object): AlertValue[] {
  const members = (of: object, before: string): AlertValue[] =>
    Object.entries(of)
      .filter(([, value]) => value !== null && value !== '')
      .map(([name, value]) => ({ path: `${before}${name}`, plain: plainOf(name), value }));
  const own = members(alert, '');
  const nested = NESTED_OBJECTS.flatMap((part) => {
    const inner: unknown = Object.hasOwn(alert, part) ? Reflect.get(alert, part) : null;
    return isObject(inner) ? members(inner, `${part}.`) : [];
  });
  return [...own.filter(({ plain, value }) => !(NESTED_OBJECTS.includes(plain) && isObject(value))), ...nested];
}

/** What an alert says of one of our fields, the name we would sooner have first. */
function meaning(values: readonly AlertValue[], field: FieldName): AlertValue[] {
  const names = namesOf(field);
  return names.flatMap((name) => values.filter(({ plain, path }) => plain === name || isNameOfStrategy(field, path)));
}

function isNameOfStrategy(field: FieldName, path: string): boolean {
  return field === 'strategy' && path === 'strategy.name';
}

function fieldNamed(plain: string): FieldName | undefined {
  return Object.keys(NAMES)
    .filter(isFieldName)
    .find((field) => namesOf(field).includes(plain));
}

function namesOf(field: FieldName): readonly string[] {
  return NAMES[field];
}

function isFieldName(name: string): name is FieldName {
  return Object.hasOwn(NAMES, name);
}

function plainOf(name: string): string {
  return name.toLowerCase().replace(/[_\s-]/g, '');
}

function missing(byField: ReadonlyMap<FieldName, AlertValue>): AlertFault | null {
  const lacking = NEEDED.find(([name]) => !byField.has(name));
  if (!lacking) return null;
  const [, field, example] = lacking;
  return { field, reason: `is missing: write ${example}`, value: null };
}

/** An alert of another exchange. One that stands before the symbol is read with it. */
function elsewhere(byField: ReadonlyMap<FieldName, AlertValue>): AlertFault | null {
  const exchange = byField.get('exchange');
  if (!exchange) return null;
  const read = exchangeOf(exchange.value);
  return 'reason' in read ? { field: exchange.path, reason: read.reason, value: exchange.value } : null;
}

/** An exchange as signals name it: what TradingView has as NASDAQ is US. */
function exchangeOf(value: unknown): { exchange: string } | { reason: string } {
  if (typeof value !== 'string') return { reason: `must be ${exchangesWithRuns.join(' or ')}` };
  const read = exchangeNamed(value.trim().toUpperCase());
  return 'reason' in read ? read : { exchange: read.value };
}

/** A purchase that ends a short position would open a long one here. */
function covering(values: readonly AlertValue[], byField: ReadonlyMap<FieldName, AlertValue>): AlertFault | null {
  const side = String(byField.get('side')?.value ?? '').toUpperCase();
  const position = values.find(({ plain }) => plain === 'marketposition');
  if (side !== 'BUY' || !position || !/^(flat|short)$/i.test(String(position.value))) return null;
  const reason = 'says this buy ends a short position: there are none here, and it would open a long one';
  return { field: position.path, reason, value: position.value };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
