import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { moduleText, readFacts, unclassed } from '../../scripts/twilio-errors/generate.ts';
import { sendErrorClass, sendErrorMeaning } from '../../src/adapters/notifiers/twilio-error-class.ts';
import { twilioErrors } from '../../src/adapters/notifiers/twilio-errors.ts';
import { bookProviderUpdate } from '../../src/stages/notify/callbacks.ts';
import type { LoopbackMessage, TwilioFault } from '../simulators/twilio.ts';
import { freshPglite, type TestDatabase } from '../support/postgres.ts';
import { numberOf, people, quick } from './fixtures.ts';
import { openTwilioDelivery, type TwilioDelivery } from './twilio-delivery.ts';

const at = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const facts = readFacts(at('scripts/twilio-errors/facts.csv'));

describe('the classes of Twilio’s codes', () => {
  test('are what the checked-in facts say, each code in exactly one', () => {
    expect(at('src/adapters/notifiers/twilio-errors.ts')).toBe(moduleText(facts));
    const codes = twilioErrors.map(([code]) => code);
    expect(new Set(codes).size).toBe(codes.length);
    for (const row of facts) expect(sendErrorClass(row.code)).toBe(row.class === '-' ? 'unlisted' : row.class);
  });

  test('a dictionary’s code about sending that nobody classed is named; another product’s is not', () => {
    const dictionary = [
      { code: 63_199, message: 'Something of tomorrow' },
      { code: '63018', means: 'rate limit' },
      { code: 13_224, message: 'About calls' },
    ];
    expect(unclassed(JSON.stringify(dictionary), facts)).toEqual(['63199 Something of tomorrow']);
    expect(() => readFacts('code,class,why\n63018,later,a\n63018,person,b\n')).toThrow('63018');
    expect(() => readFacts('code,class,why\n63018,perhaps,a\n')).toThrow();
  });

  test('what nobody listed is so called, and pauses grow', () => {
    expect([null, '', '99999', 'constructor', '20104'].map(sendErrorClass)).toEqual(Array(5).fill('unlisted'));
    expect([1, 2, 3].map((attempt) => sendErrorMeaning('63018', attempt).afterMs)).toEqual([30_000, 60_000, 120_000]);
    expect(sendErrorMeaning('63049', 1).afterMs).toBeGreaterThan(3_600_000);
    expect(sendErrorMeaning('63051', 1).means).toBe('the WhatsApp business account is locked');
  });
});

let database: TestDatabase;
let delivery: TwilioDelivery;
beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());

const open = async (count: number, fallback: 'sms' | null = null) => {
  delivery = await openTwilioDelivery(people(count), { pace: { ...quick, fallback } }, database);
};
const statuses = async () =>
  (await delivery.session.query('select status from public.messages order by user_id')).map(({ status }) => status);
const alarms = (name: string) => delivery.events.filter(({ type, alert }) => type === name && alert);
const unreachable = async () =>
  (await delivery.session.query('select number from public.whatsapp_numbers where unreachable is not null')).length;
const resume = () =>
  delivery.store.call('resume_messages', { by: { who: 'ravi', how: 'cli' }, nowMs: delivery.clock.nowMs() });
const refused = (code: number): TwilioFault => ({ status: 400, code });

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

/** The first user meets the code; the second is well. */
const meet = async (code: number, how: 'send' | 'delivery', fallback: 'sms' | null = null) => {
  await open(2, fallback);
  const first = `whatsapp:${numberOf(0)}`;
  if (how === 'send') delivery.twilio.fault = ({ To }) => (To === first ? refused(code) : 'none');
  await delivery.deliver();
  if (how === 'send') return;
  const [message, other] = delivery.twilio.messages.toSorted((a, b) => a.to.localeCompare(b.to));
  await hear(message, 'failed', code);
  await hear(other, 'delivered');
};

describe.each(['send', 'delivery'] as const)('one user’s trouble at the %s', (how) => {
  afterEach(() => delivery.close());

  test.each([63014, 63033, 30005])(
    '%i is the recipient’s: the number is marked, the others are not concerned',
    async (code) => {
      await meet(code, how);
      expect((await statuses())[0]).toBe('failed');
      expect((await statuses())[1]).toMatch(/sent|delivered/);
      expect(await unreachable()).toBe(1);
      expect(alarms('messages_stopped')).toEqual([]);
    },
  );

  test('a recipient who is not reached gets it over the fallback where there is one', async () => {
    await meet(63033, how, 'sms');
    await delivery.deliver();
    expect((await statuses())[0]).toBe('sent');
    expect(delivery.twilio.messages.filter(({ to }) => to === numberOf(0))).toHaveLength(1);
  });

  test('who unsubscribed at Twilio gets nothing over the fallback either', async () => {
    await meet(21610, how, 'sms');
    await delivery.deliver();
    expect((await statuses())[0]).toBe('failed');
    expect(await unreachable()).toBe(1);
    expect(delivery.twilio.messages.filter(({ to }) => to === numberOf(0))).toEqual([]);
  });

  test.each([63029, 63019, 21656, 99_999])(
    '%i fails this message, a person is told, and nothing stops',
    async (code) => {
      await meet(code, how);
      expect((await statuses())[0]).toBe('failed');
      expect((await statuses())[1]).toMatch(/sent|delivered/);
      expect(await unreachable()).toBe(0);
      expect(alarms(how === 'send' ? 'message_failed' : 'delivery_reported')).toHaveLength(1);
      expect(alarms('messages_stopped')).toEqual([]);
    },
  );

  test.each([20429, 21611, 63017, 63038])('%i waits, and goes when its pause is over', async (code) => {
    await meet(code, how);
    expect((await statuses())[0]).toBe('queued');
    delivery.twilio.fault = () => 'none';
    delivery.clock.jump(5 * 3_600_000);
    await delivery.deliver();
    expect((await statuses())[0]).toBe('sent');
    expect(delivery.events.filter(({ alert }) => alert)).toEqual([]);
  });

  test.each([30002, 63001, 63051, 63112, 21910])(
    '%i stops everything with one alarm, and the message waits for the mending',
    async (code) => {
      await meet(code, how);
      expect((await statuses())[0]).toBe('queued');
      expect(alarms('messages_stopped')).toEqual([
        expect.objectContaining({ why: expect.stringContaining(`${code}`) }),
      ]);
      delivery.twilio.fault = () => 'none';
      await delivery.deliver();
      expect((await statuses())[0]).toBe('queued');
      await resume();
      await delivery.deliver();
      expect((await statuses())[0]).toBe('sent');
    },
  );
});

describe('several people in a row', () => {
  afterEach(() => delivery.close());

  test('a code nobody listed that comes back by callback stops the queue at the third, and theirs wait too', async () => {
    await open(5);
    await delivery.deliver();
    const sent = delivery.twilio.messages.slice();
    for (const message of sent.slice(0, 2)) await hear(message, 'undelivered', 63_998);
    expect(alarms('messages_stopped')).toEqual([]);
    await hear(sent[2], 'undelivered', 63_998);
    expect(alarms('messages_stopped')).toHaveLength(1);
    expect((await statuses()).toSorted()).toEqual(['queued', 'queued', 'queued', 'sent', 'sent']);
    await resume();
    await delivery.deliver();
    expect(await statuses()).toEqual(Array(5).fill('sent'));
    expect(delivery.twilio.messages).toHaveLength(8);
  });

  test('one whose message arrives in between, or one user thrice, is nobody in a row', async () => {
    await open(4);
    await delivery.deliver();
    const [first, second, third, fourth] = delivery.twilio.messages;
    await hear(first, 'undelivered', 63_998);
    await hear(second, 'undelivered', 63_998);
    await hear(third, 'delivered');
    await hear(fourth, 'undelivered', 63_998);
    expect(alarms('messages_stopped')).toEqual([]);
  });

  test('three of a batch of ten that are refused are three, for seven got through at the same time', async () => {
    await open(10);
    const odd = new Set([7, 8, 9].map((index) => `whatsapp:${numberOf(index)}`));
    delivery.twilio.fault = ({ To = '' }) => (odd.has(To) ? refused(63_998) : 'none');
    await delivery.deliver();
    expect((await statuses()).filter((status) => status === 'failed')).toHaveLength(3);
    expect(alarms('messages_stopped')).toEqual([]);
  });

  test('handset and media trouble of everybody stops nothing', async () => {
    await open(6);
    delivery.twilio.fault = () => refused(63029);
    await delivery.deliver();
    expect(await statuses()).toEqual(Array(6).fill('failed'));
    expect(alarms('messages_stopped')).toEqual([]);
  });

  test('once resumed the old ones are no part of a new row', async () => {
    await open(4);
    const bad = new Set([0, 1, 2].map((index) => `whatsapp:${numberOf(index)}`));
    delivery.twilio.fault = ({ To = '' }) => (bad.has(To) ? refused(63_998) : { status: 429, code: 20429 });
    await delivery.deliver();
    expect(alarms('messages_stopped')).toHaveLength(1);
    delivery.clock.jump(1000);
    await resume();
    bad.delete(`whatsapp:${numberOf(1)}`);
    bad.delete(`whatsapp:${numberOf(2)}`);
    await delivery.deliver();
    expect(alarms('messages_stopped')).toHaveLength(1);
  });
});

describe('the fallback’s trouble', () => {
  afterEach(() => delivery.close());
  const notOnWhatsApp = (To: string) => [0, 1].some((index) => To === `whatsapp:${numberOf(index)}`);

  test.each([21606, 30034, 21408])('%i stops the fallback, and WhatsApp goes on', async (code) => {
    await open(4, 'sms');
    delivery.twilio.fault = ({ To = '' }) => {
      if (notOnWhatsApp(To)) return refused(63024);
      return To.startsWith('whatsapp:') ? 'none' : refused(code);
    };
    await delivery.deliver();
    await delivery.deliver();
    expect((await statuses()).slice(2)).toEqual(['sent', 'sent']);
    expect(alarms('messages_stopped')).toEqual([]);
    if (code === 21408) {
      expect((await statuses()).slice(0, 2)).toEqual(['failed', 'failed']);
      return;
    }
    expect(alarms('fallback_stopped')).toHaveLength(1);
    expect((await statuses()).slice(0, 2)).toEqual(['queued', 'queued']);
    const before = delivery.twilio.requests.length;
    delivery.clock.jump(60_000);
    await delivery.deliver();
    expect(delivery.twilio.requests).toHaveLength(before);
    delivery.twilio.fault = () => 'none';
    expect(await resume()).toEqual({ why: expect.stringContaining(`${code}`) });
    await delivery.deliver();
    expect(await statuses()).toEqual(Array(4).fill('sent'));
  });

  test('a number that takes no SMS is not marked as unreachable over WhatsApp by it', async () => {
    await open(1, 'sms');
    delivery.twilio.fault = ({ To = '' }) => (To.startsWith('whatsapp:') ? refused(63024) : 'none');
    await delivery.deliver();
    await delivery.deliver();
    await delivery.session.exec('update public.whatsapp_numbers set unreachable = null');
    await hear(delivery.twilio.messages[0], 'undelivered', 30006);
    expect(await statuses()).toEqual(['failed']);
    expect(await unreachable()).toBe(0);
  });
});
