import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { twilioNotifier } from '../../../src/adapters/notifiers/twilio.ts';
import { templates } from '../../../src/domain/messages/template.ts';
import type { Notifier } from '../../../src/ports/world.ts';
import { notify } from '../../../src/stages/notify/notify.ts';
import { messagesOf } from '../../../src/stages/report/report.ts';
import { accountSid, authToken, contentSids, settingsFor } from '../../notifiers/fixtures.ts';
import { loopbackTwilio } from '../../simulators/twilio.ts';
import { importedUser, tradeDate } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { violations } from '../../support/invariants.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { startService, type TestService } from '../support/service.ts';

const runId = `XNSE:${tradeDate}:api:paper`;
const minuteMs = 60_000;
const symbols = ['TITAN', 'INFY', 'SBICARD', 'M&M', 'LT', 'ITC'];
const users = ['Asha Rao', 'Rohan Mehta'].map((name, n) => importedUser(name, { whatsapp: `+91999990000${n}` }));

let database: TestDatabase;
let open: TestService;
let ashaKey: string;
beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database.session);
  open = await startService({ database, users, time: '10:30' });
  const prices = symbols.map((symbol) => ({ symbol, date: tradeDate, openMinor: 100_00, closeMinor: 100_00 }));
  await open.store.call('import_prices', { by: tester, prices });
  ashaKey = await open.userKey('asha-rao');
});
afterEach(async () => {
  await open.close();
  expect(await violations(database.session)).toEqual([]);
  expect(await open.store.call('check_books', {})).toEqual([]);
});

let keys = 0;
const post = async (
  symbol: string,
  { key = ashaKey, ...more }: { key?: string; userId?: string; quantity?: number } = {},
) => {
  keys += 1;
  const body = { symbol, side: 'BUY', quantity: 5, ...more };
  const { status } = await open.ask(key, 'POST', '/api/trading/orders', body, { 'Idempotency-Key': `k${keys}` });
  await open.settled();
  return status;
};
const wait = async (minutes: number) => {
  open.clock.jump(minutes * minuteMs);
  await notify(open.world, 10);
};
const rows = () => open.store.call('read_messages', { runId });
const fates = async () => (await rows()).map(({ userId, kind, status, reason }) => [userId, kind, status, reason]);
const set = (change: { notify?: 'orders' | 'off'; language?: 'hi' }) =>
  open.store.call('set_user', { userId: 'asha-rao', ...change, by: tester });
const text = async () => (await rows()).at(-1)?.text ?? '';
const statuses = async () => {
  const orders = await open.store.call('read_orders', { ...all, limit: 50 });
  return orders.map(({ status }) => status);
};
const all = { userId: null, status: null, symbol: null, runId: null, beforeId: null };

describe('a client in whose name single orders are placed', () => {
  test('gets one message of five lines for five orders', async () => {
    for (const symbol of symbols.slice(0, 5)) expect(await post(symbol)).toBe(202);
    await wait(2.9);
    expect(await fates()).toEqual([['asha-rao', 'single_orders', 'queued', null]]);
    await wait(0.2);
    expect(await fates()).toEqual([['asha-rao', 'single_orders', 'sent', null]]);
    const [row] = await rows();
    const [head, lines, totals] = (row?.text ?? '').split('\n\n');
    expect(head?.split('\n').at(-2)).toBe('Placed with your own key “test”');
    expect(lines?.split('\n').map((line) => line.split(' = ')[0])).toEqual(
      symbols.slice(0, 5).map((symbol) => `Bought 5 × ${symbol} @ ₹100.00`),
    );
    expect(totals).toMatch(/^Total: 5 orders\nNot you, or not agreed\? Tell whoever runs daily-scan/);
    expect(await messagesOf(open.store, runId)).toEqual([{ userId: 'asha-rao', status: 'sent', text: row?.text }]);
  });

  test('gets two for two bursts, and no order is in both', async () => {
    for (const symbol of symbols.slice(0, 2)) await post(symbol);
    await wait(3);
    for (const symbol of symbols.slice(2, 5)) await post(symbol);
    await wait(2);
    expect((await fates()).map((one) => one.slice(1, 3))).toEqual([
      ['single_orders', 'sent'],
      ['single_orders-2', 'queued'],
    ]);
    await wait(1.1);
    const symbolsByMessage = (await rows()).map((row) => symbols.filter((symbol) => row.text.includes(` ${symbol} @`)));
    expect(symbolsByMessage).toEqual([symbols.slice(0, 2), symbols.slice(2, 5)]);
  });

  test('hears whether it was a key of theirs or an operator, each user of their own orders only', async () => {
    await post('TITAN');
    await post('INFY', { key: open.operatorKey, userId: 'asha-rao' });
    await post('INFY', { key: open.operatorKey, userId: 'rohan-mehta' });
    await wait(3.1);
    const [asha, rohan] = await rows();
    expect(asha?.text).toContain(`Placed with your own key “test”, by your operator
Paper trading: no real money

Bought with your own key “test”: 5 × TITAN @ ₹100.00`);
    expect(asha?.text).toContain('\nBought by your operator: 5 × INFY @ ₹100.00');
    expect(rohan).toMatchObject({ userId: 'rohan-mehta', kind: 'single_orders' });
    expect(rohan?.text).toContain('Hello Rohan Mehta\nPlaced by your operator\n');
    expect(rohan?.text).toContain('\n\nTotal: 1 order\n');
  });

  test('hears nothing of an order we refused: whoever asked was answered', async () => {
    expect(await post('NOSUCH')).toBe(422);
    expect(await post('TITAN', { quantity: 1_000_000 })).toBe(422);
    await wait(4);
    expect(await rows()).toEqual([]);
  });

  test('hears nothing who wants no messages, and of orders who wants to hear of orders', async () => {
    await set({ notify: 'off' });
    await post('TITAN');
    await wait(3.1);
    expect(await fates()).toEqual([['asha-rao', 'single_orders', 'suppressed', 'notify_off']]);
    await set({ notify: 'orders' });
    await post('INFY');
    await wait(3.1);
    expect((await fates()).at(-1)).toEqual(['asha-rao', 'single_orders-2', 'sent', null]);
    expect(await text()).not.toContain('TITAN');
  });

  test('hears nothing after STOP', async () => {
    const number = '+919999900000';
    const inbound = { number, consent: 'stop' as const, source: 'test', providerId: 'SM1', nowMs: open.clock.nowMs() };
    await open.store.call('record_inbound_message', inbound);
    await post('TITAN');
    await wait(3.1);
    expect(await fates()).toEqual([['asha-rao', 'single_orders', 'suppressed', 'opted_out']]);
  });

  test('is told after a restart, by one of two processes', async () => {
    await post('TITAN');
    const others = await Promise.all(
      [1, 2].map(() => startService({ database, users: [], signals: [], time: '10:34' })),
    );
    await Promise.all(others.map((one) => notify(one.world, 10)));
    expect(await fates()).toEqual([['asha-rao', 'single_orders', 'sent', null]]);
    expect((await rows())[0]?.attempts).toBe(1);
    for (const one of others) await one.close();
  });

  test('whose message can not go has their orders filled at once all the same, and is told of all of them then', async () => {
    const { notifier } = open.world;
    const send: Notifier['send'] = async () => ({ kind: 'later', reason: 'http 503', afterMs: minuteMs });
    open.world.notifier = { ...notifier, send };
    await post('TITAN');
    await wait(3.1);
    await post('INFY');
    await wait(1.1);
    expect(await statuses()).toEqual(['filled', 'filled']);
    expect(await fates()).toEqual([['asha-rao', 'single_orders', 'queued', 'http 503']]);
    open.world.notifier = notifier;
    await wait(1.1);
    expect(await fates()).toEqual([['asha-rao', 'single_orders', 'sent', null]]);
    expect(await text()).toContain('\n\nTotal: 2 orders\n');
  });

  test('is told in the approved template of the summary, in Hindi', async () => {
    const contents = { [contentSids.en]: templates.en, [contentSids.hi]: templates.hi };
    const twilio = await loopbackTwilio({ accountSid, authToken, contents });
    open.world.notifier = twilioNotifier(settingsFor(twilio.url));
    await set({ language: 'hi' });
    await post('TITAN');
    await wait(3.1);
    expect(twilio.requests).toMatchObject([{ ContentSid: contentSids.hi }]);
    expect(twilio.messages[0]?.body).toContain(`नमस्ते Asha Rao, यह आपके ऑर्डर का सारांश है।
ऑर्डर दिए गए: आपकी अपनी कुंजी “test” से · पेपर ट्रेडिंग: असली पैसा नहीं

आपके ऑर्डर:
1) खरीदा: 5 × TITAN @ ₹100.00`);
    expect(twilio.messages[0]?.body).toContain('कुल: 1 ऑर्डर; यह आपने नहीं किया');
    expect(await text()).toBe(twilio.messages[0]?.body);
    await twilio.close();
  });
});
