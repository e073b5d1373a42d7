import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideCase, decideOne, set } from '../decide-case.ts';

/** TITAN at 3564.80 with a tick of 0.10, asked for at a limit. */
function asking(limitPriceMinor: number, side: 'BUY' | 'SELL' = 'BUY') {
  const one = decideCase(side);
  one.planned.requested = { quantity: 1, limitPriceMinor };
  one.planned.signal.referencePriceMinor = limitPriceMinor;
  return one;
}

describe('the limit of a single order', () => {
  test.each([
    ['5 % above the market, far beyond a signal’s band', 3743_00, null],
    ['exactly 20 % above it', 4277_70, null],
    ['a tick more', 4277_80, { limit: '4277.70', actual: '4277.80' }],
    ['exactly 20 % below it', 2851_90, null],
    ['a tick less', 2851_80, { limit: '2851.90', actual: '2851.80' }],
    ['ten times the market', 35648_00, { limit: '4277.70', actual: '35648.00' }],
  ])('%s', (_what, limitPriceMinor, denied) => {
    const decision = decideOne(asking(limitPriceMinor));
    if (denied) expect(decision).toMatchObject({ reason: 'price_outside_band', ...denied });
    else expect(decision).toMatchObject({ outcome: 'accepted', limitPriceMinor });
  });

  test('is bounded by the circuits where they are known, whatever its band', () => {
    const circuits = { lowerCircuitMinor: 3208_30, upperCircuitMinor: 3921_20 };
    const limitAt = (limitMinor: number) => {
      const one = asking(limitMinor);
      if (one.planned.quote) set(one.planned.quote, circuits);
      return decideOne(one);
    };
    expect(limitAt(3921_20)).toMatchObject({ outcome: 'accepted' });
    expect(limitAt(3921_30)).toMatchObject({ reason: 'price_outside_band', limit: '3921.20', actual: '3921.30' });
    expect(limitAt(3208_20)).toMatchObject({ reason: 'price_outside_band', limit: '3208.30', actual: '3208.20' });
  });

  test('has the band of its own setting, and a signal keeps its own', () => {
    const one = asking(3743_00);
    set(one.frame.limits, { limitBandBps: 400 });
    expect(decideOne(one)).toMatchObject({ reason: 'price_outside_band', limit: '3707.30' });
    const signal = decideCase('BUY');
    signal.planned.signal.referencePriceMinor = 3743_00;
    expect(decideOne(signal)).toMatchObject({ reason: 'price_outside_band', limit: '3.00' });
  });

  test('never keeps anybody from selling', () => {
    expect(decideOne(asking(9999_00, 'SELL'))).toMatchObject({ outcome: 'accepted' });
  });

  test('what is named as the nearest limit is one that is taken', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 0, max: 5_000 }), (ticks, limitBandBps) => {
        const one = asking(ticks * 10);
        set(one.frame.limits, { limitBandBps });
        set(one.account, { availableMinor: 1_000_000_000_00 });
        const decision = decideOne(one);
        if (decision?.reason !== 'price_outside_band') return;
        const nearest = asking(Math.round(Number(decision.limit) * 100));
        set(nearest.frame.limits, { limitBandBps });
        expect(decideOne(nearest)?.reason).not.toBe('price_outside_band');
      }),
    );
  });
});
