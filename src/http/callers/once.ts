// Lets each name through once in a period.
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../ports/world.ts';

const MAX_NAMES = 10_000;

/**
 * Lets each name pass once in a period. 0: it passes now, and not again before the period is over; else the seconds until
 * it may.
 */
export function onceIn(periodMs: number, clock: Clock): (name: string) => number {
  const passed = new LRUCache<string, number>({ max: MAX_NAMES });
  return (name) => {
    const nowMs = clock.nowMs();
    const lastMs = passed.get(name);
    // A clock that was set back keeps nobody out for longer.
    if (lastMs !== undefined && nowMs >= lastMs && nowMs - lastMs < periodMs) {
      return Math.ceil((periodMs - (nowMs - lastMs)) / 1000);
    }
    passed.set(name, nowMs);
    return 0;
  };
}
