import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPostgresSession } from '../../src/adapters/store/postgres.ts';
import { blankPostgres, type TestPostgres } from '../support/postgres.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'daily-scan-login-'));
const password = 'k3-quite-unguessable-v9';
let database: TestPostgres;

beforeAll(async () => {
  database = await blankPostgres();
});
afterAll(async () => {
  // Roles belong to the whole server: none of the product's own names may stay for other tests.
  await database.session.exec('drop role if exists daily_scan_service_login');
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

function migrate(...flags: string[]): Promise<{ code: number; output: string }> {
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, DATABASE_URL: database.url };
  const { promise, resolve: ended } = Promise.withResolvers<{ code: number; output: string }>();
  execFile(process.execPath, ['src/cli.ts', 'migrate', ...flags], { cwd: ROOT, env }, (error, stdout, stderr) => {
    ended({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` });
  });
  return promise;
}

function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('the schema and the login the service runs as come from one command, which may be repeated', async () => {
  const file = fileOf('service', `${password}\n`);
  const first = await migrate('--login', `service=${file}`);
  expect([first.code, first.output]).toEqual([0, expect.stringContaining('Made the login daily_scan_service_login')]);
  const again = await migrate('--login', `service=${file}`);
  expect([again.code, again.output]).toEqual([
    0,
    expect.stringContaining('Changed the login daily_scan_service_login'),
  ]);
  const url = database.url.replace(/\/\/[^@]+@/, `//daily_scan_service_login:${password}@`);
  const session = await openPostgresSession(url);
  const [row] = await session.query("select public.read_privileges('{}') as reach");
  await session.close();
  expect(row).toMatchObject({ reach: { role: 'daily_scan_service_login', superuser: false, tables: [] } });
  expect(first.output + again.output).not.toContain(password);
});

test.each([
  ['no such role', 'worker=/tmp/x', '--login is service=FILE or http=FILE'],
  ['no such file', `http=${folder}/none`, 'which can not be read (there is no such file)'],
  ['a short password', `http=${fileOf('short', 'short\n')}`, 'must have at least 16 characters'],
  ['a password of one letter', `http=${fileOf('same', 'a'.repeat(32))}`, 'is too easily guessed'],
  ['a password with an umlaut', `http=${fileOf('umlaut', 'schöne-lange-worte-7')}`, 'must be visible ASCII'],
])('%s is refused before anything is changed', async (_what, flag, why) => {
  const { code, output } = await migrate('--login', flag);
  expect([code, output]).toEqual([2, expect.stringContaining(why)]);
  expect(output).not.toContain('up to date');
});
