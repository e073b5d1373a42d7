import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lemonnDialect } from '../../../src/adapters/venues/lemonn/dialect.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import type { VenueAccountApi } from '../../../src/ports/venue.ts';
import {
  apiKey,
  type LemonnExchange,
  openLemonnExchange,
  privateKey,
} from '../../simulators/venues/lemonn-exchange.ts';
import { jumpingClock } from '../../stages/support/clocks.ts';
import { venueAccount as account, nowMs, orderToStart } from '../../support/builders.ts';

let lemonn: LemonnExchange;
let api: VenueAccountApi;
beforeEach(async () => {
  lemonn = await openLemonnExchange(jumpingClock(nowMs));
  api = accountApiOf(lemonn);
});
afterEach(() => lemonn.close());

function accountApiOf({ venue }: LemonnExchange): VenueAccountApi {
  if (!venue.accountApi) throw new Error('a real venue has account reads');
  return venue.accountApi;
}

const order = orderToStart({ clientOrderId: 'abc', limitPriceMinor: 2500_00, product: 'mtf' });

describe('the account reads at Lemonn', () => {
  test('reads the day’s orders with their trades', async () => {
    lemonn.next('partial_fill');
    await lemonn.venue.submit(order);
    await lemonn.venue.submit({ ...order, clientOrderId: 'xyz', side: 'SELL' });
    expect(await api.ordersToday(account)).toMatchObject({
      kind: 'read',
      value: {
        rows: [
          { clientOrderId: 'abc', side: 'BUY', report: { status: 'partially_filled', fills: [{ quantity: 5 }] } },
          { clientOrderId: 'xyz', side: 'SELL', report: { status: 'filled', fills: [{ quantity: 10 }] } },
        ],
        odd: [],
      },
    });
  });

  test('cancels an open order, is too late for an ended one, and leaves the others as they are', async () => {
    lemonn.next('partial_fill');
    await lemonn.venue.submit(order);
    const venueOrderId = lemonn.book()[0]?.venueOrderId ?? '';
    expect(await api.cancel({ ...order, venueOrderId: null })).toEqual({ kind: 'canceled' });
    expect(lemonn.requests.at(-1)).toMatchObject({
      ...{ method: 'POST', path: '/api-trading/api/v2/orders/cancel', body: JSON.stringify({ orderId: venueOrderId }) },
    });
    expect(await lemonn.venue.lookup(order)).toMatchObject({
      report: { status: 'canceled', fills: [{ quantity: 5 }] },
    });
    expect(await api.cancel({ ...order, venueOrderId })).toEqual({ kind: 'too_late' });
    const other = { ...order, clientOrderId: 'xyz' };
    expect(await api.cancel({ ...other, venueOrderId: null })).toEqual({
      kind: 'unknown',
      reason: 'not_found_at_venue',
    });
    expect(await api.cancel({ ...other, venueOrderId: '9' })).toMatchObject({ kind: 'unknown' });
    for (const [status, kind] of [
      [429, 'unknown'],
      [502, 'unknown'],
      [401, 'refused'],
    ] as const) {
      lemonn.answerNext(status, '{"status":"error","msg":"no"}');
      expect(await api.cancel({ ...order, venueOrderId })).toMatchObject({ kind });
    }
  });

  test('asks the margin of one share, and 0 is not known', async () => {
    lemonn.pages['POST /margin-info'] = (body: { symbol: string; productType: string }) => {
      const productType = body.symbol === 'ITC' ? 'DELIVERY' : 'MARGIN';
      expect(body).toEqual({
        ...{
          symbol: body.symbol,
          exchange: 'NSE',
          transactionType: 'BUY',
          price: '2500.00',
          quantity: '1',
          productType,
        },
      });
      return { approximateMargin: { TITAN: '500.001', ITC: '2500', INFY: '0' }[body.symbol] };
    };
    const orders = [order, { ...order, symbol: 'ITC', product: 'delivery' } as const, { ...order, symbol: 'INFY' }];
    expect(await api.margins(account, orders)).toEqual({
      kind: 'read',
      value: [{ marginMinor: 5000_10, chargesMinor: null }, { marginMinor: 25000_00, chargesMinor: null }, null],
    });
    expect(await api.margins(account, [{ ...order, symbol: 'SBIN' }])).toMatchObject({ kind: 'unreadable' });
  });

  test('has no quotes until somebody says how shares are named, and no price without a time', async () => {
    const listings = ['TITAN', 'ITC', 'M&M'].map((symbol) => ({ exchange: 'NSE', symbol }));
    expect(await api.quotes(account, listings)).toEqual({
      kind: 'unreadable',
      reason: 'ltp_list_not_configured: NSE',
    });
    const dialect = lemonnDialect.parse({ ltpLists: { NSE: 'NSE_EQ_SYMBOL' } });
    const configured = await openLemonnExchange(jumpingClock(nowMs), { dialect });
    configured.pages['POST /market-data/ltp'] = (body: unknown) => {
      expect(body).toEqual({ NSE_EQ_SYMBOL: ['TITAN', 'ITC', 'M&M'] });
      const at = { lastTradeTime: '2025-08-28 09:19:58' };
      return {
        ltp: [
          { symbol: 'TITAN', lastTradedPrice: '3582.6', ...at },
          { symbol: 'ITC', lastTradedPrice: 410 },
          { symbol: 'M&M', lastTradedPrice: 0, ...at },
          { symbol: 'SBIN', lastTradedPrice: 800, ...at },
        ],
      };
    };
    const none = { previousCloseMinor: null, lowerCircuitMinor: null, upperCircuitMinor: null };
    const atMs = istMs('2025-08-28', '09:19:58');
    expect(await accountApiOf(configured).quotes(account, listings)).toEqual({
      kind: 'read',
      value: [{ exchange: 'NSE', symbol: 'TITAN', priceMinor: 3582_60, ...none, atMs }],
    });
    await configured.close();
  });

  test('reads funds, and none of a page with other names', async () => {
    lemonn.pages['GET /funds'] = { funds: { availableBalance: '99725.059', cashBalance: 245431.6 } };
    const value = { cashMinor: 245431_60, spendableMinor: 99725_05, blockedByOthersMinor: null };
    expect(await api.funds(account)).toEqual({ kind: 'read', value });
    lemonn.pages['GET /funds'] = { funds: { available: '5' } };
    expect(await api.funds(account)).toEqual({
      kind: 'unreadable',
      reason: 'unreadable_answer: no usable availableBalance, cashBalance among available',
    });
    lemonn.pages['GET /funds'] = {};
    expect(await api.funds(account)).toMatchObject({ kind: 'unreadable' });
  });

  test('reads what is held and what was traded, and adds up nothing it may count twice', async () => {
    const held = (symbol: string, quantity: unknown, averagePrice: unknown = '100.5') => ({
      ...{ exchangeSegment: 'NSE', symbol, quantity, averagePrice },
    });
    const traded = (symbol: string, productType: string, netQuantity: unknown, exchangeSegment = 'NSE') => ({
      ...{ exchangeSegment, symbol, productType, netQuantity, averagePrice: '100' },
    });
    lemonn.pages['GET /holdings'] = { holdings: [held('SBIN', '16'), held('GIFT', 3, 0), held('GONE', 0)] };
    const positions = [
      traded('TITAN', 'MTF', '10'),
      traded('SBIN', 'INTRADAY', 5),
      traded('NIFTY', 'MARGIN', 75, 'NFO'),
      traded('GONE', 'DELIVERY', 0),
    ];
    lemonn.pages['GET /positions'] = { positions };
    expect(await api.positions(account)).toEqual({
      kind: 'read',
      value: {
        rows: [
          { exchange: 'NSE', symbol: 'SBIN', quantity: 16, costMinor: 1608_00 },
          { exchange: 'NSE', symbol: 'GIFT', quantity: 3, costMinor: null },
          { exchange: 'NSE', symbol: 'TITAN', quantity: 10, mtfQuantity: 10, costMinor: 1000_00 },
        ],
        odd: [],
      },
    });
    const oddOf = async () => {
      const read = await api.positions(account);
      return read.kind === 'read' ? read.value.odd.map(({ listing, why }) => [listing?.symbol, why]) : read;
    };
    lemonn.pages['GET /positions'] = { positions: [traded('SBIN', 'DELIVERY', -4)] };
    expect(await oddOf()).toEqual([['SBIN', 'counted_twice']]);
    lemonn.pages['GET /positions'] = { positions: [traded('ITC', 'CARRY', 4)] };
    expect(await oddOf()).toEqual([['ITC', 'unknown_product: CARRY']]);
    lemonn.pages['GET /positions'] = { positions: [{ ...traded('ITC', 'MTF', 4), netQuantity: null }] };
    expect(await oddOf()).toEqual([['ITC', expect.stringContaining('no usable netQuantity')]]);
    lemonn.pages['GET /positions'] = {};
    expect(await api.positions(account)).toMatchObject({ kind: 'unreadable' });
  });

  test('says whether the session lives, and rather that there is none than that there is nothing', async () => {
    lemonn.pages['GET /funds'] = { funds: {} };
    expect(await api.sessionStatus(account)).toEqual({ kind: 'open', untilMs: null });
    const whole = { clientId: 'C7', apiKey, privateKey, flow: 'session', accessToken: 'token-C7' };
    lemonn.credentials = () => ({ ...whole, accessUntilMs: nowMs + 3_600_000 });
    expect(await api.sessionStatus(account)).toEqual({ kind: 'open', untilMs: nowMs + 3_600_000 });
    lemonn.answerNext(502, '');
    expect(await api.sessionStatus(account)).toEqual({ kind: 'unreadable', reason: 'http_502' });
    lemonn.credentials = () => ({ ...whole, accessToken: 'dead' });
    expect(await api.sessionStatus(account)).toEqual({ kind: 'closed', reason: 'token_invalid' });
    lemonn.credentials = () => null;
    const reads = [api.funds(account), api.positions(account), api.ordersToday(account), api.margins(account, [order])];
    expect((await Promise.all(reads)).map(({ kind }) => kind)).toEqual(Array(4).fill('no_session'));
    expect(await api.sessionStatus(account)).toEqual({ kind: 'closed', reason: 'not_connected' });
  });
});
