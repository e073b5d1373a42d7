// Reads an account’s orders of the day at Lemonn, and their trades page by page.
import { untrustedText } from '../../../domain/text/secrets.ts';
import type { AccountAtVenue, VenueRead } from '../../../ports/venue.ts';
import { type Rows, textOf } from '../rows.ts';
import { singleFlight } from '../single-flight.ts';
import { ask, type LemonnClientOptions, readAs } from './client.ts';
import { type LemonnOrder, type LemonnTrade, ordersIn, type Traded, tradesIn } from './shapes.ts';

export type ReadBook = (account: AccountAtVenue) => Promise<VenueRead<Rows<LemonnOrder>>>;

/** Reads accounts' orders of the day. */
export function sharedBook(wire: LemonnClientOptions): ReadBook {
  const shape = ordersIn(wire.dialect);
  return singleFlight(async (account) =>
    readAs(await ask(wire, account, { method: 'GET', path: '/orderbook' }), shape),
  );
}

/** Each order with its trades, one after the other. */
export async function withTrades(
  wire: LemonnClientOptions,
  account: AccountAtVenue,
  orders: LemonnOrder[],
): Promise<VenueRead<Traded[]>> {
  const value: Traded[] = [];
  for (const order of orders) {
    const trades = await tradesOf(wire, account, order);
    if (trades.kind !== 'read') return trades;
    value.push({ order, trades: trades.value });
  }
  return { kind: 'read', value };
}

/** How many it gives at most is not known; fewer is fine. */
const TRADES_AT_ONCE = 50;

/** An order's trades, page by page, until they are all there or a page brings nothing new. */
export async function tradesOf(
  wire: LemonnClientOptions,
  account: AccountAtVenue,
  { id, filledQuantity }: LemonnOrder,
): Promise<VenueRead<LemonnTrade[]>> {
  const found = new Map<string, LemonnTrade>();
  const shape = tradesIn(wire.dialect);
  for (let seen = 0, traded = 0; traded < filledQuantity; ) {
    const page = new URLSearchParams({ orderId: id, limit: String(TRADES_AT_ONCE), offset: String(seen) });
    const said = readAs(await ask(wire, account, { method: 'GET', path: `/tradebook?${page}` }), shape);
    if (said.kind !== 'read') return said;
    const { read, unread } = said.value;
    // A trade nobody can read may be this order's, unless it says that it is another's.
    const odd = unread.find((row) => [id, null].includes(textOf(row, wire.dialect.trade.orderId)));
    if (odd) return { kind: 'unreadable', reason: untrustedText(`unreadable_answer: ${odd.why}`) };
    const before = found.size;
    for (const trade of read.filter(({ orderId }) => orderId === id)) found.set(trade.id, trade);
    if (found.size === before) break;
    seen += read.length + unread.length;
    traded = [...found.values()].reduce((sum, { quantity }) => sum + quantity, 0);
  }
  return { kind: 'read', value: [...found.values()] };
}
