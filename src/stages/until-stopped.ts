// Races work against a stop or a time limit.
import type { Deps } from '../ports/deps.ts';

/** Resolves when a stop is asked for, at once where it was already; never without one. For racing it against a pause. */
export function stopped(stop: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (stop?.aborted) resolve();
    else stop?.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** How long a timer may be left behind: the process of a command ends when there is none any more. */
const SLICE_MS = 500;

/** Pauses until then, or until one of these resolves. */
export async function pausedUntil({ clock }: Deps<'clock'>, untilMs: number, others: Promise<void>[]): Promise<void> {
  let over = false;
  const first = Promise.race(others).then(() => {
    over = true;
  });
  for (let leftMs = untilMs - clock.nowMs(); !over && leftMs > 0; leftMs = untilMs - clock.nowMs()) {
    await Promise.race([first, clock.sleep(clock.virtual ? leftMs : Math.min(leftMs, SLICE_MS))]);
  }
}

/**
 * Aborts after `ms`, or when `stop` does. Not AbortSignal.any: it does not hold the AbortSignal.timeout it is made of, which
 * a garbage collection takes with its timer (Node 24), so that the bound of whoever only looks at `aborted` never comes.
 */
export function stoppedWithin(ms: number, stop?: AbortSignal): AbortSignal {
  const end = new AbortController();
  for (const signal of [AbortSignal.timeout(ms), stop]) {
    if (signal?.aborted) end.abort();
    signal?.addEventListener('abort', () => end.abort(), { once: true, signal: end.signal });
  }
  return end.signal;
}
