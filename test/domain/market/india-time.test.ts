import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  humanDate,
  istDate,
  istIso,
  istMs,
  istTime,
  parseInstant,
  parseTime,
  parseTradeDate,
} from '../../../src/domain/market/india-time.ts';

describe('instants, dates and times as text', () => {
  test.each([
    ['2025-08-28T09:20:00+05:30', '2025-08-28T03:50:00Z'],
    ['2025-08-28T09:20+05:30', '2025-08-28T03:50:00Z'],
    ['2025-08-28T03:50Z', '2025-08-28T03:50:00Z'],
    ['2025-08-28T09:20:00.250+0530', '2025-08-28T03:50:00.250Z'],
    ['2025-08-27T23:50:00-04:00', '2025-08-28T03:50:00Z'],
  ])('reads the instant %s', (text, same) => {
    expect(parseInstant(text)).toBe(Date.parse(same));
  });

  test.each([
    '2025-08-28T09:20:00',
    '2025-08-28',
    '09:20',
    '',
    '2025-02-30T09:20:00+05:30',
    '2025-08-28T25:00:00+05:30',
    '2025-08-28T09:20:60+05:30',
    '2025-08-28T09:20:00+15:00',
    '2025-08-28T09:20:00 +05:30',
    '2025-08-28T09:20:00+05:30[Asia/Tokyo]',
    '1756353000000',
    'Thu, 28 Aug 2025 09:20:00 GMT',
    '2025-08-28T09:20:00+05:30\n',
  ])('refuses "%s" as an instant', (text) => {
    expect(parseInstant(text)).toBeNull();
  });

  test('reads only real dates, written strictly', () => {
    expect(parseTradeDate('2025-08-28')).toBe('2025-08-28');
    expect(parseTradeDate('2028-02-29')).toBe('2028-02-29');
    const wrong = [
      '2025-02-29',
      '2025-13-01',
      '20250828',
      '28-08-2025',
      '2025-8-28',
      ' 2025-08-28',
      '2025-08-28\n',
      '',
    ];
    for (const text of wrong) expect(parseTradeDate(text), text).toBeNull();
  });

  test('writes an instant as Indian date, time and ISO text', () => {
    const ms = Date.parse('2025-08-28T03:50:00.007Z');
    expect([istDate(ms), istTime(ms), istIso(ms)]).toEqual(['2025-08-28', '09:20:00', '2025-08-28T09:20:00.007+05:30']);
    expect(istIso(Date.parse('2025-08-28T03:50:00Z'))).toBe('2025-08-28T09:20:00.000+05:30');
    expect(istTime(Date.parse('2025-08-28T18:29:59.999Z'))).toBe('23:59:59');
    expect(istDate(Date.parse('2025-08-28T18:30:00Z'))).toBe('2025-08-29');
  });

  test('reads back what it writes, for any instant', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.parse('2100-01-01T00:00Z') }), (ms) => {
        expect(parseInstant(istIso(ms))).toBe(ms);
        expect(istMs(istDate(ms), istTime(ms))).toBe(ms - (ms % 1000));
        expect(parseTradeDate(istDate(ms))).toBe(istDate(ms));
        expect(parseTime(istTime(ms))).toBe(istTime(ms));
      }),
    );
  });

  test('writes a date for people', () => {
    expect(humanDate('2025-08-28')).toBe('Thursday, 28 August 2025');
    expect(humanDate('2026-02-01')).toBe('Sunday, 1 February 2026');
    expect(() => humanDate('2025-02-30')).toThrow(RangeError);
  });
});

describe('the zone of the machine', () => {
  const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const program = `
    const { sessionAt, sessionOf, nextSession } = await import(${url('../../../src/domain/market/session.ts')});
    const { istIso, parseInstant, humanDate } = await import(${url('../../../src/domain/market/india-time.ts')});
    const { xnse } = await import(${url('../../../src/domain/market/market.ts')});
    const query = { market: xnse, slot: 'open', cutOffTime: '09:35' };
    const instants = ['2025-03-30T03:44:59.999Z', '2025-08-28T03:45Z', '2025-08-28T04:05Z', '2025-08-28T18:30Z',
      '2025-11-02T20:00Z', '2026-03-08T10:30Z', '2026-12-31T18:30Z'].map(parseInstant);
    const answers = instants.map((ms) => [istIso(ms), sessionAt(ms, query)]);
    const session = sessionOf({ ...query, date: '2026-08-03' });
    const offset = new Date(instants[1]).getTimezoneOffset();
    console.log(JSON.stringify({ offset, rules: [answers, session, nextSession('2025-10-20', query), humanDate('2025-08-28')] }));
  `;
  const run = (zone: string, locale: string): { offset: number; rules: unknown } => {
    const env = { ...process.env, TZ: zone, LANG: locale, LC_ALL: locale, NODE_OPTIONS: '' };
    return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '--eval', program], { env }).toString());
  };

  test('changes no answer, nor does its language', () => {
    const india = run('Asia/Kolkata', 'C');
    const others = [
      run('UTC', 'de_DE.UTF-8'),
      run('America/New_York', 'hi_IN.UTF-8'),
      run('Pacific/Kiritimati', 'ar_EG.UTF-8'),
    ];
    expect([india, ...others].map((answer) => answer.offset)).toEqual([-330, 0, 240, -840]); // they did run there
    for (const other of others) expect(other.rules).toEqual(india.rules);
  }, 30_000);
});
