import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../ports/world.ts';

/** The machine's clock. */
export function realClock(): Clock {
  return {
    virtual: false,
    nowMs: () => Date.now(),
    sleep: async (ms) => {
      await pause(ms);
    },
    every(periodMs, beat) {
      const timer = setInterval(beat, periodMs);
      return () => clearInterval(timer);
    },
  };
}

/**
 * A clock set to an instant, which is what its first reader sees. From then on it goes at the machine's pace, so that
 * durations are true, and pauses elapse at once.
 */
export function virtualClock(startMs: number): Clock {
  let startedAtMs: number | null = null;
  let skippedMs = 0;
  return {
    virtual: true,
    nowMs: () => {
      startedAtMs ??= performance.now();
      return Math.floor(startMs + skippedMs + performance.now() - startedAtMs);
    },
    sleep: async (ms) => {
      skippedMs += ms;
    },
    every: () => () => undefined,
  };
}
