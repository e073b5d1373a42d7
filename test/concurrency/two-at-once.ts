// Brings two functions of the database to stand in one another's way, for every pair of those that lock several rows.
import { setTimeout as pause } from 'node:timers/promises';
import { makeStore } from '../../src/adapters/store/store.ts';
import type { SqlSession } from '../../src/ports/database.ts';
import type { DecisionToAccept } from '../../src/ports/store/runs.ts';
import type { Store } from '../../src/ports/store/store.ts';
import { placeSingleOrders } from '../contract/support/single-orders.ts';
import {
  accepted,
  decideAll,
  fill,
  leaseMs,
  openTestRun,
  settlement,
  take,
  undecided,
} from '../contract/support/test-run.ts';
import { nowMs, signal, tradeDate, user } from '../support/builders.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { tester } from '../support/tester.ts';

/** Three users with an order sent, one queued and one still to be accepted each: what every function here has work for. */
interface TestRun {
  store: Store;
  name: string;
  userIds: string[];
  accountIds: number[];
  /** Of the first signal: marked, so that a venue may tell of them. By account. */
  sent: { orderId: number; clientOrderId: string }[];
  /** Of the second: to be taken. */
  queued: number[];
  planning: { runId: string; decisions: DecisionToAccept[] };
}

type Act = (testRun: TestRun, turn: number) => Promise<unknown>;

/** The user, account and order in the middle: what of three rows locked in any order is locked second. */
const middle = <T>(all: readonly T[]): T => {
  const [, one] = all;
  if (one === undefined) throw new Error('there are three of each');
  return one;
};

/** Functions that lock rows of more than one kind, or several of one: who locks a single row waits for nobody then; each for as many of the scene's rows as it can take. */
export const acts = {
  accept: ({ store, planning }) => store.call('accept_page', { ...planning, nowMs }),
  place: ({ store, userIds }) =>
    placeSingleOrders(
      store,
      userIds.map((userId) => ({ userId, symbol: 'PLACED' })),
    ),
  settle: ({ store, sent }) =>
    store.call('settle_orders', {
      outcomes: sent.toReversed().map(({ orderId }) => settlement(orderId, 'filled', { fills: [fill('f1', 10)] })),
      nowMs,
    }),
  take: ({ store, name }) =>
    store.call('take_orders', { markId: `${name}-2`, venues: ['paper'], limit: 100, leaseMs, nowMs }),
  sweep: ({ store }) => store.call('sweep_orders', { nowMs, onlyProcess: false }),
  import: ({ store, userIds }, turn) => {
    const users = userIds.toReversed().map((id) => user(id, { capitalMinor: 2_00_000_00 + turn }));
    return store.call('import_users', { users, mode: 'paper', source: 'again', nowMs, by: tester });
  },
  settings: ({ store, userIds }) =>
    store.call('set_user', { userId: middle(userIds), tradingEnabled: true, by: tester }),
  erase: ({ store, userIds }) => store.call('erase_user', { userId: middle(userIds), confirmed: false, by: tester }),
  readiness: ({ store, accountIds }) => {
    const verdicts = accountIds.toReversed().map((accountId) => {
      return { accountId, ready: true, broughtUp: true, reason: null, checkedAtMs: nowMs };
    });
    return store.call('store_readiness', { tradeDate, nowMs, verdicts });
  },
  books: ({ store, accountIds, name }) => {
    const accounts = accountIds.toReversed().map((accountId) => {
      return { accountId, booksCashMinor: 0, cashMinor: 0, blockedByOthersMinor: 0, source: name, holdings: [] };
    });
    return store.call('adjust_books', { mode: 'paper', tradeDate, nowMs, accounts });
  },
  resolve: ({ store, sent }) =>
    store.call('resolve_order', {
      ...{ order: middle(sent).clientOrderId, as: 'not-placed', quantity: null, priceMinor: null, by: tester, nowMs },
    }),
  correct: ({ store, sent }) =>
    store.call('correct_fill', {
      ...{ order: middle(sent).clientOrderId, fill: 'f1', quantity: 0, priceMinor: null, by: tester, nowMs },
    }),
} satisfies Record<string, Act>;

export type ActName = keyof typeof acts;

/** Rows somebody may be at when two functions come, of those that both may need. */
const held = {
  'the run': ({ planning }) => `select from public.scan_runs where id = '${planning.runId}' for update`,
  'a user': ({ userIds }) => `select from public.users where id = '${middle(userIds)}' for update`,
  'the first account': ({ accountIds }) => `select from public.accounts where id = ${accountIds[0]} for update`,
  'the middle account': ({ accountIds }) => `select from public.accounts where id = ${middle(accountIds)} for update`,
  'a sent order': ({ sent }) => `select from public.orders where id = ${middle(sent).orderId} for update`,
  'a queued order': ({ queued }) => `select from public.orders where id = ${middle(queued)} for update`,
} satisfies Record<string, (testRun: TestRun) => string>;

/** The testRun of a pair. Rows lie in their tables in the opposite order of their ids: who locks as they are found is wrong. */
export async function sceneOf({ session }: TestPostgres, store: Store, name: string): Promise<TestRun> {
  const userIds = ['a', 'b', 'c'].map((suffix) => `${name}-${suffix}`);
  const users = userIds.map((id) => user(id));
  const [first, second, third] = ['1', '2', '3'].map((number) => signal(`${name}-${number}`.toUpperCase()));
  if (!first || !second || !third) throw new Error('there are three signals');
  await decideAll(await openTestRun(store, { runId: `${name}-1`, signals: [first], users }));
  const sent = await take(store, `${name}-1`);
  await decideAll(await openTestRun(store, { runId: `${name}-2`, signals: [second], users }));
  const queued = await session.query('select id from public.orders where run_id = $1 order by id', [`${name}-2`]);
  const open = await openTestRun(store, { runId: `${name}-3`, signals: [third], users });
  const page = await undecided(open);
  const moves = ['accounts', 'orders'].flatMap((table) =>
    userIds.toReversed().map((id) => `update public.${table} set user_id = user_id where user_id = '${id}'`),
  );
  await session.exec(moves.join('; '));
  const accounts = page.map(({ accountId, settings }) => ({ id: accountId ?? 0, userId: settings.id }));
  return {
    ...{ store, name, userIds, queued: queued.map(({ id }) => Number(id)) },
    accountIds: accounts.map(({ id }) => id).toSorted((a, b) => a - b),
    sent: sent.toSorted((a, b) => a.orderId - b.orderId),
    planning: { runId: open.runId, decisions: page.map((account) => accepted(open, account, third)) },
  };
}

/** A database with a session that is in no transaction: one that is goes on seeing who waited when it looked first. */
export interface Watched extends TestPostgres {
  watcher: SqlSession;
}

let scenes = 0;

/**
 * Starts one function and then the other, each until it waits or is done, while somebody holds one row; then lets go. Once
 * for each kind of row. Gives what went wrong: a deadlock is Postgres's `40P01`, and nothing here is repeated that would
 * hide it.
 */
export async function crossed(database: Watched, first: ActName, second: ActName): Promise<string[]> {
  const store = makeStore(database, { patient: false });
  scenes += 1;
  const testRun = await sceneOf(database, store, `s${scenes}`);
  const wrong: string[] = [];
  for (const [turn, [row, lock]] of Object.entries(held).entries()) {
    await database.session.exec(`begin; ${lock(testRun)}`);
    const ends: Promise<void>[] = [];
    for (const name of [first, second]) {
      const end = acts[name](testRun, turn * 2 + ends.length).then(
        () => undefined,
        (error: unknown) => {
          wrong.push(`${first} beside ${second}, while ${row} is held: ${name}: ${error}`);
        },
      );
      ends.push(end);
      await untilWaiting(database.watcher, ends);
    }
    await database.session.exec('commit');
    await Promise.all(ends);
    if (wrong.length > 0) break;
  }
  return wrong;
}

/** Until all of the calls that are not done wait for a lock. */
async function untilWaiting(watcher: SqlSession, ends: readonly Promise<void>[]): Promise<void> {
  let done = 0;
  const all = Promise.all(ends.map((end) => end.then(() => (done += 1))));
  for (let round = 0; round < 100; round += 1) {
    // Most calls are done by then, or wait.
    await Promise.race([all, pause(5)]);
    if (done >= ends.length) return;
    const [row] = await watcher.query(`select count(*)::int as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`);
    if (Number(row?.['n']) + done >= ends.length) return;
  }
}
