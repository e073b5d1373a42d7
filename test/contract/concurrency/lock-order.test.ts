import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { nowMs, signal, user } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { acceptAll, openTestRun } from '../support/test-run.ts';

// Everybody locks runs, then users, then accounts by id. Two calls are brought to stand in one another's way: a lock of
// ours holds the middle of what both need, until both wait. A deadlock would end one of them with 40P01; nothing here is
// repeated that would hide it.
let database: TestPostgres;
let store: Store;
const by = { who: 'ravi@office', how: 'cli', why: 'asked' } as const;

beforeAll(async () => {
  database = await freshPostgres();
  store = makeStore(database, { patient: false });
});
afterAll(async () => {
  expect(await violations(database.session)).toEqual([]);
  await database.close();
});

const waiting = async (): Promise<number> => {
  await database.session.query('select pg_stat_clear_snapshot()');
  const [row] = await database.session.query(`select count(*)::int as n from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`);
  return Number(row?.['n']);
};

/** Starts one call after the other, each once the one before waits; then lets go, and gives how each ended. */
async function whileLocked(sql: string, calls: (() => Promise<unknown>)[]): Promise<(string | null)[]> {
  await database.session.exec(`begin; ${sql}`);
  const ends: Promise<string | null>[] = [];
  for (const call of calls) {
    ends.push(
      call().then(
        () => null,
        (error: unknown) => String(error),
      ),
    );
    for (let round = 0; (await waiting()) < ends.length && round < 100; round += 1) await pause(10);
  }
  await database.session.exec('commit');
  return Promise.all(ends);
}

/** Three users with their accounts, which lie in the table in the opposite order of their ids. */
async function threeOf(name: string) {
  const ids = ['a', 'b', 'c'].map((suffix) => `${name}-${suffix}`);
  const testRun = await openTestRun(store, {
    runId: name,
    signals: [signal(name.toUpperCase())],
    users: ids.map((id) => user(id)),
  });
  for (const id of ids.toReversed()) {
    await database.session.query('update public.accounts set leverage_centi = leverage_centi where user_id = $1', [id]);
  }
  await database.session.exec('vacuum public.accounts');
  const users = ids.toReversed().map((id) => user(id, { capitalMinor: 2_00_000_00 }));
  const resize = () => store.call('import_users', { users, mode: 'paper', source: 'again', nowMs, by });
  return {
    ids,
    testRun,
    resize,
    lockMiddle: `select from public.accounts where user_id = '${ids[1]}' for no key update`,
  };
}

test('an import beside a scan’s accept of the same accounts: both go through', async () => {
  const { testRun, resize, lockMiddle } = await threeOf('scan');
  expect(await whileLocked(lockMiddle, [() => acceptAll(testRun), resize])).toEqual([null, null]);
});

test('two imports of the same users in other orders: both go through', async () => {
  const { ids, resize, lockMiddle } = await threeOf('twice');
  const users = ids.map((id) => user(id, { capitalMinor: 3_00_000_00 }));
  const other = () => store.call('import_users', { users, mode: 'paper', source: 'other', nowMs, by });
  expect(await whileLocked(lockMiddle, [resize, other])).toEqual([null, null]);
});

test('an import beside the erasure of one of its users: both go through', async () => {
  const { ids, resize } = await threeOf('erase');
  const [, middle = '', last = ''] = ids;
  const erase = () => store.call('erase_user', { userId: middle, confirmed: false, by });
  const lockLast = `select from public.users where id = '${last}' for update`;
  expect(await whileLocked(lockLast, [resize, erase])).toEqual([null, null]);
});

test('an import beside a STOP from a number that several of its users share: both go through', async () => {
  const { ids } = await threeOf('stop');
  const number = '+919800000009';
  // Set in this order, so that they are found in it.
  for (const id of ids.toReversed()) {
    await database.session.query('update public.users set whatsapp = $2 where id = $1', [id, number]);
  }
  const users = ids.map((id) => user(id, { whatsapp: number, capitalMinor: 3_00_000_00 }));
  const shared = () => store.call('import_users', { users, mode: 'paper', source: 'numbers', nowMs, by });
  const stop = () =>
    store.call('record_inbound_message', { number, consent: 'stop', source: 'whatsapp', providerId: 'SM1', nowMs });
  const lockMiddle = `select from public.users where id = '${ids[1]}' for no key update`;
  expect(await whileLocked(lockMiddle, [shared, stop])).toEqual([null, null]);
});
