// Decides and accepts orders requested one by one over HTTP, in batches.
import { batched } from '../../concurrency/batch.ts';
import type { Decision } from '../../domain/decision/decision.ts';
import { type TradingNow, tradingNow } from '../../domain/decision/single-order.ts';
import { marketOf } from '../../domain/market/market.ts';
import { marketOfId, runIdOf } from '../../domain/market/session.ts';
import { hasAnswered } from '../../ports/database.ts';
import type { OrderRefusal, PlacedOrder } from '../../ports/store/single-orders.ts';
import { type DecidedUser, singleDecider } from '../decide/decide.ts';
import { retriedWhileLocked } from '../execute/locked-orders.ts';
import { pricedBy, quotesByKey } from '../scan/open.ts';
import type { SingleOrderDeps } from './deps.ts';
import {
  faultOf,
  type InvalidOrder,
  limitsIn,
  type OrderInputs,
  type OrderRequest,
  readOrderInputs,
  type Settings,
  type Trading,
} from './order-inputs.ts';

/** What became of it. Nothing has been said to a venue yet: an accepted order is queued. */
export type Placed =
  | { kind: 'accepted'; orderId: number; clientOrderId: string; fresh: boolean }
  | ({ kind: 'refused' } & Pick<Decision, 'reason' | 'limit' | 'actual'>)
  | Extract<TradingNow, { kind: 'not_trading' }>
  | InvalidOrder
  | { kind: 'no_such_user' }
  | { kind: 'in_flight' | 'locked' }
  | { kind: 'other_body' }
  | OrderRefusal;

/** One request's fate, and how long each step took, in milliseconds. */
export interface PlacedInSteps {
  placed: Placed;
  steps: { session: number; snapshot: number; margins: number; accept: number };
}

/** Requests that come while others are being read, or accepted, go together: at most this many. */
const REQUEST_BATCH_SIZE = 200;

/**
 * Decides and accepts single orders as they come, with the rules and the accept of a scan: those that come together are
 * read by one database call and accepted by one. Where a venue is asked for its margin, only the order itself waits for
 * the answer; and a request that breaks a call fails alone. No two under way may share principal and key.
 */
export function orderIntake(
  deps: SingleOrderDeps,
  settings: Settings,
): (request: OrderRequest) => Promise<PlacedInSteps> {
  const prepare = batched(
    (requests: OrderRequest[]) => prepareAll(deps, settings, requests),
    REQUEST_BATCH_SIZE,
    hasAnswered,
  );
  const accept = batched((cases: DecidedCase[]) => acceptAll(deps, settings, cases), REQUEST_BATCH_SIZE, hasAnswered);
  const decide = singleDecider(deps);
  const { clock } = deps;
  return async (request) => {
    const { prepared, steps } = await prepare(request);
    if (prepared.kind === 'answered') return { placed: prepared.placed, steps: { ...steps, margins: 0, accept: 0 } };
    const preparedMs = clock.nowMs();
    const deciding = decide(prepared.frame, prepared.account);
    // Awaited only where there is something to wait for: orders that were read together are accepted together.
    const decided = deciding instanceof Promise ? await deciding : deciding;
    const marginsMs = clock.nowMs();
    const decidedCase = { ...prepared, decided };
    // Where another session holds its account, the others go on meanwhile.
    const placed = await retriedWhileLocked(
      clock,
      () => accept(decidedCase),
      ({ kind }) => kind === 'locked',
    );
    return { placed, steps: { ...steps, margins: marginsMs - preparedMs, accept: clock.nowMs() - marginsMs } };
  };
}

/** One that can be decided. */
interface SoundCase extends OrderInputs {
  kind: 'sound';
  account: NonNullable<OrderInputs['account']>;
  trading: Trading;
}

type DecidedCase = SoundCase & { decided: DecidedUser };

interface PreparedInSteps {
  prepared: SoundCase | { kind: 'answered'; placed: Placed };
  steps: { session: number; snapshot: number };
}

/**
 * What there is to know of each request, in their order; or, where it can't be an order, what is to be said. Each market
 * has its own hours and session.
 */
async function prepareAll(
  deps: SingleOrderDeps,
  settings: Settings,
  requests: OrderRequest[],
): Promise<PreparedInSteps[]> {
  const prepared = new Map<OrderRequest, PreparedInSteps>();
  for (const ofMarket of Map.groupBy(requests, ({ order }) => marketKey(order.exchange)).values()) {
    const answers = await prepareMarket(deps, settings, ofMarket);
    for (const [request, answer] of answers) prepared.set(request, answer);
  }
  return requests.map((request) => {
    const answer = prepared.get(request);
    if (!answer) throw new Error('prepareMarket answered fewer requests than it was given');
    return answer;
  });
}

function marketKey(exchange: string): string {
  const found = marketOf(exchange);
  return found.kind === 'market' ? found.market.mic : exchange;
}

/** The same for requests of one market. */
async function prepareMarket(
  deps: SingleOrderDeps,
  settings: Settings,
  requests: OrderRequest[],
): Promise<Map<OrderRequest, PreparedInSteps>> {
  const startedMs = deps.clock.nowMs();
  const { exchange } = requests[0]?.order ?? { exchange: 'NSE' };
  const found = marketOf(exchange);
  const overrides = found.kind === 'market' ? await deps.operatorDays(found.market) : [];
  const trading = tradingNow(startedMs, exchange, overrides);
  const sessionMs = deps.clock.nowMs();
  const cases = trading.kind === 'trading' ? await readOrderInputs(deps, settings, trading, requests) : [];
  const sound = new Map<OrderRequest, SoundCase>();
  const faults = new Map<OrderRequest, Placed>();
  for (const one of cases) {
    const { account, request } = one;
    const unfit = account ? faultOf(one) : noSuchUser;
    if (unfit) faults.set(request, unfit);
    else if (account && trading.kind === 'trading') sound.set(request, { kind: 'sound', ...one, account, trading });
  }
  // A key that was used before is answered as it was then, whatever is to be said now.
  const others = requests.filter((request) => !sound.has(request));
  const answers = await withEarlier(deps, others, (request) => {
    return trading.kind === 'trading' ? (faults.get(request) ?? noSuchUser) : trading;
  });
  const answerTo = new Map(others.map((request, index) => [request, answers[index]]));
  const steps = { session: sessionMs - startedMs, snapshot: deps.clock.nowMs() - sessionMs };
  return new Map(
    requests.map((request) => {
      const prepared = sound.get(request) ?? { kind: 'answered', placed: answerTo.get(request) ?? noSuchUser };
      return [request, { prepared, steps }];
    }),
  );
}

const noSuchUser: Placed = { kind: 'no_such_user' };

async function acceptAll(deps: SingleOrderDeps, settings: Settings, cases: DecidedCase[]): Promise<Placed[]> {
  const placed = new Map<DecidedCase, Placed>();
  for (const ofDay of Map.groupBy(cases, ({ trading }) => trading.sessionId).values()) {
    const answers = await acceptDay(deps, settings, ofDay);
    for (const [index, one] of ofDay.entries()) placed.set(one, placedOf(answers[index]));
  }
  return cases.map((one) => placed.get(one) ?? noSuchUser);
}

/** Those of one market's trading day: a request may have waited for its venue past midnight. */
async function acceptDay(deps: SingleOrderDeps, settings: Settings, cases: DecidedCase[]): Promise<PlacedOrder[]> {
  const [{ trading } = { trading: null }] = cases;
  if (!trading) return [];
  const quotes = [...quotesByKey(cases.flatMap(({ planned }) => (planned.quote ? [planned.quote] : []))).values()];
  for (const venue of deps.venues.values()) await venue.openMarket?.(trading.date, quotes);
  const args = {
    runId: runIdOf(trading.sessionId, settings.mode),
    sessionId: trading.sessionId,
    tradeDate: trading.date,
    mode: settings.mode,
    limits: pricedBy(limitsIn(settings, marketOfId(trading.sessionId)), quotes),
    takesOrdersUntilMs: trading.closeMs,
    nowMs: deps.clock.nowMs(),
    quotes,
    decisions: cases.flatMap(({ decided }) => decided.toAccept()),
    requests: cases.map(({ request, planned: { signal, instrument } }) => {
      const { principal, key, bodyHash, apiKey = null, by } = request;
      const closeMs = instrument?.fno ? trading.fnoCloseMs : trading.closeMs;
      return {
        principal,
        key,
        bodyHash,
        apiKey,
        by,
        signal,
        sendBeforeMs: Math.min(signal.validUntilMs ?? closeMs, closeMs),
      };
    }),
    skipLocked: true,
  };
  // A busy batch is halved by who flushes it.
  return deps.store.call('place_orders', args, { repeat: 'lost' });
}

/** What became of these keys before; for a key that was never used, what is to be said now. */
async function withEarlier(
  deps: SingleOrderDeps,
  requests: OrderRequest[],
  otherwise: (request: OrderRequest) => Placed,
): Promise<Placed[]> {
  if (requests.length === 0) return [];
  const keys = requests.map(({ principal, key, bodyHash }) => ({ principal, key, bodyHash }));
  const earlier = await deps.store.call('read_request_outcomes', { requests: keys });
  return requests.map((request, index) => {
    const answer = earlier[index];
    return answer ? placedOf(answer) : otherwise(request);
  });
}

function placedOf(answer: PlacedOrder | undefined): Placed {
  if (!answer) throw new Error('place_orders answered fewer requests than it was given');
  if (answer.kind !== 'decided') return answer;
  const { order, fresh, reason, limit, actual } = answer;
  return order ? { kind: 'accepted', ...order, fresh } : { kind: 'refused', reason, limit, actual };
}
