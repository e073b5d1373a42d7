import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse as parseCron } from 'node-cron';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { allowedBy, execForm, readDockerfile, wordsOf } from '../scripts/deploy/dockerfile.ts';
import { settings } from '../src/config/config.ts';
import { secretNames } from '../src/config/secrets.ts';
import { istDate, istTime } from '../src/domain/market/india-time.ts';
import { storeOf } from './stages/support/run-day.ts';
import { buy } from './support/builders.ts';
import { freshPostgres, type TestPostgres } from './support/postgres.ts';
import { tester } from './support/tester.ts';

const ROOT = resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const packageFile = z.object({ devDependencies: z.record(z.string(), z.string()) });
const nodeMajor = /\d+/.exec(packageFile.parse(JSON.parse(read('package.json'))).devDependencies['node'] ?? '')?.[0];

/** When a UTC cron is due first and last on a day, in Indian time, and on which weekdays (1 is Monday). */
function dueAt(schedule: string) {
  const { minute, hour, dayOfWeek } = parseCron(schedule);
  const time = (at: 0 | -1) => istTime(Date.UTC(2025, 0, 1, hour.at(at), minute.at(at)));
  return { first: time(0), last: time(-1), days: dayOfWeek };
}

const weekdays = [1, 2, 3, 4, 5];

describe('vercel.json', () => {
  const settings = z
    .object({
      framework: z.string(),
      regions: z.array(z.string()),
      functions: z.record(z.string(), z.object({ maxDuration: z.int(), includeFiles: z.string() })),
      crons: z.array(z.object({ path: z.string(), schedule: z.string() })),
    })
    .parse(JSON.parse(read('vercel.json')));

  test('runs the scan at 09:20 in India on weekdays, and nothing else at other hours than the market’s', () => {
    const [scan, worker, ready, sync] = settings.crons;
    expect(ready?.path).toBe('/api/cron/ready');
    expect(dueAt(ready?.schedule ?? '')).toEqual({ first: '08:45:00', last: '08:45:00', days: weekdays });
    expect(scan?.path).toBe('/api/cron/daily-scan');
    expect(dueAt(scan?.schedule ?? '')).toEqual({ first: '09:20:00', last: '09:20:00', days: weekdays });
    expect(worker?.path).toBe('/api/cron/order-worker');
    expect(dueAt(worker?.schedule ?? '')).toEqual({ first: '08:30:00', last: '16:29:00', days: weekdays });
    expect(sync?.path).toBe('/api/cron/sync');
    expect(dueAt(sync?.schedule ?? '')).toEqual({ first: '15:45:00', last: '15:45:00', days: weekdays });
  });

  test('is near the exchange, is built as Hono, and gives a request as long as the entry says', () => {
    const [, seconds] = /maxDuration: (\d+)/.exec(read('src/server.ts')) ?? [];
    expect(settings).toMatchObject({ framework: 'hono', regions: ['bom1'] });
    expect(settings.functions['**']?.maxDuration).toBe(Number(seconds));
    const [, deadlineMs] = /DEADLINE_MS = ([\d_]+)/.exec(read('src/server.ts')) ?? [];
    // Once in the request, once behind its answer.
    expect((2 * Number(deadlineMs?.replaceAll('_', ''))) / 1000).toBeLessThanOrEqual(Number(seconds) - 60);
  });
});

describe('the image', () => {
  const instructions = readDockerfile(read('Dockerfile'));
  const texts = (name: string) => instructions.filter((one) => one.name === name).map(({ text }) => text);

  test('is built on the Node that the project runs on', () => {
    for (const from of texts('FROM')) expect(from).toMatch(new RegExp(`^node:${nodeMajor}\\.[\\d.]+-bookworm-slim@`));
  });

  test('is named by digest, the same in every stage: nobody can put another under the name', () => {
    const images = new Set(texts('FROM').map((text) => text.split(' ')[0]));
    expect(images.size).toBe(1);
    expect([...images][0]).toMatch(/@sha256:[0-9a-f]{64}$/);
  });

  test('copies only what .dockerignore lets in, and .dockerignore lets in only what is copied', () => {
    const copied = texts('COPY').flatMap((text) => {
      const { options, words } = wordsOf(text);
      return options.has('from') ? [] : words.slice(0, -1);
    });
    expect([...new Set(copied)].sort()).toEqual(allowedBy(read('.dockerignore')).sort());
  });

  test('runs as node, not as root, and its command gets the signals itself', () => {
    const last = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
    expect(last.find(({ name }) => name === 'USER')?.text).toBe('node');
    expect(execForm(last.find(({ name }) => name === 'CMD')?.text ?? '')).toEqual(['node', 'src/main.ts']);
    expect(execForm(/CMD (.*)/.exec(texts('HEALTHCHECK')[0] ?? '')?.[1] ?? '')[0]).toBe('node');
  });
});

describe('compose.yaml', () => {
  const service = z.looseObject({
    image: z.string(),
    command: z.array(z.string()).default([]),
    environment: z.record(z.string(), z.union([z.string(), z.number()])),
    secrets: z.array(z.string()),
    depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
    deploy: z.object({ replicas: z.int() }).optional(),
    env_file: z.undefined().optional(),
  });
  const compose = z
    .object({ services: z.record(z.string(), service), secrets: z.record(z.string(), z.object({ file: z.string() })) })
    .parse(parseYaml(read('compose.yaml'), { merge: true }));
  const { postgres, migrate, http, logins, schedule, worker } = compose.services;
  const parts = [http, logins, schedule, worker];

  test('starts each part only when the schema is there, and the migrator only when Postgres is', () => {
    expect(migrate?.depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
    for (const part of parts) {
      expect(part?.depends_on).toEqual({ migrate: { condition: 'service_completed_successfully' } });
    }
  });

  test('runs HTTP with and without sessions at venues, one schedule and two workers, who alone send', () => {
    expect(parts.map((part) => part?.command.at(-1))).toEqual(['http', 'logins', 'schedule', 'worker']);
    expect(worker?.deploy?.replicas).toBe(2);
    for (const part of parts) expect(part?.environment['EXECUTE']).toBe('worker');
  });

  test('lets nobody but the migrator own the schema, and makes the logins of the others there', () => {
    const userOf = (one: typeof http) => new URL(String(one?.environment['DATABASE_URL'])).username;
    expect(userOf(migrate)).toBe('postgres');
    expect(migrate?.command).toEqual(expect.arrayContaining(['--login', 'service=/run/secrets/service_password']));
    expect(parts.map(userOf)).toEqual([
      'daily_scan_http_login',
      'daily_scan_service_login',
      'daily_scan_service_login',
      'daily_scan_service_login',
    ]);
    const holders = (secret: string) =>
      Object.entries(compose.services).flatMap(([name, one]) => (one.secrets.includes(secret) ? [name] : []));
    expect(holders('postgres_password')).toEqual(['postgres', 'migrate']);
    expect(holders('credentials_key')).toEqual(['logins', 'schedule', 'worker']);
    expect(holders('cron_secret')).toEqual(['http', 'logins']);
  });

  test('holds no secret, and gives none but as a file that is named', () => {
    for (const [name, one] of Object.entries(compose.services)) {
      for (const [setting, value] of Object.entries(one.environment)) {
        if (setting === 'DATABASE_URL') expect(new URL(String(value)).password, name).toBe('');
        else if (secretNames.includes(setting)) throw new Error(`${name} has ${setting} in its environment`);
        const file = /^\/run\/secrets\/(.+)$/.exec(String(value))?.[1];
        if (file !== undefined) expect([name, one.secrets]).toEqual([name, expect.arrayContaining([file])]);
      }
      for (const secret of one.secrets) expect(compose.secrets[secret]?.file).toBe(`./secrets/${secret}`);
    }
    expect(read('.gitignore')).toContain('secrets/');
  });

  test('passes every setting on that is no secret, and none that nobody reads', () => {
    const passed = new Set(parts.flatMap((part) => Object.keys(part?.environment ?? {})));
    const known = Object.keys(settings);
    // Supabase's are for a project elsewhere; what compose sets itself is set to what compose needs.
    const elsewhere = ['SUPABASE_URL', 'TWILIO_BASE_URL'];
    const wanted = known.filter((name) => !secretNames.includes(name) && !elsewhere.includes(name));
    expect(wanted.filter((name) => !passed.has(name))).toEqual([]);
    expect([...passed].filter((name) => !known.includes(name.replace(/_FILE$/, '')))).toEqual([]);
  });

  test('runs every container without rights it has no use for, on a disk it can not write', () => {
    for (const [name, one] of Object.entries(compose.services)) {
      expect(one, name).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        pids_limit: expect.any(Number),
        mem_limit: expect.any(String),
        cpus: expect.any(Number),
        tmpfs: expect.arrayContaining([expect.stringMatching(/^\/tmp:.*nosuid/)]),
      });
      expect([name, one['privileged'], one['network_mode'], one['pid']]).toEqual([
        name,
        undefined,
        undefined,
        undefined,
      ]);
    }
    for (const part of [migrate, ...parts]) expect(part?.['cap_add']).toBeUndefined();
    expect(postgres?.image).toMatch(/^postgres:17@sha256:[0-9a-f]{64}$/);
    expect(postgres?.['healthcheck']).toBeDefined();
  });
});

// What Supabase has and plain Postgres has not, as far as the file uses it; calls are written down.
const SUPABASE = `
create schema cron; create schema net; create schema vault;
create table vault.decrypted_secrets (name text, decrypted_secret text);
insert into vault.decrypted_secrets values ('daily_scan_url', 'https://scan.example'),
  ('daily_scan_cron_secret', 'sixteen-characters'), ('daily_scan_alert_url', 'https://alert.example');
create table cron.job (name text primary key, schedule text, command text);
create table cron.job_run_details (end_time timestamptz);
create function cron.schedule(name text, schedule text, command text) returns bigint language sql as
  $$ insert into cron.job values ($1, $2, $3) on conflict (name) do update set schedule = $2, command = $3 returning 1::bigint $$;
create table net.calls (url text, sent jsonb);
create function net.http_get(url text, headers jsonb, timeout_milliseconds integer) returns bigint language sql as
  $$ insert into net.calls values ($1, $2) returning 1::bigint $$;
create function net.http_post(url text, body jsonb) returns bigint language sql as
  $$ insert into net.calls values ($1, $2) returning 1::bigint $$;
`;

describe('supabase/backstop.sql', () => {
  let database: TestPostgres;
  beforeAll(async () => {
    database = await freshPostgres();
    await database.session.exec(SUPABASE);
    await database.session.exec(read('supabase/backstop.sql'));
    // As an earlier version of the file left it.
    await database.session.exec(`create function daily_scan_backstop.check_run() returns bigint
      language sql as $$ select null::bigint $$`);
    await database.session.exec(read('supabase/backstop.sql'));
  });
  afterAll(() => database.close());

  const run = async (name: string) => {
    const [job] = await database.session.query('select command from cron.job where name = $1', [name]);
    await database.session.exec(`truncate net.calls; ${String(job?.['command'])}`);
    return database.session.query('select url, sent from net.calls');
  };
  test('has its jobs once however often it is run, at the hours it says', async () => {
    const jobs = await database.session.query('select name, schedule from cron.job order by name');
    const times = Object.fromEntries(jobs.map((job) => [job['name'], dueAt(String(job['schedule'])).first]));
    expect(times).toEqual({
      'daily-scan': '09:20:00',
      'daily-scan-check': '09:25:00',
      'daily-scan-check-again': '09:30:00',
      'daily-scan-order-worker': '08:30:00',
      'daily-scan-ready': '08:45:00',
      'daily-scan-tidy': '01:30:00',
    });
  });

  test('asks the routes with the secret', async () => {
    const sent = { Authorization: 'Bearer sixteen-characters' };
    expect(await run('daily-scan')).toEqual([{ url: 'https://scan.example/api/cron/daily-scan', sent }]);
    const [worker] = await run('daily-scan-order-worker');
    expect(worker).toEqual({ url: 'https://scan.example/api/cron/order-worker?limit=100', sent });
    expect(await run('daily-scan-tidy')).toEqual([]);
  });

  test('tells somebody when there are signals for today and no decided run, and nobody otherwise', async () => {
    expect(await run('daily-scan-check')).toEqual([]);
    const today = buy('TITAN', 1, 3560_00, { tradeDate: istDate(Date.now()) });
    await storeOf(database).call('import_signals', { by: tester, signals: [today], source: 'test' });
    const [alert] = await run('daily-scan-check');
    expect(alert).toMatchObject({
      url: 'https://alert.example',
      sent: { text: expect.stringContaining('no decided run') },
    });
    await database.session.exec(`insert into public.scan_runs
      (id, session_id, trade_date, mode, state, limits, cut_off_at, opened_at, decided_at, plan_hash)
      select 'r', 'XNSE:today:open', trade_date, 'paper', 'decided', '{}', now(), now(), now(), 'h' from public.signals`);
    expect(await run('daily-scan-check')).toEqual([]);
  });

  test('looks at each market’s own signals and runs', async () => {
    const { session } = database;
    const store = storeOf(database);
    const missing = async (market: string) => {
      await session.exec(`truncate net.calls; select daily_scan_backstop.check_run('${market}')`);
      return (await session.query('select url from net.calls')).length > 0;
    };
    expect([await missing('XNSE'), await missing('XNYS')]).toEqual([false, false]);
    const tradeDate = String(
      await session.query(`select core.date_in('XNYS', now())::text as day`).then(([row]) => row?.['day']),
    );
    const there = buy('AAPL', 1, 230_00, { tradeDate, exchange: 'US' });
    await store.call('import_signals', { by: tester, signals: [there], source: 'test' });
    expect([await missing('XNSE'), await missing('XNYS')]).toEqual([false, true]);
  });
});
