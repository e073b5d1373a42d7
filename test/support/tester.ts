// The actor of tests in which it does not matter who acts.
import type { Actor } from '../../src/domain/actions.ts';

/** Who acts in tests where it does not matter who. */
export const tester: Actor = { who: 'tester', how: 'cli' };
