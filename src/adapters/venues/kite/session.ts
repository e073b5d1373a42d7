// Kite’s session exchange and the checksum of its postbacks.
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { addDays, istDate, istMs } from '../../../domain/market/india-time.ts';
import { parseJson } from '../../../domain/text/json.ts';
import type { Clock } from '../../../ports/world.ts';
import { sessionToken } from '../bounds.ts';
import type { WayOut } from '../http.ts';
import { sendTo } from '../reply.ts';
import { kiteHeaders, kiteReply } from './client.ts';

/** Where a client logs in; Kite sends them back to the app's address with a `request_token`. */
export function kiteLoginUrl(apiKey: string): string {
  return `https://kite.zerodha.com/connect/login?${new URLSearchParams({ v: '3', api_key: apiKey })}`;
}

/** A token dies at 06:00 in India, by regulation, on the next day at the latest: the next six o'clock there is. */
export function kiteTokenUntilMs(nowMs: number): number {
  const today = istDate(nowMs);
  const six = istMs(today, '06:00');
  return nowMs < six ? six : istMs(addDays(today, 1), '06:00');
}

export interface RequestToken {
  baseUrl: string;
  apiKey: string;
  apiSecret: string;
  /** From the login's way back: it works once, and for minutes. */
  requestToken: string;
  clock: Clock;
  fetcher: WayOut;
  timeoutMs: number;
}

/**
 * `kiteUserId` is who logged in: compare it with whose account it is to be. `refused`: the token was used before, is too
 * old, or is of another app; `unreadable`: nobody can say, and a new login is the way on.
 */
export type KiteLogin =
  | { kind: 'open'; accessToken: string; kiteUserId: string; accessUntilMs: number }
  | { kind: 'refused'; reason: string }
  | { kind: 'unreadable'; reason: string };

const sessionShape = z.object({ access_token: sessionToken, user_id: z.string().min(1), api_key: z.string() });

/** Makes a session of what a login brought back. Nothing of the secrets is in any answer but `accessToken`. */
export async function exchangeRequestToken(login: RequestToken): Promise<KiteLogin> {
  const { baseUrl, apiKey, apiSecret, requestToken, clock, fetcher, timeoutMs } = login;
  const checksum = createHash('sha256').update(`${apiKey}${requestToken}${apiSecret}`).digest('hex');
  const form = { api_key: apiKey, request_token: requestToken, checksum };
  const request = { method: 'POST', path: '/session/token', form } as const;
  const kite = kiteReply(await sendTo(baseUrl, fetcher, request, timeoutMs, kiteHeaders(null)));
  if (kite.kind === 'no_session') return { kind: 'refused', reason: kite.reason };
  if (kite.kind === 'error' && kite.status < 500) return { kind: 'refused', reason: kite.type };
  if (kite.kind === 'error') return { kind: 'unreadable', reason: kite.type };
  if (kite.kind === 'rate_limited') return { kind: 'unreadable', reason: 'rate_limited' };
  if (kite.kind !== 'data') return { kind: 'unreadable', reason: kite.reason };
  const read = sessionShape.safeParse(kite.data);
  if (!read.success || read.data.api_key !== apiKey) return { kind: 'unreadable', reason: 'unreadable_answer' };
  const { access_token: accessToken, user_id: kiteUserId } = read.data;
  return { kind: 'open', accessToken, kiteUserId, accessUntilMs: kiteTokenUntilMs(clock.nowMs()) };
}

const postback = z.object({
  order_id: z.string().min(1),
  order_timestamp: z.string().min(1),
  checksum: z.string(),
  tag: z.string().nullish(),
});

/**
 * Reads a postback's raw body: which order to fetch again, or null where the checksum is not Kite's. The checksum covers
 * the order's id and time only, so nothing else is believed, the tag no more than as a hint.
 */
export function verifyPostback(
  raw: string,
  apiSecret: string,
): { venueOrderId: string; clientOrderId: string | null } | null {
  const read = postback.safeParse(parseJson(raw));
  if (!read.success) return null;
  const { order_id, order_timestamp, checksum, tag } = read.data;
  const expected = createHash('sha256').update(`${order_id}${order_timestamp}${apiSecret}`).digest();
  const actual = /^[0-9a-f]{64}$/i.test(checksum) ? Buffer.from(checksum, 'hex') : Buffer.alloc(expected.length);
  if (!timingSafeEqual(expected, actual)) return null;
  return { venueOrderId: order_id, clientOrderId: tag ?? null };
}
