// The one message a user gets for a run, within the length WhatsApp takes.

import type { Currency } from '../currency.ts';
import { isNamedRefusal } from '../order.ts';
import { formatMoney } from '../text/money-text.ts';
import { cut, plainLine } from '../text/text.ts';
import type { Side } from '../types.ts';
import { groupedLines, listedNotDone, notConcerned } from './groups.ts';
import type { SummaryFill, SummaryInput, SummaryNotDone, SummaryUnknown } from './summary-input.ts';
import { messageTexts } from './texts/en.ts';
import type { MessageTexts } from './texts/message-texts.ts';

/** WhatsApp through Twilio takes a body of at most 1600 UTF-16 units; a longer one is refused, not cut. */
export const messageLimit = 1600;

interface Section {
  title: string;
  /** What stands before each of its lines in free text. */
  lead: string;
  /** Orders that traded, are open or unknown; else what was not done and why. */
  about: 'orders' | 'not_done';
  lines: string[];
}

/** A summary in its parts, each a harmless single line (`totals`: one or more), before a form is chosen for it. */
export interface SummaryParts {
  date: string;
  name: string;
  paper: string | null;
  correction: string | null;
  /** Of orders placed one by one: by whom; null: a scan placed them. */
  placed: string | null;
  /** Why there is nothing bought to tell of; null where there is. */
  nothing: string | null;
  sections: Section[];
  totals: string[];
  texts: MessageTexts;
}

/** One language's words, for amounts of one currency. */
type Wording = MessageTexts & { currency: Currency };

/** Says a summary in the user's language. */
export function summaryParts(input: SummaryInput): SummaryParts {
  const texts = messageTexts[input.language];
  const wording = { ...texts, currency: input.currency };
  return {
    date: shortDate(oneLine(input.date, 40), texts),
    name: oneLine(input.userName, 60) || texts.there,
    paper: input.mode === 'paper' ? paperText(input, texts) : null,
    correction: input.isCorrection ? texts.correction : null,
    placed: null,
    nothing: nothingOf(input, texts),
    sections: sectionsOf(input, wording),
    totals: totalsOf(input, wording),
    texts,
  };
}

/** That no real money is in it, and where no market was either, that too. */
function paperText({ pricesFrom }: SummaryInput, { paper, signalPrices }: MessageTexts): string {
  return pricesFrom === 'signal' ? `${paper}, ${signalPrices}` : paper;
}

/**
 * The one message a user gets, from its parts, at most `messageLimit` UTF-16 units. Where it would be longer, the last item
 * lines give way to '+7 more'; the head and the totals always stand. Text from outside can't add a line.
 */
export function textOf({
  date,
  name,
  paper,
  correction,
  placed,
  nothing,
  sections,
  totals,
  texts,
}: SummaryParts): string {
  const head = [`daily-scan · ${date}`, texts.hello(name), correction, placed, paper].filter((line) => line !== null);
  const lines = sections.flatMap(({ lead, lines: of }) => of.map((line) => `${lead} ${line}`));
  const figures = [`${texts.totalTitle}: ${totals[0]}`, ...totals.slice(1)];
  for (let kept = lines.length; ; kept--) {
    const dropped = lines.length - kept;
    const middle = [
      ...(nothing === null ? [] : [nothing]),
      ...lines.slice(0, kept),
      ...(dropped > 0 ? [texts.more(dropped)] : []),
    ];
    const text = [head, middle, figures]
      .filter((part) => part.length > 0)
      // Where a word from outside is empty two spaces would meet.
      .map((part) => part.map((line) => line.replace(/ {2,}/g, ' ').trim()).join('\n'))
      .join('\n\n');
    if (text.length <= messageLimit || kept === 0) return text;
  }
}

/** '2025-08-28' → '28 Aug 2025'; anything else comes back as it is. */
export function shortDate(date: string, { months }: Pick<MessageTexts, 'months'> = messageTexts.en): string {
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
function nothingOf({ bought, pending, unknown, notDone, totals }: SummaryInput, texts: MessageTexts): string | null {
  if (bought.length + pending.length + unknown.length > 0) return null;
  if (totals.signals === 0) return texts.noSignal;
  const tried = notDone.some(({ what }) => what !== 'skipped' && what !== 'denied');
  return tried ? texts.nothingFilled : texts.noOrder;
}

function sectionsOf({ bought, pending, unknown, notDone }: SummaryInput, texts: Wording): Section[] {
  const { titles } = texts;
  const filledSymbols = new Set(bought.map(({ symbol, side }) => `${side} ${symbol}`));
  const fills = (of: Side) => bought.filter(({ side }) => side === of).map((fill) => fillLine(fill, texts));
  const listed = listedNotDone(notDone, [...bought, ...pending, ...unknown]);
  const notDoneLines = (side: Side) =>
    groupedLines(
      listed
        .filter((item) => item.side === side)
        .map((item) => endOf(item, filledSymbols.has(`${side} ${item.symbol}`), texts)),
      texts,
    );
  const price = (minor: number | null) => (minor === null ? null : formatMoney(minor, texts.currency));
  const open = pending.map((order) => texts.pending(named(order), price(order.limitPriceMinor), order.status));
  const doubtful = unknown.map((order) => texts.unknown(named(order)));
  const section = (title: string, about: Section['about'], lines: string[], colon = ''): Section => {
    return { title, lead: `${title}${colon}`, about, lines };
  };
  return [
    section(titles.bought, 'orders', fills('BUY')),
    section(titles.sold, 'orders', fills('SELL')),
    section(titles.open, 'orders', open, ':'),
    section(titles.unknown, 'orders', doubtful, ':'),
    section(titles.notBought, 'not_done', notDoneLines('BUY')),
    section(titles.notSold, 'not_done', notDoneLines('SELL')),
  ].filter(({ lines }) => lines.length > 0);
}

function fillLine(fill: SummaryFill, texts: Wording): string {
  const { symbol, side, quantity, averagePriceMinor, amountMinor, marginMinor, partial } = fill;
  const shares = partial ? texts.partOf(quantity, partial.ordered) : String(quantity);
  const more =
    side === 'BUY'
      ? texts.margin(formatMoney(marginMinor, texts.currency)) + exitsOf(fill, texts)
      : profitOf(fill.profitMinor, texts);
  return `${shares} × ${name(symbol)} @ ${formatMoney(averagePriceMinor, texts.currency)} = ${formatMoney(amountMinor, texts.currency)}${more}`;
}

/** Stop and target of a buy's strategy: so that nobody takes them for orders, the words say that they are none. */
function exitsOf({ stopMinor, targetMinor }: SummaryFill, texts: Wording): string {
  const [stop, target] = [stopMinor, targetMinor].map((minor) => (minor ? formatMoney(minor, texts.currency) : null));
  return stop || target ? texts.exits(stop ?? null, target ?? null) : '';
}

function profitOf(minor: number | bigint | null | undefined, texts: Wording): string {
  if (minor === null || minor === undefined) return '';
  return minor < 0 ? texts.loss(formatMoney(-minor, texts.currency)) : texts.profit(formatMoney(minor, texts.currency));
}

/** What became of it, as a clause; figures apart, so that several with the same clause can stand in one line. */
function endOf(item: SummaryNotDone, someFilled: boolean, texts: Wording) {
  const { symbol, what, reason, limit, actual, message } = item;
  // What has words of ours is said in those: the broker's are English.
  const isNamed = what === 'rejected' && reason !== null && isNamedRefusal(reason);
  const brokerText = message === null || isNamed ? '' : oneLine(message, 120);
  const why = reason === null ? '' : texts.orderReason(oneLine(reason, 60));
  const plain = (figure: string | null) => (figure === null ? null : oneLine(figure, 40));
  if (what === 'skipped' || what === 'denied') {
    const { you, figures } =
      reason === null
        ? { you: texts[what], figures: null }
        : texts.reason(oneLine(reason, 60), plain(limit), plain(actual), texts.currency);
    return { name: name(symbol), end: you, figures };
  }
  const end = {
    rejected: () => texts.rejected(someFilled, brokerText, why),
    canceled: () => texts.canceled(someFilled, why),
    expired: () => texts.expired(someFilled, why),
  };
  const ending = reason === 'never_reached_venue' ? texts.notPlaced(why) : end[what]();
  return { name: name(symbol), end: ending, figures: null };
}

function totalsOf({ bought, notDone, totals }: SummaryInput, texts: Wording): string[] {
  const buys = bought.filter(({ side }) => side === 'BUY');
  const sells = bought.filter(({ side }) => side === 'SELL');
  const { spent, margin, soldFor, charges, cash } = texts.figures;
  const { signals, availableMinor } = totals;
  const figures = [
    ...(buys.length > 0
      ? [`${spent} ${sumOf(buys, 'amountMinor', texts)}`, `${margin} ${sumOf(buys, 'marginMinor', texts)}`]
      : []),
    ...(sells.length > 0
      ? [`${soldFor} ${sumOf(sells, 'amountMinor', texts)}${profitOf(profitSum(sells), texts)}`]
      : []),
    ...(bought.length > 0 ? [`${charges} ${formatMoney(totals.chargesMinor, texts.currency)}`] : []),
    ...(availableMinor === null ? [] : [`${cash} ${formatMoney(availableMinor, texts.currency)}`]),
  ];
  return [
    `${texts.total(buys.length, sells.length, signals)}${notConcerned(notDone, texts)}`,
    ...(figures.length > 0 ? [capital(figures.join(', '))] : []),
  ];
}

function sumOf(fills: SummaryFill[], field: 'amountMinor' | 'marginMinor', texts: Wording): string {
  return formatMoney(
    fills.reduce((total, fill) => total + BigInt(fill[field]), 0n),
    texts.currency,
  );
}

/** Its first letter large, where the script has large ones. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Only where it is known of every sale; of one sale its own line says it. */
function profitSum(sells: SummaryFill[]): bigint | null {
  if (sells.length < 2 || sells.some(({ profitMinor }) => profitMinor === null || profitMinor === undefined))
    return null;
  return sells.reduce((sum, { profitMinor }) => sum + BigInt(profitMinor ?? 0), 0n);
}

function named({ side, quantity, symbol }: SummaryUnknown) {
  return { side, quantity, name: name(symbol) };
}

function name(symbol: string): string {
  return oneLine(symbol, 32) || '?';
}
