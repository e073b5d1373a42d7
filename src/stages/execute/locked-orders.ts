// Repeats a call for as long as another session holds what it needs.
import type { Clock } from '../../ports/world.ts';

/** About 3 s: an account that two want at the same moment is free again soon. */
const PAUSES_MS = [20, 50, 100, 200, 400, 800, 1_600] as const;

/** Asks again after each pause for as long as the answer is that another session holds what is needed. */
export async function retriedWhileLocked<Answer>(
  clock: Clock,
  ask: () => Promise<Answer>,
  isLocked: (answer: Answer) => boolean,
  pausesMs: readonly number[] = PAUSES_MS,
): Promise<Answer> {
  let answer = await ask();
  for (const pauseMs of pausesMs) {
    if (!isLocked(answer)) break;
    await clock.sleep(pauseMs);
    answer = await ask();
  }
  return answer;
}
