import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { tradeDate } from '../../support/builders.ts';
import { signalsSecret } from '../support/service.ts';
import { idOf, signalsService, titan } from '../support/signals-service.ts';

const { open, service, answerTo, stored, received } = signalsService();

describe('a TradingView alert', () => {
  const alert = { ticker: 'TITAN', action: 'buy', price: 3560.5, time: '2025-08-27T10:00:00Z', interval: '1D' };

  test('with an operator’s key in it is taken in, and the key kept nowhere', async () => {
    const { operatorKey } = open();
    const answer = await open().ask(null, 'POST', '/api/signals', { ...alert, key: operatorKey });
    expect([answer.status, await answer.json()]).toEqual([
      202,
      { accepted: [{ index: 0, id: idOf('TITAN', tradeDate, 'tradingview') }], duplicates: [], rejected: [] },
    ]);
    expect(await stored()).toMatchObject([{ symbol: 'TITAN', side: 'BUY', referencePriceMinor: 3560_50, rank: 1000 }]);
    expect(JSON.stringify(await received())).not.toContain(operatorKey);
    expect((await received())[0]).toMatchObject({
      source: `http:key:${operatorKey.slice(0, 9)}`,
      payload: JSON.stringify(alert),
    });
  });

  test('may say symbol, close and its strategy instead, and name the exchange before the ticker', async () => {
    await answerTo({ symbol: 'INFY', action: 'SELL', close: '1500', strategy: 'mean-reversion' });
    await answerTo({ ...alert, ticker: 'NSE:SBIN' });
    expect((await stored()).map(({ id }) => id).toSorted()).toEqual([
      `NSE:${tradeDate}:mean-reversion:INFY:SELL`,
      idOf('SBIN', tradeDate, 'tradingview'),
    ]);
  });

  test.each([
    ['action', { action: 'exit' }, 'exit'],
    ['ticker', { ticker: 'BINANCE:BTCUSDT' }, 'BINANCE:BTCUSDT'],
    ['ticker', { ticker: undefined }, null],
    ['symbol', { ticker: undefined, symbol: 'a b' }, 'a b'],
    ['price', { price: '{{close}}' }, '{{close}}'],
    ['close', { price: undefined, close: 0 }, '0'],
    ['strategy', { strategy: 7 }, '7'],
  ])('with a %s that can not be is rejected in the words of the alert', async (field, change, value) => {
    expect(await answerTo({ ...alert, ...change })).toMatchObject({
      status: 422,
      rejected: [{ index: 0, field, value }],
    });
  });

  test.each([
    ['a user’s', 403, () => open().userKey('asha-rao')],
    ['an unknown', 401, async () => `ds_${'A'.repeat(43)}`],
    ['a cut', 401, async () => open().operatorKey.slice(0, -1)],
    ['no', 401, async () => undefined],
  ])('with %s key is turned away (%i)', async (_whose, status, key) => {
    const answer = await open().ask(null, 'POST', '/api/signals', { ...alert, key: await key() });
    expect(answer.status).toBe(status);
    expect(await received()).toEqual([]);
  });
});

describe('a signed request', () => {
  const body = JSON.stringify({ signals: [{ ...titan, tradeDate }] });
  const time = () => String(Math.floor(open().clock.nowMs() / 1000));
  const hmac = (text: string, secret = signalsSecret, timestamp = time()) =>
    `sha256=${createHmac('sha256', secret).update(`${timestamp}.${text}`).digest('hex')}`;
  const signed = async (signature: string, at = open(), text = body, timestamp = time()) => {
    const headers = { 'X-Signature': signature, 'X-Timestamp': timestamp };
    return (await at.ask(null, 'POST', '/api/signals', text, headers)).status;
  };

  test('with the right signature of exactly this body is taken in', async () => {
    expect(await signed(hmac(body))).toBe(202);
    expect(await received()).toMatchObject([{ source: 'http:signature', outcome: 'accepted' }]);
    expect(await signed(hmac(body).toUpperCase())).toBe(202);
  });

  test('counts by its timestamp, which is signed, and for five minutes either way', async () => {
    const now = Number(time());
    for (const [seconds, status] of [
      [-301, 401],
      [301, 401],
      [-299, 202],
      [299, 202],
    ] as const) {
      const timestamp = String(now + seconds);
      expect([seconds, await signed(hmac(body, signalsSecret, timestamp), open(), body, timestamp)]).toEqual([
        seconds,
        status,
      ]);
    }
    // Another time under the same signature, or none: what was seen on the way can't be made young again.
    expect(await signed(hmac(body, signalsSecret, String(now - 600)))).toBe(401);
    for (const timestamp of ['', '0', `${now}.0`, `${now}000`]) {
      expect([timestamp, await signed(hmac(body, signalsSecret, timestamp), open(), body, timestamp)]).toEqual([
        timestamp,
        401,
      ]);
    }
    const without = await open().ask(null, 'POST', '/api/signals', body, { 'X-Signature': hmac(body) });
    expect([without.status, await without.json()]).toEqual([
      401,
      expect.objectContaining({ detail: expect.stringContaining('X-Timestamp') }),
    ]);
  });

  test('sent again and again gets its first answer and leaves nothing, however often', async () => {
    const answers = [];
    const headers = { 'X-Signature': hmac(body), 'X-Timestamp': time() };
    for (let n = 0; n < 20; n++) {
      answers.push(await (await open().ask(null, 'POST', '/api/signals', body, headers)).json());
    }
    expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(answers[0]).toMatchObject({ accepted: [{ index: 0 }] });
    expect(await received()).toHaveLength(1);
  });

  test('is held to the ceiling of the service’s own secret', async () => {
    const few = await service({ deps: { signalsPerDay: 2 } });
    const many = JSON.stringify({ signals: ['A', 'B', 'C'].map((symbol) => ({ ...titan, symbol, tradeDate })) });
    const headers = { 'X-Signature': hmac(many), 'X-Timestamp': time() };
    const answer = await few.ask(null, 'POST', '/api/signals', many, headers);
    expect(await answer.json()).toMatchObject({
      accepted: [{ index: 0 }, { index: 1 }],
      rejected: [{ index: 2, field: null, reason: 'daily_limit', value: null }],
    });
  });

  test('is turned away with any other', async () => {
    const right = hmac(body);
    const wrong = [hmac(`${body} `), hmac(body, 'another secret'), hmac(body, ''), right.slice(0, -1), `${right}0`];
    for (const signature of [...wrong, right.slice(7), '', 'sha256=', right.replace('sha256', 'sha1')]) {
      expect([signature, await signed(signature)]).toEqual([signature, 401]);
    }
    expect(await signed(right, open(), body.replace('TITAN', 'INFY'))).toBe(401);
    expect(await received()).toEqual([]);
  });

  test('is turned away where no secret is set up, even one signed with nothing', async () => {
    const without = await service({ deps: { signalsSecret: null } });
    expect(await signed(hmac(body, ''), without)).toBe(401);
  });

  test('names its day: without it whoever saw it could send it again tomorrow', async () => {
    const dayless = JSON.stringify({ signals: [titan] });
    const answer = await open().ask(null, 'POST', '/api/signals', dayless, {
      'X-Signature': hmac(dayless),
      'X-Timestamp': time(),
    });
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({
      rejected: [{ field: 'tradeDate', reason: 'is needed in a signed request' }],
    });
  });

  test('does not get in by its signature when its bearer key is wrong', async () => {
    const headers = { 'X-Signature': hmac(body), 'X-Timestamp': time() };
    expect((await open().ask(`ds_${'A'.repeat(43)}`, 'POST', '/api/signals', body, headers)).status).toBe(401);
  });
});
