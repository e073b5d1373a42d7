import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { istMs } from '../../../src/domain/market/india-time.ts';
import type { VenueAccountApi } from '../../../src/ports/venue.ts';
import { type KiteExchange, openKiteExchange } from '../../simulators/venues/kite-exchange.ts';
import { jumpingClock } from '../../stages/support/clocks.ts';
import { venueAccount as account, nowMs, orderToStart } from '../../support/builders.ts';

let kite: KiteExchange;
let api: VenueAccountApi;
beforeEach(async () => {
  kite = await openKiteExchange(jumpingClock(nowMs));
  if (!kite.venue.accountApi) throw new Error('a real venue has account reads');
  api = kite.venue.accountApi;
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
const noIds = { clientOrderId: null, venueOrderId: null };

describe('the account reads at Kite', () => {
  test('reads the day’s orders, also those that are not ours', async () => {
    kite.answerNext(
      200,
      data([row(), row({ order_id: '2', tag: null, tradingsymbol: 'IOC', transaction_type: 'SELL' })]),
    );
    expect(await api.ordersToday(account)).toMatchObject({
      kind: 'read',
      value: {
        rows: [
          { clientOrderId: 'abc', symbol: 'TITAN', side: 'BUY', quantity: 10, report: { status: 'working' } },
          { clientOrderId: null, symbol: 'IOC', side: 'SELL', quantity: 10 },
        ],
        odd: [],
      },
    });
  });

  test('cancels an open order, is too late for an ended one, and leaves the others as they are', async () => {
    kite.next('partial_fill');
    await kite.venue.submit(order);
    const [open] = kite.book();
    expect(await api.cancel({ ...order, venueOrderId: null })).toEqual({ kind: 'canceled' });
    expect(kite.requests.at(-1)).toMatchObject({ method: 'DELETE', path: `/orders/regular/${open?.venueOrderId}` });
    expect(await kite.venue.lookup(order)).toMatchObject({ report: { status: 'canceled', fills: [{ quantity: 5 }] } });
    expect(await api.cancel({ ...order, venueOrderId: open?.venueOrderId ?? '' })).toEqual({ kind: 'too_late' });
    const other = { ...order, clientOrderId: 'xyz' };
    expect(await api.cancel({ ...other, venueOrderId: null })).toMatchObject({ kind: 'unknown' });
    expect(await api.cancel({ ...other, venueOrderId: '9' })).toMatchObject({ kind: 'refused' });
    kite.answerNext(502, '');
    expect(await api.cancel({ ...order, venueOrderId: '9' })).toEqual({ kind: 'unknown', reason: 'http_502' });
  });

  test('reads quotes with circuits and Indian time, and leaves out what has no price or no time', async () => {
    const quote = {
      timestamp: '2025-08-28 09:19:59',
      last_trade_time: '2025-08-28 09:19:58',
      last_price: 1412.95,
      lower_circuit_limit: 1250.7,
      upper_circuit_limit: 0,
      ohlc: { open: 1396, high: 1421.75, low: 1395.55, close: 1389.65 },
    };
    const answer = {
      'NSE:INFY': quote,
      'NSE:M&M': { ...quote, last_price: 0 },
      'NSE:ITC': { ...quote, timestamp: null },
      'NSE:IOC': { ...quote, last_trade_time: null },
      'NSE:OLD': { ...quote, last_trade_time: '2025-08-07 15:29:58' },
    };
    kite.pages['GET /quote'] = (query: URLSearchParams) => {
      expect(query.getAll('i')).toEqual(['INFY', 'M&M', 'ITC', 'IOC', 'OLD', 'TITAN'].map((one) => `NSE:${one}`));
      return answer;
    };
    const listings = ['INFY', 'M&M', 'ITC', 'IOC', 'OLD', 'TITAN'].map((symbol) => ({ exchange: 'NSE', symbol }));
    expect(await api.quotes(account, listings)).toEqual({
      kind: 'read',
      value: [
        {
          exchange: 'NSE',
          symbol: 'INFY',
          priceMinor: 1412_95,
          previousCloseMinor: 1389_65,
          lowerCircuitMinor: 1250_70,
          upperCircuitMinor: null,
          atMs: istMs('2025-08-28', '09:19:58'),
        },
        // A bid of this second makes no price of three weeks ago young.
        expect.objectContaining({ symbol: 'OLD', atMs: istMs('2025-08-07', '15:29:58') }),
      ],
    });
  });

  test('reads margins rounded up, an unknown one as none, and none of another order', async () => {
    const margin = { exchange: 'NSE', tradingsymbol: 'TITAN', total: 201.001, charges: { total: 1.79255122 } };
    kite.pages['POST /margins/orders'] = (_query: unknown, body: string) => {
      expect(JSON.parse(body)[0]).toMatchObject({ variety: 'regular', product: 'CNC', quantity: 10, price: 100.5 });
      return [margin, { ...margin, total: 0 }];
    };
    expect(await api.margins(account, [order, order])).toEqual({
      kind: 'read',
      value: [{ marginMinor: 201_01, chargesMinor: 1_80 }, null],
    });
    expect(await api.margins(account, [order])).toMatchObject({ kind: 'unreadable' });
    expect(await api.margins(account, [order, { ...order, symbol: 'ITC' }])).toMatchObject({ kind: 'unreadable' });
    expect(await api.margins(account, [])).toEqual({ kind: 'read', value: [] });
  });

  test('reads funds without the noise of binary fractions, and none where the segment is off', async () => {
    const funds = {
      enabled: true,
      net: 99725.05000000002,
      available: { cash: 245431.6, live_balance: 99725.05000000002 },
      utilised: { debits: 145706.55, exposure: 38981.25, option_premium: 0, payout: 0, span: 101989 },
    };
    kite.pages['GET /user/margins/equity'] = funds;
    expect(await api.funds(account)).toEqual({
      kind: 'read',
      value: { cashMinor: 245431_60, spendableMinor: 99725_05, blockedByOthersMinor: 140970_25 },
    });
    kite.pages['GET /user/margins/equity'] = { ...funds, net: 50_000 };
    expect(await api.funds(account)).toMatchObject({ value: { spendableMinor: 50_000_00 } });
    kite.pages['GET /user/margins/equity'] = { ...funds, utilised: null, available: { cash: 10, live_balance: 500 } };
    expect(await api.funds(account)).toMatchObject({ value: { spendableMinor: 10_00, blockedByOthersMinor: 0 } });
    kite.pages['GET /user/margins/equity'] = { ...funds, enabled: false };
    expect(await api.funds(account)).toMatchObject({ kind: 'unreadable' });
    kite.pages['GET /user/margins/equity'] = {};
    expect(await api.funds(account)).toMatchObject({ kind: 'unreadable' });
  });

  test('adds up what the day began with and what it brought', async () => {
    const held = (
      tradingsymbol: string,
      opening_quantity: number,
      average_price: number,
      mtf: object | null = null,
    ) => ({
      ...{ exchange: 'NSE', tradingsymbol, opening_quantity, average_price, mtf },
    });
    const today = (tradingsymbol: string, product: string, bought: number, sold: number) => ({
      ...{ exchange: 'NSE', tradingsymbol, product, day_buy_quantity: bought, day_buy_value: bought * 100 },
      day_sell_quantity: sold,
    });
    kite.pages['GET /portfolio/holdings'] = [
      held('SBIN', 16, 801.78125),
      held('TITAN', 1, 161, { quantity: 10, average_price: 100 }),
      held('GIFT', 3, 0),
      held('SOLD', 5, 10),
      held('LESS', 5, 10),
      { ...held('NOCOST', 4, 0), average_price: null },
      { ...held('ODD', 4, 10), opening_quantity: null },
    ];
    kite.pages['GET /portfolio/positions'] = {
      net: [
        today('TITAN', 'MTF', 2, 0),
        today('TITAN', 'MIS', 50, 0),
        today('SOLD', 'CNC', 0, 5),
        today('LESS', 'CNC', 0, 2),
        { ...today('NIFTY25SEPFUT', 'NRML', 0, 0), exchange: 'NFO', day_buy_quantity: 0.5 },
      ],
    };
    expect(await api.positions(account)).toEqual({
      kind: 'read',
      value: {
        rows: [
          { exchange: 'NSE', symbol: 'SBIN', quantity: 16, costMinor: 12828_50 },
          { exchange: 'NSE', symbol: 'TITAN', quantity: 13, mtfQuantity: 12, costMinor: 1361_00 },
          { exchange: 'NSE', symbol: 'GIFT', quantity: 3, costMinor: null },
          { exchange: 'NSE', symbol: 'LESS', quantity: 3, costMinor: null },
          { exchange: 'NSE', symbol: 'NOCOST', quantity: 4, costMinor: null },
        ],
        // One row nobody can read hides no other; of another product it is nobody's business here.
        odd: [
          { listing: { exchange: 'NSE', symbol: 'ODD' }, unreadable: true, ...noIds, why: expect.any(String) },
          {
            listing: { exchange: 'NFO', symbol: 'NIFTY25SEPFUT' },
            unreadable: false,
            ...noIds,
            why: expect.any(String),
          },
        ],
      },
    });
  });

  test('says that there is no session rather than that there is nothing', async () => {
    kite.credentials = () => null;
    const reads = [api.funds(account), api.positions(account), api.ordersToday(account), api.margins(account, [order])];
    expect((await Promise.all(reads)).map(({ kind }) => kind)).toEqual(Array(4).fill('no_session'));
    expect(await api.sessionStatus(account)).toEqual({ kind: 'closed', reason: 'not_connected' });
  });
});
