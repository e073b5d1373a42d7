// Reads and acknowledges what blocks an account, as an operator does.
import type { Acknowledged } from '../../../src/ports/store/accounts.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { nowMs } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';

export interface WhoseAccount {
  userId: string;
  venue: string;
  mode: 'paper' | 'live';
}

/** What an operator is shown of an account to acknowledge. */
export async function readDrifts(store: Store, { userId, venue, mode }: WhoseAccount) {
  const blocks = await store.call('read_blocks', { userId });
  const block = blocks.find((one) => one.venue === venue && one.mode === mode);
  return {
    driftIds: block?.drifts.map(({ driftId }) => driftId) ?? [],
    snapshotEntryId: block?.snapshotEntryId ?? null,
  };
}

/** An operator looks at what blocks an account, and acknowledges it all. */
export async function acknowledgeDrifts(store: Store, account: WhoseAccount, atMs = nowMs): Promise<Acknowledged> {
  return store.call('acknowledge_account', {
    by: tester,
    ...account,
    ...(await readDrifts(store, account)),
    nowMs: atMs,
  });
}
