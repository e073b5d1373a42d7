// One run from end to end: scan, decide, accept, execute, notify, and its report.
import { xnse } from './domain/market/market.ts';
import type { RunReport } from './domain/report.ts';
import { accept } from './stages/accept/accept.ts';
import { closeBeforeScan } from './stages/accept/close-abandoned.ts';
import type { CloseDeps } from './stages/accept/deps.ts';
import { changedPlan, decide } from './stages/decide/decide.ts';
import { type ExecuteAndNotifyDeps, executeAndNotify } from './stages/execute-and-notify.ts';
import type { ReportDeps } from './stages/report/deps.ts';
import { skippedReport } from './stages/report/plan-report.ts';
import { dryRunReport, runReport } from './stages/report/run-report.ts';
import type { OpenDeps } from './stages/scan/deps.ts';
import { open } from './stages/scan/open.ts';
import { type NotStarted, type RunRequest, refusedMarket } from './stages/scan/request.ts';
import { emitScanned, scan } from './stages/scan/scan.ts';
import { timed } from './stages/timed.ts';

/** What its stages may do, and nothing else: scan, decide and accept are in what closes a run that was left. */
export type RunDeps = CloseDeps & OpenDeps & ExecuteAndNotifyDeps & ReportDeps;

export type RunResult = { kind: 'report'; report: RunReport } | NotStarted;

/**
 * scan → decide → accept → execute → notify. Every stage leaves its result in rows, so that a run that was killed
 * anywhere is finished by running it again.
 */
export async function run(deps: RunDeps, request: RunRequest): Promise<RunResult> {
  const { dryRun, stop, market = xnse } = request;
  const refused = refusedMarket(market);
  if (refused) return refused;
  // What was left of another day would hold its users' money and shares back today.
  if (!dryRun) await closeBeforeScan(deps, stop);
  const scanned = await timed(deps, 'scan', () => scan(deps, request));
  if (scanned.kind === 'refused') return scanned;
  if (scanned.kind === 'skipped') return reported(skippedReport(request, scanned, deps.clock.nowMs()));
  emitScanned(deps, scanned);
  const changed = await changedPlan(deps, request, scanned);
  if (changed) return changed;
  if (dryRun) return reported(await dryRunReport(deps, request, scanned));

  // Freezes signals, prices and users. Then a page is decided while the pages before it are accepted.
  const plan = await open(deps, request, scanned);
  const isDecided = await timed(deps, 'decide', () => accept(deps, plan, decide(deps, plan), stop));
  // From here on its orders can be claimed, by this process or by any other.
  if (isDecided) await executeAndNotify(deps, request, plan);
  return reported(await runReport(deps, request, plan));
}

function reported(report: RunReport): RunResult {
  return { kind: 'report', report };
}
