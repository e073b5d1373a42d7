import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { storeVault } from '../../../src/adapters/credentials/vault.ts';
import { loginStateKey, masterKeys, realVenues } from '../../../src/compose/venues.ts';
import { readConfig } from '../../../src/config/config.ts';
import { loginLink } from '../../../src/http/callers/login-state.ts';
import {
  apiKey,
  type LemonnExchange,
  openLemonnExchange,
  privateKey,
  requestId,
} from '../../simulators/venues/lemonn-exchange.ts';
import { titan } from '../../stages/support/run-day.ts';
import { importedUser, tradeDate } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { startService, type TestService } from '../support/service.ts';

const path = '/api/venues/lemonn/login';
const secrets = { clientId: 'C1', apiKey, privateKey, flow: 'session', addressConfirmed: true } as const;
const owner = { accountId: 0, venue: 'lemonn', mode: 'live' as const };
let database: TestDatabase;
let service: TestService;
let lemonn: LemonnExchange;
let vault: ReturnType<typeof storeVault>;
let link: URL;

beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());

/** The service at 09:15 with Lemonn as the settings give it, and one connected account that nobody has checked. */
beforeEach(async () => {
  await emptyDatabase(database.session);
  service = await startService({ database, time: '09:15', users: [], signals: [titan], settings: { mode: 'live' } });
  const { store, clock, world, deps: parts, session } = service;
  lemonn = await openLemonnExchange(clock);
  Object.assign(lemonn.pages, {
    'POST /margin-info': { approximateMargin: '716.52' },
    'GET /funds': { funds: { availableBalance: '100000', cashBalance: '100000' } },
    'GET /holdings': { holdings: [] },
    'GET /positions': { positions: [] },
  });
  const CREDENTIALS_KEY = randomBytes(32).toString('base64');
  const read = readConfig({ CREDENTIALS_KEY, LEMONN_BASE_URL: lemonn.baseUrl, LEMONN_REQUEST_ID: requestId });
  const keys = read.kind === 'config' ? masterKeys(read.config) : null;
  if (read.kind !== 'config' || !keys) throw new Error('the settings are good');
  const loginKey = loginStateKey(read.config) ?? Buffer.alloc(0);
  const { venues, logins, addressOf } = await realVenues({ config: read.config, store, clock, mode: 'live' });
  Object.assign(world, { venues, logins, addressOf });
  Object.assign(parts, { loginKey });
  vault = storeVault({ store, clock, keys, by: null });
  const users = [importedUser('Asha Rao', { venue: 'lemonn' })];
  await store.call('import_users', { by: tester, users, mode: 'live', source: 'test', nowMs: clock.nowMs() });
  const [account] = await session.query('select id::int from public.accounts');
  owner.accountId = Number(account?.['id']);
  await vault.write(owner, secrets, null);
  const untilMs = clock.nowMs() + 3_600_000;
  link = new URL(loginLink('https://scan.example.com', loginKey, { ...owner, untilMs }));
});
afterEach(async () => {
  await service.close();
  await lemonn.close();
});

/** Opens the link, as a browser does: where it is sent, and what it keeps for this address. */
async function opened() {
  const away = await service.app.request(link.pathname + link.search);
  const set = away.headers.get('set-cookie') ?? '';
  return { away, set, cookie: set.split(';')[0] ?? '' };
}
const back = (cookie: string, query: Record<string, string> = {}) => {
  const brought = new URLSearchParams({ client_id: 'C1', request_token: 'fresh', ...query });
  return service.app.request(`${path}?${brought}`, { headers: { Cookie: cookie } });
};
const stored = async () => (await vault.read(owner))?.secrets;
const checked = async () =>
  (
    await service.session.query('select checked_for::text as day, check_found as why, not_ready from public.accounts')
  )[0];

test('the link leads to Lemonn, the browser keeps the state, and the way back makes the session', async () => {
  const { away, set, cookie } = await opened();
  const to = new URL(away.headers.get('location') ?? '');
  expect([away.status, to.origin, Object.fromEntries(to.searchParams)]).toEqual([
    302,
    'https://lemonn-pro.lemonn.co.in',
    { api_key: apiKey },
  ]);
  for (const part of [`Path=${path}`, 'HttpOnly', 'Secure', 'SameSite=Lax', 'Max-Age=900']) expect(set).toContain(part);
  const done = await back(cookie);
  expect([done.status, await done.text()]).toEqual([200, expect.stringContaining('You are logged in until')]);
  expect(done.headers.get('set-cookie')).toContain('Max-Age=0');
  expect(await stored()).toMatchObject({ ...secrets, accessToken: 'token-C1' });
});

test('a way back without the state, or with one of another making, is 403, and Lemonn hears nothing', async () => {
  const { cookie } = await opened();
  for (const bad of ['', cookie.replace(/=\d+/, '=999'), cookie.replace('login_lemonn', 'login_kite'), `${cookie}x`]) {
    const answer = await back(bad);
    expect([answer.status, await answer.json()], bad).toMatchObject([403, { code: 'bad_state' }]);
  }
  expect(lemonn.requests).toEqual([]);
  // Only the way back may lean on the browser: a link has its state in itself.
  expect((await service.app.request(path, { headers: { Cookie: cookie } })).status).toBe(403);
});

test('a login of somebody else, and a token that is over, change nothing and check nothing', async () => {
  const { cookie } = await opened();
  for (const [query, status] of [
    [{ client_id: 'C2' }, 403],
    [{ request_token: 'stale' }, 422],
  ] as const) {
    expect((await back(cookie, query)).status).toBe(status);
    service.clock.jump(5_000);
  }
  await service.settled();
  expect([await stored(), (await checked())?.['day']]).toEqual([secrets, null]);
});

test('who logs in at 09:15 is ready at once: the account is checked again after its login', async () => {
  expect(await checked()).toEqual({ day: null, why: null, not_ready: 'not checked yet' });
  const { cookie } = await opened();
  await back(cookie);
  await service.settled();
  expect(await checked()).toEqual({ day: tradeDate, why: null, not_ready: null });
  expect(service.events).toContainEqual(expect.objectContaining({ type: 'checked_after_login', ended: 'ready' }));
});

test('only the account that logged in is asked about', async () => {
  const users = [importedUser('Ravi', { venue: 'lemonn' })];
  await service.store.call('import_users', {
    by: tester,
    users,
    mode: 'live',
    source: 'test',
    nowMs: service.clock.nowMs(),
  });
  await back((await opened()).cookie);
  await service.settled();
  const days = await service.session.query('select checked_for::text as day from public.accounts order by id');
  expect(days.map(({ day }) => day)).toEqual([tradeDate, null]);
});

test('a check that fails does not undo the login', async () => {
  Object.assign(service.world, { operatorDays: () => Promise.reject(new Error('gone')) });
  const { cookie } = await opened();
  expect((await back(cookie)).status).toBe(200);
  await service.settled();
  expect(await stored()).toMatchObject({ accessToken: 'token-C1' });
  expect(service.events.map(({ type }) => type)).toContain('check_after_login_failed');
});

test('no secret of a login is logged', async () => {
  const { cookie } = await opened();
  await back(cookie);
  await service.settled();
  const logged = JSON.stringify(service.events);
  for (const secret of ['fresh', 'token-C1', privateKey, cookie.split('=')[1] ?? ''])
    expect(logged).not.toContain(secret);
});
