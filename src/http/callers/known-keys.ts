import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { istIso } from '../../domain/market/india-time.ts';
import { batched } from '../../ports/batch.ts';
import type { Answer } from '../../ports/store/store.ts';
import type { Caller, HttpParts, Sender, TurnedAway } from '../deps.ts';
import { keyUses } from './key-uses.ts';

/** How long a key may be taken for good without asking the database: a revoked one stops within this time. */
const KEY_TTL_MS = 10_000;
/** Good ones and bad ones are remembered apart: guesses push no good key out. */
const MAX_KEYS_REMEMBERED = 20_000;
/** So many keys are looked up by one call; while it is under way the next ones gather. */
const MAX_KEYS_AT_ONCE = 500;
/** Between two such calls for addresses that have used up what strangers may ask. */
const GUESSES_EVERY_MS = 20;
const API_KEY = /^ds_[\w-]{43}$/;

export const badToken: TurnedAway = {
  status: 401,
  code: 'unauthenticated',
  detail: 'This key or token is not valid here: it is unknown, revoked or expired.',
};

/** Whether a token is an API key by its looks. */
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
export type KeyLookup = (key: string, isGuessing: boolean) => Promise<Caller | Sender | TurnedAway>;

interface Known<Found> {
  found: Found;
  atMs: number;
  untilMs: number;
}

/**
 * One per app. A key is known by its random hash, so what is remembered of one says nothing of any other. Keys not seen
 * before are looked up many at a time by one call of the database, and by one call at a time: any number of guesses
 * costs a bounded number of calls, and a good key among them is found all the same.
 */
export function keyLookup(parts: HttpParts): KeyLookup {
  const { store, clock } = parts.world;
  const good = new LRUCache<string, Known<Caller | Sender>>({ max: MAX_KEYS_REMEMBERED });
  const bad = new LRUCache<string, Known<TurnedAway>>({ max: MAX_KEYS_REMEMBERED });
  const underWay = new Map<string, Promise<Caller | Sender | TurnedAway>>();
  const used = keyUses(parts);
  const find = (hashes: string[]) => store.call('find_api_keys', { hashes });
  const atOnce = batched(find, MAX_KEYS_AT_ONCE);
  const paced = batched(async (hashes: string[]) => {
    await clock.sleep(GUESSES_EVERY_MS);
    return find(hashes);
  }, MAX_KEYS_AT_ONCE);
  const lookUp = async (hash: string, isGuessing: boolean): Promise<Caller | Sender | TurnedAway> => {
    const atMs = clock.nowMs();
    const row = await (isGuessing && !good.has(hash) ? paced(hash) : atOnce(hash));
    const caller = row && !row.fault ? callerOf(row) : null;
    const untilMs = Math.min(atMs + KEY_TTL_MS, (caller && row?.expiresAtMs) ?? Infinity);
    good.delete(hash);
    if (caller) {
      good.set(hash, { found: caller, atMs, untilMs });
      return caller;
    }
    const why = row?.fault ? endedKey(row) : badToken;
    bad.set(hash, { found: why, atMs, untilMs });
    return why;
  };
  const callerOfHash = async (hash: string, isGuessing: boolean): Promise<Caller | Sender | TurnedAway> => {
    const known = good.get(hash) ?? bad.get(hash);
    if (known && isFresh(known, clock.nowMs())) return known.found;
    const same = underWay.get(hash);
    if (same) return same;
    const looking = lookUp(hash, isGuessing).finally(() => underWay.delete(hash));
    underWay.set(hash, looking);
    return looking;
  };
  return async (key, isGuessing) => {
    if (!isApiKey(key)) return badToken;
    const found = await callerOfHash(hashOfKey(key), isGuessing);
    if ('role' in found) used(hintOfKey(key));
    return found;
  };
}

/** Finds the user a login belongs to, or null; it too is asked of the database once in ten seconds. */
export function loginLookup({ world: { store, clock } }: HttpParts): (authUserId: string) => Promise<string | null> {
  const known = new LRUCache<string, Known<string | null>>({ max: MAX_KEYS_REMEMBERED });
  return async (authUserId) => {
    const atMs = clock.nowMs();
    const before = known.get(authUserId);
    if (before && isFresh(before, atMs)) return before.found;
    const { userId } = await store.call('find_auth_user', { authUserId });
    known.set(authUserId, { found: userId, atMs, untilMs: atMs + KEY_TTL_MS });
    return userId;
  };
}

/** A clock that was set back makes nothing good for longer. */
function isFresh({ atMs, untilMs }: Known<unknown>, nowMs: number): boolean {
  return nowMs >= atMs && nowMs < untilMs;
}

type KeyRow = NonNullable<Answer<'find_api_key'>>;

function callerOf({ hint, role, scope, userId, source }: KeyRow): Caller | Sender | null {
  const principal = `key:${hint}`;
  if (role === 'signals') return source === null ? null : { role, principal, apiKey: hint, source };
  if (scope === null) return null;
  const shown = { principal, scope, apiKey: hint };
  if (role === 'operator') return { role, userId: null, ...shown };
  return userId === null ? null : { role, userId, ...shown };
}

/** Who has a key may know that it was a good one: it is told by the part of it that may be shown. */
function endedKey({ hint, fault, expiresAtMs }: KeyRow): TurnedAway {
  const ended = fault === 'expired' && expiresAtMs !== null ? `expired on ${istIso(expiresAtMs)}` : 'was revoked';
  const detail = `The key ${hint}… ${ended}: ask the operator for another (npm run apikey -- create).`;
  return { status: 401, code: 'unauthenticated', detail };
}
