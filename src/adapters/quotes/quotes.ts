// Prices from a file or from the database, for paper trading and replays.
import { instrumentKey } from '../../domain/market/share.ts';
import type { Quote } from '../../domain/types.ts';
import type { Store } from '../../ports/store/store.ts';
import type { Quotes } from '../../ports/world.ts';
import type { DayPrice } from '../files/prices-file.ts';

/** Prices of a file: everybody trades at the day's open. A symbol it does not have that day has no price. */
export function fileQuotes(prices: readonly DayPrice[]): Quotes {
  return { read: async ({ tradeDate, nowMs }) => quotesOn(prices, tradeDate, nowMs) };
}

/**
 * The quotes of one date: the day's open as the price (what a scan just after the open would have seen), the close
 * of the symbol's latest earlier row as the previous close. A symbol without a row of that date has no quote.
 */
export function quotesOn(prices: readonly DayPrice[], date: string, atMs: number): Quote[] {
  const previous = new Map<string, DayPrice>();
  for (const price of prices) {
    const earlier = previous.get(instrumentKey(price));
    const isNewer = earlier === undefined || earlier.date < price.date;
    if (price.date < date && isNewer) previous.set(instrumentKey(price), price);
  }
  return prices
    .filter((price) => price.date === date)
    .map(({ exchange, symbol, openMinor }) => ({
      exchange,
      symbol,
      priceMinor: openMinor,
      previousCloseMinor: previous.get(instrumentKey({ exchange, symbol }))?.closeMinor ?? null,
      lowerCircuitMinor: null,
      upperCircuitMinor: null,
      atMs,
    }));
}

/**
 * The prices imported into the database: the day's open. Where none were ever imported, nothing has a price, or, with
 * `signal`, each signal its own reference price.
 */
export function storedQuotes(store: Store, otherwise: 'given' | 'signal' = 'given'): Quotes {
  return {
    async read(wanted) {
      const listings = [...wanted.signals, ...wanted.held].map(({ exchange, symbol }) => ({ exchange, symbol }));
      const { any, prices } =
        wanted.stored ?? (await store.call('read_prices', { tradeDate: wanted.tradeDate, listings }));
      if (!any) return otherwise === 'signal' ? referenceQuotes(wanted) : [];
      const unknown = { lowerCircuitMinor: null, upperCircuitMinor: null };
      return prices.map((price) => ({ ...price, ...unknown, atMs: wanted.nowMs }));
    },
  };
}

/** Each signal's own reference price, marked as such. What users hold has no price then. */
function referenceQuotes({ signals, nowMs }: Parameters<Quotes['read']>[0]): Quote[] {
  return signals.map(({ exchange, symbol, referencePriceMinor }) => {
    const unknown = { previousCloseMinor: null, lowerCircuitMinor: null, upperCircuitMinor: null };
    return { exchange, symbol, priceMinor: referencePriceMinor, ...unknown, atMs: nowMs, fromSignal: true };
  });
}
