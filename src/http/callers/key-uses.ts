// Records when API keys were last used, once a minute for all of them.
import type { HttpDeps } from '../deps.ts';
import { described } from '../problem.ts';

/** At most how often this process writes to the database which keys were used. */
const WRITE_EVERY_MS = 60_000;

/**
 * Keeps when keys were last used: what it gives is called with a key's hint for each use, and returns at once. Uses are
 * written together, at most once a minute, behind the answers; what could not be written is noted again by the next use.
 */
export function keyUses({ world, later, stop }: HttpDeps): (hint: string) => void {
  const pending = new Set<string>();
  let writtenMs = Number.NEGATIVE_INFINITY;
  let waiting: NodeJS.Timeout | null = null;
  const write = async (): Promise<void> => {
    const hints = [...pending];
    pending.clear();
    writtenMs = world.clock.nowMs();
    try {
      await world.store.call('note_key_uses', { hints });
    } catch (error) {
      world.emit({ type: 'key_uses_write_failed', hints: hints.length, error: described(error) });
    }
  };
  const inAWhile = (): void => {
    waiting = null;
    if (!stop.aborted && pending.size > 0) later(write());
  };
  return (hint) => {
    pending.add(hint);
    const sinceMs = world.clock.nowMs() - writtenMs;
    if (sinceMs < 0 || sinceMs >= WRITE_EVERY_MS) later(write());
    else if (waiting === null) waiting = setTimeout(inAWhile, WRITE_EVERY_MS - sinceMs).unref();
  };
}
