import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { INR } from '../../../src/domain/currency.ts';
import { decide } from '../../../src/domain/decision/decide.ts';
import type { Decision } from '../../../src/domain/decision/decision.ts';
import type { AccountState, PlannedSignal } from '../../../src/domain/decision/inputs.ts';
import { formatMinor } from '../../../src/domain/money.ts';
import { account, decidePage, frame, holding, planned, quoteNow } from '../decide-case.ts';

const outcomes = (decisions: Decision[]) => decisions.map(({ reason, outcome }) => reason ?? outcome);

describe('one user', () => {
  test('1,00,000 at 20 % and leverage 5 buys 28 TITAN at 3564.80, with the hold at the limit price', () => {
    const capUsed = new Map<string, number>();
    const [decision] = decide(frame([planned('BUY', 'TITAN', 3564_80)]), account(), capUsed);
    expect(decision).toEqual({
      signalId: 'sig-1-TITAN-BUY',
      userId: 'user-1',
      outcome: 'accepted',
      reason: null,
      limit: null,
      actual: null,
      quantity: 28,
      priceMinor: 3564_80,
      product: 'mtf',
      limitPriceMinor: 3582_60,
      marginMinor: 19_962_88,
      chargesMinor: 142_72,
      holdMinor: 20_205_28,
    });
    expect(formatMinor(capUsed.get('TITAN') ?? 0, INR)).toBe('99814.40');
  });

  test('a sell closes what is held, holds its charges only and counts for no cap', () => {
    const user = account();
    user.positions = [holding('TITAN', 10, 'mtf')];
    const capUsed = new Map<string, number>();
    const [decision] = decide(frame([planned('SELL', 'TITAN', 3500_00)]), user, capUsed);
    expect(decision).toMatchObject({ outcome: 'accepted', quantity: 10, limitPriceMinor: 3482_50, marginMinor: 0 });
    expect(decision?.holdMinor).toBe(decision?.chargesMinor);
    expect(formatMinor(decision?.holdMinor ?? 0, INR)).toBe('59.73');
    expect(capUsed.size).toBe(0);
  });

  test('scarce money goes to the best rank, in whatever order the signals come', () => {
    const user = account();
    user.availableMinor = 21_000_00;
    const best = planned('BUY', 'TITAN', 3564_80, 1);
    const next = planned('BUY', 'ITC', 400_00, 2);
    for (const signals of [
      [best, next],
      [next, best],
    ]) {
      const decisions = decide(frame(signals), user, new Map());
      expect(decisions.map(({ signalId }) => signalId)).toEqual(['sig-1-TITAN-BUY', 'sig-2-ITC-BUY']);
      expect(outcomes(decisions)).toEqual(['accepted', 'insufficient_funds']);
      expect(decisions[1]).toMatchObject({ limit: '794.72', actual: '20242.94' });
    }
  });

  test('what the best rank can not pay for is not made smaller, and the next rank may', () => {
    const user = account();
    user.availableMinor = 5_000_00;
    user.settings.allocationBps = 600;
    const dear = planned('BUY', 'TITAN', 3564_80, 1);
    const cheap = planned('BUY', 'MRF', 24_000_00, 2);
    expect(outcomes(decide(frame([dear, cheap]), user, new Map()))).toEqual(['insufficient_funds', 'accepted']);
  });

  test('an order accepted a moment ago is a working order and an open position for the next signal', () => {
    const user = account();
    user.settings.maxOpenPositions = 2;
    user.settings.allocationBps = 500;
    user.positions = [holding('WIPRO')];
    const signals = [
      planned('BUY', 'TITAN', 3564_80, 1),
      planned('SELL', 'TITAN', 3564_80, 2),
      planned('BUY', 'ITC', 400_00, 3),
      planned('SELL', 'WIPRO', 250_00, 4),
      planned('BUY', 'INFY', 1500_00, 5),
    ];
    const decisions = decide(frame(signals), user, new Map());
    expect(outcomes(decisions)).toEqual([
      'accepted',
      'working_order',
      'max_open_positions',
      'accepted',
      'max_open_positions',
    ]);
    expect(decisions[2]).toMatchObject({ limit: '2', actual: '2' });
  });

  test('an instrument held and being bought counts once, a working sell of nothing held not at all', () => {
    const user = account();
    user.settings.maxOpenPositions = 2;
    user.positions = [holding('WIPRO'), holding('SBIN', 0)];
    user.working = [
      { exchange: 'NSE', symbol: 'WIPRO', share: 'WIPRO', side: 'BUY' },
      { exchange: 'NSE', symbol: 'LT', share: 'LT', side: 'SELL' },
    ];
    expect(outcomes(decide(frame([planned('BUY', 'ITC', 400_00)]), user, new Map()))).toEqual(['accepted']);
  });

  test('a signal that comes twice is decided once', () => {
    const signal = planned('BUY', 'TITAN', 3564_80);
    expect(outcomes(decide(frame([signal, signal]), account(), new Map()))).toEqual(['accepted', 'already_decided']);
  });
});

describe('the daily loss limit', () => {
  function loss(held: number | null, previousClose: number | null, resultOfSalesMinor = 0): Decision | undefined {
    const user = account();
    user.settings.dailyLossLimitBps = 200;
    // Bought and sold off again today, with that result.
    const [boughtMinor, soldMinor] = ['10000000', String(1_00_000_00 + resultOfSalesMinor)];
    const trades = { exchange: 'NSE', symbol: 'ITC', share: 'ITC', boughtQuantity: '10', soldQuantity: '10' };
    user.today = { traded: [{ ...trades, boughtMinor, soldMinor }], chargesMinor: '0' };
    user.positions = [holding('WIPRO', 100)];
    const one = frame([planned('BUY', 'TITAN', 3564_80)]);
    if (held !== null) one.quotes = new Map([['NSE:WIPRO', quoteNow('WIPRO', held, previousClose)]]);
    return decide(one, user, new Map())[0];
  }

  test('a split or a bonus overnight is no loss: there is no price for what is held', () => {
    // 5:1: close 3000.00, open 600.00. And 1:1, a demerger, and the other way (a consolidation).
    for (const [price, close] of [
      [600_00, 3000_00],
      [1500_00, 3000_00],
      [2399_99, 3000_00],
      [3600_01, 3000_00],
    ]) {
      const decision = loss(price ?? 0, close ?? 0);
      expect(decision).toMatchObject({ reason: 'daily_loss_limit', actual: null });
    }
    // The widest band a share may move in a day is still a price.
    expect(loss(2400_00, 3000_00)).toMatchObject({ reason: 'daily_loss_limit', actual: '-60000.00' });
  });

  test('counts what sales brought and what the open positions moved since the previous close', () => {
    expect(loss(240_00, 250_00, -1_000_00)).toMatchObject({
      reason: 'daily_loss_limit',
      limit: '-2000.00',
      actual: '-2000.00',
    });
    expect(loss(240_00, 250_00, -999_99)?.outcome).toBe('accepted');
    expect(loss(225_00, 250_00)).toMatchObject({ reason: 'daily_loss_limit', actual: '-2500.00' });
  });

  test('a profit never stops anyone, and pays for a loss', () => {
    expect(loss(300_00, 250_00)?.outcome).toBe('accepted');
    expect(loss(250_00, 250_00, 9_000_00)?.outcome).toBe('accepted');
    expect(loss(225_00, 250_00, 501_00)?.outcome).toBe('accepted');
  });

  test('a price or a previous close nobody knows is no profit: denied, with nothing to show', () => {
    const unknown = { reason: 'daily_loss_limit', limit: '-2000.00', actual: null };
    expect(loss(null, null)).toMatchObject(unknown);
    expect(loss(300_00, null)).toMatchObject(unknown);
    expect(loss(0, 250_00, 9_000_00)).toMatchObject(unknown);
  });
});

describe('a page of users', () => {
  test('shares the symbol cap in the order of the queue, on top of what is used already', () => {
    const one = frame([planned('BUY', 'TITAN', 3564_80)]);
    one.limits.symbolCapMinor = 2_50_000_00;
    const capUsed = new Map([['TITAN', 50_000_00]]);
    const decisions = decidePage(one, ['a', 'b', 'c'].map(account), capUsed);
    expect(outcomes(decisions)).toEqual(['accepted', 'accepted', 'symbol_cap']);
    expect(decisions[2]).toMatchObject({ userId: 'c', limit: '250000.00', actual: '349443.20' });
    expect(capUsed.get('TITAN')).toBe(2_49_628_80);
  });

  test('comes out the same in one page or in many', () => {
    const one = frame([planned('BUY', 'TITAN', 3564_80, 1), planned('BUY', 'ITC', 400_00, 2)]);
    one.limits.symbolCapMinor = 3_00_000_00;
    const users = ['a', 'b', 'c', 'd', 'e'].map(account);
    const capUsed = new Map<string, number>();
    const paged = users.flatMap((user) => decidePage(one, [user], capUsed));
    expect(paged).toEqual(decidePage(one, users, new Map()));
  });
});

const symbols = ['TITAN', 'ITC', 'INFY', 'WIPRO', 'LT', 'SBIN'];
const anySignal = fc
  .record({
    side: fc.constantFrom('BUY' as const, 'BUY' as const, 'SELL' as const),
    symbol: fc.constantFrom(...symbols),
    ticks: fc.integer({ min: 1, max: 100_000 }),
    rank: fc.integer({ min: 1, max: 10 }),
    lotSize: fc.constantFrom(1, 1, 25),
  })
  .map(({ side, symbol, ticks, rank, lotSize }): PlannedSignal => {
    const one = planned(side, symbol, ticks * 10, rank);
    return one.instrument ? { ...one, instrument: { ...one.instrument, lotSize } } : one;
  });
const anyAccount = fc
  .record({
    capital: fc.integer({ min: 1, max: 10_00_000_00 }),
    available: fc.integer({ min: 0, max: 10_00_000_00 }),
    allocationBps: fc.integer({ min: 1, max: 10_000 }),
    leverageCenti: fc.integer({ min: 100, max: 500 }),
    maxOpenPositions: fc.option(fc.nat(4)),
    held: fc.subarray(symbols, { maxLength: 3 }),
  })
  .map(({ capital, available, held, ...settings }): AccountState => {
    const base = account();
    return {
      ...base,
      settings: { ...base.settings, ...settings, capitalMinor: capital },
      availableMinor: available,
      positions: held.map((symbol) => holding(symbol)),
    };
  });
const anyCap = fc.option(fc.integer({ min: 1, max: 50_00_000_00 }));

describe('whatever the signals and the accounts', () => {
  test('every signal gets one decision, and no rupee, place or cap is given twice', () => {
    fc.assert(
      fc.property(fc.array(anySignal, { maxLength: 12 }), anyAccount, anyCap, (signals, user, symbolCapMinor) => {
        const one = frame(signals);
        one.limits.symbolCapMinor = symbolCapMinor;
        const before = structuredClone({ one, user });
        const capUsed = new Map<string, number>();
        const decisions = decide(one, user, capUsed);
        expect(decisions.map(({ signalId }) => signalId).sort()).toEqual(signals.map(({ signal }) => signal.id).sort());
        expect(decisions.reduce((sum, { holdMinor }) => sum + holdMinor, 0)).toBeLessThanOrEqual(user.availableMinor);
        const bought = decisions.filter((d) => d.outcome === 'accepted' && d.marginMinor > 0).length;
        const max = user.settings.maxOpenPositions ?? Number.POSITIVE_INFINITY;
        expect(bought).toBeLessThanOrEqual(Math.max(0, max - user.positions.length));
        for (const used of capUsed.values())
          expect(used).toBeLessThanOrEqual(symbolCapMinor ?? Number.MAX_SAFE_INTEGER);
        expect({ one, user }).toEqual(before);
      }),
    );
  });

  test('an accepted order is sized, its limit is within protection, and it holds more than its margin', () => {
    fc.assert(
      fc.property(fc.array(anySignal, { maxLength: 12 }), anyAccount, (signals, user) => {
        for (const decision of decide(frame(signals), user, new Map())) {
          const { outcome, quantity, priceMinor, limitPriceMinor, marginMinor, chargesMinor, holdMinor } = decision;
          expect(outcome === 'accepted').toBe(quantity > 0);
          if (outcome !== 'accepted' || priceMinor === null || limitPriceMinor === null) continue;
          expect(Math.abs(limitPriceMinor - priceMinor) * 200).toBeLessThanOrEqual(priceMinor);
          // A sale holds what there is of its charges: they are paid out of what it brings.
          if (marginMinor > 0) expect(holdMinor).toBeGreaterThanOrEqual(marginMinor + chargesMinor);
          else expect(holdMinor).toBeLessThanOrEqual(chargesMinor);
          expect(chargesMinor).toBeGreaterThan(0);
        }
      }),
    );
  });
});
