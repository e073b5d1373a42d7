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
  // Something did go wrong at each of them.
  for (const venue of ['kite', 'lemonn', 'alpaca']) {
    expect(lines.join('\n')).toMatch(new RegExp(`^${venue} +[a-z]`, 'm'));
  }
  const orders = await session.query(`select distinct split_part(o.run_id, ':', 1) as market, o.venue, a.currency
    from public.orders o join public.accounts a on a.id = o.account_id order by o.venue`);
  expect(orders).toEqual([
    { market: 'XNYS', venue: 'alpaca', currency: 'USD' },
    { market: 'XNSE', venue: 'kite', currency: 'INR' },
    { market: 'XNSE', venue: 'lemonn', currency: 'INR' },
  ]);
});
