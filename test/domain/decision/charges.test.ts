import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { INR } from '../../../src/domain/currency.ts';
import { productAt, rateFor } from '../../../src/domain/decision/charges.ts';
import type { ChargeRate } from '../../../src/domain/decision/inputs.ts';
import { formatMinor } from '../../../src/domain/money.ts';
import { chargesOn } from '../../support/amounts.ts';

const mtfBuy: ChargeRate = {
  id: 1,
  product: 'mtf',
  side: 'BUY',
  transactionTaxPpb: 1_000_000,
  exchangePpb: 30_700,
  regulatorPpb: 1_000,
  stampPpb: 150_000,
  brokeragePpb: 3_000_000,
  brokerageCapMinor: 2000,
  gstBps: 1800,
};
const mtfSell: ChargeRate = { ...mtfBuy, id: 2, side: 'SELL', stampPpb: 0 };
const deliveryBuy: ChargeRate = { ...mtfBuy, id: 3, product: 'delivery', brokeragePpb: 0 };

const anyRate = fc.record({
  id: fc.constant(1),
  product: fc.constant('mtf'),
  side: fc.constant<'BUY' | 'SELL'>('BUY'),
  transactionTaxPpb: fc.nat(2_000_000),
  exchangePpb: fc.nat(100_000),
  regulatorPpb: fc.nat(10_000),
  stampPpb: fc.nat(200_000),
  brokeragePpb: fc.nat(5_000_000),
  brokerageCapMinor: fc.nat(5_000),
  gstBps: fc.nat(2_800),
});
const anyValue = fc.integer({ min: 0, max: 10_000_000_000_00 });

describe('the charges of one leg', () => {
  test('TITAN 10 × 3500.00 bought with margin costs 65.16, sold 59.91', () => {
    expect(formatMinor(chargesOn(35_000_00, mtfBuy), INR)).toBe('65.16');
    expect(formatMinor(chargesOn(35_000_00, mtfSell), INR)).toBe('59.91');
  });

  test('brokerage is the rate up to the cap and the cap beyond it', () => {
    const brokerageOnly: ChargeRate = {
      ...mtfBuy,
      transactionTaxPpb: 0,
      exchangePpb: 0,
      regulatorPpb: 0,
      stampPpb: 0,
      gstBps: 0,
    };
    expect(chargesOn(1_000_00, brokerageOnly)).toBe(3_00);
    expect(chargesOn(6_666_66, brokerageOnly)).toBe(20_00);
    expect(chargesOn(1_00_000_00, brokerageOnly)).toBe(20_00);
  });

  test('nothing traded costs nothing, and the least fraction costs a paisa', () => {
    expect(chargesOn(0, mtfBuy)).toBe(0);
    expect(chargesOn(1, { ...deliveryBuy, brokerageCapMinor: 0 })).toBe(1);
  });

  test('it is the exact sum of its parts, rounded up once', () => {
    fc.assert(
      fc.property(anyValue, anyRate, (valueMinor, rate) => {
        const value = BigInt(valueMinor);
        const part = (ppb: number) => value * BigInt(ppb);
        const brokerageCap = BigInt(rate.brokerageCapMinor) * 10n ** 9n;
        const brokerage = part(rate.brokeragePpb) < brokerageCap ? part(rate.brokeragePpb) : brokerageCap;
        const gstBase = brokerage + part(rate.exchangePpb) + part(rate.regulatorPpb);
        const exact =
          (part(rate.transactionTaxPpb) + part(rate.stampPpb) + gstBase) * 10_000n + gstBase * BigInt(rate.gstBps);
        const charged = BigInt(chargesOn(valueMinor, rate)) * 10n ** 13n;
        expect(charged >= exact && charged - exact < 10n ** 13n).toBe(true);
      }),
    );
  });

  test('a larger turnover never costs less', () => {
    fc.assert(
      fc.property(anyValue, anyValue, anyRate, (one, other, rate) => {
        const [less = 0, more = 0] = [one, other].sort((a, b) => a - b);
        expect(chargesOn(less, rate)).toBeLessThanOrEqual(chargesOn(more, rate));
      }),
    );
  });
});

describe('which rate applies', () => {
  test('leverage trades on margin, without it is delivery', () => {
    const rates = [mtfBuy, mtfSell, deliveryBuy];
    expect(rateFor(rates, 'BUY', productAt(500))).toBe(mtfBuy);
    expect(rateFor(rates, 'SELL', productAt(500))).toBe(mtfSell);
    expect(rateFor(rates, 'BUY', productAt(101))).toBe(mtfBuy);
    expect(rateFor(rates, 'BUY', productAt(100))).toBe(deliveryBuy);
  });

  test('a missing rate is a bug that says which one is missing and which are there', () => {
    expect(() => rateFor([mtfBuy], 'SELL', 'delivery')).toThrow(/No charge rate for delivery SELL .*\(mtf BUY\)/);
    expect(() => rateFor([], 'BUY', 'mtf')).toThrow(/No charge rate for mtf BUY .*\(none\)/);
  });
});
