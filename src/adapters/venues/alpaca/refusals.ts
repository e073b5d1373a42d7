// Alpaca's refusals that people are told in their own language.
import type { NamedRefusal } from '../../../domain/order.ts';
import type { AlpacaError } from './client.ts';

/** Its own number for the protection of accounts below $25,000: the fourth day trade within five days is denied. */
const DAY_TRADE_DENIED = 40310100;

/**
 * Which refusal of an order it is, where Alpaca says so: by its number where it has one of its own, else by the sentence
 * about the asset. They only choose words: that it was refused is known already.
 */
export function namedRefusal({ code, message }: Pick<AlpacaError, 'code' | 'message'>): { reason?: NamedRefusal } {
  if (code === DAY_TRADE_DENIED || /\bpattern day trad/i.test(message)) return { reason: 'pattern_day_trader' };
  if (!/\b(?:asset|symbol|trading)\b/i.test(message)) return {};
  if (/\bhalted\b/i.test(message)) return { reason: 'halted_at_exchange' };
  if (/\bnot fractionable\b/i.test(message)) return { reason: 'not_fractionable' };
  return /\bnot (?:tradable|active)\b/i.test(message) ? { reason: 'not_tradable' } : {};
}
