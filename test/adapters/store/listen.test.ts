import { connect, createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../../scripts/support/free-port.ts';
import { listenForOrders } from '../../../src/adapters/store/listener.ts';
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
  const notified = listener.next();
  await say();
  await notified;
  await listener.close();
});

test('a listener that found no server at first listens once there is one', async () => {
  const port = await freePort();
  const url = new URL(database.url);
  url.port = String(port);
  const listener = await listenForOrders(url.href);
  const server = createServer((near) => {
    const far = connect({ port: Number(new URL(database.url).port), host: '127.0.0.1' });
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on('error', () => undefined);
  }).listen(port, '127.0.0.1');
  // Said once it listens: before that nobody could have heard.
  await listener.next();
  const notified = listener.next();
  await say();
  await notified;
  expect(listener.isLost()).toBe(false);
  await listener.close();
  server.close();
});
