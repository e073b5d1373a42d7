import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { sendOnce } from '../../src/adapters/venues/http.ts';

/** Says one thing to a server that answers like this, and gives what came of it and how often the server was asked. */
async function spoken(listener: RequestListener, timeoutMs = 2_000) {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume();
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const reply = await sendOnce(fetch, { method: 'POST', url, headers: {}, body: 'a=é' }, timeoutMs);
    return { reply, requests };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test.each([421, 401, 403, 408, 425, 503])('a %i is an answer, and nothing is said again', async (status) => {
  const { reply, requests } = await spoken((_request, response) => {
    response.writeHead(status, { 'retry-after': '0', 'www-authenticate': 'Basic' }).end('no');
  });
  expect(reply).toMatchObject({ kind: 'answered', status, text: 'no', json: undefined });
  expect(requests).toBe(1);
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
  expect((await spoken(half, 300)).reply).toEqual({ kind: 'silent', reason: 'timeout' });
  const cutOff: RequestListener = (request, response) => {
    half(request, response);
    setTimeout(() => request.socket.destroy(), 20);
  };
  expect((await spoken(cutOff)).reply).toEqual({ kind: 'silent', reason: 'connection_lost' });
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
  const reply = await sendOnce(failing(cause), request, 1_000);
  expect(reply.kind).toBe(kind);
  expect(JSON.stringify(reply)).not.toContain('secret');
});
