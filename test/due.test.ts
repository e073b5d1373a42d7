import { describe, expect, test } from 'vitest';
import { type DayOverride, datesAfter } from '../src/domain/market/calendar.ts';
import { istMs } from '../src/domain/market/india-time.ts';
import { marketOfExchange, tradingDay } from '../src/domain/market/session.ts';
import { dueAt } from '../src/schedule.ts';
import { tradeDate } from './support/builders.ts';

const newYork = marketOfExchange('US');
const day = (overrides: DayOverride[] = []) => ({ cutOffTime: '09:35:00', overrides });
const due = (date: string, time: string, overrides: DayOverride[] = []) => {
  const { scan, check, beyondCalendar } = dueAt(istMs(date, time), day(overrides));
  return { scan: scan?.id ?? null, check: check?.id ?? null, beyondCalendar };
};
const nothing = { scan: null, check: null, beyondCalendar: false };
const session = `XNSE:${tradeDate}:open`;

describe('what is due', () => {
  test.each([
    ['09:19:59', null, null],
    ['09:20:00', session, null],
    ['09:24:59', session, null],
    ['09:25:00', session, session],
    ['09:34:59', session, session],
    ['09:35:00', null, session],
    ['15:29:59', null, session],
    ['15:30:00', null, null],
  ])('at %s on a trading day: scan %s, check %s', (time, scan, check) => {
    expect(due(tradeDate, time)).toEqual({ scan, check, beyondCalendar: false });
  });

  test('is nothing on a weekend, on a holiday and on a day the operator closed', () => {
    expect(due('2025-08-30', '09:26')).toEqual(nothing);
    expect(due('2025-08-27', '09:26')).toEqual(nothing);
    expect(due(tradeDate, '09:26', [{ date: tradeDate, kind: 'closed', name: 'flood' }])).toEqual(nothing);
  });

  test('is a scan on the Sunday of the Union Budget: the calendar decides, not the weekday', () => {
    expect(due('2026-02-01', '09:20').scan).toBe('XNSE:2026-02-01:open');
  });

  test('is said when the calendar does not know the day', () => {
    expect(due('2027-03-01', '09:25')).toEqual({ ...nothing, beyondCalendar: true });
  });
});

describe('what is due in New York', () => {
  const dueThere = (at: string) => {
    const { scan, check } = dueAt(Date.parse(at), { market: newYork, cutOffTime: '09:50', overrides: [] });
    return [scan?.id ?? null, check?.id ?? null];
  };

  test('is due by its own clock and day, and checked until 13:00 on the day after Thanksgiving', () => {
    const id = 'XNYS:2026-11-27:open';
    expect(dueThere('2026-11-27T09:34:59-05:00')).toEqual([null, null]);
    expect(dueThere('2026-11-27T09:35:00-05:00')).toEqual([id, null]);
    expect(dueThere('2026-11-27T09:40:00-05:00')).toEqual([id, id]);
    expect(dueThere('2026-11-27T12:59:59-05:00')).toEqual([null, id]);
    expect(dueThere('2026-11-27T13:00:00-05:00')).toEqual([null, null]);
    expect(dueThere('2026-11-26T09:40:00-05:00'), 'Thanksgiving').toEqual([null, null]);
  });

  test('is found by exactly one of two crons an hour apart in UTC, on every trading day of four years', () => {
    const crons = ['13:35', '14:35'];
    let trading = 0;
    for (const date of ['2025-01-01', ...datesAfter('2025-01-01', 1460)]) {
      const due = crons.filter((time) => dueThere(`${date}T${time}:00Z`)[0] === `XNYS:${date}:open`);
      const trades = tradingDay(newYork, date).kind === 'open';
      trading += trades ? 1 : 0;
      expect([date, due.length]).toEqual([date, trades ? 1 : 0]);
    }
    expect(trading).toBe(1003);
  });
});
