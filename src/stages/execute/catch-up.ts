// Ends and looks up what is overdue where no worker runs.
import { closeOverdue } from '../accept/close-abandoned.ts';
import type { CloseDeps } from '../accept/deps.ts';
import type { ExecuteDeps } from './deps.ts';
import { reconcile } from './reconcile.ts';

/** Closes what is past its time, and looks orders up. */
export type CatchUpDeps = CloseDeps & ExecuteDeps;

/**
 * What stands between an account and its books, where no worker has been by: orders and runs past their time end, and
 * orders that are due are looked up, once.
 */
export async function catchUp(deps: CatchUpDeps, concurrency: number, stop?: AbortSignal): Promise<void> {
  await closeOverdue(deps, stop);
  if (!stop?.aborted) await reconcile(deps, concurrency);
}
