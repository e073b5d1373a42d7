// Composes a due message: free text or template, language and channel.
import { type Currency, INR } from '../../domain/currency.ts';
import { addDays, istMs } from '../../domain/market/india-time.ts';
import { currencyOfRun } from '../../domain/market/session.ts';
import { reminderSlots, reminderText } from '../../domain/messages/login-reminder.ts';
import { type OrderItems, type SingleOrdersInput, singleOrdersParts } from '../../domain/messages/single-orders.ts';
import { type SummaryParts, summaryParts, textOf } from '../../domain/messages/summary.ts';
import type { SummaryInput } from '../../domain/messages/summary-input.ts';
import { filledTemplate, templateSlots, templates } from '../../domain/messages/template.ts';
import type { Language } from '../../domain/messages/texts/en.ts';
import type { Deps } from '../../ports/deps.ts';
import type { DueMessage, MessageToMark, SettledMessage } from '../../ports/store/messages.ts';
import type { MessageToSend, Notifier, NotifierPace } from '../../ports/world.ts';

/** A due message in the form it goes in. */
export interface ComposedMessage {
  due: DueMessage;
  language: Language;
  channel: 'whatsapp' | 'sms';
  text: string;
  slots: string[] | null;
}

/** A message is stale after this where the provider sets no term of its own. */
const VALID_MS = 10 * 3_600_000;

/** From when on nobody should get a message any more: the provider's term, or what it is about is over. */
export function endMs({ dueMs, login }: DueMessage, pace: NotifierPace | undefined): number {
  return Math.min(dueMs + (pace?.validForMs ?? VALID_MS), login?.beforeMs ?? Number.POSITIVE_INFINITY);
}

/**
 * Writes a message: free text where it may go (no template is asked for, the user wrote within 24 hours, or it goes as
 * SMS), else the approved template with its slots filled, in the user's language if there is one in it.
 */
export async function composeMessage(due: DueMessage, deps: ComposeDeps): Promise<ComposedMessage> {
  const { templates, reminderTemplates, pace } = deps.notifier;
  const approved = due.login ? reminderTemplates : templates;
  const channel = due.silenced === 'unreachable' && pace?.fallback === 'sms' ? 'sms' : due.channel;
  const free = approved === undefined || due.windowOpen || channel === 'sms';
  const language = free || approved.includes(due.language) ? due.language : 'en';
  const base = { due, language, channel };
  if (due.login) {
    const slots = await slotsOfReminder(due, due.login, language, deps);
    return { ...base, text: reminderText(language, slots), slots: free ? null : slots };
  }
  const parts = partsOf(due, language);
  if (free) return { ...base, text: textOf(parts), slots: null };
  return { ...base, ...inTemplate(parts, language) };
}

type ComposeDeps = Deps<'loginLink' | 'notifier'>;

/** The link is good until the day is over: a login after the scan still serves what is bought and sold by hand. */
async function slotsOfReminder(
  { userName, tradeDate: date }: DueMessage,
  { accountId, venue, beforeMs }: NonNullable<DueMessage['login']>,
  language: Language,
  { loginLink }: ComposeDeps,
): Promise<string[]> {
  const link = (await loginLink?.({ accountId, venue, untilMs: istMs(addDays(date, 1), '00:00') })) ?? null;
  return reminderSlots({ userName, language, date, venue, beforeMs, link });
}

/** Orders placed one by one are told in the summary's form: there is no template of their own to be approved. */
function partsOf(due: DueMessage, language: Language): SummaryParts {
  if (due.kind.startsWith('single_orders')) return singleOrdersParts({ ...singleOrdersInputOf(due), language });
  return summaryParts({ ...summaryInputOf(due), language });
}

function inTemplate(parts: SummaryParts, language: Language): Pick<ComposedMessage, 'text' | 'slots'> {
  const slots = templateSlots(parts, language);
  return { slots, text: filledTemplate(templates[language], slots) };
}

/** What ends without being sent: nobody wants it, nobody may get it, or it is too old; null: it is to go. */
export function unsent(
  { due, channel, text }: ComposedMessage,
  notifier: Notifier,
  nowMs: number,
): SettledMessage | null {
  const { messageId, silenced, whatsapp, login } = due;
  const { pace, reminderTemplates } = notifier;
  const reason = silenced === 'unreachable' && channel === 'sms' ? null : silenced;
  if (reason !== null || whatsapp === null) {
    const status = reason === 'unreachable' ? 'failed' : 'suppressed';
    return { messageId, status, reason: reason ?? 'no_whatsapp_number', text };
  }
  if (login && reminderTemplates?.length === 0) {
    return { messageId, status: 'suppressed', reason: 'no_reminder_template', text };
  }
  if ((pace || login) && nowMs >= endMs(due, pace)) return { messageId, status: 'failed', reason: 'too_old', text };
  return null;
}

export function markOf({ due, channel, text, slots }: ComposedMessage, { pace }: Notifier): MessageToMark {
  const mark = { messageId: due.messageId, text, contentHash: due.contentHash, channel, template: slots !== null };
  return pace && due.whatsapp !== null ? { ...mark, to: due.whatsapp } : mark;
}

/** @throws Error for a message without a number: those are never marked */
export function messageToSend(
  { due, channel, language, text, slots }: ComposedMessage,
  validForMs: number,
): MessageToSend {
  const { messageId, userId, userName, whatsapp, attempt } = due;
  if (whatsapp === null) throw new Error(`message ${messageId} has no number to go to`);
  const about = { messageId, userId, userName, whatsapp, attempt, channel, language };
  return { ...about, text, slots, validForMs, template: due.login ? 'reminder' : 'summary' };
}

type Line = DueMessage['lines'][number];

/** A message tells of one run, and a run of one market. Of no run: a login reminder, which names no amount. */
function currencyOf({ runId }: DueMessage): Currency {
  return runId === null ? INR : currencyOfRun(runId);
}

/** A user's rows as the message says them. Only rows: the same text comes out whoever makes it, whenever. */
function summaryInputOf(message: DueMessage): SummaryInput {
  const { lines } = message;
  return {
    userName: message.userName,
    language: message.language,
    isCorrection: message.kind.startsWith('correction'),
    date: message.tradeDate,
    mode: message.mode,
    currency: currencyOf(message),
    pricesFrom: message.pricesFrom,
    ...itemsOf(lines),
    totals: {
      signals: lines.length,
      chargesMinor: lines.reduce(
        (sum, line) => sum + ((line.filledQuantity ?? 0) > 0 ? (line.chargesMinor ?? 0) : 0),
        0,
      ),
      availableMinor: message.availableMinor,
    },
  };
}

/** The orders a message of single orders tells of, and by whom each was placed. */
function singleOrdersInputOf(message: DueMessage): SingleOrdersInput {
  const { userName, language, tradeDate, mode, pricesFrom, lines } = message;
  const orders = lines.map((line) => {
    const { placedBy = { own: false, key: null }, quantity } = line;
    return { placedBy, quantity: quantity ?? 0, items: itemsOf([line]) };
  });
  return { userName, language, date: tradeDate, mode, currency: currencyOf(message), pricesFrom, orders };
}

function itemsOf(lines: readonly Line[]): OrderItems {
  return {
    bought: lines.flatMap(boughtOf),
    pending: lines.flatMap(pendingOf),
    unknown: lines.flatMap((line) => {
      return line.status === 'unknown' ? [{ symbol: line.symbol, side: line.side, quantity: line.quantity ?? 0 }] : [];
    }),
    notDone: lines.flatMap(notDoneOf),
  };
}

function boughtOf(line: Line): SummaryInput['bought'] {
  const quantity = line.filledQuantity ?? 0;
  if (quantity === 0) return [];
  const amountMinor = line.filledValueMinor ?? 0;
  const { symbol, side } = line;
  const ordered = line.quantity ?? quantity;
  const partial = quantity < ordered ? { ordered } : undefined;
  const averagePriceMinor = Math.round(amountMinor / quantity);
  const marginMinor = line.marginMinor ?? 0;
  const profitMinor = side === 'SELL' ? line.realisedMinor : null;
  const isBuy = side === 'BUY';
  const exits = { stopMinor: isBuy ? line.stopLossMinor : null, targetMinor: isBuy ? line.targetMinor : null };
  return [{ symbol, side, quantity, averagePriceMinor, amountMinor, marginMinor, profitMinor, partial, ...exits }];
}

function pendingOf(line: Line): SummaryInput['pending'] {
  const { symbol, side, limitPriceMinor, status } = line;
  const quantity = (line.quantity ?? 0) - (line.filledQuantity ?? 0);
  if (status === 'queued' || status === 'submitting')
    return [{ symbol, side, quantity, limitPriceMinor, status: 'queued' }];
  if (status === 'working' || status === 'partially_filled') {
    return [{ symbol, side, quantity, limitPriceMinor, status: 'working' }];
  }
  return [];
}

function notDoneOf(line: Line): SummaryInput['notDone'] {
  const { symbol, side, limit, actual, message } = line;
  if (line.outcome !== 'accepted')
    return [{ symbol, side, what: line.outcome, reason: line.reason, limit, actual, message }];
  // Filled, it was said, until a person corrected it to nothing.
  const neverWas = line.status === 'filled' && line.filledQuantity === 0;
  const status = neverWas ? 'canceled' : line.status;
  const reason = neverWas ? 'resolved_by_operator' : line.orderReason;
  if (status !== 'rejected' && status !== 'canceled' && status !== 'expired') return [];
  return [{ symbol, side, what: status, reason, limit, actual, message }];
}
