import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Fault } from '../../../src/domain/faults.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { Venue } from '../../../src/ports/venue.ts';
import type { World } from '../../../src/ports/world.ts';
import { importedUser, tradeDate } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { type JumpingClock, jumpingClock } from '../support/clocks.ts';
import { tally, venueBook } from '../support/database-state.ts';
import { type Day, runDay, storeOf, titan } from '../support/run-day.ts';

const HOUR_MS = 60 * 60_000;

let database: TestPostgres;
let store: Store;
beforeAll(async () => {
  database = await freshPostgres();
  store = storeOf(database);
});
beforeEach(() => emptyDatabase(database.session));
afterAll(() => database.close());

const users = Array.from({ length: 30 }, (_, n) => importedUser(`User ${n}`));

/** One for each user, whatever follows it. */
function summaries(): Promise<Record<string, unknown>[]> {
  return database.session.query(`select count(distinct user_id)::int as users, count(*)::int as summaries,
    count(*) filter (where status = 'sent')::int as sent from public.messages where kind = 'summary'`);
}

interface Jumped {
  /** What each submission to the venue was about, and when by the clock it was made. */
  submitted: { clientOrderId: string; atMs: number }[];
  clock: JumpingClock;
}

/** The world with a clock that jumps as the n-th order goes out. */
function jumpAt(orders: number, byMs: number): Jumped & { change: Day['change'] } {
  const clock = jumpingClock(istMs(tradeDate, '09:20'));
  const submitted: Jumped['submitted'] = [];
  const change = (world: World): World => {
    const venues = [...world.venues].map(([name, venue]): [string, Venue] => {
      const submit: Venue['submit'] = (order) => {
        submitted.push({ clientOrderId: order.clientOrderId, atMs: clock.nowMs() });
        if (submitted.length === orders) clock.jump(byMs);
        return venue.submit(order);
      };
      return [name, { ...venue, submit }];
    });
    return { ...world, clock, venues: new Map(venues) };
  };
  return { submitted, clock, change };
}

describe('a clock that jumps while orders are being sent', () => {
  test('an hour forward: what was not sent expires, nothing is sent late, and everybody is told', async () => {
    const { change, submitted } = jumpAt(5, HOUR_MS);
    const report = await runDay(store, { signals: [titan], users, concurrency: 2, ...(change ? { change } : {}) });
    const { filled = 0, expired = 0, ...others } = tally(report.orders.map(({ status }) => status));
    expect(others).toEqual({});
    expect(filled).toBe(submitted.length);
    expect(expired).toBeGreaterThan(0);
    expect(filled + expired).toBe(30);
    const lateMs = istMs(tradeDate, '09:37');
    expect(submitted.filter(({ atMs }) => atMs >= lateMs)).toEqual([]);
    expect(await venueBook(database.session)).toHaveLength(filled);
    expect(await summaries()).toEqual([{ users: 30, summaries: 30, sent: 30 }]);
    expect(await violations(database.session)).toEqual([]);
  });

  test('an hour back: every order is sent once, and the run ends', async () => {
    const faults: Fault[] = [
      { user: 'User 3', fault: 'timeout_after' },
      { user: 'User 4', fault: 'delay', delayMs: 3_000 },
    ];
    const { change, submitted } = jumpAt(5, -HOUR_MS);
    const day: Day = { signals: [titan], users, faults, concurrency: 2, ...(change ? { change } : {}) };
    const report = await runDay(store, day);
    expect(report.totals).toMatchObject({ accepted: 30, filled: 30 });
    expect(await summaries()).toEqual([{ users: 30, summaries: 30, sent: 30 }]);
    expect(submitted).toHaveLength(30);
    expect(new Set(submitted.map(({ clientOrderId }) => clientOrderId)).size).toBe(30);
    expect(submitted.some(({ atMs }) => atMs < istMs(tradeDate, '09:20'))).toBe(true);
    expect(await venueBook(database.session)).toHaveLength(30);
    expect(await violations(database.session)).toEqual([]);
  });
});
