// Bench case: whether years of past orders slow down a day.
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
import { importDay } from './day.ts';
import { type Through, throughOnce } from './orders-through.ts';
import { makePast } from './past.ts';

const SIGNALS = 5;
const RATIO = 1.3;

/** Whether years of orders slow down a day: the same scan on a new database, and on one with a past. */
export const growth: BenchCase = {
  name: 'growth',
  what: 'planning and sending again on a database with at least 2 million past orders',
  async measure(bench) {
    const users = scaled(bench, 10_000, 2);
    const empty = await onDatabase(bench, users, null);
    const grown = await onDatabase(bench, users, scaled(bench, bench.pastOrders, 20));
    return [
      recorded(`${figure(grown.pastOrders)} past orders, made by SQL`, `${figure(grown.prepareMs / 1000)} s`),
      rowOf(
        bench,
        `planning ${figure(users)} users × ${SIGNALS} signals`,
        empty.goes,
        grown.goes,
        ({ planMs }) => planMs,
      ),
      rowOf(
        bench,
        `sending ${figure(users * SIGNALS)} orders`,
        empty.goes,
        grown.goes,
        ({ ms, planMs }) => ms - planMs,
      ),
    ];
  },
};

interface Grown {
  goes: Through[];
  pastOrders: number;
  prepareMs: number;
}

async function onDatabase(bench: Bench, users: number, past: number | null): Promise<Grown> {
  let pastOrders = 0;
  const { ms: prepareMs, result: prepared } = await clocked(() =>
    bench.server.prepared(async (database) => {
      await importDay(database.store, users, SIGNALS);
      if (past !== null) pastOrders = await makePast(database, past);
    }),
  );
  try {
    const goes = await repeated(bench, 'big', () => throughOnce(bench, prepared, users * SIGNALS));
    return { goes, pastOrders, prepareMs };
  } finally {
    await prepared.drop();
  }
}

function rowOf(bench: Bench, what: string, empty: Through[], grown: Through[], of: (go: Through) => number): Row {
  const [before, after] = [median(empty.map(of)), median(grown.map(of))];
  return judged(bench, {
    what,
    goal: `≤ ${RATIO} × that of an empty database`,
    result: `${figure(after)} ms, empty ${figure(before)} ms (${howOften(grown)})`,
    ratio: times(after / before),
    met: after <= RATIO * before,
  });
}
