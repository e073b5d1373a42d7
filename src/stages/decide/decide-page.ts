// Decides a page of users, so that one user's broken numbers stay that user's.
import type { CapUse } from '../../domain/decision/case.ts';
import { decide, notComputed } from '../../domain/decision/decide.ts';
import type { Decision } from '../../domain/decision/decision.ts';
import type { AccountState, RunFrame } from '../../domain/decision/inputs.ts';
import { isBeyondExact } from '../../domain/decision/rules.ts';
import type { Emit } from '../../ports/events/events.ts';

/** Users an alarm names; the others are counted. */
const MAX_NAMES = 10;

interface Decided<A> {
  account: A;
  decisions: Decision[];
}

/**
 * Decides a page of users in their queue order. One user's numbers are that user's: who can't be computed is skipped with
 * every signal, uses up nothing of a cap, and is named to the operators, and so is who is denied since an order of theirs
 * would be worth more than can be computed with.
 * @throws what is about nobody's numbers: the same happens to everybody of several, such as a charge rate that is missing
 */
export function decidedPage<A extends AccountState>(
  emit: Emit,
  frame: RunFrame,
  page: readonly A[],
  capUsed: CapUse,
): Decided<A>[] {
  const failed: { account: A; error: unknown }[] = [];
  const decided = page.map((account) => {
    try {
      return { account, decisions: decide(frame, account, capUsed) };
    } catch (error) {
      failed.push({ account, error });
      return { account, decisions: notComputed(frame, account) };
    }
  });
  const [first] = failed;
  if (first && page.length > 1 && failed.length === page.length) throw first.error;
  if (first) {
    const named = namesOf(failed.map(({ account }) => account));
    emit({ type: 'users_not_decided', alert: true, ...named, error: first.error });
  }
  emitBeyondExact(emit, decided);
  return decided;
}

/** Names those whose orders were denied for being worth more than can be computed with. */
export function emitBeyondExact(emit: Emit, decided: readonly Decided<AccountState>[]): void {
  const whose = decided.filter(({ decisions }) => decisions.some(isBeyondExact)).map(({ account }) => account);
  if (whose.length > 0) emit({ type: 'beyond_exact_numbers', alert: true, ...namesOf(whose) });
}

function namesOf(accounts: readonly AccountState[]): { users: number; about: string } {
  const names = accounts.slice(0, MAX_NAMES).map(({ settings }) => settings.id);
  return { users: accounts.length, about: names.join(', ') };
}
