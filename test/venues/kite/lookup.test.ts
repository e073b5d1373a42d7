import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { istMs } from '../../../src/domain/market/india-time.ts';
import { type KiteExchange, openKiteExchange } from '../../simulators/venues/kite-exchange.ts';
import { jumpingClock } from '../../stages/support/clocks.ts';
import { nowMs, orderToStart } from '../../support/builders.ts';

let kite: KiteExchange;
beforeEach(async () => {
  kite = await openKiteExchange(jumpingClock(nowMs));
});
afterEach(() => kite.close());

const order = orderToStart({ clientOrderId: 'abc' });
const data = (value: unknown) => JSON.stringify({ status: 'success', data: value });
const row = (change: object = {}) => ({
  order_id: '1',
  status: 'OPEN',
  status_message: null,
  exchange: 'NSE',
  tradingsymbol: 'TITAN',
  transaction_type: 'BUY',
  quantity: 10,
  filled_quantity: 0,
  tag: 'abc',
  ...change,
});
const trade = (quantity: number, change: object = {}) => ({
  trade_id: '10000000',
  order_id: '1',
  quantity,
  average_price: 420.65,
  fill_timestamp: '2025-08-28 09:20:01',
  exchange_timestamp: '2025-08-28 09:20:00',
  ...change,
});

/** What the lookup makes of a book with these orders and trades. */
async function lookedUp(orders: unknown, trades: unknown[] = []) {
  kite.answerNext(200, data(orders));
  if (trades.length > 0) kite.answerNext(200, data(trades));
  return kite.venue.lookup(order);
}

describe('a lookup at Kite', () => {
  test.each([
    ['PUT ORDER REQ RECEIVED', 'working'],
    ['VALIDATION PENDING', 'working'],
    ['OPEN', 'working'],
    ['CANCEL PENDING', 'working'],
    ['SOMETHING NEW', 'working'],
    ['REJECTED', 'rejected'],
    ['CANCELLED', 'canceled'],
  ])('reads %s as %s', async (status, expected) => {
    expect(await lookedUp([row({ status })])).toMatchObject({ kind: 'found', report: { status: expected, fills: [] } });
  });

  test('reads fills from trades, each with an id of its own and Indian time', async () => {
    const trades = [trade(4), trade(6, { trade_id: 10000001, fill_timestamp: null }), trade(5, { order_id: '2' })];
    const orders = [
      row({ order_id: '2', tag: null, filled_quantity: 5 }),
      row({ status: 'COMPLETE', filled_quantity: 10 }),
    ];
    expect(await lookedUp(orders, trades)).toEqual({
      kind: 'found',
      report: {
        venueOrderId: '1',
        status: 'filled',
        message: null,
        fills: [
          { venueFillId: '1:10000000', quantity: 4, priceMinor: 420_65, atMs: istMs('2025-08-28', '09:20:01') },
          { venueFillId: '1:10000001', quantity: 6, priceMinor: 420_65, atMs: istMs('2025-08-28', '09:20:00') },
        ],
      },
    });
  });

  test('knows its order by `tags` too, and keeps the venue’s words', async () => {
    const tagged = row({ tag: null, tags: ['other', 'abc'], status: 'REJECTED', status_message: 'RMS:\nno  margin' });
    expect(await lookedUp([tagged])).toMatchObject({ report: { status: 'rejected', message: 'RMS: no margin' } });
  });

  test('reads what traded of an open, a canceled and a refused order', async () => {
    const four = (status: string) => lookedUp([row({ status, filled_quantity: 4 })], [trade(4)]);
    expect(await four('OPEN')).toMatchObject({ report: { status: 'partially_filled' } });
    expect(await four('CANCELLED')).toMatchObject({ report: { status: 'canceled', fills: [{ quantity: 4 }] } });
    expect(await four('REJECTED')).toMatchObject({ report: { status: 'canceled', fills: [{ quantity: 4 }] } });
  });

  test.each<[string, unknown[], unknown[]]>([
    ['trades that lag behind their order', [row({ status: 'COMPLETE', filled_quantity: 10 })], [trade(4)]],
    ['more traded than was ordered', [row({ filled_quantity: 10 })], [trade(11)]],
    ['complete with less than all', [row({ status: 'COMPLETE', filled_quantity: 4 })], [trade(4)]],
    [
      'a trade without a time',
      [row({ filled_quantity: 4 })],
      [trade(4, { fill_timestamp: null, exchange_timestamp: null })],
    ],
    ['two orders with the tag', [row(), row({ order_id: '2' })], []],
    ['the tag on another symbol', [row({ tradingsymbol: 'ITC' })], []],
    ['the tag on another quantity', [row({ quantity: 20 })], []],
    ['a row that is none', [{}], []],
  ])('does not guess from %s', async (_what, orders, trades) => {
    expect(await lookedUp(orders, trades)).toMatchObject({ kind: 'unreadable' });
  });

  test('misses only in a book that was read', async () => {
    expect(await lookedUp([])).toEqual({ kind: 'missing' });
    expect(await lookedUp([row({ tag: 'other' })])).toEqual({ kind: 'missing' });
    expect(await lookedUp(null)).toMatchObject({ kind: 'unreadable' });
    for (const [status, body] of [
      [200, '<html></html>'],
      [200, ''],
      [429, ''],
      [502, '<html></html>'],
    ] as const) {
      kite.answerNext(status, body);
      expect(await kite.venue.lookup(order)).toMatchObject({ kind: 'unreadable' });
    }
  });

  test('of one account’s orders that come together share one read, and other accounts have their own', async () => {
    await kite.venue.submit(order);
    kite.requests.length = 0;
    const many = Array.from({ length: 20 }, () => order);
    const found = await Promise.all([...many, { ...order, accountId: 8 }].map((one) => kite.venue.lookup(one)));
    expect(kite.requests.map(({ path }) => path).sort()).toEqual(['/orders', '/orders', '/trades']);
    expect(found.map(({ kind }) => kind)).toEqual([...many.map(() => 'found'), 'missing']);
  });
});
