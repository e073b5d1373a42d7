// Lemonn as a venue of the port: orders, lookups and cancellations.

import { INR } from '../../../domain/currency.ts';
import { istDate } from '../../../domain/market/india-time.ts';
import { xnse } from '../../../domain/market/market.ts';
import { tradingDay } from '../../../domain/market/session.ts';
import { formatMinor } from '../../../domain/money.ts';
import {
  type CancelOutcome,
  defaultRate,
  type LookupOutcome,
  type OrderToSend,
  type SubmitOutcome,
  type Venue,
  type VenueCapabilities,
} from '../../../ports/venue.ts';
import { inTime } from '../http.ts';
import { lemonnAccount } from './account.ts';
import { callLemonn, errorText, type LemonnClientOptions, type LemonnReply } from './client.ts';
import { type ReadBook, sharedBook, tradesOf, withTrades } from './order-book.ts';
import { asVenueOrders, type OrderToFind, orderInBook, orderTaken, reportOf } from './shapes.ts';

export interface LemonnVenueOptions extends LemonnClientOptions {
  /** Orders given outside trading hours are for the next open; otherwise they are sent as any other, and refused. */
  afterMarketOrders: boolean;
}

/**
 * Lemonn (lemonn.co.in): NSE and BSE, delivery and MTF. It has no public reference; what is not confirmed is in
 * `lemonnDialect` or is decided here for the side that can't cost money twice:
 * - Whether it refuses a second order with a tag, and whether an order that is not in the book was never placed: no.
 * - Whether the book shows tags: they are searched for; a book that shows none can't miss an order, it is unreadable. An
 *   order Lemonn has numbered is found by its number all the same.
 * - The longest tag: at least the 20 characters of ours. A book that shows ours cut off is unreadable.
 * - Whether an order turned away with 429 was not placed: unknown, unless the dialect says it is confirmed.
 * - Its error codes are constants of other people's code. Five of them are refusals, only below HTTP 500 and only where
 *   the text doesn't speak of time running out or of the order book; every other error leaves the order unknown.
 * - Its rate limits: those of any Indian broker, with lookups counted in, and for prices the slowest of theirs.
 * - Market orders: none are sent, so none are offered. Postbacks: none are known, so fills are polled.
 * - `order_log` is not read: its shape is not known, and the book with the trades says all that is needed.
 * - The login is nobody's business here (session.ts): a new token might end the one another process holds.
 */
export function lemonnVenue(options: LemonnVenueOptions): Venue {
  const readBook = sharedBook(options);
  return {
    name: 'lemonn',
    capabilities: capabilitiesOf(options),
    async submit(order) {
      const jsonFor = (clientId: string) => orderBody(order, clientId, isForNextOpen(options));
      const mayLeave = inTime(options.clock, order);
      return outcomeOf(
        await callLemonn(options, order, { method: 'POST', path: '/orders', jsonFor, mayLeave }),
        options,
      );
    },
    lookup: (order: OrderToFind) => lookUp(options, readBook, order),
    accountApi: {
      ...lemonnAccount(options),
      async ordersToday(account) {
        const book = await readBook(account);
        if (book.kind !== 'read') return book;
        const { read, unread } = book.value;
        const traded = await withTrades(options, account, read);
        if (traded.kind !== 'read') return traded;
        return { kind: 'read', value: asVenueOrders(traded.value, unread, options.dialect) };
      },
      cancel: (order) => cancel(options, readBook, order),
    },
  };
}

function capabilitiesOf({ afterMarketOrders }: LemonnVenueOptions): VenueCapabilities {
  return {
    refusesDuplicates: false,
    missIsProof: false,
    rates: { account: defaultRate, venue: null },
    ratesCountLookups: true,
    quotes: { everyMs: 1_000, atOnce: 100 },
    dealing: {
      lookup: 'book_scan',
      afterMarketOrders,
      marketOrders: 'no',
      products: ['delivery', 'mtf'],
      staticIp: true,
      tagLength: 20,
    },
  };
}

function orderBody(order: OrderToSend, clientId: string, afterMarketOrder: boolean) {
  return {
    clientId,
    transactionType: order.side,
    exchangeSegment: order.exchange,
    productType: order.product === 'mtf' ? 'MTF' : 'DELIVERY',
    orderType: 'LIMIT',
    validity: 'DAY',
    symbol: order.symbol,
    quantity: String(order.quantity),
    price: formatMinor(order.limitPriceMinor, INR),
    tag: order.clientOrderId,
    afterMarketOrder,
  };
}

/** Asked for, and the exchange is closed. A day the calendar doesn't know is no day to be clever on. */
function isForNextOpen({ afterMarketOrders, clock }: LemonnVenueOptions): boolean {
  if (!afterMarketOrders) return false;
  const nowMs = clock.nowMs();
  const day = tradingDay(xnse, istDate(nowMs));
  if (day.kind !== 'open') return day.kind === 'closed';
  return nowMs < day.openMs || nowMs >= Math.max(day.closeMs, day.fnoCloseMs);
}

/** What other people's code lists as refusals of an order. */
const rejections = new Set([
  'INSUFFICIENT_FUNDS',
  'INVALID_SYMBOL',
  'QUANTITY_EXCEEDS_LIMIT',
  'MARKET_CLOSED',
  'VALIDATION_FAILED',
]);

/** Only a refusal in so many words is one, and only a number for the order says that it was taken. */
function outcomeOf(lemonn: LemonnReply, { dialect }: LemonnClientOptions): SubmitOutcome {
  switch (lemonn.kind) {
    case 'data': {
      const answer = orderTaken.safeParse(lemonn.data);
      if (!answer.success) return { kind: 'unknown', reason: 'unreadable_answer' };
      const venueOrderId = answer.data.orderId;
      return { kind: 'acknowledged', report: { venueOrderId, status: 'working', fills: [], message: null } };
    }
    case 'not_sent':
      return lemonn;
    case 'no_session':
      return { kind: 'not_sent', reason: 'no_session' };
    case 'rate_limited':
      return { kind: dialect.rateLimitIsRefusal ? 'not_sent' : 'unknown', reason: 'rate_limited' };
    case 'odd':
      return { kind: 'unknown', reason: lemonn.reason };
    case 'error':
      return isRejection(lemonn)
        ? { kind: 'rejected', message: errorText(lemonn) }
        : { kind: 'unknown', reason: errorText(lemonn) };
  }
}

function isRejection({ status, code, doubtful }: Extract<LemonnReply, { kind: 'error' }>): boolean {
  if (status >= 500 || code === null || !rejections.has(code)) return false;
  return !doubtful;
}

async function lookUp(options: LemonnClientOptions, readBook: ReadBook, order: OrderToFind): Promise<LookupOutcome> {
  const book = await readBook(order);
  if (book.kind === 'no_session') return { kind: 'unreadable', reason: 'no_session' };
  if (book.kind === 'unreadable') return book;
  const inBook = orderInBook(book.value, order, options.dialect);
  if (inBook.kind !== 'found') return inBook;
  const trades = await tradesOf(options, order, inBook.order);
  if (trades.kind !== 'read') return { kind: 'unreadable', reason: trades.reason };
  const report = reportOf({ order: inBook.order, trades: trades.value }, options.dialect);
  return report.kind === 'read'
    ? { kind: 'found', report: report.value }
    : { kind: 'unreadable', reason: report.reason };
}

async function cancel(
  options: LemonnClientOptions,
  readBook: ReadBook,
  order: OrderToSend & { venueOrderId: string | null },
): Promise<CancelOutcome> {
  const orderId = order.venueOrderId ?? (await idInBook(options, readBook, order));
  if (orderId === null) return { kind: 'unknown', reason: 'not_found_at_venue' };
  const lemonn = await callLemonn(options, order, { method: 'POST', path: '/orders/cancel', json: { orderId } });
  switch (lemonn.kind) {
    case 'data':
      return { kind: 'canceled' };
    case 'odd':
      return { kind: 'unknown', reason: lemonn.reason };
    case 'rate_limited':
      return { kind: 'unknown', reason: 'rate_limited' };
    case 'not_sent':
      return { kind: 'refused', reason: lemonn.reason };
    case 'no_session':
      return { kind: 'refused', reason: 'no_session' };
    case 'error': {
      if (lemonn.status >= 500 || lemonn.code !== 'ORDER_NOT_CANCELLABLE') {
        return { kind: 'unknown', reason: errorText(lemonn) };
      }
      const lookup = await lookUp(options, readBook, { ...order, venueOrderId: orderId });
      const over =
        lookup.kind === 'found' && lookup.report.status !== 'working' && lookup.report.status !== 'partially_filled';
      return over ? { kind: 'too_late' } : { kind: 'refused', reason: errorText(lemonn) };
    }
  }
}

async function idInBook(options: LemonnClientOptions, readBook: ReadBook, order: OrderToSend): Promise<string | null> {
  const lookup = await lookUp(options, readBook, order);
  return lookup.kind === 'found' ? lookup.report.venueOrderId : null;
}
