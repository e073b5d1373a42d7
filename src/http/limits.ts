import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { rateLimiter } from 'hono-rate-limiter';
import type { HttpEnv } from './auth.ts';
import { problem } from './problem.ts';

/** How much one caller may ask of one process. */
export interface DoorLimits {
  bodyBytes: number;
  /** Of a key or login. */
  callerPerMinute: number;
  /** Of an address that shows no valid key. */
  addressPerMinute: number;
}

export const defaultDoorLimits: DoorLimits = { bodyBytes: 64 * 1024, callerPerMinute: 600, addressPerMinute: 60 };

/** Refuses bodies that no request of ours needs, before they are read. */
export function sized({ bodyBytes }: DoorLimits): MiddlewareHandler {
  return bodyLimit({
    maxSize: bodyBytes,
    onError: (c) => {
      const detail = `A request body may have ${bodyBytes} bytes: send fewer at once.`;
      return problem(c, { status: 413, code: 'too_large', detail });
    },
  });
}

/**
 * Counts requests per minute: of a known caller under his name, of a stranger under his address. The scheduler is not
 * counted: nobody else's requests may keep it out. Behind `identified`.
 */
export function counted({ callerPerMinute, addressPerMinute }: DoorLimits): MiddlewareHandler<HttpEnv> {
  return rateLimiter<HttpEnv>({
    windowMs: 60_000,
    skip: (c) => c.get('asked').kind === 'cron',
    limit: (c) => (c.get('asked').kind === 'caller' ? callerPerMinute : addressPerMinute),
    keyGenerator: (c) => {
      const asked = c.get('asked');
      return asked.kind === 'caller' ? asked.caller.principal : `address:${addressOf(c)}`;
    },
    handler: (c) => {
      const detail = 'Too many requests: wait as long as Retry-After says.';
      return problem(c, { status: 429, code: 'too_many_requests', detail });
    },
  });
}

/** Loopback, private and link-local networks (RFC 1918, 4193, 4291): there a peer is our own proxy. */
const OWN_NETWORK = /^(?:(?:::ffff:)?(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)|::1$|f[cd]|fe80:)/i;

/** The other end of the connection; behind a proxy of our own, or on a platform without connections, what that says. */
function addressOf(c: Context): string {
  const peer = member(member(member(c.env, 'incoming'), 'socket'), 'remoteAddress');
  if (typeof peer === 'string' && !OWN_NETWORK.test(peer)) return peer;
  const nearest = c.req.header('X-Forwarded-For')?.split(',').at(-1)?.trim() || c.req.header('X-Real-IP');
  return nearest?.slice(0, 64) ?? (typeof peer === 'string' ? peer : 'unknown');
}

function member(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && name in of ? Reflect.get(of, name) : undefined;
}
