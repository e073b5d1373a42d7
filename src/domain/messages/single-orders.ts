// The message about orders placed one by one: which, by whom, and what became of them.
import type { Currency } from '../currency.ts';
import type { Mode } from '../types.ts';
import { oneLine, type SummaryParts, summaryParts } from './summary.ts';
import type { SummaryInput } from './summary-input.ts';
import { type Language, messageTexts } from './texts/en.ts';
import type { MessageTexts } from './texts/message-texts.ts';

/** Who placed an order. `key`: with which API key, by its label or hint; null: with a login. */
export interface PlacedBy {
  own: boolean;
  key: string | null;
}

/** What became of an order, in the groups of a summary: it stands in one of them, or, filled in part, in two. */
export type OrderItems = Pick<SummaryInput, 'bought' | 'pending' | 'unknown' | 'notDone'>;

export interface SingleOrdersInput {
  userName: string;
  language: Language;
  /** The trade date, ISO. */
  date: string;
  mode: Mode;
  currency: Currency;
  pricesFrom?: 'signal' | null;
  orders: { placedBy: PlacedBy; quantity: number; items: OrderItems }[];
}

/** Of more ways than this the first are named, and the rest is counted. */
const MAX_WAYS = 3;

/**
 * Says which orders were placed in a user's name one by one: by whom (at each order, where that differs), one line for
 * each, and what to do if it was not they.
 */
export function singleOrdersParts(input: SingleOrdersInput): SummaryParts {
  const { orders } = input;
  const texts = messageTexts[input.language];
  const waysOfOrders = orders.map(({ placedBy }) => wayOf(placedBy, texts));
  const ways = [...new Set(waysOfOrders)];
  const sections = orders.map((order, index) => {
    const { title, lead, about, line } = linesOf(order, input);
    const way = ways.length > 1 ? `${waysOfOrders[index]}: ` : '';
    return { title, lead, about, lines: [`${way}${line}`] };
  });
  const shown = ways.slice(0, MAX_WAYS);
  const more = ways.length - shown.length;
  const { placed, count, notYou } = texts.singleOrders;
  return {
    ...headOf(input),
    placed: placed(more > 0 ? [...shown, texts.more(more)] : shown),
    sections,
    totals: [count(orders.length), notYou],
  };
}

/** The parts every message begins with. */
function headOf(input: SingleOrdersInput): Omit<SummaryParts, 'placed' | 'sections' | 'totals'> {
  const none = { bought: [], pending: [], unknown: [], notDone: [] };
  return { ...partsOf(none, input), nothing: null };
}

function partsOf(items: OrderItems, input: SingleOrdersInput): SummaryParts {
  const totals = { signals: 1, chargesMinor: 0, availableMinor: null };
  const { userName, language, date, mode, currency, pricesFrom } = input;
  return summaryParts({
    userName,
    language,
    date,
    mode,
    currency,
    pricesFrom,
    isCorrection: false,
    ...items,
    totals,
  });
}

function wayOf({ own, key }: PlacedBy, texts: MessageTexts): string {
  const { byOperator, withOwnKey, withOwnLogin } = texts.singleOrders;
  if (!own) return byOperator;
  return key === null ? withOwnLogin : withOwnKey(oneLine(key, 40) || '?');
}

/** An order in one line, its parts joined: what was filled, and what became of the rest. */
function linesOf({ items, quantity }: SingleOrdersInput['orders'][number], input: SingleOrdersInput) {
  // Nothing of it was filled: how much it was about is said too.
  const whole = items.bought.length === 0;
  const notDone = items.notDone.map((one) => (whole ? { ...one, symbol: `${quantity} × ${one.symbol}` } : one));
  const [first, ...others] = partsOf({ ...items, notDone }, input).sections;
  if (!first) throw new Error('an order is filled, open, unknown or not done');
  const rest = others.flatMap(({ lead, lines }) => lines.map((line) => `${lead} ${line}`));
  return { ...first, line: [...first.lines, ...rest].join('; ') };
}
