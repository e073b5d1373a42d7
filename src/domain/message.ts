import { orderReasonSentence, reasonSentence } from './reason-words.ts';
import { formatRupees } from './rupees.ts';
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

/**
 * The one message a user gets for a run, at most `messageLimit` UTF-16 units. Where it would be longer, the last item
 * lines give way to '+7 more'; the head and the totals always stand. Text from outside can't add a line.
 */
export function summaryText(input: SummaryInput): string {
  const head = headOf(input);
  const totals = totalsOf(input);
  const sections = sectionsOf(input);
  const count = sections.reduce((sum, section) => sum + section.lines.length, 0);
  for (let kept = count; kept > 0; kept--) {
    const text = [head, ...firstLines(sections, kept), ...more(count - kept), totals].join('\n\n');
    if (text.length <= messageLimit) return text;
  }
  return [head, ...more(count), totals].join('\n\n');
}

/** '2025-08-28' → '28 Aug 2025'; anything else comes back as it is. */
export function shortDate(date: string): string {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(date);
  const month = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][
    Number(match?.[2]) - 1
  ];
  return match && month ? `${Number(match[3])} ${month} ${match[1]}` : date;
}

/**
 * Text from outside as one harmless line of at most `maxUnits` UTF-16 units: control, invisible and private characters
 * become spaces, braces (a template's {{1}}) and backticks lose their meaning. Joiners stay: Indian scripts need them.
 */
export function oneLine(text: string, maxUnits: number): string {
  const clean = text
    .replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\s+/gu, ' ')
    .replaceAll('{', '(')
    .replaceAll('}', ')')
    .replaceAll('`', "'")
    .trim();
  if (clean.length <= maxUnits) return clean;
  let cut = '';
  for (const { segment } of new Intl.Segmenter('en').segment(clean)) {
    if (cut.length + segment.length > maxUnits - 1) break;
    cut += segment;
  }
  return `${cut.trimEnd()}…`;
}

function headOf({ userName, date, mode, ...lists }: SummaryInput): string {
  const lines = [`daily-scan · ${shortDate(oneLine(date, 40))}`, `Hello ${oneLine(userName, 60) || 'there'}`];
  if (mode === 'paper') lines.push('Paper trading: no real money');
  const nothing = nothingOf(lists);
  return nothing ? `${lines.join('\n')}\n\n${nothing}` : lines.join('\n');
}

/** No order at all, and an order that came to nothing, are told apart. */
function nothingOf({ bought, pending, unknown, notDone, totals }: Omit<SummaryInput, 'userName' | 'date' | 'mode'>) {
  if (bought.length + pending.length + unknown.length > 0) return null;
  if (totals.signals === 0) return 'There was no signal today, so no order was placed.';
  const tried = notDone.some(({ what }) => what !== 'skipped' && what !== 'denied');
  return tried ? 'Nothing was filled today.' : 'No order was placed for you today.';
}

function sectionsOf({ bought, pending, unknown, notDone }: SummaryInput): Section[] {
  const filledSymbols = new Set(bought.map(({ symbol, side }) => `${side} ${symbol}`));
  const refusals = (side: Side) =>
    notDone
      .filter((item) => item.side === side)
      .map((item) => notDoneLine(item, filledSymbols.has(`${side} ${item.symbol}`)));
  return [
    { title: 'Bought', lines: bought.filter(({ side }) => side === 'BUY').map(fillLine) },
    { title: 'Sold', lines: bought.filter(({ side }) => side === 'SELL').map(fillLine) },
    { title: 'Still open', lines: pending.map(pendingLine) },
    { title: 'Not confirmed yet', lines: unknown.map(unknownLine) },
    { title: 'Not bought', lines: refusals('BUY') },
    { title: 'Not sold', lines: refusals('SELL') },
  ].filter(({ lines }) => lines.length > 0);
}

function fillLine({ symbol, side, quantity, averagePriceMinor, amountMinor, marginMinor, partial }: SummaryFill) {
  const shares = partial ? `${quantity} of ${partial.asked}` : String(quantity);
  const margin = side === 'BUY' ? ` (margin ${formatRupees(marginMinor)})` : '';
  return `${shares} × ${name(symbol)} @ ${formatRupees(averagePriceMinor)} = ${formatRupees(amountMinor)}${margin}`;
}

function pendingLine({ symbol, side, quantity, limitPriceMinor, status }: SummaryPending): string {
  const bound = side === 'BUY' ? 'for at most' : 'for at least';
  const price = limitPriceMinor === null ? ' at the market' : ` ${bound} ${formatRupees(limitPriceMinor)}`;
  const where = status === 'queued' ? 'waiting to be sent' : 'waiting at the exchange';
  return `${side === 'BUY' ? 'Buy' : 'Sell'} ${quantity} × ${name(symbol)}${price}: ${where}`;
}

function unknownLine({ symbol, side, quantity }: SummaryUnknown): string {
  const order = `${side === 'BUY' ? 'Buy' : 'Sell'} ${quantity} × ${name(symbol)}`;
  return `${order}: the broker's answer is missing; we are checking and will not send it again`;
}

function notDoneLine({ symbol, what, reason, limit, actual, message }: SummaryNotDone, someFilled: boolean): string {
  const said = message === null ? '' : oneLine(message, 120);
  const why = reason === null ? '' : orderReasonSentence(oneLine(reason, 60));
  const of = someFilled ? 'the rest was ' : '';
  switch (what) {
    case 'skipped':
    case 'denied':
      return `${name(symbol)}: ${reason === null ? what : refusal(reason, limit, actual)}`;
    case 'rejected':
      return `${name(symbol)}: ${of}rejected by the broker${said ? `: "${said}"` : after(why)}`;
    case 'canceled':
      return `${name(symbol)}: ${of}canceled${after(why)}`;
    case 'expired':
      return `${name(symbol)}: ${of}${why ? `expired${after(why)}` : 'not filled in time, so the order has expired'}`;
  }
}

function refusal(reason: string, limit: string | null, actual: string | null): string {
  const plain = (figure: string | null) => (figure === null ? null : oneLine(figure, 40));
  return reasonSentence(oneLine(reason, 60), plain(limit), plain(actual));
}

function totalsOf({ bought, totals }: SummaryInput): string {
  const buys = bought.filter(({ side }) => side === 'BUY');
  const sells = bought.filter(({ side }) => side === 'SELL');
  const of = `of ${totals.signals} ${totals.signals === 1 ? 'signal' : 'signals'}`;
  const counts = `Total: bought ${buys.length}${sells.length > 0 ? `, sold ${sells.length}` : ''} ${of}`;
  const figures = [
    ...(buys.length > 0 ? [`spent ${sumOf(buys, 'amountMinor')}`, `margin ${sumOf(buys, 'marginMinor')}`] : []),
    ...(sells.length > 0 ? [`sold for ${sumOf(sells, 'amountMinor')}`] : []),
    ...(bought.length > 0 ? [`charges ${formatRupees(totals.chargesMinor)}`] : []),
  ];
  const total = figures.length > 0 ? `${counts}\n${capital(figures.join(', '))}` : counts;
  return totals.availableMinor === null ? total : `${total}\nFree money now: ${formatRupees(totals.availableMinor)}`;
}

function sumOf(fills: SummaryFill[], field: 'amountMinor' | 'marginMinor'): string {
  return formatRupees(fills.reduce((total, fill) => total + fill[field], 0));
}

function capital(text: string): string {
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

function name(symbol: string): string {
  return oneLine(symbol, 32) || '?';
}

function after(why: string): string {
  return why ? `: ${why}` : '';
}

function more(dropped: number): string[] {
  return dropped > 0 ? [`+${dropped} more`] : [];
}
