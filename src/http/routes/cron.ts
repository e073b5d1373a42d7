// The scheduler’s routes: the daily scan, the order worker, readiness and the evening sync.

import { Hono } from 'hono';
import { type Market, marketOf, markets, type UnknownMarket } from '../../domain/market/market.ts';
import { dateIn, runIdOf, sessionIdOf } from '../../domain/market/session.ts';
import type { RunReport } from '../../domain/report.ts';
import { type RunResult, run } from '../../run.ts';
import { closeOverdue } from '../../stages/accept/close-abandoned.ts';
import { limitsIn } from '../../stages/accept/order-inputs.ts';
import { sync } from '../../stages/accounts/evening-sync.ts';
import { ready } from '../../stages/accounts/readiness.ts';
import { checkBooksTonight } from '../../stages/books/check-books.ts';
import { workOnce } from '../../stages/execute-and-notify.ts';
import { forgetOld } from '../../stages/report/retention.ts';
import { noInputs } from '../../stages/scan/request.ts';
import { emitFailure } from '../../stages/wrong-clock.ts';
import { type HttpEnv, requireCron } from '../callers/auth.ts';
import { cutOffIn, type HttpDeps, untilDeadline } from '../deps.ts';
import { described, problem } from '../problem.ts';

const DEFAULT_ORDERS = 25;
const MAX_ORDERS = 1_000;

/**
 * The scheduler's calls, each bounded by `deadlineMs` and each safe to make twice, at once or again.
 *
 * `GET /api/cron/daily-scan` opens, resumes or closes the run of the session the clock is in: 200 with the RunReport,
 * its lists empty and `truncated`, also for a run that was skipped. Of two calls at once both work on the one run and
 * both get its report. What is not done at the deadline goes on behind the answer, and with whoever calls next.
 *
 * `GET /api/cron/order-worker?limit=25` is the backstop: it sends at most `limit` orders, looks up, notifies, finishes
 * runs, and takes up a plan that was left: `{sent, lookedUp, messages, finished, left}`, where `left` counts the orders
 * and messages that are still open.
 *
 * `GET /api/cron/ready` asks the venues of all live accounts whether they can trade today: the ReadinessReport, with
 * only the accounts that can't in its list. `GET /api/cron/sync` is the evening's reconciliation: the SyncReport. Both
 * begin no further page of accounts after the deadline and then say `complete: false`. The evening also closes months that
 * are over, and says what check_books found (`brokenBooks`; null: it could not be asked).
 *
 * All but the worker take `?market=XNYS`: the session, day and cut-off are that market's, by its own clock. A cron in UTC
 * that comes twice, an hour apart, is right in summer and in winter: the other call is outside the window or too late.
 */
export function cronRoutes(deps: HttpDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>();

  routes.get('/api/cron/daily-scan', requireCron, async (c) => {
    const market = marketOfQuery(c.req.query('market'));
    if (market.kind === 'unknown_market') return problem(c, unknownMarket(market));
    const inMarket = { ...deps, settings: settingsIn(deps, market.market) };
    const result = await runUntil(inMarket, untilDeadline(deps));
    // A calendar that ends is the service's lack, not the caller's.
    if (result.kind === 'refused') return problem(c, { status: 503, code: result.code, detail: result.message });
    if (isLeftOpen(result.report)) deps.later(goOn(inMarket));
    deps.wake();
    return c.json(withoutLists(result.report));
  });

  routes.get('/api/cron/order-worker', requireCron, async (c) => {
    const mostOrders = orderLimit(c.req.query('limit'));
    if (mostOrders === null) {
      const detail = `limit is a whole number from 1 to ${MAX_ORDERS}; without it ${DEFAULT_ORDERS} orders are sent.`;
      return problem(c, { status: 400, code: 'bad_limit', detail });
    }
    const { world, settings } = deps;
    const stop = untilDeadline(deps);
    await takeUpPlan(deps, stop);
    await closeOverdue(world, stop);
    const done = await workOnce(world, { concurrency: settings.concurrency, stop, maxOrders: mostOrders });
    const { finished } = await world.store.call('finish_runs', { nowMs: world.clock.nowMs() });
    const open = await world.store.call('count_unfinished', {});
    return c.json({ ...done, finished, left: open.orders + open.messages });
  });

  routes.get('/api/cron/ready', requireCron, async (c) => {
    const found = marketOfQuery(c.req.query('market'));
    if (found.kind === 'unknown_market') return problem(c, unknownMarket(found));
    const { mode, concurrency } = deps.settings;
    const report = await ready(deps.world, { mode, market: found.market, concurrency, stop: untilDeadline(deps) });
    const notReady = report.accounts.filter((one) => !one.ready);
    return c.json({ ...report, asked: report.accounts.length, accounts: notReady });
  });

  routes.get('/api/cron/sync', requireCron, async (c) => {
    const found = marketOfQuery(c.req.query('market'));
    if (found.kind === 'unknown_market') return problem(c, unknownMarket(found));
    const { mode, concurrency } = deps.settings;
    const stop = untilDeadline(deps);
    const brokenBooks = await checkBooksTonight(deps.world, stop);
    const report = await sync(deps.world, { mode, market: found.market, concurrency, stop });
    return c.json({ ...report, brokenBooks, forgotten: await forgetOld(deps.world, stop) });
  });

  return routes;
}

/** The path, with nothing but what the database knows. It waits for open orders until it is stopped. */
function runUntil({ world, settings, deadlineMs }: HttpDeps, stop: AbortSignal): Promise<RunResult> {
  const waitMs = settings.inline ? deadlineMs : 0;
  return run(world, {
    ...settings,
    dryRun: false,
    expectPlan: null,
    waitMs,
    stop,
    inputs: { ...noInputs, by: { who: 'cron', how: 'http' } },
    onlyCounts: true,
  });
}

/** Running again is how a run goes on; nobody waits for this one. */
async function goOn(deps: HttpDeps): Promise<void> {
  try {
    await runUntil(deps, untilDeadline(deps));
  } catch (error) {
    emitFailure(deps.world.emit, error, { type: 'run_interrupted', alert: true, error: described(error) });
  }
}

/**
 * Goes on with today's plan where whoever began it is gone: no scheduler may come a second time. Its orders are left to
 * the round that follows, which counts them.
 */
async function takeUpPlan(deps: HttpDeps, stop: AbortSignal): Promise<void> {
  const { world, settings, deadlineMs } = deps;
  const nowMs = world.clock.nowMs();
  for (const market of markets.filter(({ notTraded }) => notTraded === null)) {
    const runId = runIdOf(sessionIdOf(market.mic, dateIn(market, nowMs), 'open'), settings.mode);
    const openRun = await world.store.call('read_run', { runId });
    if (openRun?.state !== 'planning' || nowMs - openRun.openedAtMs <= deadlineMs) continue;
    await runUntil({ ...deps, settings: { ...settingsIn(deps, market), inline: false } }, stop);
  }
}

/** `?market=XNYS`; none: the market that is meant where none is named. */
function marketOfQuery(code: string | undefined) {
  return marketOf(code ?? markets[0].mic);
}

function unknownMarket({ message }: UnknownMarket) {
  return { status: 400, code: 'unknown_market', detail: `market: ${message}.` } as const;
}

/** The settings of a scan in a market, with its own cut-off and limits. */
function settingsIn(deps: HttpDeps, market: Market): HttpDeps['settings'] {
  const { settings } = deps;
  if (market === (settings.market ?? markets[0])) return settings;
  return { ...settings, market, cutOffTime: cutOffIn(deps, market), limits: limitsIn(settings, market) };
}

/** Whether a run was left before its end: still planning, or something is not sent, not known or not notified. */
function isLeftOpen({ skipped, planHash, totals }: RunReport): boolean {
  if (skipped) return false;
  const { queued, working, partiallyFilled, unknown, messages } = totals;
  return planHash === '' || queued + working + partiallyFilled + unknown + messages.queued > 0;
}

function withoutLists(report: RunReport): RunReport {
  return { ...report, truncated: true, signals: [], orders: [], decisions: [], messages: [], problems: [] };
}

function orderLimit(text: string | undefined): number | null {
  if (text === undefined) return DEFAULT_ORDERS;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= MAX_ORDERS ? limit : null;
}
