import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { hintOfKey } from '../../../src/http/callers/key-lookup.ts';
import { startService, type TestService } from '../support/service.ts';

const page = z.object({
  actions: z.array(
    z.object({ id: z.int(), who: z.string(), action: z.string(), target: z.string(), at: z.string() }).loose(),
  ),
  nextCursor: z.string().nullable(),
});

let open: TestService;
beforeAll(async () => {
  open = await startService();
});
afterAll(() => open.close());

const read = async (query = '') =>
  page.parse(await (await open.ask(open.operatorKey, 'GET', `/api/log${query}`)).json());

test('an operator reads who did what, the newest first, a page at a time', async () => {
  const all = await read('?limit=200');
  expect(all.nextCursor).toBeNull();
  expect(all.actions.map(({ action }) => action)).toEqual(expect.arrayContaining(['create_api_key', 'import_users']));
  const first = await read('?limit=1');
  const second = await read(`?limit=1&cursor=${first.nextCursor}`);
  expect([...first.actions, ...second.actions]).toEqual(all.actions.slice(0, 2));
});

test('an order an operator places for a client stands there under the key that placed it', async () => {
  const body = { symbol: 'TITAN', side: 'BUY', quantity: 1, limitPrice: '3560.00', userId: 'asha-rao' };
  const headers = { 'Idempotency-Key': randomUUID() };
  const placed = await open.ask(open.operatorKey, 'POST', '/api/trading/orders', body, headers);
  expect(placed.status).toBe(202);
  const { actions } = await read('?action=place_order&userId=asha-rao');
  expect(actions).toMatchObject([{ who: `key:${hintOfKey(open.operatorKey)}`, how: 'http', userId: 'asha-rao' }]);
});

test('nobody else reads it, and an odd question is refused', async () => {
  expect((await open.ask(await open.userKey('asha-rao'), 'GET', '/api/log')).status).toBe(403);
  expect((await open.ask(null, 'GET', '/api/log')).status).toBe(401);
  for (const query of ['?limit=0', '?limit=201', '?cursor=x', '?action=nonsense', '?since=yesterday']) {
    expect((await open.ask(open.operatorKey, 'GET', `/api/log${query}`)).status, query).toBe(400);
  }
});
