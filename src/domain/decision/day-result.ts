// Computes an account's profit or loss of the day, for the daily loss limit.
import { instrumentKey, type Listing } from '../market/share.ts';
import type { Quote } from '../types.ts';
import type { AccountState, DayTrades } from './inputs.ts';

/** One listing's day: what is held of it now, and what orders bought and sold of it today. */
interface ListingDay extends Listing {
  share: string;
  heldNow: bigint;
  trades: DayTrades | null;
}

/**
 * The profit or loss of an account's trading day, in minor units: value now + sales today − purchases today − value at
 * the previous close − charges today. Its terms have one basis each: a share counts from the previous close where it was
 * held then, else from what was paid for it, up to what it was sold for, else to its price now. So a loss stays a loss
 * once it is sold, and what was bought today makes none from a close it was not held at.
 *
 * Held at the previous close is what is held now − bought today + sold today. Shares that came or went without an order of
 * ours are in no purchase and no sale: an import tells late what was there before. Nor is a fill of yesterday that is
 * told today: its day is its order's, so the shares of it count from the previous close.
 *
 * null where a price or a previous close that matters is not known, or a corporate action may lie between the two.
 * What was bought and sold off again today needs neither; what was not held at the previous close needs none of it.
 * @param quoteOf the quote of a listing that may be traded on, else null
 */
export function dayResult(
  { positions, today }: Pick<AccountState, 'positions' | 'today'>,
  quoteOf: (listing: Listing & { share: string }) => Quote | null,
): bigint | null {
  let result = -BigInt(today.chargesMinor);
  for (const day of listingDays(positions, today.traded)) {
    const { heldNow, trades } = day;
    const heldBefore = heldNow - BigInt(trades?.boughtQuantity ?? 0) + BigInt(trades?.soldQuantity ?? 0);
    result += BigInt(trades?.soldMinor ?? 0) - BigInt(trades?.boughtMinor ?? 0);
    if (heldNow === 0n && heldBefore === 0n) continue;
    const quote = quoteOf(day);
    if (!quote) return null;
    result += heldNow * BigInt(quote.priceMinor);
    if (heldBefore === 0n) continue;
    const { priceMinor, previousCloseMinor } = quote;
    if (previousCloseMinor === null || mayBeCorporateAction(priceMinor, previousCloseMinor)) return null;
    result -= heldBefore * BigInt(previousCloseMinor);
  }
  return result;
}

/** Positions of one listing, whatever product they are of, and its trades together. */
function listingDays(positions: AccountState['positions'], traded: readonly DayTrades[]): Iterable<ListingDay> {
  const days = new Map<string, ListingDay>();
  const dayOf = (of: Listing & { share: string }): ListingDay => {
    const { exchange, symbol, share } = of;
    const day = days.get(instrumentKey(of)) ?? { exchange, symbol, share, heldNow: 0n, trades: null };
    days.set(instrumentKey(of), day);
    return day;
  };
  for (const position of positions) dayOf(position).heldNow += BigInt(position.quantity);
  for (const trades of traded) dayOf(trades).trades = trades;
  return days.values();
}

/**
 * Whether a price is so far from the close before it that a split, a bonus or a demerger may lie between them: then the
 * difference is no profit and no loss. 20 % is the widest price band of a share without derivatives (NSE, price bands);
 * a share that really moved so far is one whose owner opens nothing new until somebody has looked.
 */
function mayBeCorporateAction(priceMinor: number, previousCloseMinor: number): boolean {
  return BigInt(Math.abs(priceMinor - previousCloseMinor)) * 100n > BigInt(previousCloseMinor) * 20n;
}
