// Directs a torture: plays rounds, disturbs the processes, and compares the books.
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { openPostgres, openPostgresSession } from '../../src/adapters/store/postgres.ts';
import { makeStore } from '../../src/adapters/store/store.ts';
import { istMs } from '../../src/domain/market/india-time.ts';
import { xnse } from '../../src/domain/market/market.ts';
import { nextSession } from '../../src/domain/market/session.ts';
import type { SqlSession } from '../../src/ports/database.ts';
import type { Store } from '../../src/ports/store/store.ts';
import type { Clock } from '../../src/ports/world.ts';
import setup, { type TestDatabases } from '../../test/support/global-setup.ts';
import { type WholeBook, wholeBook } from './book.ts';
import { databaseClockSql, type FastDay, fastClock } from './fast-day.ts';
import { haltForAWhile, resolveUnknown } from './operator.ts';
import { startPart, TortureProcesses } from './processes.ts';
import { symbolsOf } from './run-inputs.ts';
import { verdict } from './verdict.ts';

const WORKERS = 3;
const SCANS = 2;
const STRIKE_EVERY_MS = 2_000;
/** What a round may take to settle once nobody disturbs it; eight lookups take four minutes of the day. */
const SETTLE_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 10_000;

export interface TortureOptions {
  minutes: number;
  speed: number;
  /** How long processes are struck in each round. */
  unrestMs: number;
  say: (line: string) => void;
}

interface Stage {
  databaseUrl: string;
  venueUrl: string;
  store: Store;
  session: SqlSession;
  speed: number;
  unrestMs: number;
}

/** Rounds until the time is over; gives the number of violations. */
export async function direct({ minutes, speed, unrestMs, say }: TortureOptions): Promise<number> {
  const untilMs = Date.now() + minutes * 60_000;
  const { databases, teardown } = await startPostgres();
  const databaseUrl = databases.postgresUrl.replace(/\/postgres$/, '/torture');
  const appUrl = `${databaseUrl}?application_name=torture`;
  const admin = await openPostgresSession(databases.postgresUrl);
  await admin.exec(`create database torture template ${databases.template}`);
  const session = await openPostgresSession(appUrl);
  const store = makeStore(openPostgres({ url: appUrl, max: 2 }), { virtual: true });
  const venue = startPart('venue', { databaseUrl: appUrl });
  const venueUrl = `http://127.0.0.1:${await portOf(venue)}`;
  const sum = new Map<string, number>();
  const broken: string[] = [];
  try {
    let date: string | null = '2025-01-02';
    for (let round = 1; date !== null && broken.length === 0 && (round === 1 || Date.now() < untilMs); round += 1) {
      const ended = await playRound({ databaseUrl, venueUrl, store, session, speed, unrestMs }, date, round);
      say(`round ${round} (${date}): ${line(ended.counts)}`);
      for (const [what, count] of Object.entries(ended.counts)) sum.set(what, (sum.get(what) ?? 0) + count);
      for (const one of ended.broken) say(`  VIOLATION ${one}`);
      broken.push(...ended.broken);
      date = nextSession(date, { market: xnse, slot: 'open' })?.split(':')[1] ?? null;
    }
    const { faults } = await ask(venueUrl);
    say(`faults: ${line(Object.fromEntries(Object.entries(faults).sort()))}`);
    say(`torture: ${line({ ...Object.fromEntries(sum), violations: broken.length })}`);
  } finally {
    venue.kill('SIGKILL');
    await Promise.all([session.close(), store.close(), admin.close()]);
    await teardown();
  }
  return broken.length;
}

async function playRound(stage: Stage, date: string, round: number): Promise<{ counts: Counts; broken: string[] }> {
  const { databaseUrl, venueUrl, session, store, speed, unrestMs } = stage;
  const day: FastDay = { date, openedAtMs: istMs(date, '09:20'), startedAtMs: Date.now(), speed };
  await session.exec(databaseClockSql(day));
  await post(`${venueUrl}/day`, { day, stormy: round % 4 === 3 ? [symbolsOf(round)[1]] : [] });
  const processes = new TortureProcesses(
    (kind) => ({ databaseUrl, venueUrl, day, round, inline: kind === 'scan' && randomInt(2) === 0 }),
    () => cutOneConnection(session),
  );
  for (let n = 0; n < WORKERS; n += 1) processes.start('worker');
  for (let n = 0; n < SCANS; n += 1) processes.start('scan');
  const [markedInHalt] = await Promise.all([
    haltForAWhile(store, session, fastClock(day)),
    unrest(processes, unrestMs),
  ]);
  const settledInTime = await settled(store, session, processes, fastClock(day));
  await processes.disband(STOP_WITHIN_MS);
  const left = await resolveUnknown(store, session, await ask(venueUrl), fastClock(day));
  const broken = [...processes.died, ...(await verdict(store, session, await ask(venueUrl)))];
  if (markedInHalt > 0) broken.unshift(`${markedInHalt} orders were marked during a halt`);
  if (!settledInTime) broken.unshift(`round ${round} did not settle: ${await leftOver(session)}`);
  const counts = {
    rounds: 1,
    ...Object.fromEntries(Object.entries(processes.deeds).sort()),
    halt: 1,
    ...(await statusesOf(session, date)),
    'unknown at the end (resolved by hand)': left,
    violations: broken.length,
  };
  return { counts, broken };
}

type Counts = Record<string, number>;

/** A strike every two seconds on average, for a while. */
async function unrest(processes: TortureProcesses, forMs: number): Promise<void> {
  const untilMs = Date.now() + forMs;
  for (;;) {
    const pauseMs = randomInt(200, 2 * STRIKE_EVERY_MS - 200);
    if (Date.now() + pauseMs > untilMs) return;
    await pause(pauseMs);
    await processes.strike(randomInt(3_500, 6_000));
  }
}

/** Ends one connection of a worker or a scan, whatever it is doing: its answer is lost, what it wrote may stand. */
async function cutOneConnection(session: SqlSession): Promise<void> {
  await session.query(`select pg_terminate_backend(pid) from (select pid from pg_stat_activity
    where datname = current_database() and application_name = 'daily-scan' order by random() limit 1) one`);
}

/**
 * Waits until nothing is open and a scan has come to its end since; false where that does not happen in time. Looked at
 * twice: who was just woken may still hand something back. A correction that is due and not queued yet is open, too.
 */
async function settled(store: Store, session: SqlSession, processes: TortureProcesses, clock: Clock): Promise<boolean> {
  const startedAtMs = Date.now();
  const scansBefore = processes.scansEnded;
  let quietChecks = 0;
  while (Date.now() - startedAtMs < SETTLE_WITHIN_MS) {
    await pause(500);
    await store.call('queue_corrections', { nowMs: clock.nowMs() });
    const quiet = !processes.anyFrozen() && processes.scansEnded > scansBefore && (await leftOver(session)) === '';
    quietChecks = quiet ? quietChecks + 1 : 0;
    if (quietChecks === 2) return true;
  }
  return false;
}

/** What is still open, in words; '' when nothing is. */
async function leftOver(session: SqlSession): Promise<string> {
  const rows = await session.query(`
    select 'run ' || state as what, count(*) as n from public.scan_runs where state <> 'done' group by 1
    union all select 'order ' || status, count(*) from public.orders
      where status in ('queued', 'submitting', 'working', 'partially_filled')
        or (status = 'unknown' and next_lookup_at is not null) group by 1
    union all select 'message ' || status, count(*) from public.messages where status in ('queued', 'sending') group by 1`);
  return rows.map(({ what, n }) => `${n} ${what}`).join(', ');
}

async function statusesOf(session: SqlSession, date: string): Promise<Counts> {
  const rows = await session.query(
    `select o.status as what, count(*) as n from public.orders o join public.scan_runs run on run.id = o.run_id
     where run.trade_date = $1 group by 1 union all
     select 'breaker_open', count(*) from public.orders o join public.scan_runs run on run.id = o.run_id
     where run.trade_date = $1 and o.reason = 'breaker_open' having count(*) > 0`,
    [date],
  );
  const orders = rows.reduce((sum, { what, n }) => sum + (what === 'breaker_open' ? 0 : Number(n)), 0);
  return { orders, ...Object.fromEntries(rows.map(({ what, n }) => [String(what), Number(n)])) };
}

/** The Postgres of the tests: on the loopback, in a directory of its own, gone at the end. */
async function startPostgres(): Promise<{ databases: TestDatabases; teardown: () => Promise<void> }> {
  const { promise, resolve } = Promise.withResolvers<TestDatabases>();
  const teardown = await setup({ provide: (_key, value) => resolve(value) });
  const databases = await promise;
  if (databases.problem !== null) throw new Error(`Postgres did not start: ${databases.problem}`);
  return { databases, teardown };
}

async function portOf(venue: ChildProcess): Promise<number> {
  venue.stderr?.on('data', (text) => process.stderr.write(text));
  const message = await new Promise((resolve, reject) => {
    venue.once('message', resolve);
    venue.once('exit', () => reject(new Error('the venue did not start')));
  });
  return z.object({ port: z.int() }).parse(message).port;
}

async function ask(venueUrl: string): Promise<WholeBook> {
  return wholeBook.parse(await (await fetch(`${venueUrl}/book`)).json());
}

async function post(url: string, body: unknown): Promise<void> {
  await fetch(url, { method: 'POST', body: JSON.stringify(body) });
}

function line(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([what, count]) => `${what} ${count}`)
    .join(', ');
}
