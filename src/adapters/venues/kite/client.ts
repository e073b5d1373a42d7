// The HTTP client of Kite: an account’s session, one request, and what its answer comes to.
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
import { kiteCredentials } from './credentials.ts';

/** How this process reaches Kite. */
export interface KiteClientOptions {
  /** `https://api.kite.trade` */
  baseUrl: string;
  credentials: CredentialsOf;
  clock: Clock;
  /** The account's way out: Kite takes orders only from the address registered for it. */
  fetchFor: (account: AccountAtVenue) => WayOut;
  timeoutMs: number;
}

/** What Kite answered. `doubtful`: its text speaks of time running out, or of the order book. */
export type KiteReply = VenueReply<KiteError>;
export interface KiteError {
  status: number;
  type: string;
  message: string;
  doubtful: boolean;
}

const successShape = z.object({ status: z.literal('success'), data: z.unknown() });
const errorShape = z.object({ status: z.literal('error'), message: z.string().nullish(), error_type: z.string() });

/** Sends one request to Kite in an account's name, once. Without a session nothing is sent. */
export async function callKite(
  options: KiteClientOptions,
  account: AccountAtVenue,
  request: VenueRequest,
): Promise<KiteReply> {
  const session = await sessionOf(options, account);
  if (session.kind !== 'open') return session;
  const { baseUrl, fetchFor, timeoutMs } = options;
  return kiteReply(await sendTo(baseUrl, fetchFor(account), request, timeoutMs, kiteHeaders(session.authorization)));
}

/** What every request to Kite has; `authorization` null: before the login. */
export function kiteHeaders(authorization: string | null): VenueHeaders {
  const headers = { 'X-Kite-Version': '3' };
  return authorization === null ? { headers } : { headers, secretHeaders: { Authorization: authorization } };
}

/** A request's fate in Kite's own terms. */
export function kiteReply(sent: SendResult): KiteReply {
  return replyOf(sent, answeredWith);
}

function answeredWith({ status, json }: HttpReply): KiteReply {
  // Documented: over the limit is turned away before anything is done.
  if (status === 429) return { kind: 'rate_limited' };
  const success = successShape.safeParse(json);
  if (status === 200 && success.success) return { kind: 'data', data: success.data.data };
  const failure = errorShape.safeParse(json);
  if (!failure.success) return { kind: 'odd', reason: status === 200 ? 'unreadable_answer' : `http_${status}` };
  const { error_type: type, message } = failure.data;
  // The text is dropped: it may name the key.
  if (type === 'TokenException' && (status === 401 || status === 403))
    return { kind: 'no_session', reason: 'token_invalid' };
  const text = message ?? '';
  // Judged by the whole text: what is kept of it may end before the doubt.
  const doubtful = isInconclusive(text);
  return { kind: 'error', status, type: untrustedText(type), message: untrustedText(text), doubtful };
}

/** An error as text, for a reason. */
export function errorText({ type, message }: Pick<KiteError, 'type' | 'message'>): string {
  return untrustedText(`${type}: ${message}`);
}

export const readAs: ReadAs<KiteError> = readerOf(errorText);

type Session =
  | { kind: 'open'; authorization: string }
  | { kind: 'no_session'; reason: string }
  | { kind: 'not_sent'; reason: string };

async function sessionOf({ credentials, clock }: KiteClientOptions, account: AccountAtVenue): Promise<Session> {
  const stored = await storedFor(credentials, account, kiteCredentials);
  if (stored.kind !== 'stored') return stored;
  const { apiKey, accessToken, accessUntilMs } = stored.value;
  if (!accessToken) return { kind: 'no_session', reason: 'login_missing' };
  if (typeof accessUntilMs === 'number' && clock.nowMs() >= accessUntilMs) {
    return { kind: 'no_session', reason: 'token_expired' };
  }
  return { kind: 'open', authorization: `token ${apiKey}:${accessToken}` };
}
