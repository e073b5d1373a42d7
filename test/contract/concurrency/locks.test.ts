import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { nowMs, signal, user } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import {
  acceptAll,
  accepted,
  decideAll,
  fill,
  leaseMs,
  openTestRun,
  settle,
  settlement,
  take,
  undecided,
} from '../support/test-run.ts';

// Two at once, made certain: a lock of ours keeps both calls in the middle until both are there. Only a server has two
// connections. Each test has users and symbols of its own.
let database: TestPostgres;
let store: Store;

beforeAll(async () => {
  database = await freshPostgres();
  store = makeStore(database);
});
afterAll(async () => {
  expect(await violations(database.session)).toEqual([]);
  await database.close();
});

const waiting = async (): Promise<number> => {
  // Inside a transaction the view would go on showing what it showed first.
  await database.session.query('select pg_stat_clear_snapshot()');
  const [row] = await database.session.query(`select count(*)::int as n from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`);
  return Number(row?.['n']);
};

/** Starts the calls while `sql` holds its locks, and lets go when all of them wait. */
async function whileLocked<T>(sql: string, calls: (() => Promise<T>)[]): Promise<T[]> {
  await database.session.exec(`begin; ${sql}`);
  const running = Promise.all(calls.map((call) => call()));
  // A call that does not wait may fail before we look: that is for the caller to see.
  running.catch(() => undefined);
  for (let round = 0; (await waiting()) < calls.length && round < 200; round += 1) await sleep(10);
  await database.session.exec('commit');
  return running;
}

const lockAccounts = 'update public.accounts set held_minor = held_minor';

test('two runs that want the last money of an account at once: one gets it, the other is denied', async () => {
  const users = [user('last-money', { capitalMinor: 1500_00 })];
  const first = await openTestRun(store, { runId: 'last-1', signals: [signal('LAST1')], users });
  const second = await openTestRun(store, { runId: 'last-2', signals: [signal('LAST2')], users });
  const pages = await Promise.all(
    [first, second].map(async (testRun) => {
      const page = await undecided(testRun);
      return { testRun, decisions: page.flatMap((one) => testRun.signals.map((of) => accepted(testRun, one, of))) };
    }),
  );
  const answers = await whileLocked(
    lockAccounts,
    pages.map(
      ({ testRun, decisions }) =>
        () =>
          store.call('accept_page', { runId: testRun.runId, nowMs, decisions }),
    ),
  );
  expect(answers.map((answer) => answer.accepted).toSorted()).toEqual([0, 1]);
});

test('two runs that decide the same signal for an account at once: one has it', async () => {
  const users = [user('same-signal')];
  const scenes = [];
  for (const runId of ['same-1', 'same-2'])
    scenes.push(await openTestRun(store, { runId, signals: [signal('SAME')], users }));
  await whileLocked(
    lockAccounts,
    scenes.map((testRun) => () => acceptAll(testRun)),
  );
  const [row] = await database.session.query(
    "select count(*)::int as n from public.orders where user_id = 'same-signal'",
  );
  expect(row).toEqual({ n: 1 });
});

test('nobody calls a run decided while a page of it is being accepted', async () => {
  const testRun = await openTestRun(store, {
    runId: 'deciding',
    signals: [signal('DECIDING')],
    users: [user('deciding')],
  });
  const page = await undecided(testRun);
  const decisions = page.flatMap((one) => testRun.signals.map((of) => accepted(testRun, one, of)));
  await database.session.exec(`begin; ${lockAccounts}`);
  const accepting = store.call('accept_page', { runId: testRun.runId, nowMs, decisions });
  for (let round = 0; (await waiting()) < 1 && round < 200; round += 1) await sleep(10);
  const deciding = store.call('decide_run', { runId: testRun.runId, nowMs });
  for (let round = 0; (await waiting()) < 2 && round < 200; round += 1) await sleep(10);
  await database.session.exec('commit');
  expect(await accepting).toEqual({ accepted: 1, state: 'planning' });
  expect(await deciding).toMatchObject({ state: 'decided' });
});

test('the same fills told by two at once count once', async () => {
  await decideAll(await openTestRun(store, { runId: 'told-twice', signals: [signal('TOLD')], users: [user('told')] }));
  const all = await take(store, 'told', { limit: 1000 });
  const orderId = all.find(({ userId }) => userId === 'told')?.orderId ?? 0;
  const outcome = settlement(orderId, 'filled', { fills: [fill('t1', 4), fill('t2', 6)] });
  const answers = await whileLocked(
    lockAccounts,
    [1, 2].map(() => () => settle(store, [outcome])),
  );
  expect(answers.map(({ fills }) => fills).toSorted()).toEqual([0, 2]);
});

test('an order somebody else is at is passed over by takes and lookups, not waited for', async () => {
  await store.call('sweep_orders', { nowMs, onlyProcess: true });
  await decideAll(
    await openTestRun(store, { runId: 'busy', signals: [signal('BUSY')], users: [user('busy-1'), user('busy-2')] }),
  );
  const lock = (userId: string) => `begin; select from public.orders where user_id = '${userId}' for update`;
  await database.session.exec(lock('busy-1'));
  const got = await take(store, 'busy', { limit: 1000 });
  await database.session.exec('commit');
  expect(got.map(({ userId }) => userId)).toContain('busy-2');
  expect(got.map(({ userId }) => userId)).not.toContain('busy-1');

  const order = got.find(({ userId }) => userId === 'busy-2');
  const orderId = order?.orderId ?? 0;
  await settle(store, [settlement(orderId, 'unknown', { nextLookupMs: nowMs })]);
  await database.session.exec(lock('busy-2'));
  const lookup = { claimId: 'l1', venues: ['paper'], limit: 100, leaseMs, nowMs };
  const claimed = await store.call('claim_lookups', lookup);
  await database.session.exec('commit');
  expect(claimed.map(({ userId }) => userId)).not.toContain('busy-2');
  const again = await store.call('claim_lookups', { ...lookup, claimId: 'l2' });
  expect(again.map(({ userId }) => userId)).toContain('busy-2');
});

test('a pause beside a take: the order goes before it, or never', async () => {
  const users = [user('mark-first'), user('pause-first')];
  await decideAll(await openTestRun(store, { runId: 'pausing', signals: [signal('PAUSING')], users }));
  const idOf = async (userId: string) => {
    const [row] = await database.session.query('select id from public.orders where user_id = $1', [userId]);
    return Number(row?.['id']);
  };
  const others = { pause: await idOf('pause-first'), mark: await idOf('mark-first') };
  const pause = (userId: string) => store.call('set_user', { userId, active: false, by: tester });
  const statusOf = async (userId: string) => {
    const [row] = await database.session.query('select status, reason from public.orders where user_id = $1', [userId]);
    return row;
  };
  const taken = async (markId: string) => (await take(store, markId, { limit: 1000 })).map(({ orderId }) => orderId);

  // The take has the order, and is kept from its end by the index of takes; the pause waits for it.
  await database.session.exec(`begin; select from public.orders where id = ${others.pause} for update;
    insert into core.takes values ('first', '{}', now())`);
  const marked = taken('first');
  for (let round = 0; (await waiting()) < 1 && round < 100; round += 1) await sleep(10);
  const late = pause('mark-first');
  for (let round = 0; (await waiting()) < 2 && round < 100; round += 1) await sleep(10);
  await database.session.exec('rollback');
  expect(await marked).toContain(others.mark);
  expect(await marked).not.toContain(others.pause);
  expect(await late).toMatchObject({ stopped: 0, underWay: 1 });
  expect(await statusOf('mark-first')).toMatchObject({ status: 'submitting' });

  // The pause has the order, and is kept from its end by the log of acts; the take passes over it.
  await database.session.exec(
    "begin; select pg_advisory_xact_lock(hashtextextended('daily_scan operator_actions', 0))",
  );
  const first = pause('pause-first');
  for (let round = 0; (await waiting()) < 1 && round < 100; round += 1) await sleep(10);
  expect(await taken('second')).not.toContain(others.pause);
  await database.session.exec('commit');
  expect(await first).toMatchObject({ stopped: 1, underWay: 0 });
  expect(await statusOf('pause-first')).toMatchObject({ status: 'canceled', reason: 'user_inactive' });
});
