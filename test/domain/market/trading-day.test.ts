import { describe, expect, test } from 'vitest';
import type { DayOverride } from '../../../src/domain/market/calendar.ts';
import { addDays, weekdayOf } from '../../../src/domain/market/india-time.ts';
import { xnse } from '../../../src/domain/market/market.ts';
import {
  nextSession,
  type Session,
  type SessionQuery,
  sessionAt,
  sessionOf,
  tradingDay,
} from '../../../src/domain/market/session.ts';

const query: SessionQuery = { market: xnse, slot: 'open', cutOffTime: '09:35' };

/** Written with another clock than the code's: an offset that the engine itself resolves. */
const at = (date: string, time: string) => Date.parse(`${date}T${time}+05:30`);

const sessionOn = (date: string, change: Partial<SessionQuery> = {}): Session => {
  const session = sessionOf({ ...query, ...change, date });
  if (session.kind !== 'session') throw new Error(`${date} is ${session.kind}`);
  return session.session;
};

const datesOf = (from: string, to: string) => {
  const dates: string[] = [];
  for (let date = from; date <= to; date = addDays(date, 1)) dates.push(date);
  return dates;
};
const tradingDates = datesOf('2025-01-01', '2026-12-31').filter((date) => tradingDay(xnse, date).kind === 'open');

describe('a trading day', () => {
  test('is an ordinary weekday from 09:15 to 15:30', () => {
    expect(tradingDay(xnse, '2025-08-28')).toEqual({
      kind: 'open',
      date: '2025-08-28',
      name: null,
      openMs: at('2025-08-28', '09:15:00'),
      closeMs: at('2025-08-28', '15:30:00'),
      fnoCloseMs: at('2025-08-28', '15:30:00'),
    });
  });

  test.each([
    ['2025-08-30', 'weekend', 'Saturday'],
    ['2025-08-31', 'weekend', 'Sunday'],
    ['2025-08-27', 'holiday', 'Ganesh Chaturthi'],
    ['2026-01-15', 'holiday', 'Municipal elections in Maharashtra'],
    ['2025-10-21', 'other_hours', 'Diwali Muhurat trading (13:45 to 14:45)'],
    ['2026-11-08', 'hours_not_announced', 'Diwali Muhurat trading (hours not announced)'],
  ])('is not %s: %s, %s', (date, why, name) => {
    expect(tradingDay(xnse, date)).toEqual({ kind: 'closed', date, why, name });
  });

  test.each(['2025-02-01', '2026-02-01'])('is the budget weekend day %s, at ordinary hours', (date) => {
    const day = { kind: 'open', name: 'Union Budget', openMs: at(date, '09:15:00'), closeMs: at(date, '15:30:00') };
    expect(tradingDay(xnse, date)).toMatchObject(day);
  });

  test('ends at 15:15 for names with derivatives from 3 August 2026, the Monday after a Friday that does not', () => {
    expect(tradingDay(xnse, '2026-07-31')).toMatchObject({ fnoCloseMs: at('2026-07-31', '15:30:00') });
    expect(tradingDay(xnse, '2026-08-03')).toMatchObject({
      closeMs: at('2026-08-03', '15:30:00'),
      fnoCloseMs: at('2026-08-03', '15:15:00'),
    });
  });

  test.each(['2024-12-31', '2027-01-01'])('is not known beyond the calendar: %s', (date) => {
    expect(tradingDay(xnse, date)).toEqual({ kind: 'beyond_coverage', date, from: '2025-01-01', to: '2026-12-31' });
  });

  test('comes as often as weekdays less holidays plus the budget days say', () => {
    const weekdaysOf = (year: string) =>
      datesOf(`${year}-01-01`, `${year}-12-31`).filter((date) => !['Saturday', 'Sunday'].includes(weekdayOf(date)));
    expect(weekdaysOf('2025')).toHaveLength(261);
    expect(tradingDates.filter((date) => date.startsWith('2025'))).toHaveLength(261 - 14 + 1);
    expect(weekdaysOf('2026')).toHaveLength(261);
    expect(tradingDates.filter((date) => date.startsWith('2026'))).toHaveLength(261 - 16 + 1);
    expect(tradingDates.filter((date) => xnse.calendar.holidays.some((day) => day.date === date))).toEqual([]);
  });

  test('is never guessed for a date that does not exist', () => {
    expect(() => tradingDay(xnse, '2025-02-30')).toThrow(RangeError);
  });
});

describe("an operator's day", () => {
  const closed: DayOverride = { date: '2025-08-28', kind: 'closed', name: 'Day of mourning' };
  const opened: DayOverride = { date: '2025-08-30', kind: 'open', name: 'Recovery drill' };

  test('closes a day the calendar has open', () => {
    const day = { kind: 'closed', date: '2025-08-28', why: 'operator', name: 'Day of mourning' };
    expect(tradingDay(xnse, '2025-08-28', [closed])).toEqual(day);
  });

  test('opens a weekend or a holiday, at ordinary hours if it names none', () => {
    expect(tradingDay(xnse, '2025-08-30', [opened])).toMatchObject({
      kind: 'open',
      name: 'Recovery drill',
      openMs: at('2025-08-30', '09:15:00'),
      closeMs: at('2025-08-30', '15:30:00'),
    });
    expect(tradingDay(xnse, '2025-08-27', [{ ...opened, date: '2025-08-27' }]).kind).toBe('open');
  });

  test('leaves every other day alone', () => {
    expect(tradingDay(xnse, '2025-08-29', [closed, opened])).toEqual(tradingDay(xnse, '2025-08-29'));
  });

  test('ends early for everybody when it is short, and takes the cut-off with it', () => {
    const short = [{ ...opened, date: '2026-09-12', openTime: '09:15', closeTime: '09:30' }];
    expect(sessionOn('2026-09-12', { overrides: short })).toMatchObject({
      cutOffMs: at('2026-09-12', '09:30:00'),
      continuousEndMs: at('2026-09-12', '09:30:00'),
      continuousEndFnoMs: at('2026-09-12', '09:30:00'),
    });
  });

  test('accepts nothing before a late opening', () => {
    const late = [{ ...opened, openTime: '09:18' }];
    expect(sessionOn('2025-08-30', { overrides: late }).acceptFromMs).toBe(at('2025-08-30', '09:18:00'));
  });

  test.each([
    ['09:20', '10:00', 'open'],
    ['09:21', '10:00', 'other_hours'],
    ['09:00', '09:21', 'open'],
    ['09:00', '09:20', 'other_hours'],
    ['18:00', '19:00', 'other_hours'],
    ['10:00', '09:00', 'hours_not_announced'],
    ['9:15', '15:30', 'hours_not_announced'],
    ['6pm', '7pm', 'hours_not_announced'],
  ])('from %s to %s is %s for a slot due at 09:20', (openTime, closeTime, expected) => {
    const day = tradingDay(xnse, '2025-08-30', [{ ...opened, openTime, closeTime }]);
    expect(day.kind === 'closed' ? day.why : day.kind).toBe(expected);
  });

  test('does not turn Muhurat trading into an ordinary day by leaving its hours out', () => {
    const muhurat = (date: string, hours = {}): DayOverride[] => [{ date, kind: 'open', name: 'Muhurat', ...hours }];
    expect(tradingDay(xnse, '2026-11-08', muhurat('2026-11-08'))).toMatchObject({ why: 'hours_not_announced' });
    expect(tradingDay(xnse, '2025-10-21', muhurat('2025-10-21'))).toMatchObject({ why: 'other_hours' });
    const announced = { openTime: '18:00', closeTime: '19:00' };
    expect(tradingDay(xnse, '2026-11-08', muhurat('2026-11-08', announced))).toMatchObject({ why: 'other_hours' });
  });

  test('takes a missing or null time from the ordinary hours', () => {
    const day = tradingDay(xnse, '2025-08-30', [{ ...opened, openTime: null, closeTime: '12:00' }]);
    expect(day).toMatchObject({ openMs: at('2025-08-30', '09:15:00'), closeMs: at('2025-08-30', '12:00:00') });
  });

  test('answers for a date beyond the calendar, and only for that date', () => {
    const overrides: DayOverride[] = [{ date: '2027-01-01', kind: 'open', name: 'List of 2027' }];
    expect(tradingDay(xnse, '2027-01-01', overrides)).toMatchObject({ kind: 'open' });
    expect(tradingDay(xnse, '2027-01-04', overrides)).toMatchObject({ kind: 'beyond_coverage' });
    expect(nextSession('2026-12-31', { ...query, overrides })).toBe('XNSE:2027-01-01:open');
  });

  test('of two for one date is the later one', () => {
    expect(tradingDay(xnse, '2025-08-28', [closed, { ...closed, kind: 'open' }]).kind).toBe('open');
    expect(tradingDay(xnse, '2025-08-28', [{ ...closed, kind: 'open' }, closed]).kind).toBe('closed');
  });

  test('decides whether a scan is due, and which session is next', () => {
    const overrides = [closed, opened];
    expect(sessionAt(at('2025-08-28', '09:20:00'), { ...query, overrides })).toEqual({
      kind: 'skipped',
      reason: 'market_closed',
      session: 'XNSE:2025-08-28:open',
      nextSession: 'XNSE:2025-08-29:open',
    });
    expect(nextSession('2025-08-29', { ...query, overrides })).toBe('XNSE:2025-08-30:open');
  });
});
