// The audit's differences between books and facts, as sentences.
import type { Store } from '../../src/ports/store/store.ts';
import { audit } from '../../src/stages/report/audit.ts';

/** What of the books is not what the facts come to, computed a second time: as sentences; none is right. */
export async function differences(store: Store, userId: string | null = null): Promise<string[]> {
  const report = await audit(store, { tradeDate: '2099-12-31', mode: null, userId });
  return report.differences.map(
    ({ userId, venue, mode, what, database, model }) =>
      `${userId} (${venue}, ${mode}): ${what} is ${database}, from the facts ${model}`,
  );
}
