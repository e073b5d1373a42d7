// Stops all messages where several users in a row were rejected with one code.
import type { SendErrorClass } from '../../domain/send-errors.ts';
import type { StopDeps } from './deps.ts';

/**
 * How many different people in a row have to be refused with one code, nobody getting through in between, before
 * everything is stopped. One or two may be an odd name or an odd phone; three are us. More would only lose more messages.
 */
const PEOPLE_IN_A_ROW = 3;

/** Who stops messages where nobody does by hand. */
const actor = { who: 'notify', how: 'service' } as const;

type Channel = 'whatsapp' | 'sms';
type Facts = Readonly<Record<string, string | number | null>>;

/** A refusal that counts towards stopping everything. */
export interface CountedRejection {
  code: string;
  why: string;
  stage: 'send' | 'delivery';
  channel: Channel;
  facts: Facts;
}

/** Whether a refusal may be everybody's; handset and media are one user's. */
export function isCounted(about: SendErrorClass): boolean {
  return about === 'message' || about === 'unlisted';
}

/** Stops what every further message would meet: all of them, or, met by the fallback, the fallback. One alarm for it. */
export async function stopMessages(
  { store, clock, emit }: StopDeps,
  { why, channel, facts }: { why: string; channel: Channel; facts: Facts },
): Promise<void> {
  const { changed } = await store.call('stop_messages', { why, channel, nowMs: clock.nowMs(), by: actor });
  if (changed) emit({ type: eventTypeOf(channel), alert: true, ...facts, why });
}

/** The same where several people in a row were refused with this code; their messages wait for the mending. */
export async function stopIfInARow({ store, clock, emit }: StopDeps, counted: CountedRejection): Promise<void> {
  const { facts, ...rejection } = counted;
  const args = { ...rejection, people: PEOPLE_IN_A_ROW, nowMs: clock.nowMs(), by: actor };
  const { changed, queued } = await store.call('stop_refused_in_a_row', args);
  if (changed) emit({ type: eventTypeOf(rejection.channel), alert: true, ...facts, why: rejection.why, queued });
}

function eventTypeOf(channel: Channel): 'fallback_stopped' | 'messages_stopped' {
  return channel === 'sms' ? 'fallback_stopped' : 'messages_stopped';
}
