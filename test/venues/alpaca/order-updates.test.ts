import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type AlpacaUpdatesOptions,
  alpacaUpdates,
  readUpdate,
} from '../../../src/adapters/venues/alpaca/order-updates.ts';
import type { StreamState } from '../../../src/ports/venue.ts';
import { type AlpacaExchange, openAlpacaExchange } from '../../simulators/venues/alpaca-exchange.ts';
import { setClock } from '../../stages/support/clocks.ts';
import { venueAccount as account, nowMs, orderToStart } from '../../support/builders.ts';

const clock = setClock(nowMs);
const order = orderToStart({ clientOrderId: 'abc', exchange: 'US', symbol: 'AAPL', limitPriceMinor: 230_50 });

let alpaca: AlpacaExchange;
let updates: { close(): Promise<void> } | null;
let received: string[];
let states: StreamState[];
beforeEach(async () => {
  alpaca = await openAlpacaExchange(clock);
  [received, states, updates] = [[], [], null];
});
afterEach(async () => {
  await updates?.close();
  await alpaca.close();
});

function listenWith(change: Partial<AlpacaUpdatesOptions> = {}) {
  updates = alpacaUpdates({
    streamUrl: alpaca.streamUrl,
    account,
    clock,
    credentials: async (of) => alpaca.credentials(of),
    agentFor: async () => undefined,
    onUpdate: ({ clientOrderId }) => received.push(clientOrderId),
    onState: (state) => states.push(state),
    pausesMs: { first: 10, longest: 40 },
    ...change,
  });
}
const until = (check: () => void) => vi.waitFor(check, { timeout: 8_000, interval: 10 });
const untilListening = (times = 1) =>
  until(() => expect(states.filter(({ kind }) => kind === 'listening')).toHaveLength(times));
const reasons = () => states.flatMap((state) => (state.kind === 'lost' ? [state.reason] : []));

describe('the stream of Alpaca', () => {
  test('tells in binary frames which order to look up, and nothing else', async () => {
    listenWith();
    await untilListening();
    await alpaca.venue.submit(order);
    await until(() => expect(received).toEqual(['abc']));
    alpaca.stream.say('no JSON');
    alpaca.stream.say('{"stream":"trade_updates","data":{"event":"fill"}}');
    alpaca.stream.say('{"stream":"of tomorrow"}');
    await alpaca.venue.submit({ ...order, clientOrderId: 'xyz' });
    await until(() => expect(received).toEqual(['abc', 'xyz']));
  });

  test('comes back when it was lost, and says that it was', async () => {
    listenWith();
    await untilListening();
    alpaca.stream.drop();
    await untilListening(2);
    expect(states.map(({ kind }) => kind)).toEqual(['listening', 'lost', 'listening']);
    await alpaca.venue.submit(order);
    await until(() => expect(received).toEqual(['abc']));
  });

  test('is tried again with longer pauses while nobody answers, up to the longest', async () => {
    listenWith({ streamUrl: 'ws://127.0.0.1:1/stream' });
    await until(() => expect(states.length).toBeGreaterThanOrEqual(4));
    const pauses = states.flatMap((state) => (state.kind === 'lost' ? [state.againInMs] : []));
    // 10, 20, 40, 40 and the account's own share of half as much again: 433 thousandths of it for the seventh.
    expect(pauses.slice(0, 4)).toEqual([12, 24, 48, 48]);
    expect(reasons().every((reason) => reason === 'connection_lost')).toBe(true);
  });

  test('waits longest when its keys are refused, and goes on with new ones', async () => {
    alpaca.credentials = () => ({ keyId: 'PKTEST7', secretKey: 'wrong' });
    listenWith();
    await until(() => expect(states).toContainEqual({ kind: 'lost', reason: 'keys_refused', againInMs: 48 }));
    alpaca.credentials = () => ({ keyId: 'PKTEST7', secretKey: 'secret7' });
    await untilListening();
    expect(alpaca.stream.listening()).toBe(1);
  });

  test('says nothing to anybody without keys, and asks for them again', async () => {
    alpaca.credentials = () => null;
    listenWith();
    await until(() => expect(reasons().length).toBeGreaterThan(1));
    expect([new Set(reasons()), alpaca.stream.connections]).toEqual([new Set(['not_connected']), 0]);
  });

  test('is not taken for listening where the updates are not granted', async () => {
    alpaca.stream.offers = [];
    listenWith();
    await until(() => expect(reasons()).toContain('not_offered'));
    expect(states.map(({ kind }) => kind)).not.toContain('listening');
  });

  test('is given up when it shows no life', async () => {
    alpaca.stream.mute = true;
    listenWith({ beatMs: 50 });
    await until(() => expect(reasons()).toContain('silent'));
  });

  test('stays while it answers, however long nothing happens', async () => {
    listenWith({ beatMs: 300 });
    await untilListening();
    await clock.sleep(1_000);
    expect([states.length, alpaca.stream.connections]).toEqual([1, 1]);
  });

  test.each([
    ['while it listens', {}],
    ['in a pause', { streamUrl: 'ws://127.0.0.1:1/stream', pausesMs: { first: 60_000, longest: 60_000 } }],
  ])('ends %s, and nothing comes after', async (_when, change) => {
    listenWith(change);
    await until(() => expect(states).toHaveLength(1));
    await updates?.close();
    await until(() => expect(alpaca.stream.listening()).toBe(0));
    await alpaca.venue.submit(order);
    expect([states.length, received]).toEqual([1, []]);
  });

  test('ends while its keys are still being read', async () => {
    listenWith({ credentials: () => new Promise(() => undefined) });
    await updates?.close();
    expect([states, alpaca.stream.connections]).toEqual([[], 0]);
  });

  test('ends before it has begun', async () => {
    listenWith();
    await updates?.close();
    expect(states).toEqual([]);
  });
});

test.each([
  ['of another stream', '{"stream":"listening","data":{"streams":["trade_updates"]}}'],
  ['without an order', '{"stream":"trade_updates","data":{"event":"fill"}}'],
  [
    'with an id that can’t be one',
    JSON.stringify({ stream: 'trade_updates', data: { order: { id: '1', client_order_id: 'x'.repeat(129) } } }),
  ],
  ['that is no JSON', 'fill'],
  ['that is nothing', ''],
])('a message %s names no order', (_what, raw) => {
  expect(readUpdate(raw)).toBeNull();
});
