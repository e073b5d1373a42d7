// supabase/schema.sql is what the migrations make, and a later migration leaves nothing open.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { schemaText } from '../../../scripts/schema/dump.ts';
import { type Migration, migrate, readMigrations } from '../../../src/adapters/store/migrate.ts';
import { PRELUDE_SQL } from '../../../src/adapters/store/prelude.ts';
import { blankPostgres, migratedPglite } from '../../support/postgres.ts';

const FILE = new URL('../../../supabase/schema.sql', import.meta.url);

test('the schema in supabase/schema.sql is the one the migrations make: npm run schema writes it', async () => {
  const { session, close } = await migratedPglite();
  try {
    const text = await schemaText(session, readMigrations());
    const kept = readFileSync(FILE, 'utf8').replaceAll('\r\n', '\n');
    expect(kept === text, 'supabase/schema.sql is older than the migrations: run npm run schema').toBe(true);
  } finally {
    await close();
  }
});

/** As an operator would write it after 1.0.0: new functions, and the last line every file has. */
function laterMigration(): Migration {
  const sql = `
-- Says what it was asked.
create function public.echo(args jsonb) returns jsonb
language sql immutable security definer set search_path = '' as $$ select args; $$;

-- Inside.
create function core.echo(args jsonb) returns jsonb language sql immutable as $$ select args; $$;

select core.lock_down();
`;
  return { version: '20300101000000', name: 'echo', file: '20300101000000_echo.sql', sql, sha256: 'f'.repeat(64) };
}

test('a function of a later migration is for the service alone, also where a project grants all by default', async () => {
  const project = await blankPostgres();
  try {
    await project.session.exec(`${PRELUDE_SQL}
      alter default privileges in schema public grant all on functions to public, anon, authenticated, service_role;`);
    await migrate(project.session, [...readMigrations(), laterMigration()]);
    const rows = await project.session.query(`select f::text as name, r.rolname as role
      from unnest(array['public.echo(jsonb)', 'core.echo(jsonb)']::regprocedure[]) f, pg_roles r
      where not r.rolsuper and r.rolname !~ '^pg_' and has_function_privilege(r.oid, f, 'execute') order by 1, 2`);
    expect(rows).toEqual([
      { name: 'echo(jsonb)', role: 'daily_scan_service' },
      { name: 'echo(jsonb)', role: 'service_role' },
    ]);
    const [{ settings } = {}] = await project.session.query(
      `select proconfig as settings from pg_proc where oid = 'public.echo(jsonb)'::regprocedure`,
    );
    expect(settings).toContain('statement_timeout=5s');
  } finally {
    await project.close();
  }
});
