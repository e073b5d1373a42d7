import { type Language, type MessageWords, messageWords } from './message-words.ts';
import { formatRupees } from './rupees.ts';
import { cut, plainLine } from './text.ts';
import type { Mode, Side } from './words.ts';

/** WhatsApp through Twilio takes a body of at most 1600 UTF-16 units; a longer one is refused, not cut. */
export const messageLimit = 1600;

interface SummaryFill {
  symbol: string;
  side: Side;
  quantity: number;
  averagePriceMinor: number;
  amountMinor: number;
  marginMinor: number;
  /** Set where less was filled than asked for; the rest is in `pending`, or its end in `notDone`. */
  partial?: { asked: number } | undefined;
}

interface SummaryPending {
  symbol: string;
  side: Side;
  quantity: number;
  limitPriceMinor: number | null;
  /** `queued`: not sent yet. `working`: at the exchange. */
  status: 'queued' | 'working';
}

interface SummaryUnknown {
  symbol: string;
  side: Side;
  quantity: number;
}

export interface SummaryNotDone {
  symbol: string;
  side: Side;
  what: 'skipped' | 'denied' | 'rejected' | 'canceled' | 'expired';
  reason: string | null;
  limit: string | null;
  actual: string | null;
  /** The venue's own words of a rejection. */
  message: string | null;
}

/** Everything one user's summary says; made only from rows. */
export interface SummaryInput {
  userName: string;
  language: Language;
  /** It replaces what the user was told before. */
  isCorrection: boolean;
  /** The trade date, ISO. */
  date: string;
  mode: Mode;
  bought: SummaryFill[];
  pending: SummaryPending[];
  unknown: SummaryUnknown[];
  notDone: SummaryNotDone[];
  /** `availableMinor` null: not known, and not said. */
  totals: { signals: number; chargesMinor: number; availableMinor: number | null };
}

interface Section {
  title: string;
  lines: string[];
}

/** A summary in its parts, each a harmless single line (`totals`: one or more), before a form is chosen for it. */
export interface SummaryParts {
  date: string;
  name: string;
  paper: string | null;
  correction: string | null;
  /** Why there is nothing bought to tell of; null where there is. */
  nothing: string | null;
  sections: Section[];
  totals: string[];
  words: MessageWords;
}

/** Says a summary in the user's language. */
export function summaryParts(input: SummaryInput): SummaryParts {
  const words = messageWords[input.language];
  return {
    date: shortDate(oneLine(input.date, 40), words),
    name: oneLine(input.userName, 60) || words.there,
    paper: input.mode === 'paper' ? words.paper : null,
    correction: input.isCorrection ? words.correction : null,
    nothing: nothingOf(input, words),
    sections: sectionsOf(input, words),
    totals: totalsOf(input, words),
    words,
  };
}

/**
 * The one message a user gets for a run, at most `messageLimit` UTF-16 units. Where it would be longer, the last item
 * lines give way to '+7 more'; the head and the totals always stand. Text from outside can't add a line.
 */
export function summaryText(input: SummaryInput): string {
  const { date, name, paper, correction, nothing, sections, totals, words } = summaryParts(input);
  const lines = [`daily-scan · ${date}`, words.hello(name), correction, paper].filter((line) => line !== null);
  const head = nothing === null ? lines.join('\n') : `${lines.join('\n')}\n\n${nothing}`;
  const count = sections.reduce((sum, section) => sum + section.lines.length, 0);
  const figures = [`${words.totalTitle}: ${totals[0]}`, ...totals.slice(1)].join('\n');
  const more = (dropped: number) => (dropped > 0 ? [words.more(dropped)] : []);
  for (let kept = count; kept > 0; kept--) {
    const text = [head, ...firstLines(sections, kept), ...more(count - kept), figures].join('\n\n');
    if (text.length <= messageLimit) return text;
  }
  return [head, ...more(count), figures].join('\n\n');
}

/** '2025-08-28' → '28 Aug 2025'; anything else comes back as it is. */
export function shortDate(date: string, { months }: Pick<MessageWords, 'months'> = messageWords.en): string {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(date);
  const month = months[Number(match?.[2]) - 1];
  return match && month ? `${Number(match[3])} ${month} ${match[1]}` : date;
}

/**
 * Text from outside as one harmless line of at most `maxUnits` UTF-16 units: control, invisible and private characters
 * become spaces, braces (a template's {{1}}) and backticks lose their meaning. Joiners stay: Indian scripts need them.
 */
export function oneLine(text: string, maxUnits: number): string {
  const clean = plainLine(text.slice(0, 16 * maxUnits))
    .replaceAll('{', '(')
    .replaceAll('}', ')')
    .replaceAll('`', "'");
  return cut(clean, maxUnits);
}

/** No order at all, and an order that came to nothing, are told apart. */
function nothingOf({ bought, pending, unknown, notDone, totals }: SummaryInput, words: MessageWords): string | null {
  if (bought.length + pending.length + unknown.length > 0) return null;
  if (totals.signals === 0) return words.noSignal;
  const tried = notDone.some(({ what }) => what !== 'skipped' && what !== 'denied');
  return tried ? words.nothingFilled : words.noOrder;
}

function sectionsOf({ bought, pending, unknown, notDone }: SummaryInput, words: MessageWords): Section[] {
  const { titles } = words;
  const filledSymbols = new Set(bought.map(({ symbol, side }) => `${side} ${symbol}`));
  const fills = (of: Side) => bought.filter(({ side }) => side === of).map((fill) => fillLine(fill, words));
  const refusals = (side: Side) =>
    notDone
      .filter((item) => item.side === side)
      .map((item) => notDoneLine(item, filledSymbols.has(`${side} ${item.symbol}`), words));
  const price = (minor: number | null) => (minor === null ? null : formatRupees(minor));
  return [
    { title: titles.bought, lines: fills('BUY') },
    { title: titles.sold, lines: fills('SELL') },
    {
      title: titles.open,
      lines: pending.map((order) => words.pending(named(order), price(order.limitPriceMinor), order.status)),
    },
    { title: titles.unknown, lines: unknown.map((order) => words.unknown(named(order))) },
    { title: titles.notBought, lines: refusals('BUY') },
    { title: titles.notSold, lines: refusals('SELL') },
  ].filter(({ lines }) => lines.length > 0);
}

function fillLine(fill: SummaryFill, words: MessageWords): string {
  const { symbol, side, quantity, averagePriceMinor, amountMinor, marginMinor, partial } = fill;
  const shares = partial ? words.partOf(quantity, partial.asked) : String(quantity);
  const margin = side === 'BUY' ? words.margin(formatRupees(marginMinor)) : '';
  return `${shares} × ${name(symbol)} @ ${formatRupees(averagePriceMinor)} = ${formatRupees(amountMinor)}${margin}`;
}

function notDoneLine(item: SummaryNotDone, someFilled: boolean, words: MessageWords): string {
  const { symbol, what, reason, limit, actual, message } = item;
  const said = message === null ? '' : oneLine(message, 120);
  const why = reason === null ? '' : words.orderReason(oneLine(reason, 60));
  const plain = (figure: string | null) => (figure === null ? null : oneLine(figure, 40));
  const end = {
    skipped: () => (reason === null ? words.skipped : words.reason(oneLine(reason, 60), plain(limit), plain(actual))),
    denied: () => (reason === null ? words.denied : words.reason(oneLine(reason, 60), plain(limit), plain(actual))),
    rejected: () => (reason === 'never_reached_venue' ? words.notPlaced(why) : words.rejected(someFilled, said, why)),
    canceled: () => words.canceled(someFilled, why),
    expired: () => words.expired(someFilled, why),
  };
  const ending = reason === 'never_reached_venue' ? words.notPlaced(why) : end[what]();
  return oneLine(`${name(symbol)}: ${ending}`, 400);
}

function totalsOf({ bought, totals }: SummaryInput, words: MessageWords): string[] {
  const buys = bought.filter(({ side }) => side === 'BUY');
  const sells = bought.filter(({ side }) => side === 'SELL');
  const { spent, margin, soldFor, charges } = words.figures;
  const figures = [
    ...(buys.length > 0 ? [`${spent} ${sumOf(buys, 'amountMinor')}`, `${margin} ${sumOf(buys, 'marginMinor')}`] : []),
    ...(sells.length > 0 ? [`${soldFor} ${sumOf(sells, 'amountMinor')}`] : []),
    ...(bought.length > 0 ? [`${charges} ${formatRupees(totals.chargesMinor)}`] : []),
  ];
  const { signals, availableMinor } = totals;
  return [
    words.total(buys.length, sells.length, signals),
    ...(figures.length > 0 ? [capital(figures.join(', '))] : []),
    ...(availableMinor === null ? [] : [words.freeMoney(formatRupees(availableMinor))]),
  ];
}

function sumOf(fills: SummaryFill[], field: 'amountMinor' | 'marginMinor'): string {
  return formatRupees(fills.reduce((total, fill) => total + fill[field], 0));
}

/** Its first letter large, where the script has large ones. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function firstLines(sections: Section[], kept: number): string[] {
  let left = kept;
  const texts: string[] = [];
  for (const { title, lines } of sections) {
    const shown = lines.slice(0, left);
    left -= shown.length;
    if (shown.length > 0) texts.push([title, ...shown].join('\n'));
  }
  return texts;
}

function named({ side, quantity, symbol }: SummaryUnknown) {
  return { side, quantity, name: name(symbol) };
}

function name(symbol: string): string {
  return oneLine(symbol, 32) || '?';
}
