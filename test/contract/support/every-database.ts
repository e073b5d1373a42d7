// Runs the same tests on PGlite, Postgres and Supabase, and checks the books after each.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { Database, SqlSession } from '../../../src/ports/database.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { freshSupabase } from '../../simulators/postgrest.ts';
import { differences } from '../../support/audit-differences.ts';
import { brokenPromises } from '../../support/broken-promises.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import { PLANNED_ONCE_SQL } from '../../support/databases/for-tests.ts';
import { keepingOne } from '../../support/databases/kept.ts';
import { violations } from '../../support/invariants.ts';
import { freshPglite, freshPostgres } from '../../support/postgres.ts';

/** The database a test stands on. */
export interface StoreUnderTest {
  store: Store;
  /** Plain SQL beside the store: arranging what no function does, and looking at rows. */
  session: SqlSession;
  /** The one value of the one row of a statement. */
  value(sql: string, params?: unknown[]): Promise<unknown>;
  /** Names the rules of check_books that this test breaks by SQL of its own, to arrange what no function would do. */
  breaks(...rules: string[]): void;
}

type Opened = Database & { session: SqlSession };

const plannedOnce = async (open: () => Promise<Opened>): Promise<Opened> => {
  const database = await open();
  await database.session.exec(PLANNED_ONCE_SQL);
  return database;
};

const databases: [string, () => Promise<Opened>][] = [
  ['PGlite', freshPglite],
  ['Postgres', keepingOne(() => plannedOnce(freshPostgres))],
  ['Supabase', keepingOne(() => plannedOnce(freshSupabase))],
];

/**
 * Runs the same tests on every database, emptied before each test. After each test the
 * books must be right, whatever it was about.
 */
export function onEveryDatabase(what: string, tests: (ground: StoreUnderTest) => void): void {
  describe.each(databases)(`${what} on %s`, (name, open) => {
    let database: Opened | null = null;
    const opened = () => {
      if (!database) throw new Error('the database is opened before the first test');
      return database;
    };
    const session: SqlSession = {
      exec: (sql) => opened().session.exec(sql),
      query: (sql, params) => opened().session.query(sql, params),
    };
    const call: Database['call'] = (called, args) => opened().call(called, args);
    const store = makeStore({ call, close: () => opened().close() });

    let broken: string[] = [];
    beforeAll(async () => {
      database = await open();
    });
    beforeEach(async () => {
      broken = [];
      await emptyDatabase(session);
    });
    afterEach(async () => {
      expect(await violations(session)).toEqual([]);
      // What operators are told about the books must agree; a venue that went beyond an order is no fault of theirs.
      expect(await brokenPromises(store, broken)).toEqual([]);
      // The same rows by the same functions as on Postgres: the way they are called has tests of its own.
      if (name === 'Supabase') return;
      expect(await differences(store)).toEqual([]);
      expect(await store.call('verify_actions', { keptId: null, keptHash: null })).toMatchObject({ problems: [] });
    });
    afterAll(() => database?.close());

    tests({
      store,
      session,
      breaks: (...rules) => {
        broken = rules;
      },
      async value(sql, params) {
        const [row] = await session.query(sql, params);
        return row === undefined ? null : Object.values(row)[0];
      },
    });
  });
}
