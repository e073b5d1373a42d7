// Bench case: whether years of past orders slow down a day, and how long checking the books of all of them takes.
import { addDays } from '../../../src/domain/market/india-time.ts';
import type { Answer } from '../../../src/ports/store/store.ts';
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
import type { BenchDatabase, Prepared } from './databases.ts';
import { importDay, tradeDate } from './day.ts';
import { type Through, throughOnce } from './orders-through.ts';
import { makePast } from './past.ts';

const SIGNALS = 5;
const RATIO = 1.3;

/** Whether years of orders slow down a day: the same scan on a new database, and on one with a past. */
export const growth: BenchCase = {
  name: 'growth',
  what: 'planning, sending and checking the books on a database with at least 2 million past orders',
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
      ...grown.checks,
    ];
  },
};

interface Grown {
  goes: Through[];
  pastOrders: number;
  prepareMs: number;
  checks: Row[];
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
    return { goes, pastOrders, prepareMs, checks: past === null ? [] : await checksOf(bench, prepared) };
  } finally {
    await prepared.drop();
  }
}

/** What an evening looks at, before the past is closed and after; of a closing it computes one anew each evening. */
async function checksOf(bench: Bench, prepared: Prepared): Promise<Row[]> {
  const database = await bench.server.fresh(prepared);
  const { store } = database;
  const evening = async (): Promise<number> =>
    (await clocked(() => store.call('check_books', { sinceDate: addDays(tradeDate, -7) }))).ms;
  try {
    const openMs = await evening();
    const { ms: closeMs, result: closed } = await clocked(() => closePast(database));
    await database.session.exec('analyze public.closings, public.closed_balances, public.closed_positions');
    const closedMs = await evening();
    const closings: number[] = [];
    for (const { through } of (await store.call('read_closings', {})).closings)
      closings.push((await clocked(() => store.call('check_books', { closing: through }))).ms);
    const everyOneMs = closings.reduce((sum, ms) => sum + ms, 0);
    const months = `${closings.length} closings`;
    return [
      recorded('check_books, nothing closed', `${figure(openMs)} ms`),
      recorded(`closing ${figure(closed)} balances, ${months}`, `${figure(closeMs)} ms`),
      recorded('check_books of an evening', `${figure(closedMs)} ms`, times(closedMs / openMs)),
      recorded(
        `check_books of everything: that and ${months}`,
        `${figure(closedMs + everyOneMs)} ms, the longest call ${figure(Math.max(closedMs, ...closings))} ms`,
        times((closedMs + everyOneMs) / openMs),
      ),
    ];
  } finally {
    await database.close();
  }
}

/** Closes the past up to a week ago, 30 days at a time. Gives how many balances there are then. */
async function closePast({ store }: BenchDatabase): Promise<number> {
  const { firstDay } = await store.call('read_closings', {});
  const days: string[] = [];
  for (let day = addDays(tradeDate, -7); firstDay !== null && day >= firstDay; day = addDays(day, -30))
    days.unshift(day);
  let closed = 0;
  for (const through of days) {
    let after: number | null = null;
    do {
      const answer: Answer<'close_books'> = await store.call('close_books', { through, after, limit: 100 });
      if (answer.kind !== 'closed') throw new Error(`the books can not be closed through ${through}: ${answer.kind}`);
      closed += answer.closed;
      after = answer.next;
    } while (after !== null);
  }
  return closed;
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
