// The classes of errors a message can meet: they decide whether it is tried again.
/**
 * What a provider's error means for what follows:
 * - `later`: too fast, or a passing trouble: the message waits as long as it is valid, however often it is tried.
 * - `recipient`: nothing arrives at this number: it is marked, and the message takes the fallback where there is one.
 * - `message`: this message as it is is refused: it fails, and a person is told.
 * - `person`: nobody's settings: the handset, media, an error without a reason. This message fails, a person is told.
 * - `everything`: login, account, sender or template: the queue stops until somebody has mended it, and the message
 *   waits there. Met by the fallback it stops the fallback alone.
 * - `unlisted`: nobody said what it means: as `message`.
 * A `message` or `unlisted` one that several people meet in a row stops the queue too (stages/notify/rejected-message.ts).
 */
export type SendErrorClass = 'later' | 'recipient' | 'message' | 'everything' | 'person' | 'unlisted';

/** An error as its provider's adapter explains it. */
export interface SendErrorMeaning {
  about: SendErrorClass;
  /** In a few words; null: nobody knows. */
  means: string | null;
  /** They said no to our messages: the fallback is not for them either. */
  declined: boolean;
  /** How long to wait before the next try, where waiting helps. */
  afterMs: number;
}

const HALF_A_MINUTE_MS = 30_000;

/** How long to wait before the next try: half a minute, doubled with each, up to 32 minutes. */
export function retryAfterMs(attempt: number): number {
  return HALF_A_MINUTE_MS * 2 ** Math.min(Math.max(attempt, 1) - 1, 6);
}
