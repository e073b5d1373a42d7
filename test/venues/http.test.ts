import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { sendOnce } from '../../src/adapters/venues/http.ts';

/** Says one thing to a server that answers like this, and gives what came of it and how often the server was asked. */
async function spoken(listener: RequestListener, timeoutMs = 2_000) {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    request.resume();
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const said = await sendOnce(fetch, { method: 'POST', url, headers: {}, body: 'a=é' }, timeoutMs);
    return { said, asked };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test.each([421, 401, 403, 408, 425, 503])('a %i is an answer, and nothing is said again', async (status) => {
  const { said, asked } = await spoken((_request, response) => {
    response.writeHead(status, { 'retry-after': '0', 'www-authenticate': 'Basic' }).end('no');
  });
  expect(said).toMatchObject({ kind: 'answered', status, text: 'no', json: undefined });
  expect(asked).toBe(1);
});

test('a body goes with its length, as the bytes it has', async () => {
  let length: string | undefined;
  await spoken((request, response) => {
    length = request.headers['content-length'];
    response.end('{}');
  });
  expect(length).toBe('4');
});

test('an answer that stops halfway is silence, and so is one that never ends', async () => {
  const half: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('{"status":');
  };
  expect((await spoken(half, 300)).said).toEqual({ kind: 'silent', reason: 'timeout' });
  const cutOff: RequestListener = (request, response) => {
    half(request, response);
    setTimeout(() => request.socket.destroy(), 20);
  };
  expect((await spoken(cutOff)).said).toEqual({ kind: 'silent', reason: 'connection_lost' });
});

const failing = (cause: unknown): typeof fetch => {
  return async () => {
    throw new TypeError('fetch failed', { cause });
  };
};
const code = (values: object) => Object.assign(new Error('failed with a secret'), values);
const request = { method: 'GET', url: 'http://127.0.0.1', headers: {} } as const;

test.each([
  ['a refused connection', code({ code: 'ECONNREFUSED', syscall: 'connect' }), 'not_sent'],
  ['a name nobody knows', code({ code: 'ENOTFOUND', syscall: 'getaddrinfo' }), 'not_sent'],
  ['a connection that takes too long', code({ code: 'UND_ERR_CONNECT_TIMEOUT' }), 'not_sent'],
  ['every address refusing', new AggregateError([code({ code: 'ECONNREFUSED', syscall: 'connect' })]), 'not_sent'],
  ['a host that went away', code({ code: 'EHOSTUNREACH', syscall: 'read' }), 'silent'],
  ['a reset', code({ code: 'ECONNRESET', syscall: 'read' }), 'silent'],
  [
    'one address that is not refusing',
    new AggregateError([code({ code: 'ECONNREFUSED', syscall: 'connect' }), 1]),
    'silent',
  ],
  ['no cause at all', undefined, 'silent'],
])('%s proves what it proves', async (_what, cause, kind) => {
  const said = await sendOnce(failing(cause), request, 1_000);
  expect(said.kind).toBe(kind);
  expect(JSON.stringify(said)).not.toContain('secret');
});
