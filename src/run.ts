// One run from end to end: scan, decide, accept, execute, notify, and its report.
import type { RunReport } from './domain/report.ts';
import type { World } from './ports/world.ts';
import { closeBeforeScan } from './stages/accept/close-abandoned.ts';
import { decideAndAccept, hashOf, planOnly } from './stages/decide/decide.ts';
import { lateBookings } from './stages/execute/settle.ts';
import { notifiesBeside, notifyBeside } from './stages/notify/notify-loop.ts';
import { planReport, skippedReport } from './stages/report/plan-report.ts';
import { countsOf, reportOf } from './stages/report/report.ts';
import { open } from './stages/scan/open.ts';
import type { NotStarted, OpenRun, RunRequest } from './stages/scan/request.ts';
import { scan } from './stages/scan/scan.ts';
import { timed } from './stages/timed.ts';
import { stopped } from './stages/until-stopped.ts';
import { workOnce } from './stages/work-once.ts';

export type RunResult = { kind: 'report'; report: RunReport } | NotStarted;

/**
 * scan → decide → accept → execute → notify. Every stage leaves its result in rows, so that a run that was killed
 * anywhere is finished by running it again.
 */
export async function run(world: World, request: RunRequest): Promise<RunResult> {
  // What was left of another day would hold its users' money and shares back today.
  if (!request.dryRun) await closeBeforeScan(world, request.stop);
  const scanned = await timed(world, 'scan', () => scan(world, request));
  if (scanned.kind === 'refused') return scanned;
  if (scanned.kind === 'skipped') return reported(skippedReport(request, scanned, world.clock.nowMs()));
  emitScanned(world, scanned);
  const changed = await changedPlan(world, request, scanned);
  if (changed) return changed;
  if (request.dryRun) return dryRun(world, request, scanned);

  const opened = await open(world, request, scanned);
  await openMarkets(world, opened);
  const decided = await timed(world, 'decide', () => decideAndAccept(world, opened, request.stop));
  if (decided) await carryOut(world, request, opened);
  return scanned.state === 'done'
    ? alreadyDone(world, request, scanned)
    : reported(await storedReport(world, request, opened));
}

/** Simulated venues trade at the prices the run was frozen at. */
async function openMarkets({ venues }: World, { session, frame }: OpenRun): Promise<void> {
  for (const venue of venues.values()) await venue.openMarket?.(session.date, [...frame.quotes.values()]);
}

function reported(report: RunReport): RunResult {
  return { kind: 'report', report };
}

/** Sends, looks up and tells until nothing is open, or until the wait is over: the rest is for whoever comes next. */
async function carryOut(world: World, request: RunRequest, { runId }: OpenRun): Promise<void> {
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

async function dryRun(world: World, request: RunRequest, run: OpenRun): Promise<RunResult> {
  if (run.state === 'done') {
    const { runId, session, nextSession } = run;
    const done = { reason: 'already_done', runId, session: session.id, nextSession } as const;
    const { planHash } = await storedReport(world, { ...request, onlyCounts: true }, run);
    return reported({ ...skippedReport(request, done, world.clock.nowMs()), planHash });
  }
  return reported(await planReport(world, request, run, await planOnly(world, run)));
}

async function alreadyDone(world: World, request: RunRequest, run: OpenRun): Promise<RunResult> {
  const report = await storedReport(world, request, run);
  const skipped = { reason: 'already_done', nextSession: run.nextSession } as const;
  return reported({ ...report, skipped });
}

/** What somebody approved must be what would happen now, else nothing happens. */
async function changedPlan(world: World, request: RunRequest, run: OpenRun): Promise<NotStarted | null> {
  if (request.expectPlan === null) return null;
  const planHash = await hashOf(world, run, await planOnly(world, run));
  if (planHash === request.expectPlan) return null;
  const message = `The plan is now ${planHash}, not ${request.expectPlan}: nothing was placed. Look at it again with --dry-run.`;
  return { kind: 'refused', code: 'plan_changed', message };
}

async function storedReport(world: World, request: RunRequest, { runId }: OpenRun): Promise<RunReport> {
  const report = await (request.onlyCounts ? countsOf : reportOf)(world.store, runId);
  if (!report) throw new Error(`run ${runId} vanished`);
  return report.problems.length > 0 ? report : { ...report, problems: request.inputs.problems };
}

function emitScanned({ emit }: World, { runId, session, state, frame, userCount }: OpenRun): void {
  const signals = frame.signals.map(({ signal, quote }) => {
    const { id, rank, symbol, side, referencePriceMinor, stopLossMinor, targetMinor } = signal;
    const exit = { stopLossMinor, targetMinor };
    return { id, rank, symbol, side, referencePriceMinor, priceMinor: quote?.priceMinor ?? null, ...exit };
  });
  const { pricesFrom = null } = frame.limits;
  emit({
    type: 'scanned',
    runId,
    session: session.id,
    state,
    nowMs: frame.nowMs,
    users: userCount,
    signals,
    pricesFrom,
  });
}
