import { z } from 'zod';
import { othersWords } from '../../../domain/secrets.ts';
import type { AccountAtVenue, CredentialsOf, VenueRead } from '../../../ports/venue.ts';
import type { Clock } from '../../../ports/world.ts';
import { type Answered, type MayLeave, type Spoken, speak, speaksOfDoubt, type WayOut } from '../http.ts';
import { storedFor } from '../stored-credentials.ts';

/** How this process reaches Kite. */
export interface KiteWire {
  /** `https://api.kite.trade` */
  baseUrl: string;
  credentials: CredentialsOf;
  clock: Clock;
  /** The account's way out: Kite takes orders only from the address registered for it. */
  fetchFor: (account: AccountAtVenue) => WayOut;
  timeoutMs: number;
}

const token = z.string().regex(/^[\x21-\x7e]+$/);

/** What is stored for an account. The secret serves the login and the postbacks, the token everything else. */
export const kiteCredentials = z.object({
  apiKey: token,
  apiSecret: token.nullish(),
  accessToken: token.nullish(),
  /** When the token dies, in milliseconds; not known: the venue's word decides. */
  accessUntilMs: z.int().nullish(),
});

export interface KiteAsk {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  /** Sent as form-urlencoded. */
  form?: Record<string, string>;
  json?: unknown;
  mayLeave?: MayLeave;
}

/**
 * What Kite said. `error` is an error it wrote itself; `odd` everything that is neither its data nor its error, silence
 * included; `not_sent`: no byte of it went out.
 */
export type KiteSaid =
  | { kind: 'data'; data: unknown }
  | { kind: 'error'; status: number; type: string; message: string; doubtful: boolean }
  | { kind: 'no_session'; reason: string }
  | { kind: 'rate_limited' }
  | { kind: 'not_sent'; reason: string }
  | { kind: 'odd'; reason: string };

const taken = z.object({ status: z.literal('success'), data: z.unknown() });
const refused = z.object({ status: z.literal('error'), message: z.string().nullish(), error_type: z.string() });

/** Says one thing to Kite in an account's name, once. Without a session nothing is said. */
export async function ask(wire: KiteWire, account: AccountAtVenue, asked: KiteAsk): Promise<KiteSaid> {
  const session = await sessionOf(wire, account);
  if (session.kind !== 'open') return session;
  return said(await sendTo(wire.baseUrl, wire.fetchFor(account), asked, wire.timeoutMs, session.authorization));
}

/** One request on Kite's wire; `authorization` null: before the login. */
export function sendTo(
  baseUrl: string,
  fetcher: WayOut,
  { method, path, form, json, mayLeave }: KiteAsk,
  timeoutMs: number,
  authorization: string | null,
): Promise<Spoken> {
  const headers: Record<string, string> = { 'X-Kite-Version': '3' };
  if (authorization !== null) headers['Authorization'] = authorization;
  const request = { method, url: `${baseUrl.replace(/\/$/, '')}${path}`, headers };
  if (form !== undefined) {
    headers['Content-Type'] = 'application/x-www-form-urlencoded';
    return speak(fetcher, { ...request, body: new URLSearchParams(form).toString() }, timeoutMs, mayLeave);
  }
  if (json === undefined) return speak(fetcher, request, timeoutMs, mayLeave);
  headers['Content-Type'] = 'application/json';
  return speak(fetcher, { ...request, body: JSON.stringify(json) }, timeoutMs, mayLeave);
}

/** A request's fate in Kite's own terms. */
export function said(spoken: Spoken): KiteSaid {
  if (spoken.kind === 'not_sent') return spoken;
  if (spoken.kind === 'silent') return { kind: 'odd', reason: spoken.reason };
  return answeredWith(spoken);
}

function answeredWith({ status, json }: Answered): KiteSaid {
  // Documented: over the limit is turned away at the door.
  if (status === 429) return { kind: 'rate_limited' };
  const good = taken.safeParse(json);
  if (status === 200 && good.success) return { kind: 'data', data: good.data.data };
  const bad = refused.safeParse(json);
  if (!bad.success) return { kind: 'odd', reason: status === 200 ? 'unreadable_answer' : `http_${status}` };
  const { error_type: type, message } = bad.data;
  // The words are dropped: they may name the key.
  if (type === 'TokenException' && (status === 401 || status === 403))
    return { kind: 'no_session', reason: 'token_dead' };
  const words = message ?? '';
  // Judged by all the words: those that are kept may end before the doubt.
  const doubtful = speaksOfDoubt(words);
  return { kind: 'error', status, type: othersWords(type), message: othersWords(words), doubtful };
}

/** Data of a shape, or why there is none. */
export function readAs<T>(kite: KiteSaid, shape: z.ZodType<T>): VenueRead<T> {
  if (kite.kind === 'no_session') return kite;
  if (kite.kind === 'rate_limited') return { kind: 'unreadable', reason: 'rate_limited' };
  if (kite.kind === 'error') return { kind: 'unreadable', reason: wordsOf(kite) };
  if (kite.kind !== 'data') return { kind: 'unreadable', reason: kite.reason };
  const read = shape.safeParse(kite.data);
  return read.success ? { kind: 'read', value: read.data } : { kind: 'unreadable', reason: 'unreadable_answer' };
}

/** An error in its own words, for a reason. */
export function wordsOf({ type, message }: Extract<KiteSaid, { kind: 'error' }>): string {
  return othersWords(`${type}: ${message}`);
}

type Session =
  | { kind: 'open'; authorization: string }
  | { kind: 'no_session'; reason: string }
  | { kind: 'not_sent'; reason: string };

async function sessionOf({ credentials, clock }: KiteWire, account: AccountAtVenue): Promise<Session> {
  const stored = await storedFor(credentials, account, kiteCredentials);
  if (stored.kind !== 'stored') return stored;
  const { apiKey, accessToken, accessUntilMs } = stored.value;
  if (!accessToken) return { kind: 'no_session', reason: 'login_missing' };
  if (typeof accessUntilMs === 'number' && clock.nowMs() >= accessUntilMs) {
    return { kind: 'no_session', reason: 'token_over' };
  }
  return { kind: 'open', authorization: `token ${apiKey}:${accessToken}` };
}
