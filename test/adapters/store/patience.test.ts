import { describe, expect, test } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { type Database, DatabaseError } from '../../../src/ports/database.ts';
import { freshPostgres } from '../../support/postgres.ts';

/** A database that fails as it is told, call by call, and then answers. */
function failing(failures: Error[]): { database: Database; calls(): number } {
  let calls = 0;
  const call = async () => {
    calls += 1;
    const failure = failures.shift();
    if (failure) throw failure;
    return { changed: true };
  };
  return { database: { call, close: async () => {} }, calls: () => calls };
}

// What a full disk says (53100) and what a server that goes away says (57P01) can't be made here for real.
const lost = (code: string) => new DatabaseError('gone', { kind: 'lost', code });
const halt = { scope: 'all', target: '', why: 'drill', by: { who: 'me', how: 'cli' }, nowMs: 0 } as const;

describe('a store whose database goes away', () => {
  test.each([
    ['lost', '53100'],
    ['lost', '57P01'],
    ['lost', 'ECONNREFUSED'],
    ['lost', 'XX000'],
    ['busy', '55P03'],
  ] as const)('makes a %s call again, before its first answer too (%s)', async (kind, code) => {
    const again = () => new DatabaseError('gone', { kind, code });
    const { database, calls } = failing([again(), again()]);
    expect(await makeStore(database).call('halt', halt)).toEqual({ changed: true });
    expect(calls()).toBe(3);
  });

  test('says once that it waits, and for what', async () => {
    const notices: string[] = [];
    const { database } = failing([lost('ECONNREFUSED'), lost('ECONNREFUSED')]);
    await makeStore(database, { onWaiting: (text) => notices.push(text) }).call('halt', halt);
    expect(notices).toEqual(['Waiting for the database, and trying again for about 15 s: gone']);
  });

  test('tells the first error to who does not want to wait, or splits what is busy', async () => {
    const gone = failing([lost('ECONNREFUSED')]);
    await expect(makeStore(gone.database, { patient: false }).call('halt', halt)).rejects.toMatchObject({
      kind: 'lost',
    });
    const busy = failing([new DatabaseError('locked', { kind: 'busy', code: '55P03' })]);
    await expect(makeStore(busy.database).call('halt', halt, { repeat: 'lost' })).rejects.toMatchObject({
      kind: 'busy',
    });
    expect([gone.calls(), busy.calls()]).toEqual([1, 1]);
  });

  test('never makes a refused call again', async () => {
    const { database, calls } = failing([]);
    const store = makeStore(database);
    await store.call('halt', halt);
    database.call = failing([new DatabaseError('no', { kind: 'refused', code: 'PT409' })]).database.call;
    await expect(store.call('halt', halt)).rejects.toMatchObject({ code: 'PT409' });
    expect(calls()).toBe(1);
  });

  test('goes on when a real server has cut every connection', async () => {
    const database = await freshPostgres();
    try {
      const store = makeStore(database);
      await store.call('read_calendar_days', { exchange: 'NSE' });
      await database.session.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`);
      expect(await store.call('read_calendar_days', { exchange: 'NSE' })).toEqual([]);
    } finally {
      await database.close();
    }
  });
});
