// Finds out who a request is from, and lets through who may do what it asks.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import type { AuthProblem, Caller, HttpDeps, Sender } from '../deps.ts';
import { problem } from '../problem.ts';
import { badToken, hashOfKey, hintOfKey, isApiKey, type KeyLookup, loginLookup } from './key-lookup.ts';
import type { UnknownCallers } from './unknown-callers.ts';

/** Who a request is from, as its `Authorization` header shows. */
type Identity = { kind: 'caller'; caller: Caller | Sender } | { kind: 'cron' } | { kind: 'unknown'; why: AuthProblem };

/** What the middleware leaves for the routes. */
export interface HttpEnv {
  Variables: {
    requestId: string;
    /** By `authenticate`, for every request. */
    identity: Identity;
    /** By `requireCaller`: only behind it. */
    caller: Caller;
  };
}

const BEARER = /^Bearer (\S{1,4096})$/i;
/** What changes nothing (RFC 9110). */
const READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const noToken: AuthProblem = {
  status: 401,
  code: 'unauthenticated',
  detail: 'Send an API key or a login token (a scheduler: CRON_SECRET) as Authorization: Bearer …',
};
const oneFactor: AuthProblem = {
  status: 403,
  code: 'second_factor_required',
  detail:
    'An operator’s login needs a second factor (aal2): enrol one (an authenticator app) and log in again with it. ' +
    'Where the project has none, OPERATOR_AAL=aal1 lets logins without one in.',
};
/** For a key that may read and wants to change something. */
export const readOnly: AuthProblem = {
  status: 403,
  code: 'read_only_key',
  detail: 'This key may read only: to place or change anything, use one with scope trade.',
};
const nobodysLogin: AuthProblem = {
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

/** Whether two secrets are the same, in a time that reveals nothing of either: their hashes are compared. */
export function sameSecret(one: string, other: string): boolean {
  return timingSafeEqual(sha256(one), sha256(other));
}

/** Whether it is one of these: a secret, and the one of before while it is changed. All are compared. */
function isOneOf(presented: string, secrets: readonly (string | null | undefined)[]): boolean {
  return secrets.map((one) => typeof one === 'string' && sameSecret(presented, one)).includes(true);
}

/**
 * Gives whose a bearer token is: the cron secret, an API key (`ds_` and 43 characters) or a login (JWT). What is shown is
 * always checked, whatever others at the same address have shown: only how often the database is asked is bounded.
 */
function identityReader(
  deps: HttpDeps,
  callerOfKey: KeyLookup,
): (token: string, isGuessing: boolean) => Promise<Identity> {
  const userOfLogin = loginLookup(deps);
  return async (token, isGuessing) => {
    if (isOneOf(token, [deps.cronSecret, deps.cronSecretPrevious])) return { kind: 'cron' };
    if (!isApiKey(token)) return callerOfLogin(deps, token, userOfLogin);
    const caller = await callerOfKey(token, isGuessing);
    return 'role' in caller ? { kind: 'caller', caller } : { kind: 'unknown', why: caller };
  };
}

/** The issuer's keys can't be had: no verdict on the token, and no failure of the request's own. */
const noKeys: AuthProblem = {
  status: 503,
  code: 'logins_unavailable',
  detail: 'Logins can not be checked just now: ask again in a few seconds. API keys are not affected.',
};

/** A login with the claim `operator` is one; any other is the user it is connected to. */
async function callerOfLogin(
  { verifyJwt, operatorAal, world }: HttpDeps,
  token: string,
  userOfLogin: (authUserId: string) => Promise<string | null>,
): Promise<Identity> {
  // Anybody can show a login as often as they like: whatever comes of that is an event, and no alert.
  const claims = await verifyJwt?.(token).catch((error: unknown) => {
    world.emit({ type: 'logins_unavailable', error });
    return 'unavailable' as const;
  });
  if (claims === 'unavailable') return { kind: 'unknown', why: noKeys };
  if (!claims) return { kind: 'unknown', why: badToken };
  const shown = { principal: `login:${claims.sub}`, scope: 'trade', apiKey: null } as const;
  if (claims.role === 'operator') {
    if (operatorAal === 'aal2' && claims.aal !== 'aal2') return { kind: 'unknown', why: oneFactor };
    return { kind: 'caller', caller: { role: 'operator', userId: null, ...shown } };
  }
  if (!UUID.test(claims.sub)) return { kind: 'unknown', why: nobodysLogin };
  const userId = await userOfLogin(claims.sub);
  if (userId === null) return { kind: 'unknown', why: nobodysLogin };
  return { kind: 'caller', caller: { role: 'user', userId, ...shown } };
}

/** For every request, first of all: finds out who is asking and leaves it as `identity`. It turns nobody away. */
export function authenticate(
  deps: HttpDeps,
  callerOfKey: KeyLookup,
  unknownCallers: UnknownCallers,
): MiddlewareHandler<HttpEnv> {
  const identityOf = identityReader(deps, callerOfKey);
  return async (c, next) => {
    const header = c.req.header('Authorization');
    const token = header === undefined ? undefined : BEARER.exec(header)?.[1];
    if (token === undefined) c.set('identity', { kind: 'unknown', why: header === undefined ? noToken : badToken });
    else c.set('identity', await identityOf(token, unknownCallers.isExhausted(c)));
    await next();
  };
}

/** Lets operators and users pass and leaves the `caller`; everybody else gets 401, or 403 where the token is good. */
export const requireCaller: MiddlewareHandler<HttpEnv> = async (c, next) => rejection(c) ?? next();

/** Lets operators pass, and leaves the `caller`. */
export const requireOperator: MiddlewareHandler<HttpEnv> = async (c, next) => {
  const rejected = rejection(c);
  if (rejected) return rejected;
  return c.get('caller').role === 'operator' ? next() : forbidden(c, 'Only operators may do this.');
};

/** Lets the scheduler pass: whoever has the cron secret. */
export const requireCron: MiddlewareHandler<HttpEnv> = async (c, next) => {
  const identity = c.get('identity');
  if (identity.kind === 'cron') return next();
  if (identity.kind === 'caller') return forbidden(c, 'The cron secret alone opens the cron routes.');
  return problem(c, identity.why);
};

function rejection(c: Context<HttpEnv>): Response | null {
  const identity = c.get('identity');
  if (identity.kind === 'unknown') return problem(c, identity.why);
  if (identity.kind === 'cron') return forbidden(c, 'The cron secret opens the cron routes only.');
  if (identity.caller.role === 'signals') return forbidden(c, 'This key may only send signals: POST /api/signals.');
  if (identity.caller.scope === 'read' && !READS.has(c.req.method)) return problem(c, readOnly);
  c.set('caller', identity.caller);
  return null;
}

function forbidden(c: Context<HttpEnv>, detail: string): Response {
  return problem(c, { status: 403, code: 'forbidden', detail });
}
