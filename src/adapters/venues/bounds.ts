// How what a venue sends is bounded, whichever venue it is: ids are indexed, numbers are added up and multiplied.
import { z } from 'zod';

/** An id a venue gives to an order or an execution: it is stored, indexed and sent back. */
export const venueId = z.string().regex(/^[\x20-\x7e]{1,100}$/);

/** A token as it fits a header, and no longer than any venue's. */
export const sessionToken = z.string().regex(/^[\x21-\x7e]{1,4096}$/);

/** A word of a venue's own (state, exchange, symbol, product): none is longer. */
export const word = z.string().max(100);

/** Nobody holds more shares, and a sum of so many is exact. */
export const MAX_SHARES = 1_000_000_000_000;

/** A number of shares. */
export const count = z.int().min(0).max(MAX_SHARES);

/** Whether an execution can be booked: at a price above 0, and for a value that is exact. */
export function isExact({ quantity, priceMinor }: { quantity: number; priceMinor: number }): boolean {
  return priceMinor > 0 && Number.isSafeInteger(quantity * priceMinor);
}

/** An amount that is exact in the minor unit, or null: what two fields say may multiply to something beyond all integers. */
export function exactOrNull(amountMinor: number): number | null {
  return Number.isSafeInteger(amountMinor) ? amountMinor : null;
}
