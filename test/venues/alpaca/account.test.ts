import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VenueAccountApi } from '../../../src/ports/venue.ts';
import { type AlpacaExchange, openAlpacaExchange } from '../../simulators/venues/alpaca-exchange.ts';
import { type JumpingClock, jumpingClock } from '../../stages/support/clocks.ts';
import { venueAccount as account, nowMs, orderToStart } from '../../support/builders.ts';

let clock: JumpingClock;
let alpaca: AlpacaExchange;
let api: VenueAccountApi;
beforeEach(async () => {
  clock = jumpingClock(nowMs);
  alpaca = await openAlpacaExchange(clock);
  if (!alpaca.venue.accountApi) throw new Error('a real venue has account reads');
  api = alpaca.venue.accountApi;
});
afterEach(() => alpaca.close());

const order = orderToStart({ clientOrderId: 'abc', exchange: 'US', symbol: 'AAPL', limitPriceMinor: 230_50 });
const holder = {
  status: 'ACTIVE',
  currency: 'USD',
  cash: '1000.129',
  buying_power: '4000.58',
  non_marginable_buying_power: '950.999',
  trading_blocked: false,
  account_blocked: false,
  trade_suspended_by_user: false,
};

const left = (exchange: string, symbol: string, why: unknown) => ({
  ...{ listing: { exchange, symbol }, clientOrderId: null, venueOrderId: null, why },
});

describe('the account reads at Alpaca', () => {
  test('still has the morning’s orders of India after midnight in New York, which is at 09:30 there', async () => {
    await alpaca.venue.submit(order);
    clock.jump((6 * 60 + 25) * 60_000);
    expect(await api.ordersToday(account)).toMatchObject({ value: { rows: [{ clientOrderId: 'abc' }], odd: [] } });
  });

  test.each(['America/New_York', 'UTC', 'Asia/Kolkata'])('reads the New York day’s orders in %s', async (zone) => {
    const before = process.env['TZ'];
    process.env['TZ'] = zone;
    try {
      await alpaca.venue.submit({ ...order, clientOrderId: 'yesterday' });
      clock.jump(24 * 3_600_000);
      await alpaca.venue.submit(order);
      await alpaca.venue.submit({ ...order, clientOrderId: 'else', symbol: 'MSFT', side: 'SELL' });
      expect(await api.ordersToday(account)).toMatchObject({
        kind: 'read',
        value: {
          rows: [
            { clientOrderId: 'abc', exchange: 'US', symbol: 'AAPL', side: 'BUY', report: { status: 'filled' } },
            {
              clientOrderId: 'else',
              symbol: 'MSFT',
              side: 'SELL',
              quantity: 10,
              report: { fills: [{ quantity: 10 }] },
            },
          ],
          odd: [],
        },
      });
      const request = alpaca.requests.find(({ path }) => path.startsWith('/v2/orders?'));
      // By now it is the morning of 29 August in India, and late on 28 August in New York, which is four hours behind UTC.
      expect(new URLSearchParams(request?.path.split('?')[1]).get('after')).toBe('2025-08-28T03:59:59Z');
      expect(await api.ordersToday({ ...account, accountId: 8 })).toEqual({
        kind: 'read',
        value: { rows: [], odd: [] },
      });
    } finally {
      if (before === undefined) delete process.env['TZ'];
      else process.env['TZ'] = before;
    }
  });

  test('tells an order for a part of a share, an amount or a coin as odd beside the others, and no full page', async () => {
    await alpaca.venue.submit(order);
    const whole = { ...JSON.parse(alpaca.requests[0]?.body ?? ''), id: 'x', filled_qty: '0', status: 'new' };
    const row = { ...whole, submitted_at: '2025-08-28T13:30:00Z' };
    const coin = { ...row, id: 'c', asset_class: 'crypto', symbol: 'BTC/USD', qty: '0.1', filled_qty: '0.1' };
    const odd = [{ ...row, id: 'f', qty: '0.5' }, { ...row, id: 'n', qty: null, notional: '50' }, coin, { id: 'x' }, 7];
    alpaca.answerNext(200, JSON.stringify([row, ...odd]));
    alpaca.pages['GET /v2/account/activities/FILL'] = [{ id: '1::c', order_id: 'c', qty: '0.1' }];
    const read = await api.ordersToday(account);
    const { rows, odd: oddRows } = read.kind === 'read' ? read.value : { rows: [], odd: [] };
    expect(rows).toMatchObject([{ clientOrderId: 'abc', symbol: 'AAPL', quantity: 10 }]);
    expect(oddRows.map(({ venueOrderId, why, unreadable }) => [venueOrderId, why.split(':')[0], unreadable])).toEqual([
      ['x', 'client_order_id', true],
      [null, 'row', true],
      ['f', 'fractional_order', true],
      ['n', 'fractional_order', true],
      ['c', 'asset_class', false],
    ]);
    alpaca.answerNext(200, JSON.stringify(Array(500).fill(row)));
    expect(await api.ordersToday(account)).toEqual({ kind: 'unreadable', reason: 'too_many_orders' });
  });

  test('cancels an open order, is too late for an ended one, and leaves the others as they are', async () => {
    alpaca.next('partial_fill');
    await alpaca.venue.submit(order);
    const [open] = alpaca.book();
    expect(await api.cancel({ ...order, venueOrderId: null })).toEqual({ kind: 'canceled' });
    expect(alpaca.requests.at(-1)).toMatchObject({ method: 'DELETE', path: `/v2/orders/${open?.venueOrderId}` });
    expect(await alpaca.venue.lookup(order)).toMatchObject({
      report: { status: 'canceled', fills: [{ quantity: 5 }] },
    });
    expect(await api.cancel({ ...order, venueOrderId: open?.venueOrderId ?? '' })).toEqual({ kind: 'too_late' });
    const other = { ...order, clientOrderId: 'xyz' };
    expect(await api.cancel({ ...other, venueOrderId: null })).toMatchObject({ kind: 'unknown' });
    expect(await api.cancel({ ...other, venueOrderId: '9' })).toMatchObject({ kind: 'refused' });
    alpaca.answerNext(502, '');
    expect(await api.cancel({ ...order, venueOrderId: '9' })).toEqual({ kind: 'unknown', reason: 'http_502' });
    alpaca.answerNext(200, '{}');
    expect(await api.cancel({ ...order, venueOrderId: '9' })).toMatchObject({ kind: 'unknown' });
  });

  test('reads the last trade and its time, and leaves out what has none or is listed elsewhere', async () => {
    const trade = { t: '2025-08-28T13:35:00.123456789Z', x: 'V', p: 230.125, s: 100 };
    alpaca.pages['GET /data/v2/stocks/snapshots'] = (query: URLSearchParams) => {
      expect(Object.fromEntries(query)).toEqual({ symbols: 'AAPL,BRK.B,NEW,GONE', feed: 'iex' });
      return {
        AAPL: { latestTrade: trade, prevDailyBar: { c: 229.99, t: '2025-08-27T04:00:00Z' } },
        'BRK.B': { latestTrade: { ...trade, p: 480 } },
        NEW: { latestTrade: null, prevDailyBar: null },
      };
    };
    const listings = ['AAPL', 'BRK.B', 'NEW', 'GONE'].map((symbol) => ({ exchange: 'US', symbol }));
    expect(await api.quotes(account, [...listings, { exchange: 'NSE', symbol: 'TITAN' }])).toEqual({
      kind: 'read',
      value: [
        {
          exchange: 'US',
          symbol: 'AAPL',
          priceMinor: 230_13,
          previousCloseMinor: 229_99,
          lowerCircuitMinor: null,
          upperCircuitMinor: null,
          atMs: Date.UTC(2025, 7, 28, 13, 35, 0, 123),
        },
        expect.objectContaining({ symbol: 'BRK.B', priceMinor: 480_00, previousCloseMinor: null }),
      ],
    });
    alpaca.answerNext(403, '{"message":"subscription does not permit querying recent SIP data"}');
    expect(await api.quotes(account, listings)).toMatchObject({ kind: 'unreadable' });
  });

  test('reads what may be spent without leverage, rounded down, and no account in another currency', async () => {
    alpaca.pages['GET /v2/account'] = holder;
    const value = { cashMinor: 1000_12, spendableMinor: 950_99, blockedByOthersMinor: null };
    expect(await api.funds(account)).toEqual({ kind: 'read', value });
    // The vendor's own sample: it has borrowed, and what it may still borrow is not ours to spend.
    alpaca.pages['GET /v2/account'] = { ...holder, cash: '-23140.2', non_marginable_buying_power: '98945.02' };
    expect(await api.funds(account)).toMatchObject({ value: { cashMinor: -23140_20, spendableMinor: 0 } });
    alpaca.pages['GET /v2/account'] = { ...holder, currency: 'EUR' };
    expect(await api.funds(account)).toEqual({ kind: 'unreadable', reason: 'account_not_in_usd' });
    alpaca.pages['GET /v2/account'] = {};
    expect(await api.funds(account)).toMatchObject({ kind: 'unreadable' });
  });

  test('knows the margin of what is bought outright, and of nothing else', async () => {
    const orders = [order, { ...order, product: 'mtf' as const }, { ...order, side: 'SELL' as const }];
    expect(await api.margins(account, orders)).toEqual({
      kind: 'read',
      value: [{ marginMinor: 2305_00, chargesMinor: null }, null, null],
    });
  });

  test('knows none of what is not traded here, and says so where nothing else is asked', async () => {
    const elsewhere = { ...order, exchange: 'NSE' };
    expect(await api.margins(account, [elsewhere, order])).toMatchObject({ value: [null, { marginMinor: 2305_00 }] });
    const reason = 'NSE is not traded here: ALPACA_EXCHANGES is US';
    expect(await api.margins(account, [elsewhere])).toEqual({ kind: 'unreadable', reason });
  });

  test('reads positions with their cost, other kinds of assets as such, and none with a part of a share', async () => {
    const held = { asset_class: 'us_equity', exchange: 'NASDAQ', qty_available: '0' };
    const page = [
      { ...held, symbol: 'AAPL', qty: '16', cost_basis: '3688.0049' },
      { ...held, symbol: 'TSLA', qty: '-5', cost_basis: '-1500' },
      { ...held, symbol: 'BTCUSD', asset_class: 'crypto', qty: '1', cost_basis: '60000' },
    ];
    alpaca.pages['GET /v2/positions'] = page;
    expect(await api.positions(account)).toEqual({
      kind: 'read',
      value: {
        rows: [
          { exchange: 'US', symbol: 'AAPL', quantity: 16, costMinor: 3688_00 },
          { exchange: 'US', symbol: 'TSLA', quantity: -5, costMinor: null },
        ],
        odd: [{ ...left('crypto', 'BTCUSD', 'asset_class: crypto'), unreadable: false }],
      },
    });
    alpaca.pages['GET /v2/positions'] = [
      { ...held, symbol: 'MSFT', qty: '0.25', cost_basis: '100' },
      { ...held, symbol: 'AAPL', qty: '3.5', cost_basis: '350' },
      { ...held, symbol: 'TSLA', qty: null },
    ];
    expect(await api.positions(account)).toEqual({
      kind: 'read',
      value: {
        rows: [{ exchange: 'US', symbol: 'AAPL', quantity: 3, costMinor: null }],
        odd: [
          { ...left('US', 'TSLA', expect.any(String)), unreadable: true },
          { ...left('US', 'MSFT', 'fraction: 0.25'), unreadable: false },
          { ...left('US', 'AAPL', 'fraction: 0.5'), unreadable: false },
        ],
      },
    });
  });

  test.each([
    [{}, { kind: 'open', untilMs: null }],
    [{ status: 'ACCOUNT_CLOSED' }, { kind: 'closed', reason: 'account_account_closed' }],
    [{ account_blocked: true }, { kind: 'closed', reason: 'account_blocked' }],
    [{ trading_blocked: true }, { kind: 'closed', reason: 'trading_blocked' }],
    [{ trade_suspended_by_user: true }, { kind: 'closed', reason: 'trading_blocked' }],
  ])('says of an account with %j whether it may trade', async (change, status) => {
    alpaca.pages['GET /v2/account'] = { ...holder, ...change };
    expect(await api.sessionStatus(account)).toEqual(status);
  });

  test('says that there is no session rather than that there is nothing', async () => {
    for (const credentials of [null, { keyId: 'PKTEST7', secretKey: 'wrong' }]) {
      alpaca.credentials = () => credentials;
      const reads = [api.funds(account), api.positions(account), api.ordersToday(account)];
      expect((await Promise.all(reads)).map(({ kind }) => kind)).toEqual(Array(3).fill('no_session'));
      const reason = credentials === null ? 'not_connected' : 'keys_refused';
      expect(await api.sessionStatus(account)).toEqual({ kind: 'closed', reason });
    }
  });
});
