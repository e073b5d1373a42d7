// The tables of a report: signals, users and planned orders.

import { type Currency, currencies } from '../../domain/currency.ts';
import { exactMargin } from '../../domain/decision/sizing.ts';
import { currencyOfRun } from '../../domain/market/session.ts';
import { formatMinor, parseHundredths, parseMinor } from '../../domain/money.ts';
import type { ReportOrder, ReportSignal, RunReport } from '../../domain/report.ts';
import { formatMoney } from '../../domain/text/money-text.ts';
import { type Exits, exitCells, noExits } from '../exits.ts';
import { duration, grouped, money } from '../format.ts';
import { firstPage, leftLine } from '../pages.ts';
import { pairsOf } from '../pairs.ts';
import { type Cell, type Column, type Paint, type Tone, table } from '../table.ts';
import { fitted } from '../width.ts';

const MAX_SIGNALS_SHOWN = 50;

const right = (title: string): Column => ({ title, align: 'right' });
const spare = (title: string): Column => ({ title, align: 'right', spare: true });

/** Counts, time and price spread of every signal; a column with nothing in it is left out. */
export function signalsTable(report: RunReport, columns: number, paint: Paint, exits: Exits = noExits): string {
  const heads = [
    ...[right('Rank'), { title: 'Symbol' }, { title: 'Side' }],
    ...['Accepted', 'Filled', 'Rejected', 'Unknown', 'Skipped', 'Denied'].map(right),
    ...[spare('Stop'), spare('Target'), spare('Time'), spare('Price spread')],
  ];
  const signals = [...report.signals].sort((a, b) => a.rank - b.rank);
  const rows = signals.slice(0, MAX_SIGNALS_SHOWN).map((signal) => signalRow(signal, report, exits));
  const left = signals.length - MAX_SIGNALS_SHOWN;
  const text = tableWithoutEmpty(heads, rows, columns, paint);
  return left > 0 ? `${text}\n… and ${grouped(left)} more signals` : text;
}

function signalRow(signal: ReportSignal, { dryRun, runId }: RunReport, exits: Exits): Cell[] {
  const { rank, symbol, side, accepted, filled, rejected, unknown, skipped, denied, priceSpreadPct } = signal;
  return [
    String(rank),
    fitted(symbol, 24),
    side,
    grouped(accepted),
    count(filled, 'good'),
    count(rejected, 'bad'),
    count(unknown, 'bad'),
    count(skipped),
    count(denied),
    ...exitCells(currencyOfRun(runId), exits.get(signal.id)),
    dryRun ? '' : duration(signal.durationMs),
    priceSpreadPct === null ? '' : `${priceSpreadPct.toFixed(2)} %`,
  ];
}

/** What each user of a page got: counts, money, and what became of the message. The rest are counted. */
export function usersTable(report: RunReport, columns: number, paint: Paint, page = firstPage(report)): string {
  const heads = [
    { title: 'User' },
    ...['Filled', 'Open', 'Rejected', 'Unknown', 'Ended'].map(right),
    ...['Skipped', 'Denied'].map(spare),
    ...[right('Bought for'), spare('Sold for'), spare('Margin'), spare('Charges'), { title: 'Message' }],
  ];
  const users = new Map(report.decisions.map(({ userId, userName }) => [userId, userName]));
  const orders = Map.groupBy(report.orders, ({ userId }) => userId);
  const decisions = Map.groupBy(report.decisions, ({ userId }) => userId);
  const rows = [...users].slice(0, page.limit).map(([userId, userName]) => {
    const own = { orders: orders.get(userId) ?? [], decisions: decisions.get(userId) ?? [] };
    return userRow(report, own, userId, userName);
  });
  const text = tableWithoutEmpty(heads, rows, columns, paint);
  return [text, leftLine(page)].filter((part) => part !== '').join('\n');
}

function userRow(
  report: RunReport,
  { orders, decisions }: Pick<RunReport, 'orders' | 'decisions'>,
  userId: string,
  userName: string,
): Cell[] {
  const having = (...statuses: ReportOrder['status'][]) =>
    orders.filter(({ status }) => statuses.includes(status)).length;
  const outcome = (wanted: string) => decisions.filter((decision) => decision.outcome === wanted).length;
  const currency = currencyOfRun(report.runId);
  const traded = orders.filter(({ filledQuantity }) => filledQuantity > 0);
  const buys = traded.filter(({ side }) => side === 'BUY');
  const sells = traded.filter(({ side }) => side === 'SELL');
  return [
    fitted(userName, 20),
    count(having('filled'), 'good'),
    count(having('queued', 'submitting', 'working', 'partially_filled')),
    count(having('rejected'), 'bad'),
    count(having('unknown'), 'bad'),
    count(having('canceled', 'expired'), 'notice'),
    count(outcome('skipped')),
    count(outcome('denied')),
    amount(currency, buys, filledMinor),
    amount(currency, sells, filledMinor),
    amount(currency, buys, marginOfFilled),
    amount(currency, traded, ({ charges }) => parseMinor(charges, currency) ?? 0),
    messageCell(report, userId),
  ];
}

function messageCell({ messages }: RunReport, userId: string): Cell {
  const status = messages.find((message) => message.userId === userId)?.status;
  if (!status) return { text: 'none', tone: 'quiet' };
  return status === 'failed' || status === 'unknown' ? { text: status, tone: 'bad' } : status;
}

/** The orders a dry run would place, best rank first inside each user. */
export function planTable(report: RunReport, columns: number, paint: Paint, exits: Exits = noExits): string {
  const heads = [
    ...[{ title: 'User' }, { title: 'Order' }, { title: 'Symbol' }, right('Shares'), right('Limit price')],
    ...[right('Exposure'), right('Margin'), spare('Stop'), spare('Target'), spare('Charges'), spare('Leverage')],
  ];
  const page = firstPage(report);
  const users = [...new Set(report.orders.map(({ userId }) => userId))];
  const shown = new Set(users.slice(0, page.limit));
  const signalOf = new Map(pairsOf(report).map(({ decision, order }) => [order, decision.signalId]));
  const rows = report.orders
    .filter(({ userId }) => shown.has(userId))
    .map((order) => planRow(order, exitCells(currencies[order.currency], exits.get(signalOf.get(order) ?? ''))));
  if (rows.length === 0) return 'No order would be placed.';
  const text = tableWithoutEmpty(heads, rows, columns, paint);
  return [text, leftLine({ ...page, left: users.length - shown.size })].filter((part) => part !== '').join('\n');
}

function planRow(order: ReportOrder, exits: Cell[]): Cell[] {
  const { userName, side, symbol, quantity, limitPrice, exposure, margin, charges, leverage } = order;
  const currency = currencies[order.currency];
  const bound = side === 'BUY' ? '≤' : '≥';
  return [
    fitted(userName, 20),
    side,
    fitted(symbol, 24),
    grouped(quantity),
    limitPrice === null ? 'market' : `${bound} ${money(limitPrice, currency)}`,
    money(exposure, currency),
    side === 'SELL' ? '' : money(margin, currency),
    ...exits,
    money(charges, currency),
    `${fitted(leverage, 8)}x`,
  ];
}

/** Of what is filled alone, at the order's leverage. */
function marginOfFilled(order: ReportOrder): number | bigint {
  const currency = currencies[order.currency];
  const leverageCenti = parseHundredths(order.leverage) ?? 0;
  if (order.filledQuantity === order.quantity || leverageCenti < 100) return parseMinor(order.margin, currency) ?? 0;
  return exactMargin(filledMinor(order), leverageCenti);
}

/** The value of what is filled, as near as an average price in paise can give it. */
function filledMinor({ filledQuantity, averagePrice, currency }: ReportOrder): bigint {
  const averageMinor = averagePrice === null ? null : parseMinor(averagePrice, currencies[currency]);
  return BigInt(averageMinor ?? 0) * BigInt(filledQuantity);
}

function amount(currency: Currency, orders: ReportOrder[], of: (order: ReportOrder) => number | bigint): string {
  return orders.length === 0 ? '' : formatMoney(sumIn(currency, orders, of), currency);
}

/** @throws Error for an order in another currency: amounts of two never meet in a sum */
function sumIn(currency: Currency, orders: ReportOrder[], of: (order: ReportOrder) => number | bigint): bigint {
  return orders.reduce((sum, order) => {
    if (order.currency !== currency.code) {
      throw new Error(
        `order ${order.clientOrderId} is in ${order.currency}, and what it is summed in is ${currency.code}`,
      );
    }
    return sum + BigInt(of(order));
  }, 0n);
}

function count(value: number, tone?: Tone): Cell {
  if (value === 0) return '';
  return tone ? { text: grouped(value), tone } : grouped(value);
}

function tableWithoutEmpty(heads: Column[], rows: Cell[][], columns: number, paint: Paint): string {
  const used = heads.map((_, index) => rows.some((row) => row[index] !== ''));
  return table(
    heads.filter((_, index) => used[index]),
    rows.map((row) => row.filter((_, index) => used[index])),
    columns,
    paint,
  );
}

/** The widest price spread over the run's signals as text, or null where no signal has two fills. */
export function widestSpread(signals: ReportSignal[]): string | null {
  const spreads = signals.filter((one) => one.priceSpreadPct !== null);
  const widest = spreads.toSorted((a, b) => (b.priceSpreadPct ?? 0) - (a.priceSpreadPct ?? 0))[0];
  if (!widest) return null;
  return `${(widest.priceSpreadPct ?? 0).toFixed(2)} % at most between users (${fitted(widest.symbol, 24)})`;
}

/** Money bought or sold for over all orders of a run, as a decimal string in its currency. */
export function filledTotal({ runId, orders }: RunReport, of: 'BUY' | 'SELL'): string {
  const currency = currencyOfRun(runId);
  const traded = orders.filter(({ side, filledQuantity }) => side === of && filledQuantity > 0);
  return formatMinor(sumIn(currency, traded, filledMinor), currency);
}
