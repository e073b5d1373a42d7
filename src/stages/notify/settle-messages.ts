// Writes what became of messages; one that cannot be written keeps no other from it.
import { DatabaseError } from '../../ports/database.ts';
import type { SettledMessage } from '../../ports/store/messages.ts';
import type { CallOptions } from '../../ports/store/store.ts';
import { inHalves } from '../in-halves.ts';
import type { NotifyDeps } from './deps.ts';

/**
 * Writes what became of messages. One that the database does not take is left to a person as unknown, so that it is never
 * sent again blindly; one that another session holds is found like any whose sender was lost. The others are written.
 */
export async function settleMessages(deps: NotifyDeps, messages: SettledMessage[]): Promise<void> {
  if (messages.length === 0) return;
  const { store, clock, emit } = deps;
  const write = async (part: SettledMessage[], options: CallOptions) => {
    await store.call('settle_messages', { messages: part, nowMs: clock.nowMs() }, options);
    return part.map(() => true as const);
  };
  const results = await inHalves(messages, write);
  for (const [index, message] of messages.entries()) {
    const error = results[index];
    if (!(error instanceof DatabaseError)) continue;
    emit({ type: 'message_needs_person', alert: true, messageId: message.messageId, error });
    if (error.kind !== 'refused') continue;
    const unknown = {
      ...identityOf(message),
      status: 'unknown',
      reason: 'unreadable_answer',
      nextLookupMs: null,
    } as const;
    await store.call('settle_messages', { messages: [unknown], nowMs: clock.nowMs() }, { repeat: 'lost' });
  }
}

/** Which message and which try of it, without anything a provider said. */
function identityOf({
  messageId,
  attempt,
  lookedUp,
}: SettledMessage): Pick<SettledMessage, 'messageId' | 'attempt' | 'lookedUp'> {
  return { messageId, ...(attempt === undefined ? {} : { attempt }), ...(lookedUp === undefined ? {} : { lookedUp }) };
}
