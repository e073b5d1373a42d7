import { formatMinor, mulDivFloor, parseMinor } from '../domain/money.ts';
import type { ReportOrder, ReportSignal, RunReport } from '../domain/report.ts';
import { formatRupees } from '../domain/rupees.ts';
import { type Cell, type Column, type Paint, type Tone, table } from './table.ts';
import { fitted } from './width.ts';
import { duration, grouped, money, moreUsers, shownUsers } from './words.ts';

const shownSignals = 50;

const right = (title: string): Column => ({ title, align: 'right' });
const spare = (title: string): Column => ({ title, align: 'right', spare: true });

/** Counts, time and price spread of every signal; a column with nothing in it is left out. */
export function signalsTable(report: RunReport, columns: number, paint: Paint): string {
  const heads = [
    ...[right('Rank'), { title: 'Symbol' }, { title: 'Side' }],
    ...['Accepted', 'Filled', 'Rejected', 'Unknown', 'Skipped', 'Denied'].map(right),
    ...[spare('Time'), spare('Price spread')],
  ];
  const signals = [...report.signals].sort((a, b) => a.rank - b.rank);
  const rows = signals.slice(0, shownSignals).map((signal) => signalRow(signal, report.dryRun));
  const left = signals.length - shownSignals;
  const text = tableWithoutEmpty(heads, rows, columns, paint);
  return left > 0 ? `${text}\n… and ${grouped(left)} more signals` : text;
}

function signalRow(signal: ReportSignal, dryRun: boolean): Cell[] {
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
    dryRun ? '' : duration(signal.durationMs),
    priceSpreadPct === null ? '' : `${priceSpreadPct.toFixed(2)} %`,
  ];
}

/** What each user got: counts, money, and what became of the message. The first `shownUsers`, the rest counted. */
export function usersTable(report: RunReport, columns: number, paint: Paint): string {
  const heads = [
    { title: 'User' },
    ...['Filled', 'Open', 'Rejected', 'Unknown', 'Ended'].map(right),
    ...['Skipped', 'Denied'].map(spare),
    ...[right('Bought for'), spare('Sold for'), spare('Margin'), spare('Charges'), { title: 'Message' }],
  ];
  const users = new Map(report.decisions.map(({ userId, userName }) => [userId, userName]));
  const rows = [...users].slice(0, shownUsers).map(([userId, userName]) => userRow(report, userId, userName));
  const left = report.totals.users - rows.length;
  const text = tableWithoutEmpty(heads, rows, columns, paint);
  return left > 0 ? `${text}\n${moreUsers(left, report)}` : text;
}

function userRow(report: RunReport, userId: string, userName: string): Cell[] {
  const orders = report.orders.filter((order) => order.userId === userId);
  const decisions = report.decisions.filter((decision) => decision.userId === userId);
  const having = (...statuses: ReportOrder['status'][]) =>
    orders.filter(({ status }) => statuses.includes(status)).length;
  const outcome = (wanted: string) => decisions.filter((decision) => decision.outcome === wanted).length;
  const got = orders.filter(({ filledQuantity }) => filledQuantity > 0);
  const buys = got.filter(({ side }) => side === 'BUY');
  return [
    fitted(userName, 20),
    count(having('filled'), 'good'),
    count(having('queued', 'submitting', 'working', 'partially_filled')),
    count(having('rejected'), 'bad'),
    count(having('unknown'), 'bad'),
    count(having('canceled', 'expired'), 'notice'),
    count(outcome('skipped')),
    count(outcome('denied')),
    amount(buys.map(filledMinor)),
    amount(got.filter(({ side }) => side === 'SELL').map(filledMinor)),
    amount(buys.map(({ margin }) => parseMinor(margin) ?? 0)),
    amount(got.map(({ charges }) => parseMinor(charges) ?? 0)),
    messageCell(report, userId),
  ];
}

function messageCell({ messages }: RunReport, userId: string): Cell {
  const status = messages.find((message) => message.userId === userId)?.status;
  if (!status) return { text: 'none', tone: 'quiet' };
  return status === 'failed' || status === 'unknown' ? { text: status, tone: 'bad' } : status;
}

/** The orders a dry run would place, best rank first inside each user. */
export function planTable(report: RunReport, columns: number, paint: Paint): string {
  const heads = [
    ...[{ title: 'User' }, { title: 'Order' }, { title: 'Symbol' }, right('Shares'), right('Limit price')],
    ...[right('Exposure'), right('Margin'), spare('Charges'), spare('Leverage')],
  ];
  const users = [...new Set(report.orders.map(({ userId }) => userId))];
  const shown = new Set(users.slice(0, shownUsers));
  const rows = report.orders.filter(({ userId }) => shown.has(userId)).map(planRow);
  if (rows.length === 0) return 'No order would be placed.';
  const text = tableWithoutEmpty(heads, rows, columns, paint);
  const left = users.length - shown.size;
  return left > 0 ? `${text}\n${moreUsers(left, report)}` : text;
}

function planRow(order: ReportOrder): Cell[] {
  const { userName, side, symbol, quantity, limitPrice, exposure, margin, charges, leverage } = order;
  const bound = side === 'BUY' ? '≤' : '≥';
  return [
    fitted(userName, 20),
    side,
    fitted(symbol, 24),
    grouped(quantity),
    limitPrice === null ? 'market' : `${bound} ${money(limitPrice)}`,
    ...[exposure, margin, charges].map(money),
    `${fitted(leverage, 8)}x`,
  ];
}

/** The value of what is filled, as near as an average price in paise can tell it. */
function filledMinor({ filledQuantity, averagePrice }: ReportOrder): number {
  const averageMinor = averagePrice === null ? null : parseMinor(averagePrice);
  return averageMinor === null ? 0 : mulDivFloor(averageMinor, filledQuantity, 1);
}

function amount(minors: number[]): string {
  return minors.length === 0 ? '' : formatRupees(minors.reduce((sum, minor) => sum + minor, 0));
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

/** The widest price spread over the run's signals in words, or null where no signal has two fills. */
export function widestSpread(signals: ReportSignal[]): string | null {
  const known = signals.filter((one) => one.priceSpreadPct !== null);
  const widest = known.toSorted((a, b) => (b.priceSpreadPct ?? 0) - (a.priceSpreadPct ?? 0))[0];
  if (!widest) return null;
  return `${(widest.priceSpreadPct ?? 0).toFixed(2)} % at most between users (${fitted(widest.symbol, 24)})`;
}

/** Money bought for over all orders of the report, as a decimal string. */
export function boughtTotal(orders: ReportOrder[]): string {
  return filledTotal(orders, 'BUY');
}

/** Money sold for over all orders of the report, as a decimal string. */
export function soldTotal(orders: ReportOrder[]): string {
  return filledTotal(orders, 'SELL');
}

function filledTotal(orders: ReportOrder[], of: 'BUY' | 'SELL'): string {
  const traded = orders.filter(({ side, filledQuantity }) => side === of && filledQuantity > 0);
  return formatMinor(traded.map(filledMinor).reduce((sum, minor) => sum + minor, 0));
}
