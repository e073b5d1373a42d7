// What Kite says, as far as it is read, and what it means in our terms. Shapes: kite.trade/docs/connect/v3 and the
// vendor's own samples (zerodha/kiteconnect-mocks).
import { z } from 'zod';
import { untrustedText } from '../../../domain/text/secrets.ts';
import type { OddRow, OrderToSend, VenueFill, VenueOrder, VenueReport, VenueRows } from '../../../ports/venue.ts';
import { count, isExact, venueId, word } from '../bounds.ts';
import { paise, stampMs } from '../indian.ts';
import { oddRowOf, type Rows, rowsOf, textOf } from '../rows.ts';

/** Rupees as JSON carries them: a binary fraction, with its noise (99725.05000000002). */
export const rupees = z.number().min(-1e11).max(1e11);
const stamp = z.string().nullish();

const order = z.object({
  order_id: venueId,
  status: word,
  status_message: z.string().nullish(),
  exchange: word,
  tradingsymbol: word,
  transaction_type: z.enum(['BUY', 'SELL']),
  quantity: count,
  filled_quantity: count,
  tag: z.string().nullish(),
  tags: z.array(z.string()).nullish(),
});
export const orders = rowsOf(order);
export type KiteOrder = z.infer<typeof order>;

const trade = z.object({
  trade_id: z.union([venueId, z.int().transform(String)]),
  order_id: venueId,
  quantity: count.min(1),
  average_price: rupees.positive(),
  fill_timestamp: stamp,
  exchange_timestamp: stamp,
});
export const trades = rowsOf(trade);
export type KiteTrade = z.infer<typeof trade>;

/** One read of an account's day. `trades` is empty where nothing of it has traded. */
export interface KiteBook {
  orders: Rows<KiteOrder>;
  trades: Rows<KiteTrade>;
}

/** Kite's name of a product. */
export function productOf({ product }: Pick<OrderToSend, 'product'>): 'CNC' | 'MTF' {
  return product === 'mtf' ? 'MTF' : 'CNC';
}

/** Taken by the order management: no answer yet from the exchange. Children come with `autoslice`, which nobody asked for. */
export const orderTaken = z.object({ order_id: venueId, children: z.undefined().optional() });

const ended: ReadonlyMap<string, 'filled' | 'rejected' | 'canceled'> = new Map([
  ['COMPLETE', 'filled'],
  ['REJECTED', 'rejected'],
  ['CANCELLED', 'canceled'],
]);

type Reported = { kind: 'read'; value: VenueReport } | { kind: 'unreadable'; reason: string };

/** What the book says of one of its orders. Unreadable while the trades don't bear out what an ended order says. */
export function reportOf(book: KiteBook, { order_id, status, ...rest }: KiteOrder): Reported {
  const own = book.trades.read.filter((one) => one.order_id === order_id);
  // A trade nobody can read may be this order's, unless it says that it is another's.
  if (book.trades.unread.some((one) => [order_id, null].includes(textOf(one, 'order_id')))) {
    return { kind: 'unreadable', reason: 'trade_row_unreadable' };
  }
  const fills = own.flatMap((one) => fillOf(one) ?? []);
  if (fills.length < own.length) return { kind: 'unreadable', reason: 'trade_without_time' };
  if (!fills.every(isExact)) return { kind: 'unreadable', reason: 'trade_at_no_price' };
  const traded = fills.reduce((sum, fill) => sum + fill.quantity, 0);
  const message = rest.status_message ? untrustedText(rest.status_message) : null;
  const report = { venueOrderId: order_id, fills, message };
  const end = ended.get(status);
  if (traded > rest.quantity) return { kind: 'unreadable', reason: 'trades_exceed_order' };
  if (end === undefined) {
    return { kind: 'read', value: { ...report, status: traded > 0 ? 'partially_filled' : 'working' } };
  }
  if (traded !== rest.filled_quantity) return { kind: 'unreadable', reason: 'trades_differ_from_order' };
  if (end === 'filled' && traded < rest.quantity) return { kind: 'unreadable', reason: 'complete_but_not_filled' };
  // Refused with something traded is not refused: what traded counts, the rest is off.
  return { kind: 'read', value: { ...report, status: end === 'rejected' && traded > 0 ? 'canceled' : end } };
}

/**
 * A trade id is the exchange's and comes again another day; with the order's, which carries its date, it is unique. One
 * trade has one price on the tick, so it has no parts of a paisa to lose; if one ever had, the nearest is as near as can be.
 */
function fillOf({ trade_id, order_id, quantity, average_price, ...at }: KiteTrade): VenueFill | null {
  const atMs = stampMs(at.fill_timestamp) ?? stampMs(at.exchange_timestamp);
  if (atMs === null) return null;
  return { venueFillId: `${order_id}:${trade_id}`, quantity, priceMinor: paise(average_price, 'nearest'), atMs };
}

/**
 * The order in the book that carries our tag. A tag is neither unique nor checked by Kite: two of them, or one of another
 * kind, is somebody else's doing, and needs a person.
 */
export function orderInBook(book: KiteBook, { clientOrderId, exchange, symbol, side, quantity }: OrderToSend) {
  const tagged = book.orders.read.filter(({ tag, tags }) => tag === clientOrderId || tags?.includes(clientOrderId));
  const [one, ...more] = tagged;
  // A row nobody can read is ours if it has our tag; where ours is not found, it may be one that shows no tag at all.
  const mayBeOurs = one ? [clientOrderId] : [clientOrderId, null];
  const odd = book.orders.unread.find((row) => mayBeOurs.includes(textOf(row, 'tag')));
  if (odd) return { kind: 'unreadable', reason: `order_row_unreadable: ${odd.why}` } as const;
  if (!one) return { kind: 'missing' } as const;
  if (more.length > 0) return { kind: 'unreadable', reason: 'several_orders_with_this_tag' } as const;
  const same = one.exchange === exchange && one.tradingsymbol === symbol && one.transaction_type === side;
  if (!same || one.quantity !== quantity) return { kind: 'unreadable', reason: 'book_differs_from_order' } as const;
  return { kind: 'found', order: one } as const;
}

const rowNames = {
  ...{ exchange: 'exchange', symbol: 'tradingsymbol' },
  ...{ clientOrderId: 'tag', venueOrderId: 'order_id' },
} as const;

/** The whole day as orders of the port; the tag stands for our id, also where somebody else gave it. */
export function asVenueOrders(book: KiteBook): VenueRows<VenueOrder> {
  const rows: VenueOrder[] = [];
  const odd: OddRow[] = book.orders.unread.map((one) => oddRowOf(one, rowNames));
  for (const one of book.orders.read) {
    const report = reportOf(book, one);
    const { exchange, tradingsymbol: symbol, transaction_type: side, quantity: ordered } = one;
    const clientOrderId = one.tag ?? one.tags?.[0] ?? null;
    if (report.kind === 'unreadable') {
      const listing = { exchange, symbol };
      odd.push({ listing, clientOrderId, venueOrderId: one.order_id, why: report.reason, unreadable: true });
    } else rows.push({ clientOrderId, exchange, symbol, side, quantity: ordered, report: report.value });
  }
  return { rows, odd };
}
