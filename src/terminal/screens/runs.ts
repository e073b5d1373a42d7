// The screen of npm run runs.
import { istIso } from '../../domain/market/india-time.ts';
import type { ListedRun } from '../../ports/store/reports.ts';
import { grouped } from '../format.ts';
import { type Cell, type Column, type Paint, table } from '../table.ts';
import { fitted } from '../width.ts';

const right = (title: string): Column => ({ title, align: 'right' });
const heads: Column[] = [
  { title: 'Run' },
  { title: 'Opened' },
  { title: 'State' },
  ...['Users', 'Orders', 'Filled', 'Rejected', 'Open', 'Unknown'].map(right),
  { title: 'Messages lost', align: 'right', spare: true },
];

/** A line per run, the newest first. */
export function runsText(runs: readonly ListedRun[], columns: number, paint: Paint): string {
  if (runs.length === 0) return 'No run yet: npm run scan';
  const rows = runs.map((run): Cell[] => {
    const { runId, openedAtMs, state, users, orders, filled, rejected, open, unknown, messagesFailed } = run;
    const bad = (count: number): Cell => (count === 0 ? '' : { text: grouped(count), tone: 'bad' });
    return [
      fitted(runId, 60),
      istIso(openedAtMs).slice(0, 16).replace('T', ' '),
      state,
      ...[users, orders, filled].map(grouped),
      bad(rejected),
      open === 0 ? '' : grouped(open),
      bad(unknown),
      bad(messagesFailed),
    ];
  });
  return table(heads, rows, columns, paint);
}
