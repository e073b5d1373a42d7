// Foreign keys by which rows are found have an index; the others are named here, with why they need none.
import { expect, test } from 'vitest';
import { freshPglite } from '../../support/postgres.ts';

/** From the side that is referenced nobody looks for these rows, and what they reference is never deleted. */
const withoutIndex: Record<string, string> = {
  'ledger_entries.order_id': 'found within its kind (two unique indexes) or its account; orders are never deleted',
  'messages.first_order_id': 'found by run and user; orders are never deleted',
  'notices.run_id': 'found by key; runs are never deleted',
  'operator_actions.redacted_by': 'read from the redacted row on; the log is append-only',
  'order_requests.run_id,signal_id,user_id': 'found by requests_of_a_user, which has two of the three',
  'order_requests.signal_id': 'found by key or user; signals are never deleted',
  'orders.account_id': 'open ones by a partial index, all by their user or run; accounts are never deleted',
  'orders.rate_id': 'nobody asks for the orders of a rate; rates are never deleted',
  'orders.run_id,signal_id': 'found by orders_of_a_run; what a run froze is never deleted',
  'positions.instrument_id': 'found by account; instruments are never deleted',
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
