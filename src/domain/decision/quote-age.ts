// How old, or how far ahead, a price may be to trade on it.
import type { Quote } from '../types.ts';
import type { RunLimits } from './inputs.ts';

/**
 * How far a price may be ahead of our clock. Venues stamp a trade with their own clock, which may be a second or two off
 * ours, and whole seconds round; what is further ahead comes from a wrong clock, and then nobody knows how old it is.
 */
const MAX_QUOTE_AHEAD_MS = 5_000;

/** Why a price's time makes it none, or null: too old, or ahead of us. Whole seconds; ahead is below zero. */
export function quoteAgeFault(
  { atMs }: Pick<Quote, 'atMs'>,
  nowMs: number,
  { quoteMaxAgeMs }: Pick<RunLimits, 'quoteMaxAgeMs'>,
): { limitSeconds: number; ageSeconds: number } | null {
  const ageMs = nowMs - atMs;
  if (ageMs > quoteMaxAgeMs) {
    return { limitSeconds: Math.floor(quoteMaxAgeMs / 1000), ageSeconds: Math.ceil(ageMs / 1000) };
  }
  if (ageMs >= -MAX_QUOTE_AHEAD_MS) return null;
  return { limitSeconds: -MAX_QUOTE_AHEAD_MS / 1000, ageSeconds: Math.floor(ageMs / 1000) };
}
