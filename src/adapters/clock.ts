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
  };
}

/** A clock set to an instant. It goes on at the machine's pace, so durations are true, and pauses elapse at once. */
export function virtualClock(startMs: number): Clock {
  const startedAtMs = performance.now();
  let skippedMs = 0;
  return {
    virtual: true,
    nowMs: () => Math.floor(startMs + skippedMs + performance.now() - startedAtMs),
    sleep: async (ms) => {
      skippedMs += ms;
    },
  };
}
