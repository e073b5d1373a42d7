import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeApp } from '../../../src/http/app.ts';
import { defaultRateLimits } from '../../../src/http/callers/limits.ts';
import { numberOf, people, publicUrl } from '../../notifiers/fixtures.ts';
import { openTwilioDelivery, postCallback, type TwilioDelivery } from '../../notifiers/twilio-delivery.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { startService, type TestService } from '../support/service.ts';

const path = '/api/webhooks/twilio';
let database: TestDatabase;
let delivery: TwilioDelivery;
let service: TestService;
let app: TestService['app'];

beforeAll(async () => {
  database = await freshPglite();
});
afterAll(() => database.close());
beforeEach(async () => {
  delivery = await openTwilioDelivery(people(1), {}, database);
  service = await startService({ database, users: [], signals: [] });
  app = makeApp(
    { ...service.deps, world: delivery.world },
    { ...defaultRateLimits, bodyBytes: 1000, callerPerMinute: 1, addressPerMinute: 1 },
  );
  await delivery.deliver();
  return () => delivery.close();
});

const status = async () => (await delivery.rows())[0]?.['status'];
const sent = () => {
  const [message] = delivery.twilio.messages;
  if (!message) throw new Error('nothing was sent');
  return message;
};

test('a signed status is booked, whatever the proxy made of the address, and no rate limit keeps statuses out', async () => {
  for (const [word, is] of [
    ['sent', 'sent'],
    ['read', 'delivered'],
    ['failed', 'delivered'],
  ] as const) {
    const answer = await postCallback(
      app,
      delivery.twilio.callback(sent(), word, word === 'failed' ? 63024 : undefined),
    );
    expect([answer.status, await answer.text(), await status()]).toEqual([200, '<Response/>', is]);
  }
});

test.each([
  ['no signature', { headers: {} }],
  ['somebody else’s signature', { headers: { 'X-Twilio-Signature': 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' } }],
  ['another body', { body: 'MessageStatus=delivered&MessageSid=SM1' }],
])('%s changes nothing: 403', async (_, change) => {
  const call = delivery.twilio.callback(sent(), 'delivered');
  const headers =
    'headers' in change ? { ...change.headers, 'Content-Type': call.headers['Content-Type'] } : call.headers;
  const answer = await app.request(new URL(call.url).pathname + new URL(call.url).search, {
    method: 'POST',
    headers,
    body: 'body' in change ? change.body : call.body,
  });
  expect(answer.status).toBe(403);
  expect(await answer.json()).toMatchObject({ code: 'bad_signature' });
  expect(await status()).toBe('sent');
});

test('another message’s number in the address breaks the signature', async () => {
  const call = delivery.twilio.callback(sent(), 'delivered');
  const moved = { ...call, url: call.url.replace(/n=\d+/, 'n=2') };
  expect((await postCallback(app, moved)).status).toBe(403);
});

test.each([
  ['one field over and over', 'a=&'.repeat(21_000)],
  ['thousands of fields', Array.from({ length: 5_000 }, (_, n) => `a${n}=`).join('&')],
  ['one field twice', 'MessageSid=SM1&MessageSid=SM2'],
  ['one field twice, once spelt otherwise', 'MessageSid=SM1&Message%53id=SM2'],
])('a form of %s is refused by its looks', async (_what, body) => {
  const large = makeApp({ ...service.deps, world: delivery.world });
  const headers = { 'X-Twilio-Signature': `${'A'.repeat(27)}=`, 'Content-Type': 'application/x-www-form-urlencoded' };
  const startMs = performance.now();
  const answer = await large.request(path, { method: 'POST', headers, body });
  expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'bad_form' }]);
  // It was quadratic: eleven seconds.
  expect(performance.now() - startMs).toBeLessThan(2_000);
});

test('what is not signed costs its address, and is refused unread; what Twilio signed is booked from there all the same', async () => {
  const forge = (headers: Record<string, string>) => {
    const body = new ReadableStream(
      { pull: () => Promise.reject(new Error('somebody read it')) },
      { highWaterMark: 0 },
    );
    return app.request(new Request(`${publicUrl}${path}`, { method: 'POST', headers, body, duplex: 'half' }));
  };
  const unread = { 'Content-Length': '900' };
  expect((await forge(unread)).status).toBe(403);
  const refused = await forge({ ...unread, 'X-Twilio-Signature': 'not one' });
  expect([refused.status, refused.headers.has('retry-after')]).toEqual([429, true]);
  expect((await postCallback(app, delivery.twilio.callback(sent(), 'delivered'))).status).toBe(200);
  expect(await status()).toBe('delivered');
});

test('STOP and START of the user are respected, and any message opens the window', async () => {
  const write = (text: string) =>
    postCallback(app, delivery.twilio.inbound(`${publicUrl}${path}`, `whatsapp:${numberOf(0)}`, text));
  const numbers = () =>
    delivery.session.query(
      'select stopped_at is not null as stopped, last_inbound_at is not null as wrote from public.whatsapp_numbers',
    );
  expect((await write('Hello?')).status).toBe(200);
  expect(await numbers()).toEqual([{ stopped: false, wrote: true }]);
  await write('stop');
  expect(await numbers()).toEqual([{ stopped: true, wrote: true }]);
  await write('START');
  expect(await numbers()).toEqual([{ stopped: false, wrote: true }]);
});

test('without Twilio there is nothing at this address', async () => {
  const plain = await service.app.request(path, { method: 'POST', body: 'a=1' });
  expect(plain.status).toBe(404);
});

test('what nobody knows of is taken and let be', async () => {
  const unknown = { ...sent(), statusCallback: `${publicUrl}${path}?n=999&a=1` };
  expect((await postCallback(app, delivery.twilio.callback(unknown, 'delivered'))).status).toBe(200);
  const nonsense = { ...sent(), statusCallback: `${publicUrl}${path}?n=x&a=` };
  expect((await postCallback(app, delivery.twilio.callback(nonsense, 'delivered'))).status).toBe(200);
  expect(await status()).toBe('sent');
});
