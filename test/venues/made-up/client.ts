// The HTTP client of the made-up venue.
import { z } from 'zod';
import type { HttpReply } from '../../../src/adapters/venues/http.ts';
import type { LoginDeps, VenueDeps } from '../../../src/adapters/venues/module.ts';
import {
  readerOf,
  replyOf,
  sendTo,
  type VenueHeaders,
  type VenueReply,
  type VenueRequest,
} from '../../../src/adapters/venues/reply.ts';
import { storedFor } from '../../../src/adapters/venues/stored-credentials.ts';
import { untrustedText } from '../../../src/domain/text/secrets.ts';
import type { AccountAtVenue } from '../../../src/ports/venue.ts';
import { madeUpRecord } from './credentials.ts';

export type MadeUpOptions = Pick<VenueDeps, 'credentials' | 'clock' | 'fetchFor' | 'timeoutMs'> & {
  baseUrl: string;
  market: string;
};

interface MadeUpError {
  status: number;
  message: string;
}
export type MadeUpReply = VenueReply<MadeUpError>;

const failed = z.object({ error: z.string() });

function answeredWith({ status, json }: HttpReply): MadeUpReply {
  if (status === 429) return { kind: 'rate_limited' };
  if (status === 401) return { kind: 'no_session', reason: 'token_invalid' };
  if ((status === 200 || status === 201) && json !== undefined) return { kind: 'data', data: json };
  const error = failed.safeParse(json);
  if (!error.success) return { kind: 'odd', reason: status === 200 ? 'unreadable_answer' : `http_${status}` };
  return { kind: 'error', status, message: untrustedText(error.data.error) };
}

export const readAs = readerOf<MadeUpError>(({ message }) => message);

export async function ask(
  { credentials, clock, baseUrl, fetchFor, timeoutMs }: MadeUpOptions,
  account: AccountAtVenue,
  request: VenueRequest,
): Promise<MadeUpReply> {
  const stored = await storedFor(credentials, account, madeUpRecord);
  if (stored.kind !== 'stored') return stored;
  const { accessToken, accessUntilMs } = stored.value;
  if (!accessToken || clock.nowMs() >= (accessUntilMs ?? 0)) return { kind: 'no_session', reason: 'login_missing' };
  const headers: VenueHeaders = { headers: {}, secretHeaders: { 'x-made-up': accessToken } };
  return replyOf(await sendTo(baseUrl, fetchFor(account), request, timeoutMs, headers), answeredWith);
}

/** Makes a session by the account's key alone. */
export async function openSession(
  { baseUrl, fetchFor, timeoutMs }: LoginDeps,
  account: AccountAtVenue,
  apiKey: string,
): Promise<MadeUpReply> {
  const headers: VenueHeaders = { headers: {}, secretHeaders: { 'x-made-up': apiKey } };
  const request = { method: 'POST', path: '/session' } as const;
  return replyOf(await sendTo(baseUrl, fetchFor(account), request, timeoutMs, headers), answeredWith);
}
