// Says what each of Twilio’s error codes means for trying again.
import { retryAfterMs, type SendErrorClass, type SendErrorMeaning } from '../../domain/send-errors.ts';
import { twilioErrors } from './twilio-errors.ts';

const byCode: ReadonlyMap<string, { about: SendErrorClass; means: string }> = new Map(
  twilioErrors.map(([code, about, means]) => [code, { about, means }]),
);
/** A day's messages are used up (63038), or Meta did not want to deliver (63049): minutes change nothing. */
const SLOW = new Set(['63038', '63049']);
/** STOP was sent to Twilio itself. */
const UNSUBSCRIBED = '21610';
const AN_HOUR_MS = 3_600_000;

/** What one of Twilio's codes means; null (none was given) and codes of tomorrow are `unlisted`. */
export function sendErrorClass(code: string | null): SendErrorClass {
  return byCode.get(code ?? '')?.about ?? 'unlisted';
}

/** The same, as text and with the pause before the next try; `attempt` counts from 1. */
export function sendErrorMeaning(code: string | null, attempt: number): SendErrorMeaning {
  const slow = SLOW.has(code ?? '');
  const afterMs = slow ? AN_HOUR_MS * 2 ** Math.min(attempt, 3) : retryAfterMs(attempt);
  const means = byCode.get(code ?? '')?.means ?? null;
  return { about: sendErrorClass(code), means, declined: code === UNSUBSCRIBED, afterMs };
}
