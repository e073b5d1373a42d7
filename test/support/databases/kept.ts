// Keeps a test's database for the next one of its worker, as long as no test has changed more in it than rows.
import type { Database, SqlSession } from '../../../src/ports/database.ts';
import { emptyDatabase } from './empty.ts';

type Opened = Database & { session: SqlSession };

/**
 * Opens as `open` does, or gives one that was closed before, emptied: a new database costs a second of the processor,
 * most of it the first call of every function. Closing keeps it, unless a test changed what it is (a planted function, a
 * right, a setting).
 */
export function keepingOne<Kept extends Opened>(open: () => Promise<Kept>): () => Promise<Kept> {
  let kept: { database: Kept; shape: string } | null = null;
  return async () => {
    const { database, shape } = kept ?? (await opened(open));
    kept = null;
    await emptyDatabase(database.session);
    return {
      ...database,
      async close() {
        await database.session.exec('rollback');
        await database.session.exec("reset all; discard temp; set daily_scan.clock = 'virtual'");
        const isAsNew = (await shapeOf(database.session)) === shape;
        if (isAsNew && kept === null) kept = { database, shape };
        else await database.close();
      },
    };
  };
}

async function opened<Kept extends Opened>(open: () => Promise<Kept>): Promise<{ database: Kept; shape: string }> {
  const database = await open();
  return { database, shape: await shapeOf(database.session) };
}

/** All there is beside rows that tests write: functions, tables, rules, rights, settings, and the rates of charges. */
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
  union all select r::text from public.charge_rates r
) shape`;
