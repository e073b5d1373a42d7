import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { istIso } from '../domain/ist.ts';
import type { LoginEnd } from '../ports/vault.ts';
import type { HttpEnv } from './auth.ts';
import { readState } from './login-state.ts';
import type { HttpParts } from './parts.ts';
import { problem } from './problem.ts';

const MOST_BYTES = 64 * 1024;

/**
 * Kite's two ways to us; 404 where Kite is not traded. Mounted before the rest: nobody's key is needed, and no rate limit
 * may keep a fill's news out.
 * - `GET /api/venues/kite/login?state=…` sends the account's user to Kite's login, which brings him back to the same
 *   address with a `request_token`: that makes his session for the day. The state is ours, signed: 403 for any other,
 *   and for a login of another client than the account's.
 * - `POST /api/webhooks/kite`: a postback. Its checksum is verified (403 else), and then the order is looked up at once:
 *   nothing it says is believed. What is not about an order of ours is taken and let be.
 */
export function venueRoutes(parts: HttpParts): Hono<HttpEnv> {
  const { world, wake } = parts;
  const routes = new Hono<HttpEnv>();
  routes.get('/api/venues/kite/login', (c) => login(parts, c));
  const sized = bodyLimit({
    maxSize: MOST_BYTES,
    onError: (c) => problem(c, { status: 413, code: 'too_large', detail: 'No postback of Kite is as long as this.' }),
  });
  routes.post('/api/webhooks/kite', sized, async (c) => {
    const hear = world.doors?.get('kite')?.hear;
    if (!hear) return notTraded(c);
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

async function login({ world, loginKey }: HttpParts, c: Context<HttpEnv>): Promise<Response> {
  const door = world.doors?.get('kite');
  if (!door?.loginUrl || !door.finishLogin || !loginKey) return notTraded(c);
  const state = c.req.query('state') ?? '';
  const read = readState(loginKey, 'kite', state, world.clock.nowMs());
  if (!read) {
    const detail = 'This link was not made here, or is over: ask for a new one.';
    return problem(c, { status: 403, code: 'bad_state', detail });
  }
  // The token and the state must not travel on, nor stay in any cache.
  c.header('Cache-Control', 'no-store');
  c.header('Referrer-Policy', 'no-referrer');
  const { accountId } = read;
  const requestToken = c.req.query('request_token');
  if (requestToken !== undefined) {
    const end = await door.finishLogin(accountId, requestToken);
    world.tell({ step: 'venue_login', venue: 'kite', accountId, ended: end.kind, reason: reasonOf(end) });
    return said(c, end);
  }
  const url = await door.loginUrl(accountId, state);
  return url === null ? said(c, { kind: 'not_connected' }) : c.redirect(url, 302);
}

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
      const detail = 'This account is not connected: its operator has to do that first (npm run account -- connect).';
      return problem(c, { status: 404, code: 'not_connected', detail });
    }
    case 'somebody_else': {
      const detail = 'Another client logged in than the one this account belongs to, so nothing was changed.';
      return problem(c, { status: 403, code: 'somebody_else', detail });
    }
    case 'refused': {
      const detail = `Kite refused this login (${end.reason}): it works once and for minutes. Open the link again.`;
      return problem(c, { status: 422, code: 'login_refused', detail });
    }
    case 'unreadable': {
      const detail = `Kite did not answer as it should (${end.reason}): open the link again.`;
      return problem(c, { status: 503, code: 'login_unclear', detail });
    }
  }
}

function notTraded(c: Context<HttpEnv>): Response {
  return problem(c, { status: 404, code: 'not_found', detail: 'Kite is not traded here.' });
}
