import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/ports/store/store.ts';
import type { World } from '../../../src/ports/world.ts';
import { execute } from '../../../src/stages/execute/execute.ts';
import { LEASE_MS } from '../../../src/stages/execute/heartbeat.ts';
import { reportOf } from '../../../src/stages/report/report.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { fiveUsers, runDay, storeOf, titan } from '../support/run-day.ts';

/** Five orders at a venue that answers only when it is let, one at a time; the database's clock is the test's. */
async function slowMorning(database: TestDatabase, beats: boolean) {
  const store = storeOf(database);
  let databaseMs = 0;
  const pass = async (ms: number) => {
    databaseMs += ms;
    const now = `clock_timestamp() + interval '${databaseMs} milliseconds'`;
    await database.session.exec(
      `create or replace function core.database_now() returns timestamptz language sql volatile as $$ select ${now} $$`,
    );
  };
  let beat: (() => void) | null = null;
  const steps: AnyEvent[] = [];
  const lateComers: number[] = [];
  const change = (world: World): World => {
    // Only the heartbeat's: what else is done over and over has nothing to do with leases.
    const every = (ms: number, each: () => void) => (ms === LEASE_MS / 3 ? watch(each) : () => undefined);
    const clock = { ...world.clock, every };
    const emit = (event: AnyEvent): void => void steps.push(event);
    const [paper] = world.venues.values();
    if (!paper) throw new Error('there is a paper venue');
    const slow: typeof paper = {
      ...paper,
      async submit(order) {
        for (let part = 0; part < 2; part += 1) {
          await pass(20_000);
          if (beats) beat?.();
        }
        const other = { ...world, venues: new Map([[paper.name, paper]]), emit };
        lateComers.push(await execute(other, 25));
        return paper.submit(order);
      },
    };
    return { ...world, clock, venues: new Map([[paper.name, slow]]), emit };
  };
  const watch = (each: () => void) => {
    beat ??= each;
    return () => undefined;
  };
  const report = await runDay(store, { signals: [titan], users: fiveUsers, concurrency: 1, change });
  return { report, lateComers, steps, store };
}

describe('a venue that takes longer than a lease', () => {
  let beating: TestDatabase;
  let silent: TestDatabase;
  beforeAll(async () => {
    [beating, silent] = await Promise.all([freshPglite(), freshPglite()]);
  });
  afterAll(() => Promise.all([beating.close(), silent.close()]));

  const filled = (store: Store) => reportOf(store, 'XNSE:2025-08-28:open:paper');

  test('keeps its order while the sender gives signs of life; the others are anybody’s', async () => {
    const { report, lateComers, steps, store } = await slowMorning(beating, true);
    expect(report.totals).toMatchObject({ accepted: 5, filled: 5, unknown: 0 });
    expect(lateComers).toEqual([4]);
    expect(steps.filter(({ type }) => type === 'orders_swept')).toEqual([]);
    expect((await filled(store))?.orders.map(({ status }) => status)).toEqual(Array(5).fill('filled'));
  });

  test('loses its order to the lookups without them, and nothing is sent twice', async () => {
    const { report, lateComers, steps } = await slowMorning(silent, false);
    expect(lateComers).toEqual([4]);
    expect(steps).toContainEqual(expect.objectContaining({ type: 'orders_swept', lapsed: 1 }));
    expect(report.totals).toMatchObject({ accepted: 5, filled: 5, unknown: 0 });
    const fills = await silent.session.query('select order_id from public.fills');
    expect(fills).toHaveLength(5);
  });
});
