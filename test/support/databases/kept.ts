// Keeps a test's database for the next one of its worker, as long as no test has changed more in it than rows.
import type { Database, SqlSession } from '../../../src/ports/database.ts';
import { emptyDatabase } from './empty.ts';

type Opened = Database & { session: SqlSession };

/**
 * Opens as `open` does, or gives one that was closed before, emptied: a new database costs a second of the processor,
 * most of it the first call of every function. Closing keeps it, unless a test changed what it is (a planted function, a
 * right, a setting, statistics) or `leave` finds somebody who is still in it.
 */
export function keepingOne<Kept extends Opened>(
  open: () => Promise<Kept>,
  leave: (database: Kept) => Promise<boolean> = async () => true,
): () => Promise<Kept> {
  let kept: { database: Kept; shape: string } | null = null;
  return async () => {
    const before = kept;
    kept = null;
    const { database, shape } = before ?? (await opened(open));
    await emptyDatabase(database.session);
    return {
      ...database,
      async close() {
        if (kept === null && (await isAsNew(database, shape, leave))) kept = { database, shape };
        else await database.close();
      },
    };
  };
}

async function isAsNew<Kept extends Opened>(
  database: Kept,
  shape: string,
  leave: (database: Kept) => Promise<boolean>,
): Promise<boolean> {
  try {
    await database.session.exec('rollback');
    await database.session.exec("reset all; discard temp; set daily_scan.clock = 'virtual'");
    return (await leave(database)) && (await shapeOf(database.session)) === shape;
  } catch {
    // A test has ended its connection, or the database: nobody can use it any more.
    return false;
  }
}

async function opened<Kept extends Opened>(open: () => Promise<Kept>): Promise<{ database: Kept; shape: string }> {
  const database = await open();
  return { database, shape: await shapeOf(database.session) };
}

/**
 * All there is beside rows that tests write: functions, tables, rules, rights, settings, statistics, and the rates of
 * charges. A table that many rows were deleted from is another one, too: nothing here vacuums it.
 */
async function shapeOf(session: SqlSession): Promise<string> {
  const [row] = await session.query(SHAPE_SQL);
  return String(row?.['hash']);
}

const OURS = "::regnamespace::text in ('public', 'core', 'paper_venue')";
const SHAPE_SQL = `select md5(string_agg(part, E'\\n' order by part)) as hash from (
  select concat_ws(' ', oid::regprocedure, prosrc, proconfig, proacl, prosecdef) as part from pg_proc where pronamespace${OURS}
  union all select concat_ws(' ', oid::regclass, relkind, relacl, relrowsecurity, reloptions) from pg_class
    where relnamespace${OURS}
  union all select concat_ws(' ', attrelid::regclass, attname, atttypid::regtype, attnotnull, attisdropped, attacl)
    from pg_attribute where attnum > 0 and attrelid in (select oid from pg_class where relkind in ('r', 'v') and relnamespace${OURS})
  union all select concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) from pg_constraint
    where connamespace${OURS}
  union all select concat_ws(' ', tgrelid::regclass, tgname, tgenabled, tgfoid::regprocedure) from pg_trigger where not tgisinternal
  union all select concat_ws(' ', polrelid::regclass, polname, pg_get_expr(polqual, polrelid)) from pg_policy
  union all select concat_ws(' ', nspname, nspacl) from pg_namespace where nspname in ('public', 'core', 'paper_venue')
  union all select concat_ws(' ', setrole, setconfig) from pg_db_role_setting
    where setdatabase in (0, (select oid from pg_database where datname = current_database()))
  union all select concat_ws(' ', oid::regclass, 'has statistics') from pg_class where reltuples > 0 and relkind = 'r'
    and relnamespace${OURS}
  union all select concat_ws(' ', oid::regclass, 'is large') from pg_class where pg_relation_size(oid) > 1000000
    and relkind = 'r' and relnamespace${OURS}
  union all select r::text from public.charge_rates r union all select c::text from public.currencies c
) shape`;
