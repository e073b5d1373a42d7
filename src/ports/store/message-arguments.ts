// The arguments of sending messages and notices.
import type { Actor } from '../../domain/actions.ts';

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

export interface SettledNotice {
  noticeId: number;
  status: 'queued' | 'sent' | 'failed' | 'unknown';
  reason: string | null;
  providerId: string | null;
  nextAttemptMs: number | null;
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

/** The arguments of the functions about messages and notices. */
export interface MessageArguments {
  /** The login reminders of a day: due from `dueMs` on, never sent from `sendBeforeMs` on. */
  queue_login_reminders: { tradeDate: string; dueMs: number; sendBeforeMs: number; nowMs: number };
  /** Those of a run, or the login reminders of a day. */
  read_messages: { runId: string; userIds?: string[] } | { runId: null; tradeDate: string };
  read_due_messages: { runId: string | null; limit: number; nowMs: number };
  queue_corrections: { nowMs: number };
  mark_sending: {
    /** One per call: repeated after a lost answer it is answered with what it marked. */
    markId?: string;
    messages: MessageToMark[];
    nowMs: number;
    pace?: { pairPauseMs: number; dailyRecipients: number | null };
  };
  settle_messages: { messages: SettledMessage[]; nowMs: number };
  sweep_messages: { nowMs: number; onlyProcess: boolean; nextLookupMs?: number | null };
  claim_message_lookups: { limit: number; nowMs: number };
  record_delivery: {
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
  };
  record_inbound_message: {
    number: string;
    consent: 'start' | 'stop' | null;
    source: string;
    providerId: string;
    nowMs: number;
  };
  /** Met by `sms`, the fallback, it stops the fallback only; by `whatsapp`: everything. */
  stop_messages: { why: string; channel: 'whatsapp' | 'sms'; nowMs: number; by: Actor };
  /** The same where the last `people` different users of a stage and channel were all refused with this code. */
  stop_refused_in_a_row: {
    code: string;
    /** Refused when it was sent, or told afterwards by the provider. */
    stage: 'send' | 'delivery';
    channel: 'whatsapp' | 'sms';
    people: number;
    why: string;
    nowMs: number;
    by: Actor;
  };
  resume_messages: { by: Actor; nowMs: number };
  queue_notices: {
    notices: { key: string; runId: string | null; text: string }[];
    to: readonly string[];
    nowMs: number;
  };
  claim_notices: { limit: number; nowMs: number };
  settle_notices: { notices: SettledNotice[]; nowMs: number };
  read_digests: { nowMs: number };
  resend_message: { runId: string; userId: string; by: Actor; nowMs: number };
}
