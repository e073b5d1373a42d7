// Shapes of what the database answers about orders that are being sent.
import { z } from 'zod';
import { runState } from './rows.ts';

/** Which of the orders may be sent now, and which of them are probes of an open breaker. */
export const marked = z.object({
  marked: z.array(z.int()),
  probes: z.array(z.int()),
  /** Their rate budget is used up for `waitMs`: they are handed back and may be claimed again then. */
  waiting: z.array(z.int()),
  waitMs: z.int().nullable(),
  /** Venues whose own budget is used up, whichever account asks. */
  venuesWaiting: z.array(z.string()),
});

/** A breaker that has just been opened or closed, with the counts it was opened by. */
export const breaker = z.object({
  kind: z.enum(['opened', 'closed']),
  runId: z.string(),
  venue: z.string(),
  /** null: of every signal. */
  signalId: z.string().nullable(),
  /** null: of every account. */
  userId: z.string().nullable(),
  tried: z.int(),
  failed: z.int(),
  accounts: z.int(),
  failedAccounts: z.int(),
  /** Orders it holds back, or lets go again. */
  waiting: z.int(),
  nextProbeMs: z.int(),
});

/** `locked`: users whose account another session holds, with nothing written of them. */
export const acceptedPage = z.object({
  accepted: z.int(),
  state: runState.nullable(),
  locked: z.array(z.string()).optional(),
});

/** `locked`: orders that another session holds, or their account; they are as they were. */
export const settledOrders = z.object({
  settled: z.int(),
  fills: z.int(),
  lateFills: z.array(z.string()),
  unproven: z.array(z.string()),
  wrongFills: z.array(z.object({ clientOrderId: z.string(), what: z.string() })),
  locked: z.array(z.int()).optional(),
});
