// npm run report: the report of a run again, on the screen, as JSON or as CSV.
import { stringify } from 'csv-stringify/sync';
import type { Config } from '../../config/config.ts';
import type { Currency } from '../../domain/currency.ts';
import { currencyOfRun } from '../../domain/market/session.ts';
import { formatMinor } from '../../domain/money.ts';
import type { ReportReasons } from '../../ports/store/reports.ts';
import type { Store } from '../../ports/store/store.ts';
import { reportOf, reportPage } from '../../stages/report/report.ts';
import { pageCommand, SHOWN_USERS } from '../../terminal/pages.ts';
import type { ReportFacts } from '../../terminal/screen.ts';
import { missedText } from '../../terminal/screens/missed-exits.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { optionalUserId } from '../named-user.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { runNamed } from './named-run.ts';
import { type PageFlags, pageOf } from './paging.ts';
import { screen } from './why.ts';

interface ReportFlags extends PageFlags {
  run: string;
  user?: string;
  status?: string;
  json?: boolean;
  csv?: boolean;
}

const STATUSES = [
  ...['queued', 'submitting', 'working', 'partially_filled', 'filled', 'rejected', 'canceled', 'expired', 'unknown'],
  ...['accepted', 'skipped', 'denied', 'sent', 'delivered', 'failed', 'suppressed'],
];

/**
 * `npm run report`: the report of a run again, on the screen, as JSON, or its orders as CSV. The screen shows a page of
 * users and counts everybody; JSON and CSV are whole, unless a page of them is asked for.
 */
export async function reportAgain(config: Config, flags: ReportFlags): Promise<number | Refusal> {
  const page = pageOf(flags, SHOWN_USERS);
  if ('kind' in page) return page;
  const wrong = wrongStatus(flags.status);
  if (wrong) return wrong;
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, async (store) => {
    const runId = await runNamed(store, flags.run, config.mode);
    if (typeof runId !== 'string') return runId;
    const userId = await optionalUserId(store, flags.user);
    if (userId !== null && typeof userId === 'object') return userId;
    const isPage = [flags.limit, flags.after, flags.user, flags.status].some((flag) => flag !== undefined);
    if ((flags.json || flags.csv) && !isPage) return wholeReport(store, runId, flags);
    const query = { ...page, userId, status: flags.status ?? null };
    return partOfReport(store, runId, query, flags);
  });
}

/** Exit 2 for a status no order, decision or message has. */
export function wrongStatus(status: string | undefined): Refusal | null {
  if (status === undefined || STATUSES.includes(status)) return null;
  return refusal('bad_flag', `--status is one of ${STATUSES.join(', ')}, not ${status}.`);
}

async function wholeReport(store: Store, runId: string, { csv }: ReportFlags): Promise<number> {
  const report = await reportOf(store, runId);
  if (!report) throw new Error(`run ${runId} vanished`);
  process.stdout.write(
    csv ? stringify(report.orders, { header: true, escape_formulas: true }) : `${JSON.stringify(report)}\n`,
  );
  return 0;
}

interface PageQuery {
  limit: number;
  after: number;
  userId: string | null;
  status: string | null;
}

async function partOfReport(store: Store, runId: string, query: PageQuery, flags: ReportFlags): Promise<number> {
  const page = await reportPage(store, runId, { ...query, of: 'all' });
  const timings = await store.call('read_run_timings', { runId });
  const facts = await store.call('read_report_reasons', { runId });
  if (!page || !timings || !facts) throw new Error(`run ${runId} vanished`);
  const { report, left, last } = page;
  if (flags.csv) process.stdout.write(stringify(report.orders, { header: true, escape_formulas: true }));
  else if (flags.json) process.stdout.write(`${JSON.stringify({ ...report, next: left > 0 ? String(last) : null })}\n`);
  else {
    const again = Object.entries({ status: flags.status, limit: flags.limit }).filter(
      ([, value]) => value !== undefined,
    );
    const more = pageCommand('report', runId, last, again.map(([name, value]) => ` --${name} ${value}`).join(''));
    const shown = screen();
    shown.report(report, factsOf(facts, currencyOfRun(runId), { limit: query.limit, left, more }));
    shown.timings(timings, report);
  }
  return 0;
}

function factsOf(facts: ReportReasons, currency: Currency, page: NonNullable<ReportFacts['page']>): ReportFacts {
  const money = (minor: number) => (minor === 0 ? null : formatMinor(minor, currency));
  return {
    page,
    reasons: facts.reasons,
    sums: { bought: money(facts.boughtMinor), sold: money(facts.soldMinor) },
    exits: new Map(facts.exits.map(({ signalId, ...exit }) => [signalId, exit])),
    missed: missedText(facts.missedExits),
  };
}
