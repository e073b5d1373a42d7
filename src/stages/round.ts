import type { World } from '../ports/world.ts';
import { execute } from './execute.ts';
import { notify } from './notify.ts';
import { reconcile } from './reconcile.ts';
import { timed } from './timed.ts';

export interface RoundOptions {
  concurrency: number;
  /** Once it is aborted nothing more is begun. */
  stop?: AbortSignal | undefined;
  /** At most so many orders are tried; default: all that may go. */
  mostOrders?: number | undefined;
  /** False: somebody else tells the users beside it. */
  tells?: boolean | undefined;
}

/** execute → reconcile → notify, once, for every run there is. Gives how many orders and messages each was about. */
export async function round(
  world: World,
  { concurrency, stop, mostOrders, tells = true }: RoundOptions,
): Promise<{ sent: number; lookedUp: number; messages: number }> {
  const sent = await timed(world, 'execute', () => execute(world, concurrency, stop, mostOrders));
  const lookedUp = stop?.aborted ? 0 : await timed(world, 'reconcile', () => reconcile(world, concurrency));
  const messages = stop?.aborted || !tells ? 0 : await timed(world, 'notify', () => notify(world, concurrency, stop));
  return { sent, lookedUp, messages };
}
