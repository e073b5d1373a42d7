// `npm run schema`: writes supabase/schema.sql from the migrations, on a database that lives as long as the command.
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readMigrations } from '../src/adapters/store/migrate.ts';
import { openPglite } from '../src/adapters/store/pglite/pglite.ts';
import { schemaText } from './schema/dump.ts';

const FILE = resolve(import.meta.dirname, '../supabase/schema.sql');

const database = await openPglite({
  path: 'memory',
  cacheDir: join(tmpdir(), 'daily-scan-schema'),
  saveCache: false,
  onSlowStart: () => undefined,
});
try {
  writeFileSync(FILE, await schemaText(database.session, readMigrations()));
  process.stdout.write(`${FILE} written\n`);
} finally {
  await database.close();
}
