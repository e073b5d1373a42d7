// Accepts a run's pages as they are decided, and closes the plan after the last one.
import { taskPool } from '../../concurrency/task-pool.ts';
import type { DecidedPage } from '../decide/decided.ts';
import type { RunToDecide } from '../scan/request.ts';
import { acceptance } from './accept-page.ts';
import type { AcceptDeps } from './deps.ts';

/** Pages that may be under way to the database while the next one is read and decided. */
const PAGES_BESIDE_NEXT = 2;

/**
 * Takes pages as `decide` makes them and accepts each: decisions, orders and holds in one transaction. Ends with the run
 * decided, or, once stopped, with the run still planning (false): the next call goes on with who is undecided.
 */
export async function accept(
  deps: AcceptDeps,
  { runId, frame }: RunToDecide,
  pages: AsyncIterable<DecidedPage>,
  stop?: AbortSignal,
): Promise<boolean> {
  const { store, clock, emit } = deps;
  const { page: write, finish } = acceptance(deps, runId);
  const accepting = taskPool(async (page: DecidedPage) => {
    await write(page);
    return true;
  });
  // A cap is used up along the queue, so there one page waits for the one before it.
  const besideNext = frame.limits.symbolCapMinor === null ? PAGES_BESIDE_NEXT : 0;
  let isStopped = false;
  try {
    for await (const page of pages) {
      isStopped = stop?.aborted === true;
      if (isStopped) break;
      accepting.start(page);
      await accepting.atMost(besideNext);
    }
  } catch (error) {
    // Where a page could not be accepted either, that came first and is what is told.
    await accepting.atMost(0);
    throw error;
  }
  await accepting.atMost(0);
  if (isStopped) return false;
  await finish();
  const decided = await store.call('decide_run', { runId, nowMs: clock.nowMs() });
  emit({ type: 'run_decided', runId, planHash: decided.planHash });
  return true;
}
