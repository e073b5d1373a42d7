import { describe, expect, test } from 'vitest';
import { decide } from '../../../src/domain/decision/decide.ts';
import type { Decision } from '../../../src/domain/decision/decision.ts';
import type { DayTrades } from '../../../src/domain/decision/inputs.ts';
import { account, frame, holding, planned, quoteNow } from '../decide-case.ts';

type Bought = Partial<Pick<DayTrades, 'boughtQuantity' | 'boughtMinor' | 'soldQuantity' | 'soldMinor'>>;

const trades = (symbol: string, of: Bought): DayTrades => {
  const nothing = { boughtQuantity: '0', boughtMinor: '0', soldQuantity: '0', soldMinor: '0' };
  return { exchange: 'NSE', symbol, share: symbol, ...nothing, ...of };
};
const bought = (boughtQuantity: number, priceMinor: number) => {
  return { boughtQuantity: String(boughtQuantity), boughtMinor: String(boughtQuantity * priceMinor) };
};
const sold = (soldQuantity: number, priceMinor: number) => {
  return { soldQuantity: String(soldQuantity), soldMinor: String(soldQuantity * priceMinor) };
};

/** The day of WIPRO: what is held now, what was traded, its price now and its previous close. */
interface Day {
  held?: number;
  trades?: Bought;
  price?: number | null;
  close?: number | null;
  chargesMinor?: number;
}

/** The limit on one lakh with 1 %, asked by a buy of something else. */
function limited({ held = 0, trades: of = {}, price = null, close = null, chargesMinor = 0 }: Day, bps = 100) {
  const user = account();
  user.settings.dailyLossLimitBps = bps;
  user.positions = held === 0 ? [] : [holding('WIPRO', held)];
  user.today = {
    traded: Object.keys(of).length === 0 ? [] : [trades('WIPRO', of)],
    chargesMinor: String(chargesMinor),
  };
  const one = frame([planned('BUY', 'TITAN', 3564_80)]);
  if (price !== null) one.quotes = new Map([['NSE:WIPRO', quoteNow('WIPRO', price, close)]]);
  return decide(one, user, new Map())[0];
}

/** What the limit measured: with a limit of 0.01 % of one lakh every result of -10.00 or less is told. */
const result = (day: Day): string | null | undefined => {
  const decision: Decision | undefined = limited(day, 1);
  return decision?.outcome === 'accepted' ? 'above' : decision?.actual;
};

describe("a day's profit and loss", () => {
  test.each<[string, Day, string | null]>([
    ['held and fallen', { held: 100, price: 90_00, close: 100_00 }, '-1000.00'],
    ['bought today and fallen', { held: 100, trades: bought(100, 100_00), price: 90_00, close: null }, '-1000.00'],
    [
      'bought today above the previous close, and unchanged: only its charges',
      { held: 100, trades: bought(100, 130_00), price: 130_00, close: 100_00, chargesMinor: 15_20 },
      '-15.20',
    ],
    [
      'bought today below the previous close, and unchanged: no profit that hides a loss',
      { held: 100, trades: bought(100, 90_00), price: 90_00, close: 100_00, chargesMinor: 10_53 },
      '-10.53',
    ],
    ['sold at a loss, all of it', { trades: sold(100, 90_00), price: 80_00, close: 100_00 }, '-1000.00'],
    ['sold at a loss, and it rose afterwards', { trades: sold(100, 90_00), price: 110_00, close: 100_00 }, '-1000.00'],
    ['sold at a profit', { trades: sold(100, 110_00), price: 90_00, close: 100_00 }, 'above'],
    [
      'partly sold: the rest at its price now',
      { held: 60, trades: sold(40, 90_00), price: 95_00, close: 100_00 },
      '-700.00',
    ],
    [
      'sold, and bought again the same day',
      { held: 100, trades: { ...sold(100, 90_00), ...bought(100, 95_00) }, price: 94_00, close: 100_00 },
      '-1100.00',
    ],
    [
      'bought more, and sold some',
      { held: 120, trades: { ...bought(50, 102_00), ...sold(30, 99_00) }, price: 98_00, close: 100_00 },
      '-370.00',
    ],
    [
      'bought and sold off again: no price is needed',
      { trades: { ...bought(10, 100_00), ...sold(10, 98_00) }, chargesMinor: 2_00 },
      '-22.00',
    ],
    [
      'imported today: what was there counts from the previous close',
      { held: 50, price: 99_00, close: 100_00 },
      '-50.00',
    ],
    [
      'a fill of yesterday that is told today: held since the previous close, and its price is yesterday’s',
      { held: 10, trades: {}, price: 98_00, close: 100_00 },
      '-20.00',
    ],
    ['charges alone', { chargesMinor: 10_00 }, '-10.00'],
    [
      'charges that leave of a profit too little',
      { held: 1, price: 101_00, close: 100_00, chargesMinor: 11_00 },
      '-10.00',
    ],
    [
      'sold short by a late fill: what it costs to cover counts',
      { held: -10, trades: sold(10, 100_00), price: 102_00 },
      '-20.00',
    ],
    ['no price for what is held', { held: 1 }, null],
    ['no previous close for what was held', { held: 1, price: 100_00, close: null }, null],
    ['no quote for what was held and is sold', { trades: sold(1, 100_00) }, null],
    ['no previous close for what was held and is sold', { trades: sold(1, 100_00), price: 100_00 }, null],
    ['a split in between', { held: 5, price: 600_00, close: 3000_00 }, null],
    ['sold after a split in between', { trades: sold(5, 600_00), price: 600_00, close: 3000_00 }, null],
    [
      'bought today after a split: the old close is not asked',
      { held: 5, trades: bought(5, 610_00), price: 600_00, close: 3000_00 },
      '-50.00',
    ],
  ])('%s', (_what, day, expected) => {
    expect(result(day)).toBe(expected);
  });

  test('does not count a buy that is still open, nor the order that is judged', () => {
    const user = account();
    user.settings.dailyLossLimitBps = 1;
    user.working = [{ exchange: 'NSE', symbol: 'INFY', share: 'INFY', side: 'BUY' }];
    expect(decide(frame([planned('BUY', 'TITAN', 3564_80)]), user, new Map())[0]?.outcome).toBe('accepted');
  });

  test('adds shares up, each listing with its own price, positions of two products together', () => {
    const user = account();
    user.settings.dailyLossLimitBps = 100;
    user.positions = [holding('WIPRO', 60), holding('WIPRO', 40), { ...holding('WIPRO', 10), exchange: 'BSE' }];
    user.today = { traded: [trades('INFY', sold(20, 1450_00))], chargesMinor: '0' };
    const one = frame([planned('BUY', 'TITAN', 3564_80)]);
    one.quotes = new Map([
      ['NSE:WIPRO', quoteNow('WIPRO', 240_00, 250_00)],
      ['BSE:WIPRO', { ...quoteNow('WIPRO', 239_00, 251_00), exchange: 'BSE' }],
      ['NSE:INFY', quoteNow('INFY', 1460_00, 1500_00)],
    ]);
    // 100 × -10.00, 10 × -12.00, 20 × -50.00.
    expect(decide(one, user, new Map())[0]).toMatchObject({ reason: 'daily_loss_limit', actual: '-2120.00' });
  });

  test('is read as its limit says: denied at it and below, formatted exactly however large', () => {
    const fallen = (perShareMinor: number): Day => ({ held: 100, price: 200_00 - perShareMinor, close: 200_00 });
    expect(limited(fallen(9_99))?.outcome).toBe('accepted');
    expect(limited(fallen(10_00))).toMatchObject({ limit: '-1000.00', actual: '-1000.00' });
    const huge = limited({ held: 9_007_199_254_740_991, price: 90_00, close: 100_00 });
    expect(huge).toMatchObject({ reason: 'daily_loss_limit', actual: '-90071992547409910.00' });
  });

  test('never keeps anybody from selling', () => {
    const user = account();
    user.settings.dailyLossLimitBps = 1;
    user.positions = [holding('TITAN', 5)];
    user.today = { traded: [], chargesMinor: '10000000' };
    expect(decide(frame([planned('SELL', 'TITAN', 3564_80)]), user, new Map())[0]?.outcome).toBe('accepted');
  });
});
