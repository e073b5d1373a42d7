import pLimit from 'p-limit';
import { summaryText } from '../domain/message.ts';
import type { Answer, SettledMessage } from '../ports/store.ts';
import type { SendOutcome, World } from '../ports/world.ts';
import { summaryInputOf } from './summary.ts';

type DueMessage = Answer<'read_due_messages'>[number];

/**
 * Sends every summary that is due, once; a chat outage ends as a message status and never stops a run. At most
 * `concurrency` messages are in doubt after a crash. Gives how many were settled.
 */
export async function notify(world: World, concurrency: number): Promise<number> {
  const { store, clock } = world;
  await store.call('sweep_messages', { nowMs: clock.nowMs(), onlyProcess: false });
  let settled = 0;
  for (;;) {
    const due = await store.call('read_due_messages', { runId: null, limit: concurrency, nowMs: clock.nowMs() });
    if (due.length === 0) return settled;
    const messages = due.map((message) => ({ message, text: summaryText(summaryInputOf(message)) }));
    const suppressed = messages.filter(({ message }) => message.whatsapp === null);
    await settleMessages(
      world,
      suppressed.map(({ message, text }) => {
        return { messageId: message.messageId, status: 'suppressed', reason: 'no_whatsapp_number', text };
      }),
    );
    const sent = await sendMarked(
      world,
      messages.filter(({ message }) => message.whatsapp !== null),
      concurrency,
    );
    settled += suppressed.length + sent;
    // Another process took the rest: it will settle them.
    if (suppressed.length + sent === 0) return settled;
  }
}

/** `sending` is written first: after a crash the message is unknown and stays unsent, never doubled. */
async function sendMarked(
  world: World,
  messages: { message: DueMessage; text: string }[],
  concurrency: number,
): Promise<number> {
  if (messages.length === 0) return 0;
  const { marked } = await world.store.call('mark_sending', {
    messages: messages.map(({ message, text }) => ({ messageId: message.messageId, text })),
    nowMs: world.clock.nowMs(),
  });
  const mine = new Set(marked);
  const limit = pLimit(concurrency);
  const results = await Promise.all(
    messages
      .filter(({ message }) => mine.has(message.messageId))
      .map(({ message, text }) => limit(() => sendOne(world, message, text))),
  );
  await settleMessages(world, results);
  return results.length;
}

async function sendOne(world: World, message: DueMessage, text: string): Promise<SettledMessage> {
  const { messageId, userId, userName, whatsapp, runId } = message;
  if (whatsapp === null) throw new Error(`message ${messageId} has no number to go to`);
  const outcome = await sendSafely(() => world.notifier.send({ messageId, userId, userName, whatsapp, text }));
  world.tell({ step: 'message_settled', runId, userId, messageId, outcome: outcome.kind });
  return {
    messageId,
    status: outcome.kind,
    reason: outcome.kind === 'sent' ? null : outcome.reason,
    providerId: outcome.kind === 'sent' ? outcome.providerId : null,
  };
}

async function sendSafely(send: () => Promise<SendOutcome>): Promise<SendOutcome> {
  try {
    return await send();
  } catch (error) {
    return { kind: 'unknown', reason: error instanceof Error ? error.message : 'notifier_error' };
  }
}

async function settleMessages(world: World, messages: SettledMessage[]): Promise<void> {
  if (messages.length === 0) return;
  await world.store.call('settle_messages', { messages, nowMs: world.clock.nowMs() });
}
