// Foreign keys by which rows are found have an index; the others are named here, with why they need none.
import { expect, test } from 'vitest';
import { freshPglite, freshPostgres, type TestDatabase } from '../../support/postgres.ts';

/** From the side that is referenced nobody looks for these rows, and what they reference is never deleted. */
const withoutIndex: Record<string, string> = {
  'accounts.currency': 'nobody looks for all accounts in a currency',
  'instruments.currency': 'nobody looks for all instruments in a currency',
  'notices.run_id': 'found by key; runs are never deleted',
  'operator_actions.redacted_by': 'read from the redacted row on; the log is append-only',
  'removed_cash.through': 'nobody looks for the accounts of a removal, which is never deleted',
};

/** An index that begins with just these columns, of all rows or of all that have a value there. */
const KEYS_SQL = `
select format('%s.%s', k.conrelid::regclass, (select string_agg(a.attname, ',' order by n)
    from unnest(k.conkey) with ordinality key(attnum, n) join pg_attribute a on (a.attrelid, a.attnum) = (k.conrelid, key.attnum))) as key
from pg_constraint k
where k.contype = 'f' and k.connamespace in ('public'::regnamespace, 'core'::regnamespace)
  and not exists (select from pg_index i where i.indrelid = k.conrelid
    and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] operator(pg_catalog.@>) k.conkey
    and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) ~ '^\\([a-z_]+ IS NOT NULL\\)$'))
order by 1`;

test('a foreign key has an index, or is on the list of those that need none', async () => {
  const { session, close } = await freshPglite();
  try {
    const rows = await session.query(KEYS_SQL);
    expect(rows.map(({ key }) => key)).toEqual(Object.keys(withoutIndex));
  } finally {
    await close();
  }
});

/** Columns that name a row of another table, in the tables whose foreign keys only tests have; `corrects` is one of them. */
const NAMED_SQL = `
select format('%s.%s', a.attrelid::regclass, a.attname) as name, exists (select from pg_constraint k
    where k.contype = 'f' and k.conrelid = a.attrelid and a.attnum = any(k.conkey)) as has_key
from pg_attribute a
where a.attrelid = any(array['orders', 'fills', 'positions', 'ledger_entries', 'run_signals', 'order_requests']::regclass[])
  and a.attnum > 0 and not a.attisdropped and a.attname ~ '_id$|^corrects$'
order by 1`;

/** A name at the venue, or of a call of ours: no row of any table; and the user of an order, who is its account's. */
const namesNoRow = /^fills\.venue_fill_id$|^orders\.(claim|client_order|mark|venue_order|user)_id$/;

async function namedColumns({ session, close }: TestDatabase): Promise<Record<string, unknown>[]> {
  try {
    return (await session.query(NAMED_SQL)).filter(({ name }) => !namesNoRow.test(String(name)));
  } finally {
    await close();
  }
}

test('every test on Postgres has the foreign keys the schema leaves out, of each id of these tables', async () => {
  const columns = await namedColumns(await freshPostgres());
  expect(columns.length).toBeGreaterThan(10);
  expect(columns.filter((column) => column['has_key'] === false)).toEqual([]);
  // Where an order goes through at full speed none of them is asked.
  expect((await namedColumns(await freshPglite())).filter((column) => column['has_key'] === true)).toEqual([]);
});
