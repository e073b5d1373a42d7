import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  lemonnLoginUrl,
  lemonnSignature,
  openLemonnAccess,
  openLemonnSession,
} from '../../../src/adapters/venues/lemonn/session.ts';
import { timeMs } from '../../../src/adapters/venues/lemonn/shapes.ts';
import {
  apiKey,
  type LemonnExchange,
  openLemonnExchange,
  privateKey,
  requestId,
} from '../../simulators/venues/lemonn-exchange.ts';
import { type JumpingClock, jumpingClock } from '../../stages/support/clocks.ts';
import { nowMs } from '../../support/builders.ts';

let clock: JumpingClock;
let lemonn: LemonnExchange;
beforeEach(async () => {
  clock = jumpingClock(nowMs);
  lemonn = await openLemonnExchange(clock);
});
afterEach(() => lemonn.close());

const credentials = { clientId: 'C1', apiKey, privateKey };
const clientOptions = () => ({ baseUrl: lemonn.baseUrl, credentials, clock, fetcher: fetch, timeoutMs: 700 });

test('a signature is the Ed25519 of RFC 8032', () => {
  expect(lemonnSignature(privateKey, '')).toBe(
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  );
});

describe('a login at Lemonn', () => {
  test('by the account’s own key signs the client and the time, and says when it ends', async () => {
    expect(await openLemonnAccess(clientOptions())).toMatchObject({
      kind: 'open',
      accessToken: 'access-C1',
      clientId: null,
    });
    const [request] = lemonn.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/api-trading/api/v1/generate_access_token' });
    expect(request?.body).toBe('{"client_id":"C1"}');
    expect(request?.headers).toMatchObject({ 'x-api-key': apiKey, 'x-epoch-time': expect.stringMatching(/^\d{13}$/) });
    expect(JSON.stringify(request)).not.toContain(privateKey);
  });

  test.each([
    ['2025-08-29T09:20:00+05:30', Date.parse('2025-08-29T09:20:00+05:30')],
    ['2025-08-29 09:20:00', Date.parse('2025-08-29T09:20:00+05:30')],
    [1756439400, 1756439400_000],
    [1756439400123, 1756439400123],
    ['tomorrow', null],
    [undefined, null],
  ])('ends at %s, or when Lemonn says so', async (expires_at, accessUntilMs) => {
    const answer = JSON.stringify({ status: 'success', data: { access_token: 'a', expires_at } });
    const fetcher = async () => new Response(answer);
    expect(await openLemonnAccess({ ...clientOptions(), fetcher })).toMatchObject({ kind: 'open', accessUntilMs });
  });

  test('in the browser signs the request token and the key, and says whose it is', async () => {
    expect(lemonnLoginUrl(apiKey)).toBe(`https://lemonn-pro.lemonn.co.in/login?api_key=${apiKey}`);
    const login = await openLemonnSession({ ...clientOptions(), requestToken: 'fresh', requestId });
    expect(login).toMatchObject({ kind: 'open', accessToken: 'token-C1', clientId: 'C1' });
    expect(lemonn.requests[0]?.headers).toMatchObject({ 'x-request-token': 'fresh', 'x-request-id': requestId });
    expect(lemonn.requests[0]?.body).toBe('');
  });

  test('is refused for another key, a used token or a partner that is not on the list, and repeats no words', async () => {
    const other = { ...clientOptions(), credentials: { ...credentials, privateKey: '0'.repeat(64) } };
    const refused = { kind: 'refused', reason: 'login_refused' };
    expect(await openLemonnAccess(other)).toEqual(refused);
    expect(await openLemonnSession({ ...clientOptions(), requestToken: 'used', requestId })).toEqual(refused);
    expect(await openLemonnSession({ ...clientOptions(), requestToken: 'fresh', requestId: null })).toEqual(refused);
  });

  test('is not known without an answer that says so', async () => {
    const answered = (status: number, body: string) =>
      openLemonnAccess({ ...clientOptions(), fetcher: async () => new Response(body, { status }) });
    expect(await openLemonnAccess({ ...clientOptions(), baseUrl: 'http://127.0.0.1:1' })).toMatchObject({
      kind: 'unreadable',
    });
    expect(await answered(200, '<html>')).toEqual({ kind: 'unreadable', reason: 'unreadable_answer' });
    expect(await answered(200, '{"status":"success","data":{}}')).toEqual({
      kind: 'unreadable',
      reason: 'no_token_in_answer',
    });
    expect(await answered(429, '')).toEqual({ kind: 'unreadable', reason: 'rate_limited' });
    expect(await answered(500, '{"status":"error","error_code":"INTERNAL_ERROR"}')).toMatchObject({
      kind: 'unreadable',
    });
  });
});

test.each(['America/New_York', 'UTC', 'Asia/Kolkata'])('Lemonn’s times are Indian on a machine in %s', (zone) => {
  const before = process.env['TZ'];
  process.env['TZ'] = zone;
  try {
    const instant = Date.UTC(2026, 10, 20, 9, 40, 1);
    expect(timeMs('2026-11-20 15:10:01')).toBe(instant);
    expect(timeMs('2026-11-20T15:10:01')).toBe(instant);
    expect(timeMs('2026-11-20T09:40:01Z')).toBe(instant);
    expect(timeMs('20/11/2026 15:10')).toBeNull();
  } finally {
    if (before === undefined) delete process.env['TZ'];
    else process.env['TZ'] = before;
  }
});
