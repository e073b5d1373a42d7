// What a venue says of an account: its orders of the day, its shares, its money, and the rows that are none of ours.
import type { OddRow, VenueFunds, VenueOrder, VenuePosition } from '../../ports/venue.ts';

/** The rows of an account's lists that are none of our kind, or that nobody could read. */
export interface OddRows {
  orders: OddRow[];
  positions: OddRow[];
}

/** What a venue says of an account, all of it or nothing. */
export interface AccountSnapshot {
  orders: VenueOrder[];
  positions: VenuePosition[];
  funds: VenueFunds;
  odd: OddRows;
}

/** The shares an account's lists speak of, of whatever kind. */
export function listingsOf({ positions, odd }: AccountSnapshot): { exchange: string; symbol: string }[] {
  return [...positions, ...odd.positions.flatMap(({ listing }) => listing ?? [])];
}
