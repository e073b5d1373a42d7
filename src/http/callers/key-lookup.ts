// Looks up API keys and logins, and remembers the answers for seconds.
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { batched } from '../../concurrency/batch.ts';
import { istIso } from '../../domain/market/india-time.ts';
import type { FoundKey } from '../../ports/store/access.ts';
import type { AuthProblem, Caller, HttpDeps, Sender } from '../deps.ts';
import { keyUses } from './key-uses.ts';

/** How long a key may be taken for good without asking the database: a revoked one stops within this time. */
const KEY_TTL_MS = 10_000;
/** Good ones and bad ones are remembered apart: guesses push no good key out. */
const MAX_CACHED_KEYS = 20_000;
/** So many keys are looked up by one call; while it is under way the next ones gather. */
const KEYS_BATCH_SIZE = 500;
/** Between two such calls for addresses that have used up what unknown callers may ask. */
const GUESS_INTERVAL_MS = 20;
const API_KEY = /^ds_[\w-]{43}$/;

export const badToken: AuthProblem = {
  status: 401,
  code: 'unauthenticated',
  detail: 'This key or token is not valid here: it is unknown, revoked or expired.',
};

/** Whether a token has the form of an API key. */
export function isApiKey(token: string): boolean {
  return API_KEY.test(token);
}

/** What is stored of an API key, and what it is looked up by: SHA-256, hex. */
export function hashOfKey(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}

/** The part of a key that may be shown: 36 of its 256 bits. */
export function hintOfKey(key: string): string {
  return key.slice(0, 9);
}

/**
 * Finds the caller an API key stands for, or why it is turned away. `isGuessing`: the address it came from has shown too
 * many bad ones.
 */
export type KeyLookup = (key: string, isGuessing: boolean) => Promise<Caller | Sender | AuthProblem>;

interface CacheEntry<Value> {
  value: Value;
  atMs: number;
  untilMs: number;
}

/**
 * One per app. A key is known by its random hash, so what is remembered of one says nothing of any other. Keys not seen
 * before are looked up many at a time by one call of the database, and by one call at a time: any number of guesses
 * costs a bounded number of calls, and a good key among them is found all the same.
 */
export function keyLookup(deps: HttpDeps): KeyLookup {
  const { store, clock } = deps.world;
  const good = new LRUCache<string, CacheEntry<Caller | Sender>>({ max: MAX_CACHED_KEYS });
  const bad = new LRUCache<string, CacheEntry<AuthProblem>>({ max: MAX_CACHED_KEYS });
  const underWay = new Map<string, Promise<Caller | Sender | AuthProblem>>();
  const noteUse = keyUses(deps);
  const find = (hashes: string[]) => store.call('find_api_keys', { hashes });
  const atOnce = batched(find, KEYS_BATCH_SIZE);
  const paced = batched(async (hashes: string[]) => {
    await clock.sleep(GUESS_INTERVAL_MS);
    return find(hashes);
  }, KEYS_BATCH_SIZE);
  const lookUp = async (hash: string, isGuessing: boolean): Promise<Caller | Sender | AuthProblem> => {
    const atMs = clock.nowMs();
    const row = await (isGuessing && !good.has(hash) ? paced(hash) : atOnce(hash));
    const caller = row && !row.fault ? callerOf(row) : null;
    const untilMs = Math.min(atMs + KEY_TTL_MS, (caller && row?.expiresAtMs) ?? Infinity);
    good.delete(hash);
    if (caller) {
      good.set(hash, { value: caller, atMs, untilMs });
      return caller;
    }
    const why = row?.fault ? endedKey(row) : badToken;
    bad.set(hash, { value: why, atMs, untilMs });
    return why;
  };
  const callerOfHash = async (hash: string, isGuessing: boolean): Promise<Caller | Sender | AuthProblem> => {
    const cached = good.get(hash) ?? bad.get(hash);
    if (cached && isFresh(cached, clock.nowMs())) return cached.value;
    const same = underWay.get(hash);
    if (same) return same;
    const lookup = lookUp(hash, isGuessing).finally(() => underWay.delete(hash));
    underWay.set(hash, lookup);
    return lookup;
  };
  return async (key, isGuessing) => {
    if (!isApiKey(key)) return badToken;
    const caller = await callerOfHash(hashOfKey(key), isGuessing);
    if ('role' in caller) noteUse(hintOfKey(key));
    return caller;
  };
}

/** Finds the user a login belongs to, or null; it too is asked of the database once in ten seconds. */
export function loginLookup({ world: { store, clock } }: HttpDeps): (authUserId: string) => Promise<string | null> {
  const cache = new LRUCache<string, CacheEntry<string | null>>({ max: MAX_CACHED_KEYS });
  return async (authUserId) => {
    const atMs = clock.nowMs();
    const before = cache.get(authUserId);
    if (before && isFresh(before, atMs)) return before.value;
    const { userId } = await store.call('find_auth_user', { authUserId });
    cache.set(authUserId, { value: userId, atMs, untilMs: atMs + KEY_TTL_MS });
    return userId;
  };
}

/** A clock that was set back makes nothing good for longer. */
function isFresh({ atMs, untilMs }: CacheEntry<unknown>, nowMs: number): boolean {
  return nowMs >= atMs && nowMs < untilMs;
}

function callerOf({ hint, role, scope, userId, source }: FoundKey): Caller | Sender | null {
  const principal = `key:${hint}`;
  if (role === 'signals') return source === null ? null : { role, principal, apiKey: hint, source };
  if (scope === null) return null;
  const shown = { principal, scope, apiKey: hint };
  if (role === 'operator') return { role, userId: null, ...shown };
  return userId === null ? null : { role, userId, ...shown };
}

/** Who has a key may know that it was a good one: it is named by the part of it that may be shown. */
function endedKey({ hint, fault, expiresAtMs }: FoundKey): AuthProblem {
  const ended = fault === 'expired' && expiresAtMs !== null ? `expired on ${istIso(expiresAtMs)}` : 'was revoked';
  const detail = `The key ${hint}… ${ended}: ask the operator for another (npm run apikey -- create).`;
  return { status: 401, code: 'unauthenticated', detail };
}
