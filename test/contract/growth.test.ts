import { beforeAll, describe, expect, test } from 'vitest';
import { makePast } from '../../scripts/bench/past.ts';
import { makeStore } from '../../src/adapters/store/store.ts';
import type { Arguments } from '../../src/ports/arguments.ts';
import type { StoreFunction } from '../../src/ports/store.ts';
import { freshPostgres, type TestPostgres } from '../support/postgres.ts';
import {
  type Account,
  accepted,
  claim,
  fill,
  mark,
  minuteMs,
  nowMs,
  openScene,
  type Scene,
  settle,
  settlement,
  signal,
  tradeDate,
  undecided,
  user,
} from './scene.ts';

// A clock says nothing on a small day or a busy machine. Postgres itself counts the rows it reads, and a plan that reads
// four times as many for each of four times as many is seen with a few hundred orders.

const SMALL = 40;
const LARGE = 160;
const PAST_DAYS = 12;
const symbols = ['TITAN', 'INFY', 'SBICARD'];
/** A mark above what everybody buys, so that it is looked at and refuses nobody. */
const SYMBOL_CAP_MINOR = 1_000_000_000_00;

/** Rows read, by the question that was asked and the table. */
type Reading = Map<string, Map<string, number>>;

interface Watched {
  scene: Scene;
  reading: Reading;
  /** Asks within a transaction that is rolled back, and notes the rows that were read for it. */
  ask<F extends StoreFunction>(name: F, args: Arguments[F], as?: string): Promise<void>;
}

async function rowsByTable({ session }: TestPostgres): Promise<Map<string, number>> {
  const rows = await session.query(`select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as n
    from pg_stat_xact_user_tables where schemaname in ('public', 'core') and relname in ('orders', 'decisions', 'messages',
      'order_events', 'ledger_entries', 'fills', 'positions', 'run_users', 'accounts', 'users')`);
  return new Map(rows.map(({ relname, n }) => [String(relname), Number(n)]));
}

function asking(database: TestPostgres, reading: Reading): Watched['ask'] {
  return async (name, args, as = name) => {
    await database.session.exec('begin');
    const before = await rowsByTable(database);
    await database.session.query(`select public.${name}($1::jsonb) as answer`, [JSON.stringify(args)]);
    const after = await rowsByTable(database);
    await database.session.exec('rollback');
    reading.set(as, new Map([...after].map(([table, n]) => [table, n - (before.get(table) ?? 0)])));
  };
}

/** A day of three signals for so many users, watched from its planning to its end. */
async function watchedDay(userCount: number, pastDays: number): Promise<Reading> {
  const database = await freshPostgres();
  try {
    const store = makeStore({ call: database.call, close: async () => undefined });
    const scene = await openScene(store, {
      signals: symbols.map((symbol, index) => signal(symbol, { rank: index + 1 })),
      users: Array.from({ length: userCount }, (_, index) => user(`user-${index + 1}`)),
      limits: { symbolCapMinor: SYMBOL_CAP_MINOR },
    });
    if (pastDays > 0) await makePast({ ...database, store }, userCount * 5 * pastDays);
    const reading: Reading = new Map();
    const watched = { scene, reading, ask: asking(database, reading) };
    await planning(watched, userCount / 2);
    await underWay(watched);
    await over(watched);
    return reading;
  } finally {
    await database.close();
  }
}

function pageOf(scene: Scene, accounts: Account[]): Arguments['accept_page'] {
  const decisions = accounts.flatMap((account) => scene.signals.map((of) => accepted(scene, account, of)));
  return { runId: scene.runId, nowMs, decisions };
}

async function planning({ scene, ask }: Watched, half: number): Promise<void> {
  const { store, runId, mode, signals } = scene;
  await store.call('accept_page', pageOf(scene, await undecided(scene, { limit: half })));
  const rest = await undecided(scene);
  await ask('accept_page', pageOf(scene, rest.slice(0, 10)), 'accept_page of 10 users');
  await ask('accept_page', pageOf(scene, rest), 'accept_page of half the users');
  const page = { runId, mode, tradeDate, userIds: null, signalIds: signals.map(({ id }) => id), afterPlace: 0, limit: 10 };
  await ask('read_accounts', { ...page, frozen: false });
  await ask('read_accounts', { ...page, frozen: true }, 'read_accounts of the run');
  await store.call('accept_page', pageOf(scene, rest));
  await ask('decide_run', { runId, nowMs });
  await store.call('decide_run', { runId, nowMs });
}

async function underWay({ scene, ask }: Watched): Promise<void> {
  const { store, runId, users } = scene;
  const sent = await claim(store, 'claim-1', { limit: users.length * 2 });
  const ids = sent.map(({ orderId }) => orderId);
  await mark(store, 'claim-1', ids);
  await settle(store, ids.map((id, index) => index % 2 === 0
    ? settlement(id, 'filled', { fills: [fill(`F${id}`, 10)] })
    : settlement(id, 'working', { nextLookMs: nowMs + minuteMs, venueOrderId: `V${id}` })));
  await whatAWorkerAsks({ scene, ask }, '');
  await ask('read_due_messages', { runId, nowMs: nowMs + 2 * minuteMs, limit: 10 });
}

async function over({ scene, ask }: Watched): Promise<void> {
  const { store, users } = scene;
  const left = await claim(store, 'claim-2', { limit: 1000 });
  await mark(store, 'claim-2', left.map(({ orderId }) => orderId));
  const open = await store.call('claim_lookups', { claimId: 'claim-3', venues: ['paper'], limit: 1000, leaseMs: 1, nowMs: nowMs + minuteMs });
  await settle(store, [...left, ...open].map(({ orderId: id }) => settlement(id, 'filled', { fills: [fill(`F${id}`, 10)] })));
  await whatAWorkerAsks({ scene, ask }, ' when all is over');
}

async function whatAWorkerAsks({ scene, ask }: Pick<Watched, 'scene' | 'ask'>, when: string): Promise<void> {
  const { runId, users } = scene;
  const asked = <F extends StoreFunction>(name: F, args: Arguments[F]) => ask(name, args, `${name}${when}`);
  await asked('trip_breakers', { nowMs });
  await asked('finish_run', { runId, nowMs });
  await asked('finish_runs', { nowMs });
  await asked('read_progress', { runId });
  await asked('read_report', { runId });
  await asked('read_run_timings', { runId });
  await asked('count_unfinished', {});
  await asked('sweep_orders', { nowMs, onlyProcess: false });
  await asked('claim_orders', { claimId: 'another', venues: ['paper'], limit: 10, leaseMs: 1, nowMs });
  await asked('claim_lookups', { claimId: 'another', venues: ['paper'], limit: 10, leaseMs: 1, nowMs });
  await asked('read_orders', { userId: 'user-1', status: null, symbol: null, runId: null, beforeId: null, limit: 3 });
  await asked('read_gauges', { tradeDate });
  await asked('read_condition', { mode: 'paper', tradeDates: [tradeDate], functions: [] });
  await asked('queue_corrections', { nowMs } as never);
}

test('x', async () => {
  const a = await watchedDay(SMALL, 0), b = await watchedDay(SMALL, PAST_DAYS), c = await watchedDay(LARGE, PAST_DAYS);
  const s = (m) => [...m.values()].reduce((x, y) => x + y, 0);
  for (const [k, v] of a) console.log(k.padEnd(45), s(v), s(b.get(k)), s(c.get(k)), (s(c.get(k))/s(b.get(k))).toFixed(1), JSON.stringify(Object.fromEntries([...c.get(k)].filter(([,n])=>n>0))));
});
