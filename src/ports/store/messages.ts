// Messages to users: queued, sent, looked up and delivered.
import { z } from 'zod';
import type { Actor } from '../../domain/actions.ts';
import {
  call,
  channel,
  language,
  messageStatus,
  minor,
  mode,
  outcome,
  pricesFrom,
  reason,
  side,
  status,
} from './shapes.ts';

/**
 * What became of one message. `queued`: proven not sent, or provably not arrived: it may go again. From `unknown` a
 * message moves only by who looked it up (`looked`), and only on the attempt it names.
 */
export interface SettledMessage {
  messageId: number;
  status: 'queued' | 'sent' | 'failed' | 'unknown' | 'suppressed';
  reason: string | null;
  text?: string;
  providerId?: string | null;
  providerStatus?: string | null;
  /** The provider's error code. */
  code?: string | null;
  attempt?: number;
  lookedUp?: boolean;
  nextAttemptMs?: number | null;
  nextLookupMs?: number | null;
  /** What it goes over from now on. */
  channel?: 'whatsapp' | 'sms';
  /** It goes again although nobody knows whether it went: counted against the limit for that. */
  resend?: boolean;
  /** Nothing can arrive at this number. */
  unreachable?: boolean;
}

/** One message about to be sent, as it will read. */
export interface MessageToMark {
  messageId: number;
  text: string;
  /** The digest of the orders the text was made from. */
  contentHash?: string;
  /** Where it goes; only where numbers are paced. */
  to?: string;
  template?: boolean;
  channel?: 'whatsapp' | 'sms';
}

const dueMessage = z.object({
  messageId: z.int(),
  /** null: a login reminder. */
  runId: z.string().nullable(),
  userId: z.string(),
  kind: z.string(),
  userName: z.string(),
  whatsapp: z.string().nullable(),
  /** Why it is not to go at all; null: it may. */
  silenced: z.string().nullable(),
  language,
  channel,
  attempt: z.int(),
  /** They wrote within the last 24 hours: free text may go. */
  windowOpen: z.boolean(),
  dueMs: z.int(),
  contentHash: z.string(),
  tradeDate: z.string(),
  mode,
  /** `signal`: no prices were given, and each signal's own stood for one. */
  pricesFrom: pricesFrom.nullable(),
  /** Which login is missing, and until when it can be made and the message may go; null: it is about a run. */
  login: z.object({ accountId: z.int(), venue: z.string(), beforeMs: z.int() }).nullable(),
  lines: z.array(
    z.object({
      symbol: z.string(),
      side,
      outcome,
      reason,
      limit: z.string().nullable(),
      actual: z.string().nullable(),
      status: status.nullable(),
      orderReason: z.string().nullable(),
      message: z.string().nullable(),
      quantity: z.int().nullable(),
      filledQuantity: z.int().nullable(),
      filledValueMinor: minor.nullable(),
      limitPriceMinor: minor.nullable(),
      marginMinor: minor.nullable(),
      chargesMinor: minor.nullable(),
      /** What its strategy watches it by; a message of single orders says none. */
      stopLossMinor: minor.nullish(),
      targetMinor: minor.nullish(),
      /** Of a sale: what its fills brought beyond what was paid, before charges. */
      realisedMinor: minor.nullable(),
      /** Of a message of single orders: whether the user placed it, and with which key, by its label or hint. */
      placedBy: z.object({ own: z.boolean(), key: z.string().nullable() }).optional(),
    }),
  ),
  /** Cash of the account that is not set aside, as it is now; null: it is about no run. */
  availableMinor: minor.nullable(),
});
export type DueMessage = z.infer<typeof dueMessage>;

/** A message nobody knows the fate of, to be looked for at the provider. */
const lostMessage = z.object({
  messageId: z.int(),
  /** null: a login reminder. */
  runId: z.string().nullable(),
  userId: z.string(),
  to: z.string().nullable(),
  channel,
  attempt: z.int(),
  lookups: z.int(),
  resends: z.int(),
  text: z.string(),
  dueMs: z.int(),
  /** From then on it must not go; null: the provider's term is all there is. */
  beforeMs: z.int().nullable(),
  sendingMs: z.int(),
  /** The provider's ids of other messages to the same number, which it can not be. */
  otherIds: z.array(z.string()),
});
export type LostMessage = z.infer<typeof lostMessage>;

const bookedDelivery = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['no_such_message', 'not_the_last_try']) }),
  z.object({ kind: z.literal('nothing_new'), status: messageStatus }),
  z.object({
    kind: z.literal('recorded'),
    status: messageStatus,
    /** What it had gone over. */
    channel,
    runId: z.string().nullable(),
    userId: z.string(),
  }),
]);

const resentMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('no_such_message') }),
  z.object({ kind: z.literal('not_settled'), status: messageStatus }),
  z.object({ kind: z.literal('queued'), was: messageStatus }),
]);

const storedMessage = z.object({
  userId: z.string(),
  userName: z.string(),
  kind: z.string(),
  status: messageStatus,
  reason: z.string().nullable(),
  text: z.string(),
  channel,
  attempts: z.int(),
  providerId: z.string().nullable(),
  providerStatus: z.string().nullable(),
  errorCode: z.string().nullable(),
  changedAtMs: z.int(),
  events: z.array(
    z.object({
      atMs: z.int(),
      status: messageStatus,
      attempt: z.int(),
      providerStatus: z.string().nullable(),
      errorCode: z.string().nullable(),
      reason: z.string().nullable(),
    }),
  ),
});
export type StoredMessage = z.infer<typeof storedMessage>;

export const messages = {
  /** Queues one correction for whoever was told something that is not so any more. */
  queue_corrections: call<{ nowMs: number }>()(z.object({ queued: z.int() }), { isLong: true }),
  /** Reads messages that may go: of a run, of single orders, and login reminders. */
  read_due_messages: call<{ runId: string | null; limit: number; nowMs: number }>()(z.array(dueMessage)),
  /** Marks messages as being sent: only what this returns may be sent, and only by its caller. */
  mark_sending: call<{
    /** One per call: repeated after a lost answer it is answered with what it marked. */
    markId?: string;
    messages: MessageToMark[];
    nowMs: number;
    pace?: { pairPauseMs: number; dailyRecipients: number | null };
  }>()(z.object({ marked: z.array(z.int()) })),
  /** Books what became of messages. */
  settle_messages: call<{ messages: SettledMessage[]; nowMs: number }>()(z.object({ settled: z.int() })),
  /** Makes messages whose sender is gone unknown: they may have been sent, and never go again blindly. */
  sweep_messages: call<{ nowMs: number; onlyProcess: boolean; nextLookupMs?: number | null }>()(
    z.object({ lost: z.int() }),
  ),
  /** Claims unknown messages whose pause is over, each for one caller, who has a minute. */
  claim_message_lookups: call<{ limit: number; nowMs: number }>()(z.array(lostMessage)),
  /** Books what the provider tells of a message by itself, in any order and as often as it likes. */
  record_delivery: call<{
    messageId: number;
    attempt: number;
    providerId: string;
    providerStatus: string;
    code: string | null;
    reason: string | null;
    nowMs: number;
    unreachable: boolean;
    /** When a message that did not arrive may go again; null: never. */
    retryMs: number | null;
    fallback: 'sms' | null;
  }>()(bookedDelivery),
  /** Books that somebody wrote: free text may go for a while; START and STOP count for every user of the number. */
  record_inbound_message: call<{
    number: string;
    consent: 'start' | 'stop' | null;
    source: string;
    providerId: string;
    nowMs: number;
  }>()(z.object({ users: z.int() })),
  /** Stops messages; the first reason stands. `sms`, the fallback, stops itself only; `whatsapp` stops everything. */
  stop_messages: call<{ why: string; channel: 'whatsapp' | 'sms'; nowMs: number; by: Actor }>()(
    z.object({ changed: z.boolean() }),
  ),
  /**
   * The same where the last `people` different users of a stage and channel were all refused with this code; what was
   * refused is queued again.
   */
  stop_refused_in_a_row: call<{
    code: string;
    /** Refused when it was sent, or told afterwards by the provider. */
    stage: 'send' | 'delivery';
    channel: 'whatsapp' | 'sms';
    people: number;
    why: string;
    nowMs: number;
    by: Actor;
  }>()(z.object({ changed: z.boolean(), queued: z.int() })),
  /** Lets messages go again after a stop; `why` it had been, null: there was none. */
  resume_messages: call<{ by: Actor; nowMs: number }>()(z.object({ why: z.string().nullable() })),
  /** Queues a message once more, because a person wants it. */
  resend_message: call<{ runId: string; userId: string; by: Actor; nowMs: number }>()(resentMessage),
  /** Reads messages of a run, or the login reminders of a day. */
  read_messages: call<{ runId: string; userIds?: string[] } | { runId: null; tradeDate: string }>()(
    z.array(storedMessage),
    { isLong: true, isReport: true },
  ),
};
