import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { type Migration, readMigrations } from '../../../src/adapters/store/migrate.ts';
import {
  DatabaseUnusableError,
  openPglite,
  openPgliteCopy,
  type PgliteOptions,
  removePglite,
} from '../../../src/adapters/store/pglite/pglite.ts';
import { blankPglite } from '../../support/postgres.ts';
import { startChild } from './children.ts';

let directory: string;
let path: string;
let cacheDir: string;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'daily-scan-pglite-'));
  path = join(directory, 'data', 'main');
  cacheDir = join(inject('databases').cacheDir, 'blank');
  // Makes the image of no migrations, unless an earlier run did.
  if (!existsSync(cacheDir)) await (await blankPglite()).close();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function options(changes: Partial<PgliteOptions> = {}): PgliteOptions {
  const onSlowStart = (): void => undefined;
  return { path, cacheDir, saveCache: true, onSlowStart, migrations: [], waitMs: 0, ...changes };
}

/** Every file and directory under `root`, with its content's hash and time of change. */
function photograph(root: string): string[] {
  const entries = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
  return entries.map((name) => {
    const stat = statSync(join(root, name));
    const hash = stat.isFile()
      ? createHash('sha256')
          .update(readFileSync(join(root, name)))
          .digest('hex')
      : 'directory';
    return `${name} ${hash} ${stat.isFile() ? stat.mtimeMs : ''}`;
  });
}

async function lines(database: {
  session: { query(sql: string): Promise<Record<string, unknown>[]> };
}): Promise<number> {
  const [{ count, last } = {}] = await database.session.query(
    'select count(*)::int as count, coalesce(max(line), 0) as last from lines',
  );
  expect(count).toBe(last);
  return Number(count);
}

describe('a database on disk', () => {
  test('keeps its rows from one start to the next, and leaves no lock behind', async () => {
    const first = await openPglite(options());
    await first.session.exec('create table lines (line int); insert into lines values (1), (2)');
    await first.close();
    expect(readdirSync(join(directory, 'data'))).toEqual(['main']);
    const second = await openPglite(options());
    expect(await lines(second)).toBe(2);
    await second.close();
  });

  test('is open in one process only', async () => {
    const child = startChild('insert', path, cacheDir);
    await child.says('acknowledged');
    await expect(openPglite(options())).rejects.toThrow(`is in use by process ${child.pid}`);
    await expect(openPgliteCopy(options())).rejects.toThrow(`is in use by process ${child.pid}`);
    await expect(removePglite(path, { waitMs: 0 })).rejects.toThrow(`is in use by process ${child.pid}`);
  });

  test('has every acknowledged row after kill -9 in the middle of inserts, and so has its copy', async () => {
    const child = startChild('insert', path, cacheDir);
    await child.says('acknowledged 200');
    await child.kill();
    const acknowledged = child.lines.filter((line) => line.startsWith('acknowledged')).length;
    const before = photograph(directory);
    const copy = await openPgliteCopy(options());
    const copied = await lines(copy);
    await copy.close();
    // The lock file of the killed process is taken over and released; nothing else may differ.
    expect(photograph(directory)).toEqual(before.filter((line) => !line.startsWith('data/main.lock')));
    const reopened = await openPglite(options());
    const kept = await lines(reopened);
    await reopened.close();
    expect(copied).toBe(kept);
    // One more than acknowledged may have been committed before its line was said.
    expect(kept - acknowledged).toBeOneOf([0, 1]);
  });

  test('is made anew after kill -9 at any moment of its first start', async () => {
    for (const moment of ['loading', 'main']) {
      const target = join(directory, moment, 'main');
      const child = startChild('create', target, cacheDir);
      const awaited = moment === 'loading' ? `${target}.loading` : join(target, 'PG_VERSION');
      while (!existsSync(awaited)) await new Promise((resolve) => setImmediate(resolve));
      await child.kill();
      const database = await openPglite(options({ path: target }));
      await database.session.exec('create table lines (line int)');
      expect(await lines(database)).toBe(0);
      await database.close();
      expect(readdirSync(join(directory, moment))).toEqual(['main']);
    }
  });

  test('throws away a half-unpacked image of an earlier start', async () => {
    mkdirSync(`${path}.loading`, { recursive: true });
    writeFileSync(join(`${path}.loading`, 'PG_VERSION'), '18\n');
    const database = await openPglite(options());
    await database.close();
    expect(readdirSync(join(directory, 'data'))).toEqual(['main']);
  });

  test('never takes a directory with other files for its own', async () => {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'letter.txt'), 'keep me');
    await expect(openPglite(options())).rejects.toThrow(/is not a database and not empty/);
    await removePglite(path, { waitMs: 0 });
    expect(readFileSync(join(path, 'letter.txt'), 'utf8')).toBe('keep me');
    expect(readdirSync(join(directory, 'data'))).toEqual(['main']);
  });

  test('says so when its files can not be opened, keeps them, and lets the lock go', async () => {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'PG_VERSION'), '12\n');
    const error = await openPglite(options()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DatabaseUnusableError);
    expect(String(error)).toMatch(/files of Postgres 12\) can't be opened/);
    expect(readdirSync(join(directory, 'data'))).toEqual(['main']);
    expect(readFileSync(join(path, 'PG_VERSION'), 'utf8')).toBe('12\n');
  });

  test('is gone after removal, and the next start makes a new one', async () => {
    const first = await openPglite(options());
    await first.session.exec('create table lines (line int)');
    await first.close();
    await removePglite(path, { waitMs: 0 });
    expect(readdirSync(join(directory, 'data'))).toEqual([]);
    const second = await openPglite(options());
    expect(await second.session.query(`select to_regclass('public.lines') as found`)).toEqual([{ found: null }]);
    await second.close();
  });
});

describe('a copy', () => {
  test('sees the rows, may write, and leaves every byte of the original', async () => {
    const original = await openPglite(options());
    await original.session.exec('create table lines (line int); insert into lines values (1)');
    await original.close();
    const before = photograph(directory);
    const copy = await openPgliteCopy(options());
    await copy.session.exec('insert into lines values (2)');
    expect(await lines(copy)).toBe(2);
    await copy.close();
    expect(photograph(directory)).toEqual(before);
  });

  test('of no database is an empty one, and nothing is written', async () => {
    const copy = await openPgliteCopy(options({ saveCache: false }));
    expect(await copy.session.query('select 1 as one')).toEqual([{ one: 1 }]);
    await copy.close();
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('the image', () => {
  function migrations(...files: [name: string, sql: string][]): Migration[] {
    const folder = mkdtempSync(join(directory, 'migrations-'));
    for (const [name, sql] of files) writeFileSync(join(folder, name), sql);
    return readMigrations(folder);
  }
  const one: [string, string] = ['20250101000000_one.sql', 'create table public.one (id int)'];
  const two: [string, string] = ['20250102000000_two.sql', 'create table public.two (id int)'];

  test('is made once with a word to the user, holds the schema, and follows the migrations', async () => {
    const notices: string[] = [];
    const cache = join(directory, 'cache');
    const start = async (changes: Partial<PgliteOptions>): Promise<string[]> => {
      const database = await openPglite(
        options({ cacheDir: cache, onSlowStart: (text) => notices.push(text), ...changes }),
      );
      const tables = await database.session.query(
        `select tablename from pg_tables where schemaname = 'public' order by 1`,
      );
      await database.close();
      return tables.map(({ tablename }) => String(tablename));
    };
    mkdirSync(cache);
    writeFileSync(join(cache, 'image-0123456789abcdef.tar.gz'), 'of an older schema');
    expect(await start({ path: 'memory', migrations: migrations(one) })).toEqual(['one']);
    const kept = readdirSync(cache);
    expect(kept).toEqual([expect.stringMatching(/^image-(?!0123456789abcdef)[0-9a-f]{16}\.tar\.gz$/)]);
    expect(await start({ migrations: migrations(one) })).toEqual(['one']);
    expect(notices).toEqual(['Preparing the embedded database (first start only, about 10 s)…']);
    // A database that is there gets the new migration, without an image.
    expect(await start({ migrations: migrations(one, two) })).toEqual(['one', 'two']);
    expect(notices).toHaveLength(1);
    // An image that is not whole is made again, and not written when nothing may be written.
    writeFileSync(join(cache, kept[0] ?? ''), 'half an image');
    expect(await start({ path: 'memory', migrations: migrations(one), saveCache: false })).toEqual(['one']);
    expect(notices).toHaveLength(2);
    expect(readFileSync(join(cache, kept[0] ?? ''), 'utf8')).toBe('half an image');
  });

  test('of a broken migration is no database at all: the lock goes and nothing is left on disk', async () => {
    const broken = migrations(['20250101000000_broken.sql', 'select 1;\nselect * from nowhere;']);
    const cache = join(directory, 'cache');
    await expect(openPglite(options({ cacheDir: cache, migrations: broken }))).rejects.toThrow(/broken\.sql:2 failed/);
    expect(readdirSync(join(directory, 'data'))).toEqual([]);
    expect(existsSync(cache)).toBe(false);
  });
});
