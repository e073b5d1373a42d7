// Checks the books against themselves, and alerts about every rule that is broken.
import { istDate, istMs } from '../../domain/market/india-time.ts';
import type { BrokenRule } from '../../ports/store/money.ts';
import { closeBooks } from './close-books.ts';
import type { BooksDeps, CheckDeps } from './deps.ts';

const DAY_MS = 86_400_000;
/** Facts of older days were looked at on every evening since, and can't change. */
const CHECKED_DAYS = 7;
/** In so many evenings every closing is computed anew. */
const EVENINGS_FOR_ALL = 28;

/** The first day whose decisions, histories and messages are looked at again; money and positions are always looked at in full. */
export function booksSince(nowMs: number): string {
  return istDate(nowMs - CHECKED_DAYS * DAY_MS);
}

/**
 * Which closings an evening computes anew, in turn: one where there are up to 28, of more as many as it takes for each to
 * come up every 28 evenings.
 */
export function closingsInTurn(nowMs: number, closings: readonly string[]): string[] {
  const evening = Math.floor(istMs(istDate(nowMs), '12:00') / DAY_MS) % EVENINGS_FOR_ALL;
  const turns = Math.min(EVENINGS_FOR_ALL, closings.length);
  return closings.filter((_, index) => index % turns === evening % turns);
}

/** What is broken in these closings and in the records before them, one closing after another. */
export async function checkClosings({ store }: CheckDeps, closings: readonly string[]): Promise<BrokenRule[]> {
  const broken: BrokenRule[] = [];
  for (const closing of closings) broken.push(...(await store.call('check_books', { closing })));
  return broken;
}

/** All closings there are, the oldest first. */
export async function readClosings({ store }: CheckDeps): Promise<string[]> {
  const { closings } = await store.call('read_closings', {});
  return closings.map(({ through }) => through);
}

/**
 * The books checked against themselves and the clock, in paper mode, too: every promise that is not kept is told, one
 * alert for each rule, with what the books say, what they should, and the command that settles it. Reads what is not closed
 * yet, and one closing of the past, in turn.
 */
async function checkBooks(deps: BooksDeps, stop?: AbortSignal): Promise<BrokenRule[]> {
  const { store, clock, emit } = deps;
  const broken = await store.call('check_books', { sinceDate: booksSince(clock.nowMs()) });
  if (!stop?.aborted)
    broken.push(...(await checkClosings(deps, closingsInTurn(clock.nowMs(), await readClosings(deps)))));
  const byRule = Map.groupBy(broken, ({ rule }) => rule);
  emit({ type: 'books_checked', rules: byRule.size });
  for (const [rule, [first, ...others]] of byRule) {
    if (!first) continue;
    const { subject, userId, ours, should, settle } = first;
    const more = others.length + others.reduce((sum, one) => sum + one.more, first.more);
    emit({
      type: 'books_broken',
      alert: true,
      about: rule,
      subject,
      userId: userId ?? undefined,
      ours,
      should,
      settle,
      more,
    });
  }
  return broken;
}

/**
 * The same of an evening, where nobody waits for an answer: that it could not be done is told. Months that are over are
 * closed before; `stop` ends that early, and goes on the next evening.
 */
export async function checkBooksTonight(deps: BooksDeps, stop?: AbortSignal): Promise<BrokenRule[] | null> {
  try {
    await closeBooks(deps, stop);
  } catch (error) {
    // Whatever is not closed is read as ever.
    deps.emit({ type: 'books_not_closed', alert: true, error });
  }
  try {
    return await checkBooks(deps, stop);
  } catch (error) {
    deps.emit({ type: 'books_not_checked', alert: true, error });
    return null;
  }
}
