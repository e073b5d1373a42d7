// Deletes all rows of a test's database.
import type { SqlSession } from '../../../src/ports/database.ts';

/** Deletes all rows but those the migrations put there, faster than making another database: EMPTIED_BY_TESTS_SQL says how. */
export async function emptyDatabase(session: SqlSession): Promise<void> {
  await session.query('select tests.empty()');
}
