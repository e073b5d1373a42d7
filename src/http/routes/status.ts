// /health, /ready and /metrics: whether the process lives, could work, and what it counts.
import { Hono, type MiddlewareHandler } from 'hono';
import type { DayOverride } from '../../domain/market/calendar.ts';
import { type Market, markets, xnse } from '../../domain/market/market.ts';
import { dateIn, dueMsOf, nextSession, tradingDay } from '../../domain/market/session.ts';
import type { Gauges } from '../../ports/store/watch.ts';
import type { World } from '../../ports/world.ts';
import type { HttpEnv } from '../callers/auth.ts';
import type { HttpDeps } from '../deps.ts';
import { problem } from '../problem.ts';

/** Whoever asks whether we are ready does not wait longer for an answer: most probes give up after a few seconds. */
const ANSWER_WITHIN_MS = 3_000;
/** /ready is open to everybody: one read of the database serves all who ask within this time. */
const READY_TTL_MS = 1_000;

/** What keeps the service from doing its work, in words that say nothing of what is inside. */
export interface NotReady {
  code:
    | 'database_lost'
    | 'clock_wrong'
    | 'listener_lost'
    | 'orders_stuck'
    | 'migrations_missing'
    | 'calendar_ends'
    | 'no_next_session';
  detail: string;
}

interface Readiness {
  problems: NotReady[];
  nextSession: string | null;
}

/**
 * `GET /health`: the process answers (no database). `GET /ready`: it could do its work now, or 503 with what is wrong.
 * `GET /metrics`: Prometheus text, for operators' keys and the cron secret only: it shows how much is traded. Behind
 * `authenticate`.
 */
export function watchRoutes(deps: HttpDeps): Hono<HttpEnv> {
  const { world, metrics } = deps;
  const readiness = cached(world, () => probeDatabase(deps));
  return new Hono<HttpEnv>()
    .get('/health', (c) => c.json({ status: 'alive' }, 200, { 'Cache-Control': 'no-store' }))
    .get('/ready', async (c) => {
      c.header('Cache-Control', 'no-store');
      const { problems, nextSession } = await readiness();
      if (problems.length === 0) return c.json({ status: 'ready', nextSession });
      const detail = problems.map((one) => one.detail).join(' ');
      return problem(c, { status: 503, code: 'not_ready', detail, more: { problems } });
    })
    .get('/metrics', requireOperatorOrCron, async (c) => {
      const nowMs = world.clock.nowMs();
      const text = await metrics.text(await gauges(world, nowMs), nowMs);
      return c.body(text, 200, { 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' });
    });
}

/** Lets operators pass, and who has the cron secret: a scraper needs no key of its own. */
const requireOperatorOrCron: MiddlewareHandler<HttpEnv> = async (c, next) => {
  const identity = c.get('identity');
  if (identity.kind === 'cron' || (identity.kind === 'caller' && identity.caller.role === 'operator')) return next();
  if (identity.kind === 'unknown') return problem(c, identity.why);
  return problem(c, { status: 403, code: 'forbidden', detail: 'Only operators may do this.' });
};

/** Null where the database does not answer: the metrics of this process are shown all the same. */
async function gauges({ store, emit }: World, nowMs: number): Promise<Gauges | null> {
  try {
    const days = markets.map((market) => ({ market: market.mic, tradeDate: dateIn(market, nowMs) }));
    return await inTime(store.call('read_gauges', { days }));
  } catch (error) {
    emit({ type: 'metrics_read_failed', alert: true, error });
    return null;
  }
}

async function probeDatabase({ world, migrations, changes, markets: scanned = [xnse] }: HttpDeps): Promise<Readiness> {
  try {
    const nowMs = world.clock.nowMs();
    const [readiness, ...overrides] = await inTime(
      Promise.all([
        world.store.call('read_readiness', { nowMs }),
        ...scanned.map(async (market) => ({ market, days: await world.operatorDays(market) })),
      ]),
    );
    const missing = migrations.filter((version) => !readiness.migrations.includes(version));
    const calendars = overrides.map(({ market, days }) => calendarOf(market, nowMs, days));
    const problems: NotReady[] = [];
    if (readiness.clockIsFar) {
      const detail = 'The clock of this service is minutes off the database’s: nothing is done until it is set (NTP).';
      problems.push({ code: 'clock_wrong', detail });
    }
    if (changes.isLost?.() === true) {
      const detail = 'The connection that hears of changes is lost: streams are late until it is back.';
      problems.push({ code: 'listener_lost', detail });
    }
    if (readiness.stuckOrders > 0) {
      const detail = `Nobody looks after ${readiness.stuckOrders} orders whose sender is gone: keep a worker running.`;
      problems.push({ code: 'orders_stuck', detail });
    }
    if (missing.length > 0) {
      const detail = `The database lacks ${missing.length} of this version's migrations: run npm run migrate.`;
      problems.push({ code: 'migrations_missing', detail });
    }
    problems.push(...calendars.flatMap((one) => one.problems));
    return { problems, nextSession: firstDue(calendars) };
  } catch (error) {
    world.emit({ type: 'not_ready', alert: true, error });
    const detail = 'The database does not answer as it should: the log says why.';
    return { problems: [{ code: 'database_lost', detail }], nextSession: null };
  }
}

interface MarketReadiness {
  problems: NotReady[];
  /** The next session and when it is due. */
  next: { id: string; dueMs: number } | null;
}

/** What a market's calendar says by the market's own clock. */
function calendarOf(market: Market, nowMs: number, overrides: readonly DayOverride[]): MarketReadiness {
  const today = dateIn(market, nowMs);
  const id = nextSession(today, { market, slot: 'open', overrides });
  const calendar = market.mic === xnse.mic ? 'The calendar' : `The calendar of the ${market.name}`;
  const problems: NotReady[] = [];
  if (tradingDay(market, today, overrides).kind === 'beyond_coverage') {
    const detail = `${calendar} does not know ${today}: import the year’s list of holidays (npm run calendar -- import F.csv).`;
    problems.push({ code: 'calendar_ends', detail });
  }
  if (id === null) {
    const detail = `${calendar} knows no session after today: update daily-scan, or add days with npm run calendar.`;
    problems.push({ code: 'no_next_session', detail });
  }
  return { problems, next: id === null ? null : { id, dueMs: dueMsOf(market, id.split(':')[1] ?? today) } };
}

/** The session that is due first, of all markets'. */
function firstDue(calendars: readonly MarketReadiness[]): string | null {
  const [first] = calendars.flatMap(({ next }) => next ?? []).toSorted((a, b) => a.dueMs - b.dueMs);
  return first?.id ?? null;
}

/** @throws TimeoutError when the work takes too long; it goes on, unheard */
async function inTime<Result>(work: Promise<Result>): Promise<Result> {
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const tooLate = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return Promise.race([work, tooLate]);
}

/** The same answer for everybody who asks while it is read, and for a moment after. */
function cached({ clock }: World, probe: () => Promise<Readiness>): () => Promise<Readiness> {
  let kept: { answer: Promise<Readiness>; atMs: number } | null = null;
  return () => {
    const nowMs = clock.nowMs();
    if (kept === null || nowMs < kept.atMs || nowMs - kept.atMs >= READY_TTL_MS)
      kept = { answer: probe(), atMs: nowMs };
    return kept.answer;
  };
}
