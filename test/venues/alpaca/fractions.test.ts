import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decimalText, inUnits, quantityAndRest } from '../../../src/adapters/venues/alpaca/units.ts';
import type { LookupOutcome, VenueFill } from '../../../src/ports/venue.ts';
import { type AlpacaExchange, openAlpacaExchange } from '../../simulators/venues/alpaca-exchange.ts';
import { type FaultName, faultNames } from '../../simulators/venues/exchange.ts';
import { type JumpingClock, jumpingClock } from '../../stages/support/clocks.ts';
import { venueAccount as account, nowMs, orderToStart } from '../../support/builders.ts';

let clock: JumpingClock;
let alpaca: AlpacaExchange;
beforeEach(async () => {
  clock = jumpingClock(nowMs);
  alpaca = await openAlpacaExchange(clock);
});
afterEach(() => alpaca.close());

/** 0.38962051 AAPL at 128.33: quantities in billionths of a share, prices in hundredths of a cent. */
const order = orderToStart({
  exchange: 'US',
  symbol: 'AAPL',
  quantity: 389_620_510,
  limitPriceMinor: 128_33_00,
  quantityScale: 9,
  priceScale: 2,
});
const posted = () => JSON.parse(alpaca.requests.find(({ method }) => method === 'POST')?.body ?? '{}');

describe('a part of a share at Alpaca', () => {
  test.each([
    [{}, '0.38962051', '128.33'],
    [{ quantity: 12_000_000_000 }, '12', '128.33'],
    [{ quantity: 1 }, '0.000000001', '128.33'],
    [{ limitPriceMinor: 1_00_00 }, '0.38962051', '1.00'],
    [{ limitPriceMinor: 50_25 }, '0.38962051', '0.5025'],
    [{ limitPriceMinor: 1 }, '0.38962051', '0.0001'],
    [{ quantity: 3, limitPriceMinor: 482_60, quantityScale: 0, priceScale: 0 }, '3', '482.60'],
  ])('%j is ordered as %s at %s, for the day', async (change, qty, limitPrice) => {
    expect(await alpaca.venue.submit({ ...order, ...change })).toMatchObject({ kind: 'acknowledged' });
    expect(posted()).toMatchObject({ qty, limit_price: limitPrice, time_in_force: 'day' });
  });

  test.each([
    [1_00_01, 'a limit price of a dollar or more has 2 decimals at most: 1.0001'],
    [128_33_50, 'a limit price of a dollar or more has 2 decimals at most: 128.335'],
  ])('is not sent with a limit price of %i, which no exchange takes', async (limitPriceMinor, message) => {
    expect(await alpaca.venue.submit({ ...order, limitPriceMinor })).toEqual({ kind: 'rejected', message });
    const finer = { priceScale: 3, limitPriceMinor: 5_02_51 };
    const below = 'a limit price below a dollar has 4 decimals at most: 0.50251';
    expect(await alpaca.venue.submit({ ...order, ...finer })).toEqual({ kind: 'rejected', message: below });
    expect(alpaca.requests).toEqual([]);
  });

  test('of a share that is not divided is refused in Alpaca’s words', async () => {
    const message = 'asset "BRK.A" is not fractionable';
    const refused = { kind: 'rejected', reason: 'not_fractionable', message };
    expect(await alpaca.venue.submit({ ...order, symbol: 'BRK.A' })).toEqual(refused);
    const whole = { symbol: 'BRK.A', quantity: 2_000_000_000 };
    expect(await alpaca.venue.submit({ ...order, ...whole })).toMatchObject({ kind: 'acknowledged' });
  });
});

/** Asked until nobody can say more, as the core asks; what the book says at the end. */
async function ended(fault: FaultName | null): Promise<LookupOutcome> {
  alpaca.next(fault);
  const outcome = await alpaca.venue.submit(order);
  if (outcome.kind === 'rejected') return { kind: 'missing' };
  clock.jump(120_000);
  const found = await alpaca.venue.lookup(order);
  if (found.kind === 'found') return found;
  await alpaca.venue.submit(order);
  clock.jump(120_000);
  return alpaca.venue.lookup(order);
}

describe('a fractional order, when the venue', () => {
  test.each([null, ...faultNames])('%s, is there once at most, to the last billionth', async (fault) => {
    if (fault && alpaca.unsupported[fault]) return;
    const found = await ended(fault);
    if (fault === 'refused') {
      expect([found, alpaca.book()]).toEqual([{ kind: 'missing' }, []]);
      return;
    }
    expect(found).toMatchObject({ kind: 'found', report: { status: 'filled' } });
    const fills = found.kind === 'found' ? found.report.fills : [];
    expect(fills.reduce((sum, { quantity }) => sum + quantity, 0)).toBe(order.quantity);
    expect(fills.map(({ priceMinor }) => priceMinor)).toEqual(fills.map(() => 128_33_00));
    expect(fills).toHaveLength(fault === 'partial_fill' ? 2 : 1);
    expect(alpaca.book()).toHaveLength(1);
  });
});

/** What the lookup makes of one execution of the whole order. */
async function executed(qty: string, price: string, side: 'BUY' | 'SELL'): Promise<VenueFill[] | string> {
  const quantity = Number(qty.replace('.', '').padEnd(qty.indexOf('.') + 9, '0'));
  const ours = { ...order, side, quantity };
  const row = {
    ...{ id: 'o1', client_order_id: ours.clientOrderId, symbol: 'AAPL', asset_class: 'us_equity' },
    ...{ side: side.toLowerCase(), qty, filled_qty: qty, status: 'filled', submitted_at: '2025-08-28T13:30:00Z' },
  };
  const fill = { id: 'f1', order_id: 'o1', qty, price, transaction_time: '2025-08-28T13:30:01Z' };
  alpaca.answerNext(200, JSON.stringify(row));
  alpaca.answerNext(200, JSON.stringify([fill]));
  const found = await alpaca.venue.lookup(ours);
  return found.kind === 'found' ? found.report.fills : JSON.stringify(found);
}

describe('an execution of a part of a share', () => {
  const atMs = Date.UTC(2025, 7, 28, 13, 30, 1);

  test.each(['BUY', 'SELL'] as const)(
    'of a %s at a price we can write has its quantity and that price',
    async (side) => {
      // As in Alpaca's documentation: 0.38962051 at 128.33.
      expect(await executed('0.38962051', '128.33', side)).toEqual([
        { venueFillId: 'f1', quantity: 389_620_510, priceMinor: 128_33_00, atMs },
      ]);
    },
  );

  test('at a finer price says what it cost, rounded up, or brought, rounded down', async () => {
    // 0.333333333 × 10.123456 = 3.37448533…
    const [common, qty, price] = [
      { venueFillId: 'f1', quantity: 333_333_333, priceMinor: 10_12_35, atMs },
      '0.333333333',
      '10.123456',
    ] as const;
    expect(await executed(qty, price, 'BUY')).toEqual([{ ...common, valueMinor: 3_38 }]);
    expect(await executed(qty, price, 'SELL')).toEqual([{ ...common, valueMinor: 3_37 }]);
  });

  test.each([
    ['0.3896205101', '128.33', 'book_differs_from_order'],
    ['0.389620510', '0.00001', 'fill_unreadable'],
    ['9007199.254740992', '1', 'book_differs_from_order'],
  ])('of %s at %s is read as nothing', async (qty, price, reason) => {
    expect(await executed(qty, price, 'BUY')).toBe(JSON.stringify({ kind: 'unreadable', reason }));
  });
});

describe('what is read of an account', () => {
  const scales = () => ({ quantityScale: 9, priceScale: 2 });
  const page = (path: string, data: unknown) => {
    alpaca.pages[`GET ${path}`] = data;
  };
  const held = (qty: string) => ({ symbol: 'AAPL', asset_class: 'us_equity', qty, cost_basis: '50.00' });

  test('has positions in the units of their listing, and names what those can’t say', async () => {
    page('/v2/positions', [held('1.5')]);
    const whole = { exchange: 'US', symbol: 'AAPL', costMinor: 50_00 };
    expect(await alpaca.venue.accountApi?.positions(account, scales)).toEqual({
      kind: 'read',
      value: { rows: [{ ...whole, quantity: 1_500_000_000 }], odd: [] },
    });
    expect(await alpaca.venue.accountApi?.positions(account)).toMatchObject({
      value: { rows: [{ quantity: 1, costMinor: null }], odd: [{ why: 'fraction: 0.5', unreadable: false }] },
    });
    page('/v2/positions', [held('1.0000000005')]);
    expect(await alpaca.venue.accountApi?.positions(account, scales)).toMatchObject({
      value: { rows: [{ quantity: 1_000_000_000, costMinor: null }], odd: [{ why: 'fraction: 0.0000000005' }] },
    });
    page('/v2/positions', [held('99999999999')]);
    expect(await alpaca.venue.accountApi?.positions(account, scales)).toMatchObject({
      value: { rows: [], odd: [{ why: 'quantity: too_big', unreadable: true }] },
    });
  });

  test('has the orders of the day in the units of their listing', async () => {
    await alpaca.venue.submit(order);
    const read = { ...{ exchange: 'US', symbol: 'AAPL' }, clientOrderId: order.clientOrderId, side: 'BUY' };
    expect(await alpaca.venue.accountApi?.ordersToday(account, scales)).toMatchObject({
      value: { rows: [{ ...read, quantity: order.quantity, report: { status: 'filled' } }], odd: [] },
    });
    expect(await alpaca.venue.accountApi?.ordersToday(account)).toMatchObject({
      value: { rows: [], odd: [{ clientOrderId: order.clientOrderId, why: 'fractional_order', unreadable: true }] },
    });
  });

  test('has prices below a dollar to the hundredth of a cent, and margins up to the cent', async () => {
    page('/data/v2/stocks/snapshots', {
      AAPL: { latestTrade: { t: '2025-08-28T13:30:00Z', p: 0.5025 }, prevDailyBar: { c: 0.51 } },
    });
    const listing = { exchange: 'US', symbol: 'AAPL', priceScale: 2 };
    expect(await alpaca.venue.accountApi?.quotes(account, [listing])).toMatchObject({
      value: [{ priceMinor: 50_25, previousCloseMinor: 51_00 }],
    });
    // 0.38962051 × 128.33 = 50.00000004…
    expect(await alpaca.venue.accountApi?.margins(account, [order])).toEqual({
      kind: 'read',
      value: [{ marginMinor: 50_01, chargesMinor: null }],
    });
  });
});

test('a decimal is what its units say, whatever the scale', () => {
  const scale = fc.integer({ min: 0, max: 9 });
  fc.assert(
    fc.property(fc.nat(Number.MAX_SAFE_INTEGER), scale, (units, digits) => {
      const [whole = '', decimals = ''] = decimalText(units, digits).split('.');
      expect(decimals).not.toMatch(/0$/);
      const decimal = BigInt(whole) * 10n ** 18n + BigInt(decimals.padEnd(18, '0'));
      expect(inUnits(decimal, digits, 'nearest')).toBe(units);
      expect(quantityAndRest(decimal, digits)).toEqual({ quantity: units, rest: null });
    }),
  );
});
