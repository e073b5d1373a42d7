import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { defaultRate } from '../../../src/ports/venue.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import {
  acceptAll,
  accepted,
  claim,
  decideAll,
  fill,
  leaseMs,
  nowMs,
  openScene,
  settle,
  settlement,
  signal,
  undecided,
  user,
} from '../support/scene.ts';

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
  const first = await openScene(store, { runId: 'last-1', signals: [signal('LAST1')], users });
  const second = await openScene(store, { runId: 'last-2', signals: [signal('LAST2')], users });
  const pages = await Promise.all(
    [first, second].map(async (scene) => {
      const page = await undecided(scene);
      return { scene, decisions: page.flatMap((one) => scene.signals.map((of) => accepted(scene, one, of))) };
    }),
  );
  const answers = await whileLocked(
    lockAccounts,
    pages.map(
      ({ scene, decisions }) =>
        () =>
          store.call('accept_page', { runId: scene.runId, nowMs, decisions }),
    ),
  );
  expect(answers.map((answer) => answer.accepted).toSorted()).toEqual([0, 1]);
});

test('two runs that decide the same signal for an account at once: one has it', async () => {
  const users = [user('same-signal')];
  const scenes = [];
  for (const runId of ['same-1', 'same-2'])
    scenes.push(await openScene(store, { runId, signals: [signal('SAME')], users }));
  await whileLocked(
    lockAccounts,
    scenes.map((scene) => () => acceptAll(scene)),
  );
  const [row] = await database.session.query(
    "select count(*)::int as n from public.orders where user_id = 'same-signal'",
  );
  expect(row).toEqual({ n: 1 });
});

test('nobody calls a run decided while a page of it is being accepted', async () => {
  const scene = await openScene(store, { runId: 'deciding', signals: [signal('DECIDING')], users: [user('deciding')] });
  const page = await undecided(scene);
  const decisions = page.flatMap((one) => scene.signals.map((of) => accepted(scene, one, of)));
  await database.session.exec(`begin; ${lockAccounts}`);
  const accepting = store.call('accept_page', { runId: scene.runId, nowMs, decisions });
  for (let round = 0; (await waiting()) < 1 && round < 200; round += 1) await sleep(10);
  const deciding = store.call('decide_run', { runId: scene.runId, nowMs });
  for (let round = 0; (await waiting()) < 2 && round < 200; round += 1) await sleep(10);
  await database.session.exec('commit');
  expect(await accepting).toEqual({ accepted: 1, state: 'planning' });
  expect(await deciding).toMatchObject({ state: 'decided' });
});

test('the same fills told by two at once count once', async () => {
  await decideAll(await openScene(store, { runId: 'told-twice', signals: [signal('TOLD')], users: [user('told')] }));
  const [order] = await claim(store, 'told', { limit: 1000 }).then((all) =>
    all.filter(({ userId }) => userId === 'told'),
  );
  const orderId = order?.orderId ?? 0;
  await store.call('mark_submitting', { claimId: 'told', markId: 'm1', orderIds: [orderId], leaseMs, nowMs });
  const outcome = settlement(orderId, 'filled', { fills: [fill('t1', 4), fill('t2', 6)] });
  const answers = await whileLocked(
    lockAccounts,
    [1, 2].map(() => () => settle(store, [outcome])),
  );
  expect(answers.map(({ fills }) => fills).toSorted()).toEqual([0, 2]);
});

test('an order somebody else is at is passed over by claims and lookups, not waited for', async () => {
  await store.call('sweep_orders', { nowMs, onlyProcess: true });
  await decideAll(
    await openScene(store, { runId: 'busy', signals: [signal('BUSY')], users: [user('busy-1'), user('busy-2')] }),
  );
  const lock = (userId: string) => `begin; select from public.orders where user_id = '${userId}' for update`;
  await database.session.exec(lock('busy-1'));
  const got = await claim(store, 'busy', { limit: 1000 });
  await database.session.exec('commit');
  expect(got.map(({ userId }) => userId)).toContain('busy-2');
  expect(got.map(({ userId }) => userId)).not.toContain('busy-1');

  const order = got.find(({ userId }) => userId === 'busy-2');
  const orderId = order?.orderId ?? 0;
  await store.call('mark_submitting', { claimId: 'busy', markId: 'm2', orderIds: [orderId], leaseMs, nowMs });
  await settle(store, [settlement(orderId, 'unknown', { nextLookupMs: nowMs })]);
  await database.session.exec(lock('busy-2'));
  const lookup = { claimId: 'l1', venues: ['paper'], limit: 100, leaseMs, nowMs };
  const claimed = await store.call('claim_lookups', lookup);
  await database.session.exec('commit');
  expect(claimed.map(({ userId }) => userId)).not.toContain('busy-2');
  const again = await store.call('claim_lookups', { ...lookup, claimId: 'l2' });
  expect(again.map(({ userId }) => userId)).toContain('busy-2');
});

test('a pause beside a mark: the order goes before it, or never', async () => {
  const users = [user('mark-first'), user('pause-first')];
  await decideAll(await openScene(store, { runId: 'pausing', signals: [signal('PAUSING')], users }));
  const orders = (await claim(store, 'pausing', { limit: 1000 })).filter(({ runId }) => runId === 'pausing');
  const idOf = (userId: string) => orders.find((order) => order.userId === userId)?.orderId ?? 0;
  const pause = (userId: string) => store.call('set_user', { userId, active: false, by: tester });
  const marking = (userId: string) => {
    const args = { claimId: 'pausing', markId: userId, orderIds: [idOf(userId)], leaseMs, nowMs };
    return store.call('mark_submitting', args);
  };
  const statusOf = async (userId: string) => {
    const [row] = await database.session.query('select status, reason from public.orders where user_id = $1', [userId]);
    return row;
  };

  // The mark has the order, and is kept from its end by the venue's rate; the pause waits for it.
  await database.session.exec("begin; select pg_advisory_xact_lock(hashtextextended('rate paper', 0))");
  const marked = store.call('mark_submitting', {
    ...{ claimId: 'pausing', markId: 'first', orderIds: [idOf('mark-first')], leaseMs, nowMs },
    budgets: { paper: { venue: defaultRate, account: null } },
  });
  for (let round = 0; (await waiting()) < 1 && round < 100; round += 1) await sleep(10);
  const late = pause('mark-first');
  for (let round = 0; (await waiting()) < 2 && round < 100; round += 1) await sleep(10);
  await database.session.exec('commit');
  expect((await marked).marked).toEqual([idOf('mark-first')]);
  expect(await late).toMatchObject({ stopped: 0, underWay: 1 });
  expect(await statusOf('mark-first')).toMatchObject({ status: 'submitting' });

  // The pause has the order, and is kept from its end by the log of acts; the mark gives up on it.
  await database.session.exec(
    "begin; select pg_advisory_xact_lock(hashtextextended('daily_scan operator_actions', 0))",
  );
  const first = pause('pause-first');
  for (let round = 0; (await waiting()) < 1 && round < 100; round += 1) await sleep(10);
  expect((await marking('pause-first')).marked).toEqual([]);
  await database.session.exec('commit');
  expect(await first).toMatchObject({ stopped: 1, underWay: 0 });
  expect((await marking('pause-first')).marked).toEqual([]);
  expect(await statusOf('pause-first')).toEqual({ status: 'canceled', reason: 'user_inactive' });
});
