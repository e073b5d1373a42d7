// Says on stderr that the records of a day were removed, so that nobody takes an empty page for an empty day.
import { istDate } from '../../domain/market/india-time.ts';
import type { Store } from '../../ports/store/store.ts';

/** A note where the records of that day (null: of no certain one) were removed, with when and by whom; else nothing. */
export async function noteRemoved(store: Pick<Store, 'call'>, day: string | null): Promise<void> {
  const removed = day === null ? null : await store.call('read_removed', { day });
  if (removed === null) return;
  const { through, by, why, atMs } = removed;
  process.stderr.write(
    `The records through ${through} were removed on ${istDate(atMs)} by ${by} (${why}): they are in the export.\n`,
  );
}
