// Prices from the real venues, the first that answers for each share.
import type { Quote } from '../../domain/types.ts';
import type { Venue } from '../../ports/venue.ts';
import type { Quotes } from '../../ports/world.ts';
import { listingKey, type SharedQuotesOptions, sharedQuotes } from './shared-quotes.ts';

export interface VenueQuotesOptions extends Omit<SharedQuotesOptions, 'venue'> {
  venues: ReadonlyMap<string, Venue>;
}

/**
 * Prices as real venues have them, each through the first account there that gets an answer: everybody is decided at one
 * price, so one account's word is as good as another's. What no venue answers has no price, and is not traded.
 */
export function venueQuotes({ venues, ...options }: VenueQuotesOptions): Quotes {
  const readers = [...venues.values()].map((venue) => sharedQuotes({ ...options, venue }));
  return {
    async read({ signals, held }) {
      const wanted = new Map(
        [...signals, ...held].map(({ exchange, symbol }) => [listingKey({ exchange, symbol }), { exchange, symbol }]),
      );
      const quotes: Quote[] = [];
      for (const quotesOf of readers) {
        if (wanted.size === 0) break;
        for (const quote of await quotesOf([...wanted.values()])) {
          // Only what was asked for, and once: a venue that answers more is not believed for it.
          if (wanted.delete(listingKey(quote))) quotes.push(quote);
        }
      }
      if (wanted.size > 0) {
        options.emit({ type: 'quotes_missing', symbols: [...wanted.keys()].slice(0, 20), count: wanted.size });
      }
      return quotes;
    },
  };
}
