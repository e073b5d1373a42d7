// The embedded database (PGlite), in a directory or in memory.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { gunzipSync, gzipSync } from 'node:zlib';
import { PGlite } from '@electric-sql/pglite';
import type { Database, SqlSession } from '../../../ports/database.ts';
import { imageKey, type Migration, type MigrationResult, migrate, readMigrations } from '../migrate.ts';
import { callStatement, toDatabaseError } from '../sql-call.ts';
import { type LockOptions, lockDatabase } from './lock.ts';
import { packTar, unpackTar } from './tar.ts';

export interface PgliteOptions extends LockOptions {
  /** The database's directory, or 'memory' for one that ends with the process. */
  path: string;
  /** Where images of an empty, migrated database are kept, so that only the very first start is slow. */
  cacheDir: string;
  /** False where no file may be written (dry runs); an image that is there is used all the same. */
  saveCache: boolean;
  /** Called before a start that takes seconds, with the sentence to show. */
  onSlowStart: (text: string) => void;
  /** Default: those of supabase/migrations. */
  migrations?: Migration[];
}

export interface PgliteDatabase extends Database {
  /** The same connection for plain SQL (migrator, tests). */
  session: SqlSession;
  /** What the start applied. */
  migrated: MigrationResult;
}

/** The directory is there and can't be opened; the message says what to do. */
export class DatabaseUnusableError extends Error {
  override name = 'DatabaseUnusableError';
}

/**
 * How much of a WASM function V8 runs (about bytes of its code) before it compiles it once more, optimized, beside the run.
 * With V8's own 13 million a short run spends more on that than it gains: the sample's process takes 2.4 s of CPU, with
 * 200 million 2.1 s, and a day of 1,000 users 4.8 instead of 5.1 s. From 400 million on long runs get slower. It has to
 * stand before PGlite's code is compiled.
 */
setFlagsFromString('--wasm-tiering-budget=200000000');

/**
 * The database in this process, its schema up to date. On disk it is held by one process at a time: PGlite has no lock
 * of its own, and two processes on one directory lose rows without an error.
 * @throws DatabaseInUseError, DatabaseUnusableError, MigrationError
 */
export async function openPglite(options: PgliteOptions): Promise<PgliteDatabase> {
  const migrations = options.migrations ?? readMigrations();
  if (options.path === 'memory') return start(await fromImage(await loadImage(options, migrations)), migrations);
  const path = resolve(options.path);
  mkdirSync(dirname(path), { recursive: true });
  const release = await lockDatabase(path, { ...options, onWaiting: options.onSlowStart });
  try {
    if (!isDatabase(path)) await createOnDisk(path, () => loadImage(options, migrations));
    return await start(await openOnDisk(path), migrations, release);
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * A copy in memory of the database at `path`, up to date and free to be written: the original keeps every byte. Where
 * there is no database it is a new one. The lock is held only while the files are read.
 * @throws DatabaseInUseError, DatabaseUnusableError, MigrationError
 */
export async function openPgliteCopy(options: PgliteOptions): Promise<PgliteDatabase> {
  const path = resolve(options.path);
  if (options.path === 'memory' || !existsSync(path)) return openPglite({ ...options, path: 'memory' });
  const release = await lockDatabase(path, { ...options, onWaiting: options.onSlowStart });
  let tar: Uint8Array<ArrayBuffer> | null;
  try {
    // The pid file names the process of the original, which the copy has nothing to do with.
    tar = isDatabase(path) ? packTar(path, ['postmaster.pid']) : null;
  } finally {
    release();
  }
  if (tar === null) return openPglite({ ...options, path: 'memory' });
  return start(await fromImage(tar), options.migrations ?? readMigrations());
}

/** Deletes the database at `path`, if there is one, when no other process has it open. @throws DatabaseInUseError */
export async function removePglite(path: string, options: LockOptions = {}): Promise<void> {
  const full = resolve(path);
  if (!existsSync(full)) return;
  const release = await lockDatabase(full, options);
  try {
    if (!isDatabase(full)) return;
    // Renamed first: a kill in the middle must not leave half a database under the name.
    rmSync(`${full}.removed`, { recursive: true, force: true });
    renameSync(full, `${full}.removed`);
    rmSync(`${full}.removed`, { recursive: true, force: true });
  } finally {
    release();
  }
}

/** PG_VERSION is what Postgres itself checks for. A directory gets it by one rename, so it is there whole or not at all. */
function isDatabase(path: string): boolean {
  return existsSync(join(path, 'PG_VERSION'));
}

/** Unpacks an image beside the path and renames it there: a kill before the rename leaves only what the next start removes. */
async function createOnDisk(path: string, image: () => Promise<Uint8Array>): Promise<void> {
  if (existsSync(path) && readdirSync(path).length > 0) {
    throw new DatabaseUnusableError(
      `${path} is not a database and not empty: choose another directory, or clear this one`,
    );
  }
  const loading = `${path}.loading`;
  rmSync(loading, { recursive: true, force: true });
  unpackTar(await image(), loading);
  rmSync(path, { recursive: true, force: true });
  renameSync(loading, path);
}

async function openOnDisk(path: string): Promise<PGlite> {
  try {
    return await PGlite.create(path);
  } catch (cause) {
    const version = readFileSync(join(path, 'PG_VERSION'), 'utf8').trim();
    throw new DatabaseUnusableError(
      `the database ${path} (files of Postgres ${version}) can't be opened by PGlite ${pgliteVersion()}: ` +
        'move the directory away and start again, or restore it from a backup',
      { cause },
    );
  }
}

function fromImage(tar: Uint8Array<ArrayBuffer>): Promise<PGlite> {
  return PGlite.create({ loadDataDir: new Blob([tar], { type: 'application/x-tar' }) });
}

/** Brings the schema up to date and wraps the connection; on any failure nothing stays open. */
async function start(db: PGlite, migrations: Migration[], release = () => {}): Promise<PgliteDatabase> {
  const session = sessionOf(db);
  const close = async (): Promise<void> => {
    try {
      if (!db.closed) await db.close();
    } finally {
      release();
    }
  };
  try {
    const migrated = await migrate(session, migrations);
    return { session, migrated, close, call: (name, args) => call(db, name, args) };
  } catch (error) {
    await close();
    throw error;
  }
}

/** PGlite has one connection and runs what it is given one after another, so calls need no queue of ours. */
async function call(db: PGlite, name: string, args: unknown): Promise<unknown> {
  const statement = callStatement(name);
  try {
    const result = await db.query<{ answer: unknown }>(statement, [JSON.stringify(args ?? {})]);
    return result.rows[0]?.answer ?? null;
  } catch (error) {
    throw toDatabaseError(name, error);
  }
}

function sessionOf(db: PGlite): SqlSession {
  return {
    async exec(sql) {
      await db.exec(sql);
    },
    async query(sql, params = []) {
      const result = await db.query<Record<string, unknown>>(sql, params);
      return result.rows;
    },
  };
}

/** The tar of an empty, migrated database: from the cache, or made now and saved there. */
async function loadImage(options: PgliteOptions, migrations: Migration[]): Promise<Uint8Array<ArrayBuffer>> {
  const file = join(options.cacheDir, `image-${imageKey(migrations, pgliteVersion())}.tar.gz`);
  try {
    return gunzipSync(readFileSync(file));
  } catch {
    // Not there, or not whole: make it anew.
  }
  options.onSlowStart('Preparing the embedded database (first start only, about 10 s)…');
  const image = await buildImage(migrations);
  if (options.saveCache) saveImage(file, image);
  return image;
}

async function buildImage(migrations: Migration[]): Promise<Uint8Array<ArrayBuffer>> {
  const db = await PGlite.create();
  try {
    await migrate(sessionOf(db), migrations);
    // Without it every start from the image would first replay its log.
    await db.exec('checkpoint');
    const dump = await db.dumpDataDir('none');
    return new Uint8Array(await dump.arrayBuffer());
  } finally {
    await db.close();
  }
}

/** Written beside and renamed, so a reader finds a whole file; images of older migrations go. */
function saveImage(file: string, image: Uint8Array): void {
  const directory = dirname(file);
  try {
    mkdirSync(directory, { recursive: true });
    for (const name of readdirSync(directory)) {
      if (/^image-[0-9a-f]{16}\.tar\.gz$/.test(name)) rmSync(join(directory, name), { force: true });
    }
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, gzipSync(image));
    renameSync(draft, file);
  } catch {
    // A cache that can't be written (read-only disk) costs the next start its seconds, and must not cost this one.
  }
}

/** Read from the installed package, which does not export its manifest: it lies beside the folder of its entry. */
function pgliteVersion(): string {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const manifest: unknown = JSON.parse(readFileSync(join(dirname(entry), '../package.json'), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
  throw new Error('the package @electric-sql/pglite has no version');
}
