import { expect, onTestFinished, test } from 'vitest';
import { apikeyCommand } from '../../src/commands/operate/apikey.ts';
import type { ApikeyFlags } from '../../src/commands/operate/apikey-flags.ts';
import { readConfig } from '../../src/config/config.ts';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { freshPostgres } from '../support/postgres.ts';

const users = 'name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue\n';

/** The program on a server's database: it starts faster there. */
async function program() {
  const postgres = await freshPostgres();
  onTestFinished(() => postgres.close());
  const here = cliSandbox(false);
  const run = (...args: string[]) => here.run(args, { DATABASE_URL: postgres.url });
  return { here, run, apikey: (...args: string[]) => run('apikey', ...args) };
}

test('a key is shown once, listed without it, and revoked by its first characters', async () => {
  const { apikey } = await program();
  const made = await apikey('create', '--role', 'operator', '--label', 'the desk');
  expect({ code: made.code, stderr: made.stderr }).toMatchObject({ code: 0 });
  expect(made.stdout).toMatch(/^ds_[\w-]{43}\n$/);
  const key = made.stdout.trim();
  expect(made.stderr).not.toContain(key);

  const listed = await apikey('list');
  expect(listed.stdout).toContain(`${key.slice(0, 9)}…  operator`);
  expect(listed.stdout).toContain('the desk');
  expect(listed.stdout).not.toContain(key.slice(0, 12));

  expect((await apikey('revoke', '--key', key)).stdout).toBe(`Key ${key.slice(0, 9)} is now revoked.\n`);
  const [row] = JSON.parse((await apikey('list', '--json')).stdout);
  expect(row).toMatchObject({ hint: key.slice(0, 9), role: 'operator', revokedAtMs: expect.any(Number) });
});

test('a user’s key is for a user there is', async () => {
  const { here, run, apikey } = await program();
  await run('import', 'users', here.file('users.csv', `${users}Asha Rao,,100000,20,5,,,,\n`));
  const made = await apikey('create', '--role', 'user', '--user', 'Asha Rao', '--json');
  expect(JSON.parse(made.stdout)).toMatchObject({
    key: expect.stringMatching(/^ds_/),
    role: 'user',
    userId: 'asha-rao',
  });
  const none = await apikey('create', '--role', 'user', '--user', 'Nobody');
  expect([none.code, none.stdout]).toEqual([2, '']);
  expect(none.stderr).toContain('There is no user "Nobody" here: give the name or the id. No key was made.');
});

test('a source of signals gets a key, is listed with what it may, and changed', async () => {
  const { apikey } = await program();
  const options = ['--role', 'signals', '--source', 'tradingview-1', '--strategies', 'a, b', '--per-day', '50'];
  const made = await apikey('create', ...options);
  expect({ code: made.code, stderr: made.stderr }).toMatchObject({ code: 0 });
  expect(made.stdout).toMatch(/^ds_[\w-]{43}\n$/);
  expect(made.stderr).not.toContain(made.stdout.trim());
  expect(made.stderr).toContain('It may send signals as tradingview-1, and nothing else, until it is revoked');
  expect((await apikey('list')).stdout).toMatch(/signals +tradingview-1/);
  const changed = await apikey('source', '--source', 'tradingview-1', '--enabled', 'no', '--per-day', '5', '--json');
  const hint = made.stdout.slice(0, 9);
  expect(JSON.parse(changed.stdout)).toEqual([
    { name: 'tradingview-1', strategies: ['a', 'b'], perDay: 5, enabled: false, today: 0, keys: [hint] },
  ]);
  expect((await apikey('sources')).stdout).toMatch(/tradingview-1 +a,b +5 +0 +no/);
  const none = await apikey('source', '--source', 'chartink', '--per-day', '5');
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('There is no source chartink here')]);
});

test('a key that may read until a day says so, and so does the list', async () => {
  const { apikey } = await program();
  const made = await apikey('create', '--role', 'operator', '--scope', 'read', '--expires', '2099-12-31');
  expect(made.stderr).toContain('It may read until 2100-01-01T00:00:00.000+05:30.');
  const listed = (await apikey('list')).stdout;
  expect(listed).toMatch(/KEY +ROLE +SCOPE +OF +LABEL +CREATED +LAST USED +EXPIRES +REVOKED/);
  expect(listed).toMatch(/operator +read .*2100-01-01T00:00/);
});

test.each<[string, ApikeyFlags, string]>([
  ['create', {}, '--role operator or --role user, or --role signals'],
  ['create', { role: 'admin' }, '--role operator or --role user, or --role signals'],
  ['create', { role: 'user' }, 'needs --user'],
  ['create', { role: 'operator', user: 'Asha' }, 'leave --user out'],
  ['create', { role: 'operator', label: 'x'.repeat(101) }, 'longer than 100'],
  ['create', { role: 'signals' }, 'Give --source'],
  ['create', { role: 'signals', source: 'Trading View' }, 'Give --source'],
  ['create', { role: 'signals', source: 'a', user: 'Asha' }, 'leave --user out'],
  ['create', { role: 'signals', source: 'a', scope: 'read' }, 'leave --scope out'],
  ['create', { role: 'signals', source: 'a', strategies: 'a:b' }, '--strategies is a list'],
  ['create', { role: 'signals', source: 'a', perDay: 'many' }, '--per-day is a whole number'],
  ['create', { role: 'operator', source: 'a' }, '--source is for keys of --role signals'],
  ['source', { source: 'a', enabled: 'maybe' }, '--enabled yes or --enabled no'],
  ['create', { role: 'operator', scope: 'write' }, '--scope read or --scope trade'],
  ['create', { role: 'operator', expires: 'soon' }, 'is no end a key can have'],
  ['create', { role: 'operator', expires: '2020-01-01' }, 'is no end a key can have'],
  ['create', { role: 'operator', expires: '0d' }, 'is no end a key can have'],
  ['revoke', {}, 'Give --key'],
  ['revoke', { key: 'ds_' }, 'Give --key'],
  ['destroy', {}, 'create, list, revoke, source or sources'],
])('%s with %j is refused before any database is opened', async (what, flags, why) => {
  const read = readConfig({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
  if (read.kind !== 'config') throw new Error(read.problems.join());
  const message = expect.stringContaining(why);
  expect(await apikeyCommand(what)(read.config, flags)).toMatchObject({ kind: 'refusal', code: 'bad_flag', message });
});
