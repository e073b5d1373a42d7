// Lemonn’s session exchange: signatures, and what a login brings.
import { createPrivateKey, sign } from 'node:crypto';
import { z } from 'zod';
import { parseInstant } from '../../../domain/market/india-time.ts';
import type { Clock } from '../../../ports/world.ts';
import { sessionToken } from '../bounds.ts';
import type { WayOut } from '../http.ts';
import { stampMs } from '../indian.ts';
import { sendTo, type VenueHeaders } from '../reply.ts';
import { lemonnReply } from './client.ts';
import type { LemonnCredentials } from './credentials.ts';

/** Where a client of the session flow logs in; Lemonn sends them back with `client_id` and `request_token`. */
export function lemonnLoginUrl(apiKey: string): string {
  return `https://lemonn-pro.lemonn.co.in/login?${new URLSearchParams({ api_key: apiKey })}`;
}

/** What a PKCS#8 wrapping of an Ed25519 seed begins with (RFC 8410). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The hex Ed25519 signature of a text, with a key given as its 32-byte seed in hex. */
export function lemonnSignature(seedHex: string, text: string): string {
  const der = Buffer.concat([pkcs8Head, Buffer.from(seedHex, 'hex')]);
  return sign(null, Buffer.from(text, 'utf8'), createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).toString(
    'hex',
  );
}

export interface LemonnLoginClient {
  baseUrl: string;
  credentials: Pick<LemonnCredentials, 'clientId' | 'apiKey' | 'privateKey'>;
  clock: Clock;
  fetcher: WayOut;
  timeoutMs: number;
}

/**
 * `accessUntilMs` null: Lemonn gave no end that can be read, and its answers decide when the token is over. `clientId` is
 * whose session it is where Lemonn says so (null: it doesn't): compare it with whose account it is to be. `refused`: the
 * key, the signature or the request token is not good (in the session flow also what is said for a wrong `x-request-id`);
 * `unreadable`: nobody can say.
 */
export type LemonnLogin =
  | { kind: 'open'; accessToken: string; accessUntilMs: number | null; clientId: string | null }
  | { kind: 'refused'; reason: string }
  | { kind: 'unreadable'; reason: string };

/** The access flow: a token for the account's own key, with nobody at a browser. */
export function openLemonnAccess(options: LemonnLoginClient): Promise<LemonnLogin> {
  const { apiKey, clientId, privateKey } = options.credentials;
  const epochMs = String(options.clock.nowMs());
  const signature = lemonnSignature(privateKey, `${clientId}${epochMs}`);
  const headers = {
    headers: { 'x-epoch-time': epochMs },
    secretHeaders: { 'x-api-key': apiKey, 'x-signature': signature },
  };
  return login(options, '/api-trading/api/v1/generate_access_token', { client_id: clientId }, headers);
}

/**
 * The session flow: makes a session of the `request_token` that a login in the browser brought back.
 * `requestId`: the partner's allow-listed id, null where Lemonn gave none.
 */
export function openLemonnSession(
  options: LemonnLoginClient & { requestToken: string; requestId: string | null },
): Promise<LemonnLogin> {
  const { apiKey, privateKey } = options.credentials;
  const signature = lemonnSignature(privateKey, `${options.requestToken}${apiKey}`);
  const headers = {
    headers: options.requestId === null ? {} : { 'x-request-id': options.requestId },
    secretHeaders: { 'x-api-key': apiKey, 'x-request-token': options.requestToken, 'x-signature': signature },
  };
  return login(options, '/api-trading/api/v1/generate_session_token', undefined, headers);
}

/** The session flow's own name of its token is not known; these are the ones an integration tries. */
const sessionShape = z
  .object({
    access_token: sessionToken.optional(),
    accessToken: sessionToken.optional(),
    authKey: sessionToken.optional(),
    auth_key: sessionToken.optional(),
    expires_at: z.union([z.string(), z.number()]).nullish(),
    client_id: z.string().nullish(),
  })
  .transform(({ access_token, accessToken, authKey, auth_key, expires_at, client_id }) => ({
    accessToken: access_token ?? accessToken ?? authKey ?? auth_key,
    accessUntilMs: endOf(expires_at ?? ''),
    clientId: client_id ?? null,
  }));

async function login(
  { baseUrl, fetcher, timeoutMs }: LemonnLoginClient,
  path: string,
  json: unknown,
  headers: VenueHeaders,
): Promise<LemonnLogin> {
  const lemonn = lemonnReply(await sendTo(baseUrl, fetcher, { method: 'POST', path, json }, timeoutMs, headers));
  if (lemonn.kind === 'no_session') return { kind: 'refused', reason: 'login_refused' };
  if (lemonn.kind === 'error') {
    // Their text may name the key.
    const reason = lemonn.code ?? `http_${lemonn.status}`;
    return { kind: lemonn.status < 500 ? 'refused' : 'unreadable', reason };
  }
  if (lemonn.kind === 'rate_limited') return { kind: 'unreadable', reason: 'rate_limited' };
  if (lemonn.kind !== 'data') return { kind: 'unreadable', reason: lemonn.reason };
  const read = sessionShape.safeParse(lemonn.data);
  const accessToken = read.data?.accessToken;
  if (!read.success || accessToken === undefined) return { kind: 'unreadable', reason: 'no_token_in_answer' };
  return { kind: 'open', ...read.data, accessToken };
}

/** ISO with an offset, Indian time without one, or the epoch in seconds or milliseconds; null for anything else. */
function endOf(end: string | number): number | null {
  const text = String(end);
  if (/^\d{13}$/.test(text)) return Number(text);
  if (/^\d{10}$/.test(text)) return Number(text) * 1000;
  return parseInstant(text) ?? stampMs(text);
}
