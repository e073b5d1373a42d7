// Bench case: a whole run at a slow venue, beside the time no program can beat.
import { run } from '../../../src/run.ts';
import {
  type Bench,
  type BenchCase,
  clocked,
  figure,
  howOften,
  judged,
  median,
  notMeasured,
  type Row,
  repeated,
  scaled,
  times,
} from '../bench-case.ts';
import type { Prepared } from '../core/databases.ts';
import { benchRequest, benchWorld, importDay } from '../core/day.ts';
import { mustBeFilled } from '../core/orders-through.ts';
import { type Loopback, startLoopback } from './loopback-venue.ts';

const SIGNALS = 5;
const RATIO = 1.1;
const SLACK_MS = 200;
/** Longer combinations are for --all. */
const MAX_EMULATION_MS = 60_000;
const CHEAP_MS = 5_000;

/** The whole run, beside the time no fan-out can beat and a loop that does nothing but the calls. */
export const venue: BenchCase = {
  name: 'venue',
  what: 'the whole run at an HTTP venue, beside the ideal and a bare loop of the same calls',
  async measure(bench) {
    const loopback = await startLoopback();
    try {
      const rows: Row[] = [];
      for (const orders of [1_000, 10_000]) rows.push(...(await ofOrders(bench, loopback, scaled(bench, orders, 10))));
      return rows;
    } finally {
      await loopback.stop();
    }
  },
};

interface Combination {
  orders: number;
  latencyMs: number;
  concurrency: number;
}

const idealMs = ({ orders, latencyMs, concurrency }: Combination) => latencyMs * Math.ceil(orders / concurrency);

async function ofOrders(bench: Bench, loopback: Loopback, orders: number): Promise<Row[]> {
  const combinations = [150, 2_000].flatMap((latencyMs) =>
    [50, 500].map((concurrency): Combination => {
      return { orders, latencyMs: scaled(bench, latencyMs, 5), concurrency: scaled(bench, concurrency, 2) };
    }),
  );
  const users = Math.floor(orders / SIGNALS);
  const prepared = await bench.server.prepared(({ store }) => importDay(store, users, SIGNALS));
  try {
    const rows: Row[] = [];
    for (const one of combinations) rows.push(await combined(bench, loopback, prepared, one));
    return rows;
  } finally {
    await prepared.drop();
  }
}

async function combined(bench: Bench, loopback: Loopback, prepared: Prepared, one: Combination): Promise<Row> {
  const what = `${figure(one.orders)} orders, ${figure(one.latencyMs)} ms, concurrency ${one.concurrency}`;
  const goal = `≤ ${RATIO} × ideal or bare loop + ${SLACK_MS} ms`;
  const ideal = idealMs(one);
  if (ideal > MAX_EMULATION_MS && !bench.all) {
    return notMeasured(what, goal, `the ideal alone takes ${figure(ideal / 1000)} s: --all`);
  }
  const rounds = await repeated(bench, ideal <= CHEAP_MS ? 'cheap' : 'big', () =>
    roundOf(bench, loopback, prepared, one),
  );
  const [product, bare] = [median(rounds.map((round) => round.ms)), median(rounds.map((round) => round.bareMs))];
  const best = Math.max(ideal, bare);
  return judged(bench, {
    what,
    goal,
    result: `${figure(product)} ms; ideal ${figure(ideal)}, bare loop ${figure(bare)} ms (${howOften(rounds)})`,
    ratio: times(product / best),
    met: product <= RATIO * best + SLACK_MS,
  });
}

async function roundOf(
  bench: Bench,
  loopback: Loopback,
  prepared: Prepared,
  { orders, latencyMs, concurrency }: Combination,
): Promise<{ ms: number; bareMs: number }> {
  await loopback.begin(latencyMs);
  const { ms: bareMs } = await clocked(() => loopback.bareLoop(orders, concurrency));
  const { ms } = await runAt(bench, loopback, prepared, { orders, latencyMs, concurrency });
  return { ms, bareMs };
}

/** One whole run of a prepared day at the loopback venue: how long it took, and how its orders arrived there. */
export async function runAt(
  bench: Bench,
  loopback: Loopback,
  prepared: Prepared,
  { orders, latencyMs, concurrency }: Combination,
): Promise<{ ms: number; spreadMs: number }> {
  const database = await bench.server.fresh(prepared);
  const { venue: at, close } = loopback.venue(concurrency);
  try {
    await loopback.begin(latencyMs);
    const world = await benchWorld({ url: database.url, store: database.store, venue: at });
    const { ms } = await clocked(() => run(world, benchRequest(concurrency)));
    const arrived = await loopback.arrived();
    if (arrived.orders !== orders) throw new Error(`${arrived.orders} orders arrived, not ${orders}`);
    await mustBeFilled(database, orders);
    return { ms, spreadMs: arrived.spreadMs };
  } finally {
    await close();
    await database.close();
  }
}
