// The rules of check_books that only a fault of ours can break.
import type { BrokenRule } from '../../src/ports/store/money.ts';
import type { Store } from '../../src/ports/store/store.ts';

/** Scenes of tests name limits that no decision would, and unblock accounts nobody has looked at. */
const BY_HAND = [
  "an order's limit is near the price it was decided at",
  'an account stays blocked until somebody has seen why',
];

/**
 * What check_books finds that only a fault of ours can bring about: not what a venue did and a person was told of, nor the
 * rules a test breaks itself.
 */
export async function brokenPromises(
  store: Pick<Store, 'call'>,
  broken: readonly string[] = [],
): Promise<BrokenRule[]> {
  const rules = await store.call('check_books', {});
  return rules.filter(({ rule, leftToAPerson }) => !leftToAPerson && ![...BY_HAND, ...broken].includes(rule));
}
