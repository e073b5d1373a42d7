// Prices shares a venue holds that our books do not know, so that they can be booked.
import { instrumentKey } from '../../domain/market/share.ts';
import type { Adjustment, Books } from '../../ports/store/accounts.ts';
import type { ShareDifference } from './compare-books.ts';
import type { AccountApi } from './deps.ts';

type ToBook =
  | { kind: 'priced'; shares: Adjustment['holdings'] }
  | { kind: 'no_price' | 'beyond_exact'; listing: string };

/**
 * Shares the venue has more of than our books, as they are to be booked: at what the venue says they cost, else at the
 * price of the day they are first seen. Without either they can't be booked: a made-up price would be a made-up profit. Nor
 * can what is worth more than can be computed with: it is its account's trouble, and no other's of the page.
 */
export async function sharesToBook(
  accountApi: AccountApi,
  { accountId, userId }: Books,
  check: { tradeDate: string; checkedAtMs: number },
  differences: ShareDifference[],
): Promise<ToBook> {
  // What was oversold is a drift of its own: a person acknowledges it.
  const more = differences.filter(({ ours, theirs }) => theirs > ours && ours >= 0);
  const unpriced = more.filter((one) => averageOf(one) === null).map(({ listing }) => listing);
  const quoted =
    unpriced.length > 0 ? await accountApi.quotes({ accountId, userId }, unpriced).catch(() => null) : null;
  const quotes = new Map(
    (quoted?.kind === 'read' ? quoted.value : []).map((quote) => [instrumentKey(quote), quote.priceMinor]),
  );
  const shares: Adjustment['holdings'] = [];
  for (const one of more) {
    const { listing, listedQuantity, ours, theirs, mtfMore } = one;
    const key = instrumentKey(listing);
    const priceMinor = averageOf(one) ?? quotes.get(key);
    if (priceMinor === undefined) return { kind: 'no_price', listing: key };
    if (!Number.isSafeInteger(theirs * priceMinor)) return { kind: 'beyond_exact', listing: key };
    // Of this check: where our books lost the shares again the same day, they are booked once more.
    const reference = `readiness:${check.tradeDate}:${check.checkedAtMs}:${key}:${ours}:${theirs}`;
    const booked = { ...listing, booksQuantity: listedQuantity, priceMinor };
    const mtf = Math.min(Math.max(0, mtfMore), theirs - ours);
    const delivered = theirs - ours - mtf;
    if (delivered > 0) shares.push({ ...booked, product: 'delivery', quantity: delivered, reference });
    if (mtf > 0) shares.push({ ...booked, product: 'mtf', quantity: mtf, reference: `${reference}:mtf` });
  }
  return { kind: 'priced', shares };
}

/** Per piece, to the nearest paisa, never 0. */
function averageOf({ costMinor, theirs }: ShareDifference): number | null {
  return costMinor === null || costMinor <= 0 ? null : Math.max(1, Math.round(costMinor / theirs));
}
