import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { twilioNotifier } from '../../src/adapters/notifiers/twilio.ts';
import { accountSid, authToken, publicUrl, settingsFor } from './fixtures.ts';

const notifier = twilioNotifier(settingsFor('http://127.0.0.1:9'));
const status = {
  MessageSid: `SM${'a'.repeat(32)}`,
  AccountSid: accountSid,
  MessageStatus: 'failed',
  ErrorCode: '63024',
};

/** What is made of a callback that is signed, whatever is in it. */
function parseSigned(query: string, form: Record<string, string>) {
  const path = `/api/webhooks/twilio?${query}`;
  const text = Object.keys(form)
    .toSorted()
    .reduce((all, name) => all + name + form[name], `${publicUrl}${path}`);
  const signature = createHmac('sha1', authToken).update(text, 'utf8').digest('base64');
  return notifier.parseCallback?.({ path, signature, form });
}

test('a status of a message is heard', async () => {
  expect(await parseSigned('n=12&a=1', status)).toMatchObject({
    kind: 'delivery',
    messageId: 12,
    attempt: 1,
    code: '63024',
  });
});

test.each([
  ['a try no integer column holds', 'n=12&a=2147483648', {}],
  ['an id no index takes', 'n=12&a=1', { MessageSid: 'S'.repeat(3_000) }],
  ['an id with a NUL', 'n=12&a=1', { MessageSid: 'SM\0' }],
  ['a status named like a member of every object', 'n=12&a=1', { MessageStatus: 'constructor' }],
])('with %s nothing is heard', async (_what, query, change) => {
  expect(await parseSigned(query, { ...status, ...change })).toEqual({ kind: 'nothing' });
});

test('a code that is none is left out', async () => {
  expect(await parseSigned('n=12&a=1', { ...status, ErrorCode: '9'.repeat(400) })).toMatchObject({
    kind: 'delivery',
    code: null,
  });
});
