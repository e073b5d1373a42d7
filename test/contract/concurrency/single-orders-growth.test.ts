import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { user } from '../../support/builders.ts';
import { newPostgres, type TestPostgres } from '../../support/postgres.ts';
import { placeSingleOrders } from '../support/single-orders.ts';
import { openTestRun } from '../support/test-run.ts';

// On one connection, whose plans are kept from when nobody had ordered anything, and with statistics of any moment.

const USERS = 90;
const PER_CALL = 5;
const TABLES =
  'orders decisions messages signals run_signals run_users order_requests accounts users ledger_entries'.split(' ');

let database: TestPostgres;
beforeEach(async () => {
  database = await newPostgres();
});
afterEach(() => database.close());

/** Rows read of each table by the present transaction, also inside functions. */
async function rowsRead(): Promise<Map<string, number>> {
  const rows = await database.session.query(
    `select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as n from pg_stat_xact_user_tables
     where schemaname = 'public' and relname = any($1)`,
    [TABLES],
  );
  return new Map(rows.map(({ relname, n }) => [String(relname), Number(n)]));
}

/** Before which calls everything is vacuumed and analyzed. */
const moments: Record<string, readonly number[]> = {
  'without statistics': [],
  'with statistics of the second call on': [1],
  'with statistics of each moment': [0, 1, 2, 3, 5, 8, 13],
};

test.each(Object.keys(moments))('a single order reads no more the more there are, of no table: %s', async (when) => {
  const { session } = database;
  for (const table of TABLES) await session.exec(`alter table ${table} set (autovacuum_enabled = off)`);
  const store = makeStore({
    async call(name, args) {
      const [row] = await session.query(`select public.${name}($1::jsonb) as answer`, [JSON.stringify(args)]);
      return row?.['answer'];
    },
    close: async () => undefined,
  });
  await openTestRun(store, { users: Array.from({ length: USERS }, (_, index) => user(`user-${index + 1}`)) });
  const readings: Map<string, number>[] = [];
  for (let from = 0; from < USERS; from += PER_CALL) {
    const orders = Array.from({ length: PER_CALL }, (_, n) => ({ userId: `user-${from + n + 1}`, symbol: 'INFY' }));
    if (moments[when]?.includes(from / PER_CALL)) await session.exec('vacuum (analyze)');
    await session.exec('begin');
    const before = await rowsRead();
    const placed = await placeSingleOrders(store, orders);
    const after = await rowsRead();
    await session.exec('commit');
    expect(placed).toEqual(orders.map(() => expect.objectContaining({ kind: 'decided', outcome: 'accepted' })));
    readings.push(new Map([...after].map(([table, n]) => [table, n - (before.get(table) ?? 0)])));
  }
  for (const table of TABLES) {
    const read = (call: number): number => readings.at(call)?.get(table) ?? 0;
    expect(read(-1), `${table}: ${read(2)} rows of the third call`).toBeLessThanOrEqual(read(2) + PER_CALL);
  }
});
