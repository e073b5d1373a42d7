// Tells which listings are the same share.
/** One listing of a share. */
export interface Listing {
  exchange: string;
  symbol: string;
}

/** How everything about one instrument is keyed: `exchange:symbol`. */
export function instrumentKey({ exchange, symbol }: Listing): string {
  return `${exchange}:${symbol}`;
}

/** Series NSE and BSE write behind a symbol and that are the same share; the same list as the database's. */
const SERIES = /-(EQ|BE|BZ|BL|IL|T0|SM|ST|SZ)$/;

function inIndia({ exchange }: Listing): boolean {
  return exchange === 'NSE' || exchange === 'BSE';
}

/**
 * What makes two listings one share where no ISIN is known: the symbol, which NSE and BSE have in common, without its
 * series (TITAN-BE is TITAN, moved to where every trade is delivered). Elsewhere the listing itself.
 */
export function foldedSymbol(listing: Listing): string {
  return inIndia(listing) ? listing.symbol.replace(SERIES, '') : instrumentKey(listing);
}

/**
 * Names the share of any listing: its ISIN, else that of its namesake among the known instruments (the same exchange's
 * first), else its folded symbol. The same rule as core.share_of_instrument in the database.
 */
export function sharesOf(instruments: readonly (Listing & { isin: string | null })[]): (listing: Listing) => string {
  const named = new Map<string, string>();
  const own = new Map<string, string>();
  for (const one of instruments) {
    if (one.isin === null) continue;
    own.set(instrumentKey(one), one.isin);
    const key = foldedSymbol(one);
    if (!named.has(key) || one.exchange === 'NSE') named.set(key, one.isin);
  }
  return (listing) => {
    return own.get(instrumentKey(listing)) ?? named.get(foldedSymbol(listing)) ?? foldedSymbol(listing);
  };
}
