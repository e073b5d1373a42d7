// Plays one live day of many users at three venues that misbehave.

import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storedQuotes } from '../../src/adapters/quotes/quotes.ts';
import { makeWorld, scanSettings } from '../../src/compose/world.ts';
import { type Config, readConfig } from '../../src/config/config.ts';
import { type Market, xnse } from '../../src/domain/market/market.ts';
import { dueMsOf, marketOfExchange, msIn, tradingDay } from '../../src/domain/market/session.ts';
import { makeLog } from '../../src/log.ts';
import type { SqlSession } from '../../src/ports/database.ts';
import { emitToAll } from '../../src/ports/events/events.ts';
import type { Store } from '../../src/ports/store/store.ts';
import type { World } from '../../src/ports/world.ts';
import { run } from '../../src/run.ts';
import { type SyncReport, sync } from '../../src/stages/accounts/evening-sync.ts';
import { ready } from '../../src/stages/accounts/readiness.ts';
import { workOnce } from '../../src/stages/execute-and-notify.ts';
import { noInputs } from '../../src/stages/scan/request.ts';
import { requestId } from '../../test/simulators/venues/lemonn-exchange.ts';
import type { JumpingClock } from '../../test/stages/support/clocks.ts';
import { tally } from '../../test/stages/support/database-state.ts';
import type { AnyEvent } from '../../test/support/any-event.ts';
import { tradeDate } from '../../test/support/builders.ts';
import { shortenTimeouts, stormClock } from './clock.ts';
import { type DrawnFaults, drawFaults } from './drawn-faults.ts';
import { openSimulatedVenues, type SimulatedVenues } from './simulated-venues.ts';
import { importUsers } from './users.ts';
import { whatBecame, wrongs } from './verdict.ts';

export interface StormOptions {
  databaseUrl: string;
  store: Store;
  session: SqlSession;
  users: number;
  seed: number;
  /** How many of a hundred submissions, and of a hundred lookups, go wrong. */
  faultPercent: number;
  /** The longest anybody waits for an answer. */
  timeoutMs: number;
  say: (line: string) => void;
}

interface Stage extends StormOptions {
  world: World;
  clock: JumpingClock;
  simulated: SimulatedVenues;
  concurrency: number;
}

/** The markets of the day, in the order in which they open. */
const days = [xnse, marketOfExchange('US')];

/**
 * One live day of many users at three venues whose wires misbehave: the NSE's for who is in rupees, then New York's for who
 * is in dollars. Each is its readiness, its scan, lookups until nothing is open, and its evening's comparison. Says what
 * became of the orders, and gives everything that is wrong, as sentences.
 */
export async function storm(options: StormOptions): Promise<string[]> {
  const { store, session, seed, faultPercent, say, users } = options;
  const clock = stormClock(msIn(xnse, tradeDate, xnse.times.ready));
  const simulated = await openSimulatedVenues(clock);
  const directory = mkdtempSync(join(tmpdir(), 'daily-scan-storm-'));
  const logFile = openSync(join(directory, 'log'), 'a');
  const events: AnyEvent[] = [];
  const restoreTimeouts = shortenTimeouts(options.timeoutMs);
  try {
    const config = liveConfig(simulated);
    const hidden = await importUsers({ store, session, config, clock }, users);
    const target = { kind: 'server', url: options.databaseUrl } as const;
    const emit = emitToAll(makeLog('trace', logFile), (event) => events.push(event));
    const quotes = storedQuotes(store, 'signal');
    const world = await makeWorld({ config, target, store, clock, quotes, faults: null, emit });
    const faultPlans = new Map(simulated.all.map((one) => [one.name, drawFaults(one, seed, faultPercent)]));
    const stage: Stage = { ...options, world, clock, simulated, concurrency: config.concurrency };
    const wrong: string[] = [];
    const synced: SyncReport[] = [];
    for (const market of days) {
      say(`${market.name}:`);
      wrong.push(...(await playDay(stage, market, config, faultPlans)));
      clock.jump(msIn(market, tradeDate, market.times.sync) - clock.nowMs());
      synced.push(await sync(world, { mode: 'live', market, concurrency: config.concurrency }));
    }
    const log = readFileSync(join(directory, 'log'), 'utf8');
    const day = {
      store,
      session,
      exchanges: simulated.all,
      faultPlans,
      events,
      log,
      ...hidden,
      synced,
      users,
    };
    say(await whatBecame(day));
    say(`lookups that went wrong: ${readsOf(faultPlans)}`);
    const compared = synced.map((one) => `${one.compared}, drifts ${one.drifts.length}`).join('; ');
    say(`log: ${log.split('\n').length} lines; compared in the evenings: ${compared}`);
    return [...wrong, ...(await wrongs(day))];
  } finally {
    restoreTimeouts();
    closeSync(logFile);
    rmSync(directory, { recursive: true });
    await simulated.close();
  }
}

function liveConfig({ kite, lemonn, alpaca }: SimulatedVenues): Config {
  const read = readConfig({
    TRADING_MODE: 'live',
    MAX_ORDER_VALUE: 'INR=100000000,USD=100000000',
    CREDENTIALS_KEY: randomBytes(32).toString('base64'),
    KITE_BASE_URL: kite.baseUrl,
    LEMONN_BASE_URL: lemonn.baseUrl,
    LEMONN_REQUEST_ID: requestId,
    ALPACA_BASE_URL: alpaca.options.baseUrl,
    ALPACA_DATA_URL: alpaca.options.dataUrl,
  });
  if (read.kind !== 'config') throw new Error(read.problems.join('; '));
  return read.config;
}

/** From readiness until nothing is open; gives what went wrong on the way. */
async function playDay(
  stage: Stage,
  market: Market,
  config: Config,
  faultPlans: ReadonlyMap<string, DrawnFaults>,
): Promise<string[]> {
  const { world, clock, simulated, concurrency, say } = stage;
  const forgedBefore = forgedIn(faultPlans);
  clock.jump(msIn(market, tradeDate, market.times.ready) - clock.nowMs());
  const readiness = await ready(world, { mode: 'live', market, concurrency });
  const notReady = readiness.accounts.filter((one) => !one.ready);
  clock.jump(dueMsOf(market, tradeDate) - clock.nowMs());
  for (const one of simulated.all) one.injectFaults(faultPlans.get(one.name) ?? null);
  const request = {
    dryRun: false,
    expectPlan: null,
    waitMs: 0,
    inputs: { ...noInputs, by: { who: 'venue-storm', how: 'service' } as const },
  };
  const result = await run(world, { ...scanSettings(config, market), ...request });
  const totals = result.kind === 'report' ? JSON.stringify(result.report.totals) : result.message;
  say(`${readiness.accounts.length} accounts, ${notReady.length} not ready; after the first round: ${totals}`);
  const pushes = await settled(stage, market);
  const unknown = await resolveUnknown(stage);
  for (const one of simulated.all) one.injectFaults(null);
  say(
    `pushes of kite: ${line(tally(pushes))}; left to a person: ${unknown.left}, of which ${unknown.taken} had been taken`,
  );
  const forged = forgedIn(faultPlans) - forgedBefore;
  const rejectedPushes = pushes.filter((one) => one === 'bad_checksum').length;
  return [
    ...notReady.map(({ userId, reason }) => `${userId} was not ready: ${reason}`),
    ...(rejectedPushes === forged ? [] : [`${forged} pushes had a wrong checksum, ${rejectedPushes} were refused`]),
    ...(await leftOver(stage)).map((what) => `left open: ${what}`),
  ];
}

function forgedIn(faultPlans: ReadonlyMap<string, DrawnFaults>): number {
  const suffered = [...(faultPlans.get('kite')?.orders.values() ?? [])].flat();
  return suffered.filter((one) => one === 'wrong_checksum').length;
}

/** Hears what the venues push and goes on, as a worker does, until nothing is open. Gives what the pushes were taken for. */
async function settled(stage: Stage, market: Market): Promise<string[]> {
  const { world, clock, simulated, concurrency } = stage;
  const day = tradingDay(market, tradeDate);
  if (day.kind !== 'open') throw new Error(`${market.name} does not trade on ${tradeDate}`);
  const endMs = day.closeMs;
  const pushes: string[] = [];
  while (clock.nowMs() < endMs) {
    for (const raw of simulated.kite.push?.take() ?? []) {
      pushes.push((await world.logins?.get('kite')?.handlePush?.(raw)) ?? 'nobody there');
    }
    await workOnce(world, { concurrency });
    const { nextDueMs } = await world.store.call('finish_runs', { nowMs: clock.nowMs() });
    if ((await leftOver(stage)).length === 0) break;
    await clock.sleep(Math.max(1_000, (nextDueMs ?? 0) - clock.nowMs()));
  }
  return pushes;
}

/** What is still open, in words. */
async function leftOver({ session }: StormOptions): Promise<string[]> {
  const rows = await session.query(`
    select 'run ' || state as what, count(*) as n from public.scan_runs where state <> 'done' group by 1
    union all select 'order ' || status, count(*) from public.orders
      where status in ('queued', 'submitting', 'working', 'partially_filled')
        or (status = 'unknown' and next_lookup_at is not null) group by 1
    union all select 'message ' || status, count(*) from public.messages where status in ('queued', 'sending') group by 1`);
  return rows.map(({ what, n }) => `${n} ${what}`);
}

/** Plays the operator: looks into the venue's own book and says what became of each order nobody could find out about. */
async function resolveUnknown({
  session,
  simulated,
  world,
  ...stage
}: Stage): Promise<{ left: number; taken: number }> {
  const rows = await session.query("select client_order_id as id from public.orders where status = 'unknown'");
  const book = new Map(simulated.all.flatMap((one) => one.book()).map((one) => [one.clientOrderId, one]));
  let taken = 0;
  for (const { id } of rows) {
    const found = book.get(String(id));
    if (found) taken += 1;
    const answer = await world.store.call('resolve_order', {
      order: String(id),
      as: found ? 'filled' : 'not-placed',
      quantity: null,
      priceMinor: found ? Math.round(found.price * 100) : null,
      by: { who: 'venue-storm', how: 'cli' },
      nowMs: stage.clock.nowMs(),
    });
    if (answer.kind !== 'resolved') throw new Error(`${id} could not be resolved: ${JSON.stringify(answer)}`);
  }
  // What the person said is told in corrections.
  await workOnce(world, { concurrency: stage.concurrency });
  return { left: rows.length, taken };
}

function readsOf(faultPlans: ReadonlyMap<string, DrawnFaults>): string {
  return [...faultPlans].map(([name, { reads }]) => `${name} ${reads.faulty} of ${reads.all}`).join(', ');
}

function line(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([what, count]) => `${what} ${count}`)
    .join(', ');
}
