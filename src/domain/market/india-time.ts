// Dates and times of day in India, whatever the machine's time zone.
import { Temporal } from 'temporal-polyfill';
import { zonedDate, zonedIso, zonedMs, zonedTime } from './zone.ts';

/**
 * Indian dates and times of day, whatever the zone of the machine: every reading names Asia/Kolkata, and no name
 * or format comes from a locale. India has no daylight saving, so every date and time is exactly one instant.
 */
const zone = 'Asia/Kolkata';

const instantPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d)$/;
const timePattern = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$/;

const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;
const months = 'January February March April May June July August September October November December'.split(' ');

/**
 * An ISO 8601 instant (`2025-08-28T09:20:00+05:30`, `2025-08-28T03:50Z`) as milliseconds since the epoch.
 * null for anything else, and for one without an offset: it would mean another instant on every machine.
 */
export function parseInstant(text: string): number | null {
  if (!instantPattern.test(text)) return null;
  try {
    return Temporal.Instant.from(text).epochMilliseconds;
  } catch {
    return null; // written right, but no such day or hour
  }
}

/** A real date written `YYYY-MM-DD`, as it stands; null for anything else (`2025-02-30`, `28-08-2025`). */
export function parseTradeDate(text: string): string | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null;
  try {
    return Temporal.PlainDate.from(text).toString();
  } catch {
    return null;
  }
}

/** A time of day written `HH:MM` or `HH:MM:SS`, as `HH:MM:SS`; null for anything else. */
export function parseTime(text: string): string | null {
  if (!timePattern.test(text)) return null;
  return text.length === 5 ? `${text}:00` : text;
}

/** The instant of an Indian date and time of day. Throws a RangeError if either is none. */
export function istMs(date: string, time: string): number {
  return zonedMs(zone, date, time);
}

/** The Indian date of an instant: `2025-08-28`. */
export function istDate(ms: number): string {
  return zonedDate(zone, ms);
}

/** The Indian time of day of an instant, to the second below: `09:20:00`. */
export function istTime(ms: number): string {
  return zonedTime(zone, ms);
}

/** An instant as Indian ISO 8601: `2025-08-28T09:20:00.000+05:30`. */
export function istIso(ms: number): string {
  return zonedIso(zone, ms);
}

/** A date for people: `Thursday, 28 August 2025`. Throws a RangeError if it is none. */
export function humanDate(date: string): string {
  const { day, month, year } = Temporal.PlainDate.from(date);
  return `${weekdayOf(date)}, ${day} ${months[month - 1]} ${year}`;
}

/** The weekday of a date, in English. */
export function weekdayOf(date: string): string {
  return weekdays[Temporal.PlainDate.from(date).dayOfWeek - 1] ?? '';
}

/** The date a number of days later (earlier if negative). */
export function addDays(date: string, days: number): string {
  return Temporal.PlainDate.from(date).add({ days }).toString();
}

/** The last day of the month a date is in. */
export function monthEnd(date: string): string {
  return Temporal.PlainDate.from(date).with({ day: 31 }).toString();
}
