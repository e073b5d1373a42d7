import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { imageKey, MigrationError, migrate, readMigrations } from '../../../src/adapters/store/migrate.ts';
import { openPostgresSession } from '../../../src/adapters/store/postgres.ts';
import { blankPglite, blankPostgres, type TestDatabase } from '../../support/postgres.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'daily-scan-migrations-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, sql: string): void {
  writeFileSync(join(directory, name), sql);
}

describe('migration files', () => {
  test('are read oldest first and other files are left alone', () => {
    write('20250102000000_second.sql', 'select 2');
    write('20250101000000_first.sql', 'select 1');
    write('README.md', 'hello');
    expect(readMigrations(directory).map((m) => [m.version, m.name])).toEqual([
      ['20250101000000', 'first'],
      ['20250102000000', 'second'],
    ]);
  });

  test('with a name the Supabase CLI would not take, or with one version twice, are refused by name', () => {
    write('20250101000000_first.sql', 'select 1');
    write('20250101000000_other.sql', 'select 1');
    expect(() => readMigrations(directory)).toThrow(/first\.sql and .*other\.sql have the same version/);
    write('1_short.sql', 'select 1');
    expect(() => readMigrations(directory)).toThrow(/1_short\.sql is not named like a migration/);
  });

  test('with Windows line ends are the same files', () => {
    write('20250101000000_first.sql', 'select 1;\r\nselect 2;\r\n');
    const windows = imageKey(readMigrations(directory), '1');
    write('20250101000000_first.sql', 'select 1;\nselect 2;\n');
    expect(imageKey(readMigrations(directory), '1')).toBe(windows);
    expect(imageKey(readMigrations(directory), '2')).not.toBe(windows);
    write('20250101000000_first.sql', 'select 1;\nselect 3;\n');
    expect(imageKey(readMigrations(directory), '1')).not.toBe(windows);
  });
});

describe.each([
  ['Postgres', blankPostgres],
  ['PGlite', blankPglite],
])('migrate on %s', (_name, blank) => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await blank();
    write('20250101000000_first.sql', 'create table public.first (id int); insert into public.first values (1);');
    write('20250102000000_second.sql', 'create table public.second (id int);');
  });
  afterEach(() => database.close());

  const history = (): Promise<Record<string, unknown>[]> =>
    database.session.query('select version, name, statements from supabase_migrations.schema_migrations order by 1');

  test('applies what is missing, once, and records it where the Supabase CLI looks', async () => {
    const versions = ['20250101000000', '20250102000000'];
    expect(await migrate(database.session, readMigrations(directory))).toEqual({
      applied: versions,
      current: versions,
    });
    expect(await migrate(database.session, readMigrations(directory))).toEqual({ applied: [], current: versions });
    expect(await database.session.query('select id from first')).toEqual([{ id: 1 }]);
    const rows = await history();
    expect(rows.map(({ version, name }) => [version, name])).toEqual([
      [versions[0], 'first'],
      [versions[1], 'second'],
    ]);
    expect(rows.map(({ statements }) => statements)[1]).toEqual(['create table public.second (id int);']);
  });

  test('makes the roles and the schema a plain Postgres lacks', async () => {
    await migrate(database.session, []);
    const [row] =
      await database.session.query(`select has_schema_privilege('service_role', 'extensions', 'usage') as usage,
      (select count(*)::int from pg_roles where rolname in ('anon', 'authenticated', 'service_role')) as roles`);
    expect(row).toEqual({ usage: true, roles: 3 });
  });

  test('refuses a file that was changed after it was applied, and says which and what to do', async () => {
    await migrate(database.session, readMigrations(directory));
    write('20250101000000_first.sql', 'create table public.first (id bigint);');
    write('20250103000000_third.sql', 'create table public.third (id int);');
    const error = await migrate(database.session, readMigrations(directory)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MigrationError);
    expect(String(error)).toMatch(/20250101000000_first\.sql was changed after it was applied.*new migration file/);
    expect(await history()).toHaveLength(2);
  });

  test('leaves nothing of a file that fails, keeps the ones before it, and names file and line', async () => {
    write('20250102000000_second.sql', 'create table public.second (id int);\nselect * from nowhere;');
    const error = await migrate(database.session, readMigrations(directory)).catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(/20250102000000_second\.sql:2 failed: relation "nowhere" does not exist/);
    expect(await history()).toHaveLength(1);
    expect(await database.session.query(`select to_regclass('public.second') as found`)).toEqual([{ found: null }]);
    write('20250102000000_second.sql', 'create table public.second (id int);');
    const again = await migrate(database.session, readMigrations(directory));
    expect(again.applied).toEqual(['20250102000000']);
  });

  test('accepts what the Supabase CLI applied, and holds the file to its text from then on', async () => {
    await database.session.exec(`drop schema if exists supabase_migrations cascade; create schema supabase_migrations;
      create table supabase_migrations.schema_migrations (version text not null primary key, statements text[], name text);
      insert into supabase_migrations.schema_migrations values ('20250101000000', null, 'first'), ('20240101000000', null, 'of_another_program')`);
    const result = await migrate(database.session, readMigrations(directory));
    expect(result.applied).toEqual(['20250102000000']);
    write('20250101000000_first.sql', 'select 1');
    await expect(migrate(database.session, readMigrations(directory))).rejects.toThrow(/was changed/);
  });
});

test('several migrators at once apply each file once', async () => {
  const database = await blankPostgres();
  for (let day = 10; day < 20; day += 1)
    write(`202501${day}000000_day.sql`, `create table public.day_${day} (id int); select pg_sleep(0.01);`);
  const migrations = readMigrations(directory);
  const sessions = await Promise.all(Array.from({ length: 5 }, () => openPostgresSession(database.url)));
  const results = await Promise.all(sessions.map((session) => migrate(session, migrations)));
  const applied = results.flatMap((result) => result.applied).sort();
  expect(applied).toEqual(migrations.map((migration) => migration.version));
  await Promise.all(sessions.map((session) => session.close()));
  await database.close();
});

test('says who may hold its lock when it can not have it, and leaves nothing behind', async () => {
  const database = await blankPostgres();
  const other = await openPostgresSession(database.url);
  await other.exec(`begin; select pg_advisory_xact_lock(${0x64_61_69_6c_79})`);
  await expect(migrate(database.session, readMigrations(), null, 200)).rejects.toThrow(
    /Another session held .* run again/,
  );
  await other.exec('rollback');
  const { applied } = await migrate(database.session, readMigrations(), null, 200);
  expect(applied).toHaveLength(readMigrations().length);
  await other.close();
  await database.close();
});
