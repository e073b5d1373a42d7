// The three simulated venues of a storm, with the account pages made from the orders they took.
import { istDate, istTime } from '../../src/domain/market/india-time.ts';
import type { Clock } from '../../src/ports/world.ts';
import { type AlpacaExchange, openAlpacaExchange } from '../../test/simulators/venues/alpaca-exchange.ts';
import type { Exchange } from '../../test/simulators/venues/exchange.ts';
import { type KiteExchange, openKiteExchange } from '../../test/simulators/venues/kite-exchange.ts';
import { type LemonnExchange, openLemonnExchange } from '../../test/simulators/venues/lemonn-exchange.ts';
import { tradeDate } from '../../test/support/builders.ts';

/** What every account has in the morning, and the leverage of those that have one. */
const CASH = 1_000_000;
export const LEVERAGE = 3;

/** The venues' shares and what they trade at. */
export const nseShares = { TITAN: 3564.8, INFY: 1502.5, SBIN: 803.2, ITC: 401.5 };
export const usShares = { AAPL: 231.4, MSFT: 506.7, KO: 68.9, XOM: 112.3 };

/** The three venues on the loopback: what they say of an account is made from the orders they took of it. */
export interface SimulatedVenues {
  kite: KiteExchange;
  lemonn: LemonnExchange;
  alpaca: AlpacaExchange;
  all: readonly Exchange[];
  close(): Promise<void>;
}

export async function openSimulatedVenues(clock: Clock): Promise<SimulatedVenues> {
  const kite = await openKiteExchange(clock);
  const lemonn = await openLemonnExchange(clock);
  const alpaca = await openAlpacaExchange(clock);
  Object.assign(kite.pages, kitePages(kite, clock));
  Object.assign(lemonn.pages, lemonnPages(lemonn));
  Object.assign(alpaca.pages, alpacaPages(alpaca, clock));
  const all = [kite, lemonn, alpaca];
  return { kite, lemonn, alpaca, all, close: async () => void (await Promise.all(all.map((one) => one.close()))) };
}

interface Bought {
  symbol: string;
  quantity: number;
  value: number;
  product: 'delivery' | 'mtf';
}

/** What an account has bought. */
function boughtBy(exchange: Exchange, account: string): Bought[] {
  const filled = exchange.book().filter((one) => one.account === account && one.filledQuantity > 0);
  return filled.map(({ symbol, filledQuantity: quantity, price, product }) => {
    return { symbol, quantity, value: quantity * price, product };
  });
}

function availableTo(exchange: Exchange, account: string): number {
  const blocked = boughtBy(exchange, account).map(({ value, product }) =>
    product === 'mtf' ? value / LEVERAGE : value,
  );
  return round(blocked.reduce((left, amount) => left - amount, CASH));
}

function round(amount: number): number {
  return Math.round(amount * 100) / 100;
}

function kitePages(kite: Exchange, clock: Clock) {
  const quote = (last_price: number) => {
    const timestamp = `${istDate(clock.nowMs())} ${istTime(clock.nowMs())}`;
    return { timestamp, last_trade_time: timestamp, last_price, ohlc: { close: last_price } };
  };
  return {
    'GET /user/profile': { user_id: 'AB1234' },
    'GET /quote': () => Object.fromEntries(Object.entries(nseShares).map(([name, at]) => [`NSE:${name}`, quote(at)])),
    'POST /margins/orders': (_query: unknown, body: string) =>
      JSON.parse(body).map((one: { product: string; price: number; quantity: number }) => {
        const total = (one.price * one.quantity) / (one.product === 'MTF' ? LEVERAGE : 1);
        return { ...one, total: round(total), charges: { total: 2 } };
      }),
    'GET /user/margins/equity': (_query: unknown, _body: string, token: string) => {
      const net = availableTo(kite, token);
      return { enabled: true, net, available: { cash: CASH, live_balance: net } };
    },
    'GET /portfolio/holdings': [],
    'GET /portfolio/positions': (_query: unknown, _body: string, token: string) => {
      const net = boughtBy(kite, token).map(({ symbol, quantity, value, product }) => ({
        ...{ exchange: 'NSE', tradingsymbol: symbol, product: product === 'mtf' ? 'MTF' : 'CNC' },
        ...{ day_buy_quantity: quantity, day_buy_value: value, day_sell_quantity: 0 },
      }));
      return { net };
    },
  };
}

function lemonnPages(lemonn: Exchange) {
  return {
    'POST /margin-info': ({ price, productType }: { price: string; productType: string }) => {
      return { approximateMargin: round(Number(price) / (productType === 'DELIVERY' ? 1 : LEVERAGE)) };
    },
    'GET /funds': (_body: unknown, client: string) => {
      return { funds: { availableBalance: String(availableTo(lemonn, client)), cashBalance: String(CASH) } };
    },
    'GET /holdings': { holdings: [] },
    'GET /positions': (_body: unknown, client: string) => {
      const positions = boughtBy(lemonn, client).map(({ symbol, quantity, value, product }) => ({
        ...{ exchangeSegment: 'NSE', symbol, productType: product === 'mtf' ? 'MTF' : 'DELIVERY' },
        ...{ netQuantity: quantity, averagePrice: value / quantity },
      }));
      return { positions };
    },
  };
}

function alpacaPages(alpaca: Exchange, clock: Clock) {
  const trade = (p: number) => {
    return { latestTrade: { t: new Date(clock.nowMs()).toISOString(), p }, prevDailyBar: { c: p } };
  };
  return {
    'GET /v2/calendar': [{ date: tradeDate, open: '09:30', close: '16:00' }],
    'GET /data/v2/stocks/snapshots': () =>
      Object.fromEntries(Object.entries(usShares).map(([name, at]) => [name, trade(at)])),
    'GET /v2/account': (_query: unknown, key: string) => {
      const left = String(availableTo(alpaca, key));
      const blocks = { trading_blocked: false, account_blocked: false, trade_suspended_by_user: false };
      return { status: 'ACTIVE', currency: 'USD', cash: left, non_marginable_buying_power: left, ...blocks };
    },
    'GET /v2/positions': (_query: unknown, key: string) =>
      boughtBy(alpaca, key).map(({ symbol, quantity, value }) => {
        return { symbol, asset_class: 'us_equity', qty: String(quantity), cost_basis: String(round(value)) };
      }),
  };
}
