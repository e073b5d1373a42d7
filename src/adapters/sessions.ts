// Keeps the operator’s own trading days for a short while, so that not every request reads them.
// Our own: one value whose age counts from before its read, on the clock of the run; a cache of many keys does neither.
import type { DayOverride } from '../domain/market/calendar.ts';
import type { Market } from '../domain/market/market.ts';

export interface TradingDaysSource {
  clock: { nowMs(): number };
  /** Reads the operator's days; its own time limit is its own business. */
  load: () => Promise<readonly DayOverride[]>;
  ttlMs: number;
}

/**
 * The operator's days, read through `load` at most once per `ttlMs`. Callers that come while a read is under way
 * share it. A failed read is not kept: everybody waiting gets an Error with the cause, the next caller reads again.
 * There is no falling back on an older answer: a day closed since would be traded.
 */
export function cachedTradingDays({ clock, load, ttlMs }: TradingDaysSource): () => Promise<readonly DayOverride[]> {
  let kept: { days: readonly DayOverride[]; readAtMs: number } | null = null;
  let underWay: Promise<readonly DayOverride[]> | null = null;

  const read = async (): Promise<readonly DayOverride[]> => {
    // The age counts from before the read: a change made during it may be missing from the answer.
    const readAtMs = clock.nowMs();
    try {
      const days = await load();
      kept = { days, readAtMs };
      return days;
    } catch (cause) {
      const message = "could not read the operator's trading days, so no session is opened: check the database";
      throw new Error(message, { cause });
    }
  };

  return async () => {
    const ageMs = kept ? clock.nowMs() - kept.readAtMs : -1;
    // A clock set back makes the age negative: nothing is known about it then.
    if (kept && ageMs >= 0 && ageMs < ttlMs) return kept.days;
    underWay ??= read().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}

/** The same for every calendar, each read by itself: two markets of one calendar share what was read. */
export function cachedCalendars({
  clock,
  load,
  ttlMs,
}: Omit<TradingDaysSource, 'load'> & {
  load: (calendar: string) => Promise<readonly DayOverride[]>;
}): (market: Market) => Promise<readonly DayOverride[]> {
  const calendars = new Map<string, () => Promise<readonly DayOverride[]>>();
  return ({ calendar: { name } }) => {
    const read = calendars.get(name) ?? cachedTradingDays({ clock, load: () => load(name), ttlMs });
    calendars.set(name, read);
    return read();
  };
}
