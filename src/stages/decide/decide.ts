// Decides a run page by page along the queue. It writes nothing: what becomes of a page is accept's.
import type { CapUse } from '../../domain/decision/case.ts';
import { planHashOf, planLine } from '../../domain/ids.ts';
import type { World } from '../../ports/world.ts';
import type { NotStarted, OpenRun, RunRequest, RunToDecide } from '../scan/request.ts';
import { type DecidedPage, type DecidedUser, decidePage } from './decided.ts';
import { queuedAccounts } from './queued-accounts.ts';

/** Pages of users in queue order, decided when they are asked for. Symbol caps are used up along the queue. */
export async function* decide(world: World, run: RunToDecide): AsyncGenerator<DecidedPage> {
  const capUsed: CapUse = new Map(Object.entries(run.frame.capUsed));
  for await (const page of queuedAccounts(world, run)) yield await decidePage(world, run.frame, page, capUsed);
}

/** The whole plan: of a run that is not open yet, or what is left of an open one. */
export async function planOnly(world: World, run: RunToDecide): Promise<DecidedUser[]> {
  const plan: DecidedUser[] = [];
  for await (const page of decide(world, run)) plan.push(...page);
  return plan;
}

/** The hash of a plan, with what an open run has already written of it. */
export async function hashOf(world: World, run: RunToDecide, plan: readonly DecidedUser[]): Promise<string> {
  const written = await world.store.call('read_plan_lines', { runId: run.runId });
  return planHashOf([...written, ...plan.flatMap(({ decisions }) => decisions.map(planLine))]);
}

/** What somebody approved must be what would happen now, else nothing happens. */
export async function changedPlan(world: World, request: RunRequest, run: OpenRun): Promise<NotStarted | null> {
  if (request.expectPlan === null) return null;
  const planHash = await hashOf(world, run, await planOnly(world, run));
  if (planHash === request.expectPlan) return null;
  const message = `The plan is now ${planHash}, not ${request.expectPlan}: nothing was placed. Look at it again with --dry-run.`;
  return { kind: 'refused', code: 'plan_changed', message };
}
