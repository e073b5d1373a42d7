import { z } from 'zod';
import type { OperatorAction } from '../domain/actions.ts';

// What the database is asked, and answers, about who did what.

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
