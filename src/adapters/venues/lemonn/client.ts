// The HTTP client of Lemonn: an account’s session, one request, and what its answer comes to.
import { z } from 'zod';
import { untrustedText } from '../../../domain/text/secrets.ts';
import type { AccountAtVenue, CredentialsOf } from '../../../ports/venue.ts';
import type { Clock } from '../../../ports/world.ts';
import { type HttpReply, isInconclusive, type SendResult, type WayOut } from '../http.ts';
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
  /** What is not confirmed of its wire format; `lemonnDialect.parse({})` is the safe guess. */
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
 * What Lemonn answered. Its error may come with any HTTP status, 200 too. `doubtful`: its text speaks of time running
 * out, or of the order book.
 */
export type LemonnReply = VenueReply<LemonnError>;
export interface LemonnError {
  status: number;
  code: string | null;
  message: string;
  doubtful: boolean;
}

const successShape = z.object({ status: z.literal('success'), data: z.unknown() });
const errorShape = z.object({
  status: z.literal('error'),
  msg: z.string().nullish(),
  message: z.string().nullish(),
  error_code: z.string().nullish(),
});

/** Sends one request to Lemonn's trading API in an account's name, once. Without a session nothing is sent. */
export async function callLemonn(
  options: LemonnClientOptions,
  account: AccountAtVenue,
  request: LemonnRequest,
): Promise<LemonnReply> {
  const session = await lemonnSession(options, account);
  if (session.kind !== 'open') return session;
  const { method, path, jsonFor, mayLeave } = request;
  const json = jsonFor ? jsonFor(session.clientId) : request.json;
  const sent = { method, path: `/api-trading/api/v2${path}`, json, ...(mayLeave && { mayLeave }) };
  return lemonnReply(
    await sendTo(options.baseUrl, options.fetchFor(account), sent, options.timeoutMs, session.headers),
  );
}

/** A request's fate in Lemonn's own terms. */
export function lemonnReply(sent: SendResult): LemonnReply {
  return replyOf(sent, answeredWith);
}

function answeredWith({ status, json }: HttpReply): LemonnReply {
  if (status === 429) return { kind: 'rate_limited' };
  const fine = status >= 200 && status < 300;
  const success = successShape.safeParse(json);
  if (fine && success.success) return { kind: 'data', data: success.data.data };
  const failure = errorShape.safeParse(json);
  if (!failure.success) return { kind: 'odd', reason: fine ? 'unreadable_answer' : `http_${status}` };
  const code = failure.data.error_code ? untrustedText(failure.data.error_code) : null;
  const text = failure.data.msg || failure.data.message || '';
  const message = untrustedText(text);
  // What a failing server says of itself proves nothing.
  if (status < 500 && code === 'RATE_LIMIT_EXCEEDED') return { kind: 'rate_limited' };
  // The text is dropped: it may name the key.
  if (status < 500 && saysNoSession(status, code, message)) return { kind: 'no_session', reason: 'token_invalid' };
  // Judged by the whole text: what is kept of it may end before the doubt.
  return { kind: 'error', status, code, message, doubtful: isInconclusive(text) };
}

/** Codes and words as others have seen them; a 401 that Lemonn wrote itself and that names nothing else is one too. */
function saysNoSession(status: number, code: string | null, message: string): boolean {
  if (code === 'AUTHENTICATION_ERROR' || code === 'INVALID_ACCESS_TOKEN') return true;
  if (code !== null) return false;
  return status === 401 || /^access token validation failed/i.test(message);
}

/** An error as text, for a reason. */
export function errorText({ status, code, message }: Pick<LemonnError, 'status' | 'code' | 'message'>): string {
  return untrustedText(`${code ?? `http_${status}`}: ${message}`);
}

/** A field that is missing is named: it may only be called something else. */
function whyUnreadable({ issues }: z.ZodError): string {
  const named = issues.find(({ code }) => code === 'custom');
  return named ? untrustedText(`unreadable_answer: ${named.message}`) : 'unreadable_answer';
}

export const readAs: ReadAs<LemonnError> = readerOf(errorText, whyUnreadable);

type Session =
  | { kind: 'open'; clientId: string; headers: VenueHeaders; untilMs: number | null }
  | { kind: 'no_session'; reason: string }
  | { kind: 'not_sent'; reason: string };

/** The account's session as it is stored; nothing is sent to Lemonn. */
export async function lemonnSession(options: LemonnClientOptions, account: AccountAtVenue): Promise<Session> {
  const stored = await storedFor(options.credentials, account, lemonnCredentials);
  if (stored.kind !== 'stored') return stored;
  const { apiKey, clientId, accessToken, accessUntilMs, flow } = stored.value;
  if (!accessToken) return { kind: 'no_session', reason: 'login_missing' };
  if (typeof accessUntilMs === 'number' && options.clock.nowMs() >= accessUntilMs) {
    return { kind: 'no_session', reason: 'token_expired' };
  }
  const partner = flow === 'session' && options.requestId !== null ? { 'x-request-id': options.requestId } : {};
  const secretHeaders = { 'x-api-key': apiKey, 'x-auth-key': accessToken };
  const headers = { headers: { 'x-client-id': clientId, ...partner }, secretHeaders };
  return { kind: 'open', clientId, headers, untilMs: accessUntilMs ?? null };
}
