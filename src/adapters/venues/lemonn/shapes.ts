// What Lemonn says of orders and trades, as far as it is read, and what it means in our terms. Names of fields and
// states are the dialect's.
import { z } from 'zod';
import { parseInstant } from '../../../domain/market/india-time.ts';
import { untrustedText } from '../../../domain/text/secrets.ts';
import type {
  OddRow,
  OrderToSend,
  VenueFill,
  VenueOrder,
  VenueRead,
  VenueReport,
  VenueRows,
} from '../../../ports/venue.ts';
import { isExact, word } from '../bounds.ts';
import { paise, stampMs } from '../indian.ts';
import { oddRowOf, type Rows, rowsOf, textOf } from '../rows.ts';
import { id, type LemonnDialect, quantity, rowOf, rupees } from './dialect.ts';

const order = z.object({
  id,
  tag: z.string().nullish(),
  status: word.min(1),
  exchange: word,
  symbol: word,
  side: z.enum(['BUY', 'SELL']),
  quantity: quantity.pipe(z.int().min(1)),
  filledQuantity: quantity.pipe(z.int().min(0)),
  message: z.string().nullish(),
});
export type LemonnOrder = z.infer<typeof order>;

/** The account's orders of the day. A list that is not there is no empty one. */
export function ordersIn({ order: named }: LemonnDialect): z.ZodType<Rows<LemonnOrder>> {
  return z.object({ orders: rowsOf(rowOf(named, order)) }).transform(({ orders }) => orders);
}

const trade = z.object({
  id,
  orderId: id,
  quantity: quantity.pipe(z.int().min(1)),
  price: rupees.pipe(z.number().positive()),
  at: z.string(),
});
export type LemonnTrade = z.infer<typeof trade>;

export function tradesIn({ trade: named }: LemonnDialect): z.ZodType<Rows<LemonnTrade>> {
  return z.object({ trades: rowsOf(rowOf(named, trade)) }).transform(({ trades }) => trades);
}

/** An order with a number is at Lemonn; what became of it (`orderStatus`, PLACED or PENDING so far) is for the book to say. */
export const orderTaken = z.object({ orderId: id });

/** An instant as Lemonn may write it; without an offset it is Indian time. null for anything else. */
export function timeMs(text: string): number | null {
  return parseInstant(text) ?? stampMs(text.replace('T', ' '));
}

/** One order of the book with all of its trades. */
export interface Traded {
  order: LemonnOrder;
  trades: LemonnTrade[];
}

/**
 * What the book says of an order. Unreadable where the state is one nobody has explained, or the trades don't bear
 * out what the order says: they come page by page, and how long a page is nobody has said.
 */
export function reportOf({ order, trades }: Traded, { statuses }: LemonnDialect): VenueRead<VenueReport> {
  const state = Object.hasOwn(statuses, order.status) ? statuses[order.status] : undefined;
  if (state === undefined) return { kind: 'unreadable', reason: untrustedText(`unknown_order_state: ${order.status}`) };
  const fills = trades.flatMap((one) => fillOf(one) ?? []);
  if (fills.length < trades.length) return { kind: 'unreadable', reason: 'trade_without_time' };
  if (!fills.every(isExact)) return { kind: 'unreadable', reason: 'trade_at_no_price' };
  const traded = fills.reduce((sum, fill) => sum + fill.quantity, 0);
  if (traded > order.quantity) return { kind: 'unreadable', reason: 'trades_exceed_order' };
  const ended = state !== 'working';
  if (ended && traded !== order.filledQuantity) return { kind: 'unreadable', reason: 'trades_differ_from_order' };
  if (state === 'filled' && traded < order.quantity) return { kind: 'unreadable', reason: 'complete_but_not_filled' };
  const message = order.message ? untrustedText(order.message) : null;
  return { kind: 'read', value: { venueOrderId: order.id, status: statusOf(state, traded), fills, message } };
}

function statusOf(state: LemonnDialect['statuses'][string], traded: number): VenueReport['status'] {
  if (state === 'working' && traded > 0) return 'partially_filled';
  // Refused with something traded is not refused: what traded counts, the rest is off.
  return state === 'rejected' && traded > 0 ? 'canceled' : state;
}

/** A trade id may be the exchange's, and come again another day or with another order: with the order's it is unique. */
function fillOf({ id: tradeId, orderId, quantity: pieces, price, at }: LemonnTrade): VenueFill | null {
  const atMs = timeMs(at);
  if (atMs === null) return null;
  return { venueFillId: `${orderId}:${tradeId}`, quantity: pieces, priceMinor: paise(price, 'nearest'), atMs };
}

/** Our order as it may be known at Lemonn: by the number it answered with, if it did. */
export type OrderToFind = OrderToSend & { venueOrderId?: string | null };

/**
 * Our order in the book: the one with its number, or with our tag. Whether the book shows tags is not known: one that
 * shows none with all its orders can't say that ours is not there.
 */
export function orderInBook(
  { read: orders, unread }: Rows<LemonnOrder>,
  wanted: OrderToFind,
  { order: named }: LemonnDialect,
) {
  const { clientOrderId, venueOrderId, exchange, symbol, side } = wanted;
  const matches = orders.filter(({ id: number, tag }) => tag === clientOrderId || number === venueOrderId);
  const [one, ...more] = matches;
  // A row nobody can read is ours if it has our tag; where ours is not found, it may be one that shows no tag at all.
  const mayBeOurs = one ? [clientOrderId] : [clientOrderId, null];
  const odd = unread.find((row) => mayBeOurs.includes(textOf(row, named.tag)));
  if (odd) return { kind: 'unreadable', reason: `order_row_unreadable: ${odd.why}` } as const;
  if (!one) return notThere(orders, clientOrderId);
  if (more.length > 0) return { kind: 'unreadable', reason: 'several_orders_with_this_tag' } as const;
  const same = one.exchange === exchange && one.symbol === symbol && one.side === side;
  const tagged = !one.tag || one.tag === clientOrderId;
  if (!same || !tagged || one.quantity !== wanted.quantity) {
    return { kind: 'unreadable', reason: 'book_differs_from_order' } as const;
  }
  return { kind: 'found', order: one } as const;
}

function notThere(orders: LemonnOrder[], clientOrderId: string) {
  const tags = orders.flatMap(({ tag }) => tag || []);
  if (orders.length > 0 && tags.length === 0) return { kind: 'unreadable', reason: 'book_shows_no_tags' } as const;
  if (tags.some((tag) => tag !== clientOrderId && clientOrderId.startsWith(tag))) {
    return { kind: 'unreadable', reason: 'book_cuts_tags' } as const;
  }
  return { kind: 'missing' } as const;
}

/**
 * The whole day as orders of the port; the tag stands for our id, also where somebody else gave it. `unread`: the rows of
 * the list that are no orders to us.
 */
export function asVenueOrders(
  book: Traded[],
  unread: Rows<LemonnOrder>['unread'],
  dialect: LemonnDialect,
): VenueRows<VenueOrder> {
  const rows: VenueOrder[] = [];
  const { exchange: market, symbol: share, tag: tagName, id: number } = dialect.order;
  const names = { exchange: market, symbol: share, clientOrderId: tagName, venueOrderId: number };
  const odd: OddRow[] = unread.map((row) => oddRowOf(row, names));
  for (const one of book) {
    const report = reportOf(one, dialect);
    const { tag, exchange, symbol, side, quantity: ordered, id: venueOrderId } = one.order;
    const clientOrderId = tag || null;
    if (report.kind === 'read') {
      rows.push({ clientOrderId, exchange, symbol, side, quantity: ordered, report: report.value });
    } else {
      odd.push({ listing: { exchange, symbol }, clientOrderId, venueOrderId, why: report.reason, unreadable: true });
    }
  }
  return { rows, odd };
}
