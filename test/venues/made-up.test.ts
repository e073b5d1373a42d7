import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { storeVault } from '../../src/adapters/credentials/vault.ts';
import { readUsers } from '../../src/adapters/files/users-file.ts';
import { accountVenues, moduleNamed, webhooksOf } from '../../src/adapters/venues/module.ts';
import { venueModules } from '../../src/adapters/venues/registry.ts';
import { checkConnections } from '../../src/commands/accounts/connections.ts';
import { readSecrets } from '../../src/commands/accounts/read-secrets.ts';
import { checkVenues } from '../../src/commands/doctor/venue-checks.ts';
import { masterKeys } from '../../src/compose/venues.ts';
import { makeWorld, scanSettings } from '../../src/compose/world.ts';
import { type Config, readConfig } from '../../src/config/config.ts';
import { istMs } from '../../src/domain/market/india-time.ts';
import { hidden } from '../../src/domain/text/secrets.ts';
import type { World } from '../../src/ports/world.ts';
import { run } from '../../src/run.ts';
import { ready } from '../../src/stages/accounts/readiness.ts';
import { fileWith, good } from '../adapters/files/temp-file.ts';
import { startService } from '../http/support/service.ts';
import { type JumpingClock, jumpingClock } from '../stages/support/clocks.ts';
import { storeOf, titan } from '../stages/support/run-day.ts';
import { instrument, tradeDate } from '../support/builders.ts';
import { emptyDatabase } from '../support/databases/empty.ts';
import { freshPglite, type TestDatabase } from '../support/postgres.ts';
import { tester } from '../support/tester.ts';
import { type MadeUpExchange, openMadeUpExchange } from './made-up/exchange.ts';
import { madeUp } from './made-up/module.ts';

/** The registry of this test: the venues of this service, and one more line. */
const modules = { ...venueModules, 'made-up': madeUp };
const apiKey = 'key-of-asha';
const env = {
  TRADING_MODE: 'live',
  MAX_ORDER_VALUE: '1000000',
  CREDENTIALS_KEY: randomBytes(32).toString('base64'),
};
let database: TestDatabase;
let clock: JumpingClock;
let exchange: MadeUpExchange;
beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database.session);
  clock = jumpingClock(istMs(tradeDate, '09:00'));
  exchange = await openMadeUpExchange(clock, apiKey, 356_000);
  return () => exchange.close();
});

const settingsOf = (more: Record<string, string>) => readConfig({ ...env, ...more }, {}, modules);
function configured(more: Record<string, string> = {}): Config {
  const read = settingsOf({ MADE_UP_URL: exchange.url, ...more });
  if (read.kind !== 'config') throw new Error(read.problems.join('\n'));
  return read.config;
}

/** Imports Asha, who trades at the made-up venue, and connects her account with what was given on standard input. */
async function connected(config: Config): Promise<World> {
  const store = storeOf(database);
  const header = 'name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue';
  const file = fileWith(`${header}\nAsha,,100000,20,,,,,made-up\n`);
  const { rows: users, problems } = good(readUsers(file, accountVenues(config.venues.modules)));
  expect(problems).toEqual([]);
  await store.call('import_instruments', { by: tester, instruments: [instrument('TITAN')] });
  await store.call('import_signals', { by: tester, signals: [titan], source: 'test' });
  await store.call('import_users', { by: tester, users, mode: 'live', source: 'test', nowMs: clock.nowMs() });
  const venue = moduleNamed(config.venues.modules, 'made-up');
  const keys = masterKeys(config);
  if (!venue || !keys) throw new Error('it is in the registry, and the key is set');
  const secrets = await readSecrets(venue, Readable.from([JSON.stringify({ apiKey })]));
  if (secrets.kind !== 'secrets') throw new Error(secrets.message);
  const [account] = await database.session.query('select id::int from public.accounts');
  const owner = { accountId: Number(account?.['id']), venue: venue.name, mode: 'live' } as const;
  await storeVault({ store, clock, keys, by: null }).write(owner, secrets.secrets, null);
  const target = { kind: 'embedded', path: null } as const;
  const quotes = { read: () => Promise.reject(new Error('live trading has the venues’ prices')) };
  return makeWorld({ config, target, store, clock, quotes, faults: null, emit: () => undefined });
}

/** The readiness check, which logs the account in, then the scan. */
async function traded(world: World, config: Config) {
  const readiness = await ready(world, { mode: 'live', concurrency: 2 });
  expect(readiness.accounts).toMatchObject([{ userId: 'asha', venue: 'made-up', ready: true, reason: null }]);
  clock.jump(istMs(tradeDate, '09:20') - clock.nowMs());
  const about = { signalsSource: 'test', usersSource: 'test', instruments: [], problems: [], by: tester };
  const inputs = { ...about, signals: null, users: null };
  return run(world, { ...scanSettings(config), dryRun: false, expectPlan: null, waitMs: 120_000, inputs });
}

test('a venue of a folder and a line is set up, connected, logged in to, traded at, looked up and examined', async () => {
  const config = configured();
  const world = await connected(config);
  const result = await traded(world, config);
  expect(result).toMatchObject({ report: { mode: 'live', totals: { accepted: 1, filled: 1, unknown: 0 } } });
  expect(exchange.orders).toMatchObject([{ market: 'NSE', symbol: 'TITAN', side: 'BUY', quantity: 5, lookups: 2 }]);
  expect(await world.store.call('check_books', {})).toEqual([]);

  const options = { config, store: world.store, clock };
  const checks = await checkVenues(options);
  expect(Object.fromEntries(checks.map(({ name, says }) => [name, says]))).toMatchObject({
    credentials: 'all 1 open with CREDENTIALS_KEY',
    'live venues': 'made-up set up',
    connected: 'every live account: 1 of 1 at made-up',
  });
  expect(checks.filter(({ level }) => level !== 'ok')).toEqual([]);
  const elsewhere = configured({ MADE_UP_MARKET: 'MCX' });
  expect(await checkVenues({ ...options, config: elsewhere })).toContainEqual({
    name: 'made-up',
    level: 'warning',
    says: 'made-up is for MCX, and signals are of NSE',
    todo: 'MADE_UP_MARKET=NSE',
  });
});

test('its refusal is told in its own words, without the token that it repeats', async () => {
  const config = configured();
  const world = await connected(config);
  exchange.refusal = 'not enough money for';
  expect(await traded(world, config)).toMatchObject({ report: { totals: { rejected: 1 } } });
  const [order] = await database.session.query('select status, message from public.orders');
  expect(order).toEqual({ status: 'rejected', message: `not enough money for (${hidden})` });
});

test('its settings are read with the others, and what is wrong with them is said', () => {
  const { MAX_ORDER_VALUE } = env;
  expect(settingsOf({})).toMatchObject({ problems: [expect.stringMatching(/: set one of .*, MADE_UP_URL$/)] });
  expect(settingsOf({ MADE_UP_URL: 'ftp://x', MADE_UP_MARKET: 'a b', MAX_ORDER_VALUE })).toEqual({
    kind: 'refused',
    problems: [
      expect.stringMatching(/^MADE_UP_URL must be an address such as https:\/\/api\.made-up\.example,/),
      'MADE_UP_MARKET must be one word',
    ],
  });
});

test('its session is asked for by name, and where its address is not set that is said', async () => {
  const { store } = await connected(configured());
  const about = { store, mode: 'live', json: true } as const;
  const unset = settingsOf({ KITE_BASE_URL: 'https://api.kite.trade' });
  if (unset.kind !== 'config') throw new Error(unset.problems.join('\n'));
  expect(await checkConnections({ ...about, config: unset.config })).toBe(1);
});

test('its pushes come to an address of its own, and only its sign has an order looked up', async () => {
  const config = configured();
  const world = await connected(config);
  await traded(world, config);
  const service = await startService({
    database,
    users: [],
    signals: [],
    deps: { webhooks: webhooksOf(config.venues.modules) },
    change: (own) => ({ ...own, ...(world.logins && { logins: world.logins }) }),
  });
  const [order] = exchange.orders;
  const push = (body: object) => service.ask(null, 'POST', '/api/webhooks/made-up', body);
  const about = { id: order?.id, tag: order?.tag };
  expect((await push({ ...about, key: apiKey })).status).toBe(204);
  const forged = await push({ ...about, key: 'another-key' });
  expect([forged.status, await forged.json()]).toMatchObject([403, { detail: 'The checksum is not Made Up’s.' }]);
  const odd = await push({ nothing: 1 });
  const detail = 'This is no postback of Made Up: JSON with id, tag and key.';
  expect([odd.status, await odd.json()]).toMatchObject([400, { detail }]);
});
