// A venue inside the bench's process that fills every order at once.
import { setTimeout as pause } from 'node:timers/promises';
import type { LookupOutcome, OrderToSend, Venue, VenueReport } from '../../../src/ports/venue.ts';

/** For the bench only: a venue in this process that fills every order whole, at its limit, after `latencyMs`. */
export function instantVenue({
  latencyMs = 0,
  onSubmit,
}: {
  latencyMs?: number;
  onSubmit?: (order: OrderToSend) => void;
} = {}): Venue {
  return {
    name: 'paper',
    capabilities: { refusesDuplicates: true, missIsProof: true },
    async submit(order) {
      onSubmit?.(order);
      if (latencyMs > 0) await pause(latencyMs);
      return { kind: 'acknowledged', report: filledReport(order) };
    },
    lookup: async (): Promise<LookupOutcome> => ({ kind: 'missing' }),
  };
}

/** The venue's answer to an order: all of it filled at its limit. */
function filledReport({ clientOrderId, quantity, limitPriceMinor }: OrderToSend): VenueReport {
  const fill = { venueFillId: `F${clientOrderId}`, quantity, priceMinor: limitPriceMinor, atMs: Date.now() };
  return { venueOrderId: `V${clientOrderId}`, status: 'filled', fills: [fill], message: null };
}
