import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loginFor, type TestLogin } from '../support/logins.ts';
import { freshPostgres, type TestPostgres } from '../support/postgres.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CRON_SECRET = 'cron-secret-of-the-tests';
const folder = mkdtempSync(join(tmpdir(), 'daily-scan-role-'));
const sample = (name: string) => `src/sample/${name}`;
let database: TestPostgres;
let service: TestLogin;
let http: TestLogin;

beforeAll(async () => {
  database = await freshPostgres();
  service = await loginFor(database, 'service');
  http = await loginFor(database, 'http');
});
afterAll(async () => {
  for (const login of [service, http]) {
    await database.session.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [
      login.name,
    ]);
    await login.drop();
  }
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

function environment(url: string): NodeJS.ProcessEnv {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, DATA_DIR: folder, DATABASE_URL: url, CRON_SECRET, PORT: '0', LOG_LEVEL: 'warn' };
}

/** One command as the service's role. */
function run(...args: string[]): Promise<{ code: number; output: string }> {
  const { promise, resolve: ended } = Promise.withResolvers<{ code: number; output: string }>();
  const options = { cwd: ROOT, env: environment(service.url) };
  execFile(process.execPath, ['src/cli.ts', ...args], options, (error, stdout, stderr) => {
    ended({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` });
  });
  return promise;
}

/** A part of the service, once it says that it runs. */
async function start(url: string, ...only: string[]) {
  const args = ['src/main.ts', ...only.flatMap((part) => ['--only', part])];
  const child = spawn(process.execPath, args, { cwd: ROOT, env: environment(url), stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const { promise, resolve: runs, reject } = Promise.withResolvers<string>();
  createInterface(child.stderr).on('line', (line) => {
    output += `${line}\n`;
    if (line.startsWith('daily-scan runs')) runs(line);
  });
  const ended = once(child, 'close').then(() => child.exitCode);
  void ended.then(() => reject(new Error(output)));
  const address = /http:\/\/[\d.:]+/.exec(await promise)?.[0] ?? '';
  const stop = async () => {
    child.kill('SIGTERM');
    return { code: await ended, output };
  };
  return { address, stop };
}

test('every command of the service does its work as a role that may only call functions', async () => {
  const day = ['--date', '2025-07-23'];
  const files = ['--signals', sample('signals.csv'), '--users', sample('users.csv'), '--prices', sample('prices.csv')];
  const runId = 'XNSE:2025-07-23:open:paper';
  const commands: string[][] = [
    ['import', 'instruments', sample('instruments.csv')],
    ['scan', ...day, ...files, '--dry-run'],
    ['scan', ...day, ...files],
    ['report', '--run', runId, '--json'],
    ['messages', '--run', runId],
    ['why', '--user', 'Asha Rao', '--symbol', 'ETERNAL'],
    ['account', '--user', 'Asha Rao', '--notify', 'orders'],
    ['ready'],
    ['calendar', '--date', '2025-07-24'],
    ['apikey', 'create', '--role', 'operator'],
    ['apikey', 'list'],
    ['halt', '--why', 'a test'],
    ['resume', '--why', 'the test is over'],
  ];
  for (const args of commands) {
    const { code, output } = await run(...args);
    expect([args, code, output.includes('permission denied')], output).toEqual([args, 0, false]);
  }
  const [row] = await database.session.query(
    `select count(*) filter (where status = 'filled') > 10 as filled, bool_and(ended_at is not null) as ended
     from public.orders`,
  );
  expect(row).toEqual({ filled: true, ended: true });
});

test('the doctor knows the role, and whose rights are too many', async () => {
  const { output } = await run('doctor', '--json');
  expect(output).toContain(`${service.name} may only call functions`);
  const { promise, resolve: ended } = Promise.withResolvers<string>();
  const options = { cwd: ROOT, env: environment(database.url) };
  execFile(process.execPath, ['src/cli.ts', 'doctor', '--json'], options, (_error, stdout) => ended(stdout));
  expect(await promise).toContain('postgres is a superuser: whoever takes this host');
});

test('every part of the long-lived service runs as its role: http, logins, schedule, worker', async () => {
  const worker = await start(service.url, 'schedule', 'worker');
  const logins = await start(service.url, 'logins');
  const front = await start(http.url, 'http');
  const headers = { authorization: `Bearer ${CRON_SECRET}` };
  const statusAt = async (address: string, path: string) => (await fetch(`${address}${path}`, { headers })).status;
  for (const { address } of [logins, front]) {
    expect([await statusAt(address, '/ready'), await statusAt(address, '/metrics')]).toEqual([200, 200]);
    expect(await statusAt(address, '/api/cron/daily-scan')).toBe(200);
  }
  for (const path of ['order-worker', 'ready', 'sync']) {
    expect([path, await statusAt(logins.address, `/api/cron/${path}`)]).toEqual([path, 200]);
  }
  expect(await statusAt(front.address, '/api/cron/order-worker')).toBe(503);
  for (const part of [worker, logins]) {
    const { code, output } = await part.stop();
    expect([code, /permission denied|"alert"|alert:/.test(output)], output).toEqual([0, false]);
  }
  expect((await front.stop()).code).toBe(0);
});

test('a process that only serves HTTP starts without the master key in live trading, and not with it', async () => {
  const live = { ...environment(http.url), TRADING_MODE: 'live', MAX_ORDER_VALUE: '500000', PORT: 'x' };
  const problems = (more: Record<string, string>, ...only: string[]) => {
    const { promise, resolve: ended } = Promise.withResolvers<string[]>();
    const options = { cwd: ROOT, env: { ...live, ...more } };
    const args = ['src/main.ts', ...only.flatMap((part) => ['--only', part])];
    execFile(process.execPath, args, options, (_error, _stdout, stderr) => ended(stderr.match(/^ {2}\w+/gm) ?? []));
    return promise;
  };
  // PORT is wrong in each, so that nothing is started and every problem is told.
  expect(await problems({}, 'http')).toEqual(['  PORT']);
  expect(await problems({ CREDENTIALS_KEY: randomBytes(32).toString('base64') }, 'http')).toEqual([
    '  PORT',
    '  CREDENTIALS_KEY',
  ]);
  expect(await problems({}, 'logins')).toEqual(['  PORT', '  CREDENTIALS_KEY', '  TRADING_MODE']);
  expect(await problems({}, 'http', 'worker')).toEqual(['  PORT', '  CREDENTIALS_KEY', '  TRADING_MODE']);
});
