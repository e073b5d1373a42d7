import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stampMs } from '../../../src/adapters/venues/indian.ts';
import { exchangeRequestToken, kiteTokenUntilMs, verifyPostback } from '../../../src/adapters/venues/kite/session.ts';
import type { Venue } from '../../../src/ports/venue.ts';
import { apiKey, apiSecret, type KiteExchange, openKiteExchange } from '../../simulators/venues/kite-exchange.ts';
import { type JumpingClock, jumpingClock } from '../../stages/support/clocks.ts';
import { venueAccount as account, nowMs, orderToStart } from '../../support/builders.ts';

let clock: JumpingClock;
let kite: KiteExchange;
beforeEach(async () => {
  clock = jumpingClock(nowMs);
  kite = await openKiteExchange(clock, 'NSE4711');
});
afterEach(() => kite.close());

const order = orderToStart({ symbol: 'M&M', limitPriceMinor: 3582_60, product: 'mtf' });
const error = (error_type: string, message = 'no') =>
  JSON.stringify({ status: 'error', message, error_type, data: null });
const data = (value: unknown) => JSON.stringify({ status: 'success', data: value });

describe('an order at Kite', () => {
  test('is one form-urlencoded limit order with the tag, the product and the algo id, and nothing that slices it', async () => {
    expect(await kite.venue.submit(order)).toEqual({
      kind: 'acknowledged',
      report: { venueOrderId: '250828000000001', status: 'working', fills: [], message: null },
    });
    expect(kite.requests).toHaveLength(1);
    const [{ method, path, headers, body } = { headers: {} }] = kite.requests;
    expect([method, path]).toEqual(['POST', '/orders/regular']);
    expect(headers).toMatchObject({
      'x-kite-version': '3',
      authorization: `token ${apiKey}:token7`,
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(body).toBe(
      'exchange=NSE&tradingsymbol=M%26M&transaction_type=BUY&order_type=LIMIT&quantity=10&product=MTF&validity=DAY' +
        '&price=3582.60&tag=0123456789abcdefghij&algo_id=NSE4711',
    );
  });

  test('of delivery is CNC, and carries no algo id where none is configured', async () => {
    const plain = await openKiteExchange(clock);
    await plain.venue.submit({ ...order, product: 'delivery' });
    await plain.close();
    const form = new URLSearchParams(plain.requests[0]?.body);
    expect([form.get('product'), form.has('algo_id')]).toEqual(['CNC', false]);
  });

  test.each([
    [400, 'InputException', 'rejected'],
    [400, 'MarginException', 'rejected'],
    [400, 'HoldingException', 'rejected'],
    [400, 'OrderException', 'rejected'],
    [500, 'InputException', 'unknown'],
    [400, 'GeneralException', 'unknown'],
    [400, 'DataException', 'unknown'],
    [502, 'NetworkException', 'unknown'],
    [503, 'NetworkException', 'unknown'],
    [500, 'OrderException', 'unknown'],
    [429, 'NetworkException', 'not_sent'],
    [401, 'TokenException', 'not_sent'],
    [403, 'TokenException', 'not_sent'],
    [500, 'TokenException', 'unknown'],
    [403, 'UserException', 'unknown'],
  ])('that is answered with %i %s is %s', async (status, type, kind) => {
    kite.answerNext(status, error(type));
    expect(await kite.venue.submit(order)).toMatchObject({ kind });
  });

  test.each([
    'Order request timed out. Please check the order book and confirm before placing again.',
    'Request timeout',
    'Timed-out at the OMS',
    'Please check the orderbook',
  ])('that is refused with «%s» is unknown', async (message) => {
    kite.answerNext(400, error('OrderException', message));
    expect(await kite.venue.submit(order)).toMatchObject({ kind: 'unknown' });
  });

  test.each([
    ['no order id', data({})],
    ['no data', '{"status":"success"}'],
    ['children of a slicing nobody asked for', data({ order_id: '1', children: [{ order_id: '2' }] })],
    ['an error under a 200', error('DataException')],
    ['half of a JSON', '{"status":"success","data":{"order_id":"1"'],
  ])('that is answered with a 200 and %s is unknown', async (_what, body) => {
    kite.answerNext(200, body);
    expect(await kite.venue.submit(order)).toMatchObject({ kind: 'unknown' });
  });

  test('is said once, also to a 421, which fetch would send again', async () => {
    kite.answerNext(421, '');
    expect(await kite.venue.submit(order)).toEqual({ kind: 'unknown', reason: 'http_421' });
    expect(kite.requests).toHaveLength(1);
    expect(kite.book()).toEqual([]);
  });

  test('is not followed to another address', async () => {
    kite.answerNext(307, '');
    expect(await kite.venue.submit(order)).toEqual({ kind: 'unknown', reason: 'http_307' });
  });

  test('is proven not sent where nobody listens', async () => {
    await kite.close();
    expect(await kite.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'not_connected: ECONNREFUSED' });
    kite = await openKiteExchange(clock);
  });

  test.each([
    ['nothing is stored', null],
    ['nobody has logged in', { apiKey, apiSecret }],
    ['the token is over', { apiKey, accessToken: 'token7', accessUntilMs: nowMs }],
    ['a token can’t be one', { apiKey, accessToken: 'token7\r\nX-Other: 1' }],
    ['what is stored is something else', 'scrap'],
  ])('is not said where %s', async (_what, credentials) => {
    kite.credentials = () => credentials;
    expect(await kite.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'no_session' });
    expect(await kite.venue.lookup(order)).toEqual({ kind: 'unreadable', reason: 'no_session' });
    expect(kite.requests).toEqual([]);
  });

  test('is not said where the credentials can’t be read, and their words are not repeated', async () => {
    kite.credentials = () => {
      throw new Error(`can't decrypt ${apiSecret}`);
    };
    expect(await kite.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'credentials_unavailable' });
  });

  test('more than ten in a second are turned away, and it is known that they were', async () => {
    const still = { ...clock, nowMs: () => nowMs };
    const strict = await openKiteExchange(still);
    const outcomes = [];
    for (let n = 0; n < 11; n++) outcomes.push(await strict.venue.submit({ ...order, clientOrderId: `n${n}` }));
    await strict.close();
    expect(outcomes[10]).toEqual({ kind: 'not_sent', reason: 'rate_limited' });
    expect(strict.book()).toHaveLength(10);
  });
});

describe('a session at Kite', () => {
  test('lasts until six in the morning in India, and its end is no refusal of the order', async () => {
    expect(kiteTokenUntilMs(nowMs)).toBe(Date.parse('2025-08-29T06:00:00+05:30'));
    expect(kiteTokenUntilMs(Date.parse('2025-08-29T05:59:59+05:30'))).toBe(Date.parse('2025-08-29T06:00:00+05:30'));
    expect(kiteTokenUntilMs(Date.parse('2025-08-29T06:00:00+05:30'))).toBe(Date.parse('2025-08-30T06:00:00+05:30'));
    kite.pages['GET /user/profile'] = { user_id: 'AB1234' };
    const status = await kite.venue.accountApi?.sessionStatus(account);
    expect(status).toEqual({ kind: 'open', untilMs: Date.parse('2025-08-29T06:00:00+05:30') });
    clock.jump(21 * 3_600_000);
    expect(await kite.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'no_session' });
    expect(await kite.venue.accountApi?.sessionStatus(account)).toEqual({ kind: 'closed', reason: 'token_invalid' });
  });

  const login = (change: object = {}) =>
    exchangeRequestToken({
      ...{ baseUrl: kite.baseUrl, apiKey, apiSecret, requestToken: 'fresh', clock, fetcher: fetch, timeoutMs: 700 },
      ...change,
    });

  test('is made of a request token and its checksum, and says who logged in', async () => {
    expect(await login()).toEqual({
      kind: 'open',
      accessToken: 'token1',
      kiteUserId: 'AB1234',
      accessUntilMs: Date.parse('2025-08-29T06:00:00+05:30'),
    });
    expect(kite.requests[0]?.headers.authorization).toBeUndefined();
    expect(kite.requests[0]?.body).not.toContain(apiSecret);
  });

  test('is refused for a used token and for another app’s secret, and not known without an answer', async () => {
    expect(await login({ requestToken: 'used' })).toEqual({ kind: 'refused', reason: 'token_invalid' });
    expect(await login({ apiSecret: 'other' })).toEqual({ kind: 'refused', reason: 'token_invalid' });
    expect(await login({ apiKey: 'other' })).toEqual({ kind: 'refused', reason: 'InputException' });
    expect(await login({ baseUrl: 'http://127.0.0.1:1' })).toMatchObject({ kind: 'unreadable' });
  });
});

describe('a postback', () => {
  const signed = (change: object = {}) => {
    const checksum = createHash('sha256').update(`2203030001${'2022-03-03 09:24:25'}${apiSecret}`).digest('hex');
    const postback = { order_id: '2203030001', order_timestamp: '2022-03-03 09:24:25', status: 'COMPLETE', tag: 'abc' };
    return JSON.stringify({ ...postback, checksum, ...change });
  };

  test('with Kite’s checksum names an order to fetch, and nothing else', () => {
    expect(verifyPostback(signed(), apiSecret)).toEqual({ venueOrderId: '2203030001', clientOrderId: 'abc' });
    expect(verifyPostback(signed({ tag: null }), apiSecret)).toMatchObject({ clientOrderId: null });
  });

  test.each([
    ['of another order', signed({ order_id: '2203030002' })],
    ['of another time', signed({ order_timestamp: '2022-03-03 09:24:26' })],
    ['with a short checksum', signed({ checksum: 'abcd' })],
    ['with no checksum', signed({ checksum: undefined })],
    ['with a checksum of zeros', signed({ checksum: '0'.repeat(64) })],
    ['that is no JSON', 'order_id=1'],
    ['that is nothing', ''],
  ])('%s is not heard', (_what, raw) => {
    expect(verifyPostback(raw, apiSecret)).toBeNull();
  });
});

test.each(['America/New_York', 'UTC', 'Asia/Kolkata'])('Kite’s times are Indian on a machine in %s', (zone) => {
  const before = process.env['TZ'];
  process.env['TZ'] = zone;
  try {
    expect(Intl.DateTimeFormat().resolvedOptions().timeZone.replace('Calcutta', 'Kolkata')).toBe(zone);
    expect(stampMs('2026-11-20 15:10:01')).toBe(Date.UTC(2026, 10, 20, 9, 40, 1));
    expect(stampMs('2026-02-30 15:10:01')).toBeNull();
    expect(stampMs('15:10:01')).toBeNull();
  } finally {
    if (before === undefined) delete process.env['TZ'];
    else process.env['TZ'] = before;
  }
});

test('the declared budget is the one of a client account', () => {
  const { capabilities }: Venue = kite.venue;
  expect(capabilities).toMatchObject({ refusesDuplicates: false, missIsProof: false, ratesCountLookups: false });
  expect(capabilities.rates).toEqual({ account: { perSecond: 10, perMinute: 400, perDay: 5000 }, venue: null });
});
