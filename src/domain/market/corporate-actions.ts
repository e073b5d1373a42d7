// Splits, bonuses and the like: what they make of prices and previous closes.
import type { Quote } from '../types.ts';
import type { DayOverride } from './calendar.ts';
import { addDays } from './india-time.ts';
import type { Market } from './market.ts';
import { tradingDay } from './session.ts';
import type { Listing } from './share.ts';

/** What an exchange announces with an ex-date and changes what a share's price means. Ordinary dividends are none. */
export const corporateActionKinds = [
  'split',
  'consolidation',
  'bonus',
  'rights',
  'demerger',
  'merger',
  'special_dividend',
] as const;

/**
 * From its ex-date on a share trades without what the action gives. `ratio` as exchanges write it: a split or a
 * consolidation of 5:1 makes 5 shares of 1 (1:10: 1 of 10), a bonus of 1:2 gives 1 for every 2 held.
 */
export interface CorporateAction extends Listing {
  exDate: string;
  kind: (typeof corporateActionKinds)[number];
  ratio: string | null;
}

/** '5:1 split on 2025-08-28' */
export function corporateActionText({ ratio, kind, exDate }: CorporateAction): string {
  return `${ratio === null ? '' : `${ratio} `}${kind.replaceAll('_', ' ')} on ${exDate}`;
}

/**
 * Those between a trading day of a market and the one before it: the previous close is a price of the share as it was before them.
 * An ex-date on a day without trading takes effect on the next day with.
 */
export function actionsSincePreviousClose<A extends CorporateAction>(
  market: Market,
  actions: readonly A[],
  tradeDate: string,
  overrides: readonly DayOverride[],
): A[] {
  return actions.filter(({ exDate }) => {
    if (exDate > tradeDate) return false;
    for (let date = exDate; date < tradeDate; date = addDays(date, 1)) {
      if (tradingDay(market, date, overrides).kind === 'open') return false;
    }
    return true;
  });
}

/** Quotes without the previous close of those shares: it is no base for a profit or a loss. */
export function withoutOldCloses(
  quotes: readonly Quote[],
  actions: readonly Listing[],
  shareOf: (listing: Listing) => string,
): Quote[] {
  const changed = new Set(actions.map(shareOf));
  return quotes.map((quote) => (changed.has(shareOf(quote)) ? { ...quote, previousCloseMinor: null } : quote));
}

/**
 * Whether the band around a signal's reference price tells a reference of before the action from one of after it: no
 * move within 20 %, the widest price band of a day at NSE, could bring the price back to the old one. Never where the
 * ratio is not known, or does not say what a share is worth (rights, demergers, mergers, dividends).
 */
export function bandProvesBasis({ kind, ratio }: CorporateAction, bandBps: number): boolean {
  const worth = ratio === null ? null : worthOf(kind, ratio);
  if (worth === null) return false;
  const [after, before] = worth;
  const [lowest, highest] = [BigInt(10_000 - bandBps), BigInt(10_000 + bandBps)];
  return after * 12_000n < before * lowest || after * 8_000n > before * highest;
}

/** What one share is worth after it, as a fraction of what one was before. */
function worthOf(kind: CorporateAction['kind'], ratio: string): [bigint, bigint] | null {
  const [left = 0n, right = 0n] = ratio.split(':').map(BigInt);
  if (kind === 'split' || kind === 'consolidation') return [right, left];
  return kind === 'bonus' ? [right, left + right] : null;
}
