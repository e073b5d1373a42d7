import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { storeVault } from '../../src/adapters/credentials/vault.ts';
import { jwtVerifier } from '../../src/adapters/jwt.ts';
import { twilioNotifier } from '../../src/adapters/notifiers/twilio.ts';
import { kiteLogin } from '../../src/adapters/venues/kite/login.ts';
import { newApiKey } from '../../src/http/callers/auth.ts';
import type { World } from '../../src/ports/world.ts';
import { type Route, routes, type Who } from '../http/routes.ts';
import { cronSecret, startService, type TestService } from '../http/support/service.ts';
import { settingsFor } from '../notifiers/fixtures.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { tester } from '../support/tester.ts';
import { fedTo, requestOf, type Secrets, titan } from './requests.ts';
import { counter, type Target } from './target.ts';

/** The service with everything it can have, so that every route can be asked through to the database. */
async function service(database: TestDatabase): Promise<{ open: TestService; userKey: string; secrets: Secrets }> {
  const keys = { current: randomBytes(32), old: [] };
  const loginKey = randomBytes(32);
  const nowhere = 'http://127.0.0.1:9';
  const change = (world: World): World => {
    const { store, clock } = world;
    const vault = storeVault({ store, clock, keys, by: null });
    const kite = kiteLogin({
      baseUrl: nowhere,
      mode: 'live',
      vault,
      store,
      clock,
      fetchFor: () => fetch,
      timeoutMs: 500,
    });
    return {
      ...world,
      logins: new Map([['kite', kite]]),
      notifier: { ...twilioNotifier(settingsFor(nowhere)), ...quiet(world) },
    };
  };
  const open = await startService({
    database,
    change,
    limits: { callerPerMinute: 1e9, addressPerMinute: 1e9 },
    deps: { loginKey, verifyJwt: async (token) => jwtVerifier(`${nowhere}/auth/v1`)(token).catch(() => null) },
  });
  return { open, userKey: await open.userKey('asha-rao'), secrets: { loginKey, sourceKey: await sourceKey(open) } };
}

/** A source that may send anything, as often as it likes. */
async function sourceKey({ store }: TestService): Promise<string> {
  const [by, name] = [tester, 'fuzz'];
  await store.call('set_signal_source', { name, strategies: ['breakout-20d', 'tv'], perDay: 1_000_000, by, nowMs: 0 });
  const { key, hash, hint } = newApiKey();
  await store.call('create_api_key', {
    hash,
    hint,
    role: 'signals',
    userId: null,
    source: name,
    label: 'fuzz',
    by,
    nowMs: 0,
  });
  return key;
}

/** Messages are shown, not sent: what the provider answers is another target's. */
function quiet({ notifier }: World): Pick<World['notifier'], 'send'> & { lookup?: never } {
  return { send: notifier.send };
}

/** What reads a body is fed more than what reads none. */
function weighed(route: Route) {
  return { weight: route.route.startsWith('POST') ? 4 : 1, arbitrary: fedTo(route) };
}

/** Feeds every route that is in the list of routes: a new one is fed by itself. */
export async function routesTarget(database: TestDatabase, only?: (route: Route) => boolean): Promise<Target> {
  const { open, userKey, secrets } = await service(database);
  const { fed, count } = counter();
  const chosen = routes.filter((route) => only?.(route) ?? true);
  const tokens: Partial<Record<Who, string>> = {
    'a wrong key': `ds_${'x'.repeat(43)}`,
    'a wrong login': `eyJhbGciOiJFUzI1NiJ9.${Buffer.from('{"sub":"\\u0000"}').toString('base64url')}.c2ln`,
    'a user': userKey,
    'an operator': open.operatorKey,
    'the scheduler': cronSecret,
  };
  let neighbour = 0;
  const property = fc.asyncProperty(fc.oneof(...chosen.map(weighed)), async (one) => {
    count(one.route.route);
    const before = open.events.length;
    const request = requestOf(one, tokens[one.who], secrets, open.clock.nowMs());
    const answer = await open.app.request(request.url, request.init);
    const { status } = answer;
    const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream') === true;
    const text = isStream ? '' : await answer.text();
    if (isStream) await answer.body?.cancel();
    const failures = open.events.slice(before).filter(({ type }) => type === 'request_failed');
    assert.deepEqual(failures, [], `${status}`);
    assert.ok(status < 500 || (status === 503 && one.route.route === 'GET /ready'), `answered ${status}: ${text}`);
    assert.ok(text.length < 200_000, `an answer of ${text.length} characters`);
    open.events.length = 0;
    neighbour += 1;
    await expectGoodNeighbours(open, neighbour);
  });
  return {
    name: 'routes',
    property,
    fed,
    close: () => open.close(),
  };
}

/** A good row, and a good order, of somebody else. */
async function expectGoodNeighbours(open: TestService, number: number): Promise<void> {
  if (number % 5 !== 0) return;
  const good = { signals: [{ ...titan, tradeDate: '2025-08-29', strategy: `neighbour-${number}` }] };
  assert.equal((await open.ask(open.operatorKey, 'POST', '/api/signals', good)).status, 202);
  const order = { symbol: 'TITAN', side: 'BUY', quantity: 1, userId: 'meera-nair' };
  const key = { 'Idempotency-Key': `good-${number}` };
  const placed = await open.ask(open.operatorKey, 'POST', '/api/trading/orders', order, key);
  assert.ok(placed.status === 202 || placed.status === 422, `a good order was answered ${placed.status}`);
}
