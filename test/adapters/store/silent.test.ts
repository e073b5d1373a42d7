import { afterAll, beforeAll, expect, test } from 'vitest';
import { listenForOrders } from '../../../src/adapters/store/listener.ts';
import { openPostgres } from '../../../src/adapters/store/postgres.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { openForwarder } from '../../simulators/tcp-forwarder.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';

let database: TestPostgres;
beforeAll(async () => {
  database = await freshPostgres();
});
afterAll(() => database.close());

test('calls on connections that have gone silent end, and are made again on new ones', {
  timeout: 30_000,
}, async () => {
  const forwarder = await openForwarder(database.url);
  const store = makeStore(openPostgres({ url: forwarder.url, max: 4 }));
  const ask = () => store.call('read_calendar_days', { exchange: 'NSE' });
  await Promise.all([ask(), ask(), ask(), ask()]);
  expect(forwarder.taken()).toBe(4);
  forwarder.forget();
  // More calls than connections: those that wait for one are served, too.
  expect(await Promise.all(Array.from({ length: 8 }, ask))).toEqual(Array.from({ length: 8 }, () => []));
  expect(forwarder.taken()).toBeGreaterThan(4);
  await store.close();
  forwarder.close();
});

test('idle connections are not trusted once one of their age was silent', { timeout: 30_000 }, async () => {
  const forwarder = await openForwarder(database.url);
  const pool = openPostgres({ url: forwarder.url, max: 4, statementTimeoutMs: 500 });
  const ask = () => pool.call('read_calendar_days', { exchange: 'NSE' });
  await Promise.all([ask(), ask(), ask(), ask()]);
  forwarder.forget();
  await expect(ask()).rejects.toMatchObject({ kind: 'lost', code: 'ETIMEDOUT' });
  // Three silent ones are left in the pool: nobody is given them.
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([[], [], []]);
  await pool.close();
  forwarder.close();
});

test('a listener whose connection has gone silent listens on a new one', { timeout: 30_000 }, async () => {
  const forwarder = await openForwarder(database.url);
  const listener = await listenForOrders(forwarder.url);
  forwarder.forget();
  // Woken by the new connection, since something may have been missed.
  await listener.next();
  const notified = listener.next();
  await database.session.exec("notify daily_scan_orders, ''");
  await notified;
  await listener.close();
  forwarder.close();
});
