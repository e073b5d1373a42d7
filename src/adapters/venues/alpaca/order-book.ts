// Finds orders of an account at Alpaca, with their fills page by page.
import { Temporal } from 'temporal-polyfill';
import { parseInstant } from '../../../domain/market/india-time.ts';
import type {
  AccountAtVenue,
  LookupOutcome,
  OrderToSend,
  ScalesOf,
  VenueOrder,
  VenueRead,
  VenueRows,
} from '../../../ports/venue.ts';
import type { Rows } from '../rows.ts';
import { type AlpacaClientOptions, callAlpaca, readAs } from './client.ts';
import { type AlpacaFill, asVenueOrders, fills, isOrder, order as orderShape, orders, reportOf } from './shapes.ts';

/** One order of ours in the account's book. */
export async function lookUp(options: AlpacaClientOptions, order: OrderToSend): Promise<LookupOutcome> {
  const path = `/v2/orders:by_client_order_id?client_order_id=${encodeURIComponent(order.clientOrderId)}`;
  const alpaca = await callAlpaca(options, order, { method: 'GET', path });
  // Its own 404 has a code (40410000); a wrong address is answered 404 as well, without one.
  if (alpaca.kind === 'error' && alpaca.status === 404 && alpaca.code !== null) return { kind: 'missing' };
  const read = readAs(alpaca, orderShape);
  if (read.kind === 'no_session') return { kind: 'unreadable', reason: 'no_session' };
  if (read.kind === 'unreadable') return read;
  const bookOrder = read.value;
  if (!isOrder(bookOrder, order)) return { kind: 'unreadable', reason: 'book_differs_from_order' };
  // What came in its place has another id, and only a person can say whose it is.
  if (bookOrder.status === 'replaced') return { kind: 'unreadable', reason: 'replaced_by_another_order' };
  const sinceMs = parseInstant(bookOrder.submitted_at);
  if (sinceMs === null) return { kind: 'unreadable', reason: 'order_without_time' };
  const listed = bookOrder.filled_qty === 0n ? nothing : await fillsSince(options, order, sinceMs);
  if (listed.kind !== 'read') return { kind: 'unreadable', reason: listed.reason };
  const report = reportOf(bookOrder, listed.value, order);
  return report.kind === 'read' ? { kind: 'found', report: report.value } : report;
}

const nothing: VenueRead<Rows<AlpacaFill>> = { kind: 'read', value: { read: [], unread: [] } };
const FILLS_PAGE_SIZE = 100;
const MAX_PAGES = 50;

/** The account's executions from an instant on, page by page; `after` leaves out its own second. */
async function fillsSince(
  options: AlpacaClientOptions,
  account: AccountAtVenue,
  sinceMs: number,
): Promise<VenueRead<Rows<AlpacaFill>>> {
  const all: Rows<AlpacaFill> = { read: [], unread: [] };
  const query = new URLSearchParams({
    after: instant(sinceMs - 1000),
    direction: 'asc',
    page_size: `${FILLS_PAGE_SIZE}`,
  });
  for (let page = 0; page < MAX_PAGES; page++) {
    const reply = await callAlpaca(options, account, { method: 'GET', path: `/v2/account/activities/FILL?${query}` });
    const read = readAs(reply, fills);
    if (read.kind !== 'read') return read;
    all.read.push(...read.value.read);
    all.unread.push(...read.value.unread);
    const pageLength = read.value.read.length + read.value.unread.length;
    if (pageLength < FILLS_PAGE_SIZE) return { kind: 'read', value: all };
    // The next page begins after the last row: one that can't be read may have been it.
    const last = read.value.unread.length > 0 ? undefined : read.value.read.at(-1);
    if (last === undefined) return { kind: 'unreadable', reason: 'fill_row_unreadable' };
    query.set('page_token', last.id);
  }
  return { kind: 'unreadable', reason: 'too_many_fills' };
}

/** `2025-08-28T13:29:59Z`: to the second, which is the form the documentation shows. */
function instant(ms: number): string {
  return Temporal.Instant.fromEpochMilliseconds(ms).toString({ smallestUnit: 'second' });
}

/** Alpaca's own limit for one answer. Who has as many orders in a day is nobody of ours: not read rather than in part. */
const MAX_ORDERS = 500;

/**
 * The account's orders since midnight in New York, where the day of its market begins, or in India, where our trade date
 * does: whichever was first. New York's midnight is in the middle of the Indian morning, between a scan and its evening.
 */
export async function ordersToday(
  options: AlpacaClientOptions,
  account: AccountAtVenue,
  exchange: string,
  scalesOf: ScalesOf = () => ({}),
): Promise<VenueRead<VenueRows<VenueOrder>>> {
  const now = Temporal.Instant.fromEpochMilliseconds(options.clock.nowMs());
  const midnights = ['America/New_York', 'Asia/Kolkata'].map((zone) => now.toZonedDateTimeISO(zone).startOfDay());
  const midnightMs = Math.min(...midnights.map(({ epochMilliseconds }) => epochMilliseconds));
  const query = new URLSearchParams({ status: 'all', after: instant(midnightMs - 1000), limit: `${MAX_ORDERS}` });
  const read = readAs(await callAlpaca(options, account, { method: 'GET', path: `/v2/orders?${query}` }), orders);
  if (read.kind !== 'read') return read;
  const { read: rows, unread } = read.value;
  if (rows.length + unread.length >= MAX_ORDERS) return { kind: 'unreadable', reason: 'too_many_orders' };
  const someTraded = rows.some(({ filled_qty }) => filled_qty !== 0n);
  const listed = someTraded ? await fillsSince(options, account, midnightMs) : nothing;
  if (listed.kind !== 'read') return listed;
  return { kind: 'read', value: asVenueOrders(exchange, read.value, listed.value, scalesOf) };
}
