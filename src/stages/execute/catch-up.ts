// Ends and looks up what is overdue where no worker runs.
import type { World } from '../../ports/world.ts';
import { closeOverdue } from '../accept/close-abandoned.ts';
import { reconcile } from './reconcile.ts';

/**
 * What stands between an account and its books, where no worker has been by: orders and runs past their time end, and
 * orders that are due are looked up, once.
 */
export async function catchUp(world: World, concurrency: number, stop?: AbortSignal): Promise<void> {
  await closeOverdue(world, stop);
  if (!stop?.aborted) await reconcile(world, concurrency);
}
