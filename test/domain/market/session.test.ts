import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addDays } from '../../../src/domain/market/india-time.ts';
import { xnse } from '../../../src/domain/market/market.ts';
import {
  nextSession,
  parseCutOff,
  runIdOf,
  type Session,
  type SessionQuery,
  sendBeforeMs,
  sessionAt,
  sessionIdOf,
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

const coverage = { from: '2025-01-01', to: '2026-12-31' };
const datesOf = (from: string, to: string) => {
  const dates: string[] = [];
  for (let date = from; date <= to; date = addDays(date, 1)) dates.push(date);
  return dates;
};
const tradingDates = datesOf(coverage.from, coverage.to).filter((date) => tradingDay(xnse, date).kind === 'open');
const anyCoveredDate = fc.constantFrom(...datesOf(coverage.from, coverage.to));

describe('a session', () => {
  test('is one slot of one trading day, with its instants', () => {
    expect(sessionOf({ ...query, date: '2025-08-28' })).toEqual({
      kind: 'session',
      session: {
        id: 'XNSE:2025-08-28:open',
        mic: 'XNSE',
        date: '2025-08-28',
        slot: 'open',
        dueMs: Date.parse('2025-08-28T03:50:00Z'),
        acceptFromMs: Date.parse('2025-08-28T03:45:00Z'),
        cutOffMs: Date.parse('2025-08-28T04:05:00Z'),
        continuousEndMs: Date.parse('2025-08-28T10:00:00Z'),
        continuousEndFnoMs: Date.parse('2025-08-28T10:00:00Z'),
      },
    });
  });

  test('does not exist on a closed or an unknown day, which is given instead', () => {
    for (const date of ['2025-08-27', '2025-10-21', '2027-01-01'])
      expect(sessionOf({ ...query, date })).toEqual(tradingDay(xnse, date));
  });

  test('takes its cut-off from the configuration, with or without seconds', () => {
    expect(sessionOn('2025-08-28', { cutOffTime: '09:25' }).cutOffMs).toBe(at('2025-08-28', '09:25:00'));
    expect(sessionOn('2025-08-28', { cutOffTime: '09:40:30' }).cutOffMs).toBe(at('2025-08-28', '09:40:30'));
  });

  test.each([
    ['09:35', '09:35:00'],
    ['09:20:01', '09:20:01'],
    ['15:30', '15:30:00'],
    ['09:20', null],
    ['09:10', null],
    ['15:30:01', null],
    ['9:35', null],
    ['09:60', null],
    ['24:00', null],
    ['09:35 ', null],
    ['', null],
  ])('reads cut-off "%s" as %s', (text, expected) => {
    expect(parseCutOff(xnse, text)).toBe(expected);
    if (expected === null) expect(() => sessionOn('2025-08-28', { cutOffTime: text })).toThrow(/cut-off/);
  });

  test('gives its id to runs and to the orders of a day', () => {
    expect(runIdOf(sessionOn('2025-08-28').id, 'paper')).toBe('XNSE:2025-08-28:open:paper');
    expect(runIdOf(sessionIdOf('XNSE', '2025-08-28', 'api'), 'live')).toBe('XNSE:2025-08-28:api:live');
  });
});

describe('a scan at an instant', () => {
  const day = '2025-08-28';
  const next = 'XNSE:2025-08-29:open';
  const skipped = (reason: string, session: string, nextSession: string | null) => {
    return { kind: 'skipped', reason, session, nextSession };
  };

  test.each([
    [at(day, '00:00:00'), 'outside_window'],
    [at(day, '09:15:00') - 1, 'outside_window'],
    [at(day, '09:15:00'), 'due'],
    [at(day, '09:20:00'), 'due'],
    [at(day, '09:35:00') - 1, 'due'],
    [at(day, '09:35:00'), 'too_late'],
    [at(day, '15:30:00'), 'too_late'],
    [at('2025-08-29', '00:00:00') - 1, 'too_late'],
    [at('2025-08-29', '00:00:00'), 'outside_window'],
  ])('of a trading day, %d, is %s', (nowMs, expected) => {
    const session = sessionAt(nowMs, query);
    expect(session.kind === 'skipped' ? session.reason : session.kind).toBe(expected);
  });

  test('is given the session when it is due', () => {
    expect(sessionAt(at(day, '09:20:00'), query)).toEqual({ kind: 'due', session: sessionOn(day) });
  });

  test("is told today's session when early and the following day's when late", () => {
    const session = `XNSE:${day}:open`;
    expect(sessionAt(at(day, '09:14:59.999'), query)).toEqual(skipped('outside_window', session, session));
    expect(sessionAt(at(day, '09:35:00'), query)).toEqual(skipped('too_late', session, next));
  });

  test.each([
    ['2025-08-27', '2025-08-28'],
    ['2025-08-30', '2025-09-01'],
    ['2025-10-21', '2025-10-23'],
    ['2026-11-08', '2026-11-09'],
  ])('of %s finds the market closed at any hour, until %s', (date, until) => {
    const expected = skipped('market_closed', `XNSE:${date}:open`, `XNSE:${until}:open`);
    for (const time of ['00:00:00', '09:20:00', '14:00:00', '23:59:59.999'])
      expect(sessionAt(at(date, time), query)).toEqual(expected);
  });

  test('runs on the budget Sunday', () => {
    expect(sessionAt(at('2026-02-01', '09:20:00'), query).kind).toBe('due');
  });

  test('takes the Indian date, not the one of Greenwich', () => {
    const expected = skipped('outside_window', next, next);
    expect(sessionAt(Date.parse('2025-08-28T19:00:00Z'), query)).toEqual(expected);
  });

  test('is refused to the millisecond beyond the calendar', () => {
    const beyond = (date: string) => ({ kind: 'beyond_coverage', date, ...coverage });
    const from = at('2025-01-01', '00:00:00');
    const end = at('2027-01-01', '00:00:00');
    expect(sessionAt(from - 1, query)).toEqual(beyond('2024-12-31'));
    expect(sessionAt(from, query)).toMatchObject({ reason: 'outside_window' });
    expect(sessionAt(end - 1, query)).toEqual(skipped('too_late', 'XNSE:2026-12-31:open', null));
    expect(sessionAt(end, query)).toEqual(beyond('2027-01-01'));
    expect(sessionAt(8.64e15, query)).toMatchObject({ kind: 'beyond_coverage' });
    expect(sessionAt(-8.64e15, query)).toMatchObject({ kind: 'beyond_coverage' });
  });

  test('is always exactly one of early, due, late, closed and beyond, as plain arithmetic on UTC says', () => {
    const minute = 60_000;
    const anyInstant = fc.integer({ min: Date.parse('2024-12-01T00:00Z'), max: Date.parse('2027-02-01T00:00Z') });
    const nearEdge = fc
      .tuple(
        fc.constantFrom(...tradingDates),
        fc.constantFrom('00:00', '09:15', '09:35'),
        fc.integer({ min: -2, max: 2 }),
      )
      .map(([date, time, ms]) => at(date, `${time}:00`) + ms);
    fc.assert(
      fc.property(fc.oneof(anyInstant, nearEdge), (nowMs) => {
        const local = nowMs + 330 * minute;
        const date = new Date(local).toISOString().slice(0, 10);
        const ofDay = local - Date.parse(`${date}T00:00Z`);
        const inWindow = ofDay < 555 * minute ? 'outside_window' : ofDay < 575 * minute ? 'due' : 'too_late';
        const covered = date >= '2025-01-01' && date <= '2026-12-31';
        const expected = !covered ? 'beyond_coverage' : tradingDates.includes(date) ? inWindow : 'market_closed';
        const session = sessionAt(nowMs, query);
        expect(session.kind === 'skipped' ? session.reason : session.kind).toBe(expected);
        if (session.kind === 'due') expect(session.session.date).toBe(date);
        if (session.kind === 'skipped') expect(session.session).toBe(`XNSE:${date}:open`);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the next session', () => {
  test.each([
    ['2025-08-26', 'XNSE:2025-08-28:open'],
    ['2025-01-31', 'XNSE:2025-02-01:open'],
    ['2025-10-20', 'XNSE:2025-10-23:open'],
    ['2026-01-30', 'XNSE:2026-02-01:open'],
    ['2026-12-31', null],
    ['2027-03-01', null],
  ])('after %s is %s', (date, expected) => {
    expect(nextSession(date, query)).toBe(expected);
  });

  test('is always the nearest trading day strictly after, with any days the operator adds', () => {
    const someOverrides = fc.array(
      fc.record({ date: anyCoveredDate, kind: fc.constantFrom('open', 'closed'), name: fc.constant('by hand') }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(anyCoveredDate, someOverrides, (date, overrides) => {
        const isOpen = (other: string) => tradingDay(xnse, other, overrides).kind === 'open';
        const next = nextSession(date, { ...query, overrides })?.split(':')[1] ?? null;
        if (next !== null) expect(isOpen(next)).toBe(true);
        expect(datesOf(addDays(date, 1), next ? addDays(next, -1) : coverage.to).filter(isOpen)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the last moment to send an order', () => {
  const before = sessionOn('2026-07-31');
  const after = sessionOn('2026-08-03');
  const late = sessionOn('2026-08-03', { cutOffTime: '15:14' });

  test('is two minutes after the cut-off', () => {
    expect(sendBeforeMs(null, before, true)).toBe(at('2026-07-31', '09:37:00'));
    expect(sendBeforeMs(at('2026-07-31', '09:37:00.001'), before, false)).toBe(at('2026-07-31', '09:37:00'));
  });

  test("is the signal's validity where that ends first", () => {
    expect(sendBeforeMs(at('2026-07-31', '09:36:59.999'), before, false)).toBe(at('2026-07-31', '09:36:59.999'));
    expect(sendBeforeMs(0, before, false)).toBe(0);
  });

  test('is the end of continuous trading where that comes first, earlier for a name with derivatives', () => {
    expect(sendBeforeMs(null, late, true)).toBe(at('2026-08-03', '15:15:00'));
    expect(sendBeforeMs(null, late, false)).toBe(at('2026-08-03', '15:16:00'));
    expect(sendBeforeMs(null, { ...late, cutOffMs: late.continuousEndMs }, false)).toBe(after.continuousEndMs);
  });
});
