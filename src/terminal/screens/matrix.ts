// What became of every signal for every user, as a matrix.
import { shortReason } from '../../domain/messages/texts/reasons-en.ts';
import type { ReportDecision, ReportOrder, ReportSignal, RunReport } from '../../domain/report.ts';
import { firstPage, leftLine } from '../pages.ts';
import { type Pair, pairsOf } from '../pairs.ts';
import { type Cell, type Column, type Paint, type Tone, table, tableWidth } from '../table.ts';
import { fitted } from '../width.ts';

interface UserRow {
  name: string;
  /** One cell per signal of the report. */
  cells: Cell[];
}

/**
 * What became of every signal for every user: users down, signals by rank across, in blocks as wide as the terminal.
 * Of more users than the page has the rest are counted, with where to read on. What the short texts mean stands with
 * the reasons.
 */
export function matrixText(report: RunReport, columns: number, paint: Paint, page = firstPage(report)): string {
  const signals = [...report.signals].sort((a, b) => a.rank - b.rank);
  const byUser = [...Map.groupBy(pairsOf(report), ({ decision }) => decision.userId).values()];
  const rows = byUser.slice(0, page.limit).map((pairs) => userRow(signals, pairs));
  if (rows.length === 0 || signals.length === 0) return 'No user was decided for any signal.';
  const sections = blocksThatFit(signals, rows, columns).map((block) =>
    blockText(signals, rows, block, columns, paint),
  );
  return [...sections, leftLine(page)].filter((part) => part !== '').join('\n\n');
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

function userRow(signals: ReportSignal[], pairs: Pair[]): UserRow {
  const bySignal = new Map(pairs.map((pair) => [pair.decision.signalId, pair]));
  const cells = signals.map(({ id }) => {
    const pair = bySignal.get(id);
    return cellOf(pair?.decision, pair?.order);
  });
  return { name: fitted(pairs[0]?.decision.userName ?? '', 20), cells };
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
