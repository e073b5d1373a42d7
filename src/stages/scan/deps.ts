// What scan and open may do.
import type { Deps, VenuesWith } from '../../ports/deps.ts';
import type { Venue } from '../../ports/venue.ts';

type ScanParts = 'clock' | 'emit' | 'operatorDays' | 'quotes';
type ScanCalls = 'read_inputs' | 'read_run' | 'reprice_run';

/** It reads, and gives a run that was left new prices; it opens nothing. */
export type ScanDeps = Deps<ScanParts, ScanCalls>;

/** The same, and what freezes a run. */
export type OpenDeps = Deps<
  ScanParts,
  ScanCalls | 'import_instruments' | 'import_signals' | 'import_users' | 'open_run'
> &
  VenuesWith<Pick<Venue, 'openMarket'>>;
