import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { storeVault } from '../../../src/adapters/credentials/vault.ts';
import { masterKeys } from '../../../src/compose/venues.ts';
import { makeWorld } from '../../../src/compose/world.ts';
import { readConfig } from '../../../src/config/config.ts';
import type { Clock, World } from '../../../src/ports/world.ts';
import { execute } from '../../../src/stages/execute/execute.ts';
import { listen } from '../../../src/stages/execute/order-updates.ts';
import { reconcile } from '../../../src/stages/execute/reconcile.ts';
import { decideAll, openTestRun } from '../../contract/support/test-run.ts';
import { type ConnectProxy, openConnectProxy } from '../../simulators/connect-proxy.ts';
import { type AlpacaExchange, openAlpacaExchange } from '../../simulators/venues/alpaca-exchange.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { nowMs, signal, user } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { setClock } from '../support/clocks.ts';
import { storeOf } from '../support/run-day.ts';

const users = ['asha', 'ravi'].map((id) => user(id, { venue: 'alpaca', currency: 'USD' }));
const signals = [signal('AAPL', { exchange: 'US' })];
let database: TestDatabase;
let alpaca: AlpacaExchange;
let proxy: ConnectProxy;
let world: World;
let events: AnyEvent[];
let vault: ReturnType<typeof storeVault>;
let ids: number[];
let woken: number;
let stop: AbortController;
let listening: Promise<void>;
beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());

/** Looks for accounts every 20 ms instead of every minute; the rest goes at the machine's pace. */
function quickClock(): Clock {
  const clock = setClock(nowMs);
  return { ...clock, every: (periodMs, beat) => clock.every(periodMs === 60_000 ? 20 : periodMs, beat) };
}

/** Live trading as the settings say, with two accounts at Alpaca, neither of them connected. */
beforeEach(async () => {
  await emptyDatabase(database.session);
  [events, woken, stop, listening] = [[], 0, new AbortController(), Promise.resolve()];
  const clock = quickClock();
  [alpaca, proxy] = await Promise.all([openAlpacaExchange(clock), openConnectProxy()]);
  const CREDENTIALS_KEY = randomBytes(32).toString('base64');
  const alpacaSettings = { ALPACA_BASE_URL: alpaca.options.baseUrl };
  const read = readConfig({ TRADING_MODE: 'live', MAX_ORDER_VALUE: '1000000', CREDENTIALS_KEY, ...alpacaSettings });
  const keys = read.kind === 'config' ? masterKeys(read.config) : null;
  if (read.kind !== 'config' || !keys) throw new Error('the settings are good');
  const store = storeOf(database);
  vault = storeVault({ store, clock, keys, by: null });
  const worldParts = {
    config: read.config,
    target: { kind: 'embedded', path: null } as const,
    store,
    clock,
    faults: null,
  };
  world = await makeWorld({ ...worldParts, quotes: { read: async () => [] }, emit: (event) => events.push(event) });
  await store.call('import_users', { by: tester, users, mode: 'live', source: 'test', nowMs });
  ids = (await database.session.query('select id::int from public.accounts order by id')).map(({ id }) => Number(id));
});
afterEach(async () => {
  stop.abort();
  await listening;
  await Promise.all([alpaca.close(), proxy.close()]);
});

async function connect(which: 0 | 1, secrets: object = {}): Promise<void> {
  const owner = { accountId: ids[which] ?? 0, venue: 'alpaca', mode: 'live' } as const;
  await vault.write(owner, { keyId: `PKTEST${which}`, secretKey: `secret${which}`, ...secrets }, null);
}
function start(): void {
  listening = listen(world, { mode: 'live', stop: stop.signal, wake: () => void woken++ });
}
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 8_000, interval: 10 });
const open = (many: number) => until(() => expect(alpaca.stream.listening()).toBe(many));
const orders = () => database.session.query('select status, next_lookup_at > now() as later from public.orders');

/** Asha's order of Apple, with Alpaca and not to be looked up for a long time. */
async function sent(): Promise<void> {
  await database.session.exec(`
    insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, source, at)
      select id, 'deposit', 10000000, 0, 'test', now() from public.accounts;
    update public.accounts set cash_minor = 10000000, not_ready = null, checked_for = '2025-08-28'`);
  const run = { mode: 'live', runId: 'XNYS:2025-08-28:open:live', signals, users: users.slice(0, 1) } as const;
  await decideAll(await openTestRun(world.store, run));
  await execute(world, 1);
  expect(await orders()).toMatchObject([{ status: 'working' }]);
  await database.session.exec("update public.orders set next_lookup_at = now() + interval '1000 days'");
}

test('an update makes its order due at once, wakes the worker, and moves nothing itself', async () => {
  await connect(0);
  await sent();
  start();
  await open(1);
  const [push = ''] = alpaca.push?.take() ?? [];
  alpaca.stream.say(push);
  await until(() => expect(woken).toBe(1));
  expect(await orders()).toEqual([{ status: 'working', later: false }]);
  await reconcile(world, 1);
  expect(await orders()).toMatchObject([{ status: 'filled' }]);
  expect(events).toContainEqual(expect.objectContaining({ type: 'stream_update', userId: 'asha', due: true }));
});

test('an update of another account’s order, or of nobody’s, wakes nobody', async () => {
  await connect(0);
  await sent();
  const [push = ''] = alpaca.push?.take() ?? [];
  await database.session.exec('delete from public.account_credentials');
  await connect(1);
  start();
  await open(1);
  alpaca.stream.say(push);
  alpaca.stream.say(push.replace(/"client_order_id":"\w+"/, '"client_order_id":"somebodyelses"'));
  alpaca.stream.drop();
  await until(() => expect(events.filter(({ type }) => type === 'stream_listening')).toHaveLength(2));
  expect([woken, await orders()]).toEqual([0, [{ status: 'working', later: true }]]);
});

test('accounts that are connected, given other keys and disconnected later are followed', async () => {
  start();
  await connect(0);
  await open(1);
  await connect(1, { proxyUrl: proxy.url });
  await open(2);
  expect(proxy.tunnels).toEqual([{ to: new URL(alpaca.options.baseUrl).host, login: undefined }]);
  const before = alpaca.stream.connections;
  await connect(0, { keyId: 'PKTEST9', secretKey: 'secret9' });
  await until(() => expect(alpaca.stream.connections).toBe(before + 1));
  await open(2);
  await database.session.exec('delete from public.account_credentials');
  await open(0);
});

test('what becomes of a stream is told, with whose it is and no secret', async () => {
  await connect(0, { keyId: 'PKTEST0', secretKey: 'hunter2' });
  start();
  const lost = { type: 'stream_lost', venue: 'alpaca', userId: 'asha', accountId: ids[0], reason: 'keys_refused' };
  await until(() => expect(events).toContainEqual(expect.objectContaining(lost)));
  await connect(0);
  await until(() =>
    expect(events).toContainEqual(expect.objectContaining({ type: 'stream_listening', userId: 'asha' })),
  );
  expect(JSON.stringify(events)).not.toMatch(/PKTEST|hunter2|secret0/);
});

test('a stop closes every stream, and a database that is gone ends none', async () => {
  await connect(0);
  await connect(1);
  start();
  await open(2);
  const { call } = world.store;
  world.store.call = () => Promise.reject(new Error('gone'));
  await until(() => expect(events.map(({ type }) => type)).toContain('streams_read_failed'));
  expect(alpaca.stream.listening()).toBe(2);
  world.store.call = call;
  stop.abort();
  await listening;
  await open(0);
});

test('where no venue pushes updates there is nothing to listen to, and nothing is waited for', async () => {
  world.venues = new Map();
  start();
  await listening;
  expect(events).toEqual([]);
});
