import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lemonnDialect } from '../../../src/adapters/venues/lemonn/dialect.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import { type LemonnExchange, openLemonnExchange } from '../../simulators/venues/lemonn-exchange.ts';
import { jumpingClock } from '../../stages/support/clocks.ts';
import { nowMs, orderToStart } from '../../support/builders.ts';

let lemonn: LemonnExchange;
beforeEach(async () => {
  lemonn = await openLemonnExchange(jumpingClock(nowMs));
});
afterEach(() => lemonn.close());

const order = orderToStart({ clientOrderId: 'abcdef' });
const data = (value: unknown) => JSON.stringify({ status: 'success', msg: 'OK', data: value });
const row = (change: object = {}) => ({
  orderID: 'L1',
  tag: 'abcdef',
  orderStatus: 'PENDING',
  exchangeSegment: 'NSE',
  symbol: 'TITAN',
  transactionType: 'BUY',
  quantity: '10',
  filledQuantity: 0,
  ...change,
});
const trade = (quantity: number | string, change: object = {}) => ({
  tradeId: 20000000,
  orderID: 'L1',
  quantity,
  price: '420.65',
  tradeTime: '2025-08-28 09:20:01',
  ...change,
});

/** What the lookup makes of a book with these orders, and these pages of trades. */
async function lookedUp(orders: unknown, pages: unknown[][] = [], wanted = order) {
  lemonn.answerNext(200, data({ orders }));
  for (const trades of pages) lemonn.answerNext(200, data({ trades }));
  return lemonn.venue.lookup(wanted);
}

describe('a lookup at Lemonn', () => {
  test.each([
    ['PLACED', 'working'],
    ['PENDING', 'working'],
    ['REJECTED', 'rejected'],
    ['CANCELLED', 'canceled'],
    ['EXPIRED', 'expired'],
  ])('reads %s as %s', async (orderStatus, status) => {
    expect(await lookedUp([row({ orderStatus })])).toMatchObject({ kind: 'found', report: { status, fills: [] } });
  });

  test('does not guess what a new state means, and learns it from the dialect', async () => {
    expect(await lookedUp([row({ orderStatus: 'TRANSIT' })])).toEqual({
      kind: 'unreadable',
      reason: 'unknown_order_state: TRANSIT',
    });
    const configured = await openLemonnExchange(jumpingClock(nowMs), {
      dialect: lemonnDialect.parse({ statuses: { TRANSIT: 'working' }, order: { tag: 'orderTag' } }),
    });
    configured.answerNext(200, data({ orders: [row({ orderStatus: 'TRANSIT', tag: undefined, orderTag: 'abcdef' })] }));
    expect(await configured.venue.lookup(order)).toMatchObject({ kind: 'found', report: { status: 'working' } });
    configured.answerNext(
      200,
      data({ orders: [row({ orderStatus: 'REJECTED', tag: undefined, orderTag: 'abcdef' })] }),
    );
    expect(await configured.venue.lookup(order)).toMatchObject({ kind: 'found', report: { status: 'rejected' } });
    await configured.close();
    expect(lemonnDialect.safeParse({ order: { tagg: 'x' } }).success).toBe(false);
    expect(lemonnDialect.safeParse({ statusses: {} }).success).toBe(false);
  });

  test('reads fills from all pages of trades, each with an id of its own and Indian time', async () => {
    const pages = [[trade('4')], [trade(6, { tradeId: 'T2', tradeTime: '2025-08-28T03:50:02Z' })]];
    expect(await lookedUp([row({ orderStatus: 'EXECUTED', filledQuantity: '10' })], pages)).toEqual({
      kind: 'found',
      report: {
        venueOrderId: 'L1',
        status: 'filled',
        message: null,
        fills: [
          { venueFillId: 'L1:20000000', quantity: 4, priceMinor: 420_65, atMs: istMs('2025-08-28', '09:20:01') },
          { venueFillId: 'L1:T2', quantity: 6, priceMinor: 420_65, atMs: istMs('2025-08-28', '09:20:02') },
        ],
      },
    });
    expect(lemonn.requests.map(({ path }) => path.replace('/api-trading/api/v2', ''))).toEqual([
      '/orderbook',
      '/tradebook?orderId=L1&limit=50&offset=0',
      '/tradebook?orderId=L1&limit=50&offset=1',
    ]);
  });

  test('reads what traded of an open, a canceled and a refused order', async () => {
    const four = (orderStatus: string) => lookedUp([row({ orderStatus, filledQuantity: 4 })], [[trade(4)]]);
    expect(await four('PENDING')).toMatchObject({ report: { status: 'partially_filled' } });
    expect(await four('CANCELLED')).toMatchObject({ report: { status: 'canceled', fills: [{ quantity: 4 }] } });
    expect(await four('REJECTED')).toMatchObject({ report: { status: 'canceled', fills: [{ quantity: 4 }] } });
  });

  test.each<[string, unknown[], unknown[][]]>([
    ['trades that never come', [row({ orderStatus: 'EXECUTED', filledQuantity: 10 })], [[trade(4)], []]],
    ['pages that come again', [row({ orderStatus: 'EXECUTED', filledQuantity: 10 })], [[trade(4)], [trade(4)]]],
    [
      'trades of another order',
      [row({ orderStatus: 'EXECUTED', filledQuantity: 10 })],
      [[trade(10, { orderID: 'L2' })]],
    ],
    ['more traded than was ordered', [row({ filledQuantity: 10 })], [[trade(11)]]],
    ['complete with less than all', [row({ orderStatus: 'EXECUTED', filledQuantity: 4 })], [[trade(4)]]],
    ['a trade without a time', [row({ filledQuantity: 4 })], [[trade(4, { tradeTime: 'now' })]]],
    ['a trade without a price', [row({ filledQuantity: 4 })], [[trade(4, { price: '0' })]]],
    ['two orders with the tag', [row(), row({ orderID: 'L2' })], []],
    ['the tag on another symbol', [row({ symbol: 'ITC' })], []],
    ['the tag on another quantity', [row({ quantity: '20' })], []],
  ])('does not guess from %s', async (_what, orders, pages) => {
    expect(await lookedUp(orders, pages)).toMatchObject({ kind: 'unreadable' });
  });

  test('does not miss an order where a row that shows no tag, or ours, can’t be read', async () => {
    const odd = { orderID: 'L1', state: 'PENDING', symbol: 'TITAN' };
    const unreadable = {
      kind: 'unreadable',
      reason:
        'order_row_unreadable: no usable orderStatus, exchangeSegment, transactionType, quantity, filledQuantity among' +
        ' orderID, state, symbol',
    };
    expect(await lookedUp([odd])).toEqual(unreadable);
    expect(await lookedUp([row({ tag: 'other' }), odd])).toEqual(unreadable);
    expect(await lookedUp([row({ tag: 'other' }), { ...odd, tag: 'another' }])).toEqual({ kind: 'missing' });
    expect(await lookedUp([row(), { ...odd, tag: 'another' }])).toMatchObject({ kind: 'found' });
    expect(await lookedUp([row(), { ...row(), quantity: null }])).toMatchObject({ kind: 'unreadable' });
  });

  test('misses only in a book that was read', async () => {
    expect(await lookedUp([])).toEqual({ kind: 'missing' });
    expect(await lookedUp([row({ tag: 'other' })])).toEqual({ kind: 'missing' });
    expect(await lookedUp(null)).toMatchObject({ kind: 'unreadable' });
    expect(await lookedUp(undefined)).toMatchObject({ kind: 'unreadable' });
    for (const [status, body] of [
      [200, '<html></html>'],
      [200, ''],
      [429, ''],
      [502, '<html></html>'],
      [200, JSON.stringify({ status: 'error', msg: 'no' })],
    ] as const) {
      lemonn.answerNext(status, body);
      expect(await lemonn.venue.lookup(order)).toMatchObject({ kind: 'unreadable' });
    }
  });

  test('misses nothing in a book that shows no tags, or cuts them', async () => {
    const untagged = { kind: 'unreadable', reason: 'book_shows_no_tags' };
    expect(await lookedUp([row({ tag: undefined }), row({ orderID: 'L2', tag: '' })])).toEqual(untagged);
    expect(await lookedUp([row({ tag: null }), row({ tag: 'other' })])).toEqual({ kind: 'missing' });
    expect(await lookedUp([row({ tag: 'abc' })])).toEqual({ kind: 'unreadable', reason: 'book_cuts_tags' });
  });

  test('finds an order by the number it was acknowledged with, whether or not the book shows tags', async () => {
    lemonn.hideTags();
    const outcome = await lemonn.venue.submit(order);
    const venueOrderId = outcome.kind === 'acknowledged' ? outcome.report.venueOrderId : null;
    expect(await lemonn.venue.lookup(order)).toEqual({ kind: 'unreadable', reason: 'book_shows_no_tags' });
    const known = { ...order, venueOrderId };
    expect(await lemonn.venue.lookup(known)).toMatchObject({ kind: 'found', report: { status: 'filled' } });
    const larger = { ...known, quantity: 11 };
    expect(await lemonn.venue.lookup(larger)).toMatchObject({ kind: 'unreadable' });
    const numbered = { ...order, venueOrderId: 'L1' };
    expect(await lookedUp([row({ tag: 'other' })], [], numbered)).toMatchObject({ kind: 'unreadable' });
  });

  test('of one account’s orders that come together share one read of the book', async () => {
    await lemonn.venue.submit(order);
    lemonn.requests.length = 0;
    const many = [order, { ...order, clientOrderId: 'second' }, { ...order, clientOrderId: 'third' }];
    const found = await Promise.all([...many, { ...order, accountId: 8 }].map((one) => lemonn.venue.lookup(one)));
    const books = lemonn.requests.filter(({ path }) => path.endsWith('/orderbook'));
    expect(books.map(({ headers }) => headers['x-client-id']).sort()).toEqual(['C7', 'C8']);
    expect(found.map(({ kind }) => kind)).toEqual(['found', 'missing', 'missing', 'missing']);
  });
});
