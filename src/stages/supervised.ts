// Keeps a part of the service running: what throws is emitted, and started again after a pause.
import type { Deps } from '../ports/deps.ts';
import { stopped } from './until-stopped.ts';
import { emitFailure, WRONG_CLOCK_PAUSE_MS } from './wrong-clock.ts';

const FIRST_PAUSE_MS = 1_000;
/** Each try waits for a lost database itself, about 15 s: longer pauses would only see its return later. */
const MAX_PAUSE_MS = 15_000;
/** A part that worked for so long starts again with the first pause. */
const WORKED_WELL_MS = 60_000;

/**
 * Does a part of the service's work until it ends by itself or is stopped. Whatever it throws is told with its cause,
 * and it is done again after a growing pause: one part's trouble, or the database's, ends neither it nor the others.
 */
export async function supervised(
  { clock, emit }: Deps<'clock' | 'emit'>,
  part: string,
  stop: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  const whenStopped = stopped(stop);
  for (let pauseMs = FIRST_PAUSE_MS; !stop.aborted; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    const startedMs = clock.nowMs();
    try {
      return await work();
    } catch (error) {
      if (clock.nowMs() - startedMs > WORKED_WELL_MS) pauseMs = FIRST_PAUSE_MS;
      const isClock = emitFailure(emit, error, { type: 'part_failed', alert: true, part, againInMs: pauseMs, error });
      if (isClock) pauseMs = WRONG_CLOCK_PAUSE_MS;
    }
    await Promise.race([clock.sleep(pauseMs), whenStopped]);
  }
}
