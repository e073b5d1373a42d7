import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readConfig } from '../../../src/config/config.ts';
import { importedUser, tradeDate } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { startService, type TestService } from '../support/service.ts';

const wrong = z.looseObject({ status: z.int(), code: z.string(), detail: z.string() });
const page = z.object({
  orders: z.array(z.looseObject({ orderId: z.int(), userId: z.string() })),
  nextCursor: z.string().nullable(),
});

/** As where a worker sends: nothing goes out by itself. */
const read = readConfig({ EXECUTE: 'worker' });
if (read.kind !== 'config') throw new Error(read.problems.join());
const settings = { ...read.config, inline: false };

test('where orders are sent inline, one goes out behind the answer', async () => {
  const open = await startService({ time: '10:30' });
  try {
    await open.store.call('import_prices', {
      by: tester,
      prices: [{ symbol: 'TITAN', date: tradeDate, openMinor: 3560_00, closeMinor: 1 }],
    });
    const body = { symbol: 'TITAN', side: 'BUY', userId: 'asha-rao', quantity: 2 };
    const response = await open.ask(open.operatorKey, 'POST', '/api/trading/orders', body, { 'Idempotency-Key': 'k' });
    expect(response.status).toBe(202);
    await open.settled();
    const listed = await open.ask(open.operatorKey, 'GET', '/api/trading/orders?symbol=TITAN');
    expect(await listed.json()).toMatchObject({ orders: [{ status: 'filled', averagePrice: '3560.00' }] });
  } finally {
    await open.close();
  }
});

describe('one order over HTTP', () => {
  let open: TestService;
  let ashaKey: string;
  let rohanKey: string;
  beforeAll(async () => {
    const users = ['Asha Rao', 'Rohan Mehta', 'Kavita Iyer'].map((name) => importedUser(name));
    open = await startService({ users, time: '10:30', deps: { settings } });
    const day = { date: tradeDate, closeMinor: 3500_00 };
    const prices = ['TITAN', 'INFY', 'SBICARD', 'M&M'].map((symbol) => ({ ...day, symbol, openMinor: 3560_00 }));
    await open.store.call('import_prices', { by: tester, prices });
    ashaKey = await open.userKey('asha-rao');
    rohanKey = await open.userKey('rohan-mehta');
  });
  afterAll(() => open.close());

  let keys = 0;
  const newKey = () => {
    keys += 1;
    return `k${keys}`;
  };
  const post = (key: string | null, body: unknown, idempotencyKey: string | null = newKey()) =>
    open.ask(key, 'POST', '/api/trading/orders', body, idempotencyKey ? { 'Idempotency-Key': idempotencyKey } : {});
  const titan = { symbol: 'TITAN', side: 'BUY' };
  const problemOf = async (response: Response) => {
    expect(response.headers.get('Content-Type')).toContain('application/problem+json');
    return wrong.parse(await response.json());
  };

  test('is accepted before any venue has heard of it, and every step is timed', async () => {
    const response = await post(ashaKey, titan, 'first');
    expect(response.status).toBe(202);
    const body = z.record(z.string(), z.unknown()).parse(await response.json());
    expect(body).toEqual({
      orderId: expect.any(Number),
      clientOrderId: expect.stringMatching(/^[a-z0-9]{20}$/),
      status: 'queued',
      executionScheduled: true,
    });
    const steps = response.headers.get('Server-Timing') ?? '';
    for (const event of ['auth', 'parse', 'session', 'snapshot', 'accept']) expect(steps).toContain(`${event};dur=`);
    expect(response.headers.get('Location')).toBe(`/api/trading/orders/${String(body['orderId'])}`);
    const venue = await open.session.query('select 1 from paper_venue.orders');
    expect(venue).toEqual([]);
    const again = await post(ashaKey, titan, 'first');
    expect(again.status).toBe(202);
    expect(again.headers.get('Idempotency-Replayed')).toBe('true');
    expect(await again.json()).toEqual(body);
    const other = await post(ashaKey, { symbol: 'INFY', side: 'BUY' }, 'first');
    expect([other.status, (await problemOf(other)).code]).toEqual([422, 'idempotency_key_reused']);
  });

  test('two at once under one key: one is accepted, the other is told it is in flight', async () => {
    const both = await Promise.all([post(rohanKey, titan, 'twin'), post(rohanKey, titan, 'twin')]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([202, 409]);
    const busy = both.find(({ status }) => status === 409);
    expect(busy && (await problemOf(busy)).code).toBe('in_flight');
  });

  test('without a key it is 400; the same key of another caller is another request', async () => {
    const response = await post(ashaKey, titan, null);
    expect([response.status, (await problemOf(response)).code]).toEqual([400, 'idempotency_key_required']);
    expect((await post(rohanKey, { symbol: 'INFY', side: 'BUY' }, 'first')).status).toBe(202);
  });

  test.each([
    ['no JSON', '{', ''],
    ['a symbol that may be two', { ...titan, symbol: 'A_B' }, 'symbol'],
    ['a symbol of another exchange', { ...titan, symbol: 'NASDAQ:AAPL' }, 'symbol'],
    ['another side', { ...titan, side: 'SHORT' }, 'side'],
    ['half a share', { ...titan, quantity: 0.5 }, 'quantity'],
    ['no share', { ...titan, quantity: 0 }, 'quantity'],
    ['a LIMIT order without its limit', { ...titan, orderType: 'LIMIT' }, 'limitPrice'],
    ['a MARKET order with one', { ...titan, orderType: 'MARKET', limitPrice: '10' }, 'limitPrice'],
    ['three decimals', { ...titan, limitPrice: '3560.005' }, 'limitPrice'],
    ['another exchange', { ...titan, exchange: 'LSE' }, 'exchange'],
    ['a field nobody knows', { ...titan, venue: 'kite' }, ''],
  ])('%s is 400 and names what is wrong', async (_what, body, field) => {
    const response = await post(ashaKey, body);
    expect(response.status).toBe(400);
    const { code, errors } = await problemOf(response);
    expect(code).toBe('invalid_body');
    expect(errors).toMatchObject([{ field }]);
  });

  test.each([
    [{ ...titan, symbol: 'NOSUCH' }, 'price_unavailable'],
    [{ ...titan, symbol: 'SBICARD', quantity: 100_000 }, 'insufficient_funds'],
    [{ ...titan, symbol: 'SBICARD', limitPrice: 5000 }, 'price_outside_band'],
    [{ symbol: 'SBICARD', side: 'SELL' }, 'no_position'],
    [titan, 'working_order'],
  ])('a refusal of %j is 422 with the reason %s', async (body, reason) => {
    const response = await post(ashaKey, body);
    expect(response.status).toBe(422);
    expect(await problemOf(response)).toMatchObject({ code: reason, title: 'Unprocessable Content' });
  });

  test('a limit far from the market is refused in words of a limit and the market, not of a signal', async () => {
    const response = await post(ashaKey, { ...titan, symbol: 'SBICARD', orderType: 'LIMIT', limitPrice: 5000 });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      code: 'price_outside_band',
      detail:
        'Not placed: your limit price is too far from the market price (your limit ₹5,000.00, nearest we take ₹4,272.00).',
    });
  });

  test('an operator orders for a user they name; a user for themselves only', async () => {
    expect((await post(open.operatorKey, { symbol: 'SBICARD', side: 'BUY', userId: 'kavita-iyer' })).status).toBe(202);
    const nobody = await post(open.operatorKey, { ...titan, userId: 'nobody' });
    expect([nobody.status, (await problemOf(nobody)).code]).toEqual([422, 'no_such_user']);
    expect((await post(open.operatorKey, titan)).status).toBe(400);
    expect((await post(ashaKey, { ...titan, userId: 'kavita-iyer' })).status).toBe(403);
    expect((await post(ashaKey, { symbol: 'M&M', side: 'BUY', userId: 'asha-rao' })).status).toBe(202);
  });

  test('lists and single orders show a user their own, and an operator everybody’s', async () => {
    const listed = async (key: string, query = '') =>
      page.parse(await (await open.ask(key, 'GET', `/api/trading/orders${query}`)).json());
    const all = await listed(open.operatorKey);
    expect(new Set(all.orders.map(({ userId }) => userId)).size).toBe(3);
    const own = await listed(ashaKey, '?userId=kavita-iyer');
    expect(own.orders.length).toBeGreaterThan(0);
    expect(own.orders.every(({ userId }) => userId === 'asha-rao')).toBe(true);
    const first = await listed(open.operatorKey, '?limit=2');
    expect(first.orders).toHaveLength(2);
    const rest = await listed(open.operatorKey, `?limit=200&cursor=${first.nextCursor}`);
    expect([...first.orders, ...rest.orders]).toEqual(all.orders);
    expect(rest.nextCursor).toBeNull();
    expect((await listed(open.operatorKey, '?status=filled')).orders).toEqual([]);
    expect((await open.ask(ashaKey, 'GET', '/api/trading/orders?status=nonsense')).status).toBe(400);

    const id = own.orders[0]?.orderId;
    const one = await open.ask(ashaKey, 'GET', `/api/trading/orders/${id}`);
    expect(await one.json()).toMatchObject({
      orderId: id,
      status: 'queued',
      averagePrice: null,
      events: [{ to: 'queued' }],
    });
    expect((await open.ask(rohanKey, 'GET', `/api/trading/orders/${id}`)).status).toBe(404);
    expect((await open.ask(open.operatorKey, 'GET', `/api/trading/orders/${id}`)).status).toBe(200);
  });

  test('after the close a new order is refused, and a repeated one answered as it was', async () => {
    open.clock.jump(6 * 60 * 60_000);
    const late = await post(ashaKey, { symbol: 'INFY', side: 'BUY' });
    expect(late.status).toBe(422);
    expect(await problemOf(late)).toMatchObject({ code: 'too_late', nextSession: 'XNSE:2025-08-29:open' });
    expect((await post(ashaKey, titan, 'first')).status).toBe(202);
  });
});
