// npm run calendar -- import: a whole year’s holidays and special sessions.
import { type ListedDay, partOfYear, readCalendar } from '../../adapters/files/calendar-file.ts';
import { targetOf } from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import type { Market } from '../../domain/market/market.ts';
import { actorOf } from '../actor.ts';
import { showTarget, withStore } from '../database-target.ts';
import { namedMarket } from '../named-market.ts';
import { type Refusal, refusal } from '../refusal.ts';

interface CalendarImportFlags {
  market?: string;
  by?: string;
  why?: string;
  json?: boolean;
}

/**
 * `npm run calendar -- import F.csv [--market M]`: the list of a year's holidays and special sessions of one market,
 * taken as a whole or not at all: a weekday it does not name is traded. May be repeated; a corrected list replaces the
 * earlier one of its years. Of a file of several markets --market says whose days are taken.
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
    const market = marketOfRows(path, file.rows, flags.market);
    if ('message' in market) return market;
    const days = file.rows.filter(({ mic }) => mic === market.mic);
    const part = partOfYear(market, days);
    if (part !== null) return refusal('part_of_a_year', `${path} ${part}.`);
    const target = targetOf(config, 'main');
    showTarget(target);
    const done = await withStore(config, target, (store) => {
      const exchange = market.calendar.name;
      return store.call('import_calendar', { exchange, days: days.map(withoutMarket), by: actorOf(flags) });
    });
    process.stdout.write(flags.json ? `${JSON.stringify(done)}\n` : textOf(done));
    return 0;
  };
}

/** The market named, or the only one there are days of. */
function marketOfRows(path: string, rows: readonly ListedDay[], code: string | undefined): Market | Refusal {
  const mics = [...new Set(rows.map(({ mic }) => mic))];
  const [mic] = mics;
  if (code === undefined && mics.length === 1) return namedMarket(mic);
  if (code === undefined) {
    const message = `${path} has days of ${mics.join(' and ')}: say with --market whose are to be taken.`;
    return refusal('several_markets', message);
  }
  const market = namedMarket(code);
  if ('message' in market || mics.includes(market.mic)) return market;
  return refusal('other_market', `${path} has no day of ${market.mic}: its days are of ${mics.join(' and ')}.`);
}

function withoutMarket({ mic: _, ...day }: ListedDay): Omit<ListedDay, 'mic'> {
  return day;
}

function textOf(done: Record<'added' | 'changed' | 'removed', string[]>): string {
  const lines = (['added', 'changed', 'removed'] as const).flatMap((what) => {
    return done[what].length === 0 ? [] : [`${what} ${done[what].length}: ${done[what].join(', ')}`];
  });
  return lines.length === 0 ? 'The calendar has all of it already.\n' : `${lines.join('\n')}\n`;
}
