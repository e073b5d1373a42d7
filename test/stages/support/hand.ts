import { virtualClock } from '../../../src/adapters/clock.ts';
import { storedQuotes } from '../../../src/adapters/quotes/quotes.ts';
import { makeWorld } from '../../../src/compose/world.ts';
import { readConfig } from '../../../src/config/config.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { Clock, Emit, World } from '../../../src/ports/world.ts';

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

/** The world of one `npm run worker`, in this process. */
export function handWorld(store: Store, url: string, clock: Clock, emit: Emit = () => undefined): Promise<World> {
  const read = readConfig({});
  if (read.kind !== 'config') throw new Error(read.problems.join('\n'));
  const place = { kind: 'server', url } as const;
  return makeWorld({
    config: read.config,
    place,
    store,
    clock,
    quotes: storedQuotes(store, 'signal'),
    faults: null,
    emit,
  });
}
