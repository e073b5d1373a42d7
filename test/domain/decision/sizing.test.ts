import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { INR } from '../../../src/domain/currency.ts';
import type { ChargeRate } from '../../../src/domain/decision/inputs.ts';
import {
  assumedInstrument,
  budgetFor,
  exactMargin,
  limitPriceFor,
  marginFor,
  quantityFor,
  valueAt,
} from '../../../src/domain/decision/sizing.ts';
import { formatMinor } from '../../../src/domain/money.ts';
import { placesOf, valueUp } from '../../../src/domain/value.ts';
import { chargesOn, holdFor } from '../../support/amounts.ts';

const rate: ChargeRate = {
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
const anyPrice = fc.integer({ min: 1, max: 1_50_000_00 });
const anyTick = fc.constantFrom(1, 5, 10, 50, 100, 500);
const anyLeverage = fc.integer({ min: 100, max: 500 });
const anyProtection = fc.integer({ min: 0, max: 300 });
const noCircuits = { lowerCircuitMinor: null, upperCircuitMinor: null };

/** Whole shares at prices in minor units, by the lot. */
const lots = (lotSize: number) => ({ lotSize, quantityScale: 0, priceScale: 0 });

describe('quantity and margin', () => {
  test.each([
    [2000, 28, '99814.40', '19962.88'],
    [1000, 14, '49907.20', '9981.44'],
  ])(
    '1,00,000 at %i basis points and leverage 5 buys %i TITAN at 3564.80',
    (allocationBps, shares, exposure, margin) => {
      const quantity = Number(
        quantityFor(budgetFor({ capitalMinor: 1_00_000_00, allocationBps }), 3564_80, 500, lots(1)),
      );
      expect(quantity).toBe(shares);
      expect(formatMinor(valueAt(quantity, 3564_80), INR)).toBe(exposure);
      expect(formatMinor(marginFor(valueAt(quantity, 3564_80), 500), INR)).toBe(margin);
    },
  );

  test('the budget is rounded down and margin is rounded up', () => {
    expect(budgetFor({ capitalMinor: 999, allocationBps: 3333 })).toBe(332);
    expect(marginFor(1001, 500)).toBe(201);
    expect(marginFor(1001, 100)).toBe(1001);
  });

  test('a budget that margin meets exactly buys, one paisa less buys one lot fewer', () => {
    expect(quantityFor(10_000, 1000, 100, lots(1))).toBe(10n);
    expect(quantityFor(9_999, 1000, 100, lots(1))).toBe(9n);
    expect(quantityFor(9_999, 1000, 100, lots(5))).toBe(5n);
    expect(quantityFor(4_999, 1000, 100, lots(5))).toBe(0n);
    expect(quantityFor(0, 1000, 100, lots(1))).toBe(0n);
  });

  test('the quantity is affordable, in whole lots, and one lot more is not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1_000_000_000_00 }),
        anyPrice,
        anyLeverage,
        fc.integer({ min: 1, max: 5000 }),
        (budgetMinor, priceMinor, leverageCenti, lotSize) => {
          const quantity = Number(quantityFor(budgetMinor, priceMinor, leverageCenti, lots(lotSize)));
          expect(quantity % lotSize).toBe(0);
          expect(marginFor(valueAt(quantity, priceMinor), leverageCenti)).toBeLessThanOrEqual(budgetMinor);
          const oneMore = marginFor(valueAt(quantity + lotSize, priceMinor), leverageCenti);
          expect(oneMore).toBeGreaterThan(budgetMinor);
        },
      ),
    );
  });
});

describe('the quantity in parts of a share, at prices in parts of a minor unit,', () => {
  const anyScale = fc.integer({ min: 0, max: 9 });

  test('is affordable to the last part, in whole steps, and one step more is not', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10n ** 12n).map(Number),
        fc.bigInt(1n, 10n ** 14n).map(Number),
        anyLeverage,
        fc.record({ lotSize: fc.integer({ min: 1, max: 5000 }), quantityScale: anyScale, priceScale: anyScale }),
        (budgetMinor, priceMinor, leverageCenti, instrument) => {
          const step = BigInt(instrument.lotSize);
          const quantity = quantityFor(budgetMinor, priceMinor, leverageCenti, instrument);
          const marginOf = (pieces: bigint) =>
            exactMargin(valueUp(pieces, BigInt(priceMinor), placesOf(instrument)), leverageCenti);
          expect(quantity % step).toBe(0n);
          expect(marginOf(quantity) <= BigInt(budgetMinor)).toBe(true);
          expect(marginOf(quantity + step) > BigInt(budgetMinor)).toBe(true);
        },
      ),
    );
  });

  test('10.00 dollars at 183.2450 buy 0.054571748 shares, and not a billionth more', () => {
    const instrument = { lotSize: 1, quantityScale: 9, priceScale: 2 };
    expect(quantityFor(10_00, 183_2450, 100, instrument)).toBe(54_571_748n);
  });
});

describe('the limit price', () => {
  test('a buy goes at most half a percent above, on the tick below that', () => {
    expect(limitPriceFor('BUY', 3564_80, 50, 10, noCircuits)).toBe(3582_60);
    expect(limitPriceFor('BUY', 100_00, 50, 5, null)).toBe(100_50);
  });

  test('a sell mirrors it: at most half a percent below, on the tick above that', () => {
    expect(limitPriceFor('SELL', 3564_80, 50, 10, noCircuits)).toBe(3547_00);
    expect(limitPriceFor('SELL', 100_00, 50, 5, null)).toBe(99_50);
  });

  test('it stays inside the circuit limits, on a tick inside them', () => {
    expect(limitPriceFor('BUY', 100_00, 50, 5, { lowerCircuitMinor: null, upperCircuitMinor: 100_23 })).toBe(100_20);
    expect(limitPriceFor('SELL', 100_00, 50, 5, { lowerCircuitMinor: 99_77, upperCircuitMinor: null })).toBe(99_80);
    expect(limitPriceFor('BUY', 100_00, 50, 5, { lowerCircuitMinor: 90_00, upperCircuitMinor: 110_00 })).toBe(100_50);
  });

  test('a price with no tick inside its protection takes the next tick that reaches it', () => {
    expect(limitPriceFor('BUY', 5576_75, 0, 50, null)).toBe(5577_00);
    expect(limitPriceFor('SELL', 5576_75, 0, 50, null)).toBe(5576_50);
  });

  test('it is never nothing, however small the price', () => {
    expect(limitPriceFor('SELL', 1, 50, 5, null)).toBe(5);
    expect(limitPriceFor('SELL', 1, 20_000, 1, null)).toBe(1);
  });

  test('from a price on the tick it is on the tick, reaches the price, and is the last tick within protection', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), anyProtection, anyTick, (ticks, protectionBps, tickMinor) => {
        const priceMinor = ticks * tickMinor;
        const buy = limitPriceFor('BUY', priceMinor, protectionBps, tickMinor, noCircuits);
        const sell = limitPriceFor('SELL', priceMinor, protectionBps, tickMinor, noCircuits);
        const upperBound = BigInt(priceMinor) * BigInt(10_000 + protectionBps);
        const lowerBound = BigInt(priceMinor) * BigInt(10_000 - protectionBps);
        expect([buy % tickMinor, sell % tickMinor]).toEqual([0, 0]);
        expect(buy).toBeGreaterThanOrEqual(priceMinor);
        expect(sell).toBeLessThanOrEqual(priceMinor);
        expect(BigInt(buy) * 10_000n <= upperBound && BigInt(buy + tickMinor) * 10_000n > upperBound).toBe(true);
        expect(BigInt(sell) * 10_000n >= lowerBound && BigInt(sell - tickMinor) * 10_000n < lowerBound).toBe(true);
      }),
    );
  });

  test('circuit limits are never passed, whatever the protection', () => {
    const reach = fc.nat(20_000);
    fc.assert(
      fc.property(fc.integer({ min: 500, max: 100_000 }), anyProtection, anyTick, reach, (ticks, bps, tick, width) => {
        const priceMinor = ticks * tick;
        const circuits = {
          lowerCircuitMinor: Math.max(tick, priceMinor - width),
          upperCircuitMinor: priceMinor + width,
        };
        expect(limitPriceFor('BUY', priceMinor, bps, tick, circuits)).toBeLessThanOrEqual(circuits.upperCircuitMinor);
        expect(limitPriceFor('SELL', priceMinor, bps, tick, circuits)).toBeGreaterThanOrEqual(
          circuits.lowerCircuitMinor,
        );
      }),
    );
  });
});

describe('the hold', () => {
  test('a buy holds margin and charges at the limit price', () => {
    const hold = holdFor('BUY', 28, 3582_60, 500, rate);
    expect(marginFor(valueAt(28, 3582_60), 500)).toBe(20_062_56);
    expect(hold).toEqual({ chargesMinor: chargesOn(100_312_80, rate), holdMinor: 20_062_56 + hold.chargesMinor });
  });

  test('a sell holds its charges only', () => {
    const chargesMinor = chargesOn(35_000_00, rate);
    expect(holdFor('SELL', 10, 3500_00, 500, rate)).toEqual({ chargesMinor, holdMinor: chargesMinor });
  });

  test('a buy never costs more than its hold, whatever quantity fills at whatever price up to the limit', () => {
    const anyPart = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(
        anyPrice,
        anyPart,
        anyPart,
        anyPart,
        anyLeverage,
        (limit, priceShare, quantity, filledShare, leverage) => {
          const fillPrice = Math.ceil((limit * priceShare) / 1000);
          const filled = Math.ceil((quantity * filledShare) / 1000);
          const turnover = valueAt(filled, fillPrice);
          const cost = marginFor(turnover, leverage) + chargesOn(turnover, rate);
          expect(cost).toBeLessThanOrEqual(holdFor('BUY', quantity, limit, leverage, rate).holdMinor);
        },
      ),
    );
  });
});

describe('an instrument no file names', () => {
  test.each([
    [249_99, 1],
    [250_00, 5],
    [1_000_00, 5],
    [1_000_05, 10],
    [5_000_00, 10],
    [5_000_10, 50],
    [10_000_00, 50],
    [10_000_50, 100],
    [20_000_00, 100],
    [20_001_00, 500],
  ])('at %i paise has a tick of %i', (priceMinor, tickMinor) => {
    expect(assumedInstrument('NSE', 'NEWCO', priceMinor).tickMinor).toBe(tickMinor);
  });

  test('is a plain cash equity', () => {
    expect(assumedInstrument('NSE', 'NEWCO', 100_00)).toEqual({
      exchange: 'NSE',
      symbol: 'NEWCO',
      isin: null,
      name: 'NEWCO',
      tickMinor: 1,
      lotSize: 1,
      freezeQuantity: null,
      fno: false,
      restricted: null,
      currency: 'INR',
      quantityScale: 0,
      priceScale: 0,
    });
  });
});
