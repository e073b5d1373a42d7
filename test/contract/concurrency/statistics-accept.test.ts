import { expect, test } from 'vitest';
import { callStatement } from '../../../src/adapters/store/sql-call.ts';
import { encoded } from '../../../src/ports/store/store.ts';
import { storeOf } from '../../stages/support/run-day.ts';
import * as builders from '../../support/builders.ts';
import { nowMs } from '../../support/builders.ts';
import { newPostgres, type TestPostgres } from '../../support/postgres.ts';
import { readsSoFar } from '../support/reads.ts';
import * as testRuns from '../support/test-run.ts';
import { accepted, type TestRun } from '../support/test-run.ts';

// As statistics.test.ts beside this, for accepting: with statistics of when there was next to nothing, then with those of
// one table after the other. Plans are made anew for each page, too, as by a connection that has accepted none before.

const PAGE = 40;
const PAGES_BEFORE = 8;
const SYMBOLS = ['TITAN', 'INFY', 'SBICARD', 'WIPRO', 'HDFC', 'ITC', 'SBIN', 'LT'];
const READ = 'accounts users signals instruments run_signals run_users charge_rates halts';
const WRITTEN = 'orders decisions ledger_entries order_events positions';
const TABLES = `${READ} ${WRITTEN}`.split(' ');

async function planningScene(database: TestPostgres, change: object): Promise<TestRun> {
  const store = storeOf(database);
  for (const table of TABLES) await database.session.exec(`alter table ${table} set (autovacuum_enabled = off)`);
  await testRuns.acceptAll(await testRuns.openTestRun(store, { runId: 'earlier', signals: [builders.signal('ITC')] }));
  await database.session.exec('analyze');
  return testRuns.openTestRun(store, {
    signals: SYMBOLS.map((symbol, index) => builders.signal(symbol, { rank: index + 1 })),
    users: Array.from({ length: PAGE * (PAGES_BEFORE + 2 * TABLES.length) }, (_, n) =>
      builders.user(`user-${n}`, change),
    ),
  });
}

// Rows and index entries read, and searches begun, for one decision. A plan that goes through a table reads hundreds.
test.each([
  ['in one statement', {}, 60],
  ['by turns', { maxOpenPositions: SYMBOLS.length - 1 }, 140],
])('whatever has been analyzed, a page that is accepted %s reads no more', async (_how, change, mostReads) => {
  const database = await newPostgres();
  const { session } = database;
  try {
    const testRun = await planningScene(database, change);
    const accounts = await testRuns.undecided(testRun, { limit: 10_000 });
    const ofNextPage = async (): Promise<number> => {
      const page = accounts.splice(0, PAGE);
      const decisions = page.flatMap((account) => testRun.signals.map((of) => accepted(testRun, account, of)));
      const args = encoded('accept_page', { runId: testRun.runId, nowMs, decisions, skipLocked: true });
      await session.exec('begin');
      const before = await readsSoFar(session);
      await session.query(callStatement('accept_page'), [JSON.stringify(args)]);
      const read = (await readsSoFar(session)) - before;
      await session.exec('commit');
      return read / decisions.length;
    };
    for (let page = 0; page < PAGES_BEFORE; page += 1) {
      const reads = await ofNextPage();
      expect(reads, 'with statistics of an earlier day').toBeLessThanOrEqual(mostReads);
      expect(reads).toBeGreaterThan(1);
    }
    for (const table of TABLES) {
      await session.exec(`analyze ${table}`);
      expect(await ofNextPage(), `after ${table} was analyzed`).toBeLessThanOrEqual(mostReads);
      await session.exec('discard plans');
      expect(await ofNextPage(), `on a new connection after ${table}`).toBeLessThanOrEqual(mostReads);
    }
  } finally {
    await database.close();
  }
});
