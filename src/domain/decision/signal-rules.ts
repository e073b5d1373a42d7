// What makes a signal valid, wherever it comes from: its names, its exits and its end.
import { dateIn, marketOfExchange } from '../market/session.ts';
import type { Signal } from '../types.ts';

/** ':' parts a signal's id and '|' the lines of a plan, so neither may be in a strategy's name. */
export const strategyPattern = /^[^:|\p{C}]{1,60}$/u;

/** A trading symbol as NSE writes them: M&M, BAJAJ-AUTO. */
export const symbolPattern = /^[A-Z0-9&_.-]{1,30}$/;
/** The same, for whoever wrote another. */
export const symbolRule = 'must be 1 to 30 of A-Z 0-9 & - _ .';

/** Ranks run from 1, the best, to this. */
export const MAX_RANK = 1_000_000;

/** Which of stop and target is on the wrong side of the reference price, and which side is the right one; or null. */
export function misplaced(
  signal: Pick<Signal, 'side' | 'referencePriceMinor' | 'stopLossMinor' | 'targetMinor'>,
): { of: 'stopLoss' | 'target'; must: 'above' | 'below' } | null {
  const { side, referencePriceMinor: price, stopLossMinor: stop, targetMinor: target } = signal;
  const up = side === 'BUY' ? 1 : -1;
  if (stop !== null && (price - stop) * up <= 0) return { of: 'stopLoss', must: up === 1 ? 'below' : 'above' };
  if (target !== null && (target - price) * up <= 0) return { of: 'target', must: up === 1 ? 'above' : 'below' };
  return null;
}

type SignalEnd = Pick<Signal, 'validUntilMs' | 'tradeDate' | 'exchange'>;

/** Why a signal can't be valid until then; null: it can. A signal is for one day of its market, and ends with it. */
export function validityFault({ validUntilMs, tradeDate, exchange }: SignalEnd): string | null {
  const market = marketOfExchange(exchange);
  if (validUntilMs === null || dateIn(market, validUntilMs) === tradeDate) return null;
  return `must be on the trade date ${tradeDate} (${market.place}): a signal is for that day only`;
}
