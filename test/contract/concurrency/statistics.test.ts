import { expect, test } from 'vitest';
import type { Settlement } from '../../../src/ports/store/orders.ts';
import { storeOf } from '../../stages/support/run-day.ts';
import * as builders from '../../support/builders.ts';
import { nowMs } from '../../support/builders.ts';
import { newPostgres } from '../../support/postgres.ts';
import { readsSoFar } from '../support/reads.ts';
import * as testRuns from '../support/test-run.ts';
import { settlement } from '../support/test-run.ts';

// Autovacuum analyzes whichever table it likes in the middle of a run: then every kept plan that reads it is made anew, with
// statistics of some tables and none of others. Not timed: Postgres counts what it reads.

const USERS = 1000;
const SYMBOLS = ['TITAN', 'INFY', 'SBICARD', 'WIPRO', 'HDFC', 'ITC', 'SBIN', 'LT'];
const BATCH = 250;
const BATCHES_BEFORE = 12;
/** What a batch may read more after an analysis than before. */
const ROOM = 1.2;
const TABLES = 'orders fills ledger_entries positions accounts order_events decisions sends'.split(' ');

test('statistics that arrive in the middle of a run make no settlement read more', async () => {
  const database = await newPostgres();
  const { session } = database;
  try {
    for (const table of TABLES) await session.exec(`alter table ${table} set (autovacuum_enabled = off)`);
    const testRun = await testRuns.openTestRun(storeOf(database), {
      signals: SYMBOLS.map((symbol, index) => builders.signal(symbol, { rank: index + 1 })),
      users: Array.from({ length: USERS }, (_, index) => builders.user(`user-${index + 1}`)),
    });
    await testRuns.decideAll(testRun);
    const settled = async (batch: number): Promise<number> => {
      const orders = await testRuns.take(testRun.store, `mark-${batch}`, { limit: BATCH });
      const ids = orders.map(({ orderId }) => orderId);
      expect(ids.length).toBe(BATCH);
      await session.exec('begin');
      const before = await readsSoFar(session);
      await session.query('select public.settle_orders($1::jsonb)', [
        JSON.stringify({ outcomes: ids.map(filled), nowMs }),
      ]);
      const read = (await readsSoFar(session)) - before;
      await session.exec('commit');
      return read / BATCH;
    };
    let most = 0;
    for (let batch = 0; batch < BATCHES_BEFORE; batch += 1) most = Math.max(most, await settled(batch));
    for (const [index, table] of TABLES.entries()) {
      await session.exec(`analyze ${table}`);
      expect(await settled(BATCHES_BEFORE + index), `after ${table} was analyzed`).toBeLessThanOrEqual(ROOM * most);
    }
  } finally {
    await database.close();
  }
});

function filled(orderId: number): Settlement {
  return settlement(orderId, 'filled', { fills: [testRuns.fill(`F${orderId}`, 10)], venueOrderId: `V${orderId}` });
}
