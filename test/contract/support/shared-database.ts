// One database of each kind for all files of a worker, as long as no test has changed more in it than rows.
import type { Database, SqlSession } from '../../../src/ports/database.ts';
import { freshSupabase } from '../../simulators/postgrest.ts';
import { freshPglite, freshPostgres } from '../../support/postgres.ts';

const OPEN = { PGlite: freshPglite, Postgres: freshPostgres, Supabase: () => freshSupabase() } as const;

export type Kind = keyof typeof OPEN;
export const KINDS = ['PGlite', 'Postgres', 'Supabase'] as const satisfies Kind[];

/** An open database, and what it was when it was new. */
export interface Borrowed {
  database: Database & { session: SqlSession };
  shape: string;
}

const kept = new Map<Kind, Borrowed>();

/** A migrated database whose rows may be those of a test before: the borrower deletes them. */
export async function borrow(kind: Kind): Promise<Borrowed> {
  const found = kept.get(kind);
  kept.delete(kind);
  if (found !== undefined) return found;
  const database = await OPEN[kind]();
  return { database, shape: await shapeOf(database.session) };
}

/** Keeps it for the next file, unless a test changed what it is (a planted function, a right, a setting). */
export async function giveBack(kind: Kind, { database, shape }: Borrowed): Promise<void> {
  const { session } = database;
  await session.exec("reset all; set daily_scan.clock = 'virtual'");
  const isAsNew = (await shapeOf(session)) === shape;
  if (isAsNew && !kept.has(kind)) kept.set(kind, { database, shape });
  else await database.close();
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
