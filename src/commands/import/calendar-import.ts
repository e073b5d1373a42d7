// npm run calendar -- import: a whole year’s holidays and special sessions.
import { partOfYear, readCalendar } from '../../adapters/files/calendar-file.ts';
import { targetOf } from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import { actorOf } from '../actor.ts';
import { showTarget, withStore } from '../database-target.ts';
import { type Refusal, refusal } from '../refusal.ts';

interface CalendarImportFlags {
  by?: string;
  why?: string;
  json?: boolean;
}

/**
 * `npm run calendar -- import F.csv`: the list of a year's holidays and special sessions, taken as a whole or not at all:
 * a weekday it does not name is traded. May be repeated; a corrected list replaces the earlier one of its years.
 */
export function importCalendar(what: string, path: string | undefined) {
  return async (config: Config, flags: CalendarImportFlags): Promise<number | Refusal> => {
    if (what !== 'import' || path === undefined) {
      return refusal('bad_flag', 'Give --date D, or import F.csv with market,date,kind,open,close,name.');
    }
    const file = readCalendar(path);
    if (file.kind === 'unusable') return refusal(file.code, file.message, file.problems);
    if (file.problems.length > 0) {
      const [first] = file.problems;
      const at = `line ${first?.line}, ${first?.field}: ${first?.reason}`;
      const message = `${path} was not imported: a calendar is taken whole, and it has bad rows (the first at ${at}).`;
      return refusal('bad_rows', message, file.problems);
    }
    const part = partOfYear(file.rows);
    if (part !== null) return refusal('part_of_a_year', `${path} ${part}.`);
    const target = targetOf(config, 'main');
    showTarget(target);
    const done = await withStore(config, target, (store) => {
      return store.call('import_calendar', { exchange: 'NSE', days: file.rows, by: actorOf(flags) });
    });
    process.stdout.write(flags.json ? `${JSON.stringify(done)}\n` : textOf(done));
    return 0;
  };
}

function textOf(done: Record<'added' | 'changed' | 'removed', string[]>): string {
  const lines = (['added', 'changed', 'removed'] as const).flatMap((what) => {
    return done[what].length === 0 ? [] : [`${what} ${done[what].length}: ${done[what].join(', ')}`];
  });
  return lines.length === 0 ? 'The calendar has all of it already.\n' : `${lines.join('\n')}\n`;
}
