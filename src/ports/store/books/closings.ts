// What closes the books of months that are over.
import { z } from 'zod';
import { call } from '../shapes.ts';

const closedBooks = z.union([
  /** `next`: the account to go on after; null: that was all. */
  z.object({ kind: z.literal('closed'), closed: z.int(), next: z.int().nullable() }),
  z.object({ kind: z.enum(['too_early', 'closed_further', 'busy']) }),
]);

const closings = z.object({
  /** The first day something was recorded on; null: nothing was. */
  firstDay: z.iso.date().nullable(),
  /** Up to that closing the records were removed; null: none ever were. */
  removedThrough: z.iso.date().nullable(),
  /** The oldest first, with how many accounts are closed at each. */
  closings: z.array(z.object({ through: z.iso.date(), accounts: z.int() })),
  /** How many orders were recorded on each day after the last closing up to the one that was named, the oldest first. */
  days: z.array(z.object({ day: z.iso.date(), orders: z.int() })),
});

export const closingsOfBooks = {
  /**
   * Closes the books of the next accounts after that one (null: from the first) with all that was recorded up to the end of a
   * day; those in which something is open or wrong are left. Asked again, it finds nothing left to do.
   */
  close_books: call<{ through: string; after: number | null; limit: number }>()(closedBooks, { isLong: true }),
  /** Reads through which days books are closed, and how many orders came since (up to `until`; left out: of no day). */
  read_closings: call<{ until?: string }>()(closings, { isReport: true }),
};
