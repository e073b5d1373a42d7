import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { tradeDate } from '../../support/builders.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { closingExceptions, ofClosings, onlyInFull } from '../corrupted/closings.ts';
import { ofDays } from '../corrupted/days.ts';
import { columns, exceptions } from '../corrupted/exceptions.ts';
import { ofMoney } from '../corrupted/money.ts';
import { ofOrders } from '../corrupted/orders.ts';
import type { Corruption } from '../corrupted/rows.ts';
import { playBusyDay } from '../support/busy-day.ts';

// One day on one database, and each column of it made wrong on its own, and right again: as it is on its evening, and closed.

const corruptions = [...ofMoney, ...ofOrders, ...ofDays];
type Found = { rule: string }[];

let database: TestDatabase;
const store = () => makeStore(database);
/** What the evening's check sees. */
const broken = (): Promise<Found> => store().call('check_books', {});
/** With every closing computed anew. */
const brokenInAll = async (): Promise<Found> => {
  const { closings } = await store().call('read_closings', {});
  const each = closings.map(({ through }) => store().call('check_books', { closing: through }));
  return [...(await broken()), ...(await Promise.all(each)).flat()];
};

/**
 * Foreign keys, and the triggers that refuse changes: none may stop a value from being made wrong. Once for all of them:
 * with `session_replication_role` for each, the database would plan the check anew each time, which takes most of the time.
 */
async function guards(state: 'enabled' | 'disabled'): Promise<void> {
  await database.session.exec(`do $$ declare guarded regclass; begin
    for guarded in select oid from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' loop
      execute format('alter table %s ${state.slice(0, -1)} trigger all', guarded);
    end loop;
  end $$`);
}

/** The rules that are broken while a row is wrong. */
async function rulesWith([table, set, where]: Corruption, check: () => Promise<Found>): Promise<string[]> {
  const { session } = database;
  await session.exec('begin');
  try {
    const changed = await session.query(`update public.${table} set ${set} where ${where} returning 1`);
    expect(changed.length, 'rows made wrong').toBeGreaterThan(0);
    return (await check()).map((one) => one.rule);
  } finally {
    await session.exec('rollback');
  }
}

/** Closes the books of the day as if two days had gone by, and looks at them on its evening again. */
async function closeDay(): Promise<number> {
  const { session } = database;
  const [now] = await session.query("select current_setting('daily_scan.now') as now");
  await session.exec(`set daily_scan.now = '2025-08-31T04:00:00Z'`);
  const answer = await store().call('close_books', { through: tradeDate, after: null, limit: 1000 });
  await session.exec(`set daily_scan.now = '${now?.['now']}'`);
  return answer.kind === 'closed' ? answer.closed : 0;
}

beforeAll(async () => {
  database = await freshPglite();
  await playBusyDay(store(), database.session);
  await guards('disabled');
});
afterAll(() => database.close());

test('a busy day breaks no rule', async () => {
  expect(await broken()).toEqual([]);
});

describe('a value that is wrong is found', () => {
  test.each(corruptions)('%s %s', async (...corruption) => {
    expect(await rulesWith(corruption, broken)).toContain(corruption[3]);
  });
});

describe('once the day is closed', () => {
  beforeAll(async () => {
    await guards('enabled');
    expect(await closeDay()).toBeGreaterThan(20);
    await guards('disabled');
  });

  test('it breaks no rule, in what is closed as little as in the rest', async () => {
    const closed = await database.session.query(`select a.user_id from public.closed_balances b
      join public.accounts a on a.id = b.account_id where a.user_id in ('asha', 'bina', 'devi', 'kabir', 'lata', 'meera') order by 1`);
    // The others have something open, or nobody has looked at what came late.
    expect(closed).toEqual([{ user_id: 'kabir' }, { user_id: 'meera' }]);
    expect(await brokenInAll()).toEqual([]);
  });

  test.each(corruptions)('%s %s is found in all records', async (...corruption) => {
    const rule = corruption[3].replace('a position is', '(a|a closed) position is');
    expect(await rulesWith(corruption, brokenInAll)).toContainEqual(expect.stringMatching(`^${rule}`));
  });

  test.each(ofClosings)('%s %s is found on the same evening', async (...corruption) => {
    expect(await rulesWith(corruption, broken)).toContain(corruption[3]);
  });

  test.each(onlyInFull)('%s %s is found in all records', async (...corruption) => {
    expect(await rulesWith(corruption, brokenInAll)).toContain(corruption[3]);
  });

  test('what is wrong in closed records is not seen by the evening, and is found in all of them', async () => {
    const wrong: Corruption = [
      'fills',
      'value_minor = value_minor + 1',
      "venue_fill_id = 'c1'",
      'what an order filled is the sum of its fills',
    ];
    expect(await rulesWith(wrong, broken)).toEqual([]);
    expect(await rulesWith(wrong, brokenInAll)).toEqual(
      expect.arrayContaining([wrong[3], 'a closed position is what its fills make']),
    );
  });
});

test('every column is made wrong, or it is said why not', async () => {
  const all = await database.session.query(columns);
  const named = all.map(({ name }) => String(name));
  const reasons = { ...exceptions, ...closingExceptions };
  const tried = [...corruptions, ...ofClosings, ...onlyInFull].map(([table, set]) => `${table}.${set.split(' ')[0]}`);
  expect(named.filter((name) => !tried.includes(name) && !Object.hasOwn(reasons, name))).toEqual([]);
  const unknown = [...tried, ...Object.keys(reasons)].filter((name) => !named.includes(name));
  expect(unknown).toEqual([]);
});
