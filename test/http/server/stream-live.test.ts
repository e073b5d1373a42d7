import type { AddressInfo } from 'node:net';
import { createAdaptorServer, upgradeWebSocket, type WebSocketServerLike } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type Listener, listenForOrders } from '../../../src/adapters/store/listener.ts';
import { openPostgresSession } from '../../../src/adapters/store/postgres.ts';
import { decideAll, fill, openTestRun, sendAll, settle, settlement } from '../../contract/support/test-run.ts';
import { user } from '../../support/builders.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { startService, type TestService } from '../support/service.ts';
import { handClock, reader } from '../support/stream-client.ts';

// A server on loopback and real notifications. Nothing polls here: the clock's periods never pass.

let database: TestPostgres;
let open: TestService;
let listener: Listener;
let address = '';
let stop: () => Promise<void>;
const time = handClock();

beforeAll(async () => {
  database = await freshPostgres();
  listener = await listenForOrders(database.url);
  open = await startService({
    database,
    change: (world) => ({ ...world, clock: { ...world.clock, every: time.every } }),
    deps: { changes: listener, upgradeWebSocket },
  });
  const sockets = new WebSocketServer({ noServer: true });
  const server = createAdaptorServer({
    fetch: open.app.fetch,
    websocket: { server: sockets as unknown as WebSocketServerLike },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  stop = async () => {
    for (const socket of sockets.clients) socket.terminate();
    await new Promise((resolve) => server.close(resolve));
  };
});
afterAll(async () => {
  await stop();
  await listener.close();
  await database.close();
});

let run = 0;
async function twoOrders() {
  run += 1;
  const testRun = await openTestRun(open.store, {
    runId: `XNSE:2025-08-28:open:paper:${run}`,
    users: [user(`asha-${run}`), user(`bela-${run}`)],
  });
  await decideAll(testRun);
  const [first, second] = await sendAll(open.store, `claim-${run}`);
  if (!first || !second) throw new Error('two orders were to go');
  return [first, second] as const;
}

const filled = (orderId: number) => settlement(orderId, 'filled', { fills: [fill(`f${orderId}`, 10, 100_00)] });
const path = (id: number) => `/api/trading/orders/${id}/stream`;
const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });
const listen = async (id: number) =>
  reader(await fetch(`http://${address}${path(id)}`, { headers: bearer(open.operatorKey) }));

/** Everything a socket says until it closes, or the status it was refused with. */
function socketOn(id: number, key: string, query = '') {
  const socket = new WebSocket(`ws://${address}${path(id)}${query}`, { headers: bearer(key) });
  const messages: { event: string; id?: number; data: Record<string, unknown> }[] = [];
  const two = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<{ code: number; messages: typeof messages } | { status: number | undefined }>();
  socket.on('message', (data: Buffer) => {
    messages.push(JSON.parse(data.toString('utf8')));
    if (messages.length === 2) two.resolve();
  });
  socket.on('unexpected-response', (_request, response) => ended.resolve({ status: response.statusCode }));
  socket.on('close', (code) => ended.resolve({ code, messages }));
  socket.on('error', () => undefined);
  return { socket, two: two.promise, ended: ended.promise };
}

describe('server-sent events', () => {
  test('come by notification, from whichever process settles', async () => {
    const [{ orderId }] = await twoOrders();
    const events = await listen(orderId);
    await events.take(2);
    await settle(open.store, [filled(orderId)]);
    expect((await events.rest()).map(({ event, data }) => [event, data?.['status']])).toEqual([
      ['status', 'filled'],
      ['end', 'filled'],
    ]);
  });

  test('do not lose what commits after a later event was seen', async () => {
    const [late, early] = await twoOrders();
    const [lateEvents, earlyEvents] = [await listen(late.orderId), await listen(early.orderId)];
    await lateEvents.take(2);
    await earlyEvents.take(2);
    const other = await openPostgresSession(database.url);
    try {
      // Its event has the smaller id, and becomes visible after the other's.
      await other.exec('begin');
      await other.query('select public.settle_orders($1::jsonb)', [
        JSON.stringify({ nowMs: 0, outcomes: [settlement(late.orderId, 'rejected', { reason: 'venue_rejected' })] }),
      ]);
      await settle(open.store, [filled(early.orderId)]);
      const earlyRest = await earlyEvents.rest();
      await other.exec('commit');
      const [rejected, end] = await lateEvents.rest();
      expect(Number(rejected?.id)).toBeLessThan(Number(earlyRest[0]?.id));
      expect([rejected?.data?.['status'], end?.event]).toEqual(['rejected', 'end']);
    } finally {
      await other.close();
    }
  });

  test('a client that breaks off is forgotten', async () => {
    const [{ orderId }] = await twoOrders();
    const events = await listen(orderId);
    await events.take(2);
    expect(time.running()).toEqual([1_000, 15_000]);
    await events.leave();
    await expect.poll(() => time.running()).toEqual([]);
  });
});

describe('a WebSocket', () => {
  test('says the same as JSON, and closes normally at the end', async () => {
    const [{ orderId, clientOrderId }] = await twoOrders();
    const line = socketOn(orderId, open.operatorKey);
    await line.two;
    await settle(open.store, [filled(orderId)]);
    const ended = await line.ended;
    if (!('messages' in ended)) throw new Error(`refused with ${ended.status}`);
    expect(ended.code).toBe(1000);
    expect(ended.messages.map(({ event, data }) => [event, data['status']])).toEqual([
      ['status', 'queued'],
      ['status', 'submitting'],
      ['status', 'filled'],
      ['end', 'filled'],
    ]);
    expect(ended.messages[2]?.data).toMatchObject({ orderId, clientOrderId, averagePrice: '100.00' });
    const after = await socketOn(orderId, open.operatorKey, `?after=${ended.messages[1]?.id}`).ended;
    expect(after).toEqual({ code: 1000, messages: ended.messages.slice(2) });
  });

  test('is refused without a key, with a wrong one, and to another user', async () => {
    const [asha, bela] = await twoOrders();
    const key = await open.userKey(asha.userId);
    expect(await socketOn(bela.orderId, key).ended).toEqual({ status: 404 });
    expect(await socketOn(asha.orderId, `ds_${'x'.repeat(43)}`).ended).toEqual({ status: 401 });
    const own = socketOn(asha.orderId, key);
    await own.two;
    own.socket.close();
    await own.ended;
    await expect.poll(() => time.running()).toEqual([]);
  });

  test('is kept open by heartbeats', async () => {
    const [{ orderId }] = await twoOrders();
    const line = socketOn(orderId, open.operatorKey, '?after=0');
    await line.two;
    const beat = new Promise((resolve) =>
      line.socket.once('message', (data: Buffer) => resolve(data.toString('utf8'))),
    );
    time.pass(15_000);
    expect(await beat).toBe('{"event":"heartbeat"}');
    line.socket.close();
    await line.ended;
  });
});

test('a server without WebSockets gives server-sent events to who asks to upgrade', async () => {
  const [{ orderId }] = await twoOrders();
  await settle(open.store, [filled(orderId)]);
  const plain = await startService({ database });
  const answer = await plain.ask(plain.operatorKey, 'GET', path(orderId), undefined, { Upgrade: 'websocket' });
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  expect(await reader(answer).rest()).toHaveLength(4);
});
