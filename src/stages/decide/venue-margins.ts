// Asks venues for the margin of each buy, and holds what they would block.
import pLimit from 'p-limit';
import type { Currency } from '../../domain/currency.ts';
import { productAt } from '../../domain/decision/charges.ts';
import type { Decision } from '../../domain/decision/decision.ts';
import type { RunFrame } from '../../domain/decision/inputs.ts';
import { clientOrderIdOf } from '../../domain/ids.ts';
import { currencyOfExchange } from '../../domain/market/session.ts';
import { formatMinor, safe } from '../../domain/money.ts';
import type { Deps } from '../../ports/deps.ts';
import { inTime } from '../../ports/in-time.ts';
import type { OrderToSend, VenueMargin, VenueRead } from '../../ports/venue.ts';
import type { MarginApi, MarginDeps } from './deps.ts';
import type { Planned } from './planned.ts';

/** Accounts a venue is asked about at the same time; each is one question. */
const MAX_CONCURRENT_READS = 10;
/** From then on a question without an answer keeps no other one waiting. */
const SLOW_MS = 500;
/** An answer later than this is none. */
const TIMEOUT_MS = 3_000;
/** After so many late answers in a row a venue is asked nothing for a while: it would only cost everybody time. */
const MAX_LATE_ANSWERS = 20;
const REST_MS = 5_000;

/**
 * The plan with holds as large as the venue's own margin where that is more than ours; where the venue does not say, a
 * buy is `margin_unavailable`. Simulated venues have no margin of their own. What is refused here frees no place and no
 * money for a later signal of the user: it was decided on the plan as it was.
 */
export async function withVenueMargins(deps: MarginDeps, frame: RunFrame, page: Planned[]): Promise<Planned[]> {
  const ask = marginChecks(deps);
  return Promise.all(page.map((planned) => ask(frame, planned)));
}

/**
 * The same for one account's plan after the other. Venues are asked beside one another, so that nobody waits for the
 * margins of another venue; a plan nobody needs be asked about comes back at once, without a promise.
 */
export function marginChecks(deps: MarginDeps): (frame: RunFrame, planned: Planned) => Planned | Promise<Planned> {
  const turns = new Map<string, Turns>();
  return (frame, planned) => {
    const { venue } = planned.account.settings;
    const accountApi = frame.mode === 'paper' ? undefined : deps.venues.get(venue)?.accountApi;
    const orders = accountApi ? planned.decisions.flatMap((decision) => orderOf(frame, planned, decision) ?? []) : [];
    if (!accountApi || orders.length === 0) return planned;
    const turn = turns.get(venue) ?? { limit: pLimit(MAX_CONCURRENT_READS), late: 0, restsUntilMs: 0 };
    turns.set(venue, turn);
    return marginsInTurn(deps, turn, accountApi, planned, orders).then((margins) => {
      return asVenueHolds(frame, planned, orders, margins);
    });
  };
}

/** How a venue is asked: by how many at once, and whether it answers at all. */
interface Turns {
  limit: ReturnType<typeof pLimit>;
  /** Late answers since the last one that came. */
  late: number;
  restsUntilMs: number;
}

/** Asks when it is its turn. Who is slow to answer gives the turn to the next, and is waited for a little longer. */
async function marginsInTurn(
  deps: MarginDeps,
  turn: Turns,
  accountApi: MarginApi,
  planned: Planned,
  orders: OrderToSend[],
): Promise<Margins> {
  const started = await turn.limit(async () => {
    const answer = marginsOf(deps, turn, accountApi, planned, orders);
    await inTime(answer, SLOW_MS, null);
    return { answer };
  });
  return started.answer;
}

type Margins = readonly (VenueMargin | null)[];

function asVenueHolds(frame: RunFrame, planned: Planned, orders: OrderToSend[], margins: Margins): Planned {
  const { account, decisions } = planned;
  let availableMinor = account.availableMinor;
  const held = decisions.map((decision) => {
    if (decision.outcome !== 'accepted') return decision;
    const index = orders.findIndex(({ clientOrderId }) => clientOrderId === idOf(frame, planned, decision));
    const order = orders[index];
    const currency = order && currencyOfExchange(order.exchange);
    const now = currency ? withMargin(decision, margins[index] ?? null, availableMinor, currency) : decision;
    availableMinor -= now.holdMinor;
    return now;
  });
  return { account, decisions: held };
}

/** In the order of the questions; nothing where the venue gave no answer. */
async function marginsOf(
  { clock, emit }: Deps<'clock' | 'emit'>,
  turn: Turns,
  accountApi: MarginApi,
  { account }: Planned,
  orders: OrderToSend[],
): Promise<Margins> {
  const { id: userId, venue } = account.settings;
  const [first] = orders;
  const ask = async () => accountApi.margins({ accountId: first?.accountId ?? 0, userId }, orders);
  const answer = clock.nowMs() < turn.restsUntilMs ? late : await inTime(ask().catch(adapterError), TIMEOUT_MS, late);
  turn.late = answer === late ? turn.late + 1 : 0;
  if (answer === late && turn.late % MAX_LATE_ANSWERS === 0) turn.restsUntilMs = clock.nowMs() + REST_MS;
  if (answer.kind === 'read') return answer.value;
  emit({ type: 'venue_margins_unavailable', userId, venue, reason: answer.reason });
  return [];
}

const late: VenueRead<Margins> = { kind: 'unreadable', reason: 'no_answer_in_time' };

/** What an adapter that throws has told: nothing, of this account alone. */
function adapterError(error: unknown): VenueRead<Margins> {
  return { kind: 'unreadable', reason: `adapter_error: ${error instanceof Error ? error.name : 'thrown'}` };
}

/** The order a buy would be; null: it binds no margin. */
function orderOf(frame: RunFrame, planned: Planned, decision: Decision): OrderToSend | null {
  const { accountId, settings } = planned.account;
  const signal = frame.signals.find((one) => one.signal.id === decision.signalId)?.signal;
  const { outcome, limitPriceMinor, quantity } = decision;
  if (outcome !== 'accepted' || signal?.side !== 'BUY' || limitPriceMinor === null || accountId === null) return null;
  return {
    // It has no number yet.
    orderId: 0,
    clientOrderId: idOf(frame, planned, decision),
    userId: settings.id,
    accountId,
    exchange: signal.exchange,
    symbol: signal.symbol,
    side: 'BUY',
    quantity,
    limitPriceMinor,
    product: productAt(settings.leverageCenti),
  };
}

function idOf({ mode }: RunFrame, { account }: Planned, { signalId }: Decision): string {
  return clientOrderIdOf(mode, account.settings.venue, account.settings.id, signalId);
}

function withMargin(
  decision: Decision,
  margin: VenueMargin | null,
  availableMinor: number,
  currency: Currency,
): Decision {
  const { marginMinor = null, chargesMinor: venueChargesMinor = null } = margin ?? {};
  if (!isAmount(marginMinor) || !isAmount(venueChargesMinor ?? 0))
    return denied(decision, 'margin_unavailable', null, null);
  const chargesMinor = Math.max(decision.chargesMinor, venueChargesMinor ?? 0);
  const wanted = BigInt(marginMinor) + BigInt(chargesMinor);
  const holdMinor = wanted > decision.holdMinor ? wanted : BigInt(decision.holdMinor);
  if (holdMinor <= availableMinor) return { ...decision, holdMinor: safe(holdMinor) };
  return denied(
    decision,
    'insufficient_funds',
    formatMinor(availableMinor, currency),
    formatMinor(holdMinor, currency),
  );
}

/** No venue means more than can be told exactly: its answer is broken, and says nothing of this order. */
function isAmount(minor: number | null): minor is number {
  return Number.isSafeInteger(minor) && (minor ?? -1) >= 0;
}

function denied(decision: Decision, reason: Decision['reason'], limit: string | null, actual: string | null): Decision {
  const nothing = { quantity: 0, limitPriceMinor: null, marginMinor: 0, chargesMinor: 0, holdMinor: 0, product: null };
  return { ...decision, ...nothing, outcome: 'denied', reason, limit, actual };
}
