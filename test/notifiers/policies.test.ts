import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { TwilioSettings } from '../../src/adapters/notifiers/twilio-settings.ts';
import { fetchTemplate } from '../../src/adapters/notifiers/twilio-templates.ts';
import { operatorMessage, operatorTemplate, templates } from '../../src/domain/messages/template.ts';
import { alertOperators } from '../../src/stages/notify/operators.ts';
import { anEvent } from '../support/any-event.ts';
import { freshPglite, type TestDatabase } from '../support/postgres.ts';
import { tester } from '../support/tester.ts';
import { accountSid, authToken, contentSids, decideNothing, numberOf, people, quick, runId } from './fixtures.ts';
import { openTwilioDelivery, type TwilioDelivery } from './twilio-delivery.ts';

let database: TestDatabase;
let delivery: TwilioDelivery;
beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());
afterEach(() => delivery.close());

const open = async (count: number, change: Partial<TwilioSettings> = {}) => {
  delivery = await openTwilioDelivery(people(count), change, database);
};
const statuses = async () => (await delivery.rows()).map(({ status }) => status);
const minutes = (count: number) => delivery.clock.jump(count * 60_000);

describe('an error that everybody would meet', () => {
  test.each([
    ['a login that is refused', { status: 401, code: 20003 }],
    ['an account that is suspended', { status: 400, code: 30002 }],
    ['a template that is paused', { status: 400, code: 63041 }],
    ['a template that is none', { status: 400, code: 21655 }],
    ['a sender of another channel', { status: 400, code: 21910 }],
    ['variables that are refused, of everybody', { status: 400, code: 21656 }],
    ['a code nobody knows, of everybody', { status: 400, code: 99_999 }],
    ['a proxy that refuses everything', { status: 400, code: null }],
  ])('%s stops the queue after one batch with one alarm; once lifted, everything goes', async (_, fault) => {
    await open(30);
    delivery.twilio.fault = () => fault;
    await delivery.deliver();
    // At most one batch of ten was under way.
    expect(delivery.twilio.requests.length).toBeLessThanOrEqual(10);
    const after = await statuses();
    expect(after).toEqual(Array(30).fill('queued'));
    const stops = delivery.events.filter(({ type }) => type === 'messages_stopped');
    expect(stops).toEqual([expect.objectContaining({ alert: true })]);
    minutes(5);
    await delivery.deliver();
    expect(delivery.twilio.requests.length).toBeLessThanOrEqual(10);
    delivery.twilio.fault = () => 'none';
    await delivery.store.call('resume_messages', { by: { who: 'ravi', how: 'cli' }, nowMs: delivery.clock.nowMs() });
    await delivery.deliver();
    expect(await statuses()).toEqual(Array(30).fill('sent'));
    expect(new Set(delivery.twilio.messages.map(({ to }) => to)).size).toBe(30);
    expect(delivery.twilio.messages).toHaveLength(30);
  });
});

test('who is not on WhatsApp gets an SMS where there is a number for it, and nothing twice', async () => {
  await open(2, { pace: { ...quick, fallback: 'sms' } });
  delivery.twilio.fault = ({ To = '' }) => (To === `whatsapp:${numberOf(0)}` ? { status: 400, code: 63024 } : 'none');
  await delivery.deliver();
  await delivery.deliver();
  expect(await statuses()).toEqual(['sent', 'sent']);
  const [sms] = delivery.twilio.messages.filter(({ to }) => to === numberOf(0));
  expect(sms).toMatchObject({ from: '+14155550100', body: expect.stringMatching(/^daily-scan · 28 Aug 2025\n/) });
  expect(delivery.twilio.requests.map(({ To }) => To).toSorted()).toEqual(
    [numberOf(0), `whatsapp:${numberOf(0)}`, `whatsapp:${numberOf(1)}`].toSorted(),
  );
});

test('one late re-send, where somebody decided so: only after every look was answered, and once', async () => {
  await open(1, { pace: { ...quick, maxResends: 1 } });
  delivery.twilio.fault = () => 'lost_error';
  for (let lookup = 0; lookup < 14; lookup++) {
    await delivery.deliver();
    minutes(3);
  }
  expect(delivery.twilio.requests).toHaveLength(2);
  expect(delivery.twilio.listed).toBe(10);
  expect(await delivery.rows()).toMatchObject([{ status: 'unknown', resends: 1, attempts: 2, next_lookup_at: null }]);
});

test('a user who writes in Hindi reads Hindi; without a Hindi template, English', async () => {
  await open(2);
  for (const userId of ['user-0', 'user-1'])
    await delivery.store.call('set_user', { by: tester, userId, language: 'hi' });
  await delivery.deliver();
  expect(delivery.twilio.requests[0]?.['ContentSid']).toBe(contentSids.hi);
  expect(delivery.twilio.messages[0]?.body).toContain('नमस्ते User 0');
  await delivery.close();
  await open(1, { contentSids: { en: contentSids.en } });
  await delivery.store.call('set_user', { by: tester, userId: 'user-0', language: 'hi' });
  await delivery.deliver();
  expect(delivery.twilio.messages[0]?.body).toContain('Hello User 0');
});

test('who wants to hear of orders only, or of nothing, or said STOP, gets no message, and the row says why', async () => {
  await open(4);
  await delivery.store.call('set_user', { by: tester, userId: 'user-0', notify: 'orders' });
  await delivery.store.call('set_user', { by: tester, userId: 'user-1', notify: 'off' });
  const stop = { number: numberOf(2), consent: 'stop', source: 'whatsapp:stop', providerId: 'SM1' } as const;
  await delivery.store.call('record_inbound_message', { ...stop, nowMs: delivery.clock.nowMs() });
  await delivery.deliver();
  const rows = await delivery.session.query('select status, reason from public.messages order by user_id');
  expect(rows.map(({ status, reason }) => [status, reason])).toEqual([
    ['suppressed', 'no_order_placed'],
    ['suppressed', 'notify_off'],
    ['suppressed', 'opted_out'],
    ['sent', null],
  ]);
  expect(delivery.twilio.requests).toHaveLength(1);
});

describe('operators', () => {
  const operators = { operators: ['+918888800001', '+918888800002'], operatorContentSid: `HX${'3'.repeat(32)}` };
  const toOperators = () => delivery.twilio.requests.filter(({ To }) => To?.startsWith('whatsapp:+9188888'));

  test('each hears of a run once, with what went wrong', async () => {
    await open(3, operators);
    delivery.twilio.fault = ({ To = '' }) => (To.endsWith(numberOf(1)) ? { status: 400, code: 99_999 } : 'none');
    await delivery.deliver();
    await delivery.store.call('finish_run', { runId, nowMs: delivery.clock.nowMs() });
    await delivery.deliver();
    await delivery.deliver();
    expect(toOperators()).toHaveLength(2);
    const variables = JSON.parse(toOperators()[0]?.['ContentVariables'] ?? '{}') as Record<string, string>;
    expect(variables['1']).toBe(`digest ${runId}`);
    expect(variables['2']).toMatch(
      /^DEGRADED: 1 users not told for certain\. 3 users; decisions: 3 denied; orders: none; messages: 1 failed, 2 sent\. started 2025-08-28T09:20/,
    );
  });

  test('hear from 1 December with every digest that the next year’s calendar is missing, and how it is brought in', async () => {
    await open(1, operators);
    await delivery.deliver();
    delivery.clock.jump(Date.parse('2026-12-01T09:30:00+05:30') - delivery.clock.nowMs());
    await delivery.store.call('finish_run', { runId, nowMs: delivery.clock.nowMs() });
    await delivery.deliver();
    const texts = toOperators().map(({ ContentVariables = '' }) => ContentVariables);
    expect(texts).toHaveLength(2);
    expect(texts[0]).toContain('from 1 January 2027 nothing is traded: npm run calendar -- import F.csv');
  });

  test('hear that of the market of each run: New York’s calendar is known two years longer', async () => {
    await open(1, operators);
    await delivery.deliver();
    const there = 'XNYS:2025-08-28:open:paper';
    await decideNothing(delivery.store, people(1), there);
    delivery.clock.jump(Date.parse('2026-12-01T09:30:00+05:30') - delivery.clock.nowMs());
    for (const done of [runId, there]) {
      await delivery.store.call('finish_run', { runId: done, nowMs: delivery.clock.nowMs() });
    }
    await delivery.deliver();
    // The summary of the other run may not be on its way: it is waited for so long.
    minutes(11);
    await delivery.deliver();
    const texts = toOperators().map(({ ContentVariables = '' }) => ContentVariables);
    const digestOf = (mic: string) => texts.filter((text) => text.includes(`digest ${mic}:`));
    expect([digestOf('XNSE').length, digestOf('XNYS').length]).toEqual([2, 2]);
    expect(digestOf('XNSE').every((text) => text.includes('CALENDAR'))).toBe(true);
    expect(digestOf('XNYS').some((text) => text.includes('CALENDAR'))).toBe(false);
  });

  test('an alarm goes at once, and once a day', async () => {
    await open(1, operators);
    const emit = alertOperators(delivery.world);
    for (let time = 0; time < 3; time++) {
      emit(anEvent({ type: 'run_missing', alert: true, runId: 'XNSE:2025-08-29:open:paper', users: 7 }));
      emit({ type: 'metrics_read_failed', alert: true, error: new Error('busy') });
    }
    await expect.poll(() => toOperators().length).toBe(2);
    const { text } = operatorMessage(
      'run_missing XNSE:2025-08-29:open:paper',
      'today’s run is MISSING. runId: XNSE:2025-08-29:open:paper, users: 7',
    );
    expect(operatorTemplate).toContain('{{2}}');
    expect(text).toContain('MISSING');
    await expect
      .poll(async () =>
        (await delivery.session.query('select key, status from public.notices')).map(({ status }) => status),
      )
      .toEqual(['sent', 'sent']);
  });
});

test('a template is fetched with what WhatsApp said of it', async () => {
  await open(1);
  const settings = { accountSid, authToken, baseUrl: delivery.twilio.url, timeoutMs: 10_000 };
  expect(await fetchTemplate(settings, contentSids.hi)).toEqual({
    body: templates.hi,
    status: 'approved',
    category: 'UTILITY',
  });
  await expect(fetchTemplate(settings, `HX${'9'.repeat(32)}`)).rejects.toThrow();
});
