// Decides a run page by page along the queue, or one user alone. It writes nothing: that is accept's.
import type { CapUse } from '../../domain/decision/case.ts';
import { rateFor } from '../../domain/decision/charges.ts';
import { decide as decideUser, notComputed } from '../../domain/decision/decide.ts';
import type { Decision } from '../../domain/decision/decision.ts';
import type { AccountState, RunFrame } from '../../domain/decision/inputs.ts';
import { isBeyondExact } from '../../domain/decision/rules.ts';
import { clientOrderIdOf, planHashOf, planLine } from '../../domain/ids.ts';
import type { UserSettings } from '../../domain/types.ts';
import type { Emit } from '../../ports/events/events.ts';
import type { DecisionToAccept, QueuedAccount } from '../../ports/store/runs.ts';
import type { NotStarted, OpenRun, RunRequest, RunToDecide } from '../scan/request.ts';
import type { DecideDeps, MarginDeps } from './deps.ts';
import type { Planned } from './planned.ts';
import { queuedAccounts } from './queued-accounts.ts';
import { marginChecks, withVenueMargins } from './venue-margins.ts';

/** Users an alarm names; the others are counted. */
const MAX_NAMES = 10;

/**
 * One user's decisions for every signal of a run, after all rules and the venue's margin. Only its type is exported: what
 * is one has been decided here. Its private field keeps every other object, however alike, from being taken for one.
 */
class DecidedUser {
  readonly account: QueuedAccount;
  readonly decisions: readonly Readonly<Decision>[];
  readonly #frame: RunFrame;

  constructor(frame: RunFrame, { account, decisions }: Planned) {
    this.account = account;
    this.decisions = decisions;
    this.#frame = frame;
  }

  /** The decisions as the database takes them. */
  toAccept(): DecisionToAccept[] {
    const { mode, rates, signals } = this.#frame;
    const { settings, accountId, queuePosition } = this.account;
    return this.decisions.map((decision) => {
      const side = signals.find(({ signal }) => signal.id === decision.signalId)?.signal.side;
      const accepted = decision.outcome === 'accepted' && side !== undefined;
      return {
        ...decision,
        queuePosition,
        accountId,
        leverageCenti: settings.leverageCenti,
        rateId: accepted && decision.product ? rateFor(rates, side, decision.product).id : null,
        clientOrderId: accepted ? clientOrderIdFor({ mode }, settings, decision.signalId) : null,
      };
    });
  }
}

export type { DecidedUser };
export type DecidedPage = readonly DecidedUser[];

/** Pages of users in queue order, decided when they are asked for. Symbol caps are used up along the queue. */
export async function* decide(deps: DecideDeps, run: RunToDecide): AsyncGenerator<DecidedPage> {
  const capUsed: CapUse = new Map(Object.entries(run.frame.capUsed));
  for await (const page of queuedAccounts(deps, run)) yield await decidePage(deps, run.frame, page, capUsed);
}

/** The whole plan: of a run that is not open yet, or what is left of an open one. */
export async function planOnly(deps: DecideDeps, run: RunToDecide): Promise<DecidedUser[]> {
  const plan: DecidedUser[] = [];
  for await (const page of decide(deps, run)) plan.push(...page);
  return plan;
}

/** The hash of a plan, with what an open run has already written of it. */
export async function hashOf(deps: DecideDeps, run: RunToDecide, plan: readonly DecidedUser[]): Promise<string> {
  const written = await deps.store.call('read_plan_lines', { runId: run.runId });
  return planHashOf([...written, ...plan.flatMap(({ decisions }) => decisions.map(planLine))]);
}

/** What somebody approved must be what would happen now, else nothing happens. */
export async function changedPlan(deps: DecideDeps, request: RunRequest, run: OpenRun): Promise<NotStarted | null> {
  if (request.expectPlan === null) return null;
  const planHash = await hashOf(deps, run, await planOnly(deps, run));
  if (planHash === request.expectPlan) return null;
  const message = `The plan is now ${planHash}, not ${request.expectPlan}: nothing was placed. Look at it again with --dry-run.`;
  return { kind: 'refused', code: 'plan_changed', message };
}

/** A page with its margins; what it uses of a symbol's cap is added to `capUsed`. */
async function decidePage(
  deps: MarginDeps,
  frame: RunFrame,
  page: readonly QueuedAccount[],
  capUsed: CapUse,
): Promise<DecidedPage> {
  // Time passes between pages: the cut-off and the age of prices are looked at anew for each.
  const frameNow = { ...frame, nowMs: deps.clock.nowMs() };
  const plan = decidedPage(deps.emit, frameNow, page, capUsed);
  const held = await withVenueMargins(deps, frame, plan);
  return held.map((planned) => new DecidedUser(frame, planned));
}

/**
 * Decides one user after the other, each on a frame of their own. Who needn't be asked about at a venue is decided at
 * once, without a promise.
 */
export function singleDecider(
  deps: MarginDeps,
): (frame: RunFrame, account: QueuedAccount) => DecidedUser | Promise<DecidedUser> {
  const withMargins = marginChecks(deps);
  return (frame, account) => {
    const plan = { account, decisions: decideUser(frame, account, new Map(Object.entries(frame.capUsed))) };
    emitBeyondExact(deps.emit, [plan]);
    const held = withMargins(frame, plan);
    if (held instanceof Promise) return held.then((planned) => new DecidedUser(frame, planned));
    return new DecidedUser(frame, held);
  };
}

/** One id per account (user × venue × mode) and signal, whichever run or process makes it. */
export function clientOrderIdFor({ mode }: Pick<RunFrame, 'mode'>, settings: UserSettings, signalId: string): string {
  return clientOrderIdOf(mode, settings.venue, settings.id, signalId);
}

interface Decided<A> {
  account: A;
  decisions: Decision[];
}

/**
 * Decides a page of users in their queue order. One user's numbers are that user's: who can't be computed is skipped with
 * every signal, uses up nothing of a cap, and is named to the operators, and so is who is denied since an order of theirs
 * would be worth more than can be computed with.
 * @throws what is about nobody's numbers: the same happens to everybody of several, such as a charge rate that is missing
 */
export function decidedPage<A extends AccountState>(
  emit: Emit,
  frame: RunFrame,
  page: readonly A[],
  capUsed: CapUse,
): Decided<A>[] {
  const failed: { account: A; error: unknown }[] = [];
  const decided = page.map((account) => {
    try {
      return { account, decisions: decideUser(frame, account, capUsed) };
    } catch (error) {
      failed.push({ account, error });
      return { account, decisions: notComputed(frame, account) };
    }
  });
  const [first] = failed;
  if (first && page.length > 1 && failed.length === page.length) throw first.error;
  if (first) {
    const named = namesOf(failed.map(({ account }) => account));
    emit({ type: 'users_not_decided', alert: true, ...named, error: first.error });
  }
  emitBeyondExact(emit, decided);
  return decided;
}

/** Names those whose orders were denied for being worth more than can be computed with. */
function emitBeyondExact(emit: Emit, decided: readonly Decided<AccountState>[]): void {
  const whose = decided.filter(({ decisions }) => decisions.some(isBeyondExact)).map(({ account }) => account);
  if (whose.length > 0) emit({ type: 'beyond_exact_numbers', alert: true, ...namesOf(whose) });
}

function namesOf(accounts: readonly AccountState[]): { users: number; about: string } {
  const names = accounts.slice(0, MAX_NAMES).map(({ settings }) => settings.id);
  return { users: accounts.length, about: names.join(', ') };
}
