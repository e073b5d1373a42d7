import { describe, expect, test } from 'vitest';
import { calendarGap, type DayOverride } from '../../../src/domain/market/calendar.ts';
import { xnse } from '../../../src/domain/market/market.ts';
import { nextSession, tradingDay } from '../../../src/domain/market/session.ts';

const year = Number('2026-12-31'.slice(0, 4));
const next = year + 1;
const republicDay: DayOverride = { date: `${next}-01-26`, kind: 'closed', name: 'Republic Day' };
const listed = [{ ...republicDay, ofYearList: true }];

describe('a year after the shipped ones', () => {
  test('is known once its list is imported: its weekdays trade but for the days of the list', () => {
    const kinds = ['01-01', '01-02', '01-26', '12-31'].map((day) => tradingDay(xnse, `${next}-${day}`, listed).kind);
    expect(kinds).toEqual(['open', 'closed', 'closed', 'open']);
    expect(tradingDay(xnse, `${next + 1}-01-03`, listed).kind).toBe('beyond_coverage');
    expect(nextSession('2026-12-31', { market: xnse, slot: 'open', overrides: listed })).toBe(
      `XNSE:${next}-01-01:open`,
    );
  });

  test('is not known by a single day an operator closed', () => {
    expect(tradingDay(xnse, `${next}-01-26`, [republicDay]).kind).toBe('closed');
    expect(tradingDay(xnse, `${next}-01-25`, [republicDay]).kind).toBe('beyond_coverage');
  });
});

test('from the first of December, and not before, the lack of the next year is said', () => {
  const gap = `the calendar ends on ${year}-12-31: from 1 January ${next} nothing is traded`;
  expect(calendarGap(xnse.calendar, `${year}-11-30`, [])).toBeNull();
  expect(calendarGap(xnse.calendar, `${year}-12-01`, [])).toBe(gap);
  expect(calendarGap(xnse.calendar, `${year}-12-31`, [republicDay])).toBe(gap);
  expect(calendarGap(xnse.calendar, `${year}-12-31`, listed)).toBeNull();
  expect(calendarGap(xnse.calendar, `${year - 1}-12-15`, []), 'the shipped calendar knows it').toBeNull();
});
