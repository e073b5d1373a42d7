// Shapes of what the database answers about operator actions and a person's data.
import { z } from 'zod';
import type { Actor, OperatorAction } from '../../domain/actions.ts';

export interface ActionArguments {
  /** The newest first; `null`: any. */
  read_actions: {
    /** Only older ones than this number. */
    beforeId: number | null;
    limit: number;
    userId: string | null;
    action: OperatorAction | null;
    sinceMs: number | null;
  };
  export_user: { userId: string };
  /** Not `confirmed`: only says what would happen. */
  erase_user: { userId: string; confirmed: boolean; by: Actor };
  /** `keptId`, `keptHash`: a row as somebody kept it elsewhere. */
  verify_actions: { keptId: number | null; keptHash: string | null };
}

/** One act: what stood before and after it, as small JSON that the acting function chose. */
export const action = z.object({
  id: z.int(),
  atMs: z.int(),
  who: z.string(),
  how: z.enum(['cli', 'http', 'service']),
  action: z.string(),
  target: z.string(),
  userId: z.string().nullable(),
  before: z.json(),
  after: z.json(),
  why: z.string().nullable(),
  hash: z.string(),
  /** The number of the action by which a person was taken out of this one. */
  redactedBy: z.int().nullable(),
});

/** `changed`, `missing` and `added` say where the chain breaks; `not_as_kept`: the row is not the one that was kept. */
export const verified = z.object({
  rows: z.int(),
  headId: z.int(),
  headHash: z.string(),
  redacted: z.int(),
  problems: z.array(z.object({ id: z.int(), kind: z.enum(['added', 'changed', 'missing', 'not_as_kept']) })),
});

const counts = z.object({
  orders: z.int(),
  decisions: z.int(),
  messages: z.int(),
  credentials: z.int(),
  apiKeys: z.int(),
});

/** `tied`: something of theirs is open, and has to end first. */
export const erased = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('erased'), tombstone: z.string(), counts }),
  z.object({ kind: z.literal('would_erase'), name: z.string(), counts }),
  z.object({
    kind: z.literal('tied'),
    ties: z.array(
      z.object({ kind: z.enum(['open_order', 'open_position', 'undecided_run', 'unsettled_message']), count: z.int() }),
    ),
  }),
  z.object({ kind: z.literal('already_erased') }),
  z.object({ kind: z.literal('no_such_user') }),
]);

/** Everything kept of a person, by table; the columns are the database's own. */
export const exported = z.record(z.string(), z.json()).nullable();
