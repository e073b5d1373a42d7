// A trading day that passes faster than the machine's time, here and in the database.
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { Clock } from '../../src/ports/world.ts';

/** A trading day that passes `speed` times as fast as the machine's time: minutes of lookups in seconds. */
export const fastDay = z.object({
  /** `YYYY-MM-DD` */
  date: z.string(),
  /** The day's instant when the machine's clock said `startedAtMs`. */
  openedAtMs: z.number(),
  startedAtMs: z.number(),
  speed: z.number(),
});
export type FastDay = z.infer<typeof fastDay>;

/** The clock of every process of a round; they agree because they share the machine's. */
export function fastClock({ openedAtMs, startedAtMs, speed }: FastDay): Clock {
  return {
    virtual: false,
    nowMs: () => Math.floor(openedAtMs + (Date.now() - startedAtMs) * speed),
    sleep: async (ms) => {
      await pause(ms / speed);
    },
    every(periodMs, beat) {
      const timer = setInterval(beat, periodMs / speed);
      return () => clearInterval(timer);
    },
  };
}

/** The database's clock is the same one, so leases last as long as everywhere: 30 s of the day. */
export function databaseClockSql({ openedAtMs, startedAtMs, speed }: FastDay): string {
  return `create or replace function core.database_now() returns timestamptz
    language sql stable as $$
      select to_timestamp(${openedAtMs / 1000})
        + (clock_timestamp() - to_timestamp(${startedAtMs / 1000})) * ${speed}
    $$`;
}
