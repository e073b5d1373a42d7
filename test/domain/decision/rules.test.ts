import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DenyReason, SkipReason } from '../../../src/domain/decision/decision.ts';
import { nowMs } from '../../support/builders.ts';
import type { DecideCase } from '../decide-case.ts';
import { decideCase, decideOne, holding, quoteNow, set } from '../decide-case.ts';

type Reason = SkipReason | DenyReason;

test('what a user never buys they may still sell', () => {
  const held = decideCase('SELL');
  set(held.account, { positions: [holding('TITAN')], denySymbols: ['TITAN'], allowSymbols: ['ITC'] });
  expect(decideOne(held)).toMatchObject({ outcome: 'accepted' });
});

describe('a rule at its edge', () => {
  test.each<[string, (s: DecideCase) => void, Reason | null]>([
    ['follows the strategy', (s) => set(s.account, { strategies: ['breakout-20d'] }), null],
    ['follows no strategy', (s) => set(s.account, { strategies: [] }), 'not_subscribed'],
    ['its series is on the deny list', (s) => set(s.account, { denySymbols: ['TITAN-BE'] }), 'symbol_not_allowed'],
    ['its series is on the allow list', (s) => set(s.account, { allowSymbols: ['TITAN-BE'] }), null],
    ['the symbol is on the allow list', (s) => set(s.account, { allowSymbols: ['TITAN'] }), null],
    ['the allow list is another one', (s) => set(s.account, { allowSymbols: ['ITC'] }), 'symbol_not_allowed'],
    ['the position is empty', (s) => set(s.account, { positions: [holding('TITAN', 0)] }), null],
    [
      'held and working at an exchange where it is another share',
      (s) => {
        s.account.positions = [{ ...holding('TITAN'), exchange: 'US', share: 'US:TITAN' }];
        s.account.working = [{ exchange: 'US', symbol: 'TITAN', share: 'US:TITAN', side: 'BUY' }];
      },
      null,
    ],
    ['the user is halted', (s) => set(s.account, { halted: 'asked by phone' }), 'halted'],
    ['one millisecond before the cut-off', (s) => set(s.frame, { cutOffMs: nowMs + 1 }), null],
    ['one millisecond of validity left', (s) => set(s.planned.signal, { validUntilMs: nowMs + 1 }), null],
    ['the price is as old as it may be', (s) => set(s.planned, { quote: at(nowMs - 60_000) }), null],
    ['the price is one millisecond older', (s) => set(s.planned, { quote: at(nowMs - 60_001) }), 'price_unavailable'],
    ['the price is ahead of us as clocks differ', (s) => set(s.planned, { quote: at(nowMs + 5_000) }), null],
    ['the price is from the future', (s) => set(s.planned, { quote: at(nowMs + 5_001) }), 'price_unavailable'],
    ['the price is zero', (s) => set(s.planned, { quote: quoteNow('TITAN', 0) }), 'price_unavailable'],
    ['the price is above its own circuit', (s) => set(s.planned, { quote: circuits(1, 3564_70) }), 'price_unavailable'],
    [
      'the price is below its own circuit',
      (s) => set(s.planned, { quote: circuits(3564_90, 4e5) }),
      'price_unavailable',
    ],
    ['the price is at its circuits', (s) => set(s.planned, { quote: circuits(3564_80, 3564_80) }), null],
    ['there is no reference price', (s) => set(s.planned.signal, { referencePriceMinor: 0 }), 'price_outside_band'],
    ['leverage is one', (s) => set(s.account.settings, { leverageCenti: 100 }), null],
    ['there is no capital', (s) => set(s.account.settings, { capitalMinor: 0 }), 'margin_unavailable'],
    ['an unknown instrument on paper', (s) => set(s.planned, { instrument: null }), null],
    ['the value is the least allowed', (s) => set(s.frame.limits, { minOrderValueMinor: 99_814_40 }), null],
    // 28 at the limit price of 3582.60: what it may cost, not what it is quoted at.
    ['the value is the most allowed', (s) => set(s.frame.limits, { maxOrderValueMinor: 1_00_312_80 }), null],
    [
      'the quote is within the most allowed, and the limit is not',
      (s) => set(s.frame.limits, { maxOrderValueMinor: 1_00_312_79 }),
      'max_order_value',
    ],
    [
      'a named limit below the quote makes the value less',
      (s) => {
        set(s.planned, { requested: { quantity: 28, limitPriceMinor: 3560_00 } });
        set(s.account.settings, { maxOrderValueMinor: 99_680_00 });
      },
      null,
    ],
    ['the quantity is the freeze quantity', (s) => set(s.instrument, { freezeQuantity: 28 }), null],
    ['the symbol cap is met exactly', (s) => set(s.frame.limits, { symbolCapMinor: 99_814_40 }), null],
    [
      'the symbol cap is met exactly by a limit that is named above the quote',
      (s) => {
        set(s.planned, { requested: { quantity: 28, limitPriceMinor: 3570_00 } });
        set(s.frame.limits, { symbolCapMinor: 99_960_00 });
      },
      null,
    ],
    [
      'the symbol cap is passed by a limit that is named above the quote',
      (s) => {
        set(s.planned, { requested: { quantity: 28, limitPriceMinor: 3570_00 } });
        set(s.frame.limits, { symbolCapMinor: 99_959_99 });
      },
      'symbol_cap',
    ],
    ['it trades in parts of a share', (s) => set(s.instrument, { quantityScale: 9 }), 'instrument_restricted'],
    ['it is priced in parts of a cent', (s) => set(s.instrument, { priceScale: 2 }), 'instrument_restricted'],
    ['the hold takes all there is', (s) => set(s.account, { availableMinor: 20_205_28 }), null],
    ['a paisa of the hold is missing', (s) => set(s.account, { availableMinor: 20_205_27 }), 'insufficient_funds'],
  ])('%s', (_, change, reason) => {
    const one = decideCase('BUY');
    change(one);
    expect(decideOne(one)?.reason).toBe(reason);
  });

  test.each<[Reason, (s: DecideCase) => void, string, string]>([
    ['insufficient_funds', (s) => set(s.account, { availableMinor: 1_000_000 }), '1.000000', '2.020528'],
    ['below_min_value', (s) => set(s.frame.limits, { minOrderValueMinor: 10_000_000 }), '10.000000', '9.981440'],
    ['max_order_value', (s) => set(s.frame.limits, { maxOrderValueMinor: 1 }), '0.000001', '10.031280'],
    ['symbol_cap', (s) => set(s.frame.limits, { symbolCapMinor: 10 }), '0.000010', '9.981440'],
    ['price_unavailable', (s) => set(s.planned, { quote: circuits(1, 356_000) }), '0.356000', '0.356480'],
    ['quantity_zero', (s) => set(s.account.settings, { capitalMinor: 100_000 }), '0.020000', '0.071296'],
  ])('%s has the figures of its signal’s currency: six of USDC', (reason, change, limit, actual) => {
    const one = decideCase('BUY');
    set(one.planned.signal, { exchange: 'SOLANA' });
    set(one.account, { currency: 'USDC' });
    change(one);
    expect(decideOne(one)).toMatchObject({ reason, limit, actual });
  });

  test('a stale price says how old it may be and is, in whole seconds', () => {
    const one = decideCase('BUY');
    one.planned.quote = at(nowMs - 60_001);
    expect(decideOne(one)).toMatchObject({ limit: '60', actual: '61', priceMinor: 3564_80 });
  });

  test('a price ahead of our clock says by how many seconds, below zero', () => {
    const one = decideCase('BUY');
    one.planned.quote = at(nowMs + 3_600_000);
    expect(decideOne(one)).toMatchObject({ reason: 'price_unavailable', limit: '-5', actual: '-3600' });
  });

  test('a holding with a price from the future has no price: no result of the day is made of it', () => {
    const one = decideCase('BUY');
    one.account.positions = [holding('INFY', 10)];
    set(one.account.settings, { dailyLossLimitBps: 100 });
    one.frame.quotes = new Map([['NSE:INFY', { ...quoteNow('INFY', 1500_00, 1500_00), atMs: nowMs + 60_000 }]]);
    expect(decideOne(one)).toMatchObject({ reason: 'daily_loss_limit', actual: null });
  });

  test('live, an instrument nobody knows is not traded, not even sold', () => {
    for (const side of ['BUY', 'SELL'] as const) {
      const one = decideCase(side);
      one.frame.mode = 'live';
      one.planned.instrument = null;
      expect(decideOne(one)).toMatchObject({ reason: 'instrument_restricted', actual: 'unknown instrument' });
    }
  });

  test.each([
    [100_00, 103_00, null],
    [100_00, 97_00, null],
    [100_00, 103_01, '3.01'],
    [100_00, 96_99, '-3.01'],
    [3_000_000_00, 3_090_000_01, '3.01'],
    [100_00, 250_00, '150.00'],
  ])('from %i a price of %i is outside the band by %s', (referencePriceMinor, priceMinor, actual) => {
    const one = decideCase('BUY');
    one.planned.signal.referencePriceMinor = referencePriceMinor;
    one.planned.quote = quoteNow('TITAN', priceMinor);
    const decision = decideOne(one);
    expect(decision?.reason === 'price_outside_band' ? decision.actual : null).toBe(actual);
  });

  test('a price past the safe range of a product is still compared exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 1e13 }), fc.integer({ min: -1, max: 1 }), (reference, off) => {
        const one = decideCase('BUY');
        const edge = Number((BigInt(reference) * 10_300n) / 10_000n);
        one.planned.signal.referencePriceMinor = reference;
        one.planned.quote = quoteNow('TITAN', edge + off);
        expect(decideOne(one)?.reason === 'price_outside_band').toBe(off > 0);
      }),
    );
  });
});

function at(atMs: number) {
  return { ...quoteNow('TITAN', 3564_80), atMs };
}

function circuits(lowerCircuitMinor: number, upperCircuitMinor: number) {
  return { ...quoteNow('TITAN', 3564_80), lowerCircuitMinor, upperCircuitMinor };
}
