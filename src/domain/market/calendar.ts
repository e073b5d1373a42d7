// What a trading calendar is: days and hours as data, each row with its source, and what operators add to it.
import { addDays, weekdayOf } from './india-time.ts';

/** A weekday without trading. Holidays that fall on a weekend are left out: the weekend closes them already. */
export interface Closure<Source = string> {
  date: string;
  name: string;
  source: Source;
}

/** Trading on a day, or at hours, that the ordinary rules would not give. */
export interface SpecialSession<Source = string> {
  date: string;
  name: string;
  /** null: the exchange has not announced the hours, or we could not verify them. */
  hours: { openTime: string; closeTime: string } | null;
  source: Source;
}

/** Continuous trading of an ordinary day, from a date on until the next row. */
export interface OrdinaryHours<Source = string> {
  from: string;
  openTime: string;
  /** `24:00` is the midnight the day ends with. */
  closeTime: string;
  /** For cash securities that have derivatives, where they leave continuous trading earlier (a closing auction). */
  fnoCloseTime: string;
  source: Source;
}

/** When a market trades, as data. Times are `HH:MM` in the market's own zone; nothing in it is worked out. */
export interface Calendar<Source extends string = string> {
  /** The exchange whose calendar it is, as people say it; days that operators set are kept under it. */
  name: string;
  /** The papers the rows come from. */
  sources: Readonly<Record<Source, { issued: string; about: string }>>;
  /** The first and last date it answers for. Beyond it the answer is "don't know", never "open". null: every day. */
  coverage: { from: string; to: string } | null;
  /** Weekdays without trading. */
  weekend: readonly string[];
  ordinaryHours: readonly [OrdinaryHours<Source>, ...OrdinaryHours<Source>[]];
  holidays: readonly Closure<Source>[];
  specialSessions: readonly SpecialSession<Source>[];
  /** Fewer weekdays than any whole year has had without trading: a list that has fewer is a part of one. */
  minHolidays: number;
}

/** A day an operator added or changed at run time; it stands above everything in a shipped calendar. */
export interface DayOverride {
  /** `YYYY-MM-DD` */
  date: string;
  kind: 'closed' | 'open';
  name: string;
  /** `HH:MM` in the market's zone. Left out: as the calendar says for that date, else the ordinary hours. */
  openTime?: string | null;
  closeTime?: string | null;
  /** It is of an imported list of its whole year: that year is known then, as the shipped ones are. */
  ofYearList?: boolean;
}

/** Rows of one source. */
export function closures<const Source extends string>(
  source: Source,
  rows: readonly (readonly [date: string, name: string])[],
): Closure<Source>[] {
  return rows.map(([date, name]) => ({ date, name, source }));
}

/** Whether a date's year is known: from the shipped calendar, or from an imported list. */
export function isCovered({ coverage }: Calendar, date: string, overrides: readonly DayOverride[]): boolean {
  if (coverage === null || (date >= coverage.from && date <= coverage.to)) return true;
  const year = date.slice(0, 4);
  return overrides.some((day) => day.ofYearList === true && day.date.slice(0, 4) === year);
}

/** How a year's list is brought in. */
export const importingCalendar = 'npm run calendar -- import F.csv';

/**
 * What is said from 1 December on, every day, while nobody has brought in the next year's list; null: it is known, or
 * it is not December yet.
 */
export function calendarGap(calendar: Calendar, today: string, overrides: readonly DayOverride[]): string | null {
  if (today.slice(5, 7) !== '12') return null;
  const next = String(Number(today.slice(0, 4)) + 1);
  if (isCovered(calendar, `${next}-01-01`, overrides)) return null;
  return `the calendar ends on ${today.slice(0, 4)}-12-31: from 1 January ${next} nothing is traded`;
}

/** Whether a date's weekday never trades. */
export function isWeekend({ weekend }: Pick<Calendar, 'weekend'>, date: string): boolean {
  return weekend.includes(weekdayOf(date));
}

/** The next dates after one. */
export function datesAfter(date: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => addDays(date, index + 1));
}
