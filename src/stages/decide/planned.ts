// What the rules made of one user: the account as it was read, and a decision for every signal.
import type { Decision } from '../../domain/decision/decision.ts';
import type { QueuedAccount } from '../../ports/store/runs.ts';

/** Users of a page: they are read and decided together, and written by one call at most. */
export const PAGE_USERS = 500;

/** One user's decisions for every signal of the run. */
export interface Planned {
  account: QueuedAccount;
  decisions: Decision[];
}
