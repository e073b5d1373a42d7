import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bodyLimit } from '../../../src/http/body.ts';
import { type HttpServer, makeServer } from '../../../src/http/serve-http.ts';
import { connectionLimits } from '../../../src/http/sockets.ts';

// Over real connections: what a request says of its body's length, and what it sends.

const MAX_BYTES = 1_000;

let open: HttpServer;
let port = 0;
/** The lengths of the bodies a route was given. */
let taken: number[] = [];
const sockets: Socket[] = [];

beforeAll(async () => {
  const app = new Hono().use(bodyLimit(MAX_BYTES)).post('/', async (c) => {
    taken.push((await c.req.text()).length);
    return c.text('taken');
  });
  open = makeServer(
    async (request, env) => app.fetch(request, env),
    connectionLimits(10),
    () => undefined,
  );
  open.server.listen(0, '127.0.0.1');
  await once(open.server, 'listening');
  const at = open.server.address();
  port = typeof at === 'object' && at !== null ? at.port : 0;
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  open.server.closeAllConnections();
  await new Promise((resolve) => open.server.close(resolve));
});

/** The statuses of all that comes back until the connection ends, and the lengths the route was given. */
async function send(head: string, body = ''): Promise<{ statuses: number[]; taken: number[] }> {
  taken = [];
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  socket.on('data', (part) => {
    text += String(part);
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.end(`POST / HTTP/1.1\r\nHost: here\r\n${head}\r\n${body}`);
  await once(socket, 'close');
  return { statuses: [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status)), taken };
}

const chunk = (length: number) => `${length.toString(16)}\r\n${'x'.repeat(length)}\r\n`;
const chunked = 'Transfer-Encoding: chunked\r\n';

describe('a body that says its length', () => {
  test('is read as far as it says, up to the limit', async () => {
    const whole = await send(`Content-Length: ${MAX_BYTES}\r\n`, 'x'.repeat(MAX_BYTES));
    expect(whole).toEqual({ statuses: [200], taken: [MAX_BYTES] });
  });

  test('is refused beyond the limit without one byte of it', async () => {
    expect(await send(`Content-Length: ${MAX_BYTES + 1}\r\nConnection: close\r\n`)).toEqual({
      statuses: [413],
      taken: [],
    });
  });

  test('and sends more is another request from there on', async () => {
    const answered = await send('Content-Length: 10\r\n', 'x'.repeat(5 * MAX_BYTES));
    expect([answered.taken, answered.statuses.at(-1)]).toEqual([[10], 400]);
  });

  test.each(['-1', '0x10', '1e3', '10, 10', '10\r\nContent-Length: 2000', ''])(
    'in no number (%j) is refused',
    async (length) => {
      expect(await send(`Content-Length: ${length}\r\n`, 'x'.repeat(10))).toEqual({ statuses: [400], taken: [] });
    },
  );
});

describe('a body in chunks', () => {
  test('is read up to the limit', async () => {
    const body = `${chunk(500)}${chunk(500)}0\r\n\r\n`;
    expect(await send(chunked, body)).toEqual({ statuses: [200], taken: [1000] });
  });

  test('is refused beyond it, however small each is', async () => {
    const answered = await send(`${chunked}Connection: close\r\n`, `${chunk(100).repeat(11)}0\r\n\r\n`);
    expect(answered).toEqual({ statuses: [413], taken: [] });
  });

  test('that says a length too is refused: two readers could read two bodies', async () => {
    expect(await send(`${chunked}Content-Length: 10\r\n`, `${chunk(2000)}0\r\n\r\n`)).toEqual({
      statuses: [400],
      taken: [],
    });
  });
});

test('a request without either has no body', async () => {
  expect(await send('')).toEqual({ statuses: [200], taken: [0] });
});

test('a body that says its length is left to the server’s own reading of it: nobody makes a stream of it', async () => {
  const request = new Request('http://here/', { method: 'POST', headers: { 'Content-Length': '3' }, body: 'abc' });
  const { body } = request;
  let asked = 0;
  Object.defineProperty(request, 'body', {
    get() {
      asked += 1;
      return body;
    },
  });
  const app = new Hono().use(bodyLimit(MAX_BYTES)).post('/', async (c) => c.text(await c.req.text()));
  expect(await (await app.fetch(request)).text()).toBe('abc');
  expect(asked).toBe(0);
});
