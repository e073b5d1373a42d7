import { expect, test } from 'vitest';
import { storeOf } from '../../stages/support/run-day.ts';
import * as builders from '../../support/builders.ts';
import { nowMs } from '../../support/builders.ts';
import { newPostgres } from '../../support/postgres.ts';
import { readsSoFar } from '../support/reads.ts';
import * as testRuns from '../support/test-run.ts';
import { settlement } from '../support/test-run.ts';

// The embedded database never analyzes a table, and Postgres has not yet analyzed a new one when its books are checked.
// Not timed: Postgres counts what it reads.

const TABLES = 'orders fills ledger_entries positions accounts order_events decisions'.split(' ');
const SYMBOLS = ['TITAN', 'INFY', 'SBICARD', 'WIPRO', 'HDFC'];

/** What checking the books of so many filled orders reads, of tables nobody has analyzed, for one of them. */
async function readsOfAnOrder(users: number): Promise<number> {
  const database = await newPostgres();
  const { session } = database;
  try {
    for (const table of TABLES) await session.exec(`alter table ${table} set (autovacuum_enabled = off)`);
    const testRun = await testRuns.openTestRun(storeOf(database), {
      signals: SYMBOLS.map((symbol, index) => builders.signal(symbol, { rank: index + 1 })),
      users: Array.from({ length: users }, (_, index) => builders.user(`user-${index + 1}`)),
    });
    await testRuns.decideAll(testRun);
    const orders = await testRuns.take(testRun.store, 'mark', { limit: users * SYMBOLS.length });
    await testRun.store.call('settle_orders', {
      outcomes: orders.map(({ orderId }) =>
        settlement(orderId, 'filled', { fills: [testRuns.fill(`F${orderId}`, 10)], venueOrderId: `V${orderId}` }),
      ),
      nowMs,
    });
    await session.exec('begin');
    const before = await readsSoFar(session);
    await session.query(`select public.check_books('{}')`);
    const read = (await readsSoFar(session)) - before;
    await session.exec('commit');
    return read / orders.length;
  } finally {
    await database.close();
  }
}

test('checking the books reads no more of an order where there are more, of tables nobody has analyzed', async () => {
  const few = await readsOfAnOrder(20);
  expect(await readsOfAnOrder(160)).toBeLessThanOrEqual(1.2 * few);
});
