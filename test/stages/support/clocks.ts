// Clocks for tests: the machine's pace from a chosen instant, and one that is set while it is used.
import { virtualClock } from '../../../src/adapters/clock.ts';
import type { Clock } from '../../../src/ports/world.ts';

/** The machine's clock set to an instant: time and pauses go at the machine's pace. */
export function setClock(startMs: number): Clock {
  const startedAtMs = performance.now();
  return {
    virtual: false,
    nowMs: () => Math.floor(startMs + performance.now() - startedAtMs),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    every(periodMs, beat) {
      const timer = setInterval(beat, periodMs);
      return () => clearInterval(timer);
    },
  };
}

export interface JumpingClock extends Clock {
  /** Sets the clock forward, or back with a negative number. */
  jump(ms: number): void;
}

/** A virtual clock that somebody sets while it is being used. */
export function jumpingClock(startMs: number): JumpingClock {
  const clock = virtualClock(startMs);
  let jumpedMs = 0;
  return {
    ...clock,
    nowMs: () => clock.nowMs() + jumpedMs,
    jump(ms) {
      jumpedMs += ms;
    },
  };
}
