import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { alpacaUpdates } from '../../src/adapters/venues/alpaca/order-updates.ts';
import { startHttpServer } from '../../src/commands/run/http-server.ts';
import { readConfig } from '../../src/config/config.ts';
import { decideAll, openTestRun, sendAll } from '../contract/support/test-run.ts';
import { startService } from '../http/support/service.ts';
import { openAlpacaExchange } from '../simulators/venues/alpaca-exchange.ts';
import { setClock } from '../stages/support/clocks.ts';
import { nowMs, user } from '../support/builders.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { mutated, oddBytes, oddText } from './odd-values.ts';
import { counter, type Target } from './target.ts';

const update = { stream: 'trade_updates', data: { event: 'fill', order: { id: 'A1', client_order_id: 'other' } } };
const login = { stream: 'authorization', data: { status: 'authorized', action: 'authenticate' } };
const listening = { stream: 'listening', data: { streams: ['trade_updates'] } };
const frames = fc.array(fc.oneof(mutated(update), mutated(login), mutated(listening), oddText), {
  minLength: 1,
  maxLength: 4,
});
const RECEIVED_WITHIN_MS = 10_000;

/** Feeds the stream of a venue's updates: whatever it says, the good update after it is received. */
export async function updatesTarget(): Promise<Target> {
  const clock = setClock(nowMs);
  const alpaca = await openAlpacaExchange(clock);
  const { fed, count } = counter();
  let received: string[] = [];
  const updates = alpacaUpdates({
    ...{
      streamUrl: alpaca.streamUrl,
      account: { accountId: 7, userId: 'asha' },
      clock,
      agentFor: async () => undefined,
    },
    ...{ credentials: async (of) => alpaca.credentials(of), pausesMs: { first: 5, longest: 20 } },
    onUpdate: ({ clientOrderId, venueOrderId }) => {
      assert.ok(clientOrderId.length <= 128 && venueOrderId.length <= 128);
      received.push(clientOrderId);
    },
    onState: () => undefined,
  });
  let number = 0;
  const property = fc.asyncProperty(frames, async (odd) => {
    count('frames of a venue');
    number += 1;
    received = [];
    for (const frame of odd) alpaca.stream.say(frame);
    const good = JSON.stringify({
      ...update,
      data: { ...update.data, order: { id: 'A2', client_order_id: `good-${number}` } },
    });
    for (let waited = 0; !received.includes(`good-${number}`); waited += 5) {
      assert.ok(waited < RECEIVED_WITHIN_MS, 'the good update was never received');
      if (alpaca.stream.listening() > 0) alpaca.stream.say(good);
      await pause(5);
    }
  });
  const close = async () => {
    await updates.close();
    await alpaca.close();
  };
  return { name: 'updates', property, fed, close };
}

const requestLines = [
  'GET /health HTTP/1.1',
  'GET /ready HTTP/1.1',
  'POST /api/signals HTTP/1.1',
  'POST /api/webhooks/twilio HTTP/1.1',
];
const wire = fc.oneof(
  fc.record({
    what: fc.constant('bytes' as const),
    bytes: oddBytes(
      fc
        .tuple(
          fc.constantFrom(...requestLines),
          fc.array(fc.tuple(oddText, oddText), { maxLength: 3 }),
          oddText,
          fc.constantFrom('5', '0', '99999999999999999999', '-1', 'x'),
        )
        .map(([line, headers, body, length]) => {
          const more = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
          return `${line}\r\nHost: here\r\nContent-Length: ${length}\r\n${more}\r\n${body}`;
        }),
    ),
  }),
  fc.record({
    what: fc.constant('frames' as const),
    query: fc.oneof({ weight: 5, arbitrary: fc.constant('0') }, { weight: 1, arbitrary: oddText }),
    frames: fc.array(fc.oneof(oddText, fc.constant('x'.repeat(5_000))), { maxLength: 3 }),
    raw: oddBytes(oddText),
  }),
);

/** Feeds the bytes under HTTP, and the frames of clients' WebSockets: the server answers the next one all the same. */
export async function wireTarget(database: TestDatabase): Promise<Target> {
  const open = await startService({ database, signals: [], users: [] });
  await decideAll(await openTestRun(open.store, { users: [user('asha')] }));
  const [order] = await sendAll(open.store);
  const read = readConfig({ PORT: '0', CRON_SECRET: 'cron-secret-0123456789-of-the-fuzz' });
  if (read.kind !== 'config' || !order) throw new Error('the settings are good, and an order is open');
  const stop = new AbortController();
  const options = { config: read.config, target: { kind: 'embedded', path: null } as const, world: open.world };
  const served = await startHttpServer({
    ...options,
    metrics: open.deps.metrics,
    wake: () => undefined,
    stop: stop.signal,
  });
  const { host } = new URL(served.address);
  const { fed, count } = counter();
  const property = fc.asyncProperty(wire, async (one) => {
    count(one.what === 'bytes' ? 'bytes of a client' : 'frames of a client');
    open.events.length = 0;
    if (one.what === 'bytes') await sendBytes(host, one.bytes);
    else
      await sendFrames(
        `ws://${host}/api/trading/orders/${order.orderId}/stream?after=${encodeURIComponent(one.query.toWellFormed())}`,
        open.operatorKey,
        one.frames,
        one.raw,
      );
    const answer = await fetch(`${served.address}/health`);
    assert.equal(answer.status, 200);
    assert.deepEqual(
      open.events.filter(({ type }) => type === 'request_failed'),
      [],
    );
  });
  const close = async () => {
    stop.abort();
    await served.ended;
    await open.close();
  };
  return { name: 'wire', property, fed, close };
}

/** As a client that hangs up at once: what comes back is not waited for longer than a moment. */
async function sendBytes(host: string, bytes: Uint8Array): Promise<void> {
  const [name, port] = host.split(':');
  const socket = connect(Number(port), name);
  socket.on('error', () => undefined).resume();
  socket.end(bytes);
  await Promise.race([once(socket, 'close'), pause(30)]);
  socket.destroy();
}

async function sendFrames(url: string, key: string, frames: string[], raw: Uint8Array): Promise<void> {
  const socket = new WebSocket(url, { headers: { Authorization: `Bearer ${key}` } });
  socket.on('error', () => undefined);
  const upgraded = await new Promise<import('node:stream').Duplex | null>((resolve) => {
    socket.on('upgrade', (response) => resolve(response.socket));
    socket.on('unexpected-response', () => resolve(null));
    socket.on('close', () => resolve(null));
  });
  if (upgraded === null) return socket.terminate();
  if (socket.readyState !== WebSocket.OPEN) await Promise.race([once(socket, 'open'), once(socket, 'close')]);
  for (const frame of frames) if (socket.readyState === WebSocket.OPEN) socket.send(frame);
  // No frame at all: the other end has to close, and no more.
  upgraded.write(Buffer.from(raw));
  await Promise.race([once(socket, 'close'), pause(20)]);
  socket.terminate();
}
