import { shortReason } from '../domain/reason-words.ts';
import type { ReportDecision, ReportOrder, ReportSignal, RunReport } from '../domain/report.ts';
import { type Cell, type Column, type Paint, type Tone, table, tableWidth } from './table.ts';
import { fitted } from './width.ts';
import { grouped, moreUsers, shownUsers } from './words.ts';

interface UserRow {
  name: string;
  /** One cell per signal of the report. */
  cells: Cell[];
}

/**
 * What became of every signal for every user: users down, signals by rank across, in blocks as wide as the terminal.
 * Of more than `shownUsers` users the rest are counted, with where to read on. Below stands what the short words mean.
 */
export function matrixText(report: RunReport, columns: number, paint: Paint): string {
  const signals = [...report.signals].sort((a, b) => a.rank - b.rank);
  const byUser = groupedBy(report.decisions, ({ userId }) => userId);
  const shown = [...byUser].slice(0, shownUsers);
  const orders = groupedBy(report.orders, ({ userId }) => userId);
  const rows = shown.map(([userId, decisions]) => userRow(signals, decisions, orders.get(userId) ?? []));
  if (rows.length === 0 || signals.length === 0) return 'No user was decided for any signal.';
  const parts = blocksThatFit(signals, rows, columns).map((block) => blockText(signals, rows, block, columns, paint));
  const left = report.totals.users - rows.length;
  if (left > 0) parts.push(moreUsers(left, report));
  const legend = legendText(shown.flatMap(([, decisions]) => decisions));
  if (legend) parts.push(paint('quiet', legend));
  return parts.join('\n\n');
}

/** One pair in at most a dozen characters: '28 @ 3564.80', 'rejected', 'holds it'. */
export function cellOf(decision: ReportDecision | undefined, order: ReportOrder | undefined): Cell {
  if (order) return orderCell(order);
  if (!decision) return { text: '·', tone: 'quiet' };
  if (decision.outcome === 'accepted') return 'accepted';
  const tone: Tone = decision.outcome === 'denied' ? 'notice' : 'quiet';
  return { text: fitted(shortReason(decision.reason ?? decision.outcome), 14), tone };
}

function orderCell({ status, quantity, filledQuantity, averagePrice }: ReportOrder): Cell {
  const fill = `${filledQuantity === quantity ? '' : `${filledQuantity}/`}${quantity} @ ${averagePrice ?? '?'}`;
  switch (status) {
    case 'filled':
      return { text: fill, tone: 'good' };
    case 'rejected':
    case 'unknown':
      return { text: status, tone: 'bad' };
    case 'canceled':
    case 'expired':
      return { text: filledQuantity > 0 ? fill : status, tone: 'notice' };
    case 'partially_filled':
      return { text: fill, tone: 'notice' };
    case 'planned':
    case 'queued':
    case 'submitting':
    case 'working':
      return `${quantity} ${status}`;
  }
}

/**
 * The report's decisions name a symbol, not a signal: two signals of one symbol are told apart by their rank, in
 * which the decisions stand too, and a symbol's orders belong to its accepted decisions in that order.
 */
function userRow(signals: ReportSignal[], decisions: ReportDecision[], orders: ReportOrder[]): UserRow {
  const waiting = [...decisions];
  const open = [...orders];
  const cells = signals.map(({ symbol, side }) => {
    const decision = takeFirst(waiting, (one) => one.symbol === symbol);
    const order =
      decision?.outcome === 'accepted'
        ? takeFirst(open, (one) => one.symbol === symbol && one.side === side)
        : undefined;
    return cellOf(decision, order);
  });
  return { name: fitted(decisions[0]?.userName ?? '', 20), cells };
}

function takeFirst<T>(list: T[], matches: (item: T) => boolean): T | undefined {
  const index = list.findIndex(matches);
  return index < 0 ? undefined : list.splice(index, 1)[0];
}

function columnsOf(signals: ReportSignal[], block: number[]): Column[] {
  const titles = block.map((index) => {
    const { symbol = '', side = 'BUY' } = signals[index] ?? {};
    return { title: `${fitted(symbol, 14)}${side === 'SELL' ? ' sell' : ''}` };
  });
  return [{ title: 'User' }, ...titles];
}

function rowsOf(rows: UserRow[], block: number[]): Cell[][] {
  return rows.map(({ name, cells }) => [name, ...block.map((index) => cells[index] ?? '')]);
}

function blocksThatFit(signals: ReportSignal[], rows: UserRow[], columns: number): number[][] {
  const blocks: number[][] = [];
  for (const index of signals.keys()) {
    const last = blocks.at(-1);
    const wider = [...(last ?? []), index];
    const fits = tableWidth(columnsOf(signals, wider), rowsOf(rows, wider)) <= columns;
    if (last && fits) last.push(index);
    else blocks.push([index]);
  }
  return blocks;
}

function blockText(signals: ReportSignal[], rows: UserRow[], block: number[], columns: number, paint: Paint): string {
  return table(columnsOf(signals, block), rowsOf(rows, block), columns, paint);
}

function legendText(decisions: ReportDecision[]): string {
  const refused = decisions.filter(({ outcome, reason }) => outcome !== 'accepted' && reason !== null);
  const byReason = groupedBy(refused, ({ outcome, reason }) => `${outcome}, ${reason}`);
  return [...byReason]
    .map(([code, { length, 0: first }]) => {
      return `${shortReason(first?.reason ?? '')} = ${fitted(code, 60)} (${grouped(length)})`;
    })
    .join('\n');
}

function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  return Map.groupBy(items, keyOf);
}
