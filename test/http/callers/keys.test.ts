import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newApiKey } from '../../../src/http/callers/auth.ts';
import { hintOfKey } from '../../../src/http/callers/key-lookup.ts';
import type { Arguments } from '../../../src/ports/store/store.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { startService, type TestService } from '../support/service.ts';

const order = { symbol: 'TITAN', side: 'BUY', quantity: 1, limitPrice: '3560.00' };

let database: TestPostgres;
let open: TestService;
beforeAll(async () => {
  database = await freshPostgres();
  open = await startService({
    database,
    limits: { callerPerMinute: 10_000, addressPerMinute: 10_000 },
    // An order that is sent beside the next request holds its account: on this clock nobody waits until it is let go.
    settings: { inline: false },
  });
});
afterAll(async () => {
  await open.close();
  await database.close();
});

async function keyOf(change: Partial<Arguments['create_api_key']>): Promise<string> {
  const { key, ...stored } = newApiKey();
  const plain = { role: 'user', userId: 'asha-rao', label: 'test', nowMs: 0, by: tester } as const;
  await open.store.call('create_api_key', { ...stored, ...plain, ...change });
  return key;
}

const place = (key: string, body: object = order) =>
  open.ask(key, 'POST', '/api/trading/orders', body, { 'Idempotency-Key': randomUUID() });

async function replyOf(answer: Response): Promise<{ status: number; code?: string; detail?: string }> {
  return { ...((await answer.json()) as object), status: answer.status };
}

async function rows(): Promise<unknown> {
  return database.session.query(`select (select count(*) from public.decisions)::int as decisions,
    (select count(*) from public.received_signals)::int as received, (select count(*) from public.instruments)::int as instruments`);
}

describe('a key that may only read', () => {
  test.each([
    ['a user’s', { role: 'user', userId: 'asha-rao' }],
    ['an operator’s', { role: 'operator', userId: null }],
  ] as const)('%s sees orders, and places and changes nothing', async (_whose, whose) => {
    const key = await keyOf({ ...whose, scope: 'read' });
    expect((await open.ask(key, 'GET', '/api/trading/orders')).status).toBe(200);
    const before = await rows();
    const body = whose.role === 'operator' ? { ...order, userId: 'asha-rao' } : order;
    expect(await replyOf(await place(key, body))).toMatchObject({ status: 403, code: 'read_only_key' });
    if (whose.role === 'operator') {
      const alert = { ticker: 'INFY', action: 'buy', price: 1500 };
      const bearer = await open.ask(key, 'POST', '/api/signals', alert);
      expect(await replyOf(bearer)).toMatchObject({ status: 403, code: 'read_only_key' });
      const inBody = await open.ask(null, 'POST', '/api/signals', { ...alert, key });
      expect(await replyOf(inBody)).toMatchObject({ status: 403, code: 'read_only_key' });
    }
    expect(await rows()).toEqual(before);
  });
});

describe('a key with an end', () => {
  test('opens until then, and afterwards hears which key ended and when', async () => {
    const good = await keyOf({ expiresMs: Date.now() + 3_600_000 });
    expect((await open.ask(good, 'GET', '/api/trading/orders')).status).toBe(200);
    const over = await keyOf({ expiresMs: Date.parse('2025-09-01T00:00:00+05:30') });
    const answer = await replyOf(await open.ask(over, 'GET', '/api/trading/orders'));
    expect(answer).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(answer.detail).toContain(`${hintOfKey(over)}… expired on 2025-09-01T00:00:00`);
    expect(answer.detail).not.toContain(over);
    const alert = { ticker: 'INFY', action: 'buy', price: 1500, key: over };
    expect((await replyOf(await open.ask(null, 'POST', '/api/signals', alert))).detail).toContain('expired on');
  });

  test('that was revoked hears so', async () => {
    const key = await keyOf({});
    await open.store.call('revoke_api_key', { by: tester, hint: hintOfKey(key), nowMs: 1 });
    expect((await replyOf(await open.ask(key, 'GET', '/api/trading/orders'))).detail).toContain('was revoked');
  });
});

describe('the database has the last word on a key', () => {
  test('which was revoked while this process still remembers it: it places nothing', async () => {
    const key = await keyOf({});
    expect((await open.ask(key, 'GET', '/api/trading/orders')).status).toBe(200);
    await open.store.call('revoke_api_key', { by: tester, hint: hintOfKey(key), nowMs: 1 });
    expect((await open.ask(key, 'GET', '/api/trading/orders')).status, 'remembered').toBe(200);
    const before = await rows();
    expect(await replyOf(await place(key))).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(await rows()).toEqual(before);
  });

  test.each([
    ['read_only_key', 403, "update public.api_keys set scope = 'read' where hint = $1"],
    ['forbidden', 403, "update public.api_keys set user_id = 'rohan-mehta' where hint = $1"],
    ['unauthenticated', 401, "update public.api_keys set expires_at = now() - interval '1 second' where hint = $1"],
    ['unauthenticated', 401, 'delete from public.api_keys where hint = $1'],
  ])('which changed meanwhile: %s', async (code, status, sql) => {
    const key = await keyOf({});
    expect((await open.ask(key, 'GET', '/api/trading/orders')).status).toBe(200);
    await database.session.query(sql, [hintOfKey(key)]);
    const before = await rows();
    expect(await replyOf(await place(key))).toMatchObject({ status, code });
    expect(await rows()).toEqual(before);
  });

  test('and beside it a good key’s order of the same moment is placed', async () => {
    const [good, ended] = [await keyOf({}), await keyOf({ userId: 'rohan-mehta' })];
    await Promise.all([good, ended].map((key) => open.ask(key, 'GET', '/api/trading/orders')));
    await open.store.call('revoke_api_key', { by: tester, hint: hintOfKey(ended), nowMs: 1 });
    const answers = await Promise.all([place(good), place(ended)]);
    expect(answers.map(({ status }) => status)).toEqual([202, 401]);
  });
});

describe('a user’s own limits hold for single orders', () => {
  const own = async (sql: string) => {
    await database.session.exec(`update public.accounts set ${sql} where user_id = 'meera-nair'`);
    return keyOf({ userId: 'meera-nair' });
  };

  test('at the price that was named, which the order may cost', async () => {
    const key = await own('max_order_value_minor = 356000');
    expect((await place(key, { ...order, limitPrice: '3560.10' })).status).toBe(422);
    const answer = await place(key, { ...order, limitPrice: '3560.10' });
    expect(await answer.json()).toMatchObject({ code: 'max_order_value', limit: '3560.00', actual: '3560.10' });
    expect((await place(key)).status).toBe(202);
  });

  test('and count them over the day, however many come at once', async () => {
    const key = await own('max_orders_per_day = 3');
    const symbols = ['INFY', 'SBIN', 'ITC', 'LT'];
    const answers = await Promise.all(symbols.map((symbol) => place(key, { ...order, symbol, limitPrice: '100.00' })));
    const codes = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { code?: string }).code));
    expect(codes.filter((code) => code === undefined)).toHaveLength(2);
    expect(codes.filter((code) => code === 'max_orders_per_day')).toHaveLength(2);
  });
});

test('the last use of a key is on record, written once for many requests', async () => {
  let writes = 0;
  const counting = await startService({
    database,
    signals: [],
    users: [],
    change: (world) => ({
      ...world,
      store: {
        ...world.store,
        call: (name, args) => {
          if (name === 'note_key_uses') writes += 1;
          return world.store.call(name, args);
        },
      },
    }),
  });
  const key = await keyOf({});
  for (let n = 0; n < 20; n++) await counting.ask(key, 'GET', '/api/trading/orders');
  await counting.settled();
  expect(writes).toBe(1);
  const used = async () =>
    (await open.store.call('read_api_keys', {})).find(({ hint }) => hint === hintOfKey(key))?.lastUsedAtMs;
  expect(await used()).toEqual(expect.any(Number));
  counting.clock.jump(60_000);
  await counting.ask(key, 'GET', '/api/trading/orders');
  await counting.settled();
  expect(writes).toBe(2);
});
