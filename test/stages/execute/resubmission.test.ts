import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/ports/store/store.ts';
import type { SubmitOutcome, Venue } from '../../../src/ports/venue.ts';
import type { World } from '../../../src/ports/world.ts';
import { importedUser } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { runDay, storeOf, titan } from '../support/run-day.ts';

/** A venue that refuses duplicates, shows an order late, and answers the first submission with silence. */
function lateBook(second: SubmitOutcome, missIsProof: boolean, calls: string[]): (world: World) => World {
  const venue: Venue = {
    name: 'paper',
    capabilities: { refusesDuplicates: true, missIsProof },
    async submit() {
      calls.push('submit');
      return calls.filter((one) => one === 'submit').length === 1 ? { kind: 'unknown', reason: 'timeout' } : second;
    },
    async lookup() {
      calls.push('lookup');
      return { kind: 'missing' };
    },
  };
  return (world) => ({ ...world, venues: new Map([['paper', venue]]) });
}

describe('an unknown order that is asked again and refused', () => {
  let database: TestDatabase;
  let store: Store;
  beforeAll(async () => {
    database = await freshPglite();
    store = storeOf(database);
  });
  afterAll(() => database.close());
  beforeEach(() => emptyDatabase(database.session));

  const noMoney = { kind: 'rejected', message: 'insufficient buying power' } as const;
  const held = async () => {
    const [account] = await database.session.query('select held_minor::int as held from public.accounts');
    return Number(account?.['held']);
  };

  test('stays unknown with its hold: the first request may be alive and have taken the money', async () => {
    const calls: string[] = [];
    const change = lateBook(noMoney, false, calls);
    const { orders } = await runDay(store, { signals: [titan], users: [importedUser('Hit')], change });
    expect(orders).toMatchObject([{ status: 'unknown' }]);
    expect(await held()).toBeGreaterThan(0);
    expect(calls.filter((one) => one === 'submit').length).toBeGreaterThan(1);
  });

  test('is rejected where a miss proves that the first never came', async () => {
    const change = lateBook(noMoney, true, []);
    const { orders } = await runDay(store, { signals: [titan], users: [importedUser('Hit')], change });
    expect(orders).toMatchObject([{ status: 'rejected' }]);
    expect(await held()).toBe(0);
  });
});
