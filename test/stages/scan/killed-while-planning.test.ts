import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store, StoreFunction } from '../../../src/ports/store/store.ts';
import { importedUser } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { messageRows, pairOutcomes, tally, venueBook } from '../support/database-state.ts';
import { dyingStore } from '../support/dying-store.ts';
import { type Day, fiveUsers, runDay, storeOf, titan } from '../support/run-day.ts';

let database: TestPostgres;
let store: Store;
beforeAll(async () => {
  database = await freshPostgres();
  store = storeOf(database);
});
beforeEach(() => emptyDatabase(database.session));
afterEach(async () => expect(await violations(database.session)).toEqual([]));
afterAll(() => database.close());

/** More than two pages of users, one in fifty with money, the last of the queue among them. */
const manyUsers = Array.from({ length: 1100 }, (_, n) => {
  const rich = n % 50 === 0 || n >= 1050;
  return importedUser(`User ${n}`, { whatsapp: null, capitalMinor: rich ? 100_000_00 : 1_00, priority: n + 1 });
});

/** Ends the process just after its first call of a function. */
async function killedAt(name: StoreFunction, day: Day): Promise<void> {
  const dying = dyingStore(store, name, 'dies');
  await expect(runDay(dying, day)).rejects.toThrow(`the connection broke in ${name}`);
  await dying.quiet();
}

describe('a run that was killed while planning', () => {
  const day: Day = { signals: [titan], users: manyUsers };

  test('and is found after the cut-off is closed: the rest denied, what was accepted sent, everybody told', async () => {
    await killedAt('accept_page', day);
    const report = await runDay(store, { ...day, time: '09:35:30' });
    expect(report.skipped).toBeNull();
    expect(tally(Object.values(pairOutcomes(report)))).toEqual({
      filled: 10,
      'denied quantity_zero': 490,
      'denied cut_off': 600,
    });
    expect(await venueBook(database.session)).toHaveLength(10);
    expect(await messageRows(database.session)).toHaveLength(1100);
  });

  test('and is found when nothing may be sent any more expires what was accepted', async () => {
    await killedAt('accept_page', { signals: [titan], users: fiveUsers });
    const report = await runDay(store, { signals: [titan], users: null, time: '11:00' });
    expect(report.orders.map(({ status, reason }) => `${status} ${reason}`)).toEqual(
      Array(5).fill('expired not_sent_in_time'),
    );
    expect(await venueBook(database.session)).toEqual([]);
    const held = await database.session.query('select distinct held_minor::int as held from public.accounts');
    expect(held).toEqual([{ held: 0 }]);
    expect((await messageRows(database.session))[0]?.text).toContain('TITAN: expired');
  });

  test('and goes on while its prices are fresh keeps them, though the market has moved', async () => {
    await killedAt('accept_page', day);
    const report = await runDay(store, { ...day, time: '09:20:50', opens: { TITAN: 3600_00 } });
    expect(new Set(report.orders.map(({ averagePrice }) => averagePrice))).toEqual(new Set(['3560.00']));
  });

  test('and goes on when they are too old prices those who are undecided anew, and nobody else', async () => {
    await killedAt('accept_page', day);
    const report = await runDay(store, { ...day, time: '09:25', opens: { TITAN: 3500_00 } });
    expect(tally(report.orders.map(({ limitPrice }) => String(limitPrice)))).toEqual({ '3577.80': 10, '3517.50': 61 });
    // All trade at the market of the day, which is what the run was last priced at.
    expect(tally(report.orders.map(({ averagePrice }) => String(averagePrice)))).toEqual({ '3500.00': 71 });
  });
});

test('orders halted between decision and sending are not sent, and expire in time', async () => {
  await killedAt('decide_run', { signals: [titan], users: fiveUsers });
  await store.call('halt', {
    scope: 'user',
    target: 'asha-rao',
    why: 'a test',
    by: { who: 'tester', how: 'cli' },
    nowMs: 0,
  });
  const report = await runDay(store, { signals: [titan], users: fiveUsers });
  expect(pairOutcomes(report)).toEqual({
    ...Object.fromEntries(fiveUsers.slice(1).map(({ name }) => [`${name} TITAN`, 'filled'])),
    'Asha Rao TITAN': 'expired',
  });
  expect(await venueBook(database.session)).toHaveLength(4);
});

test('a run is made once a day: a second one of the same signals finds them decided', async () => {
  await runDay(store, { signals: [titan], users: fiveUsers });
  const again = await runDay(store, {
    signals: [titan],
    users: [...fiveUsers, importedUser('Late Comer')],
    time: '09:30',
  });
  expect(again.skipped).toMatchObject({ reason: 'already_done' });
  expect(again.totals.users).toBe(5);
});
