// Why pairs of a run came to nothing, counted by reason.
import { shortReason } from '../../domain/messages/texts/reasons-en.ts';
import type { RunReport } from '../../domain/report.ts';
import { grouped } from '../format.ts';
import { type Cell, type Column, type Paint, table } from '../table.ts';
import { fitted } from '../width.ts';

/** Why how many pairs of a run came to nothing; `first` are names of the first users it met. */
export interface ReasonCount {
  what: string;
  reason: string | null;
  count: number;
  first: string[];
}

const FIRST_USERS = 3;
const heads: Column[] = [
  { title: 'Times', align: 'right' },
  { title: 'Shown as' },
  { title: 'What' },
  { title: 'Reason' },
  { title: 'First users', spare: true },
];

/** Every reason of a report that lists all its decisions and orders, the most frequent first. */
export function reasonsOf({ decisions, orders }: Pick<RunReport, 'decisions' | 'orders'>): ReasonCount[] {
  const ended = new Set(['rejected', 'canceled', 'expired', 'unknown']);
  const causes = [
    ...decisions.filter(({ outcome }) => outcome !== 'accepted').map((one) => ({ ...one, what: one.outcome })),
    ...orders.filter(({ status }) => ended.has(status)).map((one) => ({ ...one, what: one.status })),
  ];
  const byReason = Map.groupBy(causes, ({ what, reason }) => `${what} ${reason ?? ''}`);
  return [...byReason.values()]
    .map((same) => {
      const { what = '', reason = null } = same[0] ?? {};
      const first = [...new Map(same.map(({ userId, userName }) => [userId, userName])).values()];
      return { what, reason, count: same.length, first: first.slice(0, FIRST_USERS) };
    })
    .toSorted((a, b) => b.count - a.count || a.what.localeCompare(b.what));
}

/** A line for every reason, whatever the number of users; empty where everything was filled or is open. */
export function reasonsText(reasons: readonly ReasonCount[], columns: number, paint: Paint): string {
  if (reasons.length === 0) return '';
  const rows = reasons.map(({ what, reason, count, first }): Cell[] => {
    const isOrder = what !== 'skipped' && what !== 'denied';
    const shown = isOrder ? what : shortReason(reason ?? what);
    const more = first.length >= FIRST_USERS && count > FIRST_USERS ? ', …' : '';
    return [
      grouped(count),
      fitted(shown, 14),
      what,
      fitted(reason ?? '', 24),
      `${fitted(first.join(', '), 44)}${more}`,
    ];
  });
  return table(heads, rows, columns, paint);
}
