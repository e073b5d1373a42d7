// Alpaca as a venue of the port: orders, lookups and cancellations.
import { formatMinor } from '../../../domain/money.ts';
import type { CancelOutcome, OrderToSend, SubmitOutcome, Venue, VenueCapabilities } from '../../../ports/venue.ts';
import { inTime } from '../http.ts';
import type { StreamWayOut } from '../module.ts';
import { alpacaAccount, notTradedHere, QUOTES_AT_ONCE } from './account.ts';
import { type AlpacaClientOptions, type AlpacaReply, alpacaStreamUrl, ask, wordsOf } from './client.ts';
import { lookUp, ordersToday } from './order-book.ts';
import { isOrder, order as orderShape } from './shapes.ts';

export interface AlpacaVenueOptions extends AlpacaClientOptions {
  /**
   * The exchanges of our instruments that are traded here; anything else is refused. Alpaca's market is one, all US
   * exchanges, so whatever is read of an account is told under the first name.
   */
  exchanges?: readonly [string, ...string[]];
  /** Where prices come from: `iex` needs no subscription, `sip` (all exchanges) does. */
  feed?: 'iex' | 'sip';
  /** The account's way out for its stream of updates; left out: there is no stream. */
  agentFor?: StreamWayOut;
}

/**
 * What Alpaca is (docs.alpaca.markets). All calls of an account share 200 a minute, and one use of the budget may be two
 * of them (an order and its fills, a refusal and its lookup): 90 leaves room for the desk. No limit by day is named.
 * Prices are 200 a minute, too (without a subscription): one a second stays well below.
 */
const capabilities: VenueCapabilities = {
  refusesDuplicates: true,
  // The vendor's SDK says so: a lookup that misses does not prove that the first request was not accepted.
  missIsProof: false,
  rates: { account: { perSecond: 5, perMinute: 90, perDay: 90 * 60 * 24 }, venue: null },
  ratesCountLookups: true,
  quotes: { everyMs: 1_000, atOnce: QUOTES_AT_ONCE },
  dealing: {
    lookup: 'by_id',
    // A day order given after the close waits for the next day there; nobody asks for that here.
    afterMarketOrders: false,
    marketOrders: 'yes',
    // Leverage is a setting of the whole account, not of an order.
    products: ['delivery'],
    staticIp: false,
    tagLength: 128,
  },
};

/**
 * Alpaca Trading API v2, paper or live. Orders are day orders with a limit; `client_order_id` is ours, and the venue
 * refuses a second one. A thin client over fetch, not the vendor's SDK: all venues here speak one way, an order goes out
 * once whatever happens, and every status is seen as it came.
 */
export function alpacaVenue(options: AlpacaVenueOptions): Venue {
  const exchanges = options.exchanges ?? ['US'];
  const [exchange] = exchanges;
  const { agentFor, baseUrl, credentials, clock } = options;
  return {
    name: 'alpaca',
    capabilities,
    async submit(order) {
      if (!exchanges.includes(order.exchange))
        return { kind: 'rejected', message: notTradedHere(order.exchange, exchanges) };
      if (order.product !== 'delivery') {
        return { kind: 'rejected', message: 'mtf is not offered here: leverage is a setting of the account' };
      }
      const mayLeave = inTime(options.clock, order);
      const asked = { method: 'POST', path: '/v2/orders', json: orderJson(order), mayLeave } as const;
      const alpaca = await ask(options, order, asked);
      return alpaca.kind === 'error' ? refusedOf(options, order, alpaca) : outcomeOf(order, alpaca);
    },
    lookup: (order) => lookUp(options, order),
    desk: {
      ...alpacaAccount(options, exchanges, options.feed ?? 'iex'),
      ordersToday: (account) => ordersToday(options, account, exchange),
      cancel: (order) => cancel(options, order),
    },
    ...(agentFor && {
      listen(account, ears) {
        const updates = { ...ears, account, credentials, clock, agentFor, streamUrl: alpacaStreamUrl(baseUrl) };
        // Loaded only where somebody listens: it costs every command some time to start.
        const stream = import('./order-updates.ts').then(({ alpacaUpdates }) => alpacaUpdates(updates));
        return { close: async () => (await stream).close() };
      },
    }),
  };
}

function orderJson(order: OrderToSend): Record<string, string> {
  return {
    symbol: order.symbol,
    qty: String(order.quantity),
    side: order.side.toLowerCase(),
    type: 'limit',
    time_in_force: 'day',
    limit_price: formatMinor(order.limitPriceMinor),
    client_order_id: order.clientOrderId,
  };
}

function outcomeOf(order: OrderToSend, alpaca: Exclude<AlpacaReply, { kind: 'error' }>): SubmitOutcome {
  switch (alpaca.kind) {
    case 'data': {
      const taken = orderShape.safeParse(alpaca.data);
      if (!taken.success || !isOrder(taken.data, order)) return { kind: 'unknown', reason: 'unreadable_answer' };
      const venueOrderId = taken.data.id;
      return { kind: 'acknowledged', report: { venueOrderId, status: 'working', fills: [], message: null } };
    }
    case 'not_sent':
      return alpaca;
    case 'no_session':
    case 'rate_limited':
      return { kind: 'not_sent', reason: alpaca.kind };
    case 'odd':
      return { kind: 'unknown', reason: alpaca.reason };
  }
}

/**
 * Documented refusals of an order are 403 (buying power, shares) and 422 (anything else about it, a second order with an
 * id included); another error says nothing. A refusal is of this request only: asked again, the order may be refused
 * because the first request took it (its id, its money). So the book is asked before a refusal is believed. What was
 * refused as a duplicate is there, even when the lookup does not find it yet.
 */
async function refusedOf(
  wire: AlpacaClientOptions,
  order: OrderToSend,
  error: Extract<AlpacaReply, { kind: 'error' }>,
): Promise<SubmitOutcome> {
  if (error.status !== 403 && error.status !== 422) return { kind: 'unknown', reason: wordsOf(error) };
  const now = await lookUp(wire, order);
  if (now.kind === 'found') return { kind: 'acknowledged', report: now.report };
  if (now.kind === 'missing' && !error.duplicate) return { kind: 'rejected', message: error.message || wordsOf(error) };
  return { kind: 'unknown', reason: wordsOf(error) };
}

async function cancel(
  wire: AlpacaClientOptions,
  order: OrderToSend & { venueOrderId: string | null },
): Promise<CancelOutcome> {
  const venueOrderId = order.venueOrderId ?? (await idInBook(wire, order));
  if (venueOrderId === null) return { kind: 'unknown', reason: 'not_found_at_venue' };
  const path = `/v2/orders/${encodeURIComponent(venueOrderId)}`;
  const alpaca = await ask(wire, order, { method: 'DELETE', path });
  switch (alpaca.kind) {
    case 'data':
      return alpaca.data === undefined ? { kind: 'canceled' } : { kind: 'unknown', reason: 'unreadable_answer' };
    case 'odd':
      return { kind: 'unknown', reason: alpaca.reason };
    case 'not_sent':
      return { kind: 'refused', reason: alpaca.reason };
    case 'no_session':
    case 'rate_limited':
      return { kind: 'refused', reason: alpaca.kind };
    case 'error':
      return notCanceled(wire, order, alpaca);
  }
}

/** 404: no such order; 422: not cancelable, mostly because it has ended. The book says which. */
async function notCanceled(
  wire: AlpacaClientOptions,
  order: OrderToSend,
  error: Extract<AlpacaReply, { kind: 'error' }>,
): Promise<CancelOutcome> {
  if (error.status !== 404 && error.status !== 422) return { kind: 'unknown', reason: wordsOf(error) };
  const now = await lookUp(wire, order);
  const over = now.kind === 'found' && now.report.status !== 'working' && now.report.status !== 'partially_filled';
  return over ? { kind: 'too_late' } : { kind: 'refused', reason: error.message || wordsOf(error) };
}

async function idInBook(wire: AlpacaClientOptions, order: OrderToSend): Promise<string | null> {
  const now = await lookUp(wire, order);
  return now.kind === 'found' ? now.report.venueOrderId : null;
}
