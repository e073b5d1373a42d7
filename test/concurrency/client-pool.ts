// A Postgres that many clients use at once, with its books checked after each test.
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { openPostgres } from '../../src/adapters/store/postgres.ts';
import { makeStore } from '../../src/adapters/store/store.ts';
import type { Database } from '../../src/ports/database.ts';
import type { Store } from '../../src/ports/store/store.ts';
import { violations } from '../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../support/postgres.ts';

export interface ClientPool {
  store: Store;
  query: TestPostgres['session']['query'];
}

/**
 * A real Postgres for the file, reached over as many connections as there are clients at once. After each test the
 * books must be right.
 */
export function clientPool(clients: number): ClientPool {
  let opened: { database: TestPostgres; pool: Database } | null = null;
  const now = () => {
    if (!opened) throw new Error('the database is opened before the first test');
    return opened;
  };
  const query: ClientPool['query'] = (sql, params) => now().database.session.query(sql, params);
  const store = makeStore({ call: (name, args) => now().pool.call(name, args), close: () => now().pool.close() });
  beforeAll(async () => {
    const database = await freshPostgres();
    opened = { database, pool: openPostgres({ url: database.url, max: clients }) };
  });
  afterEach(async () => {
    expect(await violations(now().database.session)).toEqual([]);
    expect(await store.call('check_books', {})).toEqual([]);
  });
  afterAll(async () => {
    await opened?.pool.close();
    await opened?.database.close();
  });
  return { store, query };
}

/** The same list in another order, the same for the same seed. */
export function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const key = (index: number) => Math.imul(index + 1, 0x9e37_79b1 ^ Math.imul(seed + 1, 0x85eb_ca6b)) >>> 0;
  return items
    .map((item, index) => ({ item, key: key(index) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

export function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  const starts = Array.from({ length: Math.ceil(items.length / size) }, (_, index) => index * size);
  return starts.map((start) => items.slice(start, start + size));
}
