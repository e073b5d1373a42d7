import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../../src/domain/decision/decide.ts';
import type { AccountState } from '../../../src/domain/decision/inputs.ts';
import { isBeyondExact } from '../../../src/domain/decision/rules.ts';
import { planLine } from '../../../src/domain/ids.ts';
import { LARGEST_MINOR } from '../../../src/domain/money.ts';
import { account, decideCase, decideOne, decidePage, frame, holding, planned, quoteNow, set } from '../decide-case.ts';

const largest = '90071992547409.91';
const decimal = /^-?\d+\.\d\d$|^-?\d+$/;

/** Numbers as the database may hold them, small and absurd. */
const anyMinor = fc.oneof(
  fc.maxSafeNat(),
  fc.constantFrom(0, 1, LARGEST_MINOR, LARGEST_MINOR - 1, 2 ** 52, 99_999_999_999_999),
  fc.nat({ max: 1_00_000_00 }),
);
const anyQuantity = fc.oneof(anyMinor, fc.integer({ min: -1000, max: 1000 }));
const absurd = fc.record({
  capitalMinor: anyMinor,
  allocationBps: fc.integer({ min: 1, max: 10_000 }),
  leverageCenti: fc.oneof(fc.constantFrom(100, 10_000, 2_147_483_647), fc.integer({ min: 100, max: 10_000 })),
  dailyLossLimitBps: fc.option(fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.constant(2_147_483_647))),
  maxOrderValueMinor: fc.option(anyMinor),
  availableMinor: fc.oneof(anyMinor, fc.constant(-LARGEST_MINOR)),
  held: fc.record({ ITC: anyQuantity, INFY: anyQuantity, SBIN: anyQuantity }),
  today: fc.bigInt({ min: 0n, max: 2n ** 70n }),
  requested: fc.option(
    fc.record({ quantity: fc.option(anyMinor.filter((n) => n > 0)), limitPriceMinor: fc.constant(null) }),
  ),
});

type Absurd = typeof absurd extends fc.Arbitrary<infer T> ? T : never;

function absurdUser(of: Absurd): AccountState {
  const user = account('absurd');
  const { capitalMinor, allocationBps, leverageCenti, dailyLossLimitBps, maxOrderValueMinor, availableMinor } = of;
  set(user.settings, { capitalMinor, allocationBps, leverageCenti, dailyLossLimitBps, maxOrderValueMinor });
  const positions = Object.entries(of.held).map(([symbol, quantity]) => holding(symbol, quantity));
  const trades = {
    exchange: 'NSE',
    symbol: 'ITC',
    share: 'ITC',
    boughtQuantity: String(of.today),
    soldQuantity: String(of.today),
  };
  const traded = [{ ...trades, boughtMinor: String(of.today * 100n), soldMinor: String(of.today) }];
  return Object.assign(user, { availableMinor, positions, today: { traded, chargesMinor: String(of.today) } });
}

describe('one user’s absurd numbers', () => {
  test('a legal row of 999999999999.99 at 100 % and leverage 100 is a denial that says how large the order would be', () => {
    const one = decideCase('BUY');
    set(one.account.settings, { capitalMinor: 99_999_999_999_999, allocationBps: 10_000, leverageCenti: 10_000 });
    one.account.availableMinor = 99_999_999_999_999;
    const decision = decideOne(one);
    // 28052064631 would be 100 lakh crore; at the limit price it is worth a little more.
    expect(decision).toMatchObject({ outcome: 'denied', reason: 'max_order_value', limit: largest });
    expect(decision?.actual).toMatch(/^100\d{12}\.\d\d$/);
    expect(decision && isBeyondExact(decision)).toBe(true);
  });

  test('an enormous quantity that is asked for is denied with its exact value, as its own limit where that is smaller', () => {
    const one = decideCase('BUY');
    set(one.planned, { requested: { quantity: 9_007_199_254_740_991, limitPriceMinor: null } });
    const exact = (9_007_199_254_740_991n * 3582_60n).toString().replace(/(\d\d)$/, '.$1');
    expect(decideOne(one)).toMatchObject({ reason: 'max_order_value', limit: largest, actual: exact });
    one.account.settings.maxOrderValueMinor = 5_00_000_00;
    const own = decideOne(one);
    expect(own).toMatchObject({ reason: 'max_order_value', limit: '500000.00', actual: exact });
    expect(own && isBeyondExact(own)).toBe(false);
  });

  test('a sale of a huge holding takes what can be computed, in lots, and the rest stays held', () => {
    const one = decideCase('SELL');
    one.account.positions = [holding('TITAN', LARGEST_MINOR)];
    set(one.instrument, { lotSize: 10 });
    const decision = decideOne(one);
    expect(decision?.outcome).toBe('accepted');
    const quantity = decision?.quantity ?? 0;
    expect(quantity % 10).toBe(0);
    expect(2n * BigInt(quantity) * 3564_80n <= BigInt(LARGEST_MINOR)).toBe(true);
    expect(2n * BigInt(quantity + 10) * 3564_80n > BigInt(LARGEST_MINOR)).toBe(true);
    // Who names a quantity that can't be computed is told so.
    set(one.planned, { requested: { quantity: LARGEST_MINOR - 1, limitPriceMinor: null } });
    expect(decideOne(one)).toMatchObject({ outcome: 'denied', reason: 'max_order_value', limit: largest });
  });

  test('a loss floor beyond exact numbers is compared and told exactly', () => {
    const one = decideCase('BUY');
    set(one.account.settings, { capitalMinor: LARGEST_MINOR, dailyLossLimitBps: 2_147_483_647 });
    set(one.account, { today: { traded: [], chargesMinor: String(2n ** 80n) } });
    const decision = decideOne(one);
    expect(decision).toMatchObject({ reason: 'daily_loss_limit', actual: '-12089258196146291747061.76' });
    expect(decision?.limit).toBe('-19342813104826865393.08');
  });

  test('an absurd price is no price, for everybody', () => {
    const one = decideCase('BUY');
    one.planned.quote = quoteNow('TITAN', LARGEST_MINOR);
    expect(decideOne(one)).toMatchObject({ reason: 'price_unavailable', limit: '999999999999.99', actual: largest });
    one.planned.quote = quoteNow('TITAN', 99_999_999_999_999);
    one.planned.signal.referencePriceMinor = 1;
    expect(decideOne(one)).toMatchObject({ reason: 'price_outside_band', actual: '9999999999999800.00' });
  });

  test('change no decision of the others, whatever they are, and are decisions themselves', () => {
    const signals = () => [
      planned('BUY', 'TITAN', 3564_80, 1),
      planned('SELL', 'ITC', 400_00, 2),
      planned('BUY', 'INFY', 1500_00, 3),
      planned('BUY', 'SBIN', 1, 4),
    ];
    fc.assert(
      fc.property(absurd, fc.integer({ min: 0, max: 3 }), (inputs, index) => {
        const one = frame(signals());
        const quotes = ['ITC', 'INFY', 'SBIN'].map(
          (symbol) => [`NSE:${symbol}`, quoteNow(symbol, 400_00, 410_00)] as const,
        );
        one.quotes = new Map(quotes);
        one.limits.symbolCapMinor = 2_50_000_00;
        if (inputs.requested) for (const signal of one.signals) signal.requested = inputs.requested;
        const user = absurdUser(inputs);
        const alone = decide(one, user, new Map());
        expect(alone).toHaveLength(one.signals.length);
        for (const { limit, actual, outcome, quantity, holdMinor } of alone) {
          if (limit !== null) expect(limit).toMatch(decimal);
          if (actual !== null && outcome === 'denied') expect(actual).toMatch(decimal);
          expect(Number.isSafeInteger(quantity) && Number.isSafeInteger(holdMinor)).toBe(true);
        }
        const cautious = frame(signals());
        const others = ['a', 'b', 'c'].map((id) => account(id));
        const without = decidePage(cautious, others, new Map());
        // Where the absurd user takes nothing of the cap, nothing at all changes.
        const refusing = Object.assign(absurdUser(inputs), { availableMinor: 0 });
        const among = decidePage(cautious, others.toSpliced(index, 0, refusing), new Map());
        expect(among.filter(({ userId }) => userId !== 'absurd').map(planLine)).toEqual(without.map(planLine));
      }),
      { numRuns: 2000 },
    );
  });
});
