import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { egress } from '../../src/adapters/credentials/egress.ts';
import { sendOnce } from '../../src/adapters/venues/http.ts';

/** A venue that keeps what it receives, and a proxy that tunnels (CONNECT) or does `instead`. */
let received: string[];
let answer: RequestListener;
let tunnels: { to: string; login: string | undefined }[];
let instead: ((socket: Socket) => void) | null;
let venue: { url: string; server: Server };
let proxy: { url: string; server: Server };

async function listening(server: Server) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function tunnel(request: IncomingMessage, socket: Socket): void {
  tunnels.push({ to: request.url ?? '', login: request.headers['proxy-authorization'] });
  if (instead) {
    instead(socket);
    return;
  }
  const [host, port] = (request.url ?? '').split(':');
  const there = connect(Number(port), host, () => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    there.pipe(socket).pipe(there);
  });
  there.on('error', () => socket.destroy());
  socket.on('error', () => there.destroy());
}

beforeEach(async () => {
  [received, tunnels, instead] = [[], [], null];
  answer = (_request, response) => void response.end('{}');
  venue = await listening(
    createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        received.push(body);
        answer(request, response);
      });
    }),
  );
  proxy = await listening(createServer().on('connect', tunnel));
});
afterEach(() => {
  for (const { server } of [venue, proxy]) {
    server.closeAllConnections();
    server.close();
  }
});

const account = { accountId: 1, userId: 'asha' };
const say = (secrets: unknown, url = venue.url) => {
  const fetcher = egress(async () => secrets)(account);
  return sendOnce(fetcher, { method: 'POST', url, headers: {}, body: 'a=é' }, 2_000);
};
const withLogin = () => proxy.url.replace('//', '//me%40home:pass%2Fword@');

test('an account with a proxy goes through it, with its login, and through a tunnel', async () => {
  expect(await say({ apiKey: 'x', proxyUrl: withLogin() })).toMatchObject({ kind: 'answered', status: 200 });
  const login = `Basic ${Buffer.from('me@home:pass/word').toString('base64')}`;
  expect(tunnels).toEqual([{ to: venue.url.slice('http://'.length), login }]);
  expect(received).toEqual(['a=é']);
});

test.each([[{}], [{ proxyUrl: null }], [null]])('an account without one (%j) goes straight', async (secrets) => {
  expect(await say(secrets)).toMatchObject({ kind: 'answered', status: 200 });
  expect([tunnels, received]).toEqual([[], ['a=é']]);
});

test.each([421, 401, 408, 503])('a %i through a proxy is an answer, and nothing is said again', async (status) => {
  answer = (_request, response) => void response.writeHead(status, { 'retry-after': '0' }).end('no');
  expect(await say({ proxyUrl: proxy.url })).toMatchObject({ kind: 'answered', status });
  expect(received).toHaveLength(1);
});

test('a changed proxy is used from the next request on', async () => {
  let proxyUrl = proxy.url;
  const wayOut = egress(async () => ({ proxyUrl }));
  const get = () => sendOnce(wayOut(account), { method: 'GET', url: venue.url, headers: {} }, 2_000);
  await get();
  proxyUrl = withLogin();
  await get();
  expect(tunnels.map(({ login }) => login === undefined)).toEqual([true, false]);
});

const refusing: [string, (socket: Socket) => void][] = [
  ['wants another login', (socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')],
  ['can not reach the venue', (socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')],
  ['hangs up', (socket) => socket.destroy()],
];
test.each(refusing)('a proxy that %s: proven not sent', async (_what, doing) => {
  instead = doing;
  expect(await say({ proxyUrl: proxy.url })).toEqual({ kind: 'not_sent', reason: 'not_connected: PROXY_REFUSED' });
  expect(received).toEqual([]);
});

test('a proxy that is not there, or can not be read: proven not sent, and never gone round', async () => {
  proxy.server.close();
  expect(await say({ proxyUrl: proxy.url })).toEqual({ kind: 'not_sent', reason: 'not_connected: ECONNREFUSED' });
  const odd = await say({ proxyUrl: 'socks5://me:pass-word@h' });
  expect(odd).toEqual({ kind: 'not_sent', reason: 'not_connected: PROXY_UNREADABLE' });
  const lost = egress(() => Promise.reject(new Error('pass-word')))(account);
  const reply = await sendOnce(lost, { method: 'GET', url: venue.url, headers: {} }, 2_000);
  expect(reply).toEqual({ kind: 'not_sent', reason: 'not_connected: CREDENTIALS_UNAVAILABLE' });
  expect(received).toEqual([]);
});

test('a connection that breaks after the tunnel stood proves nothing', async () => {
  answer = (request) => request.socket.destroy();
  expect(await say({ proxyUrl: proxy.url })).toEqual({ kind: 'silent', reason: 'connection_lost' });
  expect(received).toHaveLength(1);
});

test.each([[{}], [{ proxyUrl: 'of the account' }]])(
  'nothing leaves when the way out (%j) is known too late',
  async (secrets) => {
    let late = false;
    const slow = egress(async () => {
      late = true;
      return 'proxyUrl' in secrets ? { proxyUrl: proxy.url } : secrets;
    })(account);
    const reply = await sendOnce(slow, { method: 'POST', url: venue.url, headers: {}, body: 'a' }, 2_000, () => !late);
    expect(reply).toEqual({ kind: 'not_sent', reason: 'too_late_to_start' });
    expect([tunnels, received]).toEqual([[], []]);
  },
);
