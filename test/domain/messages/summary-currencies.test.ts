import { expect, test } from 'vitest';
import { currencies } from '../../../src/domain/currency.ts';
import { singleOrdersParts } from '../../../src/domain/messages/single-orders.ts';
import { summaryParts, textOf } from '../../../src/domain/messages/summary.ts';
import type { SummaryInput } from '../../../src/domain/messages/summary-input.ts';
import { filledTemplate, templateLimit, templateSlots, templates } from '../../../src/domain/messages/template.ts';

const { INR, USD } = currencies;
const apple = { symbol: 'AAPL', quantity: 4, averagePriceMinor: 23_245, amountMinor: 92_980 };
const dollars: SummaryInput = {
  userName: 'Asha Rao',
  language: 'en',
  isCorrection: false,
  date: '2026-07-01',
  mode: 'live',
  currency: USD,
  bought: [
    { ...apple, side: 'BUY', marginMinor: 92_980, stopMinor: 22_000, targetMinor: 25_000 },
    { ...apple, symbol: 'MSFT', side: 'SELL', marginMinor: 0, profitMinor: -5 },
  ],
  pending: [{ symbol: 'NVDA', side: 'BUY', quantity: 2, limitPriceMinor: 18_000, status: 'working' }],
  unknown: [],
  notDone: [
    {
      symbol: 'TSLA',
      side: 'BUY',
      what: 'denied',
      reason: 'insufficient_funds',
      limit: '1234.50',
      actual: '100000.00',
      message: null,
    },
  ],
  totals: { signals: 4, chargesMinor: 3, availableMinor: 10_000_000 },
};
const text = (of: SummaryInput) => textOf(summaryParts(of));

test.each(['en', 'hi'] as const)(
  'a summary of a US run is in dollars from its first line to its totals (%s)',
  (language) => {
    const body = text({ ...dollars, language });
    for (const amount of [
      '$232.45',
      '$929.80',
      '$220.00',
      '$250.00',
      '$0.05',
      '$180.00',
      '$100,000.00',
      '$1,234.50',
      '$0.03',
    ])
      expect(body).toContain(amount);
    expect(body).not.toContain('₹');
    const slots = templateSlots(summaryParts({ ...dollars, language }), language);
    const inTemplate = filledTemplate(templates[language], slots);
    expect(inTemplate).toContain('$929.80');
    expect(inTemplate).not.toContain('₹');
    expect(inTemplate.length).toBeLessThanOrEqual(templateLimit);
  },
);

test('nothing but the amounts differs between two currencies of the same digits', () => {
  const plain = (of: SummaryInput) => text(of).replaceAll(/[₹$]/g, '').replaceAll(',', '');
  expect(plain({ ...dollars, currency: INR })).toBe(plain(dollars));
  expect(text({ ...dollars, currency: INR })).not.toContain('$');
});

test('single orders are told of in the currency of their run', () => {
  const { userName, language, date, mode, currency, bought } = dollars;
  const items = { bought: bought.slice(0, 1), pending: [], unknown: [], notDone: [] };
  const orders = [{ placedBy: { own: true, key: null }, quantity: 4, items }];
  const body = textOf(singleOrdersParts({ userName, language, date, mode, currency, orders }));
  expect(body).toContain('4 × AAPL @ $232.45 = $929.80');
  expect(body).not.toContain('₹');
});
