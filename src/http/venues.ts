import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { istIso } from '../domain/ist.ts';
import type { LoginEnd, VenueDoor } from '../ports/vault.ts';
import { checkAfterLogin } from './after-login.ts';
import type { HttpEnv } from './auth.ts';
import { readState } from './login-state.ts';
import type { HttpParts } from './parts.ts';
import { problem } from './problem.ts';

const MOST_BYTES = 64 * 1024;

/** How long a browser keeps the state of a login that its venue does not bring back. */
const LOGIN_SECONDS = 15 * 60;

/**
 * The venues' ways to us; 404 where a venue is not traded. Mounted before the rest: nobody's key is needed, and no rate
 * limit may keep a fill's news out.
 * - `GET /api/venues/VENUE/login?state=…` sends the account's user to the venue's login, which brings him back to the same
 *   address with a `request_token`: that makes his session. The state is ours, signed: 403 for any other, and for a login
 *   of another client than the account's. Where the venue does not bring it back, a cookie of this address does.
 * - `POST /api/webhooks/kite`: a postback. Its checksum is verified (403 else), and then the order is looked up at once:
 *   nothing it says is believed. What is not about an order of ours is taken and let be.
 */
export function venueRoutes(parts: HttpParts): Hono<HttpEnv> {
  const { world, wake } = parts;
  const routes = new Hono<HttpEnv>();
  routes.get('/api/venues/:venue/login', (c) => login(parts, c, c.req.param('venue')));
  const sized = bodyLimit({
    maxSize: MOST_BYTES,
    onError: (c) => problem(c, { status: 413, code: 'too_large', detail: 'No postback of Kite is as long as this.' }),
  });
  routes.post('/api/webhooks/kite', sized, async (c) => {
    const hear = world.doors?.get('kite')?.hear;
    if (!hear) return notThere(c, 'Kite is not traded here.');
    const heard = await hear(await c.req.text());
    world.tell({ step: 'postback', venue: 'kite', heard });
    if (heard === 'bad_checksum') {
      return problem(c, { status: 403, code: 'bad_signature', detail: 'The checksum is not Kite’s.' });
    }
    if (heard === 'due') wake();
    return c.body(null, 204);
  });
  return routes;
}

async function login(parts: HttpParts, c: Context<HttpEnv>, venue: string): Promise<Response> {
  const { world, loginKey } = parts;
  const door = world.doors?.get(venue);
  if (!door?.loginUrl || !door.finishLogin || !loginKey) {
    return notThere(c, 'There is no such venue here, or nobody logs in there in a browser.');
  }
  const requestToken = c.req.query('request_token');
  const state = c.req.query('state') ?? (requestToken === undefined ? '' : stateKept(c, door, venue));
  const read = readState(loginKey, venue, state, world.clock.nowMs());
  if (!read) {
    const detail = 'This link was not made here, or is over, or was opened in another browser: open the link again.';
    return problem(c, { status: 403, code: 'bad_state', detail });
  }
  // The token and the state must not travel on, nor stay in any cache.
  c.header('Cache-Control', 'no-store');
  c.header('Referrer-Policy', 'no-referrer');
  const { accountId } = read;
  if (requestToken !== undefined) {
    const end = await door.finishLogin(accountId, { requestToken, clientId: c.req.query('client_id') ?? null });
    world.tell({ step: 'venue_login', venue, accountId, ended: end.kind, reason: reasonOf(end) });
    if (end.kind !== 'open') return said(c, end);
    if (!door.bringsStateBack) deleteCookie(c, cookieOf(venue), { path: pathOf(venue), secure: true });
    parts.later(checkAfterLogin(parts, accountId));
    return said(c, end);
  }
  const url = await door.loginUrl(accountId, state);
  if (url === null) return said(c, { kind: 'not_connected' });
  if (!door.bringsStateBack) keepState(c, venue, state);
  return c.redirect(url, 302);
}

/** In the browser the login began in: whoever is sent here by somebody else has none. */
function keepState(c: Context<HttpEnv>, venue: string, state: string): void {
  const lax = { httpOnly: true, secure: true, sameSite: 'Lax', path: pathOf(venue), maxAge: LOGIN_SECONDS } as const;
  setCookie(c, cookieOf(venue), state, lax);
}

function stateKept(c: Context<HttpEnv>, { bringsStateBack }: VenueDoor, venue: string): string {
  return bringsStateBack ? '' : (getCookie(c, cookieOf(venue)) ?? '');
}

const cookieOf = (venue: string) => `login_${venue}`;
const pathOf = (venue: string) => `/api/venues/${venue}/login`;

function reasonOf(end: LoginEnd): string | undefined {
  return 'reason' in end ? end.reason : undefined;
}

/** The end of a login, in words for the person in the browser. */
function said(c: Context<HttpEnv>, end: LoginEnd): Response {
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
