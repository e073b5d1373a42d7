import type { Quote } from '../../domain/words.ts';
import type { Store } from '../../ports/store.ts';
import type { Quotes } from '../../ports/world.ts';
import { type DayPrice, quotesOn } from '../files/prices-file.ts';

/** Prices of a file: everybody trades at the day's open. A symbol it does not have that day has no price. */
export function fileQuotes(prices: readonly DayPrice[]): Quotes {
  return { read: async ({ tradeDate, nowMs }) => quotesOn(prices, tradeDate, nowMs) };
}

/** The prices imported into the database: the day's open. Where none were ever imported, the signals' reference prices. */
export function storedQuotes(store: Store): Quotes {
  return {
    async read(wanted) {
      const listings = [...wanted.signals, ...wanted.held].map(({ exchange, symbol }) => ({ exchange, symbol }));
      const { any, prices } = await store.call('read_prices', { tradeDate: wanted.tradeDate, listings });
      if (!any) return referenceQuotes().read(wanted);
      const unknown = { lowerCircuitMinor: null, upperCircuitMinor: null };
      return prices.map((price) => ({ ...price, ...unknown, atMs: wanted.nowMs }));
    },
  };
}

/** Where there is no price source at all: each signal's own reference price. What users hold has no price then. */
function referenceQuotes(): Quotes {
  return {
    read: async ({ signals, nowMs }) =>
      signals.map(({ exchange, symbol, referencePriceMinor }): Quote => {
        const unknown = { previousCloseMinor: null, lowerCircuitMinor: null, upperCircuitMinor: null };
        return { exchange, symbol, priceMinor: referencePriceMinor, ...unknown, atMs: nowMs };
      }),
  };
}
