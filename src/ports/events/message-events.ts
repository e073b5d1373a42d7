// What happens to messages: to users, to operators, and what comes back from the provider.
import type { Alert, Failure, MaybeAlert } from './severity.ts';

/** Whose message it is. */
type MessageIds = { runId: string | null; userId: string; messageId: number };

/** What the provider stopped for everybody. `queued`: messages that wait for the mending. */
type Stopped = { why: string; queued?: number } & Partial<MessageIds>;

export interface MessageEvents {
  /** what became of a message after its sending */
  message_settled: MessageIds & { outcome: string };
  /** a message failed; the code says why */
  message_failed: Alert<MessageIds & { code: string | null }>;
  /** a message can’t reach its user on this channel */
  recipient_unreachable: Alert<MessageIds & { code: string | null }>;
  /** a message of unknown fate was found at the provider */
  message_found: MessageIds;
  /** a message nobody knows the fate of is sent once more */
  message_resent: Alert<MessageIds>;
  /** nobody can say whether a message went */
  message_needs_person: Alert<Partial<MessageIds> & Partial<Failure>>;
  /** the provider said what became of a message; an alert where it did not arrive */
  delivery_reported: MaybeAlert<
    Partial<MessageIds> & { providerStatus: string; code?: string | null; status?: string; kind?: string }
  >;
  /** all messages are stopped until somebody mends what every one would meet */
  messages_stopped: Alert<Stopped>;
  /** messages by SMS are stopped until somebody mends what every one would meet */
  fallback_stopped: Alert<Stopped>;
  /** a user wrote: STOP, START or something else; the text is not kept */
  message_received: { consent: 'start' | 'stop' | null; users: number };
  /** sending messages failed, and is tried again */
  notify_loop_failed: Alert<Failure>;
  /** users without a login at their broker get one reminder */
  reminders_queued: { tradeDate: string; count: number };
  /** a digest or an alert went to the operators’ numbers */
  operators_notified: { about: string; outcome: string };
  /** an alert could not be sent to the operators’ numbers */
  operators_not_notified: Alert<Failure>;
}
