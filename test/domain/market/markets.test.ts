import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { validityFault } from '../../../src/domain/decision/signal-rules.ts';
import { parseTime } from '../../../src/domain/market/india-time.ts';
import { type Market, marketOf, markets } from '../../../src/domain/market/market.ts';
import {
  dateIn,
  dueMsOf,
  nextSession,
  parseCutOff,
  sessionAt,
  sessionOf,
  tradingDay,
} from '../../../src/domain/market/session.ts';
import { zonedDate, zonedIso, zonedMs, zonedTime } from '../../../src/domain/market/zone.ts';

function market(code: string): Market {
  const found = marketOf(code);
  if (found.kind !== 'market') throw new Error(found.message);
  return found.market;
}
const [xnse, xbom, xnys, solana] = [market('XNSE'), market('XBOM'), market('XNYS'), market('SOLANA')];
const queryOf = (of: Market) => ({ market: of, slot: 'open', cutOffTime: of.slots.open.cutOff }) as const;
const anyInstant = fc.integer({ min: Date.parse('2020-01-01T00:00Z'), max: Date.parse('2040-01-01T00:00Z') });
const anyZone = fc.constantFrom(...new Set(markets.map(({ zone }) => zone)), 'Europe/London', 'Australia/Lord_Howe');

/** What the engine's own formatter says: the same time zone data, by another way. */
function formatted(zone: string, ms: number): { date: string; time: string } {
  const parts = new Intl.DateTimeFormat('en-CA', {
    ...{ timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
  }).formatToParts(ms);
  const of = (type: string) => parts.find((part) => part.type === type)?.value;
  return { date: `${of('year')}-${of('month')}-${of('day')}`, time: `${of('hour')}:${of('minute')}:${of('second')}` };
}

describe('a zone', () => {
  test('gives the date and time of any instant as the engine’s formatter does, and reads them back', () => {
    fc.assert(
      fc.property(anyZone, anyInstant, (zone, ms) => {
        const [date, time] = [zonedDate(zone, ms), zonedTime(zone, ms)];
        expect({ date, time }).toEqual(formatted(zone, ms));
        expect(Date.parse(zonedIso(zone, ms))).toBe(ms);
        // The second of two hours of one name comes back as the first.
        const again = zonedMs(zone, date, time);
        expect([0, 1_800_000, 3_600_000]).toContain(ms - (ms % 1000) - again);
        expect({ date: zonedDate(zone, again), time: zonedTime(zone, again) }).toEqual({ date, time });
      }),
    );
  });

  test('reads 24:00 as the midnight the date ends with, on the short and the long day too', () => {
    const lengths = { '2026-03-08': 23, '2026-11-01': 25, '2026-12-31': 24 };
    for (const [date, hours] of Object.entries(lengths)) {
      const next = zonedMs('America/New_York', date, '24:00');
      expect(zonedTime('America/New_York', next)).toBe('00:00:00');
      expect([date, (next - zonedMs('America/New_York', date, '00:00')) / 3_600_000]).toEqual([date, hours]);
    }
  });

  test('reads a time the clock skips as the one an hour later, and one that comes twice as the first', () => {
    expect(zonedIso('America/New_York', zonedMs('America/New_York', '2026-03-08', '02:30'))).toBe(
      '2026-03-08T03:30:00.000-04:00',
    );
    expect(zonedIso('America/New_York', zonedMs('America/New_York', '2026-11-01', '01:30'))).toBe(
      '2026-11-01T01:30:00.000-04:00',
    );
  });
});

describe('the markets', () => {
  test('have codes of their own, and are found by MIC and by exchange code', () => {
    const codes = markets.flatMap(({ mic, exchanges }) => [...new Set([mic, ...exchanges])]);
    expect(codes).toEqual([...new Set(codes)]);
    for (const one of markets) for (const code of [one.mic, ...one.exchanges]) expect(market(code)).toBe(one);
  });

  test.each(['nse', '', 'constructor', 'LSE'])('are not found by "%s", which is said with what to write', (code) => {
    const found = marketOf(code);
    expect(found).toMatchObject({ kind: 'unknown_market', code });
    expect(JSON.stringify(found)).toContain('XNSE, NSE; XBOM, BSE; XNYS, US, NYSE');
  });

  test('have times of day in order: ready, accepted, due, checked, cut off, synced after an ordinary close', () => {
    for (const one of markets) {
      const { slots, times, calendar, mic } = one;
      const { acceptFrom, due, cutOff } = slots.open;
      const day = [times.remindFrom, times.ready, times.readyAgain, due, times.check, cutOff];
      expect(day, mic).toEqual(day.toSorted());
      expect(parseCutOff(one, cutOff)).toBe(`${cutOff}:00`);
      expect(acceptFrom < due && calendar.ordinaryHours[0].openTime <= acceptFrom, mic).toBe(true);
      for (const time of [...day, acceptFrom, times.sync]) expect(parseTime(time)).toBe(`${time}:00`);
      expect(calendar.ordinaryHours[0].closeTime === '24:00' || times.sync > calendar.ordinaryHours[0].closeTime).toBe(
        true,
      );
    }
  });

  test('BSE has the days and hours of the NSE, and sessions of its own', () => {
    for (const date of ['2025-10-21', '2026-01-15', '2026-02-01', '2026-08-03', '2027-01-01']) {
      expect(tradingDay(xbom, date)).toEqual(tradingDay(xnse, date));
    }
    expect(nextSession('2026-08-03', queryOf(xbom))).toBe('XBOM:2026-08-04:open');
  });
});

describe('a session in New York', () => {
  const dueAt = (date: string) => new Date(dueMsOf(xnys, date)).toISOString();

  test('is due at 09:35 there: at 14:35 UTC in winter, 13:35 in summer, on either side of both changes', () => {
    expect(dueAt('2026-03-06')).toBe('2026-03-06T14:35:00.000Z');
    expect(dueAt('2026-03-09')).toBe('2026-03-09T13:35:00.000Z');
    expect(dueAt('2026-10-30')).toBe('2026-10-30T13:35:00.000Z');
    expect(dueAt('2026-11-02')).toBe('2026-11-02T14:35:00.000Z');
  });

  test('belongs to the date in New York, not to the one in India or in UTC', () => {
    expect(dateIn(xnys, Date.parse('2026-11-03T03:00Z'))).toBe('2026-11-02');
    expect(dateIn(xnse, Date.parse('2026-11-03T03:00Z'))).toBe('2026-11-03');
    expect(dateIn(solana, Date.parse('2026-11-02T23:59:59Z'))).toBe('2026-11-02');
  });

  test('is accepted from the open to the cut-off, and names the next one over a holiday and a weekend', () => {
    const at = (time: string) => sessionAt(Date.parse(`2026-11-25T${time}-05:00`), queryOf(xnys));
    expect(at('09:29:59')).toMatchObject({ reason: 'outside_window', nextSession: 'XNYS:2026-11-25:open' });
    expect(at('09:30:00')).toMatchObject({ kind: 'due', session: { id: 'XNYS:2026-11-25:open', mic: 'XNYS' } });
    expect(at('09:50:00')).toMatchObject({ reason: 'too_late', nextSession: 'XNYS:2026-11-27:open' });
    const thanksgiving = sessionAt(Date.parse('2026-11-26T09:35:00-05:00'), queryOf(xnys));
    expect(thanksgiving).toMatchObject({ reason: 'market_closed', nextSession: 'XNYS:2026-11-27:open' });
  });

  test('ends at 13:00 on the day after Thanksgiving', () => {
    const day = sessionOf({ ...queryOf(xnys), date: '2026-11-27' });
    expect(day).toMatchObject({ session: { continuousEndMs: Date.parse('2026-11-27T18:00Z') } });
  });
});

describe('a market that never closes', () => {
  test('trades every date, from midnight to midnight of UTC', () => {
    for (const date of ['2024-02-29', '2026-12-25', '2031-06-15']) {
      expect(tradingDay(solana, date)).toMatchObject({
        kind: 'open',
        openMs: Date.parse(`${date}T00:00Z`),
        closeMs: Date.parse(`${date}T00:00Z`) + 86_400_000,
      });
    }
    expect(nextSession('2026-12-31', queryOf(solana))).toBe('SOLANA:2027-01-01:open');
  });

  test('can be closed for a day by an operator, and takes any cut-off after its slot', () => {
    const overrides = [{ date: '2026-06-01', kind: 'closed', name: 'upgrade' } as const];
    expect(tradingDay(solana, '2026-06-01', overrides)).toMatchObject({ kind: 'closed', why: 'operator' });
    expect([parseCutOff(solana, '23:59'), parseCutOff(solana, '00:05')]).toEqual(['23:59:00', null]);
  });
});

describe('the end of a signal', () => {
  const fault = (exchange: string, until: string) => {
    return validityFault({ exchange, tradeDate: '2026-11-25', validUntilMs: Date.parse(until) });
  };

  test('is on its trade date where its exchange is', () => {
    expect(fault('US', '2026-11-25T15:59:00-05:00'), '02:29 of the 26th in India').toBeNull();
    expect(fault('US', '2026-11-25T09:00:00+05:30')).toBe(
      'must be on the trade date 2026-11-25 (New York): a signal is for that day only',
    );
    expect(fault('NSE', '2026-11-25T15:59:00-05:00')).toContain('(India)');
    expect(fault('unknown', '2026-11-25T09:00:00+05:30'), 'goes by India’s clock').toBeNull();
  });
});
