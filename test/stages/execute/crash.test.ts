import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fault } from '../../../src/domain/faults.ts';
import { DatabaseError } from '../../../src/ports/database.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { buy, importedUser } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { finalState, messageRows } from '../support/database-state.ts';
import { type Death, deaths, dyingStore } from '../support/dying-store.ts';
import { type Day, runDay, storeOf, titan } from '../support/run-day.ts';

let database: TestPostgres;
let store: Store;
beforeAll(async () => {
  database = await freshPostgres();
  store = storeOf(database);
});
afterAll(() => database.close());

/** Each way a venue fails has its user (garbage is silence to us); Plain has none, and Seller sells the position held before. */
const names = ['Plain', 'Rejected', 'Delayed', 'Partial', 'Dropped', 'Silent', 'Seller'];
const faults: Fault[] = [
  { user: 'Rejected', fault: 'reject', message: 'RMS: no' },
  { user: 'Delayed', fault: 'delay', delayMs: 3_000 },
  { user: 'Partial', fault: 'partial', quantity: 5, delayMs: 3_000 },
  { user: 'Dropped', fault: 'timeout_before' },
  { user: 'Silent', fault: 'timeout_after' },
];
const sell = buy('SBICARD', 2, 800_00, { side: 'SELL' });
const users = names.map((name) => importedUser(name, name === 'Plain' ? { whatsapp: null } : {}));
// One page of orders at a time would hide what happens between two of them: four are sent at once.
const day: Day = { signals: [titan, sell], users, faults, concurrency: 4 };

async function newDay(): Promise<void> {
  await emptyDatabase(database.session);
  await store.call('import_signals', { by: tester, signals: [sell], source: 'test' });
  await store.call('import_users', { by: tester, users, mode: 'paper', source: 'import:users.csv', nowMs: 0 });
  const of = { userId: 'seller', venue: 'paper', mode: 'paper', exchange: 'NSE', symbol: 'SBICARD' };
  const holding = { ...of, quantity: 7, priceMinor: 700_00, tradeDate: '2025-08-20', reference: 'held-1' };
  await store.call('import_holdings', { holdings: [holding], nowMs: 0 });
}

interface Undisturbed {
  state: Record<string, unknown>;
  messages: { user: string; text: string; status: string }[];
}

async function undisturbed(): Promise<Undisturbed> {
  await newDay();
  const report = await runDay(store, day);
  expect(report.totals).toMatchObject({ decisions: 14, accepted: 8, filled: 6, rejected: 1, canceled: 1 });
  return { state: await finalState(database.session), messages: await messageRows(database.session) };
}

function causes(error: unknown): unknown[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
}

/** Runs until the k-th call, then again as a new process; gives the name of that call, or null if it never came. */
async function afterDeath(k: number, death: Death, expected: Undisturbed): Promise<string | null> {
  await newDay();
  const dying = dyingStore(store, k, death);
  await runDay(dying, day).catch((error: unknown) => expect(causes(error)).toContainEqual(expect.any(DatabaseError)));
  await dying.quiet();
  expect(await violations(database.session)).toEqual([]);

  const at = `call ${k} (${dying.names[k - 1]})`;
  const report = await runDay(store, day);
  expect(report.totals.unknown, at).toBe(0);
  expect(await violations(database.session), at).toEqual([]);
  expect(await finalState(database.session), at).toEqual(expected.state);
  const messages = await messageRows(database.session);
  expect(
    messages.map(({ user, text }) => ({ user, text })),
    at,
  ).toEqual(expected.messages.map(({ user, text }) => ({ user, text })));
  for (const [index, { status }] of messages.entries()) {
    // Nobody can say whether the message went out: it is never sent twice.
    if (status !== 'unknown') expect(status, at).toBe(expected.messages[index]?.status);
  }
  return dying.names.length < k ? null : at;
}

describe.each(deaths)('a process that %s', { timeout: 180_000 }, (death) => {
  test('at any call leaves a run that running again finishes as if nothing had happened', async () => {
    const expected = await undisturbed();
    let k = 0;
    while ((await afterDeath(k, death, expected)) !== null) k += 1;
    expect(k).toBeGreaterThan(50);
  });
});
