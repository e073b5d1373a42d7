// A worker with one order that stays open at its venue until the test says otherwise.

import { istMs } from '../../../src/domain/market/india-time.ts';
import type { Arguments, Store } from '../../../src/ports/store/store.ts';
import type { LookupOutcome, Venue, VenueFill, VenueReport } from '../../../src/ports/venue.ts';
import type { World } from '../../../src/ports/world.ts';
import { workOnce } from '../../../src/stages/execute-and-notify.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { tradeDate } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import type { TestDatabase } from '../../support/postgres.ts';
import { type JumpingClock, jumpingClock } from './clocks.ts';
import { storeOf, worldOf } from './run-day.ts';

/** A worker at 09:20 whose one venue acknowledges every order as working, and then says what its `book` is set to. */
export interface RestingOrderScene {
  store: Store;
  world: World;
  clock: JumpingClock;
  /** By the status the venue gives, with its fills; null: the order is not in its book. */
  book: { status: VenueReport['status']; fills: VenueFill[] } | null;
  lookups: number;
  /** Step and reason of each alert so far. */
  alerts(): unknown[][];
  /** A worker comes by so often. */
  rounds(count: number, everyMs?: number): Promise<void>;
  at(date: string, time: string): void;
  fill(quantity: number): VenueFill;
  order(): Promise<Record<string, unknown>>;
  money(): Promise<Record<string, unknown>>;
  resolve(as: Arguments['resolve_order']['as'], more?: object): Promise<unknown>;
}

export async function restingOrderScene(database: TestDatabase): Promise<RestingOrderScene> {
  await emptyDatabase(database.session);
  const store = storeOf(database);
  const clock = jumpingClock(istMs(tradeDate, '09:20'));
  const events: AnyEvent[] = [];
  const one = async (sql: string) => (await database.session.query(sql))[0] ?? {};
  const reportOf = (status: VenueReport['status'], fills: VenueFill[]) => {
    return { venueOrderId: 'V1', status, message: null, fills };
  };
  const venue: Venue = {
    name: 'paper',
    capabilities: { refusesDuplicates: false, missIsProof: false },
    submit: async () => ({ kind: 'acknowledged', report: reportOf('working', []) }),
    async lookup(): Promise<LookupOutcome> {
      testRun.lookups += 1;
      const { book } = testRun;
      return book ? { kind: 'found', report: reportOf(book.status, book.fills) } : { kind: 'missing' };
    },
  };
  const made = await worldOf(store, { signals: [], users: [] });
  const testRun: RestingOrderScene = {
    store,
    world: { ...made, clock, venues: new Map([['paper', venue]]), emit: (event) => void events.push(event) },
    clock,
    book: { status: 'working', fills: [] },
    lookups: 0,
    alerts: () => events.filter(({ alert }) => alert).map(({ type, reason }) => [type, reason]),
    async rounds(count, everyMs = 60_000) {
      for (let n = 0; n < count; n += 1) {
        clock.jump(everyMs);
        await workOnce(testRun.world, { concurrency: 1 });
      }
    },
    at: (date, time) => clock.jump(istMs(date, time) - clock.nowMs()),
    fill: (quantity) => ({ venueFillId: 'F1', quantity, priceMinor: 100_00, atMs: clock.nowMs() }),
    order: () =>
      one(`select id::int, client_order_id as name, status, reason, filled_quantity::int as filled,
        next_lookup_at is null as left, late_fill as late from public.orders`),
    money: () => one('select cash_minor::int as cash, held_minor::int as held from public.accounts'),
    async resolve(as, more = {}) {
      const { name } = await testRun.order();
      const nothing = { quantity: null, priceMinor: null };
      const by = { who: 'meera', how: 'cli' } as const;
      return store.call('resolve_order', { order: String(name), as, ...nothing, by, nowMs: clock.nowMs(), ...more });
    },
  };
  return testRun;
}
