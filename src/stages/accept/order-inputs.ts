// Reads what there is to know of orders requested one by one: signal, instrument, price, account.
import type { Actor } from '../../domain/actions.ts';
import type { PlannedSignal, RunFrame, RunLimits } from '../../domain/decision/inputs.ts';
import { type OrderAsRequested, signalOfRequest, type TradingNow } from '../../domain/decision/single-order.ts';
import { actionsSincePreviousClose, withoutOldCloses } from '../../domain/market/corporate-actions.ts';
import type { Market } from '../../domain/market/market.ts';
import { marketOfId, runIdOf } from '../../domain/market/session.ts';
import { foldedSymbol, instrumentKey, type Listing } from '../../domain/market/share.ts';
import type { Instrument, Quote } from '../../domain/types.ts';
import type { QueuedAccount } from '../../ports/store/runs.ts';
import { quotesByKey } from '../scan/open.ts';
import type { RunRequest } from '../scan/request.ts';
import type { SingleOrderDeps } from './deps.ts';

/** A request for one order: who asks, under which idempotency key, for what. `bodyHash` tells other bodies apart. */
export interface OrderRequest {
  principal: string;
  key: string;
  bodyHash: string;
  /** The hint of the API key that asks, which the database checks once more; left out: it is not asked with one. */
  apiKey?: string | null;
  order: OrderAsRequested;
  /** The operator who asks in the user's name; null: the user. */
  by: Actor | null;
}

/** An order whose numbers no exchange would take. */
export interface InvalidOrder {
  kind: 'invalid';
  field: string;
  message: string;
}

/** `limitsOf`: the limits of each market, in its currency; left out: `limits` are everybody's. */
export type Settings = Pick<RunRequest, 'mode' | 'limits'> & { limitsOf?: (market: Market) => RunLimits };
export type Trading = Extract<TradingNow, { kind: 'trading' }>;

/** What there is to know of one request. */
export interface OrderInputs {
  request: OrderRequest;
  planned: PlannedSignal;
  frame: RunFrame;
  account: QueuedAccount | undefined;
}

/** The limits of a market's orders. */
export function limitsIn({ limits, limitsOf }: Settings, market: Market): RunLimits {
  return limitsOf ? limitsOf(market) : limits;
}

/** Reads it for requests that come together by one call of the database, in their order; prices by one more. */
export async function readOrderInputs(
  deps: SingleOrderDeps,
  settings: Settings,
  trading: Trading,
  requests: OrderRequest[],
): Promise<OrderInputs[]> {
  const { store, clock, quotes } = deps;
  const { mode } = settings;
  const { date } = trading;
  const market = marketOfId(trading.sessionId);
  const limits = limitsIn(settings, market);
  const listings = requests.map(({ order: { exchange, symbol } }) => ({ exchange, symbol }));
  const inputs = await store.call('read_order_inputs', {
    runId: runIdOf(trading.sessionId, mode),
    mode,
    tradeDate: date,
    capped: limits.symbolCapMinor !== null,
    userIds: [...new Set(requests.map(({ order }) => order.userId))],
    listings,
  });
  const nowMs = clock.nowMs();
  const signalOf = (request: OrderRequest, quote: Quote | null) =>
    signalOfRequest(request, request.order, { date, quote, nowMs });
  const wanted = requests.map((request) => signalOf(request, null)).filter((one) => one.referencePriceMinor > 0);
  const owned = inputs.accounts.flatMap(({ positions, today }) => [...positions, ...today.traded]);
  const held = [...owned, ...listings];
  const read = await quotes.read({ tradeDate: date, nowMs, signals: wanted, held, stored: inputs.storedPrices });
  // A price may be of a trade that was made while a venue was waited for: it is not ahead of us.
  const pricedMs = clock.nowMs();
  const instruments = new Map(inputs.instruments.map((one) => [instrumentKey(one), one]));
  const shares = new Map([...owned, ...inputs.shares].map((one) => [instrumentKey(one), one.share]));
  const shareOf = (listing: Listing) => shares.get(instrumentKey(listing)) ?? foldedSymbol(listing);
  const actions = actionsSincePreviousClose(market, inputs.corporateActions, date, await deps.operatorDays(market));
  const prices = quotesByKey(withoutOldCloses(read, actions, shareOf));
  return requests.map((request): OrderInputs => {
    const key = instrumentKey(request.order);
    const quote = prices.get(key) ?? null;
    const planned = {
      signal: signalOf(request, quote),
      share: shareOf(request.order),
      instrument: instruments.get(key) ?? null,
      quote,
      requested: request.order,
    };
    const { halted, instrumentsKnown } = inputs;
    const frame = { mode, nowMs: pricedMs, cutOffMs: trading.closeMs, halted, instrumentsKnown, limits };
    return {
      request,
      planned,
      frame: { ...frame, signals: [planned], quotes: prices, rates: inputs.rates, capUsed: inputs.symbolExposure },
      account: inputs.accounts.find(({ settings }) => settings.id === request.order.userId),
    };
  });
}

/** What can't be an order at all, whatever the limits say. */
export function faultOf({ request: { order }, planned: { instrument } }: OrderInputs): InvalidOrder | null {
  return instrument && (notInLots(order, instrument) ?? notOnTick(order, instrument));
}

function notInLots({ quantity }: OrderAsRequested, { lotSize }: Instrument): InvalidOrder | null {
  if (quantity === null || quantity % lotSize === 0) return null;
  return { kind: 'invalid', field: 'quantity', message: `must be a multiple of the lot of ${lotSize}` };
}

function notOnTick({ limitPriceMinor }: OrderAsRequested, { tickMinor }: Instrument): InvalidOrder | null {
  if (limitPriceMinor === null || limitPriceMinor % tickMinor === 0) return null;
  return { kind: 'invalid', field: 'limitPrice', message: `must be a multiple of the tick of ${tickMinor} paise` };
}
