// Decides every signal for one user: accepted, skipped or denied, and how large. Pure.
import { LARGEST_MINOR, safe } from '../money.ts';
import type { Instrument, Signal } from '../types.ts';
import { placesOf, valueUp } from '../value.ts';
import { type CapUse, type Case, type Finding, firstReason, type SizedCase, type Standing } from './case.ts';
import { productAt, rateFor } from './charges.ts';
import type { Decision } from './decision.ts';
import type { AccountState, PlannedSignal, RunFrame } from './inputs.ts';
import { denyRules, sizedDenyRules, skipRules, soldFrom } from './rules.ts';
import {
  assumedInstrument,
  budgetFor,
  capPriceOf,
  exactHold,
  exactMargin,
  limitPriceFor,
  quantityFor,
  valueAt,
} from './sizing.ts';

/**
 * One Decision for every signal of the run, best rank first, for one user. Scarce money goes to the best rank: each
 * accepted order takes its hold, its instrument and its place among the open positions from what the next one finds.
 * `capUsed` is the caller's and is added to, once everything is decided; apart from that nothing outside is changed.
 * An order too large to compute with is denied as any other.
 * @throws Error when a charge rate is missing: nothing may be traded whose cost is not known
 */
export function decide(frame: RunFrame, account: AccountState, capUsed: CapUse): Decision[] {
  const standing = standingOf(account);
  const used: [share: string, useMinor: number][] = [];
  const decisions = [...frame.signals]
    .sort((a, b) => byRank(a.signal, b.signal))
    .map((planned) => {
      const decision = decideOne(caseOf(frame, account, planned, standing, capUsed));
      standing.decided.add(planned.signal.id);
      if (decision.outcome !== 'accepted') return decision;
      book(decision, planned, standing);
      if (planned.signal.side === 'BUY') {
        const priceMinor = capPriceOf(planned, decision.priceMinor ?? 0);
        const places = planned.instrument ? placesOf(planned.instrument) : 0;
        used.push([planned.share, valueAt(decision.quantity, priceMinor, places)]);
      }
      return decision;
    });
  // Not before: a share is bought once at most, so none of it is this user's own limit; and who fails uses up nothing.
  for (const [share, useMinor] of used) capUsed.set(share, (capUsed.get(share) ?? 0) + useMinor);
  return decisions;
}

/** What stands for a user whom `decide` fails at: nothing is traded, and every signal has its decision. */
export function notComputed(frame: RunFrame, account: AccountState): Decision[] {
  return frame.signals.map((planned) => {
    const finding = { reason: 'account_not_ready', limit: null, actual: 'its numbers could not be computed' } as const;
    return notAccepted({ account, planned, priceMinor: planned.quote?.priceMinor ?? 0 }, 'skipped', finding);
  });
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
  if (skip) return notAccepted(c, 'skipped', skip);
  const deny = firstReason(denyRules, c);
  if (deny) return notAccepted(c, 'denied', deny);
  const sized = size(c);
  const tooMuch = firstReason(sizedDenyRules, sized);
  return tooMuch ? notAccepted(c, 'denied', tooMuch) : accepted(sized);
}

function size(c: Case): SizedCase {
  const { account, frame, instrument, planned, priceMinor } = c;
  const { side } = planned.signal;
  const { leverageCenti } = account.settings;
  const budgetMinor = budgetFor(account.settings);
  const from = side === 'SELL' ? soldFrom(c) : null;
  const product = from?.product ?? productAt(leverageCenti);
  const { protectionBps } = frame.limits;
  const protectedMinor = limitPriceFor(side, priceMinor, protectionBps, instrument.tickMinor, planned.quote);
  const limitPriceMinor = planned.requested?.limitPriceMinor ?? protectedMinor;
  const sizedQuantity = (): bigint =>
    side === 'BUY'
      ? quantityFor(budgetMinor, priceMinor, leverageCenti, instrument)
      : saleFor(from?.quantity ?? 0, Math.max(priceMinor, limitPriceMinor), instrument);
  const quantity = BigInt(planned.requested?.quantity ?? sizedQuantity());
  const exposureMinor = valueUp(quantity, BigInt(priceMinor), placesOf(instrument));
  const worthMinor = valueUp(quantity, BigInt(limitPriceMinor), placesOf(instrument));
  const marginMinor = side === 'BUY' ? exactMargin(exposureMinor, leverageCenti) : 0n;
  const { charges, hold } = exactHold(side, worthMinor, leverageCenti, rateFor(frame.rates, side, product));
  // A sale pays its charges out of what it brings: money that is not there keeps nobody in.
  const maxHoldMinor = BigInt(Math.max(0, c.standing.availableMinor));
  const holdMinor = side === 'BUY' || hold < maxHoldMinor ? hold : maxHoldMinor;
  const amounts = { quantity, exposureMinor, worthMinor, marginMinor, chargesMinor: charges, holdMinor };
  return { ...c, product, budgetMinor, limitPriceMinor, ...amounts };
}

/**
 * What a venue takes of what is held, and what can be computed with: whole lots. The rest stays held. Half of the largest
 * amount, so that it may fill better than its limit, and the account has room for what it brings.
 */
function saleFor(held: number, priceMinor: number, instrument: Instrument): bigint {
  const { lotSize, freezeQuantity } = instrument;
  const exact = ((BigInt(LARGEST_MINOR) / 2n) * 10n ** BigInt(placesOf(instrument))) / BigInt(priceMinor);
  const wanted = BigInt(Math.min(held, freezeQuantity ?? held));
  const maxQuantity = wanted < exact ? wanted : exact;
  return maxQuantity - (maxQuantity % BigInt(lotSize));
}

function accepted(c: SizedCase): Decision {
  return {
    signalId: c.planned.signal.id,
    userId: c.account.settings.id,
    outcome: 'accepted',
    reason: null,
    limit: null,
    actual: null,
    quantity: safe(c.quantity),
    priceMinor: c.priceMinor,
    limitPriceMinor: c.limitPriceMinor,
    marginMinor: safe(c.marginMinor),
    chargesMinor: safe(c.chargesMinor),
    holdMinor: safe(c.holdMinor),
    product: c.product,
  };
}

function notAccepted(
  c: Pick<Case, 'account' | 'planned' | 'priceMinor'>,
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

function book(decision: Decision, { signal, share }: PlannedSignal, standing: Standing): void {
  standing.availableMinor -= decision.holdMinor;
  standing.working.add(share);
  if (signal.side === 'SELL') return;
  standing.open.add(share);
  standing.ordersToday += 1;
}
