import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Store } from '../../../src/ports/store/store.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { fiveUsers, runDay, storeOf, titan } from '../support/run-day.ts';

let database: TestPostgres;
beforeEach(async () => {
  database = await freshPostgres();
});
afterEach(async () => {
  expect(await violations(database.session)).toEqual([]);
  await database.close();
});

/** The store, and somebody who takes the run's row at its first accept and lets it go at the accept `until`. */
function heldRun(until: number): Store {
  const store = storeOf(database);
  let accepts = 0;
  return {
    ...store,
    async call(name, args, options) {
      if (name === 'accept_page') accepts += 1;
      if (name === 'accept_page' && accepts === 1) {
        await database.session.exec('begin; select from public.scan_runs for update');
      }
      if (accepts === until) await database.session.exec('commit');
      return store.call(name, args, options);
    },
  };
}

test('a run that somebody holds denies nobody: the scan says so, and the next one accepts them all', async () => {
  const held = runDay(heldRun(Number.POSITIVE_INFINITY), { signals: [titan], users: fiveUsers });
  await expect(held).rejects.toMatchObject({ kind: 'busy', message: expect.stringContaining('holds the run') });
  await database.session.exec('commit');
  expect(await database.session.query('select from public.decisions')).toEqual([]);
  const report = await runDay(storeOf(database), { signals: null, users: null });
  expect(report.totals).toMatchObject({ accepted: 5, filled: 5, skipped: 0 });
}, 120_000);

test('one that is let go after some seconds is accepted as if nothing had been', async () => {
  const report = await runDay(heldRun(8), { signals: [titan], users: fiveUsers });
  expect(report.totals).toMatchObject({ accepted: 5, filled: 5, skipped: 0 });
}, 120_000);
