import { describe, expect, test } from 'vitest';
import { INR } from '../../../src/domain/currency.ts';
import type { SummaryInput, SummaryNotDone } from '../../../src/domain/messages/summary-input.ts';
import { summaryText } from './summary-text.ts';

const nothing: SummaryInput = {
  userName: 'Asha Rao',
  language: 'en',
  isCorrection: false,
  date: '2025-08-28',
  mode: 'paper',
  currency: INR,
  bought: [],
  pending: [],
  unknown: [],
  notDone: [],
  totals: { signals: 2, chargesMinor: 0, availableMinor: null },
};
const titan = {
  symbol: 'TITAN',
  side: 'BUY',
  quantity: 28,
  averagePriceMinor: 356480,
  amountMinor: 9981440,
  marginMinor: 1996288,
} as const;

function notDoneItem(symbol: string, over: Partial<SummaryNotDone>): SummaryNotDone {
  return { symbol, side: 'BUY', what: 'skipped', reason: null, limit: null, actual: null, message: null, ...over };
}

describe('what was not done', () => {
  test('one line for each reason: several names, a long list counted, figures only where they are the same', () => {
    const money = { what: 'denied', reason: 'insufficient_funds', limit: '3200.00' } as const;
    const full = { what: 'denied', reason: 'max_open_positions', limit: '5', actual: '5' } as const;
    const text = summaryText({
      ...nothing,
      notDone: [
        ...['ITC', 'SBIN', 'LT', 'TCS', 'WIPRO', 'ITC'].map((symbol) =>
          notDoneItem(symbol, { reason: 'already_holding' }),
        ),
        notDoneItem('ONGC', { ...money, actual: '20100.00' }),
        notDoneItem('BEL', { ...money, actual: '9000.00' }),
        ...['NTPC', 'TRENT'].map((symbol) => notDoneItem(symbol, full)),
        notDoneItem('ITC', { side: 'SELL', what: 'rejected', reason: 'venue_rejected' }),
      ],
    });
    expect(text.split('\n').filter((line) => line.startsWith('Not '))).toEqual([
      'Not bought ITC, SBIN, LT and 2 more: you already hold it',
      'Not bought ONGC, BEL: not enough free money',
      'Not bought NTPC, TRENT: you have as many open positions as you allow (open 5, limit 5)',
      'Not sold ITC: rejected by the broker: the broker refused it',
    ]);
  });

  test('signals that were never about a user are only counted', () => {
    const foreign = [
      ...Array.from({ length: 6 }, (_, n) => notDoneItem(`S${n}`, { side: 'SELL', reason: 'no_position' })),
      ...Array.from({ length: 3 }, (_, n) => notDoneItem(`B${n}`, { reason: 'not_subscribed' })),
    ];
    const text = (language: 'en' | 'hi') => summaryText({ ...nothing, language, notDone: foreign });
    expect(text('en')).toContain(
      'No order was placed for you today.\n\nTotal: bought 0 of 2 signals (6 to sell what you do not hold, 3 of strategies you do not follow)',
    );
    expect(text('en')).not.toMatch(/S0|B0/);
    expect(text('hi')).toContain('6 ऐसे शेयर बेचने के, जो आपके पास नहीं, 3 उन रणनीतियों के');
  });

  test.each<[string, Partial<SummaryInput>, string]>([
    ['bought', { bought: [titan] }, 'Bought 28 × TITAN'],
    ['open', { pending: [{ ...titan, limitPriceMinor: null, status: 'working' }] }, 'Still open: Buy 28 × TITAN'],
    ['rejected', { notDone: [notDoneItem('TITAN', { what: 'rejected' })] }, 'Not bought TITAN: rejected'],
  ])('two strategies that name one share are one truth: what the order is now (%s)', (_, state, line) => {
    const notDone = [notDoneItem('TITAN', { reason: 'working_order' }), ...(state.notDone ?? [])];
    const text = summaryText({ ...nothing, ...state, notDone });
    expect(text).toContain(line);
    expect(text).not.toContain('open order');
    const elsewhere = summaryText({ ...nothing, notDone: [notDoneItem('TITAN', { reason: 'working_order' })] });
    expect(elsewhere).toContain('Not bought TITAN: you already had an open order for it');
  });
});
