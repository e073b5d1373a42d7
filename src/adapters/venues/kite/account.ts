// What is read of an account at Kite: money, positions, margins, prices and whether its session stands.
import { z } from 'zod';
import { INR } from '../../../domain/currency.ts';
import { formatMinor } from '../../../domain/money.ts';
import type { Quote } from '../../../domain/types.ts';
import type {
  AccountAtVenue,
  OddRow,
  OrderToSend,
  SessionStatus,
  VenueAccountApi,
  VenueFunds,
  VenueMargin,
  VenuePosition,
  VenueRead,
  VenueRows,
} from '../../../ports/venue.ts';
import { count, exactOrNull, word } from '../bounds.ts';
import { paise, stampMs } from '../indian.ts';
import type { VenueRequest } from '../reply.ts';
import { oddRowOf, type Rows, rowsOf, textOf } from '../rows.ts';
import { callKite, type KiteClientOptions, readAs } from './client.ts';
import { kiteTokenUntilMs } from './session.ts';
import { productOf, rupees } from './shapes.ts';

/** Kite's own limit for /quote (documented). */
export const QUOTES_BATCH_SIZE = 500;

/** What can be read of an account at Kite; the order book's own reads are the venue's. */
export function kiteAccount(options: KiteClientOptions): Omit<VenueAccountApi, 'ordersToday' | 'cancel'> {
  const read = async <T>(
    account: AccountAtVenue,
    request: VenueRequest,
    shape: z.ZodType<T>,
  ): Promise<VenueRead<T>> => {
    return readAs(await callKite(options, account, request), shape);
  };
  const get = <T>(account: AccountAtVenue, path: string, shape: z.ZodType<T>) =>
    read(account, { method: 'GET', path }, shape);
  return {
    async quotes(account, listings) {
      const quotes: Quote[] = [];
      for (let from = 0; from < listings.length; from += QUOTES_BATCH_SIZE) {
        const batch = listings.slice(from, from + QUOTES_BATCH_SIZE);
        const query = batch.map(({ exchange, symbol }) => `i=${encodeURIComponent(`${exchange}:${symbol}`)}`).join('&');
        const answer = await get(account, `/quote?${query}`, quotesByKey);
        if (answer.kind !== 'read') return answer;
        const byKey = new Map(Object.entries(answer.value));
        quotes.push(...batch.flatMap((one) => quoteOf(one, byKey.get(`${one.exchange}:${one.symbol}`)) ?? []));
      }
      return { kind: 'read', value: quotes };
    },
    async margins(account, orders) {
      if (orders.length === 0) return { kind: 'read', value: [] };
      const request = { method: 'POST', path: '/margins/orders', json: orders.map(marginRequest) } as const;
      const answer = await read(account, request, margins);
      return answer.kind === 'read' ? marginsOf(orders, answer.value) : answer;
    },
    async funds(account) {
      const answer = await get(account, '/user/margins/equity', equity);
      return answer.kind === 'read' ? fundsOf(answer.value) : answer;
    },
    async positions(account) {
      const held = await get(account, '/portfolio/holdings', holdings);
      if (held.kind !== 'read') return held;
      const traded = await get(account, '/portfolio/positions', positionsToday);
      if (traded.kind !== 'read') return traded;
      return { kind: 'read', value: positionsOf(held.value, traded.value.net) };
    },
    async sessionStatus(account): Promise<SessionStatus> {
      const answer = await get(account, '/user/profile', profile);
      if (answer.kind === 'no_session') return { kind: 'closed', reason: answer.reason };
      if (answer.kind === 'unreadable') return answer;
      return { kind: 'open', untilMs: kiteTokenUntilMs(options.clock.nowMs()) };
    },
  };
}

const profile = z.object({ user_id: z.string().min(1) });

const quote = z.object({
  timestamp: z.string().nullish(),
  last_trade_time: z.string().nullish(),
  last_price: rupees,
  lower_circuit_limit: rupees.nullish(),
  upper_circuit_limit: rupees.nullish(),
  ohlc: z.object({ close: rupees.nullish() }).nullish(),
});
/** Each is read by itself: one that can't be read is one share without a price. */
const quotesByKey = z.record(z.string(), z.unknown());

/**
 * A price is as old as the trade it comes from: `timestamp` is when Kite last had news of the share, which may be a bid.
 * Without either time, or without a trade, there is no price.
 */
function quoteOf(of: { exchange: string; symbol: string }, raw: unknown): Quote | null {
  const data = quote.safeParse(raw).data;
  const updatedMs = stampMs(data?.timestamp);
  const tradedMs = stampMs(data?.last_trade_time);
  const priceMinor = paise(data?.last_price ?? 0, 'nearest');
  if (data === undefined || updatedMs === null || tradedMs === null || priceMinor <= 0) return null;
  const atMs = Math.min(updatedMs, tradedMs);
  return {
    exchange: of.exchange,
    symbol: of.symbol,
    priceMinor,
    previousCloseMinor: knownPaise(data.ohlc?.close),
    lowerCircuitMinor: knownPaise(data.lower_circuit_limit),
    upperCircuitMinor: knownPaise(data.upper_circuit_limit),
    atMs,
  };
}

/** 0 stands for none at Kite. */
function knownPaise(amount: number | null | undefined): number | null {
  const amountMinor = paise(amount ?? 0, 'nearest');
  return amountMinor > 0 ? amountMinor : null;
}

const margins = z.array(
  z.object({
    exchange: z.string(),
    tradingsymbol: z.string(),
    total: rupees.min(0),
    charges: z.object({ total: rupees.min(0) }).nullish(),
  }),
);

function marginRequest(order: OrderToSend) {
  return {
    exchange: order.exchange,
    tradingsymbol: order.symbol,
    transaction_type: order.side,
    variety: 'regular',
    product: productOf(order),
    order_type: 'LIMIT',
    quantity: order.quantity,
    price: Number(formatMinor(order.limitPriceMinor, INR)),
    trigger_price: 0,
  };
}

/** Answers come in the order of the questions; where they don't, none of them is believed. */
function marginsOf(orders: OrderToSend[], rows: z.infer<typeof margins>): VenueRead<(VenueMargin | null)[]> {
  const same = rows.every((one, n) => one.exchange === orders[n]?.exchange && one.tradingsymbol === orders[n]?.symbol);
  if (rows.length !== orders.length || !same) return { kind: 'unreadable', reason: 'margins_of_other_orders' };
  const value = rows.map(({ total, charges }) => {
    const chargesMinor = charges ? paise(charges.total, 'up') : null;
    return total > 0 ? { marginMinor: paise(total, 'up'), chargesMinor } : null;
  });
  return { kind: 'read', value };
}

const equity = z.object({
  enabled: z.boolean(),
  net: rupees,
  available: z.object({ cash: rupees, live_balance: rupees }),
  utilised: z.object({ span: rupees, exposure: rupees, option_premium: rupees, payout: rupees }).partial().nullish(),
});

/**
 * `cash` is the day's opening balance with what was paid in since. What may be spent is the smallest of it, `net` (which
 * counts pledged shares: no money for delivery) and `live_balance` (what the debits of all segments left of it). Blocked
 * by others is what only derivatives and payouts take: their span, exposure and premiums. Shapes and figures: the vendor's
 * sample margins_equity.json, where cash 245431.60 less debits 145706.55 leaves the live balance 99725.05.
 */
function fundsOf({ enabled, net, available, utilised }: z.infer<typeof equity>): VenueRead<VenueFunds> {
  if (!enabled) return { kind: 'unreadable', reason: 'equity_segment_not_enabled' };
  const { span = 0, exposure = 0, option_premium = 0, payout = 0 } = utilised ?? {};
  const blocked = Math.max(0, span) + Math.max(0, exposure) + Math.max(0, option_premium) + Math.max(0, payout);
  const value = {
    cashMinor: paise(available.cash, 'down'),
    spendableMinor: paise(Math.min(available.cash, net, available.live_balance), 'down'),
    blockedByOthersMinor: paise(blocked, 'down'),
  };
  return { kind: 'read', value };
}

/** What a share cost is good to know and no condition of knowing that it is held. */
const averagePrice = rupees.min(0).nullish().catch(null);
const holding = z.object({
  exchange: word,
  tradingsymbol: word,
  opening_quantity: count,
  average_price: averagePrice,
  mtf: z.object({ quantity: count, average_price: averagePrice }).nullish(),
});
const holdings = rowsOf(holding);
const position = z.object({
  exchange: word,
  tradingsymbol: word,
  product: z.string(),
  day_buy_quantity: count,
  day_buy_value: rupees.nullish().catch(null),
  day_sell_quantity: count,
});
const positionsToday = z.object({ net: rowsOf(position) });

const ourProducts = new Set(['CNC', 'MTF']);
const rowNames = { exchange: 'exchange', symbol: 'tradingsymbol' } as const;

/**
 * What came into the day (holdings, bought outright or with the broker's leverage) and what the day added and took away
 * (positions of the two products). Its cost is given while nothing was sold today: which pieces went is Kite's affair.
 */
function positionsOf(
  held: Rows<z.infer<typeof holding>>,
  net: Rows<z.infer<typeof position>>,
): VenueRows<VenuePosition> {
  const positions = new Map<string, VenuePosition>();
  type Row = { exchange: string; tradingsymbol: string };
  const add = (of: Row, quantity: number, costMinor: number | null, isMtf = false) => {
    const { exchange, tradingsymbol: symbol } = of;
    const key = `${exchange}:${symbol}`;
    const before: VenuePosition = positions.get(key) ?? { exchange, symbol, quantity: 0, costMinor: 0 };
    const cost = before.costMinor === null || costMinor === null ? null : exactOrNull(before.costMinor + costMinor);
    const mtfQuantity = (before.mtfQuantity ?? 0) + (isMtf ? quantity : 0);
    const mtf = mtfQuantity === 0 ? {} : { mtfQuantity };
    positions.set(key, { exchange, symbol, quantity: before.quantity + quantity, ...mtf, costMinor: cost });
  };
  for (const one of held.read) {
    add(one, one.opening_quantity, costOf(one.opening_quantity, one.average_price));
    if (one.mtf) add(one, one.mtf.quantity, costOf(one.mtf.quantity, one.mtf.average_price), true);
  }
  for (const one of net.read.filter(({ product }) => ourProducts.has(product))) {
    const bought = one.day_sell_quantity === 0 ? (one.day_buy_value ?? null) : null;
    const cost = bought === null ? null : paise(bought, 'nearest');
    add(one, one.day_buy_quantity - one.day_sell_quantity, cost, one.product === 'MTF');
  }
  return { rows: [...positions.values()].filter(({ quantity }) => quantity !== 0), odd: oddRowsOf(held, net) };
}

/** Rows of other products (derivatives, intraday) are none of ours, whatever is wrong with them. */
function oddRowsOf(held: Rows<unknown>, net: Rows<unknown>): OddRow[] {
  const positions = net.unread.map((row): OddRow => {
    const product = textOf(row, 'product');
    return { ...oddRowOf(row, rowNames), unreadable: product === null || ourProducts.has(product) };
  });
  return [...held.unread.map((row) => oddRowOf(row, rowNames)), ...positions];
}

/** Shares that came from elsewhere have an average price of 0: what they cost is not known. */
function costOf(quantity: number, average: number | null | undefined): number | null {
  if (quantity === 0) return 0;
  return average ? exactOrNull(paise(quantity * average, 'nearest')) : null;
}
