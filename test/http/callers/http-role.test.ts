import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { twilioNotifier } from '../../../src/adapters/notifiers/twilio.ts';
import { openPostgres } from '../../../src/adapters/store/postgres.ts';
import type { Database } from '../../../src/ports/database.ts';
import { accountSid, authToken, contentSids, numberOf, publicUrl, settingsFor } from '../../notifiers/fixtures.ts';
import { type LoopbackTwilio, loopbackTwilio, type SignedCall } from '../../simulators/twilio.ts';
import { fiveUsers } from '../../stages/support/run-day.ts';
import { loginFor, type TestLogin } from '../../support/logins.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { startService, type TestService } from '../support/service.ts';

let database: TestPostgres;
let login: TestLogin;
let pool: Database;
let twilio: LoopbackTwilio;
let service: TestService;
let userKey: string;
const called = new Set<string>();

beforeAll(async () => {
  database = await freshPostgres();
  login = await loginFor(database, 'http');
  pool = openPostgres({ url: login.url, max: 5 });
  twilio = await loopbackTwilio({ accountSid, authToken, contents: contentSids });
  // What an operator has done before is done as the owner; from then on every call is the role's.
  let by: Database = database;
  const call: Database['call'] = (name, args) => {
    if (by === pool) called.add(name);
    return by.call(name, args);
  };
  service = await startService({
    database: { ...database, call },
    settings: { inline: false },
    change: (world) => ({ ...world, notifier: twilioNotifier(settingsFor(twilio.url, {})) }),
  });
  userKey = await service.userKey(fiveUsers[0]?.id ?? '');
  by = pool;
});
afterAll(async () => {
  await service.close();
  await twilio.close();
  await pool.close();
  await login.drop();
  await database.close();
});

const listed = z.looseObject({ orders: z.array(z.looseObject({ orderId: z.int() })) });

async function codeOf(answer: Response): Promise<string> {
  return z.looseObject({ code: z.string().default('none') }).parse(await answer.json()).code;
}

const post = ({ url, headers, body }: SignedCall) =>
  service.app.request(url.slice(publicUrl.length), { method: 'POST', headers, body });

test('a process that only serves HTTP does all it is for as the role daily_scan_http', async () => {
  const { ask, operatorKey } = service;
  const scan = await service.cron();
  expect([scan.status, await scan.json()]).toEqual([200, expect.objectContaining({ skipped: null })]);
  const ready = await ask(null, 'GET', '/ready');
  expect([ready.status, await ready.text()]).toEqual([200, expect.anything()]);
  const metrics = await ask(operatorKey, 'GET', '/metrics');
  expect([metrics.status, metrics.status === 200 ? '' : service.events.at(-2)]).toEqual([200, '']);
  const order = { symbol: 'TITAN', side: 'BUY', quantity: 1 };
  const placed = await ask(userKey, 'POST', '/api/trading/orders', order, {
    'Idempotency-Key': 'one',
    'Content-Type': 'application/json',
  });
  expect([202, 422]).toContain(placed.status);
  expect(await codeOf(placed)).toMatch(/^(none|already_holding|working_order)$/);
  const list = await ask(operatorKey, 'GET', '/api/trading/orders');
  const { orders } = listed.parse(await list.json());
  const [first] = orders;
  expect(orders.length).toBeGreaterThanOrEqual(fiveUsers.length);
  expect((await ask(operatorKey, 'GET', `/api/trading/orders/${first?.orderId}`)).status).toBe(200);
  const stream = await ask(operatorKey, 'GET', `/api/trading/orders/${first?.orderId}/stream`);
  expect(stream.status).toBe(200);
  await stream.body?.cancel();
  const signal = { strategy: 'late', symbol: 'INFY', side: 'BUY', referencePrice: '1500.00' };
  expect([202, 422]).toContain((await ask(operatorKey, 'POST', '/api/signals', { signals: [signal] })).status);
  expect(
    (await post(twilio.inbound(`${publicUrl}/api/webhooks/twilio`, `whatsapp:${numberOf(0)}`, 'STOP'))).status,
  ).toBe(200);
  expect(service.events.filter(({ type }) => type === 'request_failed')).toEqual([]);
});

test('what another process has to do is refused with words, and nothing is half done', async () => {
  const before = await database.session.query('select status, count(*) from public.orders group by 1 order by 1');
  const answer = await service.cron('/api/cron/order-worker');
  expect([answer.status, await answer.json()]).toEqual([503, expect.objectContaining({ code: 'not_served_here' })]);
  const after = await database.session.query('select status, count(*) from public.orders group by 1 order by 1');
  expect(after).toEqual(before);
});

test('the role may do nothing that nothing here needs', async () => {
  const rows = await database.session.query('select unnest(core.http_functions()) as name');
  const unused = rows.map(({ name }) => String(name)).filter((name) => !called.has(name));
  // Called when something is wrong, by a login or a source, in a run taken up again, or later in a stream’s life.
  const seldom = [
    'find_auth_user',
    'find_source_keys',
    'record_delivery',
    'note_key_uses',
    'queue_notices',
    'read_actions',
    'read_lock_holders',
    'read_order_events',
    'read_request_outcomes',
    'read_signal_sources',
    'reprice_run',
    'stop_messages',
  ];
  expect(unused.filter((name) => !seldom.includes(name))).toEqual([]);
});

test('in live trading, without sessions at venues, nothing that needs one is begun', async () => {
  const live = await startService({
    database: { ...database, call: database.call },
    change: (world) => ({ ...world, venues: new Map() }),
    settings: { mode: 'live' },
    signals: [],
    users: [],
  });
  for (const path of ['daily-scan', 'order-worker', 'ready', 'sync']) {
    const answer = await live.cron(`/api/cron/${path}`);
    expect([path, answer.status, await codeOf(answer)]).toEqual([path, 503, 'not_served_here']);
  }
  const order = { symbol: 'TITAN', side: 'BUY', quantity: 1, userId: fiveUsers[0]?.id };
  const headers = { 'Idempotency-Key': 'one', 'Content-Type': 'application/json' };
  const refused = await live.ask(live.operatorKey, 'POST', '/api/trading/orders', order, headers);
  expect([refused.status, await codeOf(refused)]).toEqual([503, 'not_served_here']);
  expect((await live.ask(live.operatorKey, 'GET', '/api/trading/orders')).status).toBe(200);
  await live.close();
});
