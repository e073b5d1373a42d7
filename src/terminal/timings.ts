// When a run did what, and what went wrong how often.
import { marketOfId } from '../domain/market/session.ts';
import { zonedIso } from '../domain/market/zone.ts';
import type { RunReport } from '../domain/report.ts';
import type { RunTimings } from '../ports/store/runs.ts';
import { duration, grouped, plural } from './format.ts';
import { type Cell, type Column, type Paint, table } from './table.ts';
import { fitted, padded } from './width.ts';

/** What takes an operator's time after a run: when it did what, how much of it succeeded, and what went wrong how often. */
export function timingsText(timings: RunTimings, report: RunReport, columns: number, paint: Paint): string {
  const lines: [string, string][] = [...timeLines(timings, report), ['Success', successText(timings, report)]];
  const head = lines.map(([label, value]) => `${paint('quiet', padded(label, 14))}${value}`).join('\n');
  return [head, troublesTable(timings, columns, paint)].filter((part) => part !== '').join('\n\n');
}

function timeLines(timings: RunTimings, { runId }: RunReport): [string, string][] {
  const { openedAtMs } = timings;
  const { zone, zoneName } = marketOfId(runId);
  const later: [string, number | null][] = [
    ['Planned', timings.decidedAtMs],
    ['First sent', timings.firstSentAtMs],
    ['Last sent', timings.lastSentAtMs],
    ['Last settled', timings.lastSettledAtMs],
    ['Last message', timings.lastMessageAtMs],
    ['Done', timings.doneAtMs],
  ];
  const reached = later.flatMap(([label, atMs]): [string, string][] => {
    return atMs === null ? [] : [[label, `${atMs < openedAtMs ? '-' : '+'}${duration(Math.abs(atMs - openedAtMs))}`]];
  });
  return [['Opened', `${zonedIso(zone, openedAtMs).slice(0, 23).replace('T', ' ')} ${zoneName}`], ...reached];
}

function successText({ attempts }: RunTimings, { totals }: RunReport): string {
  const { accepted, filled } = totals;
  if (accepted === 0) return 'no order was placed';
  // Rounded down: 100 % is said only where every order was filled.
  const percent = (Math.floor((filled / accepted) * 1000) / 10).toFixed(1);
  const tries = attempts > accepted ? `, ${plural(attempts, 'attempt')}` : '';
  return `${percent} % (${grouped(filled)} of ${plural(accepted, 'order')} filled${tries})`;
}

const heads: Column[] = [
  { title: 'Times', align: 'right' },
  { title: 'What' },
  { title: 'Venue' },
  { title: 'Reason' },
  { title: 'The venue said' },
];

/** What went wrong, the same things as one line each; empty where nothing did. */
function troublesTable({ troubles, setbacks }: RunTimings, columns: number, paint: Paint): string {
  const ended = troubles.map(({ count, status, venue, reason, message }): Cell[] => {
    return [grouped(count), { text: status, tone: 'bad' }, venue, fitted(reason ?? '', 40), fitted(message ?? '', 60)];
  });
  const delayed = setbacks.map(({ count, status, venue, reason }): Cell[] => {
    const what = status === 'queued' ? 'not sent, tried again' : 'no clear answer, looked up';
    return [grouped(count), { text: what, tone: 'notice' }, venue, fitted(reason ?? '', 40), ''];
  });
  if (ended.length + delayed.length === 0) return '';
  return `${paint('strong', 'What went wrong')}\n${table(heads, [...ended, ...delayed], columns, paint)}`;
}
