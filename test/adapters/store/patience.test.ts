import { describe, expect, it } from 'vitest';
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
  it.each(['53100', '57P01', 'ECONNREFUSED'])(
    'makes a lost call again once it has answered before (%s)',
    async (code) => {
      const { database, calls } = failing([]);
      const store = makeStore(database);
      await store.call('halt', halt);
      const second = failing([lost(code), lost(code)]);
      database.call = second.database.call;
      expect(await store.call('halt', halt)).toEqual({ changed: true });
      expect([calls(), second.calls()]).toEqual([1, 3]);
    },
  );

  it('tells at once that it can not be reached at all', async () => {
    const { database, calls } = failing([lost('ECONNREFUSED')]);
    await expect(makeStore(database).call('halt', halt)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(calls()).toBe(1);
  });

  it('never makes a refused call again', async () => {
    const { database, calls } = failing([]);
    const store = makeStore(database);
    await store.call('halt', halt);
    database.call = failing([new DatabaseError('no', { kind: 'refused', code: 'PT409' })]).database.call;
    await expect(store.call('halt', halt)).rejects.toMatchObject({ code: 'PT409' });
    expect(calls()).toBe(1);
  });

  it('goes on when a real server has cut every connection', async () => {
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
