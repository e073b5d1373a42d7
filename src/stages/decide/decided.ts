// One user's decisions as accept takes them: made here, by the two ways there are to decide, and by nobody else.
import type { CapUse } from '../../domain/decision/case.ts';
import { rateFor } from '../../domain/decision/charges.ts';
import { decide } from '../../domain/decision/decide.ts';
import type { Decision } from '../../domain/decision/decision.ts';
import type { RunFrame } from '../../domain/decision/inputs.ts';
import { clientOrderIdOf } from '../../domain/ids.ts';
import type { UserSettings } from '../../domain/types.ts';
import type { DecisionToAccept, QueuedAccount } from '../../ports/store/runs.ts';
import { decidedPage, emitBeyondExact } from './decide-page.ts';
import type { MarginDeps } from './deps.ts';
import type { Planned } from './planned.ts';
import { marginChecks, withVenueMargins } from './venue-margins.ts';

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

/**
 * Decides a page of users in their queue order; what they use of a symbol's cap is added to `capUsed`.
 */
export async function decidePage(
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
    const plan = { account, decisions: decide(frame, account, new Map(Object.entries(frame.capUsed))) };
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
