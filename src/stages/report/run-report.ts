// What a run answers: its report, whether it ran, was only planned, or had been done before.
import type { RunReport } from '../../domain/report.ts';
import { planOnly } from '../decide/decide.ts';
import type { OpenRun, RunRequest } from '../scan/request.ts';
import type { ReportDeps } from './deps.ts';
import { planReport, skippedReport } from './plan-report.ts';
import { countsOf, reportOf } from './report.ts';

/** The report of a run from its rows; one that had been done before it was asked for says so. */
export async function runReport(deps: ReportDeps, request: RunRequest, run: OpenRun): Promise<RunReport> {
  const report = await storedReport(deps, request, run);
  if (run.state !== 'done') return report;
  return { ...report, skipped: { reason: 'already_done', nextSession: run.nextSession } };
}

/** The report of what a run would do now. Nothing is written. */
export async function dryRunReport(deps: ReportDeps, request: RunRequest, run: OpenRun): Promise<RunReport> {
  if (run.state !== 'done') return planReport(deps, request, run, await planOnly(deps, run));
  const { runId, session, nextSession } = run;
  const done = { reason: 'already_done', runId, session: session.id, nextSession } as const;
  const { planHash } = await storedReport(deps, { ...request, onlyCounts: true }, run);
  return { ...skippedReport(request, done, deps.clock.nowMs()), planHash };
}

async function storedReport(deps: ReportDeps, request: RunRequest, { runId }: OpenRun): Promise<RunReport> {
  const report = await (request.onlyCounts ? countsOf : reportOf)(deps.store, runId);
  if (!report) throw new Error(`run ${runId} vanished`);
  return report.problems.length > 0 ? report : { ...report, problems: request.inputs.problems };
}
