// The foreign keys of the tables every order writes, which the schema leaves out for speed.

/**
 * Table, column or columns, and the table they are a key of. Of all ids these tables have, but an order's user: it is its
 * account's (check_books compares the two), and a key of its own would wait for whoever holds the user's row.
 */
const testForeignKeys: readonly (readonly [table: string, columns: string, referenced: string])[] = [
  ['orders', 'run_id, signal_id', 'run_signals'],
  ['orders', 'account_id', 'accounts'],
  ['orders', 'instrument_id', 'instruments'],
  ['orders', 'rate_id', 'charge_rates'],
  ['fills', 'order_id', 'orders'],
  ['fills', 'account_id', 'accounts'],
  ['fills', 'instrument_id', 'instruments'],
  ['fills', 'corrects', 'fills'],
  ['positions', 'account_id', 'accounts'],
  ['positions', 'instrument_id', 'instruments'],
  ['ledger_entries', 'account_id', 'accounts'],
  ['ledger_entries', 'order_id', 'orders'],
  ['ledger_entries', 'fill_id', 'fills'],
  ['run_signals', 'run_id', 'scan_runs'],
  ['run_signals', 'signal_id', 'signals'],
  ['run_users', 'run_id', 'scan_runs'],
  ['messages', 'run_id', 'scan_runs'],
  ['messages', 'first_order_id', 'orders'],
  ['order_requests', 'signal_id', 'signals'],
  ['order_requests', 'run_id, signal_id, user_id', 'decisions deferrable initially deferred'],
];

/** Adds them to a migrated database: a function that writes an id of nothing fails in every test on Postgres. */
export const foreignKeysSql = testForeignKeys
  .map(
    ([table, columns, referenced]) =>
      `alter table public.${table} add foreign key (${columns}) references public.${referenced}`,
  )
  .join(';\n');
