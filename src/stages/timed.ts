// Emits how long a stage took.
import type { Deps } from '../ports/deps.ts';

/** Does a stage and tells how long it took; one that found nothing to do (0) is not worth a word. */
export async function timed<Result>(
  { clock, emit }: Deps<'clock' | 'emit'>,
  stage: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const startMs = clock.nowMs();
  const result = await work();
  if (result !== 0) emit({ type: 'stage_done', stage, ms: clock.nowMs() - startMs });
  return result;
}
