import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { storeVault } from '../../../src/adapters/credentials/vault.ts';
import { kiteRecord } from '../../../src/adapters/venues/kite/credentials.ts';
import { kiteLogin } from '../../../src/adapters/venues/kite/login.ts';
import { kiteTokenUntilMs } from '../../../src/adapters/venues/kite/session.ts';
import { loginLink, signedState } from '../../../src/http/callers/login-state.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { execute } from '../../../src/stages/execute/execute.ts';
import { reconcile } from '../../../src/stages/execute/reconcile.ts';
import { decideAll, openTestRun } from '../../contract/support/test-run.ts';
import { apiKey, apiSecret, type KiteExchange, openKiteExchange } from '../../simulators/venues/kite-exchange.ts';
import { nowMs, user } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { startService, type TestService } from '../support/service.ts';

const loginKey = randomBytes(32);
const secrets = { clientId: 'AB1234', apiKey, apiSecret, proxyUrl: null };
const owner = { accountId: 0, venue: 'kite', mode: 'live' as const };
const path = '/api/venues/kite/login';
let database: TestDatabase;
let service: TestService;
let kite: KiteExchange;
let vault: ReturnType<typeof storeVault>;
let woken = 0;

beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());

/** The service with Kite at a loopback exchange, and one live account there with an order of 10 TITAN to go. */
beforeEach(async () => {
  woken = 0;
  await emptyDatabase(database.session);
  service = await startService({
    database,
    users: [],
    signals: [],
    deps: { loginKey, wake: () => void woken++ },
    change: (world) => ({ ...world, logins: new Map() }),
  });
  const { store, clock, session } = service;
  kite = await openKiteExchange(clock);
  vault = storeVault({ store, clock, keys: { current: randomBytes(32), old: [] }, by: null });
  const users = [user('asha', { venue: 'kite' })];
  const testRun = await openTestRun(store, { mode: 'live', runId: 'XNSE:2025-08-28:open:live', users });
  await session.exec(`
    insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, source, at)
      select id, 'deposit', 10000000, 0, 'test', now() from public.accounts;
    update public.accounts set cash_minor = 10000000, not_ready = null, checked_for = '2025-08-28'`);
  const [account] = await session.query('select id::int from public.accounts');
  owner.accountId = Number(account?.['id']);
  await vault.write(owner, secrets, null);
  Object.assign(service.world, { logins: new Map([['kite', kiteLogin(loginOptions())]]) });
  Object.assign(service.world, { venues: new Map([['kite', kite.venue]]) });
  await decideAll(testRun);
});
afterEach(async () => {
  await kite.close();
  await service.close();
});

const loginOptions = () => {
  const { store, clock } = service;
  return {
    baseUrl: kite.baseUrl,
    mode: 'live',
    vault,
    store,
    clock,
    fetchFor: () => fetch,
    timeoutMs: 10_000,
  } as const;
};
const stateUntil = (untilMs: number) => signedState(loginKey, { venue: 'kite', accountId: owner.accountId, untilMs });
const get = (query: Record<string, string>) => service.app.request(`${path}?${new URLSearchParams(query)}`);
const stored = async () => kiteRecord.parse((await vault.read(owner))?.secrets);
const later = () => service.clock.nowMs() + 60_000;

test('the link leads to Kite, and the way back makes the session of the day', async () => {
  const link = new URL(
    loginLink('https://scan.example.com', loginKey, { venue: 'kite', accountId: owner.accountId, untilMs: later() }),
  );
  const away = await service.app.request(link.pathname + link.search);
  expect(away.status).toBe(302);
  const to = new URL(away.headers.get('location') ?? '');
  expect(to.origin + to.pathname).toBe('https://kite.zerodha.com/connect/login');
  expect(to.searchParams.get('api_key')).toBe(apiKey);
  // Kite appends these to our address.
  const back = Object.fromEntries(new URLSearchParams(to.searchParams.get('redirect_params') ?? ''));
  const done = await get({ ...back, request_token: 'fresh', action: 'login', status: 'success' });
  expect([done.status, await done.text()]).toEqual([
    200,
    expect.stringContaining('You are logged in until 2025-08-29 06:00'),
  ]);
  const accessUntilMs = kiteTokenUntilMs(service.clock.nowMs());
  expect(await stored()).toEqual({ ...secrets, accessToken: 'token1', accessUntilMs });
  expect(done.headers.get('cache-control')).toBe('no-store');
});

test.each([
  ['no state', {}],
  ['a made-up state', { state: `1.${nowMs + 9e9}.${'A'.repeat(43)}` }],
])('%s: 403, and Kite hears nothing', async (_what, query) => {
  const answer = await get({ ...query, request_token: 'fresh' });
  expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'bad_state' }]);
  expect(kite.requests).toEqual([]);
});

test('a state is for one account and one venue, and ends', async () => {
  const state = stateUntil(later());
  const moved = state.replace(/^\d+/, '999');
  const elsewhere = signedState(loginKey, { venue: 'lemonn', accountId: owner.accountId, untilMs: later() });
  for (const bad of [moved, elsewhere, stateUntil(service.clock.nowMs())]) {
    expect((await get({ state: bad, request_token: 'fresh' })).status, bad).toBe(403);
  }
});

test('a login of somebody else changes nothing', async () => {
  await vault.write(owner, { ...secrets, clientId: 'ZZ9999' }, null);
  const answer = await get({ state: stateUntil(later()), request_token: 'fresh' });
  expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'somebody_else' }]);
  expect((await stored()).accessToken).toBeUndefined();
});

test('a token that was used, and an account that is not connected, are told as such', async () => {
  const used = await get({ state: stateUntil(later()), request_token: 'stale' });
  expect([used.status, await used.json()]).toMatchObject([422, { code: 'login_refused' }]);
  await service.session.exec('delete from public.account_credentials');
  service.clock.jump(5_000);
  for (const query of [{}, { request_token: 'fresh' }]) {
    const none = await get({ state: stateUntil(later()), ...query });
    expect([none.status, await none.json()]).toMatchObject([404, { code: 'not_connected' }]);
  }
});

test('no secret of a login is logged', async () => {
  await get({ state: stateUntil(later()), request_token: 'fresh' });
  const logged = JSON.stringify(service.events);
  expect(logged).toContain('venue_login');
  for (const secret of ['fresh', 'token1', apiSecret, stateUntil(later())]) expect(logged).not.toContain(`"${secret}"`);
});

const post = (body: string) => service.app.request('/api/webhooks/kite', { method: 'POST', body });
const order = async () => (await service.session.query('select status, next_lookup_at from public.orders'))[0];

test('a postback has its order looked up at once, and only the book moves it; again it changes nothing', async () => {
  kite.next('duplicate_postback');
  await execute(service.world, 1);
  expect(await order()).toMatchObject({ status: 'working' });
  await service.session.exec("update public.orders set next_lookup_at = now() + interval '1000 days'");
  const [push = '', again = ''] = kite.push?.take() ?? [];
  expect((await post(push)).status).toBe(204);
  expect([woken, (await order())?.['status']]).toEqual([1, 'working']);
  await reconcile(service.world, 1);
  expect(await order()).toMatchObject({ status: 'filled' });
  expect((await post(again)).status).toBe(204);
  expect(await order()).toMatchObject({ status: 'filled' });
});

test('a wrong checksum is 403 and moves nothing; what is not ours is taken and let be', async () => {
  kite.next('wrong_checksum');
  await execute(service.world, 1);
  const before = await order();
  const [forged = ''] = kite.push?.take() ?? [];
  expect((await post(forged)).status).toBe(403);
  const row = JSON.parse(forged);
  for (const other of [{ tag: 'x' }, { tag: null }, { tag: 'Bought by hand' }, { order_id: '1' }]) {
    expect((await post(JSON.stringify({ ...row, ...other }))).status, JSON.stringify(other)).toBe(204);
  }
  expect([woken, await order()]).toEqual([0, before]);
  expect((await post('x'.repeat(70_000))).status).toBe(413);
});

test('what no postback of Kite looks like is 400 without a look into the database, and then costs its address', async () => {
  kite.next('wrong_checksum');
  await execute(service.world, 1);
  const [forged = ''] = kite.push?.take() ?? [];
  const row = JSON.parse(forged);
  const calls: string[] = [];
  const { store } = service.world;
  const call: Store['call'] = (name, args) => {
    calls.push(name);
    return store.call(name, args);
  };
  Object.assign(service.world, {
    logins: new Map([['kite', kiteLogin({ ...loginOptions(), store: { ...store, call } })]]),
  });
  const odd = [
    '',
    '[]',
    '{"order_id": "1"}',
    '{"order_id":"1\\u0000","tag":"a"}',
    ...[{ order_id: '1\u0000' }, { order_id: 'x'.repeat(41) }, { user_id: '\ud800' }, { checksum: 'x' }].map((change) =>
      JSON.stringify({ ...row, ...change }),
    ),
  ];
  for (const body of odd) {
    const answer = await post(body);
    expect([answer.status, await answer.json()], body).toMatchObject([400, { code: 'bad_postback' }]);
  }
  expect(calls).toEqual([]);
  // A hundred strangers at once: few calls, and no more than the minute's share is told anything but to wait.
  const many = Array.from({ length: 100 }, (_, n) => post(JSON.stringify({ ...row, order_id: `9${n}` })));
  const statuses = (await Promise.all(many)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([204, 429]));
  expect(statuses.filter((status) => status === 204)).toHaveLength(60 - odd.length);
  expect(calls.length).toBeLessThan(10);
  expect(service.events.filter(({ alert }) => alert)).toEqual([]);
});

test('a postback of Kite is heard also from an address that strangers have used up', async () => {
  kite.next('duplicate_postback');
  await execute(service.world, 1);
  for (let n = 0; n < 61; n++) await post('{}');
  expect((await post('{}')).status).toBe(429);
  const [push = ''] = kite.push?.take() ?? [];
  expect([(await post(push)).status, woken]).toEqual([204, 1]);
});

describe('a login', () => {
  test('is begun once in five seconds for an account, and Kite is not asked more often', async () => {
    const begin = () => get({ state: stateUntil(later()) });
    expect((await begin()).status).toBe(302);
    for (let n = 0; n < 5; n++) {
      const again = await begin();
      expect([again.status, again.headers.get('retry-after')]).toEqual([429, '5']);
      expect(await again.json()).toMatchObject({
        code: 'too_many_requests',
        detail: expect.stringContaining('wait 5 s'),
      });
    }
    service.clock.jump(5_000);
    expect((await begin()).status).toBe(302);
  });

  test('is brought back once in five seconds, and each token once: 300 calls are one at Kite', async () => {
    const back = (token: string) => get({ state: stateUntil(later()), request_token: token });
    const answers = await Promise.all(Array.from({ length: 300 }, (_, n) => back(`stale${n}`)));
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(299);
    expect(kite.requests).toHaveLength(1);
    service.clock.jump(5_000);
    expect((await back('fresh')).status).toBe(200);
    service.clock.jump(5_000);
    const used = await back('fresh');
    expect([used.status, await used.json()]).toMatchObject([409, { code: 'login_used' }]);
    expect((await back('no token\u0000')).status).toBe(400);
    expect(kite.requests).toHaveLength(2);
  });

  test('with a state nobody signed costs its address, and nobody with a good link', async () => {
    const statuses = [];
    for (let n = 0; n < 61; n++) statuses.push((await get({ state: `1.${n}.${'A'.repeat(43)}` })).status);
    expect([statuses[0], statuses.at(-1)]).toEqual([403, 429]);
    expect((await get({ state: stateUntil(later()) })).status).toBe(302);
  });
});

test('without Kite there is nothing at these addresses', async () => {
  Object.assign(service.world, { logins: undefined });
  expect((await post('{}')).status).toBe(404);
  expect((await get({ state: stateUntil(later()) })).status).toBe(404);
});
