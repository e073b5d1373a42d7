import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { newApiKey } from '../../../src/http/callers/auth.ts';
import { hintOfKey } from '../../../src/http/callers/key-lookup.ts';
import { tradeDate } from '../../support/builders.ts';
import { signalsService, titan } from '../support/signals-service.ts';

const { open, stored, received } = signalsService();

const by = { who: 'the tests', how: 'cli' } as const;

/** A source that may send one strategy three times a day, and a key of it. */
async function sourceKey(name = 'tradingview-1', change: object = {}): Promise<string> {
  const limits = { strategies: ['breakout-20d'], perDay: 3 };
  await open().store.call('set_signal_source', { name, ...limits, ...change, by, nowMs: 0 });
  const { key, hash, hint } = newApiKey();
  const made = { role: 'signals', userId: null, source: name, label: 'test', by, nowMs: 0 } as const;
  await open().store.call('create_api_key', { hash, hint, ...made });
  return key;
}

const of = (symbol: string, change: object = {}) => ({ ...titan, symbol, tradeDate, ...change });

async function send(key: string, ...signals: object[]) {
  const answer = await open().ask(key, 'POST', '/api/signals', { signals });
  return { ...((await answer.json()) as Record<string, unknown>), status: answer.status };
}

describe('a key of a source', () => {
  test('sends its own strategies, and each other row is rejected with its reason', async () => {
    const key = await sourceKey();
    expect(await send(key, of('TITAN'), of('INFY', { strategy: 'mean-reversion' }))).toMatchObject({
      status: 202,
      accepted: [{ index: 0 }],
      rejected: [{ index: 1, field: 'strategy', reason: 'strategy_not_allowed', value: 'mean-reversion' }],
    });
    expect((await received()).map(({ source, problem }) => [source, problem])).toEqual([
      ['http:source:tradingview-1', null],
      ['http:source:tradingview-1', 'strategy_not_allowed'],
    ]);
  });

  test('sends so many a day and no more, in whatever requests, by whichever of its keys', async () => {
    const keys = [await sourceKey(), await sourceKey()];
    expect(await send(keys[0] ?? '', of('TITAN'), of('INFY'))).toMatchObject({ status: 202 });
    expect(await send(keys[1] ?? '', of('SBIN'), of('ITC'))).toMatchObject({
      accepted: [{ index: 0 }],
      rejected: [{ index: 1, field: null, reason: 'daily_limit', value: null }],
    });
    // What is known is no more of the day.
    expect(await send(keys[0] ?? '', of('TITAN'))).toMatchObject({ status: 202, duplicates: [{ index: 0 }] });
    expect(await send(keys[0] ?? '', of('LT'))).toMatchObject({ status: 422, rejected: [{ reason: 'daily_limit' }] });
    expect(await stored()).toHaveLength(3);
    const symbols = await open().session.query('select symbol from public.instruments order by symbol');
    expect(
      symbols.map(({ symbol }) => symbol),
      'a refused symbol becomes no instrument',
    ).toEqual(['INFY', 'SBIN', 'TITAN']);
  });

  test('does nothing else', async () => {
    const key = await sourceKey();
    for (const [method, path] of [
      ['GET', '/api/trading/orders'],
      ['POST', '/api/trading/orders'],
      ['GET', '/api/trading/orders/1'],
      ['GET', '/api/trading/orders/1/stream'],
      ['GET', '/api/cron/order-worker'],
      ['GET', '/metrics'],
    ] as const) {
      expect([path, (await open().ask(key, method, path)).status]).toEqual([path, 403]);
    }
  });

  test('sends nothing once its source is switched off, it is revoked or it has ended', async () => {
    const key = await sourceKey();
    expect(await send(key, of('TITAN'))).toMatchObject({ status: 202 });
    await open().store.call('set_signal_source', { name: 'tradingview-1', enabled: false, by, nowMs: 0 });
    expect(await send(key, of('INFY'))).toMatchObject({ status: 403, code: 'source_disabled' });
    await open().store.call('set_signal_source', { name: 'tradingview-1', enabled: true, by, nowMs: 0 });
    // Remembered by this process, and refused by the database.
    await open().session.exec("update public.api_keys set expires_at = now() where role = 'signals'");
    expect(await send(key, of('INFY'))).toMatchObject({ status: 401, detail: 'This key is expired.' });
    expect(await received()).toHaveLength(1);
  });

  test('in the address sends too, and stands in no log', async () => {
    const key = await sourceKey();
    const alert = { ticker: 'TITAN', action: 'buy', price: 3560, strategy: 'breakout-20d' };
    const answer = await open().ask(null, 'POST', `/api/signals/${key}`, alert);
    expect(answer.status).toBe(202);
    expect(JSON.stringify(open().events)).not.toContain(key);
    expect(JSON.stringify(await received())).not.toContain(key);
    const bad = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
    for (const [other, status] of [
      [open().operatorKey, 403],
      [await open().userKey('asha-rao'), 403],
      [bad, 401],
      ['x', 401],
    ] as const) {
      expect((await open().ask(null, 'POST', `/api/signals/${other}`, alert)).status).toBe(status);
    }
    expect(await received()).toHaveLength(1);
  });

  test('in the body of an alert sends too', async () => {
    const key = await sourceKey();
    const alert = { ticker: 'TITAN', action: 'buy', price: 3560, strategy: 'breakout-20d', key };
    expect((await open().ask(null, 'POST', '/api/signals', alert)).status).toBe(202);
    expect(JSON.stringify(await received())).not.toContain(key);
  });
});

describe('a request signed by a source', () => {
  const body = JSON.stringify({ signals: [of('TITAN')] });
  const headersFor = (key: string, source = 'tradingview-1', seconds = 0) => {
    const timestamp = String(Math.floor(open().clock.nowMs() / 1000) + seconds);
    const secret = createHash('sha256').update(key).digest('hex');
    const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
    return { 'X-Source': source, 'X-Timestamp': timestamp, 'X-Signature': `sha256=${signature}` };
  };
  const sent = (headers: object) => open().ask(null, 'POST', '/api/signals', body, headers);

  test('is taken under any of its keys, once', async () => {
    const keys = [await sourceKey(), await sourceKey()];
    for (const key of keys) expect((await sent(headersFor(key))).status).toBe(202);
    const again = await sent(headersFor(keys[0] ?? ''));
    expect(await again.json()).toMatchObject({ accepted: [{ index: 0 }] });
    expect(await received()).toHaveLength(2);
  });

  test('is turned away under another source’s key, for a source there is none of, out of time, or once revoked', async () => {
    const [one, other] = [await sourceKey('one'), await sourceKey('other')];
    for (const headers of [
      headersFor(one, 'other'),
      headersFor(one, 'nobody'),
      headersFor(one, 'One'),
      headersFor(other, 'other', -301),
      { ...headersFor(one, 'one'), 'X-Source': '' },
    ]) {
      expect((await sent(headers)).status).toBe(401);
    }
    await open().store.call('revoke_api_key', { hint: hintOfKey(one), by, nowMs: 1 });
    expect((await sent(headersFor(one, 'one'))).status).toBe(401);
    expect(await received()).toEqual([]);
    expect((await sent(headersFor(other, 'other'))).status).toBe(202);
  });
});

describe('of one sender', () => {
  test('so many rows are kept a day, and then nothing of a request', async () => {
    const day = "(now() at time zone 'Asia/Kolkata')::date";
    const key = await sourceKey();
    await open().session.exec(
      `insert into core.rate_days values ('received of http:source:tradingview-1', ${day}, 4999)`,
    );
    expect(await send(key, of('A', { side: 'HOLD' }), of('TITAN'))).toMatchObject({ status: 202 });
    expect(await send(key, of('INFY'))).toMatchObject({ status: 429, code: 'daily_quota', limit: 5000 });
    expect(await received()).toHaveLength(2);
    // Nobody else is touched by it.
    expect(await send(open().operatorKey, of('INFY'))).toMatchObject({ status: 202 });
  });
});
