// The worker: executes, reconciles and notifies for all open runs, over and over, until it is stopped.
import type { Deps } from './ports/deps.ts';
import { closeBeside } from './stages/accept/close-abandoned.ts';
import type { CloseDeps } from './stages/accept/deps.ts';
import type { ExecuteDeps } from './stages/execute/deps.ts';
import { lateBookings } from './stages/execute/settle.ts';
import { workOnce } from './stages/execute-and-notify.ts';
import type { NotifyDeps } from './stages/notify/deps.ts';
import { notifiesBeside, notifyBeside } from './stages/notify/notify-loop.ts';
import { stopped } from './stages/until-stopped.ts';

/** Longest sleep of an idle worker: how late it may see work nobody woke it for. */
const POLL_MS = 1_000;

/** What a worker's stages may do, and asking when the next work is due. */
export type WorkDeps = CloseDeps & ExecuteDeps & NotifyDeps & Deps<'clock', 'finish_runs'>;

export interface WorkOptions {
  concurrency: number;
  /** Stop claiming, finish what is with a venue, hand the rest back. */
  stop: AbortSignal;
  /** Resolves when the database says there is work; never, where it can't. */
  woken: () => Promise<void>;
}

/**
 * execute → reconcile → notify, over and over, for every run there is; beside that, runs that were left are closed. Any
 * number of processes may do this at once.
 */
export async function work(deps: WorkDeps, { concurrency, stop, woken }: WorkOptions): Promise<void> {
  const whenStopped = stopped(stop);
  const notifyLoop = notifiesBeside(deps) ? notifyBeside(deps, concurrency, stop) : null;
  // A message that is due is no reason to hurry where somebody else sends it.
  const minPauseMs = notifyLoop === null ? 20 : 100;
  const closing = closeBeside(deps, stop);
  try {
    while (!stop.aborted) {
      const { sent } = await workOnce(deps, { concurrency, stop, notifies: notifyLoop === null });
      if (sent > 0) notifyLoop?.wake();
      if (stop.aborted) return;
      const { clock, store } = deps;
      const { nextDueMs } = await store.call('finish_runs', { nowMs: clock.nowMs() });
      const dueInMs = nextDueMs === null ? POLL_MS : nextDueMs - clock.nowMs();
      const pauseMs = Math.min(Math.max(dueInMs, minPauseMs), POLL_MS);
      await Promise.race([clock.sleep(pauseMs), woken(), whenStopped]);
    }
  } finally {
    await closing.end();
    await notifyLoop?.end();
    await lateBookings(deps);
  }
}
