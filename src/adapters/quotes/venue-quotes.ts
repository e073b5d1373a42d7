import type { Quote } from '../../domain/words.ts';
import type { AccountAtVenue, Venue } from '../../ports/venue.ts';
import type { Quotes, Tell } from '../../ports/world.ts';

export interface VenueQuotesOptions {
  venues: ReadonlyMap<string, Venue>;
  /** Accounts connected at a venue, the one that logged in last first. */
  accountsAt: (venue: string) => Promise<AccountAtVenue[]>;
  tell: Tell;
}

/** Accounts asked of one venue before it counts as one without prices. */
const MOST_ASKED = 3;

/**
 * Prices as real venues have them, each through the first account there that gets an answer: everybody is decided at one
 * price, so one account's word is as good as another's. What no venue answers has no price, and is not traded.
 */
export function venueQuotes({ venues, accountsAt, tell }: VenueQuotesOptions): Quotes {
  return {
    async read({ signals, held }) {
      const wanted = new Map(
        [...signals, ...held].map(({ exchange, symbol }) => [keyOf({ exchange, symbol }), { exchange, symbol }]),
      );
      const quotes: Quote[] = [];
      for (const venue of venues.values()) {
        if (wanted.size === 0) break;
        for (const quote of await quotesAt(venue, await accountsAt(venue.name), [...wanted.values()], tell)) {
          // Only what was asked for, and once: a venue that answers more is not believed for it.
          if (wanted.delete(keyOf(quote))) quotes.push(quote);
        }
      }
      if (wanted.size > 0)
        tell({ step: 'without_price', symbols: [...wanted.keys()].slice(0, 20), count: wanted.size });
      return quotes;
    },
  };
}

async function quotesAt(
  { name, desk }: Venue,
  accounts: AccountAtVenue[],
  listings: { exchange: string; symbol: string }[],
  tell: Tell,
): Promise<Quote[]> {
  let asked = 0;
  for (const account of accounts) {
    if (!desk || asked === MOST_ASKED) break;
    const said = await desk.quotes(account, listings);
    if (said.kind === 'read') return said.value;
    tell({ step: 'no_quotes', venue: name, userId: account.userId, reason: said.reason });
    // Who has not logged in today is mostly known without asking the venue.
    if (said.kind === 'unreadable') asked += 1;
  }
  return [];
}

function keyOf({ exchange, symbol }: { exchange: string; symbol: string }): string {
  return `${exchange}:${symbol}`;
}
