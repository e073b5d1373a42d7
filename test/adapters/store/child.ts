// A child process that holds a database open, for tests of locks and kills.
/**
 * A process of its own for the tests of locks and kills: `node child.ts lock|insert|create PATH CACHE_DIR [waitMs]`.
 * It says what happens in lines on stdout and goes on until it is killed (or, for `lock`, told to stop on stdin).
 */
import { once } from 'node:events';
import { DatabaseInUseError, lockDatabase } from '../../../src/adapters/store/pglite/lock.ts';
import { openPglite } from '../../../src/adapters/store/pglite/pglite.ts';

const [, , action, path = '', cacheDir = '', waitMs = '0'] = process.argv;

async function run(): Promise<void> {
  if (action === 'lock') {
    const release = await lockDatabase(path, { waitMs: Number(waitMs) });
    console.log('held');
    await once(process.stdin, 'data');
    release();
    process.exit(0);
  }
  const onSlowStart = (): void => console.log('slow start');
  const options = { path, cacheDir, saveCache: true, onSlowStart, migrations: [], waitMs: Number(waitMs) };
  const database = await openPglite(options);
  console.log('open');
  if (action === 'create') return database.close();
  await database.session.exec('create table if not exists lines (line int primary key)');
  for (let line = 1; ; line += 1) {
    await database.session.query('insert into lines values ($1)', [line]);
    console.log(`acknowledged ${line}`);
  }
}

await run().catch((error: unknown) => {
  console.log(error instanceof DatabaseInUseError ? `in use by ${error.pid}` : String(error));
  process.exit(1);
});
