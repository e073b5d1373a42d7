import { exchangeRefusal } from '../../domain/market/symbols.ts';

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

type Ours = keyof typeof NAMES;

/** Objects inside an alert that are part of it; what else it carries is let be. */
const PARTS = ['strategy', 'order', 'bar'];
/** What must not vanish: whoever writes it relies on it. */
const LIKE_A_LIMIT = /stop|takeprofit|target|^(sl|tp)\d*$/;
/** The side as alerts have it. */
const SIDES: Readonly<Record<string, string>> = { BUY: 'BUY', LONG: 'BUY', SELL: 'SELL' };

const NEEDED = [
  ['symbol', 'ticker', '"ticker": "{{ticker}}"'],
  ['side', 'action', '"action": "{{strategy.order.action}}", or "buy" or "sell"'],
  ['referencePrice', 'price', '"price": {{close}}'],
] as const;

interface Said {
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
 * as numbers or in quotes. Its `time` is the bar's, not the signal's, and is not looked at. Stop, target and rank are
 * kept; what looks like a stop or target and is none of their names is a fault, never lost.
 */
export function readAlertFields(alert: object): AlertFields | AlertFault {
  const said = allSaid(alert);
  const limit = said.find(({ plain }) => LIKE_A_LIMIT.test(plain) && oursOf(plain) === undefined);
  if (limit) {
    return { field: limit.path, reason: 'is no field of an alert: write stop_loss or target', value: limit.value };
  }
  const found = new Map<Ours, Said>();
  for (const ours of Object.keys(NAMES).filter(isOurs)) {
    const [first, ...more] = meaning(said, ours);
    if (first) found.set(ours, first);
    const other = more.find(({ value }) => String(value) !== String(first?.value));
    if (first && other && (ours === 'stopLoss' || ours === 'target')) {
      return { field: other.path, reason: `differs from ${first.path}: give one of them`, value: other.value };
    }
  }
  return missing(found) ?? elsewhere(found) ?? covering(said, found) ?? fieldsOf(found);
}

function fieldsOf(found: ReadonlyMap<Ours, Said>): AlertFields {
  const fields: Record<string, unknown> = { strategy: 'tradingview' };
  for (const [ours, { value }] of found) {
    if (ours === 'exchange') continue;
    const text = typeof value === 'string' ? value.trim() : value;
    if (ours === 'side' && typeof text === 'string') fields[ours] = SIDES[text.toUpperCase()] ?? text;
    else if (ours === 'rank' && typeof text === 'string' && /^\d{1,9}$/.test(text)) fields[ours] = Number(text);
    else fields[ours] = text;
  }
  return { fields, named: new Map([...found].map(([ours, { path }]) => [ours, path])) };
}

/** Everything an alert says, its own members before those of its parts; an empty value says nothing. */
function allSaid(alert: object): Said[] {
  const members = (of: object, before: string): Said[] =>
    Object.entries(of)
      .filter(([, value]) => value !== null && value !== '')
      .map(([name, value]) => ({ path: `${before}${name}`, plain: plainOf(name), value }));
  const own = members(alert, '');
  const parts = PARTS.flatMap((part) => {
    const inner: unknown = Object.hasOwn(alert, part) ? Reflect.get(alert, part) : null;
    return isObject(inner) ? members(inner, `${part}.`) : [];
  });
  return [...own.filter(({ plain, value }) => !(PARTS.includes(plain) && isObject(value))), ...parts];
}

/** What an alert says of one of our fields, the name we would sooner have first. */
function meaning(said: readonly Said[], ours: Ours): Said[] {
  const names = namesOf(ours);
  return names.flatMap((name) => said.filter(({ plain, path }) => plain === name || isNameOfStrategy(ours, path)));
}

function isNameOfStrategy(ours: Ours, path: string): boolean {
  return ours === 'strategy' && path === 'strategy.name';
}

function oursOf(plain: string): Ours | undefined {
  return Object.keys(NAMES)
    .filter(isOurs)
    .find((ours) => namesOf(ours).includes(plain));
}

function namesOf(ours: Ours): readonly string[] {
  return NAMES[ours];
}

function isOurs(name: string): name is Ours {
  return Object.hasOwn(NAMES, name);
}

function plainOf(name: string): string {
  return name.toLowerCase().replace(/[_\s-]/g, '');
}

function missing(found: ReadonlyMap<Ours, Said>): AlertFault | null {
  const lacking = NEEDED.find(([ours]) => !found.has(ours));
  if (!lacking) return null;
  const [, field, example] = lacking;
  return { field, reason: `is missing: write ${example}`, value: null };
}

/** An alert of another exchange. One that stands before the symbol is looked at with it. */
function elsewhere(found: ReadonlyMap<Ours, Said>): AlertFault | null {
  const exchange = found.get('exchange');
  if (!exchange) return null;
  const reason =
    typeof exchange.value === 'string' ? exchangeRefusal(exchange.value.trim().toUpperCase()) : 'must be NSE';
  return reason === null ? null : { field: exchange.path, reason, value: exchange.value };
}

/** A purchase that ends a short position would open a long one here. */
function covering(said: readonly Said[], found: ReadonlyMap<Ours, Said>): AlertFault | null {
  const side = String(found.get('side')?.value ?? '').toUpperCase();
  const position = said.find(({ plain }) => plain === 'marketposition');
  if (side !== 'BUY' || !position || !/^(flat|short)$/i.test(String(position.value))) return null;
  const reason = 'says this buy ends a short position: there are none here, and it would open a long one';
  return { field: position.path, reason, value: position.value };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
