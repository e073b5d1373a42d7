// What the checks of accounts may do: read them at their venues, and write verdicts, drifts and adjustments.
import type { Deps, VenuesWith } from '../../ports/deps.ts';
import type { Venue, VenueAccountApi } from '../../ports/venue.ts';
import type { CatchUpDeps } from '../execute/catch-up.ts';
import type { RemindDeps } from '../notify/deps.ts';

/** Everything a venue says of an account, and nothing that changes it there. */
export type AccountApi = Omit<VenueAccountApi, 'cancel'>;

/** A venue as the checks see it: it can't be sent an order. */
export interface AccountVenue extends Pick<Venue, 'capabilities'> {
  accountApi?: AccountApi;
}

export type AccountsDeps = Deps<
  'addressOf' | 'clock' | 'emit' | 'logins' | 'operatorDays',
  'adjust_books' | 'read_books' | 'read_inputs' | 'read_shares' | 'store_drifts' | 'store_readiness'
> &
  VenuesWith<AccountVenue>;

/** The evening's comparison first closes what was left open. */
export type SyncDeps = AccountsDeps & CatchUpDeps;

/** Readiness does so, too, and reminds users of logins. */
export type ReadyDeps = SyncDeps & RemindDeps;
