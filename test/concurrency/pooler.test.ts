import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listenForWork } from '../../src/adapters/store/listener.ts';
import { migrate, readMigrations } from '../../src/adapters/store/migrate.ts';
import { openPostgres, openPostgresSession } from '../../src/adapters/store/postgres.ts';
import { makeStore } from '../../src/adapters/store/store.ts';
import type { Store } from '../../src/ports/store/store.ts';
import { work } from '../../src/work.ts';
import {
  accepted,
  decideAll,
  fill,
  openTestRun,
  sendAll,
  settle,
  settlement,
  take,
  undecided,
} from '../contract/support/test-run.ts';
import { openTransactionPooler, type TransactionPooler } from '../simulators/transaction-pooler.ts';
import { setClock } from '../stages/support/clocks.ts';
import { workerWorld } from '../stages/support/worker-world.ts';
import { nowMs, quote, signal, tradeDate, user } from '../support/builders.ts';
import { violations } from '../support/invariants.ts';
import { blankPostgres, freshPostgres, type TestPostgres } from '../support/postgres.ts';

const SERVER_CONNECTIONS = 3;

let database: TestPostgres;
let pooler: TransactionPooler;
/** The product's own store by way of the pooler, with more connections than the pooler has. */
let store: Store;
beforeAll(async () => {
  database = await freshPostgres();
  pooler = await openTransactionPooler(database.url, SERVER_CONNECTIONS);
  store = makeStore(openPostgres({ url: pooler.url, max: 10 }));
});
afterAll(async () => {
  await store.close();
  await pooler.close();
  await database.close();
});

async function booksAreClean(): Promise<void> {
  expect(await violations(database.session)).toEqual([]);
  expect(await store.call('check_books', {})).toEqual([]);
}

async function client(): Promise<pg.Client> {
  const one = new pg.Client({ connectionString: pooler.url });
  await one.connect();
  return one;
}

describe('the pooler of these tests is one in transaction mode', () => {
  test('a prepared statement, a setting and an advisory lock are not there in the next transaction', async () => {
    const one = await client();
    const named = { name: 'one', text: 'select 1 as one' };
    expect((await one.query(named)).rows).toEqual([{ one: 1 }]);
    await expect(one.query(named)).rejects.toMatchObject({ code: '26000' });
    await one.query("set daily_scan.mine = 'set'");
    const read = "select current_setting('daily_scan.mine', true) as mine";
    expect((await one.query(read)).rows).not.toEqual([{ mine: 'set' }]);
    await one.query('select pg_advisory_lock(1)');
    expect((await one.query('select pg_advisory_unlock(1) as held')).rows).toEqual([{ held: false }]);
    await one.end();
  });

  test('a transaction is one connection from begin to commit, and no other client gets in between', async () => {
    const [one, two] = await Promise.all([client(), client()]);
    await one.query('begin');
    await one.query("set local daily_scan.mine = 'local'");
    const mine = async (of: pg.Client) =>
      (await of.query("select current_setting('daily_scan.mine', true) as mine")).rows[0];
    for (let round = 0; round < 2 * SERVER_CONNECTIONS; round += 1) {
      expect(await mine(two)).not.toEqual({ mine: 'local' });
      expect(await mine(one)).toEqual({ mine: 'local' });
    }
    await one.query('commit');
    await Promise.all([one.end(), two.end()]);
  });

  test('nobody who listens hears, and statement_timeout is refused at the start', async () => {
    const one = await client();
    const channels: string[] = [];
    one.on('notification', ({ channel }) => channels.push(channel));
    await one.query('listen daily_scan_work');
    const before = pooler.unheard();
    await database.session.query("select pg_notify('daily_scan_work', 'run')");
    while (pooler.unheard() === before) await pause(5);
    for (let round = 0; round < SERVER_CONNECTIONS; round += 1) await one.query('select 1');
    expect(channels).toEqual([]);
    await one.end();
    const limited = new pg.Client({ connectionString: pooler.url, statement_timeout: 1000 });
    await expect(limited.connect()).rejects.toMatchObject({ code: '08P01' });
  });
});

test('a run goes through it from import to done', async () => {
  const runId = `XNSE:${tradeDate}:open:paper:pooled`;
  const testRun = await openTestRun(store, { runId, users: [user('p-1'), user('p-2')] });
  await decideAll(testRun);
  const [first, second] = await sendAll(store);
  await settle(store, [
    settlement(first?.orderId ?? 0, 'filled', { fills: [fill('p1', 10)] }),
    settlement(second?.orderId ?? 0, 'rejected'),
  ]);
  const due = await store.call('read_due_messages', { runId, limit: 10, nowMs });
  expect(due).toHaveLength(2);
  const messages = due.map(({ messageId }) => ({ messageId, text: 'bought' }));
  await store.call('mark_sending', { messages, nowMs });
  const sent = messages.map(({ messageId }) => ({ messageId, status: 'sent' as const, reason: null }));
  await store.call('settle_messages', { messages: sent, nowMs });
  expect(await store.call('finish_run', { runId, nowMs })).toMatchObject({ state: 'done', openOrders: 0 });
  await booksAreClean();
});

test('calls with a time limit commit through it, and one that takes too long is ended', async () => {
  const hasty = openPostgres({ url: pooler.url, max: 1, statementTimeoutMs: 100 });
  const limited = openPostgres({ url: pooler.url, max: 10, statementTimeoutMs: 30_000 });
  const signals = [signal('LIMITED')];
  const runId = `XNSE:${tradeDate}:open:paper:limited`;
  const testRun = await openTestRun(makeStore(limited), { runId, signals, users: [user('limited')] });
  const page = await undecided(testRun);
  const decisions = page.flatMap((account) => signals.map((of) => accepted(testRun, account, of)));
  await database.session.exec('begin; update public.accounts set held_minor = held_minor');
  await expect(hasty.call('accept_page', { runId, nowMs, decisions })).rejects.toMatchObject({ code: '57014' });
  await database.session.exec('commit');
  expect(await limited.call('accept_page', { runId, nowMs, decisions })).toMatchObject({ accepted: 1 });
  // The limit went with its transaction: nobody else is given it.
  const one = await client();
  for (let round = 0; round < SERVER_CONNECTIONS; round += 1) {
    expect((await one.query('show statement_timeout')).rows).toEqual([{ statement_timeout: '0' }]);
  }
  await one.end();
  await Promise.all([hasty.close(), limited.close()]);
  await store.call('decide_run', { runId, nowMs });
  const orders = await sendAll(store, 'limited');
  await settle(
    store,
    orders.map(({ orderId }) => settlement(orderId, 'canceled')),
  );
  await booksAreClean();
});

test('8 workers that share 3 server connections take and settle each order once', async () => {
  const signals = ['P1', 'P2', 'P3'].map((symbol, index) => signal(symbol, { rank: index + 1 }));
  const users = Array.from({ length: 100 }, (_, n) => user(`pooled-${n}`));
  await decideAll(await openTestRun(store, { runId: `XNSE:${tradeDate}:open:paper:crowd`, signals, users }));
  const lentBefore = pooler.lent();
  const marked: number[] = [];
  const workers = Array.from({ length: 8 }, async (_, worker) => {
    for (let round = 0; ; round += 1) {
      const orders = await take(store, `pooled-${worker}-${round}`, { limit: 17 });
      const mine = orders.map(({ orderId }) => orderId);
      if (mine.length === 0) return;
      marked.push(...mine);
      const outcomes = mine.map((id) => settlement(id, 'filled', { fills: [fill(`pooled-${id}`, 10)] }));
      const both = await Promise.all([settle(store, outcomes), settle(store, outcomes.toReversed())]);
      expect(both[0].fills + both[1].fills).toBe(mine.length);
    }
  });
  await Promise.all(workers);
  expect(marked).toHaveLength(300);
  expect(new Set(marked).size).toBe(300);
  expect(pooler.peak()).toBe(SERVER_CONNECTIONS);
  expect(pooler.lent() - lentBefore).toBeGreaterThan(3 * (300 / 17));
  await booksAreClean();
});

test('a worker whose listening is in vain finds its work by polling', async () => {
  const listener = await listenForWork(pooler.url);
  const stop = new AbortController();
  const idle = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const clock = setClock(nowMs);
  const sleep = (ms: number) => {
    idle.resolve();
    return clock.sleep(ms);
  };
  const world = await workerWorld(store, pooler.url, { ...clock, sleep }, ({ type }) => {
    if (type === 'order_settled') done.resolve();
  });
  await store.call('paper_venue_prepare', { tradeDate, quotes: [quote('POLLED')], faults: [] });
  const working = work(world, { concurrency: 4, stop: stop.signal, woken: () => listener.next() });
  // Whatever ends the worker early ends the wait for it.
  await Promise.race([idle.promise, working]);
  const runId = `XNSE:${tradeDate}:open:paper:polled`;
  await decideAll(await openTestRun(store, { runId, signals: [signal('POLLED')], users: [user('polled')] }));
  await Promise.race([done.promise, working]);
  stop.abort();
  await working;
  await listener.close();
  const orders = await database.session.query('select status from public.orders where run_id = $1', [runId]);
  expect(orders).toEqual([{ status: 'filled' }]);
  await booksAreClean();
});

test('two that migrate by way of it at once bring an empty database up to date', async () => {
  const blank = await blankPostgres();
  const narrow = await openTransactionPooler(blank.url, SERVER_CONNECTIONS);
  const sessions = await Promise.all([openPostgresSession(narrow.url), openPostgresSession(narrow.url)]);
  const results = await Promise.all(sessions.map((session) => migrate(session)));
  const versions = readMigrations().map(({ version }) => version);
  expect(results.flatMap(({ applied }) => applied).toSorted()).toEqual(versions);
  for (const { current } of results) expect(current).toEqual(versions);
  const through = makeStore(openPostgres({ url: narrow.url, max: 2 }));
  expect(await through.call('check_books', {})).toEqual([]);
  await through.close();
  await Promise.all(sessions.map((session) => session.close()));
  await narrow.close();
  await blank.close();
});
