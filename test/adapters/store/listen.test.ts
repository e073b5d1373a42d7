import { afterAll, beforeAll, test } from 'vitest';
import { listenForOrders } from '../../../src/adapters/store/postgres.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';

let database: TestPostgres;
beforeAll(async () => {
  database = await freshPostgres();
});
afterAll(() => database.close());

const say = () => database.session.exec("notify daily_scan_orders, ''");

test('a notification wakes everybody who waits, and is kept for who asks next', async () => {
  const listener = await listenForOrders(database.url);
  // The first gave up waiting, as the loser of a race does: it must not take the word from the second.
  const [first, second] = [listener.next(), listener.next()];
  await say();
  await Promise.all([first, second]);
  await listener.next();
  await listener.close();
});

test('a listener whose connection is ended connects again, and says that something may have been missed', async () => {
  const listener = await listenForOrders(database.url);
  const missed = listener.next();
  await database.session.exec(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query like 'listen %'`);
  await missed;
  await listener.next();
  const heard = listener.next();
  await say();
  await heard;
  await listener.close();
});
