import { type SummaryInput, summaryParts, summaryText } from '../domain/message.ts';
import type { Language } from '../domain/message-words.ts';
import { filledTemplate, templateSlots, templates } from '../domain/template.ts';
import type { MessageToMark, SettledMessage } from '../ports/message-arguments.ts';
import type { Answer } from '../ports/store.ts';
import type { MessageToSend, Notifier } from '../ports/world.ts';
import { summaryInputOf } from './summary.ts';

export type DueMessage = Answer<'read_due_messages'>[number];

/** A due message in the form it goes in. */
export interface Letter {
  due: DueMessage;
  language: Language;
  channel: 'whatsapp' | 'sms';
  text: string;
  slots: string[] | null;
}

/**
 * Writes a message: free text where it may go (no template is asked for, the user wrote within 24 hours, or it goes as
 * SMS), else the approved template with its slots filled, in the user's language if there is one in it.
 */
export function letterOf(due: DueMessage, { templates: approved, pace }: Notifier): Letter {
  const input = summaryInputOf(due);
  const channel = due.silenced === 'unreachable' && pace?.fallback === 'sms' ? 'sms' : due.channel;
  const free = approved === undefined || due.windowOpen || channel === 'sms';
  if (free) return { due, language: due.language, channel, text: summaryText(input), slots: null };
  const language = approved.includes(due.language) ? due.language : 'en';
  return { due, language, channel, ...inTemplate({ ...input, language }) };
}

function inTemplate(input: SummaryInput): Pick<Letter, 'text' | 'slots'> {
  const slots = templateSlots(summaryParts(input), input.language);
  return { slots, text: filledTemplate(templates[input.language], slots) };
}

/** What ends without being sent: nobody wants it, nobody may get it, or it is too old; null: it is to go. */
export function unsent({ due, channel, text }: Letter, { pace }: Notifier, nowMs: number): SettledMessage | null {
  const { messageId, silenced, whatsapp, dueMs } = due;
  const reason = silenced === 'unreachable' && channel === 'sms' ? null : silenced;
  if (reason !== null || whatsapp === null) {
    const status = reason === 'unreachable' ? 'failed' : 'suppressed';
    return { messageId, status, reason: reason ?? 'no_whatsapp_number', text };
  }
  if (pace && nowMs >= dueMs + pace.validForMs) return { messageId, status: 'failed', reason: 'too_old', text };
  return null;
}

export function markOf({ due, channel, text, slots }: Letter, { pace }: Notifier): MessageToMark {
  const mark = { messageId: due.messageId, text, said: due.said, channel, template: slots !== null };
  return pace && due.whatsapp !== null ? { ...mark, to: due.whatsapp } : mark;
}

/** @throws Error for a message without a number: those are never marked */
export function envelopeOf({ due, channel, language, text, slots }: Letter, validForMs: number): MessageToSend {
  const { messageId, userId, userName, whatsapp, attempt } = due;
  if (whatsapp === null) throw new Error(`message ${messageId} has no number to go to`);
  const about = { messageId, userId, userName, whatsapp, attempt, channel, language };
  return { ...about, text, slots, validForMs, template: 'summary' };
}
