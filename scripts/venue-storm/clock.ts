// A clock that jumps over long pauses, so that a storm's day takes seconds.
import { setTimeout as pause } from 'node:timers/promises';
import type { JumpingClock } from '../../test/stages/support/clocks.ts';

/** Pauses shorter than this are slept: somebody may be speaking with a venue meanwhile. */
const SLEPT_MS = 200;

/**
 * A clock at the machine's pace that jumps over long pauses, which are only made while nobody speaks with a venue: minutes
 * of lookups take seconds. Many who pause at once jump once.
 */
export function stormClock(startMs: number): JumpingClock {
  const beganMs = performance.now();
  let jumpedMs = 0;
  const nowMs = () => Math.floor(startMs + jumpedMs + performance.now() - beganMs);
  return {
    virtual: false,
    nowMs,
    async sleep(ms) {
      const untilMs = nowMs() + ms;
      await pause(Math.min(ms, SLEPT_MS / 10));
      if (ms < SLEPT_MS) await pause(Math.max(0, untilMs - nowMs()));
      else jumpedMs += Math.max(0, untilMs - nowMs());
    },
    every(periodMs, beat) {
      const timer = setInterval(beat, periodMs);
      return () => clearInterval(timer);
    },
    jump(ms) {
      jumpedMs += ms;
    },
  };
}

/** Nobody waits longer than this for an answer until the given function is called: the product waits for ten seconds. */
export function shortenTimeouts(maxMs: number): () => void {
  const { timeout } = AbortSignal;
  AbortSignal.timeout = (ms) => timeout.call(AbortSignal, Math.min(ms, maxMs));
  return () => {
    AbortSignal.timeout = timeout;
  };
}
