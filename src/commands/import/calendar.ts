// npm run calendar: shows or changes one trading day, or imports a year.
import { targetOf } from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import { importingCalendar } from '../../domain/market/calendar.ts';
import { parseTime, parseTradeDate } from '../../domain/market/india-time.ts';
import { calendarOwner, type Market } from '../../domain/market/market.ts';
import { type BeyondCoverage, type ClosedDay, type OpenDay, tradingDay } from '../../domain/market/session.ts';
import { actorOf } from '../actor.ts';
import { showTarget, withStore } from '../database-target.ts';
import { namedMarket } from '../named-market.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { importCalendar } from './calendar-import.ts';
import { showMarket } from './calendar-market.ts';
import { dayOf, hasOwnHours, hoursText } from './market-screen.ts';

interface CalendarFlags {
  market?: string;
  date?: string;
  open?: boolean;
  closed?: boolean;
  remove?: boolean;
  name?: string;
  from?: string;
  until?: string;
  by?: string;
  why?: string;
  json?: boolean;
}

/** Those that are about one day. */
const dayFlags = ['open', 'closed', 'remove', 'name', 'from', 'until'] as const;

/** What `npm run calendar` is asked for: a list to import, or one day. */
export function calendarCommandFor(what: string | undefined, file: string | undefined) {
  return what === undefined ? calendarCommand : importCalendar(what, file);
}

/**
 * `npm run calendar -- [--market M] --date D [--closed|--open --name "…"|--remove]`: what a day is, after changing it where that is
 * requested. `--market M` alone shows the market.
 */
async function calendarCommand(config: Config, flags: CalendarFlags): Promise<number | Refusal> {
  const { date } = flags;
  const market = namedMarket(flags.market);
  if ('message' in market) return market;
  const dayFlag = dayFlags.find((flag) => flags[flag] !== undefined);
  if (date === undefined && flags.market !== undefined && dayFlag !== undefined) {
    return refusal('bad_flag', `Give --date D, the day that --${dayFlag} is about.`);
  }
  if (date === undefined && flags.market !== undefined) return showMarket(config, market, flags.json ?? false);
  if (date === undefined) return refusal('bad_flag', 'Give --date D, --market M, or import F.csv.');
  const wrong = wrongFlags({ ...flags, date }) ?? otherOwner(market, flags);
  if (wrong) return refusal('bad_flag', wrong);
  const target = targetOf(config, 'main');
  showTarget(target);
  return withStore(config, target, async (store) => {
    const exchange = market.calendar.name;
    const { name = '', from = null, until = null } = flags;
    const kind = flags.open ? 'open' : flags.closed ? 'closed' : null;
    if (kind !== null || flags.remove) {
      const change = { kind, name, openTime: from, closeTime: until } as const;
      await store.call('set_calendar_day', { exchange, date, ...change, by: actorOf(flags) });
    }
    const day = tradingDay(market, date, await store.call('read_calendar_days', { exchange }));
    const text = flags.json ? JSON.stringify({ mic: market.mic, ...dayOf(market, day) }) : dayText(market, day);
    process.stdout.write(`${text}\n`);
    return 0;
  });
}

function wrongFlags({
  date,
  open,
  closed,
  remove,
  name,
  from,
  until,
}: CalendarFlags & { date: string }): string | null {
  if (parseTradeDate(date) === null) return `--date ${date} is not a date, such as 2026-11-08.`;
  if ([open, closed, remove].filter(Boolean).length > 1) return 'Give one of --open, --closed and --remove.';
  if ((open || closed) && !name) return 'Give --name: why the day is what you say, such as the circular.';
  for (const time of [from, until]) {
    if (time !== undefined && parseTime(time) === null) return `${time} is not a time, such as 09:15.`;
  }
  return null;
}

/** A change of a day that would be another market's too is made under the name of the one whose calendar it is. */
function otherOwner(market: Market, { open, closed, remove }: CalendarFlags): string | null {
  const owner = calendarOwner(market);
  if (owner === market || !(open || closed || remove)) return null;
  return `The ${market.name} has the calendar of ${owner.name}: set the day of ${owner.name}, and it is of both.`;
}

/** What a day is, in one line; an unusual one with its hours. */
function dayText(market: Market, day: OpenDay | ClosedDay | BeyondCoverage): string {
  const { name } = market;
  if (day.kind === 'open')
    return `${day.date}: the ${name} trades${hasOwnHours(market, day) ? ` ${hoursText(market, day)}` : ''}.`;
  if (day.kind === 'closed') return `${day.date}: the ${name} is closed (${day.name}).`;
  return `${day.date} is beyond the calendar (${day.from} to ${day.to}): daily-scan does not trade on it before the year’s list is imported (${importingCalendar}).`;
}
