// Deletes all rows of a test's database.
import type { SqlSession } from '../../../src/ports/database.ts';

/** Deletes all rows but those the migrations put there, faster than making another database. */
export async function emptyDatabase(session: SqlSession): Promise<void> {
  const tables = await session.query(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where (schemaname in ('public', 'paper_venue') and tablename <> 'charge_rates')
       or (schemaname, tablename) = ('core', 'takes')`,
  );
  // `replica` keeps foreign keys, and the triggers that refuse any deletion, out of the way.
  const deletes = tables.map(({ name }) => `delete from ${name}`);
  await session.exec(['begin', 'set local session_replication_role = replica', ...deletes, 'commit'].join('; '));
}
