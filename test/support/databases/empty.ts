// Deletes all rows of a test's database.
import type { SqlSession } from '../../../src/ports/database.ts';

/** Deletes all rows but those the migrations put there, faster than making another database. */
export async function emptyDatabase(session: SqlSession): Promise<void> {
  const tables = await session.query(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname in ('public', 'core', 'paper_venue')
       and tablename not in ('charge_rates', 'currencies', 'order_transitions')`,
  );
  // One statement deletes from all tables: no order of theirs is needed.
  const deletes = tables.map(({ name }, index) => `t${index} as (delete from ${name})`);
  await session.exec(
    ['begin', "set local tests.emptying = 'on'", `with ${deletes.join(', ')} select`, 'commit'].join('; '),
  );
}
