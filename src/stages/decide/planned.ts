// What the rules made of one user: the account as it was read, and a decision for every signal.
import type { Decision } from '../../domain/decision/decision.ts';
import type { Answer } from '../../ports/store/store.ts';

/** Users of a page: they are read and decided together, and written by one call at most. */
export const PAGE_USERS = 500;

export type QueuedAccount = Answer<'read_accounts'>[number];

/** One user's decisions for every signal of the run. */
export interface Planned {
  account: QueuedAccount;
  decisions: Decision[];
}
