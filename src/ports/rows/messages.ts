// Shapes of what the database answers about messages on their way.
import { z } from 'zod';
import { channel, messageStatus, mode } from './rows.ts';

/** A message nobody knows the fate of, to be looked for at the provider. */
export const messageLookup = z.object({
  messageId: z.int(),
  /** null: a login reminder. */
  runId: z.string().nullable(),
  userId: z.string(),
  to: z.string().nullable(),
  channel,
  attempt: z.int(),
  lookups: z.int(),
  resends: z.int(),
  text: z.string(),
  dueMs: z.int(),
  /** From then on it must not go; null: the provider's term is all there is. */
  beforeMs: z.int().nullable(),
  sendingMs: z.int(),
  /** The provider's ids of other messages to the same number, which it can not be. */
  otherIds: z.array(z.string()),
});

export const bookedDelivery = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['no_such_message', 'not_the_last_try']) }),
  z.object({ kind: z.literal('nothing_new'), status: messageStatus }),
  z.object({
    kind: z.literal('recorded'),
    status: messageStatus,
    /** What it had gone over. */
    channel,
    runId: z.string().nullable(),
    userId: z.string(),
  }),
]);

export const resent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('no_such_message') }),
  z.object({ kind: z.literal('not_settled'), status: messageStatus }),
  z.object({ kind: z.literal('queued'), was: messageStatus }),
]);

export const messageRow = z.object({
  userId: z.string(),
  userName: z.string(),
  kind: z.string(),
  status: messageStatus,
  reason: z.string().nullable(),
  text: z.string(),
  channel,
  attempts: z.int(),
  providerId: z.string().nullable(),
  providerStatus: z.string().nullable(),
  errorCode: z.string().nullable(),
  changedAtMs: z.int(),
  events: z.array(
    z.object({
      atMs: z.int(),
      status: messageStatus,
      attempt: z.int(),
      providerStatus: z.string().nullable(),
      errorCode: z.string().nullable(),
      reason: z.string().nullable(),
    }),
  ),
});

export const claimedNotice = z.object({
  noticeId: z.int(),
  key: z.string(),
  number: z.string(),
  text: z.string(),
  attempt: z.int(),
});

const counts = z.record(z.string(), z.int());

export const digestFacts = z.object({
  runId: z.string(),
  mode,
  startedAtMs: z.int(),
  doneAtMs: z.int(),
  badRows: z.int(),
  users: z.int(),
  outcomes: counts,
  orders: counts,
  messages: counts,
  /** The first five. */
  unknownOrders: z.array(z.string()),
  breaker: z.int(),
  lateFills: z.int(),
  /** Why no messages go at the moment; null: they go. */
  messagesStopped: z.string().nullable(),
});
