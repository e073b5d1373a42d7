// Derives the ids: of users, signals, orders and plans. The same input gives the same id everywhere.
import { createHash } from 'node:crypto';
import type { Decision } from './decision/decision.ts';
import type { Signal } from './types.ts';

function sha256Hex(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** A name as names are compared: NFKC, trimmed, single spaces, lower case. Normalising twice changes nothing. */
function normalName(name: string): string {
  // Lower-casing can undo NFKC (İ becomes i and a combining dot), so it is composed again.
  return name.normalize('NFKC').toLowerCase().normalize('NFKC').replace(/\s+/gu, ' ').trim();
}

/**
 * The id of a user known by name: the normalised name's letters and digits joined by '-' ("Asha Rao" → `asha-rao`).
 * A name with any other character gets six hex digits of its hash on top, so "A. Rao" and "A Rao" stay two users.
 */
export function userIdOf(name: string): string {
  const normal = normalName(name);
  const words = normal.match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  const lossless = words.length > 0 && words.join(' ') === normal;
  const slug = words.length > 0 ? words.join('-') : 'user';
  return lossless ? slug : `${slug}-${sha256Hex(normal).slice(0, 6)}`;
}

/** `NSE:2025-08-28:breakout-20d:TITAN:BUY`: the same signal has the same id wherever it comes from. */
export function signalIdOf(signal: Pick<Signal, 'exchange' | 'tradeDate' | 'strategy' | 'symbol' | 'side'>): string {
  return [signal.exchange, signal.tradeDate, signal.strategy, signal.symbol, signal.side].join(':');
}

/**
 * The id a venue knows an order by, derived from what makes the order one of a kind: 20 characters of 0-9 and a-v,
 * 100 bits of SHA-256. Twenty lower-case alphanumerics is what the strictest venue takes (Kite's `tag`).
 */
export function clientOrderIdOf(...parts: string[]): string {
  const hexOf100Bits = sha256Hex(parts.join('|')).slice(0, 25);
  return BigInt(`0x${hexOf100Bits}`).toString(32).padStart(20, '0');
}

/** Whether an id has the shape of ours: nobody else's tags look like them. */
export function isOurClientOrderId(text: string): boolean {
  return /^[0-9a-v]{20}$/.test(text);
}

/** A user's place in a run's queue behind priority, 64 hex digits; the database's `queue_of` computes the same. */
export function queueHash(runId: string, userId: string): string {
  return sha256Hex(`${runId}|${userId}`);
}

/** One decision as the plan's hash sees it: `signalId|userId|outcome|reason|quantity|priceMinor|holdMinor`. */
export function planLine(
  decision: Pick<Decision, 'signalId' | 'userId' | 'outcome' | 'reason' | 'quantity' | 'priceMinor' | 'holdMinor'>,
): string {
  const { signalId, userId, outcome, reason, quantity, priceMinor, holdMinor } = decision;
  return [signalId, userId, outcome, reason ?? '', quantity, priceMinor ?? '', holdMinor].join('|');
}

/** SHA-256 hex over the plan's lines in code point order (`collate "C"` in the database), joined by line feeds. */
export function planHashOf(lines: readonly string[]): string {
  return sha256Hex(inCodePointOrder(lines).join('\n'));
}

function inCodePointOrder(lines: readonly string[]): string[] {
  // The default sort compares UTF-16 units: the same order, and far faster, unless a line has a surrogate.
  if (!lines.some((line) => /[\ud800-\udfff]/.test(line))) return lines.toSorted();
  return lines
    .map((line) => ({ line, bytes: Buffer.from(line, 'utf8') }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ line }) => line);
}
