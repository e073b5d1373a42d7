import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DatabaseError } from '../../../src/ports/database.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { cronSecret, signalsSecret, startService, type TestService } from '../support/service.ts';

let database: TestDatabase;
let open: TestService;
beforeAll(async () => {
  database = await freshPglite();
  open = await startService({ database });
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
    open.events.length = 0;
    await open.ask(open.operatorKey, 'GET', '/api/none?token=very-secret');
    expect(open.events.filter(({ type }) => type === 'http')).toEqual([
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
    const small = await startService({ database, limits: { callerPerMinute: 3, addressPerMinute: 2 } });
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
    // Unknown callers may knock as they like: the scheduler still gets in.
    expect((await small.cron('/api/cron/order-worker')).status).toBe(200);
  });
});

describe('when something breaks', () => {
  const breaking = (error: Error) =>
    startService({
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
    expect(broken.events).toContainEqual(
      expect.objectContaining({
        type: 'request_failed',
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
  open.events.length = 0;
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
  const all = texts.join('\n') + JSON.stringify(open.events);
  expect(open.events.length).toBeGreaterThan(3);
  for (const secret of [operatorKey, cronSecret, signalsSecret]) expect(all).not.toContain(secret);
});
