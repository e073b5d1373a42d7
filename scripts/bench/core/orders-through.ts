// Bench case: orders planned and sent per second.
import { execute } from '../../../src/stages/execute/execute.ts';
import {
  type Bench,
  type BenchCase,
  clocked,
  figure,
  howOften,
  judged,
  median,
  type Row,
  repeated,
  scaled,
  times,
} from '../bench-case.ts';
import { peerRows } from '../peers/peer-queues.ts';
import { mustBalance } from './books.ts';
import type { BenchDatabase, Prepared } from './databases.ts';
import { benchRequest, benchWorld, importDay, planned } from './day.ts';
import { instantVenue } from './instant-venue.ts';

const SIGNALS = 5;
const PER_SECOND = 9_000;

export const ordersThrough: BenchCase = {
  name: 'orders-through',
  what: '100,000 orders from plan to settlement at a venue that answers at once, everything written',
  async measure(bench) {
    const users = scaled(bench, 20_000, 2);
    const prepared = await bench.server.prepared(({ store }) => importDay(store, users, SIGNALS));
    try {
      const goes = await repeated(bench, 'big', () => throughOnce(bench, prepared, users * SIGNALS));
      const ms = median(goes.map((go) => go.ms));
      const perSecond = (users * SIGNALS * 1000) / ms;
      const own = ownRow(bench, users, goes, ms);
      return [own, ...(await peerRows(bench, users * SIGNALS, perSecond))];
    } finally {
      await prepared.drop();
    }
  },
};

export interface Through {
  ms: number;
  planMs: number;
}

export interface ThroughOptions {
  /** Called as each order reaches the venue. */
  onSubmit?: (database: BenchDatabase) => void;
  /** Not measured: what else is done with the database at the end. */
  after?: (database: BenchDatabase) => Promise<void>;
}

/** Plans and sends a prepared day on a copy of it; every order must be filled and the books must be right. */
export async function throughOnce(
  bench: Bench,
  prepared: Prepared,
  orders: number,
  { onSubmit, after }: ThroughOptions = {},
): Promise<Through> {
  const database = await bench.server.fresh(prepared);
  try {
    const { url, store } = database;
    const world = await benchWorld({
      url,
      store,
      venue: instantVenue(onSubmit ? { onSubmit: () => onSubmit(database) } : {}),
    });
    const { ms: planMs } = await clocked(() => planned(world, benchRequest(bench.concurrency)));
    const { ms: sendMs } = await clocked(() => execute(world, bench.concurrency));
    await mustBeFilled(database, orders);
    await after?.(database);
    return { ms: planMs + sendMs, planMs };
  } finally {
    await database.close();
  }
}

/** @throws Error if not exactly so many orders of today were filled, or the books do not balance */
export async function mustBeFilled(
  { session, store }: Pick<BenchDatabase, 'session' | 'store'>,
  orders: number,
): Promise<void> {
  const [row] =
    await session.query(`select count(*)::int as n from public.orders o join public.scan_runs run on run.id = o.run_id
    where o.status = 'filled' and run.trade_date = (select max(trade_date) from public.scan_runs)`);
  if (row?.['n'] !== orders) throw new Error(`${row?.['n']} orders are filled, not ${orders}`);
  await mustBalance({ session, store });
  const [held] = await session.query('select coalesce(sum(held_minor), 0)::text as minor from public.accounts');
  if (held?.['minor'] !== '0') throw new Error(`${held?.['minor']} paise are still held`);
}

function ownRow(bench: Bench, users: number, goes: Through[], ms: number): Row {
  const orders = users * SIGNALS;
  const perSecond = (orders * 1000) / ms;
  const plan = figure(median(goes.map((go) => go.planMs)));
  return judged(bench, {
    what: `${figure(orders)} orders accepted, claimed, submitted, settled`,
    goal: `≥ ${figure(PER_SECOND)} orders/s`,
    result: `${figure(perSecond)}/s (${figure(ms)} ms, of it planning ${plan} ms; ${howOften(goes)})`,
    ratio: times(perSecond / PER_SECOND),
    met: perSecond >= PER_SECOND,
  });
}
