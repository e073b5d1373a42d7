// Checks the books against themselves, and alerts about every rule that is broken.
import { istDate } from '../../domain/market/india-time.ts';
import type { BrokenRule } from '../../ports/store/money.ts';
import type { BooksDeps } from './deps.ts';

const DAY_MS = 86_400_000;
/** Facts of older days were looked at on every evening since, and can't change. */
const CHECKED_DAYS = 7;

/** The first day whose decisions, histories and messages are looked at again; money and positions are always looked at in full. */
export function booksSince(nowMs: number): string {
  return istDate(nowMs - CHECKED_DAYS * DAY_MS);
}

/**
 * The books checked against themselves and the clock, in paper mode, too: every promise that is not kept is told, one
 * alert for each rule, with what the books say, what they should, and the command that settles it. Reads only.
 */
async function checkBooks({ store, clock, emit }: BooksDeps): Promise<BrokenRule[]> {
  const broken = await store.call('check_books', { sinceDate: booksSince(clock.nowMs()) });
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

/** The same of an evening, where nobody waits for an answer: that it could not be done is told. */
export async function checkBooksTonight(deps: BooksDeps): Promise<BrokenRule[] | null> {
  try {
    return await checkBooks(deps);
  } catch (error) {
    deps.emit({ type: 'books_not_checked', alert: true, error });
    return null;
  }
}
