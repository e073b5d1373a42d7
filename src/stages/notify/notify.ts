// Sends every message that is due, exactly once.
import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import { untrustedText } from '../../domain/text/secrets.ts';
import type { DueMessage, SettledMessage } from '../../ports/store/messages.ts';
import type { SendOutcome } from '../../ports/world.ts';
import { type ComposedMessage, composeMessage, endMs, markOf, messageToSend, unsent } from './compose-message.ts';
import type { NotifyDeps } from './deps.ts';
import { findMessages, firstLookupMs } from './find-lost-messages.ts';
import { notifyOperators } from './operators.ts';
import { type CountedRejection, isCounted, stopIfInARow, stopMessages } from './rejected-message.ts';
import { settleMessages } from './settle-messages.ts';

/** A send not started within this time of its mark is abandoned: after two minutes others count the message as lost. */
const SEND_WITHIN_MS = 30_000;
const RATE_PAUSE_MS = 100;
const LAST_TRY_BEFORE_MS = 60_000;

/**
 * Sends every summary, correction, message of single orders and reminder that is due, once; a chat outage ends as a message status and never stops a run.
 * At most `concurrency` messages are in doubt after a crash. After `stop` no more are taken. Gives how many were
 * settled.
 */
export async function notify(deps: NotifyDeps, concurrency: number, stop?: AbortSignal): Promise<number> {
  const { store, clock, notifier } = deps;
  const nowMs = clock.nowMs();
  await store.call('sweep_messages', { nowMs, onlyProcess: false, nextLookupMs: firstLookupMs(notifier, nowMs) });
  await store.call('queue_corrections', { nowMs });
  let settled = await findMessages(deps, concurrency);
  await notifyOperators(deps);
  const limit = pLimit(concurrency);
  let due = await readDue(deps, concurrency);
  while (!stop?.aborted && due.length > 0) {
    const composed = await Promise.all(due.map((one) => composeMessage(one, deps)));
    const ended = composed.flatMap((message) => unsent(message, notifier, clock.nowMs()) ?? []);
    await settleMessages(deps, ended);
    const over = new Set(ended.map(({ messageId }) => messageId));
    const left = composed.filter(({ due: { messageId } }) => !over.has(messageId));
    const marked = await markSending(deps, left);
    const sent = await Promise.all(
      marked.messages.map((message) => limit(() => sendOne(deps, message, marked.markedAtMs))),
    );
    // What is marked is read no more: the next are read while these are booked.
    const [, next] = await Promise.all([book(deps, sent), readDue(deps, concurrency)]);
    settled += ended.length + sent.length;
    // Another process took the rest: it will settle them. A paced number's next message waits by itself.
    if (ended.length + sent.length === 0 && !notifier.pace) return settled;
    // A refusal may have stopped all that was read, and what was refused may be due again another way.
    const stands = sent.every((one) => one.settled.status === 'sent');
    due = stands ? next : await readDue(deps, concurrency);
  }
  return settled;
}

function readDue({ store, clock }: NotifyDeps, limit: number): Promise<DueMessage[]> {
  return store.call('read_due_messages', { runId: null, limit, nowMs: clock.nowMs() });
}

interface Marked {
  messages: ComposedMessage[];
  markedAtMs: number;
}

/** `sending` is written first: after a crash the message is unknown and stays unsent, never doubled. */
async function markSending(deps: NotifyDeps, composed: ComposedMessage[]): Promise<Marked> {
  const { store, clock, notifier } = deps;
  if (composed.length === 0) return { messages: [], markedAtMs: clock.nowMs() };
  const mayGo = composed.slice(0, await waitForRate(deps, composed.length));
  const markedAtMs = clock.nowMs();
  const { marked } = await store.call('mark_sending', {
    markId: randomUUID(),
    messages: mayGo.map((message) => markOf(message, notifier)),
    nowMs: clock.nowMs(),
    ...(notifier.pace ? { pace: notifier.pace } : {}),
  });
  const mine = new Set(marked);
  return { messages: mayGo.filter(({ due }) => mine.has(due.messageId)), markedAtMs };
}

/** Books what became of messages, and stops them all where too many in a row were refused for the same reason. */
async function book(deps: NotifyDeps, results: readonly Outcome[]): Promise<void> {
  await settleMessages(
    deps,
    results.map(({ settled }) => settled),
  );
  // Once for each code: it is read from the rows just settled who met it in a row.
  const byCode = new Map(
    results.flatMap((one) => (one.rejection ? [[one.rejection.code, one.rejection] as const] : [])),
  );
  for (const one of byCode.values()) await stopIfInARow(deps, one);
}

/** What became of one message, and the refusal that counts towards stopping everything, if it met one. */
interface Outcome {
  settled: SettledMessage;
  rejection?: CountedRejection;
}

/** Waits until the sender's rate, which all processes share, lets at least one message go; gives how many may. */
async function waitForRate({ store, clock, notifier }: NotifyDeps, wanted: number): Promise<number> {
  if (!notifier.pace) return wanted;
  const { perSecond } = notifier.pace;
  const venue = { perSecond, perMinute: perSecond * 60, perDay: Number.MAX_SAFE_INTEGER };
  const uses = Array.from({ length: wanted }, () => ({ venue: notifier.name, accountId: 0 }));
  for (;;) {
    const waits = await store.call('take_rates', { uses, budgets: { [notifier.name]: { account: null, venue } } });
    const free = waits.filter((waitMs) => waitMs === 0).length;
    if (free > 0) return free;
    await clock.sleep(RATE_PAUSE_MS);
  }
}

async function sendOne(deps: NotifyDeps, message: ComposedMessage, markedAtMs: number): Promise<Outcome> {
  const { due } = message;
  const { clock, notifier, emit } = deps;
  const leftMs = endMs(due, notifier.pace) - clock.nowMs();
  const isOver = due.login !== null && leftMs <= 0;
  if (isOver || clock.nowMs() - markedAtMs > SEND_WITHIN_MS) {
    return { settled: tooLate(message, clock.nowMs()) };
  }
  const outcome = await sendSafely(() => notifier.send(messageToSend(message, leftMs)));
  const { runId, userId, messageId } = due;
  emit({ type: 'message_settled', runId, userId, messageId, outcome: outcome.kind });
  return settledAs(deps, message, outcome);
}

/** Its sender stood still: others may count it as lost by now. Nobody else could send it, so it is proven not sent. */
function tooLate({ due: { messageId, attempt } }: ComposedMessage, nowMs: number): SettledMessage {
  const again = { messageId, attempt, status: 'queued', nextAttemptMs: nowMs, lookedUp: true } as const;
  return { ...again, reason: 'mark_stale' };
}

async function settledAs(deps: NotifyDeps, message: ComposedMessage, outcome: SendOutcome): Promise<Outcome> {
  const { clock, notifier } = deps;
  const { messageId, attempt } = message.due;
  const nowMs = clock.nowMs();
  const about = { messageId, attempt, code: 'code' in outcome ? (outcome.code ?? null) : null };
  switch (outcome.kind) {
    case 'sent': {
      const { providerId, providerStatus = null } = outcome;
      return { settled: { ...about, status: 'sent', reason: null, providerId, providerStatus } };
    }
    case 'unknown': {
      const nextLookupMs = firstLookupMs(notifier, nowMs);
      return { settled: { ...about, status: 'unknown', reason: outcome.reason, nextLookupMs } };
    }
    case 'later': {
      const nextAttemptMs = nextTryMs(nowMs, outcome.afterMs, endMs(message.due, notifier.pace));
      const status = nextAttemptMs === null ? 'failed' : 'queued';
      return { settled: { ...about, status, reason: outcome.reason, nextAttemptMs } };
    }
    case 'failed':
      return rejectedAs(deps, message, outcome);
  }
}

/** It waits as long as it is valid, and is tried once more before that is over; null: it is. */
function nextTryMs(nowMs: number, afterMs: number, endsMs: number): number | null {
  if (nowMs >= endsMs) return null;
  const lastTryMs = endsMs - LAST_TRY_BEFORE_MS;
  return nowMs < lastTryMs ? Math.min(nowMs + afterMs, lastTryMs) : endsMs;
}

/** A proven refusal: what is wrong decides whether it goes another way, waits for a person, or is over. */
async function rejectedAs(
  deps: NotifyDeps,
  { due, channel }: ComposedMessage,
  outcome: Extract<SendOutcome, { kind: 'failed' }>,
): Promise<Outcome> {
  const { messageId, attempt, runId, userId } = due;
  const { reason, code = null, about = 'unlisted', declined = false } = outcome;
  const rejected = { messageId, attempt, code, reason };
  const facts = { runId, userId, messageId, code };
  if (about === 'everything') {
    await stopMessages(deps, { why: reason, channel, facts });
    return { settled: { ...rejected, status: 'queued', channel } };
  }
  if (about === 'recipient') {
    deps.emit({ type: 'recipient_unreachable', alert: true, ...facts });
    if (!declined && channel === 'whatsapp' && deps.notifier.pace?.fallback === 'sms') {
      return { settled: { ...rejected, status: 'queued', channel: 'sms', unreachable: true } };
    }
    return { settled: { ...rejected, status: 'failed', unreachable: channel === 'whatsapp' } };
  }
  deps.emit({ type: 'message_failed', alert: true, ...facts });
  const settled = { ...rejected, status: 'failed' } as const;
  const counts = code !== null && isCounted(about);
  return counts ? { settled, rejection: { code, why: reason, stage: 'send', channel, facts } } : { settled };
}

async function sendSafely(send: () => Promise<SendOutcome>): Promise<SendOutcome> {
  try {
    return await send();
  } catch (error) {
    return { kind: 'unknown', reason: error instanceof Error ? untrustedText(error.message) : 'notifier_error' };
  }
}
