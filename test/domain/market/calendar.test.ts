import { describe, expect, test } from 'vitest';
import {
  calendarSources,
  coverage,
  holidays,
  ordinaryHours,
  specialSessions,
} from '../../../src/domain/market/calendar.ts';
import { parseTime, parseTradeDate, weekdayOf } from '../../../src/domain/market/india-time.ts';

const everyRow = [...holidays, ...specialSessions];

describe('the NSE calendar', () => {
  test('answers for 2025 and 2026', () => {
    expect(coverage).toEqual({ from: '2025-01-01', to: '2026-12-31' });
  });

  test('lists the weekday holidays of the two circulars and the one added later', () => {
    const dates = (year: string) => holidays.map((day) => day.date).filter((date) => date.startsWith(year));
    expect(dates('2025')).toHaveLength(14);
    expect(dates('2026')).toHaveLength(16);
    expect(dates('2026')).toContain('2026-01-15');
  });

  test('holds only real dates inside its coverage, each once per list and in order', () => {
    for (const { date } of everyRow) {
      expect(parseTradeDate(date)).toBe(date);
      expect(date >= coverage.from && date <= coverage.to, date).toBe(true);
    }
    for (const rows of [holidays, specialSessions]) {
      const dates = rows.map((row) => row.date);
      expect(dates).toEqual([...new Set(dates)].sort());
    }
  });

  test('lists no holiday on a weekend, where it would say nothing', () => {
    expect(holidays.filter((day) => ['Saturday', 'Sunday'].includes(weekdayOf(day.date)))).toEqual([]);
  });

  test('lists a special session only where the exchange would be closed otherwise', () => {
    const closedAnyway = (date: string) =>
      ['Saturday', 'Sunday'].includes(weekdayOf(date)) || holidays.some((day) => day.date === date);
    expect(specialSessions.filter((day) => !closedAnyway(day.date))).toEqual([]);
  });

  test('has the two budget days at ordinary hours, Muhurat 2025 in the afternoon, and no hours for Muhurat 2026', () => {
    expect(specialSessions.map(({ date, hours }) => [weekdayOf(date), date, hours])).toEqual([
      ['Saturday', '2025-02-01', { openTime: '09:15', closeTime: '15:30' }],
      ['Tuesday', '2025-10-21', { openTime: '13:45', closeTime: '14:45' }],
      ['Sunday', '2026-02-01', { openTime: '09:15', closeTime: '15:30' }],
      ['Sunday', '2026-11-08', null],
    ]);
  });

  test('ends continuous trading early for names with derivatives from 3 August 2026', () => {
    expect(ordinaryHours.map(({ from, closeTime, fnoCloseTime }) => [from, closeTime, fnoCloseTime])).toEqual([
      ['2025-01-01', '15:30', '15:30'],
      ['2026-08-03', '15:30', '15:15'],
    ]);
  });

  test('has hours from its first day on, in order, with times that are times', () => {
    expect(ordinaryHours[0]?.from).toBe(coverage.from);
    expect(ordinaryHours.map((row) => row.from)).toEqual(ordinaryHours.map((row) => row.from).sort());
    const times = ordinaryHours.flatMap((row) => [row.openTime, row.closeTime, row.fnoCloseTime]);
    for (const time of times) expect(parseTime(time)).toBe(`${time}:00`);
  });

  test('names for every row a circular that was issued before the day, and uses each circular it lists', () => {
    const rows = [...everyRow, ...ordinaryHours.slice(1).map((row) => ({ date: row.from, source: row.source }))];
    for (const { date, source } of rows) expect(calendarSources[source].issued < date, date).toBe(true);
    expect(new Set(rows.map((row) => row.source))).toEqual(new Set(Object.keys(calendarSources)));
  });
});
