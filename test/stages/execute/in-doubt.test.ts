import { afterEach, beforeEach, expect, test } from 'vitest';
import type { World } from '../../../src/ports/world.ts';
import { importedUser } from '../../support/builders.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runDay, storeOf, titan } from '../support/run-day.ts';

let database: TestPostgres;
beforeEach(async () => {
  database = await freshPostgres();
});
afterEach(() => database.close());

const CONCURRENCY = 12;

test('at no moment are more orders marked and not settled than there are slots', async () => {
  const { session } = database;
  // Counted where it happens: by each statement that marks or settles, as it is committed.
  await session.exec(`
    create table public.in_doubt (n bigint not null);
    create function public.count_doubt() returns trigger language plpgsql security definer as $$ begin
      insert into public.in_doubt select count(*) from public.orders where status = 'submitting';
      return null;
    end $$;
    create trigger count_doubt after update on public.orders for each statement execute function public.count_doubt()`);
  const users = Array.from({ length: 150 }, (_, n) => importedUser(`User ${n}`));
  let atVenue = 0;
  let mostAtVenue = 0;
  const change = (world: World): World => {
    const [paper] = world.venues.values();
    if (!paper) throw new Error('there is a paper venue');
    const counted: typeof paper = {
      ...paper,
      async submit(order) {
        atVenue += 1;
        mostAtVenue = Math.max(mostAtVenue, atVenue);
        // Some answer at once, some after the others: settlements of several sizes are under way beside takes.
        for (let turn = 0; turn < order.orderId % 7; turn += 1) await new Promise(setImmediate);
        return paper.submit(order).finally(() => {
          atVenue -= 1;
        });
      },
    };
    return { ...world, venues: new Map([[paper.name, counted]]) };
  };
  const report = await runDay(storeOf(database), { signals: [titan], users, concurrency: CONCURRENCY, change });
  expect(report.totals).toMatchObject({ accepted: 150, filled: 150 });
  const [row] = await session.query('select max(n)::int as most, count(*)::int as n from public.in_doubt');
  expect(Number(row?.['n'])).toBeGreaterThan(10);
  expect(Number(row?.['most'])).toBeLessThanOrEqual(CONCURRENCY);
  expect(Number(row?.['most'])).toBeGreaterThan(CONCURRENCY / 2);
  expect(mostAtVenue).toBeLessThanOrEqual(CONCURRENCY);
});
