// One pass of the worker: execute, reconcile and notify for every open run.
import type { Deps } from '../ports/deps.ts';
import type { ExecuteDeps } from './execute/deps.ts';
import { execute } from './execute/execute.ts';
import { reconcile } from './execute/reconcile.ts';
import type { NotifyDeps } from './notify/deps.ts';
import { notify } from './notify/notify.ts';
import { timed } from './timed.ts';

export interface WorkOnceOptions {
  concurrency: number;
  /** Once it is aborted nothing more is begun. */
  stop?: AbortSignal | undefined;
  /** At most so many orders are tried; default: all that may go. */
  maxOrders?: number | undefined;
  /** False: somebody else tells the users beside it. */
  notifies?: boolean | undefined;
}

/** How often others' orders are looked up while some are being sent. */
const LOOKUP_EVERY_MS = 1_000;

/**
 * Looks orders up, now and then, for as long as others are being sent: an order that hangs at its venue keeps nobody's fills
 * waiting. On a clock that is set nothing beats: there the lookups come after the sends.
 */
async function lookingUpBeside<Result>(
  { clock }: Deps<'clock'>,
  sending: Promise<Result>,
  lookUp: () => Promise<number>,
): Promise<{ sent: Result; lookedUp: number }> {
  let lookedUp = 0;
  let lookup: Promise<void> | null = null;
  const failures: unknown[] = [];
  const stopBeat = clock.every(LOOKUP_EVERY_MS, () => {
    lookup ??= lookUp()
      .then((count) => {
        lookedUp += count;
      })
      .catch((error: unknown) => void failures.push(error))
      .finally(() => {
        lookup = null;
      });
  });
  try {
    const sent = await sending;
    await lookup;
    if (failures.length > 0) throw failures[0];
    return { sent, lookedUp };
  } finally {
    stopBeat();
  }
}

/** execute → reconcile → notify, once, for every run there is. Gives how many orders and messages each was about. */
export async function workOnce(
  deps: ExecuteDeps & NotifyDeps,
  { concurrency, stop, maxOrders, notifies = true }: WorkOnceOptions,
): Promise<{ sent: number; lookedUp: number; messages: number }> {
  const lookUp = async () => (stop?.aborted ? 0 : timed(deps, 'reconcile', () => reconcile(deps, concurrency)));
  const sending = timed(deps, 'execute', () => execute(deps, concurrency, stop, maxOrders));
  const { sent, lookedUp: beside } = await lookingUpBeside(deps, sending, lookUp);
  const lookedUp = beside + (await lookUp());
  const messages = stop?.aborted || !notifies ? 0 : await timed(deps, 'notify', () => notify(deps, concurrency, stop));
  return { sent, lookedUp, messages };
}
