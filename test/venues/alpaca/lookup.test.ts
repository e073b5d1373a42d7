import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cents, decimal, pieces } from '../../../src/adapters/venues/alpaca/shapes.ts';
import { type AlpacaExchange, openAlpacaExchange } from '../../simulators/venues/alpaca-exchange.ts';
import { jumpingClock } from '../../stages/support/clocks.ts';
import { nowMs, orderToStart } from '../../support/builders.ts';

let alpaca: AlpacaExchange;
beforeEach(async () => {
  alpaca = await openAlpacaExchange(jumpingClock(nowMs));
});
afterEach(() => alpaca.close());

const order = orderToStart({ clientOrderId: 'abc', exchange: 'US', symbol: 'AAPL', limitPriceMinor: 230_50 });
const row = (change: object = {}) => ({
  id: 'o1',
  client_order_id: 'abc',
  symbol: 'AAPL',
  asset_class: 'us_equity',
  side: 'buy',
  qty: '10',
  filled_qty: '0',
  filled_avg_price: null,
  status: 'new',
  submitted_at: '2025-08-28T13:30:00.123456789Z',
  ...change,
});
const fill = (qty: string, price = '230.5', change: object = {}) => ({
  id: `20250828093001000::${qty}`,
  activity_type: 'FILL',
  order_id: 'o1',
  qty,
  price,
  transaction_time: '2025-08-28T13:30:01.5Z',
  ...change,
});

/** What the lookup makes of an order and the account's executions. */
async function lookedUp(row: object, ...pages: unknown[]) {
  alpaca.answerNext(200, JSON.stringify(row));
  for (const page of pages) alpaca.answerNext(200, JSON.stringify(page));
  return alpaca.venue.lookup(order);
}

describe('a lookup at Alpaca', () => {
  test.each([
    'pending_new',
    'accepted',
    'accepted_for_bidding',
    'new',
    'held',
    'stopped',
    'suspended',
    'calculated',
    'done_for_day',
    'pending_cancel',
    'pending_replace',
    'of tomorrow',
  ])('reads %s as an order still open', async (status) => {
    expect(await lookedUp(row({ status }))).toMatchObject({ kind: 'found', report: { status: 'working', fills: [] } });
  });

  test.each(['canceled', 'expired', 'rejected'] as const)('reads %s as its end', async (status) => {
    expect(await lookedUp(row({ status }))).toMatchObject({ kind: 'found', report: { status, fills: [] } });
    expect(alpaca.requests.map(({ path }) => path)).toEqual(['/v2/orders:by_client_order_id?client_order_id=abc']);
  });

  test('reads the executions with ids that stay, from a second before the order on', async () => {
    const others = fill('3', '1', { order_id: 'o2', id: 'other' });
    const found = await lookedUp(row({ status: 'filled', filled_qty: '10' }), [fill('4'), others, fill('6.000000000')]);
    expect(found).toEqual({
      kind: 'found',
      report: {
        venueOrderId: 'o1',
        status: 'filled',
        message: null,
        fills: [
          {
            venueFillId: '20250828093001000::4',
            quantity: 4,
            priceMinor: 230_50,
            atMs: Date.UTC(2025, 7, 28, 13, 30, 1, 500),
          },
          {
            venueFillId: '20250828093001000::6.000000000',
            quantity: 6,
            priceMinor: 230_50,
            atMs: Date.UTC(2025, 7, 28, 13, 30, 1, 500),
          },
        ],
      },
    });
    const query = new URLSearchParams(alpaca.requests.at(-1)?.path.split('?')[1]);
    expect(Object.fromEntries(query)).toEqual({ after: '2025-08-28T13:29:59Z', direction: 'asc', page_size: '100' });
  });

  test('reads them page by page', async () => {
    const others = Array.from({ length: 100 }, (_, n) => fill('1', '1', { id: `n${n}`, order_id: 'o2' }));
    const found = await lookedUp(row({ status: 'filled', filled_qty: '10' }), others, [fill('10')]);
    expect(found).toMatchObject({ kind: 'found', report: { fills: [{ quantity: 10 }] } });
    expect(alpaca.requests.at(-1)?.path).toContain('page_token=n99');
  });

  test('tells what traded of an order that is open or was ended early', async () => {
    const part = { filled_qty: '4' };
    expect(await lookedUp(row({ ...part, status: 'partially_filled' }), [fill('4')])).toMatchObject({
      report: { status: 'partially_filled', fills: [{ quantity: 4 }] },
    });
    for (const status of ['canceled', 'rejected']) {
      expect(await lookedUp(row({ ...part, status }), [fill('4')])).toMatchObject({
        report: { status: 'canceled', fills: [{ quantity: 4 }] },
      });
    }
  });

  test.each([
    ['the executions of an ended order are not listed yet', row({ status: 'filled', filled_qty: '10' }), [fill('4')]],
    ['a canceled order traded more than is listed', row({ status: 'canceled', filled_qty: '4' }), []],
    ['it is filled and not whole', row({ status: 'filled', filled_qty: '4' }), [fill('4')]],
    ['it is filled with nothing', row({ status: 'filled' }), []],
    ['more traded than was asked for', row({ status: 'partially_filled', filled_qty: '4' }), [fill('11')]],
    ['a part of a share traded', row({ status: 'partially_filled', filled_qty: '4' }), [fill('3.5'), fill('0.5')]],
    ['a part of a share is filled', row({ status: 'partially_filled', filled_qty: '3.5' }), [fill('3')]],
    ['an execution has no time', row({ filled_qty: '4' }), [fill('4', '1', { transaction_time: '2025-08-28' })]],
    ['an execution has no price', row({ filled_qty: '4' }), [fill('4', '0')]],
    ['a price is no number', row({ filled_qty: '4' }), [fill('4', 'NaN')]],
    ['the executions are no list', row({ filled_qty: '4' }), { message: 'soon' }],
    ['somebody put another order in its place', row({ status: 'replaced' }), []],
    ['its symbol is another', row({ symbol: 'MSFT' }), []],
    ['its side is another', row({ side: 'sell' }), []],
    ['its quantity is another', row({ qty: '11' }), []],
    ['it is for dollars', row({ qty: null, notional: '100' }), []],
    ['its id is another', row({ client_order_id: 'abd' }), []],
    ['its time is none', row({ submitted_at: 'now', filled_qty: '4' }), []],
  ])('is unreadable where %s', async (_what, found, page) => {
    expect(await lookedUp(found, page)).toMatchObject({ kind: 'unreadable' });
  });

  test('is unreadable where the executions are', async () => {
    alpaca.answerNext(200, JSON.stringify(row({ filled_qty: '4' })));
    alpaca.answerNext(502, '');
    expect(await alpaca.venue.lookup(order)).toEqual({ kind: 'unreadable', reason: 'http_502' });
  });
});

describe('an execution at a part of a cent', () => {
  test('becomes two, so that what was paid is right', async () => {
    const found = await lookedUp(row({ status: 'filled', filled_qty: '10' }), [fill('10', '12.346')]);
    expect(found).toMatchObject({
      report: {
        fills: [
          { venueFillId: '20250828093001000::10', quantity: 4, priceMinor: 12_34 },
          { venueFillId: '20250828093001000::10:up', quantity: 6, priceMinor: 12_35 },
        ],
      },
    });
  });

  test('always adds up to half a cent, and never goes beyond the cents around it', async () => {
    const executions = fc.tuple(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 100, max: 5_000_000 }));
    await fc.assert(
      fc.asyncProperty(executions, async ([quantity, tenThousandths]) => {
        const price = `${Math.floor(tenThousandths / 10_000)}.${String(tenThousandths % 10_000).padStart(4, '0')}`;
        const found = await lookedUp(row({ filled_qty: '1' }), [fill(String(quantity), price)]);
        if (found.kind !== 'found') throw new Error('unreadable');
        const { fills } = found.report;
        const paidMinor = fills.reduce((sum, one) => sum + one.quantity * one.priceMinor, 0);
        expect(fills.reduce((sum, one) => sum + one.quantity, 0)).toBe(quantity);
        expect(Math.abs(paidMinor * 100 - quantity * tenThousandths)).toBeLessThanOrEqual(50);
        for (const { priceMinor } of fills) expect(Math.abs(priceMinor * 100 - tenThousandths)).toBeLessThan(100);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a decimal', () => {
  test.each([
    ['0.1', '0.1'],
    ['-3.999999999999999999', '-3.999999999999999999'],
    [0.29, '0.29'],
    ['999999999999.01', '999999999999.01'],
  ])('%s is read exactly', (text, same) => {
    expect(decimal.parse(text)).toBe(decimal.parse(same));
    expect(decimal.parse('0.1') + decimal.parse('0.2')).toBe(decimal.parse('0.3'));
  });

  test.each(['', '1e5', '.5', '1,000.00', 'NaN', '0x10', ' 1', Number.POSITIVE_INFINITY, 1e-7, null])(
    '%s is none',
    (text) => {
      expect(decimal.safeParse(text).success).toBe(false);
    },
  );

  test('is rounded as it is asked, also below zero', () => {
    const rounded = (text: string) =>
      (['down', 'nearest', 'up'] as const).map((how) => cents(decimal.parse(text), how));
    expect(rounded('1.005')).toEqual([100, 101, 101]);
    expect(rounded('1.0049')).toEqual([100, 100, 101]);
    expect(rounded('-1.006')).toEqual([-101, -101, -100]);
    expect(rounded('2')).toEqual([200, 200, 200]);
    expect(['3', '3.0', '3.1'].map((text) => pieces(decimal.parse(text)))).toEqual([3, 3, null]);
  });
});
