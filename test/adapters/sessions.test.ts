import { describe, expect, test } from 'vitest';
import { cachedCalendars, cachedTradingDays } from '../../src/adapters/sessions.ts';
import type { DayOverride } from '../../src/domain/market/calendar.ts';
import { marketOf } from '../../src/domain/market/market.ts';

describe("the operator's days, cached", () => {
  const day: DayOverride = { date: '2025-08-28', kind: 'closed', name: 'Day of mourning' };

  /** A source whose reads end when the test says so. */
  const source = () => {
    const clock = { now: 1_000_000, nowMs: () => clock.now };
    const reads: { succeed: (days: DayOverride[]) => void; fail: (error: Error) => void }[] = [];
    const load = () =>
      new Promise<DayOverride[]>((resolve, reject) => {
        reads.push({ succeed: resolve, fail: reject });
      });
    return { clock, reads, days: cachedTradingDays({ clock, load, ttlMs: 60_000 }) };
  };

  test('are read once and kept until their time is up, to the millisecond', async () => {
    const { clock, reads, days } = source();
    const first = days();
    reads[0]?.succeed([day]);
    expect(await first).toEqual([day]);
    clock.now += 59_999;
    expect(await days()).toEqual([day]);
    expect(reads).toHaveLength(1);
    clock.now += 1;
    const second = days();
    reads[1]?.succeed([]);
    expect(await second).toEqual([]);
    expect(reads).toHaveLength(2);
  });

  test('age from the beginning of the read, not its end', async () => {
    const { clock, reads, days } = source();
    const first = days();
    clock.now += 60_000;
    reads[0]?.succeed([day]);
    await first;
    void days();
    expect(reads).toHaveLength(2);
  });

  test('are read once for everybody who asks at the same time', async () => {
    const { reads, days } = source();
    const answers = [days(), days(), days()];
    expect(reads).toHaveLength(1);
    reads[0]?.succeed([day]);
    expect(await Promise.all(answers)).toEqual([[day], [day], [day]]);
    expect(reads).toHaveLength(1);
  });

  test('are not kept after a failure, which everybody waiting gets with its cause', async () => {
    const { reads, days } = source();
    const cause = new Error('connection reset');
    const answers = [days(), days()];
    reads[0]?.fail(cause);
    const outcomes = await Promise.allSettled(answers);
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') throw new Error('it was answered');
      expect(outcome.reason).toMatchObject({ cause, message: expect.stringMatching(/trading days/) });
    }
    const again = days();
    reads[1]?.succeed([day]);
    expect(await again).toEqual([day]);
  });

  test('are not answered from an older read when a newer one fails', async () => {
    const { clock, reads, days } = source();
    const first = days();
    reads[0]?.succeed([]);
    await first;
    clock.now += 60_000;
    const second = days();
    reads[1]?.fail(new Error('connection reset'));
    await expect(second).rejects.toThrow(/trading days/);
  });

  test('recover from a read that throws before it has begun', async () => {
    let reads = 0;
    const load = () => {
      reads += 1;
      if (reads === 1) throw new Error('no connection');
      return Promise.resolve([day]);
    };
    const days = cachedTradingDays({ clock: { nowMs: () => 0 }, load, ttlMs: 60_000 });
    await expect(days()).rejects.toThrow(/trading days/);
    expect(await days()).toEqual([day]);
  });

  test('are read again when the clock was set back', async () => {
    const { clock, reads, days } = source();
    const first = days();
    reads[0]?.succeed([day]);
    await first;
    clock.now -= 1;
    void days();
    expect(reads).toHaveLength(2);
  });
});

describe('the calendars of several markets', () => {
  test('are read one by one, and shared by markets that have the same', async () => {
    const reads: string[] = [];
    const load = async (calendar: string) => {
      reads.push(calendar);
      return [{ date: '2026-12-23', kind: 'closed', name: calendar } as const];
    };
    const days = cachedCalendars({ clock: { nowMs: () => 0 }, load, ttlMs: 60_000 });
    const namesOf = async (code: string) => {
      const found = marketOf(code);
      return found.kind === 'market' ? (await days(found.market)).map(({ name }) => name) : [];
    };
    expect([await namesOf('XNSE'), await namesOf('XBOM'), await namesOf('XNYS')]).toEqual([['NSE'], ['NSE'], ['NYSE']]);
    expect(reads).toEqual(['NSE', 'NYSE']);
  });
});
