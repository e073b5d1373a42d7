import { afterEach, beforeEach, expect, test } from 'vitest';
import { violations } from '../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../support/postgres.ts';
import { person, runDay, storeOf, titan } from './desk.ts';

let database: TestPostgres;
beforeEach(async () => {
  database = await freshPostgres();
});
afterEach(async () => {
  expect(await violations(database.session)).toEqual([]);
  await database.close();
});

test('orders that take too long to be marked together are marked in halves, and all go', async () => {
  await database.session.exec(`create function public.allow_two() returns trigger language plpgsql as $$ begin
      if (select count(*) from marked where status = 'submitting') > 2 then
        raise exception 'canceling statement due to statement timeout' using errcode = '57014';
      end if;
      return null;
    end $$;
    create trigger allow_two after update on public.orders referencing new table as marked
    for each statement execute function public.allow_two();`);
  const users = Array.from({ length: 12 }, (_, n) => person(`User ${n}`));
  const report = await runDay(storeOf(database), { signals: [titan], users });
  expect(report.totals).toMatchObject({ accepted: 12, filled: 12 });
});
