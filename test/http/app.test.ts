import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newApiKey } from '../../src/http/auth.ts';
import { DatabaseError } from '../../src/ports/database.ts';
import { freshPglite, type TestDatabase } from '../support/postgres.ts';
import { cronSecret, type Door, door, signalsSecret } from './door.ts';

let database: TestDatabase;
let open: Door;
beforeAll(async () => {
  database = await freshPglite();
  open = await door({ database });
});
afterAll(() => database.close());

describe('whatever is asked', () => {
  test('the answer has the headers of a careful service and an id to ask about', async () => {
    const { headers } = await open.ask(null, 'GET', '/nothing');
    for (const name of ['strict-transport-security', 'x-content-type-options', 'x-frame-options', 'referrer-policy']) {
      expect({ name, there: headers.has(name) }).toEqual({ name, there: true });
    }
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.has('x-powered-by')).toBe(false);
  });

  test('an id of the client is kept where it is plain, and replaced where it is not', async () => {
    const idOf = async (id: string) => {
      const answer = await open.ask(null, 'GET', '/nothing', undefined, { 'X-Request-Id': id });
      return answer.headers.get('x-request-id');
    };
    expect(await idOf('trace-17')).toBe('trace-17');
    expect(await idOf('a b;c')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('there is one line about it, without its query', async () => {
    open.told.length = 0;
    await open.ask(open.operatorKey, 'GET', '/api/none?token=very-secret');
    expect(open.told.filter(({ step }) => step === 'http')).toEqual([
      expect.objectContaining({ method: 'GET', path: '/api/none', status: 404, ms: expect.any(Number) }),
    ]);
  });
});

describe('what is not there', () => {
  test('is a 404 problem', async () => {
    const answer = await open.ask(open.operatorKey, 'GET', '/api/none');
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      code: 'not_found',
      detail: expect.any(String),
      requestId: answer.headers.get('x-request-id'),
    });
  });

  test.each([
    ['PUT', '/api/signals', 'POST'],
    ['POST', '/health', 'GET, HEAD'],
    ['DELETE', '/api/cron/daily-scan', 'GET, HEAD'],
  ])('%s %s is a 405 problem that names what is taken', async (method, path, allow) => {
    const answer = await open.ask(open.operatorKey, method, path);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({ code: 'method_not_allowed' });
  });
});

describe('a body that is too large', () => {
  const large = JSON.stringify({ signals: [{ strategy: 'x'.repeat(64 * 1024) }] });

  test('is a 413 problem', async () => {
    const answer = await open.ask(open.operatorKey, 'POST', '/api/signals', large);
    expect([answer.status, await answer.json()]).toEqual([413, expect.objectContaining({ code: 'too_large' })]);
  });

  test('is so too when it does not say how long it is', async () => {
    const body = new ReadableStream({
      start(controller) {
        for (let sent = 0; sent < large.length; sent += 8192) {
          controller.enqueue(new TextEncoder().encode(large.slice(sent, sent + 8192)));
        }
        controller.close();
      },
    });
    const headers = { Authorization: `Bearer ${open.operatorKey}` };
    const answer = await open.app.request(
      new Request('http://localhost/api/signals', { method: 'POST', headers, body, duplex: 'half' }),
    );
    expect(answer.status).toBe(413);
  });
});

describe('too many requests', () => {
  test('of one key are turned away, with when to come back, and nobody else is', async () => {
    const small = await door({ database, limits: { callerPerMinute: 3, addressPerMinute: 2 } });
    const statuses = async (token: string | null, times: number) => {
      const answers = [];
      for (let n = 0; n < times; n++) answers.push(await small.ask(token, 'GET', '/api/trading/orders'));
      return answers;
    };
    const ofOne = await statuses(small.operatorKey, 4);
    expect(ofOne.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(Number(ofOne[3]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await ofOne[3]?.json()).toMatchObject({ code: 'too_many_requests' });
    expect((await statuses(await small.userKey('asha-rao'), 1))[0]?.status).toBe(200);
    expect((await statuses(null, 3)).map(({ status }) => status)).toEqual([401, 401, 429]);
    // Strangers may knock as they like: the scheduler still gets in.
    expect((await small.cron('/api/cron/order-worker')).status).toBe(200);
  });
});

test('a stranger is counted by his own address, which he can not choose', async () => {
  const small = await door({ database, limits: { addressPerMinute: 1 } });
  const status = async (peer: string, headers: Record<string, string> = {}) => {
    const env = { incoming: { socket: { remoteAddress: peer } } };
    return (await small.app.request('/api/trading/orders', { headers }, env)).status;
  };
  expect(await status('203.0.113.1')).toBe(401);
  expect(await status('203.0.113.1', { 'X-Forwarded-For': '198.51.100.7' })).toBe(429);
  expect(await status('203.0.113.2')).toBe(401);
  // Behind a proxy of our own it is the address the proxy saw, whatever the client wrote before it.
  for (const [n, proxy] of ['127.0.0.1', '::ffff:172.17.0.2', 'fd00::1'].entries()) {
    const client = { 'X-Forwarded-For': `198.51.100.${n}, 192.0.2.${n}` };
    expect(await status(proxy, client)).toBe(401);
    expect(await status(proxy, client)).toBe(429);
    expect(await status(proxy, { 'X-Real-IP': `192.0.2.10${n}` })).toBe(401);
  }
});

test('an IPv6 stranger is counted by his /64, out of which he picks addresses as he likes', async () => {
  const small = await door({ database, limits: { addressPerMinute: 1 } });
  const status = async (peer: string) => {
    const env = { incoming: { socket: { remoteAddress: peer } } };
    return (await small.app.request('/api/trading/orders', {}, env)).status;
  };
  expect(await status('2001:db8:0:1::1')).toBe(401);
  for (const same of ['2001:db8:0:1:ffff::2', '2001:0DB8::1:0:0:0:3', '2001:db8:0:1:1:2:3:4']) {
    expect([same, await status(same)]).toEqual([same, 429]);
  }
  for (const other of ['2001:db8:0:2::1', '2001:db8::1', '::ffff:203.0.113.9', '203.0.113.10']) {
    expect([other, await status(other)]).toEqual([other, 401]);
  }
  expect(await status('203.0.113.9')).toBe(429);
});

test('guessed tokens cost no more lookups than the limit, and shut out nobody who was let in before', async () => {
  let lookups = 0;
  const small = await door({
    database,
    limits: { addressPerMinute: 3 },
    change: (world) => ({
      ...world,
      store: {
        ...world.store,
        call: (name, args) => {
          if (name === 'find_api_key') lookups += 1;
          return world.store.call(name, args);
        },
      },
    }),
  });
  const status = async (token: string) => (await small.ask(token, 'GET', '/api/trading/orders')).status;
  expect(await status(small.operatorKey)).toBe(200);
  const guesses = await Promise.all(Array.from({ length: 20 }, () => status(newApiKey().key)));
  expect(guesses.filter((one) => one !== 401 && one !== 429)).toEqual([]);
  expect(lookups).toBe(1 + 3);
  const unseen = await small.userKey('asha-rao');
  expect(await status(unseen)).toBe(429);
  small.clock.jump(30_000);
  expect(await status(small.operatorKey)).toBe(200);
  small.clock.jump(60_000);
  expect(await status(unseen)).toBe(200);
});

describe('when something breaks', () => {
  const breaking = (error: Error) =>
    door({
      database,
      change: (world) => ({
        ...world,
        operatorDays: () => Promise.reject(error),
      }),
    });

  test('nothing of it is seen outside, and all of it inside', async () => {
    const error = new Error('the inside of it', { cause: new Error('the cause of it') });
    const broken = await breaking(error);
    const answer = await broken.cron();
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ code: 'internal_error', requestId: expect.any(String) });
    expect(text).not.toMatch(/inside|cause|\.ts|node_modules/);
    expect(broken.told).toContainEqual(
      expect.objectContaining({
        step: 'request_failed',
        alert: true,
        requestId: answer.headers.get('x-request-id'),
        error: expect.stringMatching(/the inside of it[\s\S]*because: Error: the cause of it/),
      }),
    );
  });

  test('a database that is lost is 503, with when to come back', async () => {
    const broken = await breaking(new DatabaseError('gone', { kind: 'lost', code: 'ECONNRESET' }));
    const answer = await broken.cron();
    expect([answer.status, answer.headers.has('retry-after')]).toEqual([503, true]);
    expect(await answer.json()).toMatchObject({ code: 'database_lost' });
  });
});

test('no secret is in any log line or answer, however it was shown', async () => {
  open.told.length = 0;
  const { operatorKey } = open;
  const alert = { ticker: operatorKey, action: operatorKey, price: operatorKey, strategy: operatorKey };
  const row = { strategy: operatorKey, symbol: operatorKey, side: operatorKey, [operatorKey]: operatorKey };
  const texts = [];
  for (const [token, path, body] of [
    [operatorKey, '/api/signals', { signals: [row, operatorKey, { ...row, strategy: 'a', symbol: 'TITAN' }] }],
    [null, '/api/signals', { ...alert, key: operatorKey }],
    [`${operatorKey}x`, '/api/signals', { signals: [] }],
    [cronSecret, '/api/signals', { key: signalsSecret }],
  ] as const) {
    const answer = await open.ask(token, 'POST', path, body);
    texts.push(await answer.text(), JSON.stringify([...answer.headers]));
  }
  texts.push(JSON.stringify(await open.session.query('select * from public.received_signals')));
  const all = texts.join('\n') + JSON.stringify(open.told);
  expect(open.told.length).toBeGreaterThan(3);
  for (const secret of [operatorKey, cronSecret, signalsSecret]) expect(all).not.toContain(secret);
});
