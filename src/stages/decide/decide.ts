// Decides a run page by page along the queue. It writes nothing: what becomes of a page is accept's.
import type { CapUse } from '../../domain/decision/case.ts';
import { planHashOf, planLine } from '../../domain/ids.ts';
import type { NotStarted, OpenRun, RunRequest, RunToDecide } from '../scan/request.ts';
import { type DecidedPage, type DecidedUser, decidePage } from './decided.ts';
import type { DecideDeps } from './deps.ts';
import { queuedAccounts } from './queued-accounts.ts';

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
