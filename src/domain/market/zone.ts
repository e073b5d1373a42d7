// Dates and times of day in a zone, with its daylight saving, whatever the zone of the machine.
import { Temporal } from 'temporal-polyfill';

/**
 * The instant of a date and time of day in a zone, in milliseconds since the epoch. `24:00` is the midnight the date
 * ends with. A time that a clock skips in spring is read with the offset from before (02:30 is the new 03:30), one that
 * comes twice in autumn is the first. Throws a RangeError if the date, time or zone is none.
 */
export function zonedMs(zone: string, date: string, time: string): number {
  const day = Temporal.PlainDate.from(date);
  const [onDay, plainTime] = time === '24:00' ? [day.add({ days: 1 }), '00:00'] : [day, time];
  return onDay.toZonedDateTime({ timeZone: zone, plainTime }).epochMilliseconds;
}

/** The date of an instant in a zone: `2025-08-28`. */
export function zonedDate(zone: string, ms: number): string {
  return inZone(zone, ms).toPlainDate().toString();
}

/** The time of day of an instant in a zone, to the second below: `09:20:00`. */
export function zonedTime(zone: string, ms: number): string {
  return inZone(zone, ms).toPlainTime().toString({ smallestUnit: 'second' });
}

/** An instant as ISO 8601 with the zone's offset then: `2025-08-28T09:20:00.000+05:30`. */
export function zonedIso(zone: string, ms: number): string {
  return inZone(zone, ms).toString({ fractionalSecondDigits: 3, timeZoneName: 'never' });
}

function inZone(zone: string, ms: number): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone);
}
