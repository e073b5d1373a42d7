import { createHash } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { rateLimiter } from 'hono-rate-limiter';
import { z } from 'zod';
import type { Clock } from '../ports/world.ts';
import type { HttpEnv } from './auth.ts';
import { problem } from './problem.ts';

const MINUTE_MS = 60_000;
const MOST_REMEMBERED = 1_000;

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
    windowMs: MINUTE_MS,
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

/**
 * Bounds the lookups of tokens that an address shows and that were not good before: each counts before it is made, and
 * no longer once it was found good. So guesses cost no more lookups than the limit, and who shares an address with
 * somebody who guesses still gets in with what was good before. null: not now.
 */
export function boundedLookups<Found extends { kind: string }>(
  { addressPerMinute }: DoorLimits,
  clock: Clock,
): (address: string, token: string, lookUp: () => Promise<Found>) => Promise<Found | null> {
  const good = new Set<string>();
  const underWay = new Map<string, Promise<Found>>();
  const counts = countsPerMinute(clock);
  const remember = (hash: string): void => {
    good.delete(hash);
    good.add(hash);
    const [oldest] = good;
    if (good.size > MOST_REMEMBERED && oldest !== undefined) good.delete(oldest);
  };
  const asked = async (address: string, hash: string, lookUp: () => Promise<Found>): Promise<Found> => {
    const wasGood = good.has(hash);
    const found = await lookUp().catch((error: unknown) => {
      // A database that is gone says nothing about the token.
      if (!wasGood) counts.add(address, -1);
      throw error;
    });
    if (found.kind !== 'caller') good.delete(hash);
    else if (!wasGood) counts.add(address, -1);
    if (found.kind === 'caller') remember(hash);
    return found;
  };
  return async (address, token, lookUp) => {
    const hash = createHash('sha256').update(token, 'utf8').digest('base64');
    // One client's many requests at once are one guess.
    const same = underWay.get(hash);
    if (same) return same;
    if (!good.has(hash) && counts.add(address, 1) > addressPerMinute) return null;
    const looking = asked(address, hash, lookUp).finally(() => underWay.delete(hash));
    underWay.set(hash, looking);
    return looking;
  };
}

/** Counts by name, all begun anew each minute. */
function countsPerMinute(clock: Clock): { add(name: string, by: 1 | -1): number } {
  let counts = new Map<string, number>();
  let minute = 0;
  return {
    add(name, by) {
      const nowMinute = Math.floor(clock.nowMs() / MINUTE_MS);
      if (nowMinute !== minute) counts = new Map();
      minute = nowMinute;
      const count = Math.max(0, (counts.get(name) ?? 0) + by);
      counts.set(name, count);
      return count;
    },
  };
}

/** Loopback, private and link-local networks (RFC 1918, 4193, 4291): there a peer is our own proxy. */
const OWN_NETWORK = /^(?:(?:::ffff:)?(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)|::1$|f[cd]|fe80:)/i;

/** The other end of the connection; behind a proxy of our own, or on a platform without connections, what that says. */
export function addressOf(c: Context): string {
  const peer = member(member(member(c.env, 'incoming'), 'socket'), 'remoteAddress');
  if (typeof peer === 'string' && !OWN_NETWORK.test(peer)) return networkOf(peer);
  const nearest = c.req.header('X-Forwarded-For')?.split(',').at(-1)?.trim() || c.req.header('X-Real-IP');
  return networkOf(nearest?.slice(0, 64) ?? (typeof peer === 'string' ? peer : 'unknown'));
}

/** What one subscriber has: an IPv4 address, or the /64 an IPv6 one is of, within which he picks as he likes (RFC 6177). */
function networkOf(address: string): string {
  const [bare = ''] = address.split('%');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined || !z.ipv6().safeParse(bare).success) return mapped ?? address;
  const [head = [], tail] = bare.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = tail === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array<string>(Math.max(zeros, 0)).fill('0'), ...(tail ?? [])];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

function member(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && name in of ? Reflect.get(of, name) : undefined;
}
