import { askedSignal, type OrderAsked, type TradingNow, tradingNow } from '../domain/asked.ts';
import { decide } from '../domain/decide.ts';
import type { Decision, PlannedSignal, RunFrame } from '../domain/decision.ts';
import { instrumentKey } from '../domain/rules.ts';
import { runIdOf } from '../domain/session.ts';
import type { Instrument, Quote } from '../domain/words.ts';
import type { DecisionToAccept } from '../ports/arguments.ts';
import type { Answer } from '../ports/store.ts';
import type { World } from '../ports/world.ts';
import { type Planned, toAccept } from './decide.ts';
import { quotesByKey } from './open.ts';
import type { RunRequest } from './request.ts';
import { withVenueMargins } from './venue-margins.ts';

/** A request for one order: who asks, under which idempotency key, for what. `bodyHash` tells other bodies apart. */
export interface OrderRequest {
  principal: string;
  key: string;
  bodyHash: string;
  order: OrderAsked;
}

/** What became of it. Nothing has been said to a venue yet: an accepted order is queued. */
export type Placed =
  | { kind: 'accepted'; orderId: number; clientOrderId: string; fresh: boolean }
  | ({ kind: 'refused' } & Pick<Decision, 'reason' | 'limit' | 'actual'>)
  | Extract<TradingNow, { kind: 'not_trading' }>
  | { kind: 'invalid'; field: string; message: string }
  | { kind: 'no_such_user' }
  | { kind: 'in_flight' }
  | { kind: 'other_body' };

export interface PlacedAll {
  /** In the order of the requests. */
  placed: Placed[];
  /** How long each step took, in milliseconds. */
  steps: { session: number; snapshot: number; accept: number };
}

type Settings = Pick<RunRequest, 'mode' | 'limits'>;
type Trading = Extract<TradingNow, { kind: 'trading' }>;

/**
 * Decides and accepts single orders, as many as came together, with the rules and the accept of a scan. A constant
 * number of database calls, whatever their number. No two of them may share principal and key.
 */
export async function placeOrders(world: World, settings: Settings, requests: OrderRequest[]): Promise<PlacedAll> {
  const startedMs = world.clock.nowMs();
  const overrides = await world.operatorDays();
  const exchange = requests[0]?.order.exchange ?? 'NSE';
  const trading = tradingNow(startedMs, exchange, overrides);
  const sessionMs = world.clock.nowMs();
  if (trading.kind === 'not_trading') {
    // A key that was used while the exchange traded is answered as it was then.
    const placed = await withEarlier(world, requests, () => trading);
    return { placed, steps: { session: sessionMs - startedMs, snapshot: 0, accept: world.clock.nowMs() - sessionMs } };
  }
  const cases = await lookAt(world, settings, trading, requests);
  const snapshotMs = world.clock.nowMs();
  const placed = await acceptAll(world, settings, trading, cases);
  const steps = { session: sessionMs - startedMs, snapshot: snapshotMs - sessionMs };
  return { placed, steps: { ...steps, accept: world.clock.nowMs() - snapshotMs } };
}

interface Case {
  request: OrderRequest;
  planned: PlannedSignal;
  frame: RunFrame;
  account: Answer<'read_order_inputs'>['accounts'][number] | undefined;
}

async function lookAt(world: World, { mode, limits }: Settings, trading: Trading, requests: OrderRequest[]) {
  const { store, clock, quotes } = world;
  const { date } = trading;
  const listings = requests.map(({ order: { exchange, symbol } }) => ({ exchange, symbol }));
  const known = await store.call('read_order_inputs', {
    runId: runIdOf(trading.sessionId, mode),
    mode,
    tradeDate: date,
    capped: limits.symbolCapMinor !== null,
    userIds: [...new Set(requests.map(({ order }) => order.userId))],
    listings,
  });
  const nowMs = clock.nowMs();
  const signalOf = (request: OrderRequest, quote: Quote | null) =>
    askedSignal(request, request.order, { date, quote, nowMs });
  const wanted = requests.map((request) => signalOf(request, null)).filter((one) => one.referencePriceMinor > 0);
  const held = [...known.accounts.flatMap(({ positions }) => positions), ...listings];
  const found = quotesByKey(await quotes.read({ tradeDate: date, nowMs, signals: wanted, held }));
  const instruments = new Map(known.instruments.map((one) => [instrumentKey(one), one]));
  return requests.map((request): Case => {
    const key = instrumentKey(request.order);
    const quote = found.get(key) ?? null;
    const planned = {
      signal: signalOf(request, quote),
      instrument: instruments.get(key) ?? null,
      quote,
      asked: request.order,
    };
    const frame = { mode, nowMs, cutOffMs: trading.closeMs, halted: known.halted, limits, signals: [planned] };
    return {
      request,
      planned,
      frame: { ...frame, quotes: found, rates: known.rates, capUsed: known.symbolExposure },
      account: known.accounts.find(({ settings }) => settings.id === request.order.userId),
    };
  });
}

/** What can't be an order at all, whatever the limits say. */
function fault({ request: { order }, planned: { instrument }, account }: Case): Placed | null {
  if (!account) return { kind: 'no_such_user' };
  return instrument && (notInLots(order, instrument) ?? notOnTick(order, instrument));
}

function notInLots({ quantity }: OrderAsked, { lotSize }: Instrument): Placed | null {
  if (quantity === null || quantity % lotSize === 0) return null;
  return { kind: 'invalid', field: 'quantity', message: `must be a multiple of the lot of ${lotSize}` };
}

function notOnTick({ limitPriceMinor }: OrderAsked, { tickMinor }: Instrument): Placed | null {
  if (limitPriceMinor === null || limitPriceMinor % tickMinor === 0) return null;
  return { kind: 'invalid', field: 'limitPrice', message: `must be a multiple of the tick of ${tickMinor} paise` };
}

async function decided(world: World, { frame, account }: Case & Pick<Planned, 'account'>): Promise<DecisionToAccept[]> {
  const decisions = decide(frame, account, new Map(Object.entries(frame.capUsed)));
  const plan = await withVenueMargins(world, frame, [{ account, decisions }]);
  return plan.flatMap((planned) => toAccept(frame, planned));
}

async function acceptAll(world: World, settings: Settings, trading: Trading, cases: Case[]): Promise<Placed[]> {
  const faults = new Map(cases.map((one) => [one.request, fault(one)]));
  const sound = cases.flatMap((one) => {
    return one.account && faults.get(one.request) === null ? [{ ...one, account: one.account }] : [];
  });
  const quotes = [...quotesByKey(sound.flatMap(({ planned }) => (planned.quote ? [planned.quote] : []))).values()];
  for (const venue of world.venues.values()) await venue.openMarket?.(trading.date, quotes);
  const answers = await world.store.call('place_orders', {
    runId: runIdOf(trading.sessionId, settings.mode),
    sessionId: trading.sessionId,
    tradeDate: trading.date,
    ...settings,
    takesOrdersUntilMs: trading.closeMs,
    nowMs: world.clock.nowMs(),
    quotes,
    decisions: (await Promise.all(sound.map((one) => decided(world, one)))).flat(),
    requests: sound.map(({ request, planned: { signal, instrument } }) => {
      const { principal, key, bodyHash } = request;
      const closeMs = instrument?.fno ? trading.fnoCloseMs : trading.closeMs;
      return { principal, key, bodyHash, signal, sendBeforeMs: Math.min(signal.validUntilMs ?? closeMs, closeMs) };
    }),
  });
  const placed = new Map(sound.map(({ request }, index) => [request, placedOf(answers[index])]));
  const others = cases.map(({ request }) => request).filter((request) => !placed.has(request));
  const told = await withEarlier(world, others, (request) => faults.get(request) ?? { kind: 'no_such_user' });
  for (const [index, request] of others.entries()) placed.set(request, told[index] ?? { kind: 'no_such_user' });
  return cases.map(({ request }) => placed.get(request) ?? { kind: 'no_such_user' });
}

/** What became of these keys before; for a key that was never used, what is to be said now. */
async function withEarlier(
  world: World,
  requests: OrderRequest[],
  otherwise: (request: OrderRequest) => Placed,
): Promise<Placed[]> {
  if (requests.length === 0) return [];
  const asked = requests.map(({ principal, key, bodyHash }) => ({ principal, key, bodyHash }));
  const earlier = await world.store.call('read_placed', { requests: asked });
  return requests.map((request, index) => {
    const found = earlier[index];
    return found ? placedOf(found) : otherwise(request);
  });
}

function placedOf(answer: Answer<'place_orders'>[number] | undefined): Placed {
  if (!answer) throw new Error('place_orders answered fewer requests than it was given');
  if (answer.kind !== 'decided') return answer;
  const { order, fresh, reason, limit, actual } = answer;
  return order ? { kind: 'accepted', ...order, fresh } : { kind: 'refused', reason, limit, actual };
}
