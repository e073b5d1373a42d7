// Shows a market: where its clock is, what is done when, how far its calendar is known, and its unusual days ahead.
import { type Calendar, type DayOverride, datesAfter } from '../../domain/market/calendar.ts';
import { humanDate, istIso } from '../../domain/market/india-time.ts';
import type { Market } from '../../domain/market/market.ts';
import {
  type BeyondCoverage,
  type ClosedDay,
  dateIn,
  dueMsOf,
  nextSession,
  type OpenDay,
  tradingDay,
} from '../../domain/market/session.ts';
import { zonedIso, zonedTime } from '../../domain/market/zone.ts';

type Day = OpenDay | ClosedDay | BeyondCoverage;

export interface MarketDay {
  date: string;
  kind: Day['kind'];
  /** Of an unusual day; null on an ordinary one. */
  name: string | null;
  /** `HH:MM` in the market's zone; null without trading. */
  open: string | null;
  close: string | null;
}

/** What `npm run calendar -- --market M --json` gives. */
export interface MarketFacts {
  mic: string;
  name: string;
  exchanges: readonly string[];
  zone: string;
  currency: string;
  today: MarketDay;
  nextSession: string | null;
  /** ISO with the market's offset then; null without a next session. */
  nextDue: string | null;
  /** null: every day is known. */
  known: { from: string; to: string } | null;
  /** Days of the next year that are closed though no weekend, or have hours of their own. */
  unusualDays: MarketDay[];
}

const DAYS_AHEAD = 365;

/** A market at an instant, with the days operators set or imported. */
export function marketFacts(market: Market, nowMs: number, overrides: readonly DayOverride[]): MarketFacts {
  const { mic, name, exchanges, zone, currency, calendar } = market;
  const today = dateIn(market, nowMs);
  const next = nextSession(today, { market, slot: 'open', overrides });
  const nextDate = next?.split(':')[1];
  const ahead = datesAfter(today, DAYS_AHEAD).map((date) => tradingDay(market, date, overrides));
  return {
    ...{ mic, name, exchanges, zone, currency },
    today: dayOf(market, tradingDay(market, today, overrides)),
    nextSession: next,
    nextDue: nextDate === undefined ? null : zonedIso(zone, dueMsOf(market, nextDate)),
    known: knownRange(calendar, overrides),
    unusualDays: ahead.filter((day) => isUnusual(market, day)).map((day) => dayOf(market, day)),
  };
}

/** Whether a day trades at other hours than an ordinary one. */
export function hasOwnHours(market: Market, day: OpenDay): boolean {
  const ordinary = market.calendar.ordinaryHours.findLast(({ from }) => from <= day.date);
  const { open, close } = dayOf(market, day);
  return ordinary !== undefined && (open !== ordinary.openTime || close !== ordinary.closeTime);
}

/** `09:30 to 13:00 New York time (Christmas Eve)` */
export function hoursText(market: Market, day: OpenDay): string {
  const { open, close, name } = dayOf(market, day);
  return `${open} to ${close} ${market.zoneName}${name === null ? '' : ` (${name})`}`;
}

function isUnusual(market: Market, day: Day): boolean {
  if (day.kind === 'open') return hasOwnHours(market, day) || day.name !== null;
  return day.kind === 'closed' && day.why !== 'weekend';
}

/** One day of a market, as `--json` gives it. */
export function dayOf({ zone }: Market, day: Day): MarketDay {
  const { date, kind } = day;
  if (day.kind !== 'open') return { date, kind, name: 'name' in day ? day.name : null, open: null, close: null };
  const time = (ms: number) => zonedTime(zone, ms).slice(0, 5);
  const close = time(day.closeMs);
  return { date, kind, name: day.name, open: time(day.openMs), close: close === '00:00' ? '24:00' : close };
}

function knownRange({ coverage }: Calendar, overrides: readonly DayOverride[]): MarketFacts['known'] {
  if (coverage === null) return null;
  let year = Number(coverage.to.slice(0, 4));
  const listed = new Set(overrides.flatMap(({ date, ofYearList }) => (ofYearList ? [date.slice(0, 4)] : [])));
  while (listed.has(String(year + 1))) year += 1;
  return { from: coverage.from, to: `${year}-12-31` };
}

/** The market as a person reads it. */
export function marketScreen(market: Market, facts: MarketFacts): string {
  const { slots, times, zoneName } = market;
  const { known, nextSession: next, nextDue, unusualDays } = facts;
  const { acceptFrom, due, cutOff } = slots.open;
  const inIndia =
    nextDue !== null && market.zone !== 'Asia/Kolkata' ? ` (${istIso(Date.parse(nextDue)).slice(11, 16)} IST)` : '';
  const lines = [
    ['Market', `${facts.name} (${facts.mic}), ${facts.currency}; exchange codes ${facts.exchanges.join(', ')}`],
    ['Clock', `${zoneName} (${facts.zone})`],
    ['Scan', `due ${due}, taken from ${acceptFrom}, cut-off ${cutOff}`],
    ['Beside it', `readiness ${times.ready} and ${times.readyAgain}, check ${times.check}, evening ${times.sync}`],
    ['Today', `${humanDate(facts.today.date)}: ${dayWords(facts.today)}`],
    [
      'Next session',
      next === null ? 'none that is known' : `${next}, due ${nextDue?.slice(0, 16).replace('T', ' ')}${inIndia}`,
    ],
    ['Known', known === null ? 'every day' : `${known.from} to ${known.to}`],
    ...unusualDays.map((day, index) => [index === 0 ? 'Days ahead' : '', `${day.date}  ${dayWords(day)}`]),
  ];
  return `${lines.map(([label = '', text = '']) => `${label.padEnd(14)}${text}`.trimEnd()).join('\n')}\n`;
}

function dayWords({ kind, name, open, close }: MarketDay): string {
  if (kind === 'beyond_coverage') return 'not known: nothing is traded';
  const named = name === null ? '' : ` (${name})`;
  return kind === 'open' ? `trades ${open} to ${close}${named}` : `closed${named}`;
}
