// Fresh databases for tests, cloned from the migrated template.
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { openPglite, type PgliteDatabase } from '../../src/adapters/store/pglite/pglite.ts';
import { openPostgres, openPostgresSession } from '../../src/adapters/store/postgres.ts';
import type { Database, SqlSession } from '../../src/ports/database.ts';
import { EMPTIED_BY_TESTS_SQL, PLANNED_ONCE_SQL } from './databases/for-tests.ts';
import { keepingOne } from './databases/kept.ts';
import type { TestDatabases } from './global-setup.ts';

/** What our own connections are called by the server. */
const OWN_NAME = 'own';

export interface TestDatabase extends Database {
  /** A connection of its own for plain SQL: arranging, and looking at rows. */
  session: SqlSession;
}

export interface TestPostgres extends TestDatabase {
  /** For more pools and child processes. */
  url: string;
}

/** Throws what went wrong in the global setup: for tests that need our schema. */
function migrated(): TestDatabases {
  const databases = inject('databases');
  if (databases.problem !== null) throw new Error(`The test databases could not be made: ${databases.problem}`);
  return databases;
}

/** A migrated, empty database of its own on the test Postgres; `close` keeps it for the next. */
export const freshPostgres = keepingOne(async () => {
  const database = await newPostgres();
  await database.session.exec(PLANNED_ONCE_SQL);
  return database;
}, endOthers);

/** The same that nothing was ever in, for tests that count what is read; `close` drops it. */
export async function newPostgres(): Promise<TestPostgres> {
  return newDatabase(`template ${migrated().template}`);
}

/** Ends what a test's processes left connected, and says whether our own connections are at rest. */
async function endOthers({ session }: TestPostgres): Promise<boolean> {
  const others = await session.query(
    `select application_name = '${OWN_NAME}' and state = 'idle' as at_rest,
       application_name <> '${OWN_NAME}' and pg_terminate_backend(pid, 5000) as ended
     from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  );
  return others.every(({ at_rest, ended }) => at_rest === true || ended === true);
}

/** One that believes no clock but its own, as an operator's does. */
export async function timedPostgres(): Promise<TestPostgres> {
  return newDatabase(`template ${migrated().template}`, false);
}

/** A database without our schema, for tests of the migrator; `close` drops it. */
export async function blankPostgres(): Promise<TestPostgres> {
  return newDatabase('template template0');
}

async function newDatabase(source: string, ownTime = true): Promise<TestPostgres> {
  const { postgresUrl, problem } = inject('databases');
  if (postgresUrl === '') throw new Error(`The test Postgres did not start: ${problem}`);
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  // By copying files: through the log it takes six times the processor (0.25 s).
  await onServer(postgresUrl, `create database ${name} ${source} strategy file_copy`);
  // Tests choose their days: every session here has a clock of its own.
  if (ownTime) await onServer(postgresUrl, `alter database ${name} set daily_scan.clock = 'virtual'`);
  const url = postgresUrl.replace(/\/postgres$/, `/${name}`);
  const pool = openPostgres({ url: `${url}?application_name=${OWN_NAME}`, max: 10, kept: 2 });
  const session = await openPostgresSession(url);
  return {
    url,
    session,
    call: pool.call,
    async close() {
      await pool.close();
      await session.close();
      await onServer(postgresUrl, `drop database ${name} with (force)`);
    },
  };
}

/** Runs one statement on the server's maintenance database. */
async function onServer(postgresUrl: string, sql: string): Promise<void> {
  const admin = await openPostgresSession(postgresUrl);
  try {
    await admin.exec(sql);
  } finally {
    await admin.close();
  }
}

/** What the migrations make, and nothing that only tests need. */
export async function migratedPglite(): Promise<PgliteDatabase> {
  const { cacheDir } = migrated();
  return openPglite({ path: 'memory', cacheDir, saveCache: true, onSlowStart: () => undefined });
}

/** A migrated, empty database in this process; `close` keeps it for the next. */
export const freshPglite = keepingOne(async (): Promise<PgliteDatabase> => {
  const database = await migratedPglite();
  await database.session.exec(`set daily_scan.clock = 'virtual'; ${EMPTIED_BY_TESTS_SQL}; ${PLANNED_ONCE_SQL}`);
  return database;
});

/** A PGlite without our schema, for tests of the transport itself. */
export async function blankPglite(): Promise<PgliteDatabase> {
  const cacheDir = `${inject('databases').cacheDir}/blank`;
  return openPglite({ path: 'memory', cacheDir, saveCache: true, onSlowStart: () => undefined, migrations: [] });
}
