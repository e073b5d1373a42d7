// One run from end to end: scan, decide, accept, execute, notify, and its report.
import type { RunReport } from './domain/report.ts';
import type { World } from './ports/world.ts';
import { accept } from './stages/accept/accept.ts';
import { closeBeforeScan } from './stages/accept/close-abandoned.ts';
import { changedPlan, decide } from './stages/decide/decide.ts';
import { executeAndNotify } from './stages/execute-and-notify.ts';
import { skippedReport } from './stages/report/plan-report.ts';
import { dryRunReport, runReport } from './stages/report/run-report.ts';
import { open } from './stages/scan/open.ts';
import type { NotStarted, RunRequest } from './stages/scan/request.ts';
import { emitScanned, scan } from './stages/scan/scan.ts';
import { timed } from './stages/timed.ts';

export type RunResult = { kind: 'report'; report: RunReport } | NotStarted;

/**
 * scan → decide → accept → execute → notify. Every stage leaves its result in rows, so that a run that was killed
 * anywhere is finished by running it again.
 */
export async function run(world: World, request: RunRequest): Promise<RunResult> {
  const { dryRun, stop } = request;
  // What was left of another day would hold its users' money and shares back today.
  if (!dryRun) await closeBeforeScan(world, stop);
  const scanned = await timed(world, 'scan', () => scan(world, request));
  if (scanned.kind === 'refused') return scanned;
  if (scanned.kind === 'skipped') return reported(skippedReport(request, scanned, world.clock.nowMs()));
  emitScanned(world, scanned);
  const changed = await changedPlan(world, request, scanned);
  if (changed) return changed;
  if (dryRun) return reported(await dryRunReport(world, request, scanned));

  // Freezes signals, prices and users. Then a page is decided while the pages before it are accepted.
  const plan = await open(world, request, scanned);
  const isDecided = await timed(world, 'decide', () => accept(world, plan, decide(world, plan), stop));
  // From here on its orders can be claimed, by this process or by any other.
  if (isDecided) await executeAndNotify(world, request, plan);
  return reported(await runReport(world, request, plan));
}

function reported(report: RunReport): RunResult {
  return { kind: 'report', report };
}
