// Proves the deploy to Vercel without an account: `npx node scripts/deploy/vercel-build.ts [--hobby]`.
// It builds a clean copy with Vercel's own CLI (which npx fetches once), checks what would be deployed, and asks the
// built handler. With --hobby it does so for the variant a Hobby project takes: no cron more often than once a day.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { cleanCopy, megabytesOf, ROOT } from './clean-copy.ts';
import { endOf, startNode, startPostgres, startService, stop } from './service.ts';

/** Of the newer ones 61 to 64.0.2 did not install. */
const CLI = 'vercel@60.1.3';
const CRON_SECRET = 'a-secret-for-this-proof-only';
/** Serves the built handler as the platform would, and says how many milliseconds the first answer took, loading included. */
const HOST = `
const began = performance.now();
const { default: app } = await import(process.env.HANDLER);
await app.fetch(new Request('http://localhost/health'));
const took = Math.round(performance.now() - began);
const { serve } = await import(process.env.NODE_SERVER);
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => console.log('http://127.0.0.1:' + port, took));
process.once('SIGTERM', () => process.exit(0));
`;

const { values } = parseArgs({ options: { hobby: { type: 'boolean', default: false } } });

const folder = cleanCopy();
/** Away from the copy, whose node_modules would lend what the build forgot. */
const deployed = mkdtempSync(join(tmpdir(), 'daily-scan-handler-'));
try {
  const crons = prepare();
  build();
  checkOutput(crons);
  await askHandler();
  say('Proved.');
} finally {
  for (const used of [folder, deployed]) rmSync(used, { recursive: true, force: true });
}

function say(line: string): void {
  console.log(line);
}

function check(what: string, holds: boolean, actual: unknown): void {
  if (!holds) throw new Error(`Not so: ${what}. Seen: ${JSON.stringify(actual)}`);
  say(`  ok  ${what}`);
}

interface Cron {
  path: string;
  schedule: string;
}

/** The copy as `vercel link` and `npm ci` would leave it. Gives the crons it is to be deployed with. */
function prepare(): Cron[] {
  const file = join(folder, 'vercel.json');
  const settings = JSON.parse(readFileSync(file, 'utf8'));
  if (values.hobby) settings.crons = settings.crons.filter(({ schedule }: Cron) => isDaily(schedule));
  writeFileSync(file, JSON.stringify(settings));
  mkdirSync(join(folder, '.vercel'));
  const project = { framework: null, installCommand: '', buildCommand: null, outputDirectory: null };
  const linked = { projectId: 'prj_none', orgId: 'team_none', settings: { ...project, nodeVersion: '24.x' } };
  writeFileSync(join(folder, '.vercel/project.json'), JSON.stringify(linked));
  cpSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), { recursive: true, verbatimSymlinks: true });
  return settings.crons;
}

function isDaily(schedule: string): boolean {
  return /^\d+ \d+ /.test(schedule);
}

function build(): void {
  const path = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
  const env = { ...process.env, PATH: path, VERCEL_TELEMETRY_DISABLED: '1', NO_UPDATE_NOTIFIER: '1' };
  const config = ['--global-config', join(folder, '.vercel/cli')];
  const args = ['--yes', CLI, 'build', '--prod', '--yes', ...config];
  say(`npx ${args.slice(0, 5).join(' ')}`);
  execFileSync('npx', args, { cwd: folder, env, stdio: ['ignore', 'inherit', 'inherit'] });
}

function checkOutput(crons: Cron[]): void {
  const config = JSON.parse(readFileSync(join(folder, '.vercel/output/config.json'), 'utf8'));
  check(`crons: ${crons.map((one) => `${one.schedule} ${one.path}`).join(', ')}`, same(config.crons, crons), config);
  if (values.hobby)
    check(
      'no cron runs more than once a day',
      crons.every((one) => isDaily(one.schedule)),
      crons,
    );
  cpSync(join(folder, '.vercel/output/functions/index.func'), deployed, { recursive: true });
  const handler = JSON.parse(readFileSync(join(deployed, '.vc-config.json'), 'utf8'));
  check('the handler is src/server.js on nodejs24.x', handlerIs(handler, 'src/server.js', 'nodejs24.x'), handler);
  check('it may work for 300 s', handler.maxDuration === 300, handler);
  check('the migrations are with it, for /ready', existsSync(join(deployed, 'supabase/migrations')), null);
  const megabytes = megabytesOf(deployed);
  check(`its size is ${megabytes} MB (250 are allowed)`, megabytes < 250, megabytes);
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function handlerIs(actual: { handler: string; runtime: string }, handler: string, runtime: string): boolean {
  return actual.handler === handler && actual.runtime === runtime;
}

async function askHandler(): Promise<void> {
  const postgres = await startPostgres();
  const handler = {
    args: ['--input-type=module', '--eval', HOST],
    cwd: deployed,
    env: {
      VERCEL: '1',
      HANDLER: join(deployed, 'src/server.js'),
      NODE_SERVER: join(ROOT, 'node_modules/@hono/node-server/dist/index.mjs'),
      LOG_LEVEL: 'silent',
    },
  };
  const start = (env: Record<string, string>) => ({ ...handler, env: { ...handler.env, ...env } });
  try {
    const refused = await endOf(startNode(start({})));
    const expected = ['CRON_SECRET is not set', 'DATABASE_URL'];
    const saysBoth = refused.code === 1 && expected.every((word) => refused.output.includes(word));
    check('without settings it does not start, and names all that is missing', saysBoth, refused);
    const service = await startService(start({ CRON_SECRET, DATABASE_URL: postgres.migratedUrl }));
    say(`  ok  first answer ${service.line.split(' ')[1]} ms after the process began to load it`);
    await askRoutes(service.address);
    check('SIGTERM ends it', (await stop(service)) === 0, null);
    const blank = await startService(start({ CRON_SECRET, DATABASE_URL: postgres.blankUrl }));
    const ready = await fetch(`${blank.address}/ready`);
    check('on a database without our schema /ready says 503', ready.status === 503, await ready.text());
    await stop(blank);
  } finally {
    await postgres.stop();
  }
}

async function askRoutes(address: string): Promise<void> {
  const get = async (path: string, secret?: string) => {
    const headers = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
    const answer = await fetch(`${address}${path}`, { headers });
    return { status: answer.status, body: await answer.text() };
  };
  for (const path of ['/api/cron/daily-scan', '/api/cron/order-worker']) {
    const [none, wrong, right] = [await get(path), await get(path, 'wrong'), await get(path, CRON_SECRET)];
    check(`${path}: 401 without the secret`, none.status === 401, none);
    check(`${path}: 401 with a wrong one`, wrong.status === 401, wrong);
    check(`${path}: 200 with it: ${right.body.slice(0, 120)}…`, right.status === 200, right);
  }
  const health = await get('/health');
  check('/health: 200', health.status === 200, health);
  const ready = await get('/ready');
  check(`/ready: ${ready.status} ${ready.body.slice(0, 120)}`, ready.status === 200, ready);
}
