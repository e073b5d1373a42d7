// Limits, by address, the requests that show no valid key, login or signature.
import type { Context } from 'hono';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../ports/world.ts';
import { type Problem, problem } from '../problem.ts';

const MINUTE_MS = 60_000;
/** An address that nobody asked from for the longest is forgotten first: who has that many needs no limit lifted. */
const MAX_ADDRESSES = 50_000;

/**
 * Counts what does not show who it is from: unknown keys, bad signatures, forged callbacks. It costs the address it came
 * from, and nothing else ever does: who shows a good key, cookie or signature is neither counted nor refused here, also
 * behind the address of somebody who guesses.
 */
export interface UnknownCallers {
  /** Whether this address has used up its minute. */
  isExhausted(c: Context): boolean;
  /** Counts one more of this address. The refusal, once its minute is used up; else null. */
  count(c: Context): Response | null;
  /** Counts one more, and turns it away with what is wrong, or with 429. */
  refuse(c: Context, why: Problem): Response;
}

/** @param addressOf the name an address is counted by */
export function countUnknownCallers(
  addressOf: (c: Context) => string,
  { addressPerMinute }: { addressPerMinute: number },
  clock: Clock,
): UnknownCallers {
  const counts = new LRUCache<string, { minute: number; count: number }>({ max: MAX_ADDRESSES });
  const current = (address: string): number => {
    const entry = counts.get(address);
    return entry?.minute === Math.floor(clock.nowMs() / MINUTE_MS) ? entry.count : 0;
  };
  const count = (c: Context): Response | null => {
    const address = addressOf(c);
    const before = current(address);
    if (before >= addressPerMinute) return tooMany(c, clock);
    counts.set(address, { minute: Math.floor(clock.nowMs() / MINUTE_MS), count: before + 1 });
    return null;
  };
  return {
    isExhausted: (c) => current(addressOf(c)) >= addressPerMinute,
    count,
    refuse: (c, why) => count(c) ?? problem(c, why),
  };
}

function tooMany(c: Context, clock: Clock): Response {
  c.header('Retry-After', String(Math.ceil((MINUTE_MS - (clock.nowMs() % MINUTE_MS)) / 1000)));
  const detail =
    'Too many requests from this address that do not show who they are from: wait as long as Retry-After says, or ' +
    'send a key, login or signature that is valid here; those are never refused for the others’ sake.';
  return problem(c, { status: 429, code: 'too_many_requests', detail });
}
