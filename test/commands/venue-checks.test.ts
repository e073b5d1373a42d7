import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { storeVault } from '../../src/adapters/credentials/vault.ts';
import type { Check } from '../../src/commands/doctor/checks.ts';
import { checkVenues } from '../../src/commands/doctor/venue-checks.ts';
import { readConfig } from '../../src/config/config.ts';
import { istMs } from '../../src/domain/market/india-time.ts';
import type { Store } from '../../src/ports/store/store.ts';
import { jumpingClock } from '../stages/support/clocks.ts';
import { storeOf } from '../stages/support/run-day.ts';
import { importedUser, tradeDate } from '../support/builders.ts';
import { emptyDatabase } from '../support/databases/empty.ts';
import { freshPglite, type TestDatabase } from '../support/postgres.ts';
import { tester } from '../support/tester.ts';

const key = () => randomBytes(32).toString('base64');
const CREDENTIALS_KEY = key();
const live = {
  TRADING_MODE: 'live',
  MAX_ORDER_VALUE: '1000000',
  CREDENTIALS_KEY,
  KITE_BASE_URL: 'https://api.kite.trade',
  PUBLIC_URL: 'https://scan.example.com',
  CRON_SECRET: 'a-secret-of-forty-characters-in-this-test',
};
const secrets = { keyId: 'PKSECRET', secretKey: 'hunter2hunter2' };
let database: TestDatabase;
let store: Store;
const clock = jumpingClock(istMs(tradeDate, '09:00'));
beforeAll(async () => {
  database = await freshPglite();
  store = storeOf(database);
});
afterAll(() => database.close());
beforeEach(() => emptyDatabase(database.session));

const checksWith = (env: Record<string, string>, at = clock): Promise<Check[]> => {
  const read = readConfig(env);
  if (read.kind !== 'config') throw new Error(read.problems.join('\n'));
  return checkVenues({ config: read.config, store, clock: at });
};
const checkNamed = (checks: Check[], name: string) => checks.find((check) => check.name === name);

/** Live accounts of these users at Kite; the first of them are connected, sealed with a master key. */
async function accounts(names: string[], connected: number, sealedWith = CREDENTIALS_KEY): Promise<void> {
  const users = names.map((name) => importedUser(name, { venue: 'kite' }));
  await store.call('import_users', { by: tester, users, mode: 'live', source: 'test', nowMs: clock.nowMs() });
  const keys = { current: Buffer.from(sealedWith, 'base64'), old: [] };
  const rows = await database.session.query('select id::int from public.accounts order by id');
  for (const row of rows.slice(0, connected)) {
    const owner = { accountId: Number(row['id']), venue: 'kite', mode: 'live' } as const;
    await storeVault({ store, clock, keys, by: null }).write(owner, secrets, null);
  }
}

test('paper trading without venues has nothing of this to look at', async () => {
  expect(await checksWith({})).toEqual([]);
});

test('everything set up and ready is well', async () => {
  await accounts(['Asha', 'Ravi'], 2);
  await database.session.exec(`update public.accounts set not_ready = null, checked_for = '${tradeDate}'`);
  const checks = await checksWith(live);
  expect(checks.filter(({ level }) => level !== 'ok')).toEqual([]);
  expect(Object.fromEntries(checks.map(({ name, says }) => [name, says]))).toEqual({
    credentials: 'all 2 open with CREDENTIALS_KEY',
    'live venues': 'kite set up',
    logins: 'at kite come back to https://scan.example.com/api/venues/…/login',
    connected: 'every live account: 2 of 2 at kite',
    'ready today': '2 of 2 live accounts',
  });
});

test('credentials that open with an old key only are counted, and are no error', async () => {
  const old = key();
  await accounts(['Asha', 'Ravi'], 1);
  await accounts(['Asha', 'Ravi', 'Bela'], 3, old);
  await accounts(['Asha'], 1);
  const check = checkNamed(await checksWith({ ...live, CREDENTIALS_KEYS_OLD: old }), 'credentials');
  expect(check).toMatchObject({ level: 'warning', says: 'all open, 2 of 3 with an old key only' });
  expect(check?.todo).toContain('npm run account -- rotate');
});

test('credentials that do not open are wrong, with whose they are and no word of what is in them', async () => {
  await accounts(['Asha', 'Ravi'], 2, key());
  const check = checkNamed(await checksWith(live), 'credentials');
  expect(check).toMatchObject({ level: 'wrong', says: '2 of 2 do not open: asha at kite, ravi at kite' });
  expect(check?.todo).toContain('put it in CREDENTIALS_KEY or CREDENTIALS_KEYS_OLD');
  const noKey = await checksWith({});
  expect(noKey).toMatchObject([{ name: 'credentials', level: 'wrong', says: expect.stringContaining('not set') }]);
  expect(JSON.stringify([check, noKey])).not.toMatch(/PKSECRET|hunter2/);
});

test('a credential that somebody moved to another account does not open', async () => {
  await accounts(['Asha', 'Ravi'], 2);
  await database.session.exec(`update public.account_credentials c set (wrapped_key, sealed) =
    (select wrapped_key, sealed from public.account_credentials o where o.account_id <> c.account_id)`);
  expect(checkNamed(await checksWith(live), 'credentials')).toMatchObject({ level: 'wrong' });
});

test.each([
  [{ PUBLIC_URL: '' }, 'wrong', 'PUBLIC_URL is not set'],
  [{ PUBLIC_URL: 'http://scan.internal' }, 'warning', 'not https'],
  [{ CRON_SECRET: '' }, 'warning', 'CRON_SECRET'],
])('where a login could not come back, that is said: %j', async (change, level, says) => {
  const check = checkNamed(await checksWith({ ...live, ...change }), 'logins');
  expect(check).toMatchObject({ level, says: expect.stringContaining(says) });
});

test('a venue without logins in a browser needs no address; one that takes no order of ours is noticed', async () => {
  const { KITE_BASE_URL: _, PUBLIC_URL: __, ...rest } = live;
  const alpaca = { ...rest, ALPACA_BASE_URL: 'https://paper-api.alpaca.markets' };
  const checks = await checksWith(alpaca);
  expect([checkNamed(checks, 'logins'), checkNamed(checks, 'alpaca')]).toMatchObject([undefined, { level: 'warning' }]);
  expect(
    checkNamed(await checksWith({ ...alpaca, MARKETS: 'XNSE,XNYS', MAX_ORDER_VALUE: 'INR=5,USD=5' }), 'alpaca'),
  ).toBeUndefined();
});

test('settings that no venue can be made of are a finding', async () => {
  const lemonn = { ...live, LEMONN_BASE_URL: 'https://cs-prod.lemonn.co.in', LEMONN_DIALECT: '{"ordre":{}}' };
  expect(checkNamed(await checksWith(lemonn), 'live venues')).toMatchObject({
    level: 'wrong',
    says: expect.stringContaining('LEMONN_DIALECT is not usable'),
  });
});

test('who is not connected and who is not ready today is counted, with why', async () => {
  expect(checkNamed(await checksWith(live), 'live accounts')).toMatchObject({ level: 'warning' });
  await accounts(['Asha', 'Bela', 'Chand', 'Ravi'], 3);
  await database.session.exec(`
    update public.accounts set not_ready = null, checked_for = '${tradeDate}' where user_id <> 'ravi';
    update public.accounts set check_found = 'no_login: token_expired' where user_id = 'bela';
    update public.accounts set checked_for = '2025-08-26' where user_id = 'chand'`);
  const checks = await checksWith(live);
  expect(checkNamed(checks, 'connected')).toMatchObject({ level: 'warning', says: '3 of 4 at kite' });
  expect(checkNamed(checks, 'ready today')).toMatchObject({
    level: 'warning',
    says: '1 of 4 live accounts; 1 at kite: no_login, 1 at kite: not connected yet, 1 at kite: not_checked_today',
  });
  const holiday = jumpingClock(istMs('2025-08-27', '09:00'));
  expect(checkNamed(await checksWith(live, holiday), 'ready today')).toMatchObject({ level: 'ok' });
});
