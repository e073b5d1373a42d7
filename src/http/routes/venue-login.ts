// The venues’ routes: logins that users make in a browser, and pushes of what became of orders.
import { createHash } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { LRUCache } from 'lru-cache';
import { istIso } from '../../domain/market/india-time.ts';
import type { LoginEnd, VenueLogin, VenueWebhook } from '../../ports/vault.ts';
import { bodyLimit } from '../body.ts';
import type { HttpEnv } from '../callers/auth.ts';
import { checkAfterLogin } from '../callers/check-after-login.ts';
import { type LoginState, readState } from '../callers/login-state.ts';
import { onceIn } from '../callers/once.ts';
import type { UnknownCallers } from '../callers/unknown-callers.ts';
import type { HttpDeps } from '../deps.ts';
import { type Problem, problem } from '../problem.ts';

const MAX_BYTES = 64 * 1024;

/** An account's login is begun, or brought back, once in this time: neither we nor its venue is asked more often. */
const LOGIN_EVERY_MS = 5_000;
/** Tokens of logins that were brought back, remembered so that none is tried twice; venues end them in minutes. */
const MAX_TOKENS_REMEMBERED = 10_000;
const REQUEST_TOKEN = /^[\w.~+/=-]{1,1024}$/;

/** How long a browser keeps the state of a login that its venue does not bring back. */
const LOGIN_SECONDS = 15 * 60;

const badState: Problem = {
  status: 403,
  code: 'bad_state',
  detail: 'This link was not made here, or is over, or was opened in another browser: open the link again.',
};
const badToken: Problem = {
  status: 400,
  code: 'bad_request_token',
  detail: 'This is no request_token of a venue: open the link again and log in there.',
};
const usedToken: Problem = {
  status: 409,
  code: 'login_used',
  detail: 'This login was brought back already, and a login works once: open the link again.',
};
/**
 * The venues' ways to us; 404 where a venue is not traded. Mounted before the rest: nobody's key is needed, and no rate
 * limit may keep a fill's news out; what shows no checksum or state of ours costs its address.
 * - `GET /api/venues/VENUE/login?state=…` sends the account's user to the venue's login, which brings them back to the same
 *   address with a `request_token`: that makes their session. The state is ours, signed: 403 for any other, and for a login
 *   of another client than the account's. Where the venue does not bring it back, a cookie of this address does. Either
 *   way once in five seconds for an account (429 else), and each token once.
 * - `POST /api/webhooks/VENUE`, of every venue that pushes: a postback. It is refused by its form first; its checksum is
 *   verified (403 else), and then the order is looked up at once: nothing it says is believed. What is not about an order
 *   of ours is taken and let be.
 */
export function venueRoutes(deps: HttpDeps, unknownCallers: UnknownCallers): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>();
  const gate = loginGate(deps);
  routes.get('/api/venues/:venue/login', (c) => login(deps, { unknownCallers, gate }, c, c.req.param('venue')));
  for (const webhook of deps.webhooks) {
    routes.post(`/api/webhooks/${webhook.venue}`, bodyLimit(MAX_BYTES), (c) => push(deps, unknownCallers, c, webhook));
  }
  return routes;
}

/** A push of what became of an order: the order is looked up. */
async function push(
  { world, wake }: HttpDeps,
  unknownCallers: UnknownCallers,
  c: Context<HttpEnv>,
  { venue, title, form }: VenueWebhook,
): Promise<Response> {
  const readPostback = world.logins?.get(venue)?.handlePush;
  if (!readPostback) return notThere(c, `${title} is not traded here.`);
  const outcome = await readPostback(await c.req.text());
  world.emit({ type: 'postback', venue, outcome });
  if (outcome === 'malformed') {
    return unknownCallers.refuse(c, {
      status: 400,
      code: 'bad_postback',
      detail: `This is no postback of ${title}: ${form}.`,
    });
  }
  if (outcome === 'bad_checksum') {
    return unknownCallers.refuse(c, { status: 403, code: 'bad_signature', detail: `The checksum is not ${title}’s.` });
  }
  // Orders that a client gives elsewhere are nobody's fault, but nothing shows that the venue speaks of them.
  if (outcome === 'not_ours') return unknownCallers.count(c) ?? c.body(null, 204);
  wake();
  return c.body(null, 204);
}

/** How often logins are let through, and that each is brought back once. */
interface LoginGate {
  /** The seconds until this account's user may do this (again); 0: now. */
  waitSeconds: (what: 'begin' | 'finish', venue: string, accountId: number) => number;
  /** Takes a token. false: it was taken before. */
  take: (venue: string, token: string) => boolean;
  /** Nothing came of a token that was taken. */
  giveBack: (venue: string, token: string) => void;
}

function loginGate({ world: { clock } }: HttpDeps): LoginGate {
  const once = onceIn(LOGIN_EVERY_MS, clock);
  const taken = new LRUCache<string, true>({ max: MAX_TOKENS_REMEMBERED });
  const nameOf = (venue: string, token: string) => createHash('sha256').update(`${venue} ${token}`).digest('base64');
  return {
    waitSeconds: (what, venue, accountId) => once(`${what} ${venue} ${accountId}`),
    take(venue, token) {
      const name = nameOf(venue, token);
      if (taken.has(name)) return false;
      taken.set(name, true);
      return true;
    },
    giveBack: (venue, token) => void taken.delete(nameOf(venue, token)),
  };
}

async function login(
  deps: HttpDeps,
  { unknownCallers, gate }: { unknownCallers: UnknownCallers; gate: LoginGate },
  c: Context<HttpEnv>,
  venue: string,
): Promise<Response> {
  const { world, loginKey } = deps;
  const venueLogin = world.logins?.get(venue);
  if (!venueLogin?.loginUrl || !venueLogin.finishLogin || !loginKey) {
    return notThere(c, 'There is no such venue here, or nobody logs in there in a browser.');
  }
  const requestToken = c.req.query('request_token');
  const state = c.req.query('state') ?? (requestToken === undefined ? '' : stateKept(c, venueLogin, venue));
  const read = readState(loginKey, venue, state, world.clock.nowMs());
  if (!read) return unknownCallers.refuse(c, badState);
  // The token and the state must not travel on, nor stay in any cache.
  c.header('Cache-Control', 'no-store');
  c.header('Referrer-Policy', 'no-referrer');
  if (requestToken !== undefined) return finish(deps, gate, c, { ...read, venueLogin, requestToken });
  const wait = gate.waitSeconds('begin', venue, read.accountId);
  if (wait > 0) return tooSoon(c, wait);
  const url = await venueLogin.loginUrl(read.accountId, state);
  if (url === null) return loginAnswer(c, { kind: 'not_connected' });
  if (!venueLogin.bringsStateBack) keepState(c, venue, state);
  return c.redirect(url, 302);
}

/** Makes a session of what a login brought back. */
async function finish(
  deps: HttpDeps,
  gate: LoginGate,
  c: Context<HttpEnv>,
  { venue, accountId, venueLogin, requestToken }: LoginState & { venueLogin: VenueLogin; requestToken: string },
): Promise<Response> {
  if (!REQUEST_TOKEN.test(requestToken) || !venueLogin.finishLogin) return problem(c, badToken);
  if (!gate.take(venue, requestToken)) return problem(c, usedToken);
  const wait = gate.waitSeconds('finish', venue, accountId);
  if (wait > 0) {
    gate.giveBack(venue, requestToken);
    return tooSoon(c, wait);
  }
  const end = await venueLogin
    .finishLogin(accountId, { requestToken, clientId: c.req.query('client_id') ?? null })
    .catch((error: unknown) => {
      gate.giveBack(venue, requestToken);
      throw error;
    });
  deps.world.emit({ type: 'venue_login', venue, accountId, ended: end.kind, reason: reasonOf(end) ?? null });
  if (end.kind !== 'open') return loginAnswer(c, end);
  if (!venueLogin.bringsStateBack) deleteCookie(c, cookieOf(venue), { path: pathOf(venue), secure: true });
  deps.later(checkAfterLogin(deps, accountId));
  return loginAnswer(c, end);
}

function tooSoon(c: Context<HttpEnv>, seconds: number): Response {
  c.header('Retry-After', String(seconds));
  const detail = `A login of this account was asked for a moment ago: wait ${seconds} s, then open the link again.`;
  return problem(c, { status: 429, code: 'too_many_requests', detail });
}

/** In the browser the login began in: whoever is sent here by somebody else has none. */
function keepState(c: Context<HttpEnv>, venue: string, state: string): void {
  const lax = { httpOnly: true, secure: true, sameSite: 'Lax', path: pathOf(venue), maxAge: LOGIN_SECONDS } as const;
  setCookie(c, cookieOf(venue), state, lax);
}

function stateKept(c: Context<HttpEnv>, { bringsStateBack }: VenueLogin, venue: string): string {
  return bringsStateBack ? '' : (getCookie(c, cookieOf(venue)) ?? '');
}

const cookieOf = (venue: string) => `login_${venue}`;
const pathOf = (venue: string) => `/api/venues/${venue}/login`;

function reasonOf(end: LoginEnd): string | undefined {
  return 'reason' in end ? end.reason : undefined;
}

/** The end of a login, in words for the person in the browser. */
function loginAnswer(c: Context<HttpEnv>, end: LoginEnd): Response {
  switch (end.kind) {
    case 'open': {
      const until = end.untilMs === null ? '' : ` until ${istIso(end.untilMs).slice(0, 16).replace('T', ' ')} (India)`;
      return c.text(`You are logged in${until}. You may close this page.\n`);
    }
    case 'not_connected': {
      const detail =
        'This account is not connected, or logs in by itself: its operator knows (npm run account -- connect, check).';
      return problem(c, { status: 404, code: 'not_connected', detail });
    }
    case 'somebody_else': {
      const detail = 'Another client logged in than the one this account belongs to, so nothing was changed.';
      return problem(c, { status: 403, code: 'somebody_else', detail });
    }
    case 'refused': {
      const detail = `The venue refused this login (${end.reason}): it works once and for minutes. Open the link again.`;
      return problem(c, { status: 422, code: 'login_refused', detail });
    }
    case 'unreadable': {
      const detail = `The venue did not answer as it should (${end.reason}): open the link again.`;
      return problem(c, { status: 503, code: 'login_unclear', detail });
    }
  }
}

function notThere(c: Context<HttpEnv>, detail: string): Response {
  return problem(c, { status: 404, code: 'not_found', detail });
}
