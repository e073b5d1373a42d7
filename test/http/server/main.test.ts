import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const CRON_SECRET = 'cron-secret-of-the-tests';
const authorization = `Bearer ${CRON_SECRET}`;

let database: TestPostgres;
const children: ChildProcess[] = [];

beforeAll(async () => {
  database = await freshPostgres();
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => database.close());

/** Starts this Node with a clean environment. */
function node(args: string[], env: Record<string, string>) {
  const { PATH = '', HOME = '' } = process.env;
  const all = { PATH, HOME, LOG_LEVEL: 'silent', HOST: '127.0.0.1', PORT: '0', ...env };
  const child = spawn(process.execPath, args, { cwd: ROOT, env: all, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += String(part)));
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, output }));
  return { child, ended };
}

/** `npm start` on the test's Postgres, once it says that it runs. */
async function started(args: string[] = [], env: Record<string, string> = {}) {
  const run = node(['src/main.ts', ...args], { CRON_SECRET, DATABASE_URL: database.url, ...env });
  const { promise, resolve: says, reject } = Promise.withResolvers<string>();
  createInterface(run.child.stderr).on('line', (line) => line.startsWith('daily-scan runs') && says(line));
  run.ended.then(({ output }) => reject(new Error(output)));
  const line = await promise;
  return { ...run, line, address: /http:\/\/[\d.:]+/.exec(line)?.[0] ?? '' };
}

async function stopped({ child, ended }: Awaited<ReturnType<typeof started>>, signal: NodeJS.Signals = 'SIGTERM') {
  child.kill(signal);
  return (await ended).code;
}

describe('the long-lived process', () => {
  test('starts nothing without a usable environment, and names every problem', async () => {
    const { code, output } = await node(['src/main.ts'], { PORT: 'x', TRADING_MODE: 'live', CONCURRENCY: '0' }).ended;
    expect(code).toBe(2);
    for (const name of ['PORT', 'TRADING_MODE', 'CONCURRENCY', 'CRON_SECRET is not set'])
      expect(output).toContain(name);
  });

  test('takes no secret that could be guessed', async () => {
    const { code, output } = await node(['src/main.ts'], { CRON_SECRET: 'too short' }).ended;
    expect([code, output]).toEqual([2, expect.stringContaining('CRON_SECRET must have at least 16 characters')]);
  });

  test('runs all parts, answers, and ends with 0 when it is stopped', async () => {
    const service = await started();
    expect(service.line).toMatch(
      /HTTP on .*, schedule \(looks next at .*T09:20:00.000\+05:30\), worker; paper trading/,
    );
    expect(service.line).not.toContain('postgres:postgres');
    const health = await fetch(`${service.address}/health`);
    expect(health.status).toBe(200);
    expect((await fetch(`${service.address}/api/cron/order-worker`)).status).toBe(401);
    const worked = await fetch(`${service.address}/api/cron/order-worker`, { headers: { authorization } });
    expect(worked.status).toBe(200);
    expect(await stopped(service)).toBe(0);
    await expect(fetch(`${service.address}/health`)).rejects.toThrow();
  });

  test('needs CRON_SECRET only where it serves HTTP, and listens nowhere else', async () => {
    const service = await started(['--only', 'worker', '--only', 'schedule'], { CRON_SECRET: '' });
    expect(service.line).toMatch(/runs schedule \(.*\), worker;/);
    expect(service.address).toBe('');
    expect(await stopped(service, 'SIGINT')).toBe(0);
  });

  test('does not wait for clients that keep their connections open', async () => {
    const service = await started(['--only', 'http']);
    // fetch keeps the connection for the next request.
    await (await fetch(`${service.address}/health`)).text();
    expect(await stopped(service)).toBe(0);
  });

  test('says what to do when the port is taken', async () => {
    const holder: Server = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const at = holder.address();
    const PORT = String(typeof at === 'object' && at !== null ? at.port : 0);
    const { code, output } = await node(['src/main.ts'], { CRON_SECRET, DATABASE_URL: database.url, PORT }).ended;
    holder.close();
    expect([code, output]).toEqual([1, expect.stringContaining(`PORT ${PORT}: set another`)]);
  });

  test('refuses a part it does not have', async () => {
    const { code, output } = await node(['src/main.ts', '--only', 'cron'], {}).ended;
    expect([code, output]).toEqual([2, expect.stringContaining('http, logins, schedule, worker')]);
  });
});

/** Loads the entry as a platform does, asks it once, and says which files of packages were loaded for it. */
const ENTRY = `
import { registerHooks } from 'node:module';
const loaded = [];
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
const { default: app, config } = await import('./src/server.ts');
const ask = (headers) => app.fetch(new Request('http://localhost/api/cron/daily-scan', { headers }));
const statuses = [(await ask({})).status, (await ask({ authorization: '${authorization}' })).status];
console.log(JSON.stringify({ statuses, config, pglite: loaded.filter((url) => url.includes('pglite')) }));
process.exit();
`;

describe('the entry for a platform', () => {
  const entry = (env: Record<string, string>) => node(['--input-type=module', '--eval', ENTRY], env).ended;

  test('answers from a database server without loading the embedded one', async () => {
    const { code, output } = await entry({ CRON_SECRET, DATABASE_URL: database.url, VERCEL: '1' });
    expect(code, output).toBe(0);
    expect(JSON.parse(output)).toEqual({ statuses: [401, 200], config: { maxDuration: 300 }, pglite: [] });
  });

  test('does not load without CRON_SECRET, nor on Vercel without a database server', async () => {
    const { code, output } = await entry({ VERCEL: '1', DATABASE_URL: 'file://.data/main' });
    expect(code).toBe(1);
    expect(output).toContain('CRON_SECRET is not set');
    expect(output).toContain('an embedded database has no disk there');
  });
});
