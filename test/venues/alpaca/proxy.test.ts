import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { streamEgress } from '../../../src/adapters/credentials/egress.ts';
import { alpacaUpdates } from '../../../src/adapters/venues/alpaca/order-updates.ts';
import type { StreamState } from '../../../src/ports/venue.ts';
import { type ConnectProxy, openConnectProxy } from '../../simulators/connect-proxy.ts';
import { type AlpacaExchange, openAlpacaExchange } from '../../simulators/venues/alpaca-exchange.ts';
import { setClock } from '../../stages/support/clocks.ts';
import { venueAccount as account, nowMs } from '../../support/builders.ts';

const clock = setClock(nowMs);
const keys = { keyId: 'PKTEST7', secretKey: 'secret7' };
let alpaca: AlpacaExchange;
let proxy: ConnectProxy;
let states: StreamState[];
let received: string[];
let updates: { close(): Promise<void> } | null;
beforeEach(async () => {
  [alpaca, proxy] = await Promise.all([openAlpacaExchange(clock), openConnectProxy()]);
  [states, received, updates] = [[], [], null];
});
afterEach(async () => {
  await updates?.close();
  await Promise.all([alpaca.close(), proxy.close()]);
});

/** The stream of an account with these secrets, by the way out that live trading gives it. */
function listenWith(secrets: object, beatMs = 5_000) {
  updates = alpacaUpdates({
    streamUrl: alpaca.streamUrl,
    ...{ account, clock, beatMs, pausesMs: { first: 10, longest: 40 } },
    credentials: async () => ({ ...keys, ...secrets }),
    agentFor: streamEgress(async () => secrets),
    onUpdate: ({ clientOrderId }) => received.push(clientOrderId),
    onState: (state) => states.push(state),
  });
}
const until = (check: () => void) => vi.waitFor(check, { timeout: 8_000, interval: 10 });
const lost = () => states.flatMap((state) => (state.kind === 'lost' ? [state.reason] : []));

test('an account with a proxy listens through it, with its login, and through a tunnel', async () => {
  listenWith({ proxyUrl: proxy.url.replace('//', '//me%40home:pass%2Fword@') });
  await until(() => expect(states).toContainEqual({ kind: 'listening' }));
  const login = `Basic ${Buffer.from('me@home:pass/word').toString('base64')}`;
  expect(proxy.tunnels).toEqual([{ to: new URL(alpaca.streamUrl).host, login }]);
  alpaca.stream.say(
    JSON.stringify({ stream: 'trade_updates', data: { event: 'fill', order: { id: '1', client_order_id: 'abc' } } }),
  );
  await until(() => expect(received).toEqual(['abc']));
  await updates?.close();
  await until(() => expect(proxy.open()).toBe(0));
});

test('an account without one goes straight', async () => {
  listenWith({ proxyUrl: null });
  await until(() => expect(states).toContainEqual({ kind: 'listening' }));
  expect(proxy.tunnels).toEqual([]);
});

test('a proxy that refuses is told, asked again, and never gone round', async () => {
  proxy.instead = (socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
  listenWith({ proxyUrl: proxy.url });
  await until(() => expect(lost().slice(0, 2)).toEqual(['http_407', 'http_407']));
  expect(alpaca.stream.connections).toBe(0);
});

test('a proxy that says nothing is given up, and nothing of the way to it is left', async () => {
  proxy.instead = (socket) => void socket.resume();
  listenWith({ proxyUrl: proxy.url }, 50);
  await until(() => expect(lost().length).toBeGreaterThan(1));
  expect(new Set(lost())).toEqual(new Set(['silent']));
  await updates?.close();
  await until(() => expect(proxy.open()).toBe(0));
  expect(alpaca.stream.connections).toBe(0);
});

test('where nobody can say which proxy it is, nothing is said to anybody', async () => {
  listenWith({ proxyUrl: 'socks5://me:pass-word@h' });
  await until(() => expect(lost()).toContain('no_way_out'));
  expect([alpaca.stream.connections, JSON.stringify(states).includes('pass-word')]).toEqual([0, false]);
});
