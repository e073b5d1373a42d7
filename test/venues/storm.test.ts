import { afterAll, beforeAll, expect, test } from 'vitest';
import { storm } from '../../scripts/venue-storm/storm.ts';
import { storeOf } from '../stages/support/run-day.ts';
import { freshPostgres, type TestPostgres } from '../support/postgres.ts';

let database: TestPostgres;
beforeAll(async () => {
  database = await freshPostgres();
});
afterAll(() => database.close());

test('a live day at three venues that misbehave leaves no order doubled, no money held and no secret told', async () => {
  const lines: string[] = [];
  const { url: databaseUrl, session } = database;
  const options = {
    databaseUrl,
    session,
    store: storeOf(database),
    users: 12,
    seed: 7,
    faultPercent: 20,
    timeoutMs: 400,
  };
  expect(await storm({ ...options, say: (line) => void lines.push(line) })).toEqual([]);
  // Something did go wrong at both venues of the rupee; who is at Alpaca has no account in this day's currency.
  for (const venue of ['kite', 'lemonn']) expect(lines.join('\n')).toMatch(new RegExp(`^${venue} +[a-z]`, 'm'));
  const skipped = await session.query("select distinct reason from public.decisions where outcome = 'skipped'");
  expect(skipped.map(({ reason }) => reason)).toContain('no_account_in_currency');
  expect(await session.query("select 1 from public.orders where venue = 'alpaca'")).toEqual([]);
});
