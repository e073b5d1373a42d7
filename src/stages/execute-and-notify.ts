// Sends a run's orders, looks them up and notifies its users until nothing is due.
import type { Deps } from '../ports/deps.ts';
import type { ExecuteDeps } from './execute/deps.ts';
import { lateBookings } from './execute/settle.ts';
import type { NotifyDeps } from './notify/deps.ts';
import { notifiesBeside, notifyBeside } from './notify/notify-loop.ts';
import type { OpenRun, RunRequest } from './scan/request.ts';
import { stopped } from './until-stopped.ts';
import { workOnce } from './work-once.ts';

/** Sends, looks up and notifies, and asks how much of the run is left. */
export type ExecuteAndNotifyDeps = ExecuteDeps & NotifyDeps & Deps<'clock' | 'emit', 'finish_run' | 'read_progress'>;

/**
 * execute → reconcile → notify until nothing of the run is open, or until the wait is over: the rest is for whoever comes
 * next. Where a worker sends (`inline` is false) it only waits for it.
 */
export async function executeAndNotify(
  deps: ExecuteAndNotifyDeps,
  request: RunRequest,
  { runId }: OpenRun,
): Promise<void> {
  const { waitMs, concurrency, inline, stop } = request;
  const { store, clock } = deps;
  deps.emit({ type: 'sending', runId, signals: await store.call('read_progress', { runId }) });
  // Where a worker sends, waiting for it is bounded on a virtual clock too: its pauses bring nobody's work nearer.
  const untilMs = clock.virtual && inline ? Number.POSITIVE_INFINITY : clock.nowMs() + waitMs;
  const notifyLoop = inline && notifiesBeside(deps) ? notifyBeside(deps, concurrency, stop) : null;
  try {
    await workUntil(deps, request, runId, { untilMs, notifies: notifyLoop === null });
  } finally {
    await notifyLoop?.end();
  }
}

async function workUntil(
  deps: ExecuteAndNotifyDeps,
  { concurrency, inline, stop }: RunRequest,
  runId: string,
  { untilMs, notifies }: { untilMs: number; notifies: boolean },
): Promise<void> {
  const { store, clock } = deps;
  const whenStopped = stopped(stop);
  for (;;) {
    if (inline) await workOnce(deps, { concurrency, stop, notifies });
    // Its pauses take no time, and the lock of another session does: what is left is for whoever comes next.
    if (clock.virtual && (await lateBookings(deps)) === 'left') return;
    const left = await store.call('finish_run', { runId, nowMs: clock.nowMs() });
    deps.emit({ type: 'run_checked', runId, ...left });
    if (left.openOrders + left.openMessages === 0 || left.nextDueMs === null || stop?.aborted) return;
    const pauseMs = Math.max(left.nextDueMs - clock.nowMs(), 50);
    if (clock.nowMs() + pauseMs > untilMs) return;
    await Promise.race([clock.sleep(pauseMs), whenStopped]);
  }
}
