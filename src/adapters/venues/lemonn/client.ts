// The HTTP client of Lemonn: an account’s session, one request, and what its answer comes to.
import { z } from 'zod';
import { untrustedText } from '../../../domain/text/secrets.ts';
import type { AccountAtVenue, CredentialsOf } from '../../../ports/venue.ts';
import type { Clock } from '../../../ports/world.ts';
import { type Answered, type Spoken, speaksOfDoubt, type WayOut } from '../http.ts';
import {
  type ReadAs,
  readerOf,
  replyOf,
  sendTo,
  type VenueHeaders,
  type VenueReply,
  type VenueRequest,
} from '../reply.ts';
import { storedFor } from '../stored-credentials.ts';
import { lemonnCredentials } from './credentials.ts';
import type { LemonnDialect } from './dialect.ts';

/** How this process reaches Lemonn. */
export interface LemonnClientOptions {
  /** `https://cs-prod.lemonn.co.in` */
  baseUrl: string;
  /** Lemonn's id of the partner, sent as `x-request-id` by accounts of the session flow; null: none is sent. */
  requestId: string | null;
  /** What is not confirmed of its wire; `lemonnDialect.parse({})` is the safe guess. */
  dialect: LemonnDialect;
  credentials: CredentialsOf;
  clock: Clock;
  /** The account's way out: keys are tied to addresses (`ip_whitelist`). */
  fetchFor: (account: AccountAtVenue) => WayOut;
  timeoutMs: number;
}

/** `jsonFor`: sent as JSON, for what names the account's client in the body. */
export type LemonnRequest = VenueRequest & { jsonFor?: (clientId: string) => unknown };

/**
 * What Lemonn answered. Its error may come with any HTTP status, 200 too. `doubtful`: its words speak of time running
 * out, or of the order book.
 */
export type LemonnReply = VenueReply<LemonnError>;
export interface LemonnError {
  status: number;
  code: string | null;
  message: string;
  doubtful: boolean;
}

const taken = z.object({ status: z.literal('success'), data: z.unknown() });
const refused = z.object({
  status: z.literal('error'),
  msg: z.string().nullish(),
  message: z.string().nullish(),
  error_code: z.string().nullish(),
});

/** Says one thing to Lemonn's trading API in an account's name, once. Without a session nothing is said. */
export async function ask(
  wire: LemonnClientOptions,
  account: AccountAtVenue,
  asked: LemonnRequest,
): Promise<LemonnReply> {
  const session = await lemonnSession(wire, account);
  if (session.kind !== 'open') return session;
  const { method, path, jsonFor, mayLeave } = asked;
  const json = jsonFor ? jsonFor(session.clientId) : asked.json;
  const sent = { method, path: `/api-trading/api/v2${path}`, json, ...(mayLeave && { mayLeave }) };
  return lemonnReply(await sendTo(wire.baseUrl, wire.fetchFor(account), sent, wire.timeoutMs, session.headers));
}

/** A request's fate in Lemonn's own terms. */
export function lemonnReply(spoken: Spoken): LemonnReply {
  return replyOf(spoken, answeredWith);
}

function answeredWith({ status, json }: Answered): LemonnReply {
  if (status === 429) return { kind: 'rate_limited' };
  const fine = status >= 200 && status < 300;
  const good = taken.safeParse(json);
  if (fine && good.success) return { kind: 'data', data: good.data.data };
  const bad = refused.safeParse(json);
  if (!bad.success) return { kind: 'odd', reason: fine ? 'unreadable_answer' : `http_${status}` };
  const code = bad.data.error_code ? untrustedText(bad.data.error_code) : null;
  const words = bad.data.msg || bad.data.message || '';
  const message = untrustedText(words);
  // What a failing server says of itself proves nothing.
  if (status < 500 && code === 'RATE_LIMIT_EXCEEDED') return { kind: 'rate_limited' };
  // The words are dropped: they may name the key.
  if (status < 500 && saysNoSession(status, code, message)) return { kind: 'no_session', reason: 'token_invalid' };
  // Judged by all the words: those that are kept may end before the doubt.
  return { kind: 'error', status, code, message, doubtful: speaksOfDoubt(words) };
}

/** Codes and words as others have seen them; a 401 that Lemonn wrote itself and that names nothing else is one too. */
function saysNoSession(status: number, code: string | null, message: string): boolean {
  if (code === 'AUTHENTICATION_ERROR' || code === 'INVALID_ACCESS_TOKEN') return true;
  if (code !== null) return false;
  return status === 401 || /^access token validation failed/i.test(message);
}

/** An error in its own words, for a reason. */
export function wordsOf({ status, code, message }: Pick<LemonnError, 'status' | 'code' | 'message'>): string {
  return untrustedText(`${code ?? `http_${status}`}: ${message}`);
}

/** A field that is missing is named: it may only be called something else. */
function whyUnreadable({ issues }: z.ZodError): string {
  const named = issues.find(({ code }) => code === 'custom');
  return named ? untrustedText(`unreadable_answer: ${named.message}`) : 'unreadable_answer';
}

export const readAs: ReadAs<LemonnError> = readerOf(wordsOf, whyUnreadable);

type Session =
  | { kind: 'open'; clientId: string; headers: VenueHeaders; untilMs: number | null }
  | { kind: 'no_session'; reason: string }
  | { kind: 'not_sent'; reason: string };

/** The account's session as it is stored; nothing is said to Lemonn. */
export async function lemonnSession(wire: LemonnClientOptions, account: AccountAtVenue): Promise<Session> {
  const stored = await storedFor(wire.credentials, account, lemonnCredentials);
  if (stored.kind !== 'stored') return stored;
  const { apiKey, clientId, accessToken, accessUntilMs, flow } = stored.value;
  if (!accessToken) return { kind: 'no_session', reason: 'login_missing' };
  if (typeof accessUntilMs === 'number' && wire.clock.nowMs() >= accessUntilMs) {
    return { kind: 'no_session', reason: 'token_expired' };
  }
  const partner = flow === 'session' && wire.requestId !== null ? { 'x-request-id': wire.requestId } : {};
  const secretHeaders = { 'x-api-key': apiKey, 'x-auth-key': accessToken };
  const headers = { headers: { 'x-client-id': clientId, ...partner }, secretHeaders };
  return { kind: 'open', clientId, headers, untilMs: accessUntilMs ?? null };
}
