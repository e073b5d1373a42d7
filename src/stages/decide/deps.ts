// What decide may do: read users, and ask venues for margins. It can neither write nor send.
import type { Deps, VenuesWith } from '../../ports/deps.ts';
import type { VenueAccountApi } from '../../ports/venue.ts';

/** The only question decide has for a venue. */
export type MarginApi = Pick<VenueAccountApi, 'margins'>;

export interface MarginVenue {
  accountApi?: MarginApi;
}

export type MarginDeps = Deps<'clock' | 'emit'> & VenuesWith<MarginVenue>;

export type DecideDeps = Deps<'clock' | 'emit', 'read_accounts' | 'read_plan_lines'> & VenuesWith<MarginVenue>;
