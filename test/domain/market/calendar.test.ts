import { describe, expect, test } from 'vitest';
import { addDays, parseTime, parseTradeDate, weekdayOf } from '../../../src/domain/market/india-time.ts';
import { marketOf, markets, xnse } from '../../../src/domain/market/market.ts';
import { tradingDay } from '../../../src/domain/market/session.ts';

const { holidays, specialSessions, ordinaryHours, coverage } = xnse.calendar;

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
});

const shipped = [...new Set(markets.map(({ calendar }) => calendar))].map(
  (calendar) => [calendar.name, calendar] as const,
);

describe.each(shipped)('the shipped calendar of %s', (_name, calendar) => {
  const { holidays, specialSessions, ordinaryHours, coverage, sources, weekend } = calendar;
  const everyRow = [...holidays, ...specialSessions];

  test('holds only real dates inside its coverage, each once per list and in order', () => {
    const { from, to } = coverage ?? { from: '', to: '' };
    for (const { date } of everyRow) {
      expect(parseTradeDate(date)).toBe(date);
      expect(date >= from && date <= to, date).toBe(true);
    }
    for (const rows of [holidays, specialSessions]) {
      const dates = rows.map((row) => row.date);
      expect(dates).toEqual([...new Set(dates)].sort());
    }
  });

  test('lists no holiday on a weekend, where it would say nothing', () => {
    expect(holidays.filter((day) => weekend.includes(weekdayOf(day.date)))).toEqual([]);
  });

  test('lists a special session only where the ordinary rules would say otherwise', () => {
    const hoursOf = (date: string) => {
      const closed = weekend.includes(weekdayOf(date)) || holidays.some((day) => day.date === date);
      const { openTime, closeTime } = ordinaryHours.findLast(({ from }) => from <= date) ?? ordinaryHours[0];
      return closed ? null : { openTime, closeTime };
    };
    for (const { date, hours } of specialSessions) {
      const ordinary = hoursOf(date);
      if (ordinary !== null) expect(hours, date).not.toEqual(ordinary);
    }
  });

  test('has hours from its first day on, in order, with times that are times', () => {
    if (coverage !== null) expect(ordinaryHours[0].from).toBe(coverage.from);
    expect(ordinaryHours.map((row) => row.from)).toEqual(ordinaryHours.map((row) => row.from).sort());
    const times = ordinaryHours.flatMap((row) => [row.openTime, row.closeTime, row.fnoCloseTime]);
    for (const time of times) if (time !== '24:00') expect(parseTime(time)).toBe(`${time}:00`);
  });

  test('names for every row a paper that was issued before the day, and uses each paper it lists', () => {
    const rows = [...everyRow, ...ordinaryHours.slice(1).map((row) => ({ date: row.from, source: row.source }))];
    for (const { date, source } of rows) expect((sources[source]?.issued ?? 'none') < date, date).toBe(true);
    const used = [...everyRow, ...ordinaryHours].map((row) => row.source);
    expect(new Set(used)).toEqual(new Set(Object.keys(sources)));
  });
});

describe('the NYSE calendar', () => {
  const found = marketOf('XNYS');
  if (found.kind !== 'market') throw new Error(found.message);
  const xnys = found.market;
  const years = [2025, 2026, 2027, 2028];
  const day = (year: number, month: number, date: number) => {
    return `${year}-${String(month).padStart(2, '0')}-${String(date).padStart(2, '0')}`;
  };
  /** The nth weekday of a month; -1 is the last. */
  const nth = (n: number, weekday: string, year: number, month: number) => {
    const dates = Array.from({ length: 31 }, (_, index) => parseTradeDate(day(year, month, index + 1)));
    return dates.filter((date) => date !== null && weekdayOf(date) === weekday).at(n < 0 ? n : n - 1) ?? '';
  };
  /** Gauss's Easter Sunday, as Meeus gives it for the Gregorian calendar. */
  const easter = (year: number) => {
    const [a, b, c] = [year % 19, Math.floor(year / 100), year % 100];
    const h = (19 * a + b - Math.floor(b / 4) - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3) + 15) % 30;
    const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7;
    const m = Math.floor((a + 11 * h + 22 * l) / 451);
    return day(year, Math.floor((h + l - 7 * m + 114) / 31), ((h + l - 7 * m + 114) % 31) + 1);
  };
  /** Of a Saturday the Friday before, of a Sunday the Monday after. */
  const observed = (date: string) => {
    const moved: Record<string, number> = { Saturday: -1, Sunday: 1 };
    return addDays(date, moved[weekdayOf(date)] ?? 0);
  };

  test('has the holidays that Rule 7.2 gives, worked out another way, and the one day of mourning', () => {
    const ruled = years.flatMap((year) => [
      // A Saturday's New Year is not observed: the Friday before ends a month and a year.
      ...(weekdayOf(day(year, 1, 1)) === 'Saturday' ? [] : [observed(day(year, 1, 1))]),
      nth(3, 'Monday', year, 1),
      nth(3, 'Monday', year, 2),
      addDays(easter(year), -2),
      nth(-1, 'Monday', year, 5),
      observed(day(year, 6, 19)),
      observed(day(year, 7, 4)),
      nth(1, 'Monday', year, 9),
      nth(4, 'Thursday', year, 11),
      observed(day(year, 12, 25)),
    ]);
    expect(xnys.calendar.holidays.map(({ date }) => date)).toEqual([...ruled, '2025-01-09'].sort());
  });

  test('closes at 13:00 on the day after Thanksgiving, and before 4 July and Christmas where both are weekdays', () => {
    const eve = (date: string) => {
      const before = addDays(date, -1);
      return [date, before].some((one) => /^S/.test(weekdayOf(one))) ? [] : [before];
    };
    const ruled = years.flatMap((year) => {
      // 2027-07-02 and 2026-07-02 are full days: the holiday is observed on another day.
      return [...eve(day(year, 7, 4)), addDays(nth(4, 'Thursday', year, 11), 1), ...eve(day(year, 12, 25))];
    });
    expect(xnys.calendar.specialSessions.map(({ date }) => date)).toEqual(ruled);
    for (const date of ruled) {
      const open = tradingDay(xnys, date);
      expect(open).toMatchObject({
        kind: 'open',
        closeMs: Date.parse(`${date}T${date.slice(5, 7) === '07' ? 17 : 18}:00Z`),
      });
    }
  });

  test('trades 250 days in 2025, 251 in 2026 and 2027, 251 in 2028', () => {
    const traded = years.map((year) => {
      const dates = Array.from({ length: 366 }, (_, index) => addDays(`${year}-01-01`, index));
      return dates.filter((date) => date.startsWith(String(year)) && tradingDay(xnys, date).kind === 'open').length;
    });
    expect(traded).toEqual([250, 251, 251, 251]);
  });

  test('is not known after 2028', () => {
    expect(tradingDay(xnys, '2029-01-02')).toMatchObject({ kind: 'beyond_coverage', to: '2028-12-31' });
  });
});
