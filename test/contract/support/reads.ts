// Counts what Postgres reads, for tests that bound it without a clock.
import type { SqlSession } from '../../../src/ports/database.ts';

/** Rows and index entries read, and searches begun in an index, by the present transaction, also inside functions. */
export async function readsSoFar(session: SqlSession): Promise<number> {
  const [row] = await session.query(`
    select (select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) + coalesce(idx_scan, 0))
        from pg_stat_xact_user_tables)
      + (select sum(pg_stat_get_xact_tuples_returned(indexrelid)) from pg_index) as n`);
  return Number(row?.['n']);
}
