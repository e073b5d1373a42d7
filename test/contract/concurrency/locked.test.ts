import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { nowMs, signal, user } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import {
  accepted,
  decideAll,
  fill,
  notAccepted,
  openTestRun,
  sendAll,
  settle,
  settlement,
  take,
  undecided,
} from '../support/test-run.ts';

// Who holds a row is another session: only a server has two. Each test has users and symbols of its own.
let database: TestPostgres;
let store: Store;
beforeAll(async () => {
  database = await freshPostgres();
  store = makeStore(database);
});
afterEach(() => database.session.exec('rollback'));
afterAll(async () => {
  expect(await violations(database.session)).toEqual([]);
  await database.close();
});

const hold = (userId: string) =>
  database.session.exec(`begin; update public.accounts set held_minor = held_minor where user_id = '${userId}'`);

test('accept_page leaves out who has an accept on an account that is held, names them, and takes them later', async () => {
  const users = ['page-1', 'page-2', 'page-3'].map((id) => user(id));
  const signals = [signal('PAGE')];
  const testRun = await openTestRun(store, { runId: 'page', signals, users });
  const page = await undecided(testRun);
  // The third needs no lock: nothing of theirs is accepted.
  const decisions = page.flatMap((one) =>
    signals.map((of) =>
      one.settings.id === 'page-3' ? notAccepted(one, of, 'skipped', 'not_subscribed') : accepted(testRun, one, of),
    ),
  );
  await database.session.exec(
    `begin; update public.accounts set held_minor = held_minor where user_id in ('page-1', 'page-3')`,
  );
  const args = { runId: testRun.runId, nowMs, decisions, skipLocked: true };
  expect(await store.call('accept_page', args)).toEqual({ accepted: 1, state: 'planning', locked: ['page-1'] });
  expect(await store.call('accept_page', args)).toEqual({ accepted: 0, state: 'planning', locked: ['page-1'] });
  expect(await store.call('decide_run', { runId: testRun.runId, nowMs })).toMatchObject({ state: 'planning' });
  await database.session.exec('commit');
  expect(await store.call('accept_page', args)).toEqual({ accepted: 1, state: 'planning' });
  expect(await store.call('decide_run', { runId: testRun.runId, nowMs })).toMatchObject({ state: 'decided' });
  await settle(
    store,
    (await sendAll(store, 'page')).map(({ orderId }) => settlement(orderId, 'rejected')),
  );
});

test('settle_orders books the others, and names the orders of an account that is held, or are held themselves', async () => {
  const users = ['settle-1', 'settle-2', 'settle-3'].map((id) => user(id));
  await decideAll(await openTestRun(store, { runId: 'settle', signals: [signal('SETTLE')], users }));
  const orders = await sendAll(store, 'settle');
  const of = (userId: string) => orders.find((one) => one.userId === userId)?.orderId ?? 0;
  const outcomes = orders.map(({ orderId }) => settlement(orderId, 'filled', { fills: [fill(`s-${orderId}`, 10)] }));
  await hold('settle-1');
  await database.session.query('update public.orders set lookups = lookups where id = $1', [of('settle-2')]);
  const answer = await store.call('settle_orders', { outcomes, nowMs, skipLocked: true });
  expect({ ...answer, locked: answer.locked?.toSorted() }).toEqual({
    settled: 1,
    fills: 1,
    lateFills: [],
    unproven: [],
    wrongFills: [],
    locked: [of('settle-1'), of('settle-2')].toSorted(),
  });
  // Who waits for it does so no longer than the lock limit.
  await expect(store.call('settle_orders', { outcomes, nowMs }, { repeat: 'never' })).rejects.toMatchObject({
    kind: 'busy',
    code: '55P03',
  });
  await database.session.exec('commit');
  expect(await store.call('settle_orders', { outcomes, nowMs, skipLocked: true })).toMatchObject({
    settled: 3,
    fills: 2,
  });
});

test('a take and a sweep pass over an order that is held', async () => {
  const users = ['mark-1', 'mark-2'].map((id) => user(id));
  await decideAll(await openTestRun(store, { runId: 'mark', signals: [signal('MARK')], users }));
  const rows = await database.session.query("select id from public.orders where run_id = 'mark' order by id");
  const [first, second] = rows.map(({ id }) => Number(id));
  await database.session.query('begin');
  await database.session.query('update public.orders set lookups = lookups where id = $1', [first]);
  expect((await take(store, 'held')).map(({ orderId }) => orderId)).toEqual([second]);
  await database.session.exec('commit');
  await settle(store, [settlement(second ?? 0, 'rejected')]);

  await hold('mark-1');
  const late = nowMs + 60 * 60_000;
  expect(await store.call('sweep_orders', { nowMs: late, onlyProcess: false })).toMatchObject({ expired: 0 });
  await database.session.exec('commit');
  expect(await store.call('sweep_orders', { nowMs: late, onlyProcess: false })).toMatchObject({ expired: 1 });
});

test('an unknown order whose looks are never booked is given as spent once it has had its budget', async () => {
  await decideAll(await openTestRun(store, { runId: 'spent', signals: [signal('SPENT')], users: [user('spent')] }));
  const [order] = await sendAll(store, 'spent');
  await settle(store, [settlement(order?.orderId ?? 0, 'unknown', { nextLookupMs: nowMs })]);
  const claimLookup = (claimId: string) =>
    // Nobody comes back from it: its lease is over at once.
    store.call('claim_lookups', { claimId, venues: ['paper'], limit: 10, leaseMs: -1, maxLookups: 3, nowMs });
  const claims = [
    await claimLookup('1'),
    await claimLookup('2'),
    await claimLookup('2'),
    await claimLookup('3'),
    await claimLookup('4'),
    await claimLookup('5'),
  ];
  expect(claims.map(([one]) => (one ? [one.lookups, one.spent] : null))).toEqual([
    [1, false],
    [2, false],
    [2, false],
    [3, false],
    [3, true],
    null,
  ]);
  const resolved = await store.call('resolve_order', {
    order: String(order?.orderId),
    as: 'rejected',
    quantity: null,
    priceMinor: null,
    by: { who: 'test', how: 'cli' },
    nowMs,
  });
  expect(resolved).toMatchObject({ kind: 'resolved' });
});

test('who holds an account is told: the session, what it does and for how long', async () => {
  await openTestRun(store, { runId: 'holder', signals: [signal('HOLDER')], users: [user('holder')] });
  const [row] = await database.session.query("select id::int from public.accounts where user_id = 'holder'");
  const accountId = Number(row?.['id']);
  expect(await store.call('read_lock_holders', { accountId })).toEqual([]);
  await hold('holder');
  const [holder] = await store.call('read_lock_holders', { accountId });
  expect(holder).toMatchObject({ application: 'daily-scan', state: 'idle in transaction' });
  expect(holder?.query).toContain("user_id = 'holder'");
  await database.session.exec("commit; begin; select 1 from public.accounts where user_id = 'holder' for update");
  expect(await store.call('read_lock_holders', { accountId })).toHaveLength(1);
});
