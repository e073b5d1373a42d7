import { expect, test } from 'vitest';
import type { StoredMessage } from '../../src/ports/store/messages.ts';
import { historyText } from '../../src/terminal/screens/message-history.ts';

const atMs = Date.parse('2025-08-28T09:21:00+05:30');
const event = { atMs, attempt: 1, providerStatus: null, errorCode: null, reason: null } as const;
const row: StoredMessage = {
  ...{
    userId: 'asha',
    userName: 'Asha',
    kind: 'summary',
    status: 'sent',
    reason: null,
    text: 'Hello',
    channel: 'whatsapp',
  },
  ...{ attempts: 1, providerId: null, providerStatus: null, errorCode: null, changedAtMs: atMs },
  events: [
    { ...event, status: 'sending' },
    { ...event, status: 'sent' },
  ],
};

test('a message that was shown on the screen has no history to tell', () => {
  expect(historyText([row])).toBe('');
});

test('one that went over a provider has a line: when, our status, the provider’s word and error', () => {
  const message: StoredMessage = {
    ...row,
    providerStatus: 'read',
    events: [
      ...row.events,
      { ...event, status: 'delivered', providerStatus: 'read' },
      { ...event, status: 'queued', providerStatus: 'read', reason: 'resend: ravi' },
    ],
  };
  expect(historyText([row, message])).toBe(
    '\nHistory\nAsha, summary over whatsapp: 09:21:00 sending → 09:21:00 sent → 09:21:00 delivered (read) → 09:21:00 queued (read, resend: ravi)\n',
  );
});
