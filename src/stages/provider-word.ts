import { consentIn } from '../domain/consent.ts';
import { retryAfterMs, type SendErrorClass } from '../domain/send-errors.ts';
import type { ProviderWord, World } from '../ports/world.ts';

/**
 * Books what the provider told by itself: how far a message has come, or what somebody wrote. In any order and as often
 * as it likes: statuses only go up in rank.
 */
export async function hearProvider(world: World, word: ProviderWord): Promise<void> {
  if (word.kind === 'delivery') await hearDelivery(world, word);
  if (word.kind === 'inbound') await hearInbound(world, word);
}

async function hearInbound({ store, clock, tell }: World, word: Extract<ProviderWord, { kind: 'inbound' }>) {
  const { number, text, providerId, channel } = word;
  const said = consentIn(text);
  const source = `${channel}:${said ?? 'message'}`;
  const { users } = await store.call('hear_inbound', { number, said, source, providerId, nowMs: clock.nowMs() });
  tell({ step: 'message_received', said, users });
}

const failures = new Set(['failed', 'undelivered', 'canceled']);

async function hearDelivery(world: World, word: Extract<ProviderWord, { kind: 'delivery' }>): Promise<void> {
  const { store, clock, notifier, tell } = world;
  const { messageId, attempt, providerId, providerStatus, code } = word;
  const failed = failures.has(providerStatus);
  const meaning = failed ? (notifier.classify?.(code) ?? 'person') : null;
  const nowMs = clock.nowMs();
  const heard = await store.call('hear_delivery', {
    ...{ messageId, attempt, providerId, providerStatus, code, nowMs },
    reason: failed ? `${providerStatus}: ${code ?? 'no code'}` : null,
    unreachable: meaning === 'recipient',
    retryMs: meaning === null ? null : retryMs(meaning, code, attempt, nowMs),
    mostAttempts: notifier.pace?.mostAttempts ?? 1,
    fallback: meaning === 'recipient' ? (notifier.pace?.fallback ?? null) : null,
  });
  if (heard.kind !== 'heard') {
    tell({ step: 'delivery_heard', messageId, providerStatus, kind: heard.kind });
    return;
  }
  const { runId, userId, status } = heard;
  const about = { runId, userId, messageId, providerStatus, code, status };
  tell({ step: 'delivery_heard', ...about, ...(meaning === null || meaning === 'later' ? {} : { alert: true }) });
  if (meaning === 'message' || meaning === 'everything') {
    await store.call('stop_messages', { why: `${code ?? 'no code'} (${providerStatus})`, nowMs });
    tell({ step: 'messages_stopped', alert: true, ...about });
  }
}

/** When a message that provably did not arrive may go again: later, or as soon as somebody has mended what is wrong. */
function retryMs(meaning: SendErrorClass, code: string | null, attempt: number, nowMs: number): number | null {
  if (meaning === 'later') return nowMs + retryAfterMs(code, attempt);
  return meaning === 'everything' ? nowMs : null;
}
