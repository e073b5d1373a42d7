import { afterEach, beforeEach, expect, test } from 'vitest';
import { DatabaseError } from '../../../src/ports/database.ts';
import type { World } from '../../../src/ports/world.ts';
import { importedUser } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runDay, storeOf, titan } from '../support/run-day.ts';

let database: TestPostgres;
beforeEach(async () => {
  database = await freshPostgres();
});
afterEach(async () => {
  expect(await violations(database.session)).toEqual([]);
  await database.close();
});

test('orders that take too long to be marked together are taken in halves, and all go', async () => {
  await database.session.exec(`create function public.allow_two() returns trigger language plpgsql as $$ begin
      if (select count(*) from marked where status = 'submitting') > 2 then
        raise exception 'canceling statement due to statement timeout' using errcode = '57014';
      end if;
      return null;
    end $$;
    create trigger allow_two after update on public.orders referencing new table as marked
    for each statement execute function public.allow_two();`);
  const users = Array.from({ length: 12 }, (_, n) => importedUser(`User ${n}`));
  const report = await runDay(storeOf(database), { signals: [titan], users });
  expect(report.totals).toMatchObject({ accepted: 12, filled: 12 });
});

test('orders whose mark was made but not answered in time go at once, by the same mark', async () => {
  const store = storeOf(database);
  let lost = 0;
  let lookedUp = 0;
  const slow: typeof store = {
    ...store,
    async call(name, args, options) {
      const answer = await store.call(name, args, options);
      if (name !== 'take_orders' || !('perAccount' in args) || lost > 0) return answer;
      lost = args.limit;
      throw new DatabaseError('no answer in time', { kind: 'lost', code: '57014', answered: true });
    },
  };
  const change = (world: World): World => ({
    ...world,
    emit: (event) => {
      if (event.type === 'order_looked_up') lookedUp += 1;
    },
  });
  const users = Array.from({ length: 4 }, (_, n) => importedUser(`User ${n}`));
  const report = await runDay(slow, { signals: [titan], users, concurrency: 4, change });
  expect(lost).toBe(2);
  expect(report.totals).toMatchObject({ accepted: 4, filled: 4 });
  // Without the mark's own id they would have stood until their leases were over, to be looked up.
  expect(lookedUp).toBe(0);
});
