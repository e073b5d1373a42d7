import { z } from 'zod';

// The shapes of what the HTTP door asks the database for: keys, logins and the signals that came in.

const role = z.enum(['operator', 'user']);
const scope = z.enum(['read', 'trade']);

export const createdKey = z.object({ kind: z.enum(['created', 'no_such_user']) });

export const revokedKey = z.object({ kind: z.enum(['revoked', 'already_revoked', 'no_such_key']) });

export const foundKey = z
  .object({
    hint: z.string(),
    role,
    scope,
    userId: z.string().nullable(),
    expiresAtMs: z.int().nullable(),
    /** Why it opens nothing any more; null: it does. */
    fault: z.enum(['revoked', 'expired']).nullable(),
  })
  .nullable();

export const apiKey = z.object({
  hint: z.string(),
  role,
  scope,
  userId: z.string().nullable(),
  label: z.string(),
  createdAtMs: z.int(),
  expiresAtMs: z.int().nullable(),
  /** To the minute. */
  lastUsedAtMs: z.int().nullable(),
  revokedAtMs: z.int().nullable(),
});

export const authUser = z.object({ userId: z.string().nullable() });

export const receivedSignal = z.object({
  position: z.int(),
  signalId: z.string().nullable(),
  outcome: z.enum(['accepted', 'duplicate', 'rejected']),
  problem: z.string().nullable(),
});
