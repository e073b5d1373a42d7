import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { upgradeWebSocket } from '@hono/node-server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { makeApp } from '../../../src/http/app.ts';
import { defaultRateLimits } from '../../../src/http/callers/limits.ts';
import { type HttpServer, makeServer } from '../../../src/http/serve-http.ts';
import { affordable, type ConnectionLimits, connectionLimits } from '../../../src/http/sockets.ts';
import { decideAll, openTestRun } from '../../contract/support/test-run.ts';
import { user } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { startService, type TestService } from '../support/service.ts';

// Over real connections on the loopback: what a client can do to the server before, and instead of, a whole request.

let database: TestDatabase;
let service: TestService;
let open: HttpServer;
let port = 0;
let sockets: Socket[] = [];

beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database.session);
  service = await startService({ database });
  await serve({});
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await closed();
  await service.close();
});

async function closed(): Promise<void> {
  for (const socket of open.sockets.clients) socket.terminate();
  const over = new Promise((resolve) => open.server.close(resolve));
  open.server.closeAllConnections();
  await over;
}

/** The service on a port, with the limits of a small server where nothing else is said. */
async function serve(changed: Partial<ConnectionLimits>, streams: Partial<typeof defaultRateLimits> = {}) {
  const limits = { ...connectionLimits(100), ...changed };
  const app = makeApp({ ...service.deps, upgradeWebSocket }, { ...defaultRateLimits, ...streams });
  open = makeServer(async (request, env) => app.fetch(request, env), limits, service.world.emit);
  open.server.listen(0, '127.0.0.1');
  await once(open.server, 'listening');
  const at = open.server.address();
  port = typeof at === 'object' && at !== null ? at.port : 0;
}

async function servedAgain(changed: Partial<ConnectionLimits>, streams: Partial<typeof defaultRateLimits> = {}) {
  await closed();
  await serve(changed, streams);
}

/** A connection with this text sent, once it stands. `received` is everything that came; `over` resolves at its end. */
async function raw(text = '') {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  const received = { text: '' };
  socket.on('data', (part) => {
    received.text += String(part);
  });
  const over = new Promise<string>((resolve) => {
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(received.text));
  });
  await once(socket, 'connect');
  if (text !== '') socket.write(text);
  return { socket, received, over };
}

/** The status and the problem of a whole answer. */
function problemIn(text: string) {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  expect(head).toMatch(/content-type: application\/problem\+json/i);
  return { status: Number(head.split(' ')[1]), ...JSON.parse(body) };
}

const health = async () => (await fetch(`http://127.0.0.1:${port}/health`)).status;
const half = 'POST /api/signals HTTP/1.1\r\nHost: here\r\nContent-Length: 60000\r\n\r\n{"signals":';
const why = () => service.events.filter(({ type }) => type === 'connection_refused').map((type) => type['why']);
const until = async (holds: () => boolean) => {
  for (let n = 0; n < 400 && !holds(); n++) await pause(25);
  expect(holds()).toBe(true);
};

describe('connections that ask nothing', () => {
  test('keep nobody out: ten times as many as there may be, and whoever asks is answered', async () => {
    await servedAgain({ maxConnections: 30 });
    const idle = [];
    for (let n = 0; n < 300; n++) idle.push(await raw());
    expect(await health()).toBe(200);
    const kept = idle.filter(({ socket }) => !socket.destroyed && !socket.readableEnded);
    expect(kept.length).toBeLessThanOrEqual(30);
    expect(await health()).toBe(200);
  });

  test('are closed after seconds, and one that was used is kept for longer', async () => {
    await servedAgain({ headersMs: 200, requestMs: 400, checkEveryMs: 50 });
    const used = await raw('GET /health HTTP/1.1\r\nHost: here\r\n\r\n');
    await until(() => used.received.text.includes('alive'));
    const idle = await raw();
    const slow = await raw('GET /health HTTP/1.1\r\nHost: he');
    for (const { over } of [idle, slow])
      expect(problemIn(await over)).toMatchObject({ status: 408, code: 'request_timeout' });
    used.socket.write('GET /health HTTP/1.1\r\nHost: here\r\n\r\n');
    await until(() => used.received.text.split('alive').length === 3);
    expect(connectionLimits(2000).keepAliveMs).toBeGreaterThan(65_000);
    expect(open.server.keepAliveTimeout).toBe(connectionLimits(2000).keepAliveMs);
  });

  test('give room to a new one before those of anybody who is being answered', async () => {
    await servedAgain({ maxConnections: 3 });
    const { operatorKey } = service;
    const orderId = await placed();
    const get = `GET /api/trading/orders/${orderId}/stream HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer ${operatorKey}\r\n\r\n`;
    const streams = [await raw(get), await raw(get)];
    await until(() => streams.every(({ received }) => received.text.includes('event: status')));
    for (let n = 0; n < 5; n++) await raw();
    const answered = await raw('GET /health HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n');
    expect(await answered.over).toContain('alive');
    let connections = 0;
    await until(() => {
      open.server.getConnections((_error, count) => {
        connections = count;
      });
      return connections === streams.length;
    });
    for (const { socket } of streams) expect(socket.destroyed).toBe(false);
    streams.push(await raw(get));
    await until(() => streams[2]?.received.text.includes('event: status') === true);
    const refused = await raw();
    expect(problemIn(await refused.over)).toMatchObject({ status: 503, code: 'too_many_connections' });
  });
});

/** An order of Asha's that waits to be sent, for as long as nobody sends it. */
async function placed(): Promise<number> {
  await decideAll(await openTestRun(service.store, { users: [user('asha')] }));
  const [order] = await service.session.query('select id::int from public.orders');
  return Number(order?.['id']);
}

test('there are no more connections than the process may have open files', () => {
  const limits = (files: string) =>
    `Max processes   63000  63000  processes\nMax open files            ${files}  20000  files\n`;
  expect(affordable(2_000, limits('1024'))).toBe(824);
  expect(affordable(2_000, limits('524288'))).toBe(2_000);
  expect(affordable(2_000, limits('unlimited'))).toBe(2_000);
  expect(affordable(2_000, limits('64'))).toBe(50);
  expect(affordable(2_000, null)).toBe(2_000);
});

describe('uploads that never end', () => {
  test('are bounded in number: the oldest give way, others are answered meanwhile, and no alert is raised', async () => {
    await servedAgain({ maxConnections: 400, maxUnfinished: 20 });
    const started = [];
    for (let n = 0; n < 200; n++) started.push(await raw(half));
    await until(() => why().length >= 170);
    expect(problemIn((await started[0]?.over) ?? '')).toMatchObject({ status: 503, code: 'made_room' });
    expect(await health()).toBe(200);
    const signal = { tradeDate: '2025-08-28', strategy: 's', symbol: 'TITAN', side: 'BUY', referencePrice: '3560.00' };
    const sent = await fetch(`http://127.0.0.1:${port}/api/signals`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${service.operatorKey}` },
      body: JSON.stringify({ signals: [signal] }),
    });
    expect(sent.status).toBe(202);
    expect(service.events.filter(({ alert }) => alert)).toEqual([]);
  });

  test('are cut off after their time, with what to do', async () => {
    await servedAgain({ headersMs: 100, requestMs: 200, checkEveryMs: 50 });
    const { over } = await raw(half);
    expect(problemIn(await over)).toMatchObject({ status: 408, code: 'request_timeout', detail: /again/ });
    expect(service.events.filter(({ alert }) => alert)).toEqual([]);
  });

  test.each([
    ['with a length', half],
    ['in chunks', 'POST /api/signals HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"signals":'],
    ['to a webhook', half.replace('signals', 'webhooks/kite')],
    ['of an order', half.replace('signals', 'trading/orders')],
  ])('and break off (%s) are no failure of ours: no 5xx, no alert, and counted', async (_what, text) => {
    Object.assign(service.world, { logins: new Map([['kite', { handlePush: () => Promise.resolve('malformed') }]]) });
    const key = `Authorization: Bearer ${service.operatorKey}\r\nIdempotency-Key: k\r\n`;
    const { socket } = await raw(text.replace('Host: here\r\n', `Host: here\r\n${key}`));
    await pause(50);
    socket.destroy();
    await until(() => service.events.some(({ type }) => type === 'upload_aborted'));
    await until(() => service.events.some(({ type }) => type === 'http'));
    expect(service.events.filter(({ alert }) => alert)).toEqual([]);
    for (const { status } of service.events.filter(({ type }) => type === 'http')) expect(status).toBeLessThan(500);
  });
});

test.each([
  ['headers of 17 KB', `GET /health HTTP/1.1\r\nHost: here\r\nA: ${'a'.repeat(17_000)}\r\n\r\n`, 431],
  ['a thousand headers', `GET /health HTTP/1.1\r\nHost: here\r\n${'A: b\r\n'.repeat(1_000)}\r\n`, 431],
  ['no HTTP', 'hello\r\n\r\n', 400],
  ['a Host that is none', 'GET /health HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
  ['another upgrade', 'GET /health HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n', 400],
  [
    'a handshake without a key',
    'GET /api/trading/orders/1/stream HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    401,
  ],
])('%s is refused with problem JSON', async (_what, text, status) => {
  const { received } = await raw(text);
  await until(() => /\r\n\r\n[\s\S]*\}/.test(received.text));
  expect(problemIn(received.text)).toMatchObject({ status, detail: expect.any(String) });
});

describe('streams', () => {
  const streamOf = async (key: string, orderId: number) =>
    fetch(`http://127.0.0.1:${port}/api/trading/orders/${orderId}/stream`, {
      headers: { Authorization: `Bearer ${key}` },
    });

  test('of one user are bounded over all their keys, and an ended one makes room', async () => {
    await servedAgain({}, { streamsPerCaller: 3 });
    const orderId = await placed();
    const keys = [await service.userKey('asha'), await service.userKey('asha')];
    const first = await streamOf(keys[0] ?? '', orderId);
    for (const key of keys) expect((await streamOf(key, orderId)).status).toBe(200);
    const refused = await streamOf(keys[1] ?? '', orderId);
    expect([refused.status, refused.headers.has('retry-after'), await refused.json()]).toMatchObject([
      429,
      true,
      { code: 'too_many_streams' },
    ]);
    expect((await streamOf(service.operatorKey, orderId)).status).toBe(200);
    await first.body?.cancel();
    let again = 429;
    for (let n = 0; n < 100 && again === 429; n++) {
      await pause(25);
      again = (await streamOf(keys[0] ?? '', orderId)).status;
    }
    expect(again).toBe(200);
  });

  test('over WebSocket count too, and of everybody together there are only so many', async () => {
    await servedAgain({}, { streams: 2 });
    const orderId = await placed();
    const url = `ws://127.0.0.1:${port}/api/trading/orders/${orderId}/stream`;
    const headers = { Authorization: `Bearer ${service.operatorKey}` };
    const open = [new WebSocket(url, { headers }), new WebSocket(url, { headers })];
    await Promise.all(open.map((socket) => once(socket, 'message')));
    expect((await streamOf(service.operatorKey, orderId)).status).toBe(503);
    const [refusal] = await once(
      new WebSocket(url, { headers }).on('error', () => undefined),
      'unexpected-response',
    ).then(([, response]) => [response]);
    expect(refusal.statusCode).toBe(503);
    for (const socket of open) socket.terminate();
    let again = 503;
    for (let n = 0; n < 100 && again === 503; n++) {
      await pause(25);
      again = (await streamOf(service.operatorKey, orderId)).status;
    }
    expect(again).toBe(200);
  });
});
