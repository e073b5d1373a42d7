import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makePast } from '../../../scripts/bench/core/past.ts';
import { storeOf } from '../../stages/support/run-day.ts';
import { signal, user } from '../../support/builders.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { decideAll, openTestRun, sendAll, settle, settlement } from '../support/test-run.ts';

// What a logged-in user reads of their own must not grow with what everybody else has.

const login = randomUUID();
const TABLES = ['decisions', 'orders', 'messages', 'fills', 'ledger_entries', 'positions', 'accounts'];

describe('a user who reads their own rows', () => {
  let database: TestPostgres;
  beforeAll(async () => {
    database = await freshPostgres();
    const users = Array.from({ length: 300 }, (_, index) => user(`user-${index + 1}`));
    const signals = ['TITAN', 'INFY', 'SBICARD', 'WIPRO', 'ITC'].map((name, index) =>
      signal(name, { rank: index + 1 }),
    );
    const store = storeOf(database);
    await openTestRun(store, { users, signals });
    await makePast({ ...database, store }, 300 * 5 * 10);
    await database.session.query("update public.users set auth_user_id = $1 where id = 'user-7'", [login]);
  });
  afterAll(() => database.close());

  test.each(TABLES)('has no more of %s read than what is theirs', async (table) => {
    const { session } = database;
    await session.exec('analyze');
    await session.exec('begin');
    await session.query("select set_config('request.jwt.claims', $1, true)", [JSON.stringify({ sub: login })]);
    await session.exec('set local role authenticated');
    const own = await session.query(`select * from public.${table}`);
    const [read] = await session.query(
      `select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as n from pg_stat_xact_user_tables
       where schemaname = 'public' and relname = $1`,
      [table],
    );
    await session.exec('rollback');
    const [all] = await session.query(`select count(*)::int as n from public.${table}`);
    expect(own.length).toBeGreaterThan(0);
    expect(Number(all?.['n'])).toBeGreaterThan(own.length * 100);
    // A row may be read a few times on the way (once for each of its indexes), never those of the others.
    expect(Number(read?.['n'])).toBeLessThanOrEqual(own.length * 10);
  });
});

test('places go on where an integer ends: single orders of all days take them from one sequence', async () => {
  const database = await freshPostgres();
  try {
    const store = storeOf(database);
    const beyond = 3_000_000_000;
    const testRun = await openTestRun(store);
    await database.session.query('update public.run_signals set position = $1', [beyond]);
    await database.session.query('update public.run_users set queue_position = $1', [beyond + 1]);
    await decideAll(testRun);
    const sent = await sendAll(store);
    await settle(
      store,
      sent.map(({ orderId }) => settlement(orderId, 'rejected')),
    );
    expect(sent).toHaveLength(1);
    for (const table of ['decisions', 'orders']) {
      expect(await database.session.query(`select position::text, queue_position::text from public.${table}`)).toEqual([
        { position: String(beyond), queue_position: String(beyond + 1) },
      ]);
    }
    const page = { runId: testRun.runId, afterPosition: beyond, afterQueuePosition: beyond, limit: 10 };
    const decisions = await store.call('read_report_decisions', page);
    expect(decisions.map(({ position, queuePosition }) => [position, queuePosition])).toEqual([[beyond, beyond + 1]]);
  } finally {
    await database.close();
  }
});
