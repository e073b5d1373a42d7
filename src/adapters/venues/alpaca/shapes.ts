// What Alpaca says, as far as it is read, and what it means in our terms. Shapes: docs.alpaca.markets and the types of the
// vendor's own SDK (@alpacahq/alpaca-trade-api 4.0.2).
import { z } from 'zod';
import { parseInstant } from '../../../domain/market/india-time.ts';
import type {
  OddRow,
  OrderToSend,
  Scales,
  ScalesOf,
  VenueFill,
  VenueOrder,
  VenueReport,
  VenueRows,
} from '../../../ports/venue.ts';
import { venueId, word } from '../bounds.ts';
import { oddRowOf, type Rows, rowsOf, textOf } from '../rows.ts';
import { inUnits, one, paidFor, piecesIn, scalesOf } from './units.ts';

/** What is paid for an execution is exact in cents. */
const MAX_PAID = (BigInt(Number.MAX_SAFE_INTEGER) * one) / 200n;

/** A decimal of at most twelve digits before the point, exactly: in units of 10^-18. Quantities and money come as text; market data as JSON numbers. */
export const decimal = z.union([z.string(), z.number().transform(String)]).transform((text, ctx): bigint => {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,18}))?$/.exec(text);
  if (match) {
    const [, sign, whole = '', decimals = ''] = match;
    const units = BigInt(whole) * one + BigInt(decimals.padEnd(18, '0'));
    return sign === '-' ? -units : units;
  }
  ctx.addIssue({ code: 'custom', message: 'not a decimal' });
  return z.NEVER;
});

/** A quantity in units of 10^-`scale` of a piece; null for a part of one, and for an order that names none but an amount of dollars. */
export function pieces(quantity: bigint | null | undefined, scale = 0): number | null {
  return quantity === null || quantity === undefined ? null : piecesIn(quantity, scale);
}

/** Dollars in cents, or in prices' parts of them. */
export function cents(dollars: bigint, rounded: 'down' | 'up' | 'nearest', priceScale = 0): number {
  const units = inUnits(dollars, 2 + priceScale, rounded);
  if (units === null) throw new RangeError(`${dollars} is beyond exact cents`);
  return units;
}

export const order = z.object({
  id: venueId,
  client_order_id: z.string().max(128),
  symbol: word.min(1),
  asset_class: word.nullish(),
  side: z.enum(['buy', 'sell']),
  /** null: the order is for an amount of dollars. */
  qty: decimal.nullish(),
  filled_qty: decimal,
  status: z.string(),
  submitted_at: z.string(),
});
export type AlpacaOrder = z.infer<typeof order>;
export const orders = rowsOf(order);

const fill = z.object({
  id: venueId,
  order_id: word,
  qty: decimal,
  price: decimal,
  transaction_time: z.string(),
});
export const fills = rowsOf(fill);
export type AlpacaFill = z.infer<typeof fill>;

/** `replaced` is the end of this order as well: the one in its place has an id of its own. */
const ended: ReadonlyMap<string, VenueReport['status']> = new Map([
  ['filled', 'filled'],
  ['canceled', 'canceled'],
  ['replaced', 'canceled'],
  ['expired', 'expired'],
  ['rejected', 'rejected'],
]);

const unreadable = (reason: string) => ({ kind: 'unreadable', reason }) as const;
export type Reported = { kind: 'read'; value: VenueReport } | { kind: 'unreadable'; reason: string };

/**
 * What the book says of one of its orders, with the executions of the account's activities. Those have ids that stay,
 * so each counts once; the order's own `filled_qty` and average price have none, and only check them. Unreadable while
 * the executions (they may be listed a moment later) don't bear out what an ended order says.
 */
export function reportOf(bookOrder: AlpacaOrder, listed: Rows<AlpacaFill>, scales: Scales): Reported {
  const { id, status, qty, filled_qty } = bookOrder;
  const { quantityScale } = scalesOf(scales);
  const ordered = pieces(qty, quantityScale);
  const filled = pieces(filled_qty, quantityScale);
  if (ordered === null || filled === null) return unreadable('fractional_order');
  // An execution nobody can read may be this order's, unless it says that it is another's.
  if (listed.unread.some((row) => [id, null].includes(textOf(row, 'order_id')))) return unreadable('fill_unreadable');
  const own = listed.read
    .filter(({ order_id }) => order_id === id)
    .map((fill) => fillsOf(fill, bookOrder.side, scales));
  const read = own.flatMap((executions) => executions ?? []);
  if (own.includes(null)) return unreadable('fill_unreadable');
  const traded = read.reduce((sum, { quantity }) => sum + quantity, 0);
  if (traded > ordered) return unreadable('fills_exceed_order');
  const report = { venueOrderId: id, fills: read, message: null };
  const end = ended.get(status);
  if (end === undefined) {
    return { kind: 'read', value: { ...report, status: traded > 0 ? 'partially_filled' : 'working' } };
  }
  if (traded !== filled) return unreadable('fills_differ_from_order');
  if (end === 'filled' && traded < ordered) return unreadable('filled_but_not_whole');
  // Refused with something traded is not refused: what traded counts, the rest is off.
  return { kind: 'read', value: { ...report, status: end === 'rejected' && traded > 0 ? 'canceled' : end } };
}

/** An execution in the units of its order; null: it can't be read, or is none. */
function fillsOf(fill: AlpacaFill, side: AlpacaOrder['side'], scales: Scales): VenueFill[] | null {
  const { quantityScale, priceScale } = scalesOf(scales);
  const quantity = pieces(fill.qty, quantityScale);
  const atMs = parseInstant(fill.transaction_time);
  if (quantity === null || quantity <= 0 || atMs === null) return null;
  if (quantityScale === 0 && priceScale === 0) return wholeFills(fill, quantity, atMs);
  const priceMinor = inUnits(fill.price, 2 + priceScale, 'nearest');
  const valueMinor = paidFor(fill.qty, fill.price, side === 'buy' ? 'up' : 'down');
  if (priceMinor === null || priceMinor <= 0 || valueMinor === null) return null;
  const isExact = inUnits(fill.price, 2 + priceScale, 'down') === inUnits(fill.price, 2 + priceScale, 'up');
  return [{ venueFillId: fill.id, quantity, priceMinor, ...(!isExact && { valueMinor }), atMs }];
}

/**
 * An execution may be at a part of a cent (12.3456), and a price here is whole cents. So that quantity × price is what
 * was paid, to half a cent, such an execution becomes two: some pieces at the cent below, some at the cent above.
 */
function wholeFills({ id, price }: AlpacaFill, quantity: number, atMs: number): VenueFill[] | null {
  const paid = price * BigInt(quantity);
  if (paid > MAX_PAID) return null;
  const paidMinor = cents(paid, 'nearest');
  const priceMinor = Math.floor(paidMinor / quantity);
  if (priceMinor <= 0) return null;
  const dearer = paidMinor % quantity;
  const below = { venueFillId: id, quantity: quantity - dearer, priceMinor, atMs };
  if (dearer === 0) return [below];
  return [below, { venueFillId: `${id}:up`, quantity: dearer, priceMinor: priceMinor + 1, atMs }];
}

/** Whether an order of the book is the one asked about: the id is ours alone, so another content is somebody's doing. */
export function isOrder(bookOrder: AlpacaOrder, order: OrderToSend): boolean {
  const { clientOrderId, symbol, side, quantity } = order;
  const same = bookOrder.client_order_id === clientOrderId && bookOrder.symbol === symbol;
  return same && bookOrder.side === side.toLowerCase() && pieces(bookOrder.qty, order.quantityScale) === quantity;
}

const rowNames = {
  ...{ exchange: 'exchange', symbol: 'symbol' },
  ...{ clientOrderId: 'client_order_id', venueOrderId: 'id' },
} as const;

/**
 * Orders of the book as orders of the port. What is no US share is named by its kind, as an exchange of its own, and is
 * none of ours; nor can be what is for a part of the listing's unit or an amount of dollars, since we never place it.
 */
export function asVenueOrders(
  exchange: string,
  all: Rows<AlpacaOrder>,
  listed: Rows<AlpacaFill>,
  scalesOf: ScalesOf,
): VenueRows<VenueOrder> {
  const rows: VenueOrder[] = [];
  const odd: OddRow[] = all.unread.map((one) => oddRowOf(one, rowNames));
  for (const each of all.read) {
    const { client_order_id: clientOrderId, symbol, side, id: venueOrderId } = each;
    const listing = { exchange: exchangeOf(exchange, each.asset_class), symbol };
    if (listing.exchange !== exchange) {
      odd.push({ listing, clientOrderId, venueOrderId, why: `asset_class: ${listing.exchange}`, unreadable: false });
      continue;
    }
    const scales = scalesOf(listing);
    const quantity = pieces(each.qty, scales.quantityScale);
    const report = reportOf(each, listed, scales);
    if (quantity === null || report.kind === 'unreadable') {
      const why = report.kind === 'unreadable' ? report.reason : 'fractional_order';
      odd.push({ listing, clientOrderId, venueOrderId, why, unreadable: true });
    } else {
      rows.push({ ...listing, clientOrderId, side: side === 'buy' ? 'BUY' : 'SELL', quantity, report: report.value });
    }
  }
  return { rows, odd };
}

/** Alpaca lists shares of all exchanges as one market; other kinds of assets are not ours. */
export function exchangeOf(exchange: string, assetClass: string | null | undefined): string {
  return assetClass === 'us_equity' || !assetClass ? exchange : assetClass;
}
