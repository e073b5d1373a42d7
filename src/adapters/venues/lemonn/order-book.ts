// Reads an account’s orders of the day at Lemonn, and their trades page by page.
import { untrustedText } from '../../../domain/text/secrets.ts';
import type { AccountAtVenue, VenueRead } from '../../../ports/venue.ts';
import { type Rows, textOf } from '../rows.ts';
import { singleFlight } from '../single-flight.ts';
import { callLemonn, type LemonnClientOptions, readAs } from './client.ts';
import { type LemonnOrder, type LemonnTrade, ordersIn, type Traded, tradesIn } from './shapes.ts';

export type ReadBook = (account: AccountAtVenue) => Promise<VenueRead<Rows<LemonnOrder>>>;

/** Reads accounts' orders of the day. */
export function sharedBook(options: LemonnClientOptions): ReadBook {
  const shape = ordersIn(options.dialect);
  return singleFlight(async (account) =>
    readAs(await callLemonn(options, account, { method: 'GET', path: '/orderbook' }), shape),
  );
}

/** Each order with its trades, one after the other. */
export async function withTrades(
  options: LemonnClientOptions,
  account: AccountAtVenue,
  orders: LemonnOrder[],
): Promise<VenueRead<Traded[]>> {
  const value: Traded[] = [];
  for (const order of orders) {
    const trades = await tradesOf(options, account, order);
    if (trades.kind !== 'read') return trades;
    value.push({ order, trades: trades.value });
  }
  return { kind: 'read', value };
}

/** How many it gives at most is not known; fewer is fine. */
const TRADES_PAGE_SIZE = 50;

/** An order's trades, page by page, until they are all there or a page brings nothing new. */
export async function tradesOf(
  options: LemonnClientOptions,
  account: AccountAtVenue,
  { id, filledQuantity }: LemonnOrder,
): Promise<VenueRead<LemonnTrade[]>> {
  const trades = new Map<string, LemonnTrade>();
  const shape = tradesIn(options.dialect);
  for (let offset = 0, traded = 0; traded < filledQuantity; ) {
    const page = new URLSearchParams({ orderId: id, limit: String(TRADES_PAGE_SIZE), offset: String(offset) });
    const answer = readAs(await callLemonn(options, account, { method: 'GET', path: `/tradebook?${page}` }), shape);
    if (answer.kind !== 'read') return answer;
    const { read, unread } = answer.value;
    // A trade nobody can read may be this order's, unless it says that it is another's.
    const odd = unread.find((row) => [id, null].includes(textOf(row, options.dialect.trade.orderId)));
    if (odd) return { kind: 'unreadable', reason: untrustedText(`unreadable_answer: ${odd.why}`) };
    const before = trades.size;
    for (const trade of read.filter(({ orderId }) => orderId === id)) trades.set(trade.id, trade);
    if (trades.size === before) break;
    offset += read.length + unread.length;
    traded = [...trades.values()].reduce((sum, { quantity }) => sum + quantity, 0);
  }
  return { kind: 'read', value: [...trades.values()] };
}
