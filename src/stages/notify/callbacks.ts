// Books what the message provider reports: deliveries, and what users write.
import { consentIn } from '../../domain/messages/consent.ts';
import type { SendErrorClass } from '../../domain/send-errors.ts';
import type { ProviderUpdate } from '../../ports/world.ts';
import type { CallbackDeps } from './deps.ts';
import { isCounted, stopIfInARow, stopMessages } from './rejected-message.ts';

/**
 * Books what the provider told by itself: how far a message has come, or what somebody wrote. In any order and as often
 * as it likes: statuses only go up in rank.
 */
export async function bookProviderUpdate(deps: CallbackDeps, update: ProviderUpdate): Promise<void> {
  if (update.kind === 'delivery') await bookDelivery(deps, update);
  if (update.kind === 'inbound') await bookInbound(deps, update);
}

async function bookInbound({ store, clock, emit }: CallbackDeps, update: Extract<ProviderUpdate, { kind: 'inbound' }>) {
  const { number, text, providerId, channel } = update;
  const consent = consentIn(text);
  const source = `${channel}:${consent ?? 'message'}`;
  const { users } = await store.call('record_inbound_message', {
    number,
    consent,
    source,
    providerId,
    nowMs: clock.nowMs(),
  });
  emit({ type: 'message_received', consent, users });
}

const failures = new Set(['failed', 'undelivered', 'canceled']);

async function bookDelivery(deps: CallbackDeps, update: Extract<ProviderUpdate, { kind: 'delivery' }>): Promise<void> {
  const { store, clock, notifier, emit } = deps;
  const { messageId, attempt, providerId, providerStatus } = update;
  const failure = failures.has(providerStatus) ? failureOf(deps, update) : null;
  const { about = null, why = null, code = update.code } = failure ?? {};
  const nowMs = clock.nowMs();
  const recorded = await store.call('record_delivery', {
    ...{ messageId, attempt, providerId, providerStatus, code, nowMs },
    reason: why,
    unreachable: about === 'recipient',
    retryMs: failure?.pauseMs === undefined ? null : nowMs + failure.pauseMs,
    fallback: about === 'recipient' && !failure?.declined ? (notifier.pace?.fallback ?? null) : null,
  });
  if (recorded.kind !== 'recorded') {
    emit({ type: 'delivery_reported', messageId, providerStatus, kind: recorded.kind });
    return;
  }
  const { runId, userId, status, channel } = recorded;
  const facts = { runId, userId, messageId, providerStatus, code, status };
  // One alarm for everybody comes with the stop.
  const isAlert = failure !== null && about !== 'later' && about !== 'everything';
  emit({ type: 'delivery_reported', ...facts, ...(isAlert ? { alert: true as const } : {}) });
  if (failure?.about === 'everything') await stopMessages(deps, { why: failure.why, channel, facts });
  if (failure && isCounted(failure.about)) {
    await stopIfInARow(deps, { code: failure.code, why: failure.why, stage: 'delivery', channel, facts });
  }
}

/** What a message that did not arrive met. `pauseMs`: it goes again after it; left out: it does not. */
interface Failure {
  about: SendErrorClass;
  code: string;
  why: string;
  declined: boolean;
  pauseMs?: number | undefined;
}

function failureOf(
  { notifier }: Pick<CallbackDeps, 'notifier'>,
  { providerStatus, code, attempt }: Extract<ProviderUpdate, { kind: 'delivery' }>,
): Failure {
  const nobodyKnows = { about: 'unlisted', means: null, declined: false, afterMs: 0 } as const;
  const { about, means, declined, afterMs } = notifier.classify?.(code, attempt) ?? nobodyKnows;
  // Without a code it is counted as one of its own: it may meet several people in a row too.
  const named = code ?? 'no_code';
  const why = `${providerStatus}: ${named}${means === null ? '' : `: ${means}`}`;
  // What stops everything goes again as soon as somebody has mended it.
  const pauseMs = about === 'later' ? afterMs : about === 'everything' ? 0 : undefined;
  return { about, code: named, why, declined, pauseMs };
}
