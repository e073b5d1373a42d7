// Closes runs that a process left unfinished, whoever began them.
import { DatabaseError } from '../../ports/database.ts';
import { decide } from '../decide/decide.ts';
import { sweep } from '../execute/sweep.ts';
import { frozenFrame } from '../scan/open.ts';
import { emitFailure } from '../wrong-clock.ts';
import { accept } from './accept.ts';
import type { CloseDeps } from './deps.ts';

/** How late a worker may notice a run that was left. */
const CLOSE_EVERY_MS = 5_000;
/** The database's word for what a role may not call. */
const NOT_ALLOWED = '42501';
/** After a run that could not be closed: whoever mends it needs longer. */
const FAILED_PAUSE_MS = 60_000;

export interface Closed {
  /** Runs that are decided now. */
  closed: string[];
  /** Runs that could not be. */
  failed: string[];
}

/**
 * Closes what is past its time, whoever began it and on whatever day: orders that may not go any more end, and a run that
 * was left in its planning is decided by the same stages as a trigger of its own session after the cut-off: who is
 * undecided is denied, what was accepted is sent or expires, everybody gets a message. Any number of processes may do it
 * at once, also beside one that is still planning, and again after one of them was killed. A run that can't be closed is
 * told, and keeps no other back. After `stop` no further page of users is begun.
 */
export async function closeOverdue(deps: CloseDeps, stop?: AbortSignal): Promise<Closed> {
  const outcome: Closed = { closed: [], failed: [] };
  for (const { runId, tradeDate } of await sweptRuns(deps, stop)) {
    if (stop?.aborted) break;
    try {
      const frame = await frozenFrame(deps, runId);
      const run = { runId, session: { date: tradeDate }, state: 'planning', frame, users: null } as const;
      if (await accept(deps, run, decide(deps, run), stop)) outcome.closed.push(runId);
    } catch (error) {
      outcome.failed.push(runId);
      deps.emit({ type: 'run_not_closed', alert: true, runId, error });
    }
  }
  // What they had accepted and may not send any more ends with them.
  if (outcome.closed.length > 0) await sweptRuns(deps, stop);
  return outcome;
}

/** The same before a scan, where this process may end orders; one that only serves HTTP may not, and has a worker that does. */
export async function closeBeforeScan(deps: CloseDeps, stop?: AbortSignal): Promise<void> {
  try {
    await closeOverdue(deps, stop);
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== NOT_ALLOWED) throw error;
    deps.emit({ type: 'run_closing_left_to_worker' });
  }
}

/** Sweeps until nothing is left to end: one sweep ends no more than some. Gives the runs that were left. */
async function sweptRuns(deps: CloseDeps, stop: AbortSignal | undefined) {
  for (;;) {
    const { expired, stopped, abandoned = [] } = await sweep(deps);
    if (expired + stopped === 0 || stop?.aborted) return abandoned;
  }
}

/**
 * Closes runs now and then beside the orders: a plan that was left may be a large one, and keeps nobody's order waiting.
 * (On a clock that is set nothing beats: there it is done once, now.)
 */
export function closeBeside(deps: CloseDeps, stop: AbortSignal): { end(): Promise<void> } {
  const { clock } = deps;
  let working: Promise<void> | null = null;
  let restUntilMs = Number.NEGATIVE_INFINITY;
  const close = async (): Promise<void> => {
    const { failed } = await closeOverdue(deps, stop);
    if (failed.length > 0) restUntilMs = clock.nowMs() + FAILED_PAUSE_MS;
  };
  const beat = (): void => {
    if (stop.aborted || working !== null || clock.nowMs() < restUntilMs) return;
    working = close()
      .catch((error: unknown) => {
        if (emitFailure(deps.emit, error, { type: 'run_closing_failed', error }))
          restUntilMs = clock.nowMs() + FAILED_PAUSE_MS;
      })
      .finally(() => {
        working = null;
      });
  };
  beat();
  const stopBeat = clock.every(CLOSE_EVERY_MS, beat);
  return {
    async end() {
      stopBeat();
      await working;
    },
  };
}
