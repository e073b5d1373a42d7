// Runs the same tests on PGlite, Postgres and Supabase, and checks the books after each.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { Database, SqlSession } from '../../../src/ports/database.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { differences } from '../../support/audit-differences.ts';
import { brokenPromises } from '../../support/broken-promises.ts';
import { violations } from '../../support/invariants.ts';
import { type Borrowed, borrow, giveBack, KINDS } from './shared-database.ts';

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

/**
 * Deletes all rows but the migrations' own (charge rates, transitions); `replica` keeps the triggers that refuse it, and
 * the foreign keys, out of the way.
 */
export async function deleteAllSql(session: SqlSession): Promise<string> {
  const tables = await session.query(`select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname in ('public', 'paper_venue') and tablename <> 'charge_rates'`);
  const deletes = tables.map(({ name }) => `delete from ${name}`);
  return ['begin; set local session_replication_role = replica', ...deletes, 'commit'].join('; ');
}

/**
 * Runs the same tests on every database, emptied before each test. After each test the
 * books must be right, whatever it was about.
 */
export function onEveryDatabase(what: string, tests: (ground: StoreUnderTest) => void): void {
  describe.each(KINDS)(`${what} on %s`, (kind) => {
    let borrowed: Borrowed | null = null;
    const opened = () => {
      if (!borrowed) throw new Error('the database is opened before the first test');
      return borrowed.database;
    };
    const session: SqlSession = {
      exec: (sql) => opened().session.exec(sql),
      query: (sql, params) => opened().session.query(sql, params),
    };
    const call: Database['call'] = (name, args) => opened().call(name, args);
    const store = makeStore({ call, close: () => opened().close() });

    let emptyAll = '';
    let broken: string[] = [];
    beforeAll(async () => {
      borrowed = await borrow(kind);
      emptyAll = await deleteAllSql(borrowed.database.session);
    });
    beforeEach(async () => {
      broken = [];
      await session.exec(emptyAll);
    });
    afterEach(async () => {
      expect(await violations(session)).toEqual([]);
      // What operators are told about the books must agree; a venue that went beyond an order is no fault of theirs.
      expect(await brokenPromises(store, broken)).toEqual([]);
      expect(await differences(store)).toEqual([]);
      expect(await store.call('verify_actions', { keptId: null, keptHash: null })).toMatchObject({ problems: [] });
    });
    afterAll(async () => {
      if (borrowed) await giveBack(kind, borrowed);
    });

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
