// Deletes rows that are kept for a time only.
import type { RetentionDeps } from './deps.ts';

/** A financial year, and the month after it in which its books are looked at. */
const RETENTION_DAYS = 400;
/** Rows of one call: it holds its locks for a moment only. */
const DELETE_BATCH_SIZE = 10_000;

/**
 * Deletes what nothing is decided by any more: rows of signals that came in by HTTP, after 400 days, and how often
 * venues were spoken to, after two. Orders, decisions, fills, events, messages and the ledger are records: they stay.
 * Gives how many rows went.
 */
export async function forgetOld({ store, clock, emit }: RetentionDeps, stop?: AbortSignal): Promise<number> {
  const by = { who: 'forgetting', how: 'service' } as const;
  let forgotten = 0;
  while (!stop?.aborted) {
    const args = { nowMs: clock.nowMs(), keptDays: RETENTION_DAYS, limit: DELETE_BATCH_SIZE, by };
    const { receivedSignals, rateUses } = await store.call('forget_old', args);
    forgotten += receivedSignals + rateUses;
    if (receivedSignals < DELETE_BATCH_SIZE && rateUses < DELETE_BATCH_SIZE) break;
  }
  if (forgotten > 0) emit({ type: 'old_rows_deleted', count: forgotten });
  return forgotten;
}
