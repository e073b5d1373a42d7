// Kite as a venue of the port: orders, lookups and cancellations.
import { INR } from '../../../domain/currency.ts';
import { formatMinor } from '../../../domain/money.ts';
import {
  type AccountAtVenue,
  type CancelOutcome,
  defaultRate,
  type LookupOutcome,
  type OrderToSend,
  type SubmitOutcome,
  type Venue,
  type VenueCapabilities,
  type VenueRead,
} from '../../../ports/venue.ts';
import { inTime } from '../http.ts';
import { singleFlight } from '../single-flight.ts';
import { kiteAccount, QUOTES_BATCH_SIZE } from './account.ts';
import { callKite, errorText, type KiteClientOptions, type KiteReply, readAs } from './client.ts';
import {
  asVenueOrders,
  type KiteBook,
  orderInBook,
  orders,
  orderTaken,
  productOf,
  reportOf,
  trades,
} from './shapes.ts';

export interface KiteVenueOptions extends KiteClientOptions {
  /** The exchange's id of the registered algorithm; null: none is sent. */
  algoId: string | null;
}

/**
 * What Kite is (kite.trade/docs/connect/v3, staff posts of 2026). Orders of one client share 10 a second, 400 a minute
 * and 5000 a day, changes and cancels included. Quotes are 1 a second, everything else is 10 a second for each api_key,
 * which this budget can't express: it is answered 429, and the lookup comes again after its pause.
 */
const capabilities: VenueCapabilities = {
  refusesDuplicates: false,
  // An order was seen in the book 90 s after it was taken.
  missIsProof: false,
  rates: { account: defaultRate, venue: null },
  ratesCountLookups: false,
  quotes: { everyMs: 1_000, atOnce: QUOTES_BATCH_SIZE },
  dealing: {
    lookup: 'book_scan',
    // Kite has them, as a variety of its own that nobody asks for here.
    afterMarketOrders: false,
    marketOrders: 'protected',
    products: ['delivery', 'mtf'],
    staticIp: true,
    tagLength: 20,
  },
};

/**
 * Zerodha Kite Connect v3. Orders are regular day orders with a limit, one for each of ours: `autoslice` is never asked
 * for, since its children may be taken in part and all carry one tag. The order's `tag` is our clientOrderId.
 */
export function kiteVenue(options: KiteVenueOptions): Venue {
  const bookOf = singleFlight((account) => readBook(options, account));
  return {
    name: 'kite',
    capabilities,
    async submit(order) {
      const form = orderForm(order, options.algoId);
      const mayLeave = inTime(options.clock, order);
      return outcomeOf(await callKite(options, order, { method: 'POST', path: '/orders/regular', form, mayLeave }));
    },
    async lookup(order) {
      return findInBook(await bookOf(order), order);
    },
    accountApi: {
      ...kiteAccount(options),
      async ordersToday(account) {
        const book = await bookOf(account);
        return book.kind === 'read' ? { kind: 'read', value: asVenueOrders(book.value) } : book;
      },
      cancel: (order) => cancel(options, bookOf, order),
    },
  };
}

function orderForm(order: OrderToSend, algoId: string | null): Record<string, string> {
  return {
    exchange: order.exchange,
    tradingsymbol: order.symbol,
    transaction_type: order.side,
    order_type: 'LIMIT',
    quantity: String(order.quantity),
    product: productOf(order),
    validity: 'DAY',
    price: formatMinor(order.limitPriceMinor, INR),
    tag: order.clientOrderId,
    ...(algoId === null ? {} : { algo_id: algoId }),
  };
}

/** Refusals that say no order was placed, whatever the text. */
const rejections = new Set(['InputException', 'MarginException', 'HoldingException']);

/**
 * Zerodha's staff: only a 400 is an answer, anything else needs the order book. And of the 400s, an OrderException
 * «Order request timed out. Please check the order book» was seen with both orders placed (forum comment 35732).
 */
function outcomeOf(kite: KiteReply): SubmitOutcome {
  switch (kite.kind) {
    case 'data': {
      const answer = orderTaken.safeParse(kite.data);
      if (!answer.success) return { kind: 'unknown', reason: 'unreadable_answer' };
      const venueOrderId = answer.data.order_id;
      return { kind: 'acknowledged', report: { venueOrderId, status: 'working', fills: [], message: null } };
    }
    case 'not_sent':
      return kite;
    case 'no_session':
      return { kind: 'not_sent', reason: 'no_session' };
    case 'rate_limited':
      return { kind: 'not_sent', reason: 'rate_limited' };
    case 'odd':
      return { kind: 'unknown', reason: kite.reason };
    case 'error':
      return isRejection(kite)
        ? { kind: 'rejected', message: kite.message || kite.type }
        : { kind: 'unknown', reason: errorText(kite) };
  }
}

function isRejection({ status, type, doubtful }: Extract<KiteReply, { kind: 'error' }>): boolean {
  if (status !== 400) return false;
  if (rejections.has(type)) return true;
  return type === 'OrderException' && !doubtful;
}

type ReadBook = (account: AccountAtVenue) => Promise<VenueRead<KiteBook>>;

/** The account's day: orders, and their trades where there are any. */
async function readBook(options: KiteClientOptions, account: AccountAtVenue): Promise<VenueRead<KiteBook>> {
  const all = readAs(await callKite(options, account, { method: 'GET', path: '/orders' }), orders);
  if (all.kind !== 'read') return all;
  // Trades after orders, so that what the orders say has traded is in the trades.
  const nothingTraded = all.value.read.every(({ filled_quantity }) => filled_quantity === 0);
  if (nothingTraded && all.value.unread.length === 0) {
    return { kind: 'read', value: { orders: all.value, trades: { read: [], unread: [] } } };
  }
  const traded = readAs(await callKite(options, account, { method: 'GET', path: '/trades' }), trades);
  return traded.kind === 'read' ? { kind: 'read', value: { orders: all.value, trades: traded.value } } : traded;
}

function findInBook(book: VenueRead<KiteBook>, order: OrderToSend): LookupOutcome {
  if (book.kind === 'no_session') return { kind: 'unreadable', reason: 'no_session' };
  if (book.kind === 'unreadable') return book;
  const inBook = orderInBook(book.value, order);
  if (inBook.kind !== 'found') return inBook;
  const report = reportOf(book.value, inBook.order);
  return report.kind === 'read' ? { kind: 'found', report: report.value } : report;
}

async function cancel(
  options: KiteClientOptions,
  bookOf: ReadBook,
  order: OrderToSend & { venueOrderId: string | null },
): Promise<CancelOutcome> {
  const venueOrderId = order.venueOrderId ?? (await idInBook(bookOf, order));
  if (venueOrderId === null) return { kind: 'unknown', reason: 'not_found_at_venue' };
  const path = `/orders/regular/${encodeURIComponent(venueOrderId)}`;
  const kite = await callKite(options, order, { method: 'DELETE', path });
  if (kite.kind !== 'error') return cancelOutcomeOf(kite);
  if (kite.status !== 400) return { kind: 'unknown', reason: errorText(kite) };
  const lookup = findInBook(await bookOf(order), order);
  const over =
    lookup.kind === 'found' && lookup.report.status !== 'working' && lookup.report.status !== 'partially_filled';
  return over ? { kind: 'too_late' } : { kind: 'refused', reason: kite.message || kite.type };
}

function cancelOutcomeOf(kite: Exclude<KiteReply, { kind: 'error' }>): CancelOutcome {
  switch (kite.kind) {
    case 'data':
      if (orderTaken.safeParse(kite.data).success) return { kind: 'canceled' };
      return { kind: 'unknown', reason: 'unreadable_answer' };
    case 'odd':
      return { kind: 'unknown', reason: kite.reason };
    case 'not_sent':
      return { kind: 'refused', reason: kite.reason };
    case 'no_session':
    case 'rate_limited':
      return { kind: 'refused', reason: kite.kind };
  }
}

async function idInBook(bookOf: ReadBook, order: OrderToSend): Promise<string | null> {
  const lookup = findInBook(await bookOf(order), order);
  return lookup.kind === 'found' ? lookup.report.venueOrderId : null;
}
