// Closes the books of months that are over, so that checking them reads what came after and not everything there ever was.
import { addDays, istDate, monthEnd } from '../../domain/market/india-time.ts';
import type { Answer } from '../../ports/store/store.ts';
import type { CloseDeps } from './deps.ts';

/** An order is looked up for five days after its own at most; then a person has to say what became of it. */
const OPEN_DAYS = 7;
/** Accounts of one call: it holds them for a moment only. */
const BATCH_SIZE = 100;

/**
 * The days the books may be closed through by now, the oldest first: ends of months that are over for a week, from the
 * first in which something was recorded; of those that were closed before only the last, whose accounts may be missing.
 */
export function closableDays(nowMs: number, firstDay: string | null, closedThrough: string | undefined): string[] {
  const over = addDays(istDate(nowMs), -OPEN_DAYS);
  const days: string[] = [];
  if (firstDay === null) return days;
  for (let day = monthEnd(firstDay); day < over; day = monthEnd(addDays(day, 1))) {
    if (closedThrough === undefined || day >= closedThrough) days.push(day);
  }
  return days;
}

/**
 * Closes month by month what is over and not closed yet, account by account; what can't be closed (something is open, or
 * does not add up) is left for another evening, and so is what is not reached before `stop`. Gives how many were closed.
 */
export async function closeBooks(deps: CloseDeps, stop?: AbortSignal): Promise<number> {
  const { store, clock, emit } = deps;
  const { firstDay, closings } = await store.call('read_closings', {});
  let all = 0;
  for (const through of closableDays(clock.nowMs(), firstDay, closings.at(-1)?.through)) {
    const accounts = await closeThrough(deps, through, stop);
    // Today is the first trading day after it, or somebody else is at it: tomorrow, then.
    if (accounts === null) break;
    if (accounts > 0) emit({ type: 'books_closed', through, accounts });
    all += accounts;
  }
  return all;
}

/** Gives how many accounts were closed; null: it is not to be done now. */
async function closeThrough({ store }: CloseDeps, through: string, stop?: AbortSignal): Promise<number | null> {
  let accounts = 0;
  let after: number | null = null;
  while (!stop?.aborted) {
    const answer: Answer<'close_books'> = await store.call('close_books', { through, after, limit: BATCH_SIZE });
    if (answer.kind !== 'closed') return null;
    accounts += answer.closed;
    after = answer.next;
    if (after === null) break;
  }
  return accounts;
}
