// What removes the records of closed months that no law wants kept any longer.
import { z } from 'zod';
import type { Actor } from '../../../domain/actions.ts';
import { call } from '../shapes.ts';

/** How many rows of each table go. */
const counts = z.record(z.string(), z.int());

const legalHold = z.object({ kind: z.literal('legal_hold'), why: z.string() });

/** What is not over yet: an account not closed, an order, a run, a message, a drift nobody has seen. */
const openKind = z.enum(['account', 'order', 'run', 'message', 'drift']);

/** What became of records to remove; all but the first two: nothing, and why. */
const markedRemoved = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('would_remove'), counts }),
  z.object({ kind: z.literal('marked'), counts }),
  /** The records are not those of the export any more: how many there are now. */
  z.object({ kind: z.literal('not_exported'), counts }),
  /** Only what is older than that day may go. */
  z.object({ kind: z.literal('too_recent'), before: z.iso.date() }),
  /** The closing whose records have to go before. */
  z.object({ kind: z.literal('earlier_first'), through: z.iso.date() }),
  z.object({ kind: z.literal('open'), open: z.array(z.object({ kind: openKind, count: z.int() })) }),
  z.object({
    kind: z.literal('not_adding_up'),
    findings: z.array(z.object({ rule: z.string(), subject: z.string() })),
  }),
  z.object({ kind: z.enum(['not_closed', 'busy']) }),
  legalHold,
]);

const removedPage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('removed'), rows: z.int() }),
  z.object({ kind: z.literal('busy') }),
  legalHold,
]);

const removablePlace = z.union([z.object({ order: z.int() }), z.object({ run: z.string(), place: z.int() })]);
export type RemovablePlace = z.infer<typeof removablePlace>;
export type MarkedRemoved = z.infer<typeof markedRemoved>;

export const removal = {
  /**
   * Marks the records of a closing as removed, for good; without `manifestHash` (of their export) only says what would go.
   * `years`: how many financial years are kept, eight at least. Asked again, the answer is the same.
   */
  mark_removed: call<{
    through: string;
    years: number;
    manifestHash: string | null;
    counts: Record<string, number> | null;
    by: Actor;
  }>()(markedRemoved, { isLong: true }),
  /** Reads the next rows that go with a closing, of so many orders or users of a run; `next` null: that was all. */
  read_removable: call<{ through: string; after: RemovablePlace | null; limit: number }>()(
    z.object({ rows: z.array(z.object({ table: z.string(), row: z.unknown() })), next: removablePlace.nullable() }),
    { isLong: true },
  ),
  /** Deletes the next rows of what is marked as removed, so many of a kind at most; 0 rows: that was all. */
  remove_page: call<{ limit: number }>()(removedPage, { isLong: true }),
  /** Reads with which removal the records of a day went; null: they did not. */
  read_removed: call<{ day: string }>()(
    z.object({ through: z.iso.date(), by: z.string(), why: z.string(), atMs: z.int() }).nullable(),
  ),
  /** Places a legal hold, under which nothing is removed, or lifts it; `by` says why. */
  set_legal_hold: call<{ isOn: boolean; by: Actor }>()(z.object({ changed: z.boolean() })),
};
