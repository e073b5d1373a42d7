import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { alpacaVenue } from '../../../src/adapters/venues/alpaca/venue.ts';
import { kiteVenue } from '../../../src/adapters/venues/kite/venue.ts';
import { lemonnDialect } from '../../../src/adapters/venues/lemonn/dialect.ts';
import { lemonnVenue } from '../../../src/adapters/venues/lemonn/venue.ts';
import type { OrderToSend, Venue } from '../../../src/ports/venue.ts';
import type { Clock } from '../../../src/ports/world.ts';
import { apiKey as lemonnKey, privateKey } from './lemonn-exchange.ts';

// A venue that says what it is given, byte for byte, and a good answer where it is given nothing.

export interface ScriptedAnswer {
  status: number;
  body: string | Uint8Array;
}

/** A venue's good words: what each address answers about an order that has filled. */
interface VenueFormat {
  open(baseUrl: string, clock: Clock): Venue;
  /** The account a request is of, by what lets it in. */
  accountOf(headers: Record<string, unknown>): number;
  good(path: string, order: OrderToSend | null): unknown;
  /** A refusal in the venue's own words. */
  refusal: ScriptedAnswer;
}

const answered = (data: unknown) => ({ status: 'success', data });
const stamp = '2025-08-28 09:19:58';
const timeoutMs = 5_000;
const fetchFor = () => fetch;

const kite: VenueFormat = {
  open: (baseUrl, clock) => {
    const credentials = async ({ accountId }: { accountId: number }) => ({
      apiKey: 'kitetestkey',
      accessToken: `access-${accountId}`,
    });
    return kiteVenue({ baseUrl, clock, algoId: null, credentials, fetchFor, timeoutMs });
  },
  accountOf: ({ authorization }) => Number(String(authorization).split('access-')[1]),
  refusal: {
    status: 400,
    body: JSON.stringify({ status: 'error', message: 'Insufficient funds', error_type: 'MarginException', data: null }),
  },
  good(path, order) {
    const of = { exchange: 'NSE', tradingsymbol: order?.symbol ?? 'TITAN', transaction_type: 'BUY' };
    const foreign = { ...of, order_id: 'F1', status: 'OPEN', quantity: 1, filled_quantity: 0, tag: null, tags: [] };
    const filledOrder = {
      ...foreign,
      order_id: `K${order?.orderId}`,
      status: 'COMPLETE',
      status_message: 'done',
      tag: order?.clientOrderId,
    };
    const trade = {
      trade_id: 'T1',
      order_id: filledOrder.order_id,
      quantity: order?.quantity,
      average_price: 100,
      fill_timestamp: stamp,
    };
    if (path.startsWith('/orders/regular')) return answered({ order_id: filledOrder.order_id });
    if (path === '/orders' && !order) return answered([]);
    if (path === '/orders')
      return answered([foreign, { ...filledOrder, quantity: order?.quantity, filled_quantity: order?.quantity }]);
    if (path === '/trades') return answered(order ? [trade] : []);
    if (path === '/user/profile') return answered({ user_id: 'AB1234' });
    if (path === '/user/margins/equity') {
      return answered({
        enabled: true,
        net: 50_000.05,
        available: { cash: 50_000.05, live_balance: 50_000.05 },
        utilised: { span: 0 },
      });
    }
    if (path === '/portfolio/holdings')
      return answered(order ? [{ ...of, opening_quantity: 3, average_price: 100.5, mtf: null }] : []);
    if (path === '/portfolio/positions') return answered({ net: [] });
    if (path === '/margins/orders')
      return answered([{ ...of, tradingsymbol: 'TITAN', total: 20.5, charges: { total: 1.25 } }]);
    return answered({
      'NSE:TITAN': { timestamp: stamp, last_trade_time: stamp, last_price: 100.05, ohlc: { close: 99.5 } },
    });
  },
};

const lemonn: VenueFormat = {
  open: (baseUrl, clock) => {
    const credentials = async ({ accountId }: { accountId: number }) => {
      return { clientId: 'C1', apiKey: lemonnKey, privateKey, flow: 'access', accessToken: `access-${accountId}` };
    };
    const dialect = lemonnDialect.parse({ ltpLists: { NSE: 'NSE_SYMBOL' } });
    return lemonnVenue({
      baseUrl,
      clock,
      dialect,
      requestId: null,
      afterMarketOrders: false,
      credentials,
      fetchFor,
      timeoutMs,
    });
  },
  accountOf: (headers) => Number(String(headers['x-auth-key']).split('access-')[1]),
  refusal: {
    status: 400,
    body: JSON.stringify({ status: 'error', msg: 'Insufficient funds', error_code: 'INSUFFICIENT_FUNDS' }),
  },
  good(path, order) {
    const of = { exchangeSegment: 'NSE', symbol: order?.symbol ?? 'TITAN', transactionType: 'BUY' };
    const foreign = { ...of, orderID: 'F1', orderStatus: 'OPEN', quantity: '1', filledQuantity: 0, tag: 'other' };
    const whole = { orderID: `L${order?.orderId}`, quantity: String(order?.quantity), filledQuantity: order?.quantity };
    const filledOrder = {
      ...foreign,
      ...whole,
      orderStatus: 'COMPLETE',
      tag: order?.clientOrderId,
      rejectionReason: 'none',
    };
    const trade = {
      tradeId: 'T1',
      orderID: filledOrder.orderID,
      quantity: order?.quantity,
      price: '100.00',
      tradeTime: stamp,
    };
    if (path.endsWith('/orders')) return answered({ orderId: filledOrder.orderID });
    if (path.endsWith('/orderbook')) return answered({ orders: order ? [foreign, filledOrder] : [] });
    if (path.endsWith('/tradebook')) return answered({ trades: order ? [trade] : [] });
    if (path.endsWith('/funds')) return answered({ funds: { availableBalance: '50000.05', cashBalance: '50000.05' } });
    if (path.endsWith('/holdings'))
      return answered({ holdings: order ? [{ ...of, quantity: 3, averagePrice: '100.50' }] : [] });
    if (path.endsWith('/positions')) return answered({ positions: [] });
    if (path.endsWith('/margin-info')) return answered({ approximateMargin: '20.50' });
    return answered({ ltp: [{ symbol: 'TITAN', lastTradedPrice: '100.05', lastTradeTime: stamp }] });
  },
};

const alpaca: VenueFormat = {
  open: (baseUrl, clock) => {
    const credentials = async ({ accountId }: { accountId: number }) => ({
      keyId: `PKTEST-${accountId}`,
      secretKey: 'secret-of-the-tests',
    });
    return alpacaVenue({ baseUrl, dataUrl: baseUrl, clock, exchanges: ['NSE'], credentials, fetchFor, timeoutMs });
  },
  accountOf: (headers) => Number(String(headers['apca-api-key-id']).split('PKTEST-')[1]),
  refusal: { status: 403, body: JSON.stringify({ code: 40_310_000, message: 'insufficient buying power' }) },
  good(path, order) {
    const at = '2025-08-28T03:49:58Z';
    const size = { qty: String(order?.quantity), filled_qty: String(order?.quantity) };
    const filledOrder = {
      id: `A${order?.orderId}`,
      client_order_id: order?.clientOrderId,
      symbol: order?.symbol,
      asset_class: 'us_equity',
    };
    const whole = { ...filledOrder, ...size, side: 'buy', status: 'filled', submitted_at: at };
    const fill = {
      id: `F${order?.orderId}`,
      order_id: filledOrder.id,
      qty: String(order?.quantity),
      price: '100.00',
      transaction_time: at,
    };
    if (path.startsWith('/v2/account/activities')) return order ? [fill] : [];
    if (path.startsWith('/v2/account')) {
      const rights = { trading_blocked: false, account_blocked: false, trade_suspended_by_user: false };
      return {
        status: 'ACTIVE',
        currency: 'USD',
        cash: '50000.05',
        non_marginable_buying_power: '50000.05',
        ...rights,
      };
    }
    if (path.startsWith('/v2/positions'))
      return order ? [{ symbol: 'TITAN', asset_class: 'us_equity', qty: '3', cost_basis: '301.50' }] : [];
    if (path.startsWith('/v2/orders:by_client_order_id')) return whole;
    if (path.startsWith('/v2/orders?')) return order ? [whole] : [];
    if (path.startsWith('/v2/orders')) return whole;
    return { TITAN: { latestTrade: { t: at, p: 100.05 }, prevDailyBar: { c: 99.5 } } };
  },
};

export const venueFormats: Readonly<Record<string, VenueFormat>> = { kite, lemonn, alpaca };

export interface ScriptedVenue {
  venue: Venue;
  format: VenueFormat;
  /** What one account's requests are answered from now on; null: what is good for its order. */
  script: { accountId: number; order: OrderToSend | null; say: (path: string) => ScriptedAnswer | null };
  close(): Promise<void>;
}

export async function openScriptedVenue(format: VenueFormat, clock: Clock): Promise<ScriptedVenue> {
  const server = createServer((request, response) => {
    const { url = '/' } = request;
    const { accountId, order, say } = scriptedVenue.script;
    const isOdd = format.accountOf(request.headers) === accountId;
    const [path = '/'] = format === alpaca ? [url] : url.split('?');
    const scripted = (isOdd ? say(path) : null) ?? {
      status: 200,
      body: JSON.stringify(format.good(path, isOdd ? order : null)),
    };
    request.resume();
    request.on('end', () => {
      response.writeHead(scripted.status, { 'content-type': 'application/json' });
      response.end(scripted.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const scriptedVenue: ScriptedVenue = {
    format,
    venue: format.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, clock),
    script: { accountId: 0, order: null, say: () => null },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return scriptedVenue;
}
