import { expect, test } from 'vitest';
import { currencies } from '../../../src/domain/currency.ts';
import type { SummaryInput } from '../../../src/domain/messages/summary-input.ts';
import { hindiReasons } from '../../../src/domain/messages/texts/reasons-hi.ts';
import { namedRefusals } from '../../../src/domain/order.ts';
import { summaryText } from './summary-text.ts';

/** A summary of one order of AAPL that the broker refused in its own words. */
function summaryOf(language: 'en' | 'hi', reason: string): string {
  const nothing = {
    isCorrection: false,
    mode: 'paper' as const,
    currency: currencies.USD,
    bought: [],
    pending: [],
    unknown: [],
  };
  const figures = { limit: null, actual: null, message: 'trade denied' };
  const refused: SummaryInput['notDone'] = [{ symbol: 'AAPL', side: 'BUY', what: 'rejected', reason, ...figures }];
  const totals = { signals: 1, chargesMinor: 0, availableMinor: null };
  return summaryText({ ...nothing, userName: 'Asha Rao', language, date: '2026-07-01', notDone: refused, totals });
}

test('a refusal that has words of ours is in those, in the reader’s language', () => {
  const english = 'AAPL: rejected by the broker: your account has no day trades left under the pattern day trader rule';
  expect(summaryOf('en', 'pattern_day_trader')).toContain(english);
  for (const reason of namedRefusals) {
    expect(summaryOf('hi', reason)).toContain(hindiReasons.orders[reason].you);
    expect(summaryOf('en', reason) + summaryOf('hi', reason)).not.toContain('trade denied');
  }
});

test('any other refusal is in the broker’s words', () => {
  expect(summaryOf('en', 'venue_rejected')).toContain('AAPL: rejected by the broker: "trade denied"');
});
