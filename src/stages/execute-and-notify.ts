// Sends orders, looks them up and notifies users: once, or until nothing of a run is due.
import type { Deps } from '../ports/deps.ts';
import type { ExecuteDeps } from './execute/deps.ts';
import { execute } from './execute/execute.ts';
import { reconcile } from './execute/reconcile.ts';
import { lateBookings } from './execute/settle.ts';
import type { NotifyDeps } from './notify/deps.ts';
import { notify } from './notify/notify.ts';
import { type NotifyLoop, notifiesBeside, notifyBeside } from './notify/notify-loop.ts';
import type { OpenRun, RunRequest } from './scan/request.ts';
import { timed } from './timed.ts';
import { pausedUntil, stopped } from './until-stopped.ts';

/** How often others' orders are looked up while some are being sent. */
const LOOKUP_EVERY_MS = 1_000;

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
    await workUntil(deps, request, runId, { untilMs, notifyLoop });
  } finally {
    await notifyLoop?.end();
  }
}

async function workUntil(
  deps: ExecuteAndNotifyDeps,
  { concurrency, inline, stop }: RunRequest,
  runId: string,
  { untilMs, notifyLoop }: { untilMs: number; notifyLoop: NotifyLoop | null },
): Promise<void> {
  const { store, clock } = deps;
  const whenStopped = stopped(stop);
  const never = new Promise<void>(() => undefined);
  for (;;) {
    if (inline) await workOnce(deps, { concurrency, stop, notifies: notifyLoop === null });
    // Before the rest is counted: what is settled after that ends the pause, which else is until the next thing comes due.
    const settled = notifyLoop?.settled() ?? never;
    notifyLoop?.wake();
    // Its pauses take no time, and the lock of another session does: what is left is for whoever comes next.
    if (clock.virtual && (await lateBookings(deps)) === 'left') return;
    const left = await store.call('finish_run', { runId, nowMs: clock.nowMs() });
    deps.emit({ type: 'run_checked', runId, ...left });
    if (left.openOrders + left.openMessages === 0 || left.nextDueMs === null || stop?.aborted) return;
    const pauseMs = Math.max(left.nextDueMs - clock.nowMs(), 50);
    const resumeMs = clock.nowMs() + pauseMs;
    if (resumeMs <= untilMs) await pausedUntil(deps, resumeMs, [whenStopped, settled]);
    else if ((await notifiedLast(deps, notifyLoop, untilMs, whenStopped)) === 0) return;
  }
}

/**
 * Nothing more comes due within the wait, but users whose last orders have just ended may still be notified. Where the
 * provider paces us they are until the wait is over. Gives how many messages were settled.
 */
async function notifiedLast(
  deps: Deps<'clock' | 'notifier'>,
  notifyLoop: NotifyLoop | null,
  untilMs: number,
  whenStopped: Promise<void>,
): Promise<number> {
  if (notifyLoop === null) return 0;
  let count = 0;
  const passed = notifyLoop.nextPass().then((settled) => {
    count = settled;
  });
  await pausedUntil(deps, deps.notifier.pace ? untilMs : Number.POSITIVE_INFINITY, [passed, whenStopped]);
  return count;
}

export interface WorkOnceOptions {
  concurrency: number;
  /** Once it is aborted nothing more is begun. */
  stop?: AbortSignal | undefined;
  /** At most so many orders are tried; default: all that may go. */
  maxOrders?: number | undefined;
  /** False: somebody else tells the users beside it. */
  notifies?: boolean | undefined;
}

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
