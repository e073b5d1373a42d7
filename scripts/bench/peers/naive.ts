// Bench case: the whole run beside the naive algorithm.
import { z } from 'zod';
import { openPostgres } from '../../../src/adapters/store/postgres.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { run } from '../../../src/run.ts';
import {
  type Bench,
  type BenchCase,
  clocked,
  figure,
  howOften,
  judged,
  median,
  type Row,
  recorded,
  repeated,
  scaled,
  times,
} from '../bench-case.ts';
import { startPart } from '../child-process.ts';
import type { BenchDatabase, Prepared } from '../core/databases.ts';
import { benchRequest, benchWorld, importDay } from '../core/day.ts';
import { instantVenue } from '../core/instant-venue.ts';
import { mustBeFilled } from '../core/orders-through.ts';
import { type Naive, openNaive } from './naive-algorithm.ts';

const SIGNALS = 3;
const [SEQUENTIAL, PARALLEL_FAR] = [20, 6];
/** How far a database usually is: another machine of the same data centre. */
const FAR_MS = 1;

/** The whole run beside the algorithm one would write first, on the same database and at the same venue. */
export const naive: BenchCase = {
  name: 'naive',
  what: '1,000 users × 3 signals at a venue of 150 ms, beside the naive algorithm (scripts/bench/peers/naive-algorithm.ts)',
  async measure(bench) {
    const users = scaled(bench, 1_000, 2);
    const prepared = await bench.server.prepared(({ store }) => importDay(store, users, SIGNALS));
    try {
      const rounds = await repeated(bench, 'cheap', () => roundOn(bench, prepared, users));
      const far = await repeated(bench, 'cheap', () => farRound(bench, prepared, users));
      return [...rowsOf(bench, users * SIGNALS, rounds), farRow(bench, far)];
    } finally {
      await prepared.drop();
    }
  },
};

interface Round {
  productMs: number;
  parallelMs: number;
  /** Of so few orders that all of them have to be extrapolated. */
  sequential: { orders: number; ms: number };
}

async function roundOn(bench: Bench, prepared: Prepared, users: number): Promise<Round> {
  const latencyMs = scaled(bench, 150, 5);
  const database = await bench.server.fresh(prepared);
  try {
    const productMs = await productOn(database, users, latencyMs);
    const algorithm = await openNaive(database, SIGNALS, latencyMs);
    try {
      const sequential = await sequentially(algorithm, scaled(bench, 60 / SIGNALS));
      await algorithm.clear();
      const { ms: parallelMs } = await clocked(() => inParallel(algorithm));
      await algorithm.mustHave(users * SIGNALS);
      return { productMs: productMs, parallelMs, sequential };
    } finally {
      await algorithm.close();
    }
  } finally {
    await database.close();
  }
}

/** Both reach the database through a proxy that delays each answer of it. */
async function farRound(
  bench: Bench,
  prepared: Prepared,
  users: number,
): Promise<{ productMs: number; parallelMs: number }> {
  const latencyMs = scaled(bench, 150, 5);
  const database = await bench.server.fresh(prepared);
  const near = new URL(database.url);
  const proxy = startPart('far-database', { port: Number(near.port), delayMs: FAR_MS });
  try {
    near.port = String(z.object({ port: z.int() }).parse(await proxy.nextMessage()).port);
    const store = makeStore(openPostgres({ url: near.href, max: 10 }), { virtual: true });
    const far = { ...database, url: near.href, store };
    const productMs = await productOn(far, users, latencyMs);
    await store.close();
    const algorithm = await openNaive(far, SIGNALS, latencyMs);
    const { ms: parallelMs } = await clocked(() => inParallel(algorithm));
    await algorithm.mustHave(users * SIGNALS);
    await algorithm.close();
    return { productMs, parallelMs };
  } finally {
    await proxy.stop();
    await database.close();
  }
}

function farRow(bench: Bench, rounds: { productMs: number; parallelMs: number }[]): Row {
  const [own, ms] = [median(rounds.map((one) => one.productMs)), median(rounds.map((one) => one.parallelMs))];
  return judged(bench, {
    what: `the same with the database ${FAR_MS} ms away`,
    goal: `we are ≥ ${PARALLEL_FAR} × as fast`,
    result: `${figure(ms)} ms, ours ${figure(own)} ms (${howOften(rounds)})`,
    ratio: times(ms / own),
    met: ms >= PARALLEL_FAR * own,
  });
}

/** As many at once as the naive one has under way, as far as the product goes. */
const concurrencyFor = (users: number): number => Math.min(1_000, users);

async function productOn(database: BenchDatabase, users: number, latencyMs: number): Promise<number> {
  const { url, store } = database;
  const world = await benchWorld({ url, store, venue: instantVenue({ latencyMs }) });
  const { ms } = await clocked(() => run(world, benchRequest(concurrencyFor(users))));
  await mustBeFilled(database, users * SIGNALS);
  return ms;
}

/** User by user, signal by signal, one thing after another. */
async function sequentially({ users, symbols, place }: Naive, maxUsers: number): Promise<Round['sequential']> {
  const measured = users.slice(0, maxUsers);
  const { ms } = await clocked(async () => {
    for (const user of measured) for (const symbol of symbols) await place(user, symbol);
  });
  return { orders: measured.length * symbols.length, ms };
}

/** Signal by signal, all users at once. */
async function inParallel({ users, symbols, place }: Naive): Promise<void> {
  for (const symbol of symbols) await Promise.all(users.map((user) => place(user, symbol)));
}

function rowsOf(bench: Bench, orders: number, rounds: Round[]): Row[] {
  const productMs = median(rounds.map((round) => round.productMs));
  const parallelMs = median(rounds.map((round) => round.parallelMs));
  const measured = rounds[0]?.sequential.orders ?? 0;
  const sequentialMs = median(rounds.map(({ sequential }) => (sequential.ms * orders) / sequential.orders));
  const often = howOften(rounds);
  const beside = (what: string, ms: number, note: string, goal: number): Row =>
    judged(bench, {
      what,
      goal: `we are ≥ ${goal} × as fast`,
      result: `${figure(ms)} ms (${note})`,
      ratio: times(ms / productMs),
      met: ms >= goal * productMs,
    });
  return [
    recorded(
      `the whole run, ${figure(orders)} orders, concurrency ${concurrencyFor(orders / SIGNALS)}`,
      `${figure(productMs)} ms (${often})`,
    ),
    beside('naive, user by user', sequentialMs, `extrapolated from ${measured} orders; ${often}`, SEQUENTIAL),
    // For the record: a database that answers at once is nobody's deployment.
    recorded(
      'naive, all users of a signal at once',
      `${figure(parallelMs)} ms (${often})`,
      times(parallelMs / productMs),
    ),
  ];
}
