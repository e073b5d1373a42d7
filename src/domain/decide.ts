import { productAt, rateFor } from './charges.ts';
import type { AccountState, Decision, PlannedSignal, RunFrame } from './decision.ts';
import type { CapUse, Case, Finding, SizedCase, Standing } from './rules.ts';
import { denyRules, firstReason, sizedDenyRules, skipRules, soldFrom } from './rules.ts';
import { assumedInstrument, budgetFor, holdFor, limitPriceFor, marginFor, quantityFor, valueAt } from './sizing.ts';
import type { Instrument, Signal } from './words.ts';

/**
 * One Decision for every signal of the run, best rank first, for one user. Scarce money goes to the best rank: each
 * accepted order takes its hold, its instrument and its place among the open positions from what the next one finds.
 * `capUsed` is the caller's and is added to; apart from that nothing outside is changed.
 * @throws Error when a charge rate is missing, RangeError when an amount is beyond exact integers: both are bugs.
 */
export function decide(frame: RunFrame, account: AccountState, capUsed: CapUse): Decision[] {
  const standing = standingOf(account);
  return [...frame.signals]
    .sort((a, b) => byRank(a.signal, b.signal))
    .map((planned) => {
      const decision = decideOne(caseOf(frame, account, planned, standing, capUsed));
      standing.decided.add(planned.signal.id);
      if (decision.outcome === 'accepted') book(decision, planned, standing, capUsed);
      return decision;
    });
}

/** `decide` for a page of users in their queue order: the symbol cap goes to who comes first. */
export function decidePage(frame: RunFrame, accounts: readonly AccountState[], capUsed: CapUse): Decision[] {
  return accounts.flatMap((account) => decide(frame, account, capUsed));
}

/** Best rank first; equal ranks by id, so that the order is the same everywhere. */
export function byRank(a: Signal, b: Signal): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

function standingOf(account: AccountState): Standing {
  const held = Map.groupBy(
    account.positions.filter(({ quantity }) => quantity !== 0),
    ({ share }) => share,
  );
  const buys = account.working.filter(({ side }) => side === 'BUY').map(({ share }) => share);
  return {
    availableMinor: account.availableMinor,
    held,
    working: new Set(account.working.map(({ share }) => share)),
    open: new Set([...held.keys(), ...buys]),
    decided: new Set(account.decidedSignalIds),
    ordersToday: account.ordersToday,
  };
}

function caseOf(
  frame: RunFrame,
  account: AccountState,
  planned: PlannedSignal,
  standing: Standing,
  capUsed: CapUse,
): Case {
  const { exchange, symbol } = planned.signal;
  const priceMinor = planned.quote?.priceMinor ?? 0;
  const instrument = planned.instrument ?? assumedInstrument(exchange, symbol, priceMinor);
  return { frame, account, planned, standing, capUsed, priceMinor, instrument };
}

function decideOne(c: Case): Decision {
  const skip = firstReason(skipRules, c);
  if (skip) return refused(c, 'skipped', skip);
  const deny = firstReason(denyRules, c);
  if (deny) return refused(c, 'denied', deny);
  const sized = size(c);
  const tooMuch = firstReason(sizedDenyRules, sized);
  return tooMuch ? refused(c, 'denied', tooMuch) : accepted(sized);
}

function size(c: Case): SizedCase {
  const { account, frame, instrument, planned, priceMinor } = c;
  const { side } = planned.signal;
  const { leverageCenti } = account.settings;
  const budgetMinor = budgetFor(account.settings);
  const from = side === 'SELL' ? soldFrom(c) : null;
  const product = from?.product ?? productAt(leverageCenti);
  const sized = (): number =>
    side === 'BUY'
      ? quantityFor(budgetMinor, priceMinor, leverageCenti, instrument.lotSize)
      : wholeLots(Math.min(from?.quantity ?? 0, instrument.freezeQuantity ?? Number.MAX_SAFE_INTEGER), instrument);
  const quantity = planned.asked?.quantity ?? sized();
  const exposureMinor = valueAt(quantity, priceMinor);
  const marginMinor = side === 'BUY' ? marginFor(exposureMinor, leverageCenti) : 0;
  const { protectionBps } = frame.limits;
  const protectedMinor = limitPriceFor(side, priceMinor, protectionBps, instrument.tickMinor, planned.quote);
  const limitPriceMinor = planned.asked?.limitPriceMinor ?? protectedMinor;
  const rate = rateFor(frame.rates, side, product);
  const { chargesMinor, holdMinor: wantedMinor } = holdFor(side, quantity, limitPriceMinor, leverageCenti, rate);
  // A sale pays its charges out of what it brings: money that is not there keeps nobody in.
  const holdMinor = side === 'BUY' ? wantedMinor : Math.min(wantedMinor, Math.max(0, c.standing.availableMinor));
  return { ...c, product, budgetMinor, quantity, exposureMinor, marginMinor, limitPriceMinor, chargesMinor, holdMinor };
}

/** What a venue takes of a quantity; the rest of a lot stays held. */
function wholeLots(quantity: number, { lotSize }: Instrument): number {
  return quantity - (quantity % lotSize);
}

function accepted(c: SizedCase): Decision {
  return {
    signalId: c.planned.signal.id,
    userId: c.account.settings.id,
    outcome: 'accepted',
    reason: null,
    limit: null,
    actual: null,
    quantity: c.quantity,
    priceMinor: c.priceMinor,
    limitPriceMinor: c.limitPriceMinor,
    marginMinor: c.marginMinor,
    chargesMinor: c.chargesMinor,
    holdMinor: c.holdMinor,
    product: c.product,
  };
}

function refused(
  c: Case,
  outcome: 'skipped' | 'denied',
  { reason, limit, actual }: Finding & { reason: Decision['reason'] },
): Decision {
  return {
    signalId: c.planned.signal.id,
    userId: c.account.settings.id,
    outcome,
    reason,
    limit,
    actual,
    quantity: 0,
    priceMinor: c.priceMinor > 0 ? c.priceMinor : null,
    limitPriceMinor: null,
    marginMinor: 0,
    chargesMinor: 0,
    holdMinor: 0,
    product: null,
  };
}

function book(decision: Decision, { signal, share }: PlannedSignal, standing: Standing, capUsed: CapUse): void {
  standing.availableMinor -= decision.holdMinor;
  standing.working.add(share);
  if (signal.side === 'SELL') return;
  standing.open.add(share);
  standing.ordersToday += 1;
  const exposureMinor = valueAt(decision.quantity, decision.priceMinor ?? 0);
  capUsed.set(share, (capUsed.get(share) ?? 0) + exposureMinor);
}
