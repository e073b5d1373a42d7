import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeStore } from '../../src/adapters/store/store.ts';
import type { Store } from '../../src/ports/store/store.ts';
import { apiRunId, placeSingleOrders } from '../contract/support/single-orders.ts';
import { openTestRun } from '../contract/support/test-run.ts';
import { minuteMs, nowMs, user } from '../support/builders.ts';
import { emptyDatabase } from '../support/databases/empty.ts';
import { violations } from '../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../support/postgres.ts';

// Who places an order and who sends a message are different processes: only a server has two sessions.
let database: TestPostgres;
let store: Store;
/** The same functions within the transaction the other session has open. */
let within: Store;
beforeAll(async () => {
  database = await freshPostgres();
  store = makeStore(database);
  within = makeStore({
    close: async () => undefined,
    async call(name, args) {
      const [row] = await database.session.query(`select public.${name}($1::jsonb) as answer`, [JSON.stringify(args)]);
      return row?.['answer'];
    },
  });
});
beforeEach(async () => {
  await emptyDatabase(database.session);
  await openTestRun(store, { users: [user('asha', { whatsapp: '+919000000001' })] });
});
afterEach(async () => {
  await database.session.exec('rollback');
  expect(await violations(database.session)).toEqual([]);
  expect(await store.call('check_books', {})).toEqual([]);
});
afterAll(() => database.close());

const dueMs = nowMs + 3 * minuteMs;
const place = (symbol: string, of = store, atMs = nowMs) => placeSingleOrders(of, [{ userId: 'asha', symbol }], atMs);
const due = (atMs = dueMs) => store.call('read_due_messages', { runId: apiRunId, limit: 10, nowMs: atMs });
const mark = (all: Awaited<ReturnType<typeof due>>, atMs = dueMs) => {
  const messages = all.map(({ messageId, contentHash }) => ({ messageId, contentHash, text: 'told' }));
  return store.call('mark_sending', { messages, nowMs: atMs });
};
const waiting = 'select pid from pg_locks where not granted';
const contents = (all: Awaited<ReturnType<typeof due>>) =>
  all.map(({ kind, lines }) => [kind, ...lines.map(({ symbol }) => symbol)]);

test('orders placed by two processes at once are one message', async () => {
  await Promise.all(['TITAN', 'INFY', 'SBIN', 'LT'].map((symbol) => place(symbol)));
  const [message, ...more] = contents(await due());
  expect(more).toEqual([]);
  expect(message?.toSorted()).toEqual(['INFY', 'LT', 'SBIN', 'TITAN', 'single_orders']);
  const answers = await Promise.all([1, 2, 3].map(async () => mark(await due())));
  expect(answers.flatMap(({ marked }) => marked)).toHaveLength(1);
});

test('a message does not go without the order that is being placed', async () => {
  await place('TITAN');
  const read = await due();
  await database.session.exec('begin');
  await place('INFY', within);
  const marking = mark(read);
  // It waits for the order.
  await expect.poll(() => database.session.query(waiting), { timeout: 10_000 }).toHaveLength(1);
  await database.session.exec('commit');
  expect(await marking).toEqual({ marked: [] });
  expect(contents(await due())).toEqual([['single_orders', 'TITAN', 'INFY']]);
  expect((await mark(await due())).marked).toHaveLength(1);
});

test('an order that is placed while a message is given to its sender is in the next, and waits for nobody', async () => {
  await place('TITAN');
  const [first] = await due();
  await database.session.exec('begin');
  const messages = [{ messageId: first?.messageId ?? 0, contentHash: first?.contentHash ?? '', text: 'told' }];
  expect((await within.call('mark_sending', { messages, nowMs: dueMs })).marked).toHaveLength(1);
  // Answered while the sender's transaction is still open.
  expect(await place('INFY', store, dueMs)).toMatchObject([{ outcome: 'accepted' }]);
  await database.session.exec('commit');
  expect(contents(await due(dueMs + 3 * minuteMs))).toEqual([['single_orders-2', 'INFY']]);
});

test('nor does an order wait where a message is held, and its own is told of even if the other never went', async () => {
  await place('TITAN');
  await database.session.exec('begin; update public.messages set lookups = lookups');
  expect(await place('INFY')).toMatchObject([{ outcome: 'accepted' }]);
  await database.session.exec('rollback');
  expect(contents(await due())).toEqual([
    ['single_orders', 'TITAN'],
    ['single_orders-2', 'INFY'],
  ]);
});
