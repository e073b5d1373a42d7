// What execute may do: send what it has taken, look it up, and book what the venue says.
import type { Deps, VenuesWith } from '../../ports/deps.ts';
import type { Venue } from '../../ports/venue.ts';

/** What orders are sent to and looked up at; nothing of an account beside them. */
export type OrderVenue = Pick<Venue, 'name' | 'capabilities' | 'submit' | 'lookup'>;

export type SweepDeps = Deps<'clock' | 'emit', 'sweep_orders'>;

/** Books what became of orders. */
export type SettleDeps = Deps<'clock' | 'emit', 'read_lock_holders' | 'settle_orders'>;

export type ExecuteDeps = Deps<
  'accountSlots' | 'clock' | 'emit',
  | 'claim_lookups'
  | 'mark_resend'
  | 'read_lock_holders'
  | 'renew_claims'
  | 'settle_orders'
  | 'sweep_orders'
  | 'take_orders'
  | 'take_rates'
  | 'trip_breakers'
> &
  VenuesWith<OrderVenue>;

/** Hears what venues push, and has those orders looked up; it books nothing. */
export type ListenDeps = Deps<'clock' | 'emit', 'find_venue_order' | 'read_all_credentials' | 'request_lookup'> &
  VenuesWith<Pick<Venue, 'name' | 'listen'>>;
