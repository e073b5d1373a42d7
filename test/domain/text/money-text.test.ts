import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { currencies, INR } from '../../../src/domain/currency.ts';
import { formatMinor, parseMinor } from '../../../src/domain/money.ts';
import { formatMoney } from '../../../src/domain/text/money-text.ts';

describe('rupees', () => {
  test.each([
    [0, '₹0.00'],
    [5, '₹0.05'],
    [99_999, '₹999.99'],
    [100_000, '₹1,000.00'],
    [9_981_440, '₹99,814.40'],
    [10_000_000, '₹1,00,000.00'],
    [1_234_567_890, '₹1,23,45,678.90'],
    [-5, '-₹0.05'],
    [-10_000_000, '-₹1,00,000.00'],
    [Number.MAX_SAFE_INTEGER, '₹9,00,71,99,25,47,409.91'],
  ])('%i paise read %s', (minor, text) => {
    expect(formatMoney(minor, INR)).toBe(text);
  });

  test('the commas change no digit and stand after the last three, then every two', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (minor) => {
        const text = formatMoney(minor, INR);
        expect(text).toMatch(/^-?₹\d{1,3}(?:\.\d\d)$|^-?₹\d{1,2}(?:,\d\d)*,\d{3}\.\d\d$/);
        expect(BigInt(text.replace(/[₹,.]/g, ''))).toBe(BigInt(minor));
      }),
    );
  });

  test('a part of a paisa, or more than a number holds exactly, is refused', () => {
    for (const wrong of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(() => formatMoney(wrong, INR)).toThrow(RangeError);
    }
  });
});

describe('money of every currency', () => {
  const { USD, USDC, SOL } = currencies;
  test.each([
    [USD, 123_456, '$1,234.56', '1234.56'],
    [USD, 10_000_000, '$100,000.00', '100000.00'],
    [USD, -5, '-$0.05', '-0.05'],
    [USDC, 1_500_000, '1.500000 USDC', '1.500000'],
    [USDC, -1, '-0.000001 USDC', '-0.000001'],
    [SOL, 1_234_567_890_123, '1,234.567890123 SOL', '1234.567890123'],
    [INR, 10_000_000, '₹1,00,000.00', '100000.00'],
  ])('is told with its own sign, groups and digits', (currency, minor, text, decimal) => {
    expect(formatMoney(minor, currency)).toBe(text);
    expect(formatMinor(minor, currency)).toBe(decimal);
  });

  test('what is written is read back alike, in every currency', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(currencies)), fc.maxSafeInteger(), (currency, minor) => {
        const text = formatMinor(minor, currency);
        expect(text).toMatch(new RegExp(`^-?\\d+\\.\\d{${currency.minorDigits}}$`));
        const isLong = text.replace('-', '').indexOf('.') > 12;
        expect(parseMinor(text, currency)).toBe(isLong ? null : minor);
      }),
    );
  });

  test('one decimal more than the currency has, and more than is exact, is no amount', () => {
    expect(['1.005', '1.', '.5', '1e3', '1,000', ' 1', '+1', ''].map((text) => parseMinor(text, USD))).toEqual(
      Array(8).fill(null),
    );
    expect([parseMinor('1.000001', USDC), parseMinor('1.0000001', USDC)]).toEqual([1_000_001, null]);
    expect([parseMinor('9007199.254740991', SOL), parseMinor('9007199.254740992', SOL)]).toEqual([
      Number.MAX_SAFE_INTEGER,
      null,
    ]);
  });
});
