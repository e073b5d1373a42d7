import { z } from 'zod';
import { formatMinor } from '../../domain/money.ts';
import type { Quote } from '../../domain/words.ts';
import type {
  AccountAtVenue,
  OrderToSend,
  SessionStatus,
  VenueDesk,
  VenueFunds,
  VenueMargin,
  VenuePosition,
  VenueRead,
} from '../../ports/venue.ts';
import { paise, stampMs } from './indian.ts';
import { ask, type KiteAsk, type KiteWire, readAs } from './kite-call.ts';
import { kiteTokenUntilMs } from './kite-session.ts';
import { productOf, rupees } from './kite-wire.ts';

/** Kite's own limit for /quote (documented). */
export const QUOTES_AT_ONCE = 500;

/** What can be read of an account at Kite; the order book's own reads are the venue's. */
export function kiteDesk(wire: KiteWire): Omit<VenueDesk, 'ordersToday' | 'cancel'> {
  const read = async <T>(account: AccountAtVenue, asked: KiteAsk, shape: z.ZodType<T>): Promise<VenueRead<T>> => {
    return readAs(await ask(wire, account, asked), shape);
  };
  const get = <T>(account: AccountAtVenue, path: string, shape: z.ZodType<T>) =>
    read(account, { method: 'GET', path }, shape);
  return {
    async quotes(account, listings) {
      const quotes: Quote[] = [];
      for (let from = 0; from < listings.length; from += QUOTES_AT_ONCE) {
        const some = listings.slice(from, from + QUOTES_AT_ONCE);
        const wanted = some.map(({ exchange, symbol }) => `i=${encodeURIComponent(`${exchange}:${symbol}`)}`).join('&');
        const said = await get(account, `/quote?${wanted}`, quotesByKey);
        if (said.kind !== 'read') return said;
        quotes.push(...some.flatMap((one) => quoteOf(one, said.value[`${one.exchange}:${one.symbol}`]) ?? []));
      }
      return { kind: 'read', value: quotes };
    },
    async margins(account, orders) {
      if (orders.length === 0) return { kind: 'read', value: [] };
      const asked = { method: 'POST', path: '/margins/orders', json: orders.map(marginAsked) } as const;
      const said = await read(account, asked, margins);
      return said.kind === 'read' ? marginsOf(orders, said.value) : said;
    },
    async funds(account) {
      const said = await get(account, '/user/margins/equity', equity);
      return said.kind === 'read' ? fundsOf(said.value) : said;
    },
    async positions(account) {
      const held = await get(account, '/portfolio/holdings', holdings);
      if (held.kind !== 'read') return held;
      const traded = await get(account, '/portfolio/positions', positionsToday);
      if (traded.kind !== 'read') return traded;
      return { kind: 'read', value: positionsOf(held.value, traded.value.net) };
    },
    async sessionStatus(account): Promise<SessionStatus> {
      const said = await get(account, '/user/profile', profile);
      if (said.kind === 'no_session') return { kind: 'closed', reason: said.reason };
      if (said.kind === 'unreadable') return said;
      return { kind: 'open', untilMs: kiteTokenUntilMs(wire.clock.nowMs()) };
    },
  };
}

const profile = z.object({ user_id: z.string().min(1) });

const quote = z.object({
  timestamp: z.string().nullish(),
  last_price: rupees,
  lower_circuit_limit: rupees.nullish(),
  upper_circuit_limit: rupees.nullish(),
  ohlc: z.object({ close: rupees.nullish() }).nullish(),
});
const quotesByKey = z.record(z.string(), quote);

/** The time is the exchange's, of when the price stood. Without one, or without a trade, there is no price. */
function quoteOf(of: { exchange: string; symbol: string }, said: z.infer<typeof quote> | undefined): Quote | null {
  const atMs = stampMs(said?.timestamp);
  if (said === undefined || atMs === null || said.last_price <= 0) return null;
  return {
    exchange: of.exchange,
    symbol: of.symbol,
    priceMinor: paise(said.last_price, 'nearest'),
    previousCloseMinor: knownPaise(said.ohlc?.close),
    lowerCircuitMinor: knownPaise(said.lower_circuit_limit),
    upperCircuitMinor: knownPaise(said.upper_circuit_limit),
    atMs,
  };
}

/** 0 is Kite's word for none. */
function knownPaise(amount: number | null | undefined): number | null {
  return amount ? paise(amount, 'nearest') : null;
}

const margins = z.array(
  z.object({
    exchange: z.string(),
    tradingsymbol: z.string(),
    total: rupees.min(0),
    charges: z.object({ total: rupees.min(0) }).nullish(),
  }),
);

function marginAsked(order: OrderToSend) {
  return {
    exchange: order.exchange,
    tradingsymbol: order.symbol,
    transaction_type: order.side,
    variety: 'regular',
    product: productOf(order),
    order_type: 'LIMIT',
    quantity: order.quantity,
    price: Number(formatMinor(order.limitPriceMinor)),
    trigger_price: 0,
  };
}

/** Answers come in the order of the questions; where they don't, none of them is believed. */
function marginsOf(orders: OrderToSend[], said: z.infer<typeof margins>): VenueRead<(VenueMargin | null)[]> {
  const same = said.every((one, n) => one.exchange === orders[n]?.exchange && one.tradingsymbol === orders[n]?.symbol);
  if (said.length !== orders.length || !same) return { kind: 'unreadable', reason: 'margins_of_other_orders' };
  const value = said.map(({ total, charges }) => {
    const chargesMinor = charges ? paise(charges.total, 'up') : null;
    return total > 0 ? { marginMinor: paise(total, 'up'), chargesMinor } : null;
  });
  return { kind: 'read', value };
}

const equity = z.object({
  enabled: z.boolean(),
  net: rupees,
  available: z.object({ cash: rupees, live_balance: rupees }),
});

/**
 * What may be spent is the smaller of `net` (which counts pledged shares: no money for delivery) and `live_balance`.
 * `cash` is the day's opening balance with what was paid in since: what the account has before the day's first trade.
 */
function fundsOf({ enabled, net, available }: z.infer<typeof equity>): VenueRead<VenueFunds> {
  if (!enabled) return { kind: 'unreadable', reason: 'equity_segment_not_enabled' };
  const availableMinor = paise(Math.min(net, available.live_balance), 'down');
  return { kind: 'read', value: { availableMinor, cashMinor: paise(available.cash, 'nearest') } };
}

const pieces = z.int().min(0);
const holdings = z.array(
  z.object({
    exchange: z.string(),
    tradingsymbol: z.string(),
    opening_quantity: pieces,
    average_price: rupees.min(0),
    mtf: z.object({ quantity: pieces, average_price: rupees.min(0) }).nullish(),
  }),
);
const position = z.object({
  exchange: z.string(),
  tradingsymbol: z.string(),
  product: z.string(),
  day_buy_quantity: pieces,
  day_buy_value: rupees,
  day_sell_quantity: pieces,
});
const positionsToday = z.object({ net: z.array(position) });

/**
 * What came into the day (holdings, bought outright or with the broker's leverage) and what the day added and took away
 * (positions of the two products). Its cost is told while nothing was sold today: which pieces went is Kite's affair.
 */
function positionsOf(held: z.infer<typeof holdings>, net: z.infer<typeof position>[]): VenuePosition[] {
  const found = new Map<string, VenuePosition>();
  const add = (of: { exchange: string; tradingsymbol: string }, quantity: number, costMinor: number | null) => {
    const { exchange, tradingsymbol: symbol } = of;
    const key = `${exchange}:${symbol}`;
    const before = found.get(key) ?? { exchange, symbol, quantity: 0, costMinor: 0 };
    const cost = before.costMinor === null || costMinor === null ? null : before.costMinor + costMinor;
    found.set(key, { ...before, quantity: before.quantity + quantity, costMinor: cost });
  };
  for (const one of held) {
    add(one, one.opening_quantity, costOf(one.opening_quantity, one.average_price));
    if (one.mtf) add(one, one.mtf.quantity, costOf(one.mtf.quantity, one.mtf.average_price));
  }
  for (const one of net.filter(({ product }) => product === 'CNC' || product === 'MTF')) {
    const sold = one.day_sell_quantity > 0;
    add(one, one.day_buy_quantity - one.day_sell_quantity, sold ? null : paise(one.day_buy_value, 'nearest'));
  }
  return [...found.values()].filter(({ quantity }) => quantity !== 0);
}

/** Shares that came from elsewhere have an average price of 0: what they cost is not known. */
function costOf(quantity: number, averagePrice: number): number | null {
  if (quantity === 0) return 0;
  return averagePrice > 0 ? paise(quantity * averagePrice, 'nearest') : null;
}
