// Looks up messages of unknown fate at the provider.
import pLimit from 'p-limit';
import { untrustedText } from '../../domain/text/secrets.ts';
import type { Deps } from '../../ports/deps.ts';
import type { LostMessage, SettledMessage } from '../../ports/store/messages.ts';
import type { FindOutcome, Notifier } from '../../ports/world.ts';
import type { NotifyDeps } from './deps.ts';
import { settleMessages } from './settle-messages.ts';

/** How long after the send, and after each look without a find: providers list late. Then it is for a person. */
const PAUSES_MS = [10_000, 20_000, 40_000, 80_000, 160_000];

/** When a message that became unknown now is looked for first; null: nobody can be asked. */
export function firstLookupMs({ lookup }: Notifier, nowMs: number): number | null {
  return lookup ? nowMs + (PAUSES_MS[0] ?? 0) : null;
}

/** Looks for messages of unknown fate, once each. Gives how many were found. */
export async function findMessages(deps: NotifyDeps, concurrency: number): Promise<number> {
  const { store, clock, notifier } = deps;
  if (!notifier.lookup) return 0;
  const claimed = await store.call('claim_message_lookups', { limit: concurrency * 4, nowMs: clock.nowMs() });
  if (claimed.length === 0) return 0;
  const limit = pLimit(concurrency);
  const messages = await Promise.all(claimed.map((one) => limit(() => findMessage(deps, one))));
  await settleMessages(deps, messages);
  return messages.filter(({ status }) => status !== 'unknown').length;
}

async function findMessage(deps: NotifyDeps, lost: LostMessage): Promise<SettledMessage> {
  const { messageId, attempt, runId, userId } = lost;
  const result = await lookUp(deps, lost);
  const lookup = { messageId, attempt, lookedUp: true } as const;
  if (result.kind === 'found') {
    deps.emit({ type: 'message_found', runId, userId, messageId });
    return {
      ...lookup,
      status: 'sent',
      reason: null,
      providerId: result.providerId,
      providerStatus: result.providerStatus,
    };
  }
  const reason = result.kind === 'missing' ? 'not_found_yet' : `lookup: ${result.reason}`;
  const nowMs = deps.clock.nowMs();
  const pauseMs = PAUSES_MS[lost.lookups + 1];
  if (pauseMs !== undefined) return { ...lookup, status: 'unknown', reason, nextLookupMs: nowMs + pauseMs };
  const { maxResends = 0, validForMs = 0 } = deps.notifier.pace ?? {};
  const endMs = Math.min(lost.dueMs + validForMs, lost.beforeMs ?? Number.POSITIVE_INFINITY);
  // Only where every look was answered, and somebody decided that one message too many is better than none.
  if (result.kind === 'missing' && lost.resends < maxResends && nowMs < endMs) {
    deps.emit({ type: 'message_resent', alert: true, runId, userId, messageId });
    return { ...lookup, status: 'queued', reason: 'resend: policy', resend: true };
  }
  deps.emit({ type: 'message_needs_person', alert: true, runId, userId, messageId });
  return { ...lookup, status: 'unknown', reason, nextLookupMs: null };
}

async function lookUp({ notifier }: Deps<'notifier'>, lost: LostMessage): Promise<FindOutcome> {
  const { messageId, to, text, channel, sendingMs, otherIds } = lost;
  if (!notifier.lookup || to === null) return { kind: 'unreadable', reason: 'nobody to ask' };
  try {
    return await notifier.lookup({ messageId, whatsapp: to, text, channel, sendingMs, otherIds });
  } catch (error) {
    return { kind: 'unreadable', reason: error instanceof Error ? untrustedText(error.message) : 'lookup_error' };
  }
}
