import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AlpacaExchange, openAlpacaExchange } from '../../simulators/venues/alpaca-exchange.ts';
import { type JumpingClock, jumpingClock } from '../../stages/support/clocks.ts';
import { nowMs, orderToStart } from '../../support/builders.ts';

let clock: JumpingClock;
let alpaca: AlpacaExchange;
beforeEach(async () => {
  clock = jumpingClock(nowMs);
  alpaca = await openAlpacaExchange(clock);
});
afterEach(() => alpaca.close());

const order = orderToStart({ exchange: 'US', symbol: 'BRK.B', limitPriceMinor: 482_60 });
const error = (code: number | null, message: string) => JSON.stringify(code === null ? { message } : { code, message });
const notFound = () => alpaca.answerNext(404, error(40410000, 'order not found for 0123456789abcdefghij'));

describe('an order at Alpaca', () => {
  test('is one JSON limit order of the day with text for numbers and our id', async () => {
    expect(await alpaca.venue.submit(order)).toEqual({
      kind: 'acknowledged',
      report: { venueOrderId: alpaca.book()[0]?.venueOrderId, status: 'working', fills: [], message: null },
    });
    expect(alpaca.requests).toHaveLength(1);
    const [{ method, path, headers, body } = { headers: {}, body: '' }] = alpaca.requests;
    expect([method, path]).toEqual(['POST', '/v2/orders']);
    expect(headers).toMatchObject({
      'apca-api-key-id': 'PKTEST7',
      'apca-api-secret-key': 'secret7',
      'content-type': 'application/json',
    });
    expect(JSON.parse(body)).toEqual({
      symbol: 'BRK.B',
      qty: '10',
      side: 'buy',
      type: 'limit',
      time_in_force: 'day',
      limit_price: '482.60',
      client_order_id: '0123456789abcdefghij',
    });
  });

  test.each([
    ['of NSE', { exchange: 'NSE' }, 'NSE is not traded here: ALPACA_EXCHANGES is US'],
    ['with leverage', { product: 'mtf' as const }, 'mtf is not offered here: leverage is a setting of the account'],
  ])('%s is refused here, and nothing is said', async (_what, change, message) => {
    expect(await alpaca.venue.submit({ ...order, ...change })).toEqual({ kind: 'rejected', message });
    expect(alpaca.requests).toEqual([]);
  });

  test.each([
    [403, error(40310000, 'insufficient buying power'), 'rejected'],
    [403, error(null, 'insufficient qty available for order'), 'rejected'],
    [422, error(42210000, 'asset "BRK.B" is not tradable'), 'rejected'],
    [422, error(40010001, 'client_order_id must be unique'), 'unknown'],
    [422, error(40010001, 'client order id must be unique'), 'unknown'],
    [400, error(40010000, 'request body format is invalid'), 'unknown'],
    [404, error(40410000, 'no such thing'), 'unknown'],
    [408, error(null, 'timeout'), 'unknown'],
    [403, '<html>Forbidden</html>', 'unknown'],
    [422, '<html>Unprocessable</html>', 'unknown'],
    [500, error(50010000, 'internal server error'), 'unknown'],
    [503, error(null, 'service unavailable'), 'unknown'],
    [504, '<html>Gateway Time-out</html>', 'unknown'],
    [201, '{"id":"1"}', 'unknown'],
  ])('that is answered with %i %s, and is in no book, is %s', async (status, body, kind) => {
    alpaca.answerNext(status, body);
    expect(await alpaca.venue.submit(order)).toMatchObject({ kind });
    expect(alpaca.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test.each([
    [403, 40310100, 'trade denied due to pattern day trading protection', 'pattern_day_trader'],
    [422, 42210000, 'asset "BRK.B" is not tradable', 'not_tradable'],
    [422, 40010001, 'asset BRK.B is not active', 'not_tradable'],
    [422, 40010001, 'trading in BRK.B is halted', 'halted_at_exchange'],
    [403, 40310000, 'asset "BRK.B" is not fractionable', 'not_fractionable'],
    [403, 40310000, 'insufficient buying power', undefined],
    [422, 42210000, 'potential wash trade detected. use complex orders', undefined],
    [422, 40010001, 'us_equity orders not allowed for account', undefined],
  ])(
    'that is refused with %i %i «%s» is refused for a reason people are told',
    async (status, code, message, reason) => {
      alpaca.answerNext(status, error(code, message));
      expect(await alpaca.venue.submit(order)).toEqual({ kind: 'rejected', message, ...(reason && { reason }) });
    },
  );

  test.each([
    [429, error(42910000, 'rate limit exceeded'), 'rate_limited'],
    [429, 'Too many', 'rate_limited'],
    [401, error(40110000, 'access key verification failed: PKTEST7'), 'no_session'],
    [403, error(null, 'forbidden.'), 'no_session'],
  ])('that is answered with %i %s is proven not sent', async (status, body, reason) => {
    alpaca.answerNext(status, body);
    expect(await alpaca.venue.submit(order)).toEqual({ kind: 'not_sent', reason });
    expect(alpaca.requests).toHaveLength(1);
  });

  test.each(['client_order_id must be unique', 'insufficient buying power'])(
    'that is refused with «%s» because its first request took it is the one in the book',
    async (message) => {
      alpaca.next('silence_after_accept');
      expect(await alpaca.venue.submit(order)).toEqual({ kind: 'unknown', reason: 'timeout' });
      alpaca.answerNext(message.includes('unique') ? 422 : 403, error(40310000, message));
      expect(await alpaca.venue.submit(order)).toMatchObject({
        kind: 'acknowledged',
        report: { venueOrderId: alpaca.book()[0]?.venueOrderId, status: 'filled', fills: [{ quantity: 10 }] },
      });
    },
  );

  test('that is there but not shown yet is not placed a second time, and stays unknown until it is', async () => {
    alpaca.next('surfaces_late');
    await alpaca.venue.submit(order);
    expect(await alpaca.venue.lookup(order)).toEqual({ kind: 'missing' });
    expect(await alpaca.venue.submit(order)).toEqual({
      kind: 'unknown',
      reason: 'http_422: client_order_id must be unique',
    });
    clock.jump(90_000);
    expect(await alpaca.venue.submit(order)).toMatchObject({ kind: 'acknowledged', report: { status: 'filled' } });
    expect(alpaca.book()).toHaveLength(1);
  });

  test('that is refused is unknown where the book can’t be read, or has another order under its id', async () => {
    alpaca.answerNext(403, error(40310000, 'insufficient buying power'));
    alpaca.answerNext(502, '');
    expect(await alpaca.venue.submit(order)).toEqual({
      kind: 'unknown',
      reason: 'http_403: insufficient buying power',
    });
    await alpaca.venue.submit({ ...order, quantity: 9 });
    expect(await alpaca.venue.submit(order)).toMatchObject({ kind: 'unknown' });
  });

  test.each([
    ['nothing of an order', '{}'],
    ['an order of another id', JSON.stringify({ client_order_id: 'other' })],
    ['an order of another quantity', JSON.stringify({ qty: '9' })],
    ['an order of a part of a share', JSON.stringify({ qty: '10.5' })],
    ['an error under a 200', error(50010000, 'internal server error')],
    ['half of a JSON', '{"id":"1","client_order_id":"01234567'],
  ])('that is answered with a 200 and %s is unknown', async (_what, body) => {
    await alpaca.venue.submit(order);
    const row = alpaca.requests[0] ? JSON.parse(alpaca.requests[0].body) : {};
    const whole = { ...row, id: 'x', filled_qty: '0', status: 'new', submitted_at: '2025-08-28T13:30:00Z' };
    const change =
      body.startsWith('{"client') || body.startsWith('{"qty')
        ? JSON.stringify({ ...whole, ...JSON.parse(body) })
        : body;
    alpaca.answerNext(200, change);
    expect(await alpaca.venue.submit(order)).toEqual({ kind: 'unknown', reason: 'unreadable_answer' });
    alpaca.answerNext(200, JSON.stringify(whole));
    expect(await alpaca.venue.submit(order)).toMatchObject({ kind: 'acknowledged' });
  });

  test.each([421, 307])('is said once, also to a %i', async (status) => {
    alpaca.answerNext(status, '');
    expect(await alpaca.venue.submit(order)).toEqual({ kind: 'unknown', reason: `http_${status}` });
    expect(alpaca.requests).toHaveLength(1);
    expect(alpaca.book()).toEqual([]);
  });

  test('is proven not sent where nobody listens', async () => {
    await alpaca.close();
    expect(await alpaca.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'not_connected: ECONNREFUSED' });
    alpaca = await openAlpacaExchange(clock);
  });

  test.each([
    ['nothing is stored', null],
    ['the secret is missing', { keyId: 'PKTEST7' }],
    ['a key can’t be one', { keyId: 'PKTEST7', secretKey: 'secret7\r\nX-Other: 1' }],
    ['what is stored is something else', 'scrap'],
  ])('is not said where %s', async (_what, credentials) => {
    alpaca.credentials = () => credentials;
    expect(await alpaca.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'no_session' });
    expect(await alpaca.venue.lookup(order)).toEqual({ kind: 'unreadable', reason: 'no_session' });
    expect(alpaca.requests).toEqual([]);
  });

  test('is not said where the credentials can’t be read, and their words are not repeated', async () => {
    alpaca.credentials = () => {
      throw new Error('can’t decrypt secret7');
    };
    expect(await alpaca.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'credentials_unavailable' });
  });

  test('of an account that has spoken 200 times in a minute is turned away, and it is known that it was', async () => {
    const still = await openAlpacaExchange({ ...clock, nowMs: () => nowMs });
    // In tens: on a busy machine two hundred at once are not all sent before their time is up.
    for (let tens = 0; tens < 20; tens++) {
      await Promise.all(Array.from({ length: 10 }, () => still.venue.lookup(order)));
    }
    expect(await still.venue.submit(order)).toEqual({ kind: 'not_sent', reason: 'rate_limited' });
    expect(await still.venue.submit({ ...order, accountId: 8 })).toMatchObject({ kind: 'acknowledged' });
    await still.close();
    expect(still.book()).toHaveLength(1);
  });

  test('may be asked again, since the venue refuses a second one, and a miss is no proof', () => {
    const { capabilities } = alpaca.venue;
    expect(capabilities).toMatchObject({ refusesDuplicates: true, missIsProof: false, ratesCountLookups: true });
    expect(capabilities.dealing).toMatchObject({ lookup: 'by_id', products: ['delivery'], tagLength: 128 });
    // Two calls for one use of the budget stay under Alpaca's 200.
    expect((capabilities.rates?.account?.perMinute ?? 200) * 2).toBeLessThan(200);
  });
});

describe('a lookup that finds nothing', () => {
  test('is a miss only by Alpaca’s own word', async () => {
    notFound();
    expect(await alpaca.venue.lookup(order)).toEqual({ kind: 'missing' });
    alpaca.answerNext(404, error(null, 'endpoint not found.'));
    expect(await alpaca.venue.lookup(order)).toMatchObject({ kind: 'unreadable' });
    alpaca.answerNext(404, '<html>Not Found</html>');
    expect(await alpaca.venue.lookup(order)).toEqual({ kind: 'unreadable', reason: 'http_404' });
    alpaca.answerNext(200, '[]');
    expect(await alpaca.venue.lookup(order)).toEqual({ kind: 'unreadable', reason: 'unreadable_answer' });
  });
});
