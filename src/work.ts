import type { World } from './ports/world.ts';
import { execute } from './stages/execute.ts';
import { notify } from './stages/notify.ts';
import { reconcile } from './stages/reconcile.ts';

/** Longest sleep of an idle worker: how late it may see work nobody woke it for. */
const POLL_MS = 1_000;

export interface WorkOptions {
  concurrency: number;
  /** Stop claiming, finish what is with a venue, hand the rest back. */
  stop: AbortSignal;
  /** Resolves when the database says there is work; never, where it can't. */
  woken: () => Promise<void>;
}

/** execute → reconcile → notify, over and over, for every run there is. Any number of processes may do this at once. */
export async function work(world: World, { concurrency, stop, woken }: WorkOptions): Promise<void> {
  const stopped = new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
  while (!stop.aborted) {
    await execute(world, concurrency, stop);
    if (stop.aborted) return;
    await reconcile(world, concurrency);
    await notify(world, concurrency);
    const { clock, store } = world;
    const { nextDueMs } = await store.call('finish_runs', { nowMs: clock.nowMs() });
    const pauseMs = nextDueMs === null ? POLL_MS : Math.min(Math.max(nextDueMs - clock.nowMs(), 20), POLL_MS);
    await Promise.race([clock.sleep(pauseMs), woken(), stopped]);
  }
}
