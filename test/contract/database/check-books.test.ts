import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { ofDays } from '../corrupted/days.ts';
import { columns, exceptions } from '../corrupted/exceptions.ts';
import { ofMoney } from '../corrupted/money.ts';
import { ofOrders } from '../corrupted/orders.ts';
import { playBusyDay } from '../support/busy-day.ts';

// One day on one database, and each column of it made wrong on its own, and right again.

const corruptions = [...ofMoney, ...ofOrders, ...ofDays];

let database: TestDatabase;
const broken = async (): Promise<{ rule: string }[]> => makeStore(database).call('check_books', {});

beforeAll(async () => {
  database = await freshPglite();
  await playBusyDay(makeStore(database), database.session);
});
afterAll(() => database.close());

test('a busy day breaks no rule', async () => {
  expect(await broken()).toEqual([]);
});

describe('a value that is wrong is found', () => {
  test.each(corruptions)('%s %s', async (table, set, where, rule) => {
    const { session } = database;
    await session.exec('begin; set local session_replication_role = replica');
    try {
      const changed = await session.query(`update public.${table} set ${set} where ${where} returning 1`);
      expect(changed.length, 'rows made wrong').toBeGreaterThan(0);
      expect((await broken()).map((one) => one.rule)).toContain(rule);
    } finally {
      await session.exec('rollback');
    }
  });
});

test('every column is made wrong, or it is said why not', async () => {
  const all = await database.session.query(columns);
  const named = all.map(({ name }) => String(name));
  const tried = corruptions.map(([table, set]) => `${table}.${set.split(' ')[0]}`);
  expect(named.filter((name) => !tried.includes(name) && !Object.hasOwn(exceptions, name))).toEqual([]);
  const unknown = [...tried, ...Object.keys(exceptions)].filter((name) => !named.includes(name));
  expect(unknown).toEqual([]);
});
