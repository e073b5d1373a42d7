import { describe, expect, test } from 'vitest';
import { runningClock } from '../../src/adapters/clock.ts';

const startMs = Date.parse('2025-07-23T09:15:00+05:30');
const minuteMs = 60_000;

describe('a clock that was set and goes on', () => {
  test('stands until it is started, goes faster until an instant, and never back', async () => {
    const fastUntilMs = startMs + 5 * minuteMs;
    const clock = runningClock({ startMs, fastUntilMs, factor: 3_000 });
    expect(clock.virtual).toBe(false);
    expect(clock.nowMs()).toBe(startMs);
    await clock.sleep(100_000);
    expect(clock.nowMs()).toBe(startMs);
    clock.start();
    const instants = [clock.nowMs()];
    while ((instants.at(-1) ?? 0) < fastUntilMs) {
      await clock.sleep(Math.min(20_000, fastUntilMs - clock.nowMs()));
      instants.push(clock.nowMs());
    }
    expect(instants).toEqual(instants.toSorted((a, b) => a - b));
    // From then on it has the machine's pace: a second of it takes a second.
    const [atMs, machineMs] = [clock.nowMs(), performance.now()];
    await clock.sleep(300);
    expect(clock.nowMs() - atMs).toBeGreaterThanOrEqual(299);
    expect(performance.now() - machineMs).toBeGreaterThanOrEqual(299);
  });

  test('a pause over the end of the fast part takes both paces', async () => {
    const clock = runningClock({ startMs, fastUntilMs: startMs + 5 * minuteMs, factor: 6_000 });
    clock.start();
    const untilMs = clock.nowMs() + 5 * minuteMs + 200;
    await clock.sleep(untilMs - clock.nowMs());
    expect(clock.nowMs()).toBeGreaterThanOrEqual(untilMs - 1);
    // Far from the five minutes of the machine it stands for.
    expect(clock.nowMs()).toBeLessThan(untilMs + minuteMs);
  });

  test('set past the fast part, it never goes faster', async () => {
    const clock = runningClock({ startMs, fastUntilMs: startMs - minuteMs, factor: 1_000_000 });
    clock.start();
    const [atMs, machineMs] = [clock.nowMs(), performance.now()];
    await clock.sleep(50);
    expect(Math.abs(clock.nowMs() - atMs - (performance.now() - machineMs))).toBeLessThan(minuteMs);
  });
});
