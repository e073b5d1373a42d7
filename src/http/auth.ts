import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { istIso } from '../domain/ist.ts';
import type { Answer } from '../ports/store.ts';
import { keyUses } from './key-uses.ts';
import { addressOf, boundedLookups, type DoorLimits } from './limits.ts';
import type { Caller, HttpParts, TurnedAway } from './parts.ts';
import { problem } from './problem.ts';

/** Who a request is from, as its `Authorization` header shows. */
type Asked = { kind: 'caller'; caller: Caller } | { kind: 'cron' } | { kind: 'stranger'; why: TurnedAway };

/** What the middleware leaves for the routes. */
export interface HttpEnv {
  Variables: {
    requestId: string;
    /** By `identified`, for every request. */
    asked: Asked;
    /** By `authenticated`: only behind it. */
    caller: Caller;
  };
}

/** How long a key may be taken for good without asking the database: a revoked one stops within this time. */
const KEY_TTL_MS = 10_000;
const MOST_KEYS_REMEMBERED = 1_000;
const BEARER = /^Bearer (\S{1,4096})$/i;
const API_KEY = /^ds_[\w-]{43}$/;
/** What changes nothing (RFC 9110). */
const READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const noToken: TurnedAway = {
  status: 401,
  code: 'unauthenticated',
  detail: 'Send an API key or a login token (a scheduler: CRON_SECRET) as Authorization: Bearer …',
};
const badToken: TurnedAway = {
  status: 401,
  code: 'unauthenticated',
  detail: 'This key or token is not valid here: it is unknown, revoked or expired.',
};
const oneFactor: TurnedAway = {
  status: 403,
  code: 'second_factor_required',
  detail:
    'An operator’s login needs a second factor (aal2): enrol one (an authenticator app) and log in again with it. ' +
    'Where the project has none, OPERATOR_AAL=aal1 lets logins without one in.',
};
const tooManyTokens: TurnedAway = {
  status: 429,
  code: 'too_many_requests',
  detail: 'Too many keys and tokens from this address that are not valid here: wait a minute.',
};
/** For a key that may read and wants to change something. */
export const readOnly: TurnedAway = {
  status: 403,
  code: 'read_only_key',
  detail: 'This key may read only: to place or change anything, use one with scope trade.',
};
const nobodysLogin: TurnedAway = {
  status: 403,
  code: 'login_without_user',
  detail: 'This login is good, but it belongs to no user: ask the operator to connect it.',
};

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** A new API key of 256 random bits, with what is kept of it: its hash, and its first characters to call it by. */
export function newApiKey(): { key: string; hash: string; hint: string } {
  const key = `ds_${randomBytes(32).toString('base64url')}`;
  return { key, hash: hashOfKey(key), hint: hintOfKey(key) };
}

/** The part of a key that may be shown: 36 of its 256 bits. */
export function hintOfKey(key: string): string {
  return key.slice(0, 9);
}

/** What is stored of an API key, and what it is looked up by: SHA-256, hex. */
function hashOfKey(key: string): string {
  return sha256(key).toString('hex');
}

/** Whether two secrets are the same, in a time that tells nothing of either: their hashes are compared. */
export function sameSecret(one: string, other: string): boolean {
  return timingSafeEqual(sha256(one), sha256(other));
}

/**
 * Gives whose a bearer token is: the cron secret, an API key (`ds_` and 43 characters) or a login (JWT). One per app:
 * it remembers good keys for ten seconds.
 */
function whoIsAsking(parts: HttpParts, limits: DoorLimits): (token: string, address: string) => Promise<Asked> {
  const callerOfKey = keyLookup(parts);
  const bounded = boundedLookups<Asked>(limits, parts.world.clock);
  const lookUp = async (token: string): Promise<Asked> => {
    if (!API_KEY.test(token)) return callerOfLogin(parts, token);
    const caller = await callerOfKey(token);
    return 'role' in caller ? { kind: 'caller', caller } : { kind: 'stranger', why: caller };
  };
  return async (token, address) => {
    if (sameSecret(token, parts.cronSecret)) return { kind: 'cron' };
    return (await bounded(address, token, () => lookUp(token))) ?? { kind: 'stranger', why: tooManyTokens };
  };
}

/**
 * Finds the caller an API key stands for, or why it is turned away. Only good keys are remembered, the oldest forgotten
 * first, and none beyond its end.
 */
export function keyLookup(parts: HttpParts): (key: string) => Promise<Caller | TurnedAway> {
  const { world } = parts;
  const known = new Map<string, { caller: Caller; atMs: number; untilMs: number }>();
  const used = keyUses(parts);
  return async (key) => {
    const hash = hashOfKey(key);
    const nowMs = world.clock.nowMs();
    const found = known.get(hash);
    if (found && nowMs >= found.atMs && nowMs < found.untilMs) {
      used(hintOfKey(key));
      return found.caller;
    }
    known.delete(hash);
    const row = await world.store.call('find_api_key', { hash });
    if (row?.fault) return endedKey(row);
    const caller = row && callerOf(row);
    if (!caller) return badToken;
    used(row.hint);
    known.set(hash, { caller, atMs: nowMs, untilMs: Math.min(nowMs + KEY_TTL_MS, row.expiresAtMs ?? Infinity) });
    for (const oldest of known.keys()) {
      if (known.size <= MOST_KEYS_REMEMBERED) break;
      known.delete(oldest);
    }
    return caller;
  };
}

type KeyRow = NonNullable<Answer<'find_api_key'>>;

function callerOf({ hint, role, scope, userId }: KeyRow): Caller | null {
  const shown = { principal: `key:${hint}`, scope, apiKey: hint };
  if (role === 'operator') return { role, userId: null, ...shown };
  return userId === null ? null : { role, userId, ...shown };
}

/** Who has a key may know that it was a good one: it is told by the part of it that may be shown. */
function endedKey({ hint, fault, expiresAtMs }: KeyRow): TurnedAway {
  const ended = fault === 'expired' && expiresAtMs !== null ? `expired on ${istIso(expiresAtMs)}` : 'was revoked';
  const detail = `The key ${hint}… ${ended}: ask the operator for another (npm run apikey -- create).`;
  return { status: 401, code: 'unauthenticated', detail };
}

/** A login with the claim `operator` is one; any other is the user it is connected to. */
async function callerOfLogin({ world, verifyJwt, operatorAal }: HttpParts, token: string): Promise<Asked> {
  const claims = verifyJwt && (await verifyJwt(token));
  if (!claims) return { kind: 'stranger', why: badToken };
  const shown = { principal: `login:${claims.sub}`, scope: 'trade', apiKey: null } as const;
  if (claims.role === 'operator') {
    if (operatorAal === 'aal2' && claims.aal !== 'aal2') return { kind: 'stranger', why: oneFactor };
    return { kind: 'caller', caller: { role: 'operator', userId: null, ...shown } };
  }
  if (!UUID.test(claims.sub)) return { kind: 'stranger', why: nobodysLogin };
  const { userId } = await world.store.call('find_auth_user', { authUserId: claims.sub });
  if (userId === null) return { kind: 'stranger', why: nobodysLogin };
  return { kind: 'caller', caller: { role: 'user', userId, ...shown } };
}

/** For every request, first of all: finds out who is asking and leaves it as `asked`. It turns nobody away. */
export function identified(parts: HttpParts, limits: DoorLimits): MiddlewareHandler<HttpEnv> {
  const whose = whoIsAsking(parts, limits);
  return async (c, next) => {
    const header = c.req.header('Authorization');
    const token = header === undefined ? undefined : BEARER.exec(header)?.[1];
    if (token === undefined) c.set('asked', { kind: 'stranger', why: header === undefined ? noToken : badToken });
    else c.set('asked', await whose(token, addressOf(c)));
    await next();
  };
}

/** Lets operators and users pass and leaves the `caller`; everybody else gets 401, or 403 where the token is good. */
export const authenticated: MiddlewareHandler<HttpEnv> = async (c, next) => turnedAway(c) ?? next();

/** Lets operators pass, and leaves the `caller`. */
export const onlyOperators: MiddlewareHandler<HttpEnv> = async (c, next) => {
  const no = turnedAway(c);
  if (no) return no;
  return c.get('caller').role === 'operator' ? next() : forbidden(c, 'Only operators may do this.');
};

/** Lets the scheduler pass: whoever has the cron secret. */
export const onlyCron: MiddlewareHandler<HttpEnv> = async (c, next) => {
  const asked = c.get('asked');
  if (asked.kind === 'cron') return next();
  if (asked.kind === 'caller') return forbidden(c, 'The cron secret alone opens the cron routes.');
  return problem(c, asked.why);
};

function turnedAway(c: Context<HttpEnv>): Response | null {
  const asked = c.get('asked');
  if (asked.kind === 'stranger') return problem(c, asked.why);
  if (asked.kind === 'cron') return forbidden(c, 'The cron secret opens the cron routes only.');
  if (asked.caller.scope === 'read' && !READS.has(c.req.method)) return problem(c, readOnly);
  c.set('caller', asked.caller);
  return null;
}

function forbidden(c: Context<HttpEnv>, detail: string): Response {
  return problem(c, { status: 403, code: 'forbidden', detail });
}
