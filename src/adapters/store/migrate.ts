// Brings a database’s schema up to date, one migration at a time.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Actor } from '../../domain/actions.ts';
import type { SqlSession } from '../../ports/database.ts';
import { PRELUDE_NEEDED_SQL, PRELUDE_SQL } from './prelude.ts';

export interface Migration {
  /** 14 digits, `20250101000000`: the order and the key. */
  version: string;
  name: string;
  /** The whole path, for messages. */
  file: string;
  sql: string;
  /** SHA-256 hex of the text with unix line ends, so a checkout on Windows is not a changed file. */
  sha256: string;
}

export interface MigrationResult {
  /** Versions this call applied, in order. */
  applied: string[];
  /** Versions of this code the database now has, in order. */
  current: string[];
}

/** The schema can't be brought up to date; the message names the file and what to do. Nothing half-done is left. */
export class MigrationError extends Error {
  override name = 'MigrationError';
}

const MIGRATIONS_DIRECTORY = fileURLToPath(new URL('../../../supabase/migrations', import.meta.url));

/**
 * The migrations of a directory, oldest first.
 * @throws MigrationError for a .sql file the Supabase CLI would not take, or two files with one version
 */
export function readMigrations(directory: string = MIGRATIONS_DIRECTORY): Migration[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.sql'));
  const migrations = names.sort().map((fileName) => readMigration(directory, fileName));
  for (const [index, migration] of migrations.entries()) {
    const previous = migrations[index - 1];
    if (previous?.version === migration.version) {
      throw new MigrationError(`${previous.file} and ${migration.file} have the same version: rename the newer one`);
    }
  }
  return migrations;
}

function readMigration(directory: string, fileName: string): Migration {
  const [, version, name] = /^(\d{14})_(\w+)\.sql$/.exec(fileName) ?? [];
  const file = join(directory, fileName);
  if (version === undefined || name === undefined) {
    throw new MigrationError(`${file} is not named like a migration: rename it to YYYYMMDDHHMMSS_name.sql`);
  }
  const sql = readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  return { version, name, file, sql, sha256: createHash('sha256').update(sql).digest('hex') };
}

/** Names a database image: everything its content follows from (prelude, migrations, PGlite's version). */
export function imageKey(migrations: Migration[], pgliteVersion: string): string {
  const inputs = [PRELUDE_SQL, pgliteVersion, ...migrations.map((m) => `${m.version} ${m.sha256}`)];
  return createHash('sha256').update(inputs.join('\n')).digest('hex').slice(0, 16);
}

/** Any one number no other program uses for an advisory lock; these are the bytes of "daily". */
const LOCK_KEY = 0x64_61_69_6c_79;

/** The Supabase CLI's own table, as it creates it, and our checksums beside it in a table it never reads. */
const HISTORY_SQL = `
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
alter table supabase_migrations.schema_migrations add column if not exists statements text[];
alter table supabase_migrations.schema_migrations add column if not exists name text;
create table if not exists supabase_migrations.daily_scan_checksums (version text primary key, sha256 text not null);
`;

/**
 * Brings the database up to date: each missing migration in a transaction of its own, oldest first. Several migrators
 * may run at once; one at a time works, the others find it done. Versions only the database knows are left alone, since
 * a Supabase project may have migrations of other programs. `by`: whose act it is, on record from the migration on that
 * has a log of acts; null: nobody's, a database that makes itself.
 * @throws MigrationError when an applied file has changed since, or a file fails (what came before it stays applied)
 */
export async function migrate(
  session: SqlSession,
  migrations = readMigrations(),
  by: Actor | null = null,
  lockWaitMs = 30_000,
): Promise<MigrationResult> {
  await locked(session, lockWaitMs, () => prepare(session));
  const applied: string[] = [];
  for (const migration of migrations) {
    if (await locked(session, lockWaitMs, () => applyOne(session, migration, by))) applied.push(migration.version);
  }
  return { applied, current: migrations.map((m) => m.version) };
}

async function prepare(session: SqlSession): Promise<void> {
  const [{ needed } = {}] = await session.query(PRELUDE_NEEDED_SQL);
  if (needed === true) await session.exec(PRELUDE_SQL);
  const table = 'supabase_migrations.daily_scan_checksums';
  const [{ present } = {}] = await session.query(`select to_regclass('${table}') is not null as present`);
  if (present !== true) await session.exec(HISTORY_SQL);
}

/** One transaction that holds the migrators' lock. The lock ends with it, so it is safe behind a transaction pooler. */
async function locked<T>(session: SqlSession, lockWaitMs: number, work: () => Promise<T>): Promise<T> {
  // Ends with the transaction. A migrator that died, or a session that holds a table, is reported and not waited for for ever.
  const limits = `set local lock_timeout = ${lockWaitMs}; set local idle_in_transaction_session_timeout = 60000`;
  await session.exec(`begin; ${limits}`);
  try {
    await session.query('select pg_advisory_xact_lock($1::bigint)', [String(LOCK_KEY)]);
    const result = await work();
    await session.exec('commit');
    return result;
  } catch (error) {
    // A broken connection can't roll back, and rolls back by itself: the first error is the one to report.
    await session.exec('rollback').catch(() => undefined);
    throw isLockTimeout(error) ? lockedOut(error) : error;
  }
}

/** 55P03, of the server itself or behind the error of a file. */
function isLockTimeout(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === '55P03') || isLockTimeout(error.cause);
}

function lockedOut(cause: unknown): MigrationError {
  const message =
    'Another session held for too long what the migration needs: another npm run migrate, or a transaction that was left ' +
    'open (select pid, state, query from pg_stat_activity). Nothing of this file was applied: end it and run again.';
  return new MigrationError(message, { cause });
}

/** Applies the migration unless the database has it; true when it did. */
async function applyOne(session: SqlSession, migration: Migration, by: Actor | null): Promise<boolean> {
  const { version, name, file, sql, sha256 } = migration;
  const [row] = await session.query(
    `select c.sha256 as recorded from supabase_migrations.schema_migrations s
     left join supabase_migrations.daily_scan_checksums c on c.version = s.version where s.version = $1`,
    [version],
  );
  const { recorded = null } = row ?? {};
  if (recorded !== null) {
    if (recorded === sha256) return false;
    throw new MigrationError(
      `${file} was changed after it was applied to this database. ` +
        'Undo the change and put it into a new migration file; for a throw-away database, delete it and start again.',
    );
  }
  if (row === undefined) {
    await session.exec(sql).catch((cause: unknown) => {
      throw new MigrationError(`${file}${lineOf(sql, cause)} failed: ${messageOf(cause)}`, { cause });
    });
    await session.query(
      'insert into supabase_migrations.schema_migrations (version, statements, name) values ($1, array[$2], $3)',
      [version, sql, name],
    );
    if (by !== null) await recordMigration(session, migration, by);
  }
  // A version without a checksum was applied by the Supabase CLI: from here on its file is held to today's text.
  await session.query('insert into supabase_migrations.daily_scan_checksums values ($1, $2)', [version, sha256]);
  return row === undefined;
}

async function recordMigration(session: SqlSession, { version, name, sha256 }: Migration, by: Actor): Promise<void> {
  const [{ kept } = {}] = await session.query(
    "select to_regprocedure('core.record_action(jsonb,text,text,jsonb,jsonb,text,text)') is not null as kept",
  );
  if (kept !== true) return;
  await session.query(
    "select core.record_action($1::jsonb, 'migrate', 'schema:' || $2::text, null, jsonb_build_object('sha256', $3::text))",
    [JSON.stringify(by), `${version}_${name}`, sha256],
  );
}

/** `:12` where the server said at which character of the file it stopped, else ''. */
function lineOf(sql: string, cause: unknown): string {
  const position = typeof cause === 'object' && cause !== null && 'position' in cause ? Number(cause.position) : 0;
  return position > 0 ? `:${sql.slice(0, position).split('\n').length}` : '';
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
