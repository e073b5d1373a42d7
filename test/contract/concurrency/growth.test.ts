import { beforeAll, describe, expect, test } from 'vitest';
import { makePast } from '../../../scripts/bench/core/past.ts';
import type { QueuedAccount } from '../../../src/ports/store/runs.ts';
import { type Arguments, encoded, type StoreFunction } from '../../../src/ports/store/store.ts';
import { storeOf } from '../../stages/support/run-day.ts';
import * as builders from '../../support/builders.ts';
import { minuteMs, nowMs, tradeDate } from '../../support/builders.ts';
import { newPostgres, type TestPostgres } from '../../support/postgres.ts';
import * as testRuns from '../support/test-run.ts';
import { accepted, leaseMs, settlement, type TestRun, undecided } from '../support/test-run.ts';

// Not timed: Postgres counts the rows it reads, so a reading that grows with the square of the run, or with the past, is
// seen with a few hundred orders. Nothing is ever analyzed here: nobody may hope for statistics of this morning.

const SMALL = 40;
const LARGE = 160;
const SYMBOLS = ['TITAN', 'INFY', 'SBICARD'];
const TABLES = 'orders decisions messages order_events ledger_entries fills positions run_users accounts users'.split(
  ' ',
);
/** Twelve times the orders of the day; `makePast` counts five signals a day, even where there are fewer. */
const PAST_DAYS = 12;
const PAST_SIGNALS = 5;
/** How far a growth may be from the exact one: a larger table may be read by another index. */
const ROOM = 1.5;
const FEW_ROWS = 20;
/** The same beside a past: an empty table is planned for otherwise, and a read past would be twelve times as much. */
const ROOM_WITH_A_PAST = 2;
/** Of anything that goes through a run. */
const ROWS_PER_ORDER = 8;

/** Rows read of each table that grows, by what was asked. */
type Reading = Map<string, Map<string, number>>;

interface Watched {
  testRun: TestRun;
  /** Asks in a transaction that is rolled back, and notes under `as` what was read for it. */
  ask<F extends StoreFunction>(name: F, args: Arguments[F], as?: string): Promise<void>;
}

/** Those of the present transaction, also inside functions; what an index alone answers is not counted. */
async function rowsRead({ session }: TestPostgres): Promise<Map<string, number>> {
  const rows = await session.query(
    `select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as n from pg_stat_xact_user_tables
     where schemaname = 'public' and relname = any($1)`,
    [TABLES],
  );
  return new Map(rows.map(({ relname, n }) => [String(relname), Number(n)]));
}

function asking(database: TestPostgres, reading: Reading): Watched['ask'] {
  return async (name, args, as = name) => {
    await database.session.exec('begin');
    const before = await rowsRead(database);
    await database.session.query(`select public.${name}($1::jsonb) as answer`, [JSON.stringify(encoded(name, args))]);
    const after = await rowsRead(database);
    await database.session.exec('rollback');
    reading.set(as, new Map([...after].map(([table, n]) => [table, n - (before.get(table) ?? 0)])));
  };
}

/** A day of three signals, all accepted, from its planning to its end; what is read for each question on the way. */
async function watchedDay(userCount: number, pastDays: number): Promise<Reading> {
  const database = await newPostgres();
  try {
    for (const table of TABLES) await database.session.exec(`alter table ${table} set (autovacuum_enabled = off)`);
    const testRun = await testRuns.openTestRun(storeOf(database), {
      signals: SYMBOLS.map((symbol, index) => builders.signal(symbol, { rank: index + 1 })),
      users: Array.from({ length: userCount }, (_, index) => builders.user(`user-${index + 1}`)),
      // More than all of them buy: it is looked at, and refuses nobody.
      limits: { symbolCapMinor: 1_000_000_000_00 },
    });
    const { store } = testRun;
    if (pastDays > 0) await makePast({ ...database, store }, userCount * PAST_SIGNALS * pastDays);
    const reading: Reading = new Map();
    const watched = { testRun, ask: asking(database, reading) };
    await planning(watched, userCount / 2);
    await underWay(watched);
    await atItsEnd(watched);
    return reading;
  } finally {
    await database.close();
  }
}

async function planning({ testRun, ask }: Watched, half: number): Promise<void> {
  const { store, runId, mode, signals } = testRun;
  const deciding = (accounts: QueuedAccount[]): Arguments['accept_page'] => {
    return { runId, nowMs, decisions: accounts.flatMap((one) => signals.map((of) => accepted(testRun, one, of))) };
  };
  await store.call('accept_page', deciding(await undecided(testRun, { limit: half })));
  const rest = await undecided(testRun);
  await ask('accept_page', deciding(rest.slice(0, 10)), 'accept_page of 10 users');
  await ask('accept_page', deciding(rest), 'accept_page of half the users');
  const signalIds = signals.map(({ id }) => id);
  const page = { runId, mode, tradeDate, userIds: null, signalIds, afterQueuePosition: 0, limit: 10 };
  await ask('read_accounts', { ...page, frozen: false });
  await store.call('accept_page', deciding(rest));
  await ask('decide_run', { runId, nowMs });
  await store.call('decide_run', { runId, nowMs });
}

/** A third is filled, a third is working at the venue, a third waits. */
async function underWay({ testRun, ask }: Watched): Promise<void> {
  const { store, runId, users } = testRun;
  const sent = await testRuns.take(store, 'mark-1', { limit: users.length * 2 });
  const ids = sent.map(({ orderId }) => orderId);
  await testRuns.settle(
    store,
    ids.map((id, index) => (index % 2 === 0 ? filled(id) : working(id))),
  );
  await askOfTheRun({ testRun, ask }, '');
  await ask('read_due_messages', { runId, nowMs: nowMs + 2 * minuteMs, limit: 10 });
}

async function atItsEnd({ testRun, ask }: Watched): Promise<void> {
  const { store } = testRun;
  const all = { venues: ['paper'], limit: 1000, leaseMs };
  const left = await testRuns.take(store, 'mark-2', all);
  const leftIds = left.map(({ orderId }) => orderId);
  const toLookUp = await store.call('claim_lookups', { ...all, claimId: 'claim-3', nowMs: nowMs + minuteMs });
  await testRuns.settle(store, [...leftIds, ...toLookUp.map(({ orderId }) => orderId)].map(filled));
  await askOfTheRun({ testRun, ask }, ' at its end');
}

function filled(orderId: number) {
  return settlement(orderId, 'filled', { fills: [testRuns.fill(`F${orderId}`, 10)] });
}

function working(orderId: number) {
  return settlement(orderId, 'working', { venueOrderId: `V${orderId}`, nextLookupMs: nowMs + minuteMs });
}

async function askOfTheRun({ testRun, ask }: Watched, when: string): Promise<void> {
  const { runId } = testRun;
  const askAt: Watched['ask'] = (name, args) => ask(name, args, `${name}${when}`);
  const few = { venues: ['paper'], limit: 10, leaseMs, nowMs };
  const sent = await testRun.store.call('read_orders', {
    ...{ userId: null, status: null, symbol: null, runId, beforeId: null },
    limit: 10,
  });
  const orderIds = sent.map(({ orderId }) => orderId);
  await askAt('trip_breakers', { judgeId: `judge${when}`, orderIds, nowMs });
  await askAt('finish_run', { runId, nowMs });
  await askAt('finish_runs', { nowMs });
  await askAt('read_progress', { runId });
  await askAt('read_report', { runId });
  await askAt('read_run_timings', { runId });
  await askAt('read_gauges', { days: [{ market: 'XNSE', tradeDate }] });
  const days = [{ market: 'XNSE', tradeDate, exchanges: ['NSE'] }];
  await askAt('read_condition', { mode: 'paper', days, functions: [] });
  await askAt('count_unfinished', {});
  await askAt('sweep_orders', { nowMs, onlyProcess: false });
  await askAt('take_orders', { ...few, markId: `mark-4${when}` });
  await askAt('claim_lookups', { ...few, claimId: 'claim-4' });
  const all = { status: null, symbol: null, runId: null, beforeId: null };
  await askAt('read_orders', { ...all, userId: 'user-1', limit: SYMBOLS.length });
}

const pages = ['accept_page of 10 users', 'accept_page of half the users'];
const ofTheRun = ['trip_breakers', 'finish_run', 'finish_runs', 'read_progress', 'read_report', 'read_run_timings'];
const ofToday = ['read_gauges', 'read_condition', 'count_unfinished'];
const throughTheRun = [...ofTheRun, ...ofToday].flatMap((name) => [name, `${name} at its end`]);
const ofAFew = ['read_orders', 'take_orders', 'claim_lookups'];
const withNothingToDo = ['sweep_orders', 'take_orders', 'claim_lookups'].map((name) => `${name} at its end`);

describe('the rows the functions read', () => {
  let small: Reading;
  let large: Reading;
  let withoutPast: Reading;
  beforeAll(async () => {
    withoutPast = await watchedDay(SMALL, 0);
    small = await watchedDay(SMALL, PAST_DAYS);
    large = await watchedDay(LARGE, PAST_DAYS);
  });

  /** Over all tables but `users`: whoever orders all users for a plan reads them, once. */
  function rows(reading: Reading, name: string): number {
    const tables = reading.get(name);
    if (!tables) throw new Error(`nobody asked for "${name}"`);
    return [...tables].reduce((sum, [table, n]) => sum + (table === 'users' ? 0 : n), 0);
  }

  test('are counted inside functions, too', () => {
    const tables = large.get('read_report');
    expect([tables?.get('orders'), tables?.get('decisions')]).toEqual([LARGE * SYMBOLS.length, LARGE * SYMBOLS.length]);
  });

  test.each([...pages, 'decide_run', ...throughTheRun])('%s: in proportion to the run', (name) => {
    expect(rows(small, name)).toBeGreaterThan(0);
    expect(rows(large, name)).toBeLessThanOrEqual(ROOM * (LARGE / SMALL) * rows(small, name));
    expect(rows(large, name)).toBeLessThanOrEqual(ROWS_PER_ORDER * LARGE * SYMBOLS.length);
  });

  test.each(['read_accounts', 'read_due_messages', ...ofAFew])('%s: the same in any run', (name) => {
    expect(rows(large, name)).toBeLessThanOrEqual(ROOM * rows(small, name) + FEW_ROWS);
  });

  test.each(withNothingToDo)('%s: none', (name) => expect(rows(large, name)).toBe(0));

  const all = [...pages, 'read_accounts', 'read_due_messages', 'decide_run', ...throughTheRun, ...ofAFew];
  test.each([...all, 'sweep_orders'])('%s: no more with a past than without one', (name) =>
    expect(rows(small, name)).toBeLessThanOrEqual(ROOM_WITH_A_PAST * rows(withoutPast, name) + FEW_ROWS),
  );
});
