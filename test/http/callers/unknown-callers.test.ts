import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readConfig } from '../../../src/config/config.ts';
import type { ProxyTrust } from '../../../src/http/callers/addresses.ts';
import { newApiKey } from '../../../src/http/callers/auth.ts';
import { hintOfKey } from '../../../src/http/callers/key-lookup.ts';
import { DatabaseError } from '../../../src/ports/database.ts';
import type { World } from '../../../src/ports/world.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { signalsSecret, startService, type TestService, type TestServiceOptions } from '../support/service.ts';

let database: TestDatabase;
let calls: { name: string; args: object }[];
beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());
beforeEach(() => {
  calls = [];
});

/** The service as it starts: it has seen no key yet. Its calls of the database are in `calls`. */
const started = (options: TestServiceOptions = {}) =>
  startService({ database, limits: { addressPerMinute: 3 }, ...options, change: (world) => overheard(world) });

function overheard(world: World): World {
  const call: World['store']['call'] = (name, args) => {
    calls.push({ name, args });
    return world.store.call(name, args);
  };
  return { ...world, store: { ...world.store, call } };
}

const trusting = (TRUSTED_PROXIES: string): ProxyTrust => {
  const read = readConfig({ TRUSTED_PROXIES });
  if (read.kind === 'refused') throw new Error(read.problems.join('\n'));
  return { proxies: read.config.http.trustedProxies, vercel: false };
};

/** What a stranger is told who connects from there. */
async function status(
  service: TestService,
  peer: string | null,
  headers: Record<string, string> = {},
): Promise<number> {
  const env = peer === null ? {} : { incoming: { socket: { remoteAddress: peer }, complete: true } };
  return (await service.app.request('/api/trading/orders', { headers }, env)).status;
}

describe('where a stranger is', () => {
  const limits = { addressPerMinute: 1 };

  test('is the other end of the connection, whatever the headers say and wherever that end is', async () => {
    const service = await started({ limits });
    for (const peer of ['203.0.113.1', '127.0.0.1', '10.0.0.9', '::1', 'fd00::1']) {
      expect([peer, await status(service, peer)]).toEqual([peer, 401]);
      for (const header of ['X-Forwarded-For', 'X-Real-IP', 'Forwarded', 'X-Vercel-Forwarded-For']) {
        expect([peer, header, await status(service, peer, { [header]: '198.51.100.7' })]).toEqual([peer, header, 429]);
      }
    }
  });

  test.each([
    ['the nearest that is no proxy', '192.0.2.1', '6.6.6.6, 192.0.2.1', '7.7.7.7, 192.0.2.1'],
    ['behind several proxies', '192.0.2.2', '6.6.6.6, 192.0.2.2, 10.1.2.3', '192.0.2.2, 10.9.9.9,10.1.2.3'],
    ['written with a port', '192.0.2.3', '192.0.2.3:4711', '192.0.2.3'],
    ['an IPv6 one in brackets', '2001:db8:5::/64', '[2001:db8:5::1]:443', '2001:db8:5::2'],
    ['an IPv4 one mapped into IPv6', '192.0.2.4', '::ffff:192.0.2.4', '192.0.2.4'],
    ['the proxy itself where it says nothing readable', '10.0.0.1', 'unknown', ''],
    ['the last proxy where only proxies are named', '10.2.2.2', '10.2.2.2', '10.2.2.2, 10.3.3.3'],
  ])('is what a trusted proxy saw: %s', async (_what, _name, one, same) => {
    const service = await started({ limits, deps: { trust: trusting('10.0.0.0/8,fd00::/8') } });
    expect(await status(service, '10.0.0.1', { 'X-Forwarded-For': one })).toBe(401);
    expect(await status(service, '::ffff:10.0.0.1', { 'X-Forwarded-For': same })).toBe(429);
    expect(await status(service, '10.0.0.1', { 'X-Forwarded-For': '192.0.2.99' })).toBe(401);
    // A peer that is no proxy of ours is itself.
    expect(await status(service, '203.0.113.1', { 'X-Forwarded-For': '192.0.2.50' })).toBe(401);
    expect(await status(service, '203.0.113.1', { 'X-Forwarded-For': '192.0.2.51' })).toBe(429);
  });

  test('is on Vercel what its edge says, and no other header', async () => {
    const service = await started({ limits, deps: { trust: { proxies: [], vercel: true } } });
    const edge = (address: string) => ({ 'X-Vercel-Forwarded-For': address, 'X-Forwarded-For': `${Math.random()}` });
    expect(await status(service, null, edge('192.0.2.1'))).toBe(401);
    expect(await status(service, '127.0.0.1', edge('192.0.2.1'))).toBe(429);
    expect(await status(service, '127.0.0.1', edge('192.0.2.2'))).toBe(401);
  });

  test('is an IPv6 network of /64, out of which they pick addresses as they like', async () => {
    const service = await started({ limits });
    expect(await status(service, '2001:db8:0:1::1')).toBe(401);
    for (const same of ['2001:db8:0:1:ffff::2', '2001:0DB8::1:0:0:0:3', '2001:db8:0:1:1:2:3:4']) {
      expect([same, await status(service, same)]).toEqual([same, 429]);
    }
    for (const other of ['2001:db8:0:2::1', '2001:db8::1', '::ffff:203.0.113.9', '203.0.113.10', 'fe80::1%eth0']) {
      expect([other, await status(service, other)]).toEqual([other, 401]);
    }
    expect(await status(service, '203.0.113.9')).toBe(429);
    expect(await status(service, 'fe80::2')).toBe(429);
  });
});

test.each([
  ['10.0.0.0/33', 'must have at most 32 bits'],
  ['0.0.0.0/0', 'must not be every address'],
  ['::ffff:0:0/96', 'must not be every IPv4 address'],
  ['010.0.0.1', 'must be addresses or networks'],
  ['10.0.0.1,', 'must be addresses or networks'],
  ['proxy.internal', 'must be addresses or networks'],
])('TRUSTED_PROXIES %s is refused at start', (TRUSTED_PROXIES, problem) => {
  const read = readConfig({ TRUSTED_PROXIES });
  expect(read).toMatchObject({ kind: 'refused', problems: [expect.stringContaining(`TRUSTED_PROXIES ${problem}`)] });
});

describe('behind one address with somebody who guesses', () => {
  const orders = async (service: TestService, token: string) =>
    (await service.ask(token, 'GET', '/api/trading/orders')).status;
  const guess = (service: TestService) => orders(service, newApiKey().key);
  const lookups = () => calls.filter(({ name }) => name.startsWith('find_api_key')).length;

  test('200 good keys get in right after a restart, at once, in a few calls of the database', async () => {
    const keys: string[] = [];
    const service = await started();
    for (let n = 0; n < 200; n++) keys.push(await service.userKey('asha-rao'));
    for (let n = 0; n < 5; n++) await guess(service);
    expect(await guess(service)).toBe(429);
    calls = [];
    const answers = await Promise.all(keys.flatMap((key) => [orders(service, key), guess(service)]));
    expect(answers.filter((_, n) => n % 2 === 0)).toEqual(keys.map(() => 200));
    expect(new Set(answers.filter((_, n) => n % 2 === 1))).toEqual(new Set([429]));
    expect(lookups()).toBeLessThan(20);
    expect(await Promise.all(keys.map((key) => orders(service, key)))).toEqual(keys.map(() => 200));
  });

  test('a guess is told 401 until the minute is used up, then 429 with when to come back', async () => {
    const service = await started();
    const statuses = [];
    for (let n = 0; n < 5; n++) statuses.push(await guess(service));
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    const refused = await service.ask(newApiKey().key, 'GET', '/api/trading/orders');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ code: 'too_many_requests', detail: expect.stringContaining('wait') });
    service.clock.jump(60_000);
    expect(await guess(service)).toBe(401);
  });

  test('a key that was shown is looked up once in ten seconds, whether it is good or bad', async () => {
    const service = await started({ limits: { addressPerMinute: 100 } });
    const bad = newApiKey().key;
    for (const key of [service.operatorKey, bad]) {
      calls = [];
      for (let n = 0; n < 5; n++) await orders(service, key);
      expect(lookups()).toBe(1);
      service.clock.jump(10_000);
      await orders(service, key);
      expect(lookups()).toBe(2);
    }
  });

  test('a revoked key that is shown again costs the address like any other', async () => {
    const service = await started({ limits: { addressPerMinute: 1 } });
    const key = await service.userKey('asha-rao');
    expect(await orders(service, key)).toBe(200);
    await service.store.call('revoke_api_key', { by: tester, hint: hintOfKey(key), nowMs: 0 });
    service.clock.jump(10_000);
    expect([await orders(service, key), await orders(service, key)]).toEqual([401, 429]);
  });

  test('a database that is lost says nothing of the keys: 503, and nobody is counted', async () => {
    let lost = true;
    const change = (world: World): World => {
      const call: World['store']['call'] = (name, args) => {
        if (lost && name === 'find_api_keys') throw new DatabaseError('gone', { kind: 'lost', code: 'ECONNRESET' });
        return world.store.call(name, args);
      };
      return { ...world, store: { ...world.store, call } };
    };
    const service = await startService({ database, limits: { addressPerMinute: 1 }, change });
    expect([await guess(service), await orders(service, service.operatorKey)]).toEqual([503, 503]);
    lost = false;
    expect([await orders(service, service.operatorKey), await guess(service)]).toEqual([200, 401]);
  });

  test('signals that are signed, or carry a good key in their body, are taken; forged ones cost the address', async () => {
    const service = await started();
    const signal = { tradeDate: '2025-08-28', strategy: 's', symbol: 'TITAN', side: 'BUY', referencePrice: '3560.00' };
    const body = JSON.stringify({ signals: [signal] });
    const send = async (text: string, headers: object) =>
      (await service.ask(null, 'POST', '/api/signals', text, headers)).status;
    const time = String(Math.floor(service.clock.nowMs() / 1000));
    const signed = (secret: string) => ({
      'X-Timestamp': time,
      'X-Signature': `sha256=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`,
    });
    const keyed = (key: string) => JSON.stringify({ ticker: 'TITAN', action: 'buy', price: 3560, key });
    const forged = [];
    for (let n = 0; n < 3; n++)
      forged.push(await send(body, signed('another')), await send(keyed(newApiKey().key), {}));
    expect(forged).toEqual([401, 401, 401, 429, 429, 429]);
    for (let n = 0; n < 5; n++) expect(await send(body, signed(signalsSecret))).toBe(202);
    for (let n = 0; n < 5; n++) expect(await send(keyed(service.operatorKey), {})).toBe(202);
  });

  test('a login that belongs to nobody is looked up once in ten seconds', async () => {
    const sub = '6f1c1c1e-0000-4000-8000-00000000000b';
    const service = await started({
      deps: { verifyJwt: async () => ({ sub, role: 'authenticated', aal: 'aal1' }) },
    });
    const statuses = [];
    for (let n = 0; n < 5; n++) statuses.push(await orders(service, `login.number.${n}`));
    expect(statuses).toEqual([403, 403, 403, 429, 429]);
    expect(calls.filter(({ name }) => name === 'find_auth_user')).toHaveLength(1);
  });
});
