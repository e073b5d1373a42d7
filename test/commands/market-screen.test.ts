import { describe, expect, test } from 'vitest';
import { marketFacts, marketScreen } from '../../src/commands/import/market-screen.ts';
import type { DayOverride } from '../../src/domain/market/calendar.ts';
import { type Market, marketOf } from '../../src/domain/market/market.ts';

function market(code: string): Market {
  const found = marketOf(code);
  if (found.kind !== 'market') throw new Error(found.message);
  return found.market;
}
const shown = (code: string, at: string, overrides: DayOverride[] = []) => {
  return marketScreen(market(code), marketFacts(market(code), Date.parse(at), overrides));
};

describe('a market on the screen', () => {
  test('has its own clock, what is done when, and its unusual days ahead', () => {
    const text = shown('XNYS', '2026-11-25T21:00:00Z');
    expect(text).toContain('Market        NYSE (XNYS), USD; exchange codes US, NYSE, NASDAQ');
    expect(text).toContain('Clock         New York time (America/New_York)\n');
    expect(text).toContain('Today         Wednesday, 25 November 2026: trades 09:30 to 16:00\n');
    expect(text).toContain('Next session  XNYS:2026-11-27:open, due 2026-11-27 09:35 (20:05 IST)\n');
    expect(text).toContain('Days ahead    2026-11-26  closed (Thanksgiving Day)\n');
    expect(text).toContain('              2026-11-27  trades 09:30 to 13:00 (Day after Thanksgiving)\n');
  });

  test('in summer is due an hour earlier for India', () => {
    expect(shown('XNYS', '2026-07-01T21:00:00Z')).toContain('due 2026-07-02 09:35 (19:05 IST)');
  });

  test('says how far it is known, and that a day beyond is not traded', () => {
    const list: DayOverride[] = [{ date: '2027-01-26', kind: 'closed', name: 'Republic Day', ofYearList: true }];
    expect(shown('NSE', '2027-01-04T06:00:00Z')).toContain('not known: nothing is traded');
    expect(shown('NSE', '2027-01-04T06:00:00Z')).toContain('Next session  none that is known\n');
    const known = shown('NSE', '2027-01-04T06:00:00Z', list);
    expect(known).toContain('Known         2025-01-01 to 2027-12-31\n');
    expect(known).toContain('2027-01-26  closed (Republic Day)');
    expect(known, 'its own time is not said twice').not.toContain(' IST)\n');
  });

  test('that never closes trades from 00:00 to 24:00, and every day is known', () => {
    const facts = marketFacts(market('SOLANA'), Date.parse('2031-12-31T12:00:00Z'), []);
    expect(facts).toMatchObject({
      known: null,
      unusualDays: [],
      today: { date: '2031-12-31', open: '00:00', close: '24:00' },
      nextDue: '2032-01-01T00:05:00.000+00:00',
    });
  });
});
