// The clocks the service runs on: the machine’s, one set to an instant, and one that runs faster.
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

export interface RunningClockOptions {
  startMs: number;
  /** Until this instant it goes `factor` times as fast as the machine's clock, from then on at its pace. */
  fastUntilMs: number;
  factor: number;
}

export interface RunningClock extends Clock {
  /** From now on it goes; before, it stands at the instant it was set to. */
  start(): void;
}

/**
 * A clock set to an instant, that goes on from there once it is started: a pause takes the time it says, by this clock.
 * So what runs on it behaves as on the machine's.
 */
export function runningClock({ startMs, fastUntilMs, factor }: RunningClockOptions): RunningClock {
  let startedAtMs: number | null = null;
  const fastMs = Math.max(0, fastUntilMs - startMs);
  /** How long the machine takes to get there from the start. */
  const machineMs = (ms: number) => Math.min(ms, fastMs) / factor + Math.max(0, ms - fastMs);
  const passed = () => (startedAtMs === null ? 0 : performance.now() - startedAtMs);
  const nowMs = () => {
    const passedMs = passed();
    const slowMs = passedMs - fastMs / factor;
    return Math.floor(startMs + (slowMs < 0 ? passedMs * factor : fastMs + slowMs));
  };
  return {
    ...realClock(),
    nowMs,
    start() {
      startedAtMs ??= performance.now();
    },
    sleep: async (ms) => {
      const endMs = machineMs(nowMs() - startMs + Math.max(0, ms));
      await pause(Math.max(0, Math.ceil(endMs - passed())));
    },
  };
}
