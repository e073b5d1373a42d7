// Shapes of what the database answers about API keys, logins and received signals.
import { z } from 'zod';

const role = z.enum(['operator', 'user', 'signals']);
const scope = z.enum(['read', 'trade']);

export const createdKey = z.object({ kind: z.enum(['created', 'no_such_user']) });

export const revokedKey = z.object({ kind: z.enum(['revoked', 'already_revoked', 'no_such_key']) });

export const foundKey = z
  .object({
    hint: z.string(),
    role,
    /** null: a key that sends signals, and does nothing else. */
    scope: scope.nullable(),
    userId: z.string().nullable(),
    /** Whose signals it sends. */
    source: z.string().nullable(),
    expiresAtMs: z.int().nullable(),
    /** Why it opens nothing any more; null: it does. */
    fault: z.enum(['revoked', 'expired']).nullable(),
  })
  .nullable();

export const apiKey = z.object({
  hint: z.string(),
  role,
  scope: scope.nullable(),
  userId: z.string().nullable(),
  source: z.string().nullable(),
  label: z.string(),
  createdAtMs: z.int(),
  expiresAtMs: z.int().nullable(),
  /** To the minute. */
  lastUsedAtMs: z.int().nullable(),
  revokedAtMs: z.int().nullable(),
});

export const authUser = z.object({ userId: z.string().nullable() });

export const signalSource = z.object({
  name: z.string(),
  /** null: every strategy. */
  strategies: z.array(z.string()).nullable(),
  perDay: z.int(),
  enabled: z.boolean(),
  /** How many signals were taken of it today. */
  today: z.int(),
  /** The hints of its keys that still open something. */
  keys: z.array(z.string()),
});

export const sourceKey = z.object({ hint: z.string(), hash: z.string() });

const receivedSignal = z.object({
  position: z.int(),
  signalId: z.string().nullable(),
  outcome: z.enum(['accepted', 'duplicate', 'rejected']),
  problem: z.string().nullable(),
});

/** What became of each row; or why nothing is taken of this sender. */
export const receivedSignals = z.union([
  z.array(receivedSignal),
  z.object({
    refused: z.enum(['unknown', 'revoked', 'expired', 'not_for_signals', 'source_disabled', 'daily_quota']),
    limit: z.int().optional(),
  }),
]);
