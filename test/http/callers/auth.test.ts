import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newApiKey } from '../../../src/http/callers/auth.ts';
import { hintOfKey } from '../../../src/http/callers/key-lookup.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { type Route, routes, type Who } from '../routes.ts';
import { cronSecret, startService, type TestService } from '../support/service.ts';

/** Logins as the verifier of the tests knows them. */
const logins = new Map([
  ['login.of.an-operator', { sub: 'not-even-a-uuid', role: 'operator', aal: 'aal2' }],
  ['login.of.asha', { sub: '6f1c1c1e-0000-4000-8000-00000000000a', role: 'authenticated', aal: 'aal1' }],
  ['login.of.nobody', { sub: '6f1c1c1e-0000-4000-8000-00000000000b', role: 'authenticated', aal: 'aal1' }],
  ['login.without.uuid', { sub: "'; drop table users", role: null, aal: null }],
  ['login.of.an-operator.by-password', { sub: 'not-even-a-uuid', role: 'operator', aal: 'aal1' }],
  ['login.of.an-operator.of-unknown-level', { sub: 'not-even-a-uuid', role: 'operator', aal: null }],
]);

let database: TestDatabase;
let open: TestService;
let tokens: Record<Who, string | null>;
beforeAll(async () => {
  // As many requests as these tests make, from one address.
  const limits = { addressPerMinute: 10_000, callerPerMinute: 10_000 };
  database = await freshPglite();
  open = await startService({ database, limits, deps: { verifyJwt: async (token) => logins.get(token) ?? null } });
  await open.session.query('update public.users set auth_user_id = $1 where id = $2', [
    logins.get('login.of.asha')?.sub,
    'asha-rao',
  ]);
  const revoked = await open.userKey('asha-rao');
  await open.store.call('revoke_api_key', { by: tester, hint: hintOfKey(revoked), nowMs: 0 });
  tokens = {
    nobody: null,
    'a wrong key': newApiKey().key,
    'a revoked key': revoked,
    'a wrong login': 'aaa.bbb.ccc',
    'a login of nobody': 'login.of.nobody',
    'a user': await open.userKey('asha-rao'),
    'an operator': open.operatorKey,
    'the scheduler': cronSecret,
  };
});
afterAll(() => database.close());

const known: Who[] = ['a login of nobody', 'a user', 'an operator', 'the scheduler'];

/** The status a caller is turned away with; 0 where they are let through. */
function expected({ open: to, byAddress = false }: Route, who: Who): number {
  if (byAddress) return 401;
  if (to === 'everybody' || to.includes(who)) return 0;
  return known.includes(who) ? 403 : 401;
}

describe('who may do what', () => {
  test('every route of the service is in the table', () => {
    const there = new Set(open.app.routes.filter(({ method }) => method !== 'ALL').map((r) => `${r.method} ${r.path}`));
    expect([...there].toSorted()).toEqual(routes.map(({ route }) => route).toSorted());
  });

  test.each(routes)('$route', async (route) => {
    const [method = '', path = ''] = route.route.split(' ');
    for (const [who, token] of Object.entries(tokens) as [Who, string | null][]) {
      const answer = await open.ask(token, method, route.path ?? path, route.body);
      const refusal = [401, 403].includes(answer.status) ? answer.status : 0;
      expect({ who, refusal }).toEqual({ who, refusal: expected(route, who) });
      expect(answer.status).toBeLessThan(500);
      expect(answer.headers.has('www-authenticate')).toBe(refusal === 401);
      if (refusal > 0) expect(answer.headers.get('content-type')).toBe('application/problem+json');
      await answer.body?.cancel();
    }
  });
});

describe('a bearer token', () => {
  const orders = (authorization: string) =>
    open.app.request('/api/trading/orders', { headers: { Authorization: authorization } });

  test.each([
    ['of another scheme', (key: string) => `Basic ${key}`],
    ['that stands alone', (key: string) => key],
    ['with more behind it', (key: string) => `Bearer ${key} ${key}`],
    ['that was cut', (key: string) => `Bearer ${key.slice(0, -1)}`],
    ['with a letter more', (key: string) => `Bearer ${key}A`],
    ['in capitals', (key: string) => `Bearer ${key.toUpperCase()}`],
    ['of nothing', () => 'Bearer '],
    ['as long as a book', () => `Bearer ${'a'.repeat(10_000)}`],
  ])('%s opens nothing', async (_what, header) => {
    const answer = await orders(header(open.operatorKey));
    expect([answer.status, await answer.json()]).toEqual([401, expect.objectContaining({ code: 'unauthenticated' })]);
  });

  test('is taken whatever the case of its scheme (RFC 9110)', async () => {
    expect((await orders(`bearer ${open.operatorKey}`)).status).toBe(200);
  });
});

test('the scheduler’s secret may be any text without a space', async () => {
  const odd = 'p!ss:w@rd/?=&x%"\\';
  const other = await startService({ database, deps: { cronSecret: odd } });
  expect((await other.ask(odd.slice(1), 'GET', '/api/cron/order-worker')).status).toBe(401);
  expect((await other.ask(odd, 'GET', '/api/cron/order-worker')).status).toBe(200);
});

describe('a login', () => {
  test('is the user it is connected to, an operator by its role, and else nobody', async () => {
    const status = async (token: string) => (await open.ask(token, 'GET', '/api/trading/orders')).status;
    expect(await status('login.of.asha')).toBe(200);
    expect(await status('login.of.an-operator')).toBe(200);
    expect(await status('login.of.nobody')).toBe(403);
    expect(await status('login.without.uuid')).toBe(403);
    expect((await open.ask('login.of.asha', 'POST', '/api/signals', { signals: [] })).status).toBe(403);
  });

  test('opens nothing where no logins are set up', async () => {
    const without = await startService({ database });
    expect((await without.ask('login.of.asha', 'GET', '/api/trading/orders')).status).toBe(401);
  });
});

describe('an operator’s login without a second factor', () => {
  test.each(['by-password', 'of-unknown-level'])('%s opens nothing, and hears what to do', async (how) => {
    for (const path of ['/api/trading/orders', '/metrics']) {
      const answer = await open.ask(`login.of.an-operator.${how}`, 'GET', path);
      expect([answer.status, await answer.json()]).toEqual([
        403,
        expect.objectContaining({ code: 'second_factor_required', detail: expect.stringContaining('aal2') }),
      ]);
    }
  });

  test('opens where the operator of the service asks for none', async () => {
    const verifyJwt = async (token: string) => logins.get(token) ?? null;
    const lax = await startService({ database, deps: { verifyJwt, operatorAal: 'aal1' } });
    expect((await lax.ask('login.of.an-operator.by-password', 'GET', '/metrics')).status).toBe(200);
  });
});

test('a login that can not be checked now is told so, alarms nobody, and hinders no key', async () => {
  const verifyJwt = () => Promise.reject(new Error('the keys of the issuer could not be fetched'));
  const other = await startService({ database, deps: { verifyJwt } });
  const key = await other.userKey('asha-rao');
  const answer = await other.ask('any.login.token', 'GET', '/api/trading/orders');
  expect([answer.status, await answer.json()]).toEqual([503, expect.objectContaining({ code: 'logins_unavailable' })]);
  expect((await other.ask(key, 'GET', '/api/trading/orders')).status).toBe(200);
  expect(other.events.filter(({ alert }) => alert)).toEqual([]);
});

test('a key is looked up once in ten seconds, and a revoked one stops within them', async () => {
  const key = await open.userKey('asha-rao');
  const status = async () => (await open.ask(key, 'GET', '/api/trading/orders')).status;
  expect(await status()).toBe(200);
  await open.store.call('revoke_api_key', { by: tester, hint: hintOfKey(key), nowMs: 0 });
  expect(await status()).toBe(200);
  open.clock.jump(10_000);
  expect(await status()).toBe(401);
});

test('a clock that is set back makes no key good for longer', async () => {
  const key = await open.userKey('asha-rao');
  await open.ask(key, 'GET', '/api/trading/orders');
  await open.store.call('revoke_api_key', { by: tester, hint: hintOfKey(key), nowMs: 0 });
  open.clock.jump(-3_600_000);
  expect((await open.ask(key, 'GET', '/api/trading/orders')).status).toBe(401);
  open.clock.jump(3_600_000);
});

test('a key is 256 random bits behind its prefix, and none is like another', () => {
  const keys = Array.from({ length: 100 }, () => newApiKey());
  expect(new Set(keys.map(({ hash }) => hash)).size).toBe(100);
  for (const { key, hash, hint } of keys) {
    expect(key).toMatch(/^ds_[\w-]{43}$/);
    expect(Buffer.from(key.slice(3), 'base64url')).toHaveLength(32);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(key.startsWith(hint)).toBe(true);
  }
});
