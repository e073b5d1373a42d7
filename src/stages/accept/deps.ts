// What accept may do: write decisions, orders and holds. It knows no venue that could be sent an order.
import type { Deps, VenuesWith } from '../../ports/deps.ts';
import type { Venue } from '../../ports/venue.ts';
import type { DecideDeps, MarginVenue } from '../decide/deps.ts';
import type { SweepDeps } from '../execute/deps.ts';
import type { ScanDeps } from '../scan/deps.ts';

export type AcceptDeps = Deps<'clock' | 'emit', 'accept_page' | 'decide_run' | 'read_lock_holders'>;

/** A run that was left is read, decided and accepted as it would have been; what may not be sent any more ends. */
export type CloseDeps = AcceptDeps & DecideDeps & ScanDeps & SweepDeps;

/** Single orders are read, decided and accepted in one. */
export type SingleOrderDeps = Deps<
  'clock' | 'emit' | 'operatorDays' | 'quotes',
  'place_orders' | 'read_order_inputs' | 'read_request_outcomes'
> &
  VenuesWith<MarginVenue & Pick<Venue, 'openMarket'>>;
