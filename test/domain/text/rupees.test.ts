import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatRupees } from '../../../src/domain/text/rupees.ts';

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
    expect(formatRupees(minor)).toBe(text);
  });

  test('the commas change no digit and stand after the last three, then every two', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (minor) => {
        const text = formatRupees(minor);
        expect(text).toMatch(/^-?₹\d{1,3}(?:\.\d\d)$|^-?₹\d{1,2}(?:,\d\d)*,\d{3}\.\d\d$/);
        expect(BigInt(text.replace(/[₹,.]/g, ''))).toBe(BigInt(minor));
      }),
    );
  });

  test('a part of a paisa, or more than a number holds exactly, is refused', () => {
    for (const wrong of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(() => formatRupees(wrong)).toThrow(RangeError);
    }
  });
});
