import { describe, expect, test } from 'vitest';
import { currencies, INR } from '../../../src/domain/currency.ts';
import { denyReasons, skipReasons } from '../../../src/domain/decision/decision.ts';
import { reasonSentence, runSkipTexts, shortReason } from '../../../src/domain/messages/texts/reasons-en.ts';

describe('reasons', () => {
  test('every reason has its own words, short enough for a table', () => {
    const reasons = [...skipReasons, ...denyReasons];
    const shorts = reasons.map(shortReason);
    expect(new Set(shorts).size).toBe(reasons.length);
    expect(new Set(reasons.map((code) => reasonSentence(code, null, '1', INR))).size).toBe(reasons.length);
    for (const short of shorts) expect(short.length).toBeLessThanOrEqual(12);
    for (const text of Object.values(runSkipTexts)) expect(text).toMatch(/^[a-z].*[^.]$/);
  });

  test.each([
    [
      'price_outside_band',
      '3.00',
      '-3.41',
      'the price had moved too far from the signal (moved -3.41 %, limit 3.00 %)',
    ],
    [
      'daily_loss_limit',
      '-2000.00',
      '-2500.00',
      'your daily loss limit is reached (today -₹2,500.00, limit -₹2,000.00)',
    ],
    [
      'daily_loss_limit',
      '-2000.00',
      null,
      'your result of today is not known, so your daily loss limit could not be checked (limit -₹2,000.00)',
    ],
    [
      'quantity_zero',
      '1000.00',
      '7129.60',
      'your share per trade is too small for one lot (one lot needs ₹7,129.60, your share ₹1,000.00)',
    ],
    [
      'freeze_quantity',
      '1800',
      '2500',
      'it is more than the exchange takes in one order (quantity 2500, largest 1800)',
    ],
    ['symbol_cap', '100.00', '200.00', 'our limit for this share is reached for today'],
    ['insufficient_funds', 'odd', '1.00', 'not enough free money (needed ₹1.00, available odd)'],
    ['constructor', null, null, 'constructor'],
    ['new_reason', '1', '2', 'new reason'],
  ])('%s with limit %s and actual %s', (code, limit, actual, text) => {
    expect(reasonSentence(code, limit, actual, INR)).toBe(text);
  });

  test('figures of money are in the currency of what was refused, and other figures in none', () => {
    const { USD, USDC } = currencies;
    expect(reasonSentence('insufficient_funds', '1234.50', '200000.00', USD)).toBe(
      'not enough free money (needed $200,000.00, available $1,234.50)',
    );
    expect(reasonSentence('max_order_value', '5.000000', '5.000001', USDC)).toBe(
      'the order would be too large (value 5.000001 USDC, largest 5.000000 USDC)',
    );
    expect(reasonSentence('price_outside_band', '3.00', '-3.41', USDC)).toContain('moved -3.41 %, limit 3.00 %');
    expect(reasonSentence('price_outside_band', '100.00', '120.00', USD, 'limit order')).toContain(
      'your limit $120.00',
    );
    expect(reasonSentence('freeze_quantity', '1800', '2500', USD)).toContain('quantity 2500');
  });
});
