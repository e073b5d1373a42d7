import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bookProviderUpdate } from '../../src/stages/notify/callbacks.ts';
import type { LoopbackMessage, TwilioFault } from '../simulators/twilio.ts';
import { freshPglite, type TestDatabase } from '../support/postgres.ts';
import { contentSids, numberOf, people, publicUrl } from './fixtures.ts';
import { openTwilioDelivery, type TwilioDelivery } from './twilio-delivery.ts';

let delivery: TwilioDelivery;
let database: TestDatabase;
beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());

/** What the callback tells, as the route hands it on. */
async function hear(message: LoopbackMessage | undefined, status: string, code?: number): Promise<void> {
  if (!message) throw new Error('there is no such message at Twilio');
  const { url, headers, body } = delivery.twilio.callback(message, status, code);
  const { pathname, search } = new URL(url);
  const form = Object.fromEntries(new URLSearchParams(body));
  const call = { path: `${pathname}${search}`, signature: headers['X-Twilio-Signature'], form };
  const callback = await delivery.world.notifier.parseCallback?.(call);
  if (!callback) throw new Error('the signature does not fit');
  await bookProviderUpdate(delivery.world, callback);
}

const minutes = (count: number) => delivery.clock.jump(count * 60_000);
const onlyRow = async () => (await delivery.rows())[0];

describe('one user', () => {
  beforeEach(async () => {
    delivery = await openTwilioDelivery(people(1), {}, database);
  });
  afterEach(() => delivery.close());

  test('gets the approved template, with our message in the address of the status', async () => {
    await delivery.deliver();
    const [request] = delivery.twilio.requests;
    const id = (await onlyRow())?.['id'];
    expect(request).toMatchObject({
      To: `whatsapp:${numberOf(0)}`,
      From: 'whatsapp:+14155238886',
      ContentSid: contentSids.en,
      StatusCallback: `${publicUrl}/api/webhooks/twilio?n=${id}&a=1`,
    });
    expect(request?.['Body']).toBeUndefined();
    expect(Number(request?.['ValidityPeriod'])).toBeLessThanOrEqual(36_000);
    const [sent] = delivery.twilio.messages;
    expect(await onlyRow()).toMatchObject({ status: 'sent', provider_id: sent?.sid, text: sent?.body, attempts: 1 });
    await delivery.deliver();
    expect(delivery.twilio.messages).toHaveLength(1);
  });

  test('who wrote within 24 hours gets the summary as free text, with its lines', async () => {
    const from = numberOf(0);
    const { nowMs: now } = delivery.clock;
    await delivery.store.call('record_inbound_message', {
      number: from,
      consent: null,
      source: 't',
      providerId: 'SM1',
      nowMs: now(),
    });
    await delivery.deliver();
    expect(delivery.twilio.requests[0]?.['Body']).toMatch(/^daily-scan · 28 Aug 2025\nHello User 0\n/);
    expect(delivery.twilio.requests[0]?.['ContentSid']).toBeUndefined();
  });

  const refusal = (status: number, code: number | null): TwilioFault => ({ status, code });
  const unclear: [string, TwilioFault, number][] = [
    ['a 201 nobody can read', 'garbage', 1],
    ['no answer (made)', 'hang', 1],
    ['a reset (made)', 'reset', 1],
    ['502 (made)', 'error', 1],
    ['no answer (not made)', 'lost_hang', 0],
    ['503 (not made)', 'lost_error', 0],
  ];

  test.each(unclear)(
    '%s leaves it unknown; listing finds what was made, and nothing is sent twice',
    async (_, fault, made) => {
      delivery.twilio.fault = () => fault;
      if (String(fault).endsWith('hang')) delivery.within(400);
      await delivery.deliver();
      expect(await onlyRow()).toMatchObject({ status: 'unknown', provider_id: null });
      delivery.within(10_000);
      for (let lookup = 0; lookup < 8; lookup++) {
        minutes(3);
        await delivery.deliver();
      }
      expect(delivery.twilio.requests).toHaveLength(1);
      expect(delivery.twilio.messages).toHaveLength(made);
      expect(delivery.twilio.listed).toBe(made === 1 ? 1 : 5);
      const found = made === 1;
      expect(await onlyRow()).toMatchObject({
        status: found ? 'sent' : 'unknown',
        provider_id: delivery.twilio.messages[0]?.sid ?? null,
        next_lookup_at: null,
      });
      expect(delivery.events.some(({ type }) => type === 'message_needs_person')).toBe(!found);
    },
  );

  test.each(unclear.filter(([, , made]) => made === 1))(
    '%s is resolved by the signed status alone',
    async (_, fault) => {
      delivery.twilio.fault = () => fault;
      if (fault === 'hang') delivery.within(400);
      await delivery.deliver();
      await hear(delivery.twilio.messages[0], 'delivered');
      expect(await onlyRow()).toMatchObject({ status: 'delivered', provider_id: delivery.twilio.messages[0]?.sid });
      minutes(30);
      await delivery.deliver();
      expect(delivery.twilio.requests).toHaveLength(1);
      expect(delivery.twilio.listed).toBe(0);
    },
  );

  test.each([
    ['429', refusal(429, 20429)],
    ['429 without a code', refusal(429, null)],
    ['the channel’s rate', refusal(400, 63018)],
  ])('%s is tried again later, and then it goes', async (_, fault) => {
    delivery.twilio.fault = (_form, nth) => (nth === 1 ? fault : 'none');
    await delivery.deliver();
    expect(await onlyRow()).toMatchObject({ status: 'queued', attempts: 1 });
    expect(delivery.twilio.messages).toHaveLength(0);
    minutes(1);
    await delivery.deliver();
    expect(await onlyRow()).toMatchObject({ status: 'sent', attempts: 2 });
    expect(delivery.twilio.messages).toHaveLength(1);
  });

  test.each([
    ['too many requests', refusal(429, 20429), '20429'],
    ['the channel’s rate', refusal(400, 63018), '63018'],
    ['a day’s messages used up', refusal(400, 63038), '63038'],
  ])('%s for hours is never final while the message is valid', async (_, fault, code) => {
    delivery.twilio.fault = () => fault;
    for (let hour = 0; hour < 10; hour++) {
      await delivery.deliver();
      expect(await onlyRow()).toMatchObject({ status: 'queued', error_code: code });
      minutes(59);
    }
    delivery.twilio.fault = () => 'none';
    await delivery.deliver();
    minutes(11); // Due 90 s after the decision, and valid for ten hours from then.
    await delivery.deliver();
    expect(await onlyRow()).toMatchObject({ status: 'sent', error_code: null });
  });

  test('what nobody would take while it was valid is too old then, and is not sent', async () => {
    delivery.twilio.fault = () => refusal(429, 20429);
    for (let half = 0; half < 22; half++) {
      await delivery.deliver();
      minutes(30);
    }
    expect(await onlyRow()).toMatchObject({ status: 'failed', reason: 'too_old' });
    const before = delivery.twilio.requests.length;
    minutes(60);
    await delivery.deliver();
    expect(delivery.twilio.requests).toHaveLength(before);
  });

  test('a code nobody knows is for a person: it fails, is told, and does not go again', async () => {
    delivery.twilio.fault = () => refusal(400, 99_999);
    await delivery.deliver();
    minutes(60);
    await delivery.deliver();
    expect(await onlyRow()).toMatchObject({ status: 'failed', error_code: '99999' });
    expect(delivery.twilio.requests).toHaveLength(1);
    expect(delivery.events).toContainEqual(expect.objectContaining({ type: 'message_failed', alert: true }));
  });

  test('a message that waited too long is not sent any more', async () => {
    minutes(11 * 60);
    await delivery.deliver();
    expect(delivery.twilio.requests).toHaveLength(0);
    expect(await onlyRow()).toMatchObject({ status: 'failed', reason: 'too_old' });
  });

  test('a connection that is refused was not used: it goes later', async () => {
    await delivery.twilio.close();
    await delivery.deliver();
    expect(await onlyRow()).toMatchObject({ status: 'queued', reason: 'ECONNREFUSED', attempts: 1 });
    delivery.twilio.close = async () => undefined;
  });

  test('statuses in any order, twice and of another try never take it back', async () => {
    await delivery.deliver();
    const [message] = delivery.twilio.messages;
    for (const [status, is] of [
      ['sent', 'sent'],
      ['queued', 'sent'],
      ['read', 'delivered'],
      ['delivered', 'delivered'],
      ['undelivered', 'delivered'],
      ['sent', 'delivered'],
    ] as const) {
      await hear(message, status, status === 'undelivered' ? 63024 : undefined);
      await hear(message, status);
      expect(await onlyRow(), status).toMatchObject({ status: is });
    }
    expect(await onlyRow()).toMatchObject({ provider_status: 'read' });
    expect(delivery.twilio.requests).toHaveLength(1);
  });

  test('a status that comes before the answer to the request stands', async () => {
    delivery.twilio.fault = () => 'hang';
    delivery.within(1_500);
    const sending = delivery.deliver();
    while (delivery.twilio.messages.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await hear(delivery.twilio.messages[0], 'delivered');
    await sending;
    expect(await onlyRow()).toMatchObject({ status: 'delivered' });
  });

  test('what did not arrive for a passing reason goes again, and only then', async () => {
    await delivery.deliver();
    await hear(delivery.twilio.messages[0], 'undelivered', 63012);
    await hear(delivery.twilio.messages[0], 'undelivered', 63012);
    expect(await onlyRow()).toMatchObject({ status: 'queued', error_code: '63012' });
    minutes(1);
    await delivery.deliver();
    expect(delivery.twilio.messages).toHaveLength(2);
    await hear(delivery.twilio.messages[0], 'failed', 63012);
    expect(await onlyRow()).toMatchObject({ status: 'sent', provider_id: delivery.twilio.messages[1]?.sid });
  });

  test('who can not be reached is marked, reported, and not written to again until they write', async () => {
    await delivery.deliver();
    await hear(delivery.twilio.messages[0], 'failed', 63024);
    expect(await onlyRow()).toMatchObject({ status: 'failed', error_code: '63024' });
    const mark = () => delivery.session.query('select unreachable from public.whatsapp_numbers');
    expect(await mark()).toEqual([{ unreachable: 'failed: 63024: the recipient is invalid for the channel' }]);
    expect(delivery.events).toContainEqual(
      expect.objectContaining({ type: 'delivery_reported', alert: true, code: '63024' }),
    );
    const { nowMs: now } = delivery.clock;
    const inbound = { number: numberOf(0), consent: null, source: 't', providerId: 'SM1', nowMs: now() };
    await delivery.store.call('record_inbound_message', inbound);
    expect(await mark()).toEqual([{ unreachable: null }]);
  });
});
