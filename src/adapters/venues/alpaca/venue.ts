// Alpaca as a venue of the port: orders, lookups and cancellations.
import { marketOfExchange } from '../../../domain/market/session.ts';
import type { CancelOutcome, OrderToSend, SubmitOutcome, Venue, VenueCapabilities } from '../../../ports/venue.ts';
import { inTime } from '../http.ts';
import type { StreamWayOut } from '../module.ts';
import { alpacaAccount, notTradedHere, QUOTES_BATCH_SIZE } from './account.ts';
import { type AlpacaClientOptions, type AlpacaReply, alpacaStreamUrl, callAlpaca, errorText } from './client.ts';
import { lookUp, ordersToday } from './order-book.ts';
import { namedRefusal } from './refusals.ts';
import { isOrder, order as orderShape } from './shapes.ts';
import { decimalText, scalesOf, subPennyFault } from './units.ts';

export interface AlpacaVenueOptions extends AlpacaClientOptions {
  /**
   * The exchanges of our instruments that are traded here; anything else is refused. Alpaca's market is one, all US
   * exchanges, so whatever is read of an account is reported under the first name.
   */
  exchanges?: readonly [string, ...string[]];
  /** Where prices come from: `iex` needs no subscription, `sip` (all exchanges) does. */
  feed?: 'iex' | 'sip';
  /** The account's way out for its stream of updates; left out: there is no stream. */
  agentFor?: StreamWayOut;
}

/**
 * What Alpaca is (docs.alpaca.markets). All calls of an account share 200 a minute, and one use of the budget may be two
 * of them (an order and its fills, a refusal and its lookup): 90 leaves room for the account's reads. No limit by day is named.
 * Prices are 200 a minute, too (without a subscription): one a second stays well below.
 */
const capabilities: VenueCapabilities = {
  refusesDuplicates: true,
  // The vendor's SDK says so: a lookup that misses does not prove that the first request was not accepted.
  missIsProof: false,
  rates: { account: { perSecond: 5, perMinute: 90, perDay: 90 * 60 * 24 }, venue: null },
  ratesCountLookups: true,
  quotes: { everyMs: 1_000, atOnce: QUOTES_BATCH_SIZE },
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
    capabilities: { ...capabilities, markets: [...new Set(exchanges.map((one) => marketOfExchange(one).mic))] },
    async submit(order) {
      if (!exchanges.includes(order.exchange))
        return { kind: 'rejected', message: notTradedHere(order.exchange, exchanges) };
      if (order.product !== 'delivery') {
        return { kind: 'rejected', message: 'mtf is not offered here: leverage is a setting of the account' };
      }
      const oddPrice = subPennyFault(order.limitPriceMinor, scalesOf(order).priceScale);
      if (oddPrice !== null) return { kind: 'rejected', message: oddPrice };
      const mayLeave = inTime(options.clock, order);
      const request = { method: 'POST', path: '/v2/orders', json: orderJson(order), mayLeave } as const;
      const alpaca = await callAlpaca(options, order, request);
      return alpaca.kind === 'error' ? rejectionOf(options, order, alpaca) : outcomeOf(order, alpaca);
    },
    lookup: (order) => lookUp(options, order),
    accountApi: {
      ...alpacaAccount(options, exchanges, options.feed ?? 'iex'),
      ordersToday: (account, scales) => ordersToday(options, account, exchange, scales),
      cancel: (order) => cancel(options, order),
    },
    ...(agentFor && {
      listen(account, handlers) {
        const updates = { ...handlers, account, credentials, clock, agentFor, streamUrl: alpacaStreamUrl(baseUrl) };
        // Loaded only where somebody listens: it costs every command some time to start.
        const stream = import('./order-updates.ts').then(({ alpacaUpdates }) => alpacaUpdates(updates));
        return { close: async () => (await stream).close() };
      },
    }),
  };
}

/** Always an order of the day: a part of a share is taken with no other time in force. */
function orderJson(order: OrderToSend): Record<string, string> {
  const { quantityScale, priceScale } = scalesOf(order);
  return {
    symbol: order.symbol,
    qty: decimalText(order.quantity, quantityScale),
    side: order.side.toLowerCase(),
    type: 'limit',
    time_in_force: 'day',
    limit_price: decimalText(order.limitPriceMinor, 2 + priceScale, 2),
    client_order_id: order.clientOrderId,
  };
}

function outcomeOf(order: OrderToSend, alpaca: Exclude<AlpacaReply, { kind: 'error' }>): SubmitOutcome {
  switch (alpaca.kind) {
    case 'data': {
      const answer = orderShape.safeParse(alpaca.data);
      if (!answer.success || !isOrder(answer.data, order)) return { kind: 'unknown', reason: 'unreadable_answer' };
      const venueOrderId = answer.data.id;
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
async function rejectionOf(
  options: AlpacaClientOptions,
  order: OrderToSend,
  error: Extract<AlpacaReply, { kind: 'error' }>,
): Promise<SubmitOutcome> {
  if (error.status !== 403 && error.status !== 422) return { kind: 'unknown', reason: errorText(error) };
  const lookup = await lookUp(options, order);
  if (lookup.kind === 'found') return { kind: 'acknowledged', report: lookup.report };
  if (lookup.kind === 'missing' && !error.duplicate) {
    return { kind: 'rejected', message: error.message || errorText(error), ...namedRefusal(error) };
  }
  return { kind: 'unknown', reason: errorText(error) };
}

async function cancel(
  options: AlpacaClientOptions,
  order: OrderToSend & { venueOrderId: string | null },
): Promise<CancelOutcome> {
  const venueOrderId = order.venueOrderId ?? (await idInBook(options, order));
  if (venueOrderId === null) return { kind: 'unknown', reason: 'not_found_at_venue' };
  const path = `/v2/orders/${encodeURIComponent(venueOrderId)}`;
  const alpaca = await callAlpaca(options, order, { method: 'DELETE', path });
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
      return notCanceled(options, order, alpaca);
  }
}

/** 404: no such order; 422: not cancelable, mostly because it has ended. The book says which. */
async function notCanceled(
  options: AlpacaClientOptions,
  order: OrderToSend,
  error: Extract<AlpacaReply, { kind: 'error' }>,
): Promise<CancelOutcome> {
  if (error.status !== 404 && error.status !== 422) return { kind: 'unknown', reason: errorText(error) };
  const lookup = await lookUp(options, order);
  const over =
    lookup.kind === 'found' && lookup.report.status !== 'working' && lookup.report.status !== 'partially_filled';
  return over ? { kind: 'too_late' } : { kind: 'refused', reason: error.message || errorText(error) };
}

async function idInBook(options: AlpacaClientOptions, order: OrderToSend): Promise<string | null> {
  const lookup = await lookUp(options, order);
  return lookup.kind === 'found' ? lookup.report.venueOrderId : null;
}
