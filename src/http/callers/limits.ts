// Limits how many requests a minute each caller may make.
import type { MiddlewareHandler } from 'hono';
import { rateLimiter } from 'hono-rate-limiter';
import { problem } from '../problem.ts';
import type { HttpEnv } from './auth.ts';
import type { UnknownCallers } from './unknown-callers.ts';

const MINUTE_MS = 60_000;

/** How much one caller may ask of one process. */
export interface RateLimits {
  bodyBytes: number;
  /** Of a key or login. */
  callerPerMinute: number;
  /** Of an address, in requests that show no valid key, login or signature. */
  addressPerMinute: number;
  /** Open at the same time: of one user over all their keys and logins, or of one operator's key or login. */
  streamsPerCaller: number;
  /** Of everybody together. */
  streams: number;
}

export const defaultRateLimits: RateLimits = {
  bodyBytes: 64 * 1024,
  callerPerMinute: 600,
  addressPerMinute: 60,
  streamsPerCaller: 50,
  streams: 1_000,
};

/** Streams leave half of a server's connections to requests. */
export function limitsFor(maxConnections: number): RateLimits {
  return { ...defaultRateLimits, streams: Math.floor(maxConnections / 2) };
}

/**
 * Counts requests per minute: of a known caller under their own name, of an unknown one under the address. The scheduler is
 * not counted: nobody else's requests may keep it out. Who may still show in the body who they are is counted by the
 * route, once it has read it. Behind `authenticate`.
 */
export function rateLimit({ callerPerMinute }: RateLimits, unknownCallers: UnknownCallers): MiddlewareHandler<HttpEnv> {
  const callers = rateLimiter<HttpEnv>({
    windowMs: MINUTE_MS,
    limit: callerPerMinute,
    keyGenerator: (c) => {
      const identity = c.get('identity');
      return identity.kind === 'caller' ? identity.caller.principal : identity.kind;
    },
    handler: (c) => {
      const detail = 'Too many requests of this key or login: wait as long as Retry-After says.';
      return problem(c, { status: 429, code: 'too_many_requests', detail });
    },
  });
  return async (c, next) => {
    const identity = c.get('identity');
    if (identity.kind === 'caller') return callers(c, next);
    if (identity.kind === 'cron' || isSignalWithoutToken(c.req.method, c.req.path, c.req.header('Authorization')))
      return next();
    return unknownCallers.count(c) ?? next();
  };
}

/** Signals come by a signature of their body too, or with a key in it or in their address. */
function isSignalWithoutToken(method: string, path: string, authorization: string | undefined): boolean {
  return method === 'POST' && /^\/api\/signals(?:\/[^/]+)?$/.test(path) && authorization === undefined;
}
