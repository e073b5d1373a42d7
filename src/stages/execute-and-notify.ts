// Sends a run's orders, looks them up and notifies its users until nothing is due.
import type { World } from '../ports/world.ts';
import { lateBookings } from './execute/settle.ts';
import { notifiesBeside, notifyBeside } from './notify/notify-loop.ts';
import type { OpenRun, RunRequest } from './scan/request.ts';
import { stopped } from './until-stopped.ts';
import { workOnce } from './work-once.ts';

/**
 * execute → reconcile → notify until nothing of the run is open, or until the wait is over: the rest is for whoever comes
 * next. Where a worker sends (`inline` is false) it only waits for it.
 */
export async function executeAndNotify(world: World, request: RunRequest, { runId }: OpenRun): Promise<void> {
  const { waitMs, concurrency, inline, stop } = request;
  const { store, clock } = world;
  world.emit({ type: 'sending', runId, signals: await store.call('read_progress', { runId }) });
  // Where a worker sends, waiting for it is bounded on a virtual clock too: its pauses bring nobody's work nearer.
  const untilMs = clock.virtual && inline ? Number.POSITIVE_INFINITY : clock.nowMs() + waitMs;
  const notifyLoop = inline && notifiesBeside(world) ? notifyBeside(world, concurrency, stop) : null;
  try {
    await workUntil(world, request, runId, { untilMs, notifies: notifyLoop === null });
  } finally {
    await notifyLoop?.end();
  }
}

async function workUntil(
  world: World,
  { concurrency, inline, stop }: RunRequest,
  runId: string,
  { untilMs, notifies }: { untilMs: number; notifies: boolean },
): Promise<void> {
  const { store, clock } = world;
  const whenStopped = stopped(stop);
  for (;;) {
    if (inline) await workOnce(world, { concurrency, stop, notifies });
    // Its pauses take no time, and the lock of another session does: what is left is for whoever comes next.
    if (clock.virtual && (await lateBookings(world)) === 'left') return;
    const left = await store.call('finish_run', { runId, nowMs: clock.nowMs() });
    world.emit({ type: 'run_checked', runId, ...left });
    if (left.openOrders + left.openMessages === 0 || left.nextDueMs === null || stop?.aborted) return;
    const pauseMs = Math.max(left.nextDueMs - clock.nowMs(), 50);
    if (clock.nowMs() + pauseMs > untilMs) return;
    await Promise.race([clock.sleep(pauseMs), whenStopped]);
  }
}
