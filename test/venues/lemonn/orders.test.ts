import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lemonnDialect } from '../../../src/adapters/venues/lemonn/dialect.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import {
  apiKey,
  type LemonnExchange,
  openLemonnExchange,
  privateKey,
  requestId,
} from '../../simulators/venues/lemonn-exchange.ts';
import { type JumpingClock, jumpingClock } from '../../stages/support/clocks.ts';
import { nowMs, orderToStart } from '../../support/builders.ts';

let clock: JumpingClock;
let lemonn: LemonnExchange;
beforeEach(async () => {
  clock = jumpingClock(nowMs);
  lemonn = await openLemonnExchange(clock);
});
afterEach(() => lemonn.close());

const order = orderToStart({ symbol: 'M&M', limitPriceMinor: 3582_60, product: 'mtf' });
const error = (error_code: string | null, message: object = { msg: 'no' }) =>
  JSON.stringify({ status: 'error', ...message, ...(error_code === null ? {} : { error_code }) });
const data = (value: unknown) => JSON.stringify({ status: 'success', msg: 'OK', data: value });

describe('an order at Lemonn', () => {
  test('is one JSON limit order, its figures as strings, with our id as the tag', async () => {
    expect(await lemonn.venue.submit(order)).toEqual({
      kind: 'acknowledged',
      report: { venueOrderId: 'LMN20250828000001', status: 'working', fills: [], message: null },
    });
    expect(lemonn.requests).toHaveLength(1);
    const [{ method, path, headers, body } = { headers: {}, body: '' }] = lemonn.requests;
    expect([method, path]).toEqual(['POST', '/api-trading/api/v2/orders']);
    expect(headers).toMatchObject({
      'x-api-key': apiKey,
      'x-auth-key': 'token-C7',
      'x-client-id': 'C7',
      'x-request-id': requestId,
      'content-type': 'application/json',
    });
    expect(JSON.parse(body)).toEqual({
      clientId: 'C7',
      transactionType: 'BUY',
      exchangeSegment: 'NSE',
      productType: 'MTF',
      orderType: 'LIMIT',
      validity: 'DAY',
      symbol: 'M&M',
      quantity: '10',
      price: '3582.60',
      tag: '0123456789abcdefghij',
      afterMarketOrder: false,
    });
    expect(JSON.stringify(lemonn.requests)).not.toContain(privateKey);
  });

  test('of delivery says so, and the access flow names no partner', async () => {
    lemonn.credentials = () => ({ clientId: 'C7', apiKey, privateKey, flow: 'access', accessToken: 'access-C7' });
    expect(await lemonn.venue.submit({ ...order, product: 'delivery' })).toMatchObject({ kind: 'acknowledged' });
    expect(JSON.parse(lemonn.requests[0]?.body ?? '')).toMatchObject({ productType: 'DELIVERY' });
    expect(lemonn.requests[0]?.headers['x-request-id']).toBeUndefined();
  });

  test.each([
    ['2025-08-28', '09:20', false, false],
    ['2025-08-28', '16:00', false, false],
    ['2025-08-28', '16:00', true, true],
    ['2025-08-28', '09:20', true, false],
    ['2025-08-30', '11:00', true, true],
    ['2031-01-01', '16:00', true, false],
  ])(
    'of %s %s, with after-market orders asked for: %s, is for the next open: %s',
    async (day, time, afterMarketOrders, afterMarketOrder) => {
      const then = await openLemonnExchange(jumpingClock(istMs(day, time)), { afterMarketOrders: afterMarketOrders });
      await then.venue.submit(order);
      await then.close();
      expect(JSON.parse(then.requests[0]?.body ?? '')).toMatchObject({ afterMarketOrder: afterMarketOrder });
      expect(then.venue.capabilities.dealing?.afterMarketOrders).toBe(afterMarketOrders);
    },
  );

  test.each([
    [400, 'INSUFFICIENT_FUNDS', 'rejected'],
    [200, 'INSUFFICIENT_FUNDS', 'rejected'],
    [400, 'INVALID_SYMBOL', 'rejected'],
    [422, 'QUANTITY_EXCEEDS_LIMIT', 'rejected'],
    [200, 'MARKET_CLOSED', 'rejected'],
    [400, 'VALIDATION_FAILED', 'rejected'],
    [500, 'VALIDATION_FAILED', 'unknown'],
    [200, 'INTERNAL_ERROR', 'unknown'],
    [400, 'NETWORK_ERROR', 'unknown'],
    [400, 'TIMEOUT_ERROR', 'unknown'],
    [400, 'SOMETHING_NEW', 'unknown'],
    [400, null, 'unknown'],
    [403, null, 'unknown'],
    [429, 'RATE_LIMIT_EXCEEDED', 'unknown'],
    [200, 'RATE_LIMIT_EXCEEDED', 'unknown'],
    [429, null, 'unknown'],
    [401, 'AUTHENTICATION_ERROR', 'not_sent'],
    [200, 'INVALID_ACCESS_TOKEN', 'not_sent'],
    [401, null, 'not_sent'],
    [401, 'TIMEOUT_ERROR', 'unknown'],
    [500, 'AUTHENTICATION_ERROR', 'unknown'],
  ])('that is answered with %i %s is %s', async (status, code, kind) => {
    lemonn.answerNext(status, error(code));
    expect(await lemonn.venue.submit(order)).toMatchObject({ kind });
    expect(lemonn.book()).toEqual([]);
  });

  test('goes again after a 429 only where Lemonn has confirmed that it turned it away', async () => {
    const confirmed = await openLemonnExchange(clock, { dialect: lemonnDialect.parse({ rateLimitIsRefusal: true }) });
    confirmed.answerNext(429, '');
    expect(await confirmed.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'rate_limited' });
    await confirmed.close();
  });

  test('is refused in the venue’s words, in whichever field they are', async () => {
    lemonn.answerNext(200, error('INSUFFICIENT_FUNDS', { message: 'Add\n ₹ 500' }));
    expect(await lemonn.venue.submit(order)).toEqual({
      kind: 'rejected',
      message: 'INSUFFICIENT_FUNDS: Add ₹ 500',
    });
    lemonn.answerNext(400, error('VALIDATION_FAILED', { msg: 'Order timed out. Please check the order book.' }));
    expect(await lemonn.venue.submit(order)).toMatchObject({ kind: 'unknown' });
    lemonn.answerNext(200, error(null, { msg: 'Access token validation failed' }));
    expect(await lemonn.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'no_session' });
  });

  test.each([
    ['no number', data({ orderStatus: 'PLACED' })],
    ['no data', '{"status":"success"}'],
    ['no status', '{"data":{"orderId":"1"}}'],
    ['half of a JSON', '{"status":"success","data":{"orderId":"1"'],
  ])('that is answered with a 200 and %s is unknown', async (_what, body) => {
    lemonn.answerNext(200, body);
    expect(await lemonn.venue.submit(order)).toEqual({ kind: 'unknown', reason: 'unreadable_answer' });
  });

  test('of the session flow is not taken without the partner’s id, and it is known that it was not', async () => {
    const foreign = await openLemonnExchange(clock, { baseUrl: lemonn.baseUrl, requestId: 'other' });
    expect(await foreign.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'no_session' });
    await foreign.close();
    expect(lemonn.book()).toEqual([]);
  });

  test('is said once, to one address', async () => {
    for (const status of [421, 307]) {
      lemonn.answerNext(status, '');
      expect(await lemonn.venue.submit(order)).toEqual({ kind: 'unknown', reason: `http_${status}` });
    }
    expect(lemonn.requests).toHaveLength(2);
  });

  test('is proven not sent where nobody listens', async () => {
    await lemonn.close();
    expect(await lemonn.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'not_connected: ECONNREFUSED' });
    lemonn = await openLemonnExchange(clock);
  });

  const whole = { clientId: 'C7', apiKey, privateKey, flow: 'session', accessToken: 'token-C7' };
  test.each([
    ['nothing is stored', null],
    ['nobody has logged in', { ...whole, accessToken: null }],
    ['the token is over', { ...whole, accessUntilMs: nowMs }],
    ['a token can’t be one', { ...whole, accessToken: 'token-C7\r\nX-Other: 1' }],
    ['the key is none', { ...whole, privateKey: 'ab' }],
  ])('is not said where %s', async (_what, credentials) => {
    lemonn.credentials = () => credentials;
    expect(await lemonn.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'no_session' });
    expect(await lemonn.venue.lookup(order)).toEqual({ kind: 'unreadable', reason: 'no_session' });
    expect(lemonn.requests).toEqual([]);
  });

  test('is not said where the credentials can’t be read, and their words are not repeated', async () => {
    lemonn.credentials = () => {
      throw new Error(`can't decrypt ${privateKey}`);
    };
    expect(await lemonn.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'credentials_unavailable' });
  });
});

test('Lemonn declares nothing that is not confirmed', () => {
  expect(lemonn.venue.capabilities).toMatchObject({
    refusesDuplicates: false,
    missIsProof: false,
    ratesCountLookups: true,
    rates: { account: { perSecond: 10, perMinute: 400, perDay: 5000 }, venue: null },
    dealing: { lookup: 'book_scan', marketOrders: 'no', afterMarketOrders: false, staticIp: true, tagLength: 20 },
  });
});
