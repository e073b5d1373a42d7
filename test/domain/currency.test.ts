import { expect, test } from 'vitest';
import { currencies, isCurrency } from '../../src/domain/currency.ts';

test('every currency of ISO 4217 has the digits Intl has for it; a token has those of its mint', () => {
  const digits = Object.values(currencies)
    .filter(({ iso }) => iso)
    .map(({ code, minorDigits }) => [code, minorDigits]);
  const intlDigits = (code: string) =>
    new Intl.NumberFormat('en', { style: 'currency', currency: code }).resolvedOptions().maximumFractionDigits;
  expect(digits).toEqual(digits.map(([code]) => [code, intlDigits(String(code))]));
  expect(digits.map(([code]) => code)).toEqual(['INR', 'USD']);
  expect([currencies.USDC.minorDigits, currencies.SOL.minorDigits]).toEqual([6, 9]);
});

test('a currency stands under its own code, and no other word is one', () => {
  for (const [code, currency] of Object.entries(currencies)) expect(currency.code).toBe(code);
  expect(Object.keys(currencies).every(isCurrency)).toBe(true);
  expect(['usd', 'EUR', '', ' INR', 'toString', '__proto__', 'USDT'].filter(isCurrency)).toEqual([]);
});
