// Closes the books of months that are over, so that checking them reads what came after and not everything there ever was.
import { addDays, istDate, monthEnd } from '../../domain/market/india-time.ts';
import type { Answer } from '../../ports/store/store.ts';
import type { CloseDeps } from './deps.ts';

/** An order is looked up for five days after its own at most; then a person has to say what became of it. */
const OPEN_DAYS = 7;
/** Accounts of one call: it holds them for a moment only. */
const BATCH_SIZE = 100;

/**
 * Orders between two closings, at most, where no single day has more: computing a closing anew, and what an evening reads on
 * top of the last one, is one call each, of 60 s at most. 150,000 orders were computed anew in 30 to 36 s.
 */
const MAX_ORDERS = 100_000;

interface Recorded {
  /** The first day something was recorded on; null: nothing was. */
  firstDay: string | null;
  closedThrough: string | undefined;
  /** How many orders were recorded on each day since, the oldest first. */
  days: readonly { day: string; orders: number }[];
}

/**
 * The days the books may be closed through by now, the oldest first: ends of months that are over for a week, from the
 * first in which something was recorded, and days between them where a month has too many orders for one closing; of those
 * that were closed before only the last, whose accounts may be missing.
 */
export function closableDays(nowMs: number, recorded: Recorded, maxOrders = MAX_ORDERS): string[] {
  const { firstDay, closedThrough } = recorded;
  const over = addDays(istDate(nowMs), -OPEN_DAYS);
  if (firstDay === null) return [];
  const found = new Set(closedThrough === undefined ? [] : [closedThrough]);
  for (let day = monthEnd(firstDay); day < over; day = monthEnd(addDays(day, 1))) found.add(day);
  for (const day of fullDays(recorded.days, maxOrders)) found.add(day);
  return [...found].filter((day) => day < over && (closedThrough === undefined || day >= closedThrough)).toSorted();
}

/** Days after which the orders of their month, since the last such day, have no room for those of the next. */
function fullDays(days: Recorded['days'], maxOrders: number): string[] {
  const full: string[] = [];
  let orders = 0;
  let before: string | null = null;
  for (const one of days) {
    if (before !== null && orders + one.orders > maxOrders && monthEnd(before) === monthEnd(one.day)) full.push(before);
    const isFirst = before === null || full.at(-1) === before || monthEnd(before) !== monthEnd(one.day);
    orders = isFirst ? one.orders : orders + one.orders;
    before = one.day;
  }
  return full;
}

/**
 * Closes month by month (a busy one in parts) what is over and not closed yet, account by account; what can't be closed (something is open, or
 * does not add up) is left for another evening, and so is what is not reached before `stop`. Gives how many were closed.
 */
export async function closeBooks(deps: CloseDeps, stop?: AbortSignal, maxOrders = MAX_ORDERS): Promise<number> {
  const { store, clock, emit } = deps;
  const until = addDays(istDate(clock.nowMs()), -OPEN_DAYS);
  const { firstDay, closings, days } = await store.call('read_closings', { until });
  let all = 0;
  const recorded = { firstDay, closedThrough: closings.at(-1)?.through, days };
  for (const through of closableDays(clock.nowMs(), recorded, maxOrders)) {
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
