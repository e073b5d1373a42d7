import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { makeStore } from '../../src/adapters/store/store.ts';
import { type Check, checkDatabase, type DatabaseFacts } from '../../src/commands/doctor/checks.ts';
import { examine } from '../../src/commands/doctor/doctor.ts';
import { readConfig } from '../../src/config/config.ts';
import { signalIdOf } from '../../src/domain/ids.ts';
import { xnse } from '../../src/domain/market/market.ts';
import { marketOfExchange } from '../../src/domain/market/session.ts';
import type { Store } from '../../src/ports/store/store.ts';
import { decideAll, openTestRun, sendOne, settle, settlement } from '../contract/support/test-run.ts';
import { cliSandbox } from '../stages/support/cli-sandbox.ts';
import { buy, nowMs, tradeDate, user } from '../support/builders.ts';
import { freshPostgres, type TestPostgres } from '../support/postgres.ts';
import { tester } from '../support/tester.ts';

const nse = { market: xnse, cutOffTime: '09:35:00' };
const levels = (checks: Check[]) => Object.fromEntries(checks.map(({ name, level }) => [name, level]));
const checkNamed = (checks: Check[], name: string) => checks.find((check) => check.name === name);

describe('the database of the doctor', () => {
  let database: TestPostgres;
  let store: Store;
  let facts: DatabaseFacts;
  beforeEach(async () => {
    database = await freshPostgres();
    // The database's clock stands at 09:20 of the day, as this machine's does.
    const name = new URL(database.url).pathname.slice(1);
    await database.session.exec(`alter database ${name} set daily_scan.now = '${tradeDate}T09:20:00+05:30'`);
    store = makeStore(database);
    const rows = await database.session.query('select version from supabase_migrations.schema_migrations');
    const migrations = rows.map(({ version }) => String(version));
    facts = { store, nowMs: () => nowMs, mode: 'paper', scanned: [nse], migrations };
  });
  afterEach(() => database.close());

  test('is well: nothing to do but what is always so', async () => {
    await openTestRun(store, { users: [user('asha', { whatsapp: '+919800000001' })] });
    const checks = await checkDatabase(facts);
    expect(checks.filter(({ level }) => level !== 'ok')).toEqual([]);
    expect(checkNamed(checks, 'calendar')?.says).toBe('today is a trading day; next session XNSE:2025-08-29:open');
    expect(checkNamed(checks, 'signals')?.says).toBe(`1 for ${tradeDate}`);
  });

  test('is empty: says what to import', async () => {
    const checks = await checkDatabase(facts);
    expect(levels(checks)).toMatchObject({ signals: 'warning', users: 'warning', books: 'ok', venues: 'ok' });
    expect(checkNamed(checks, 'users')?.todo).toContain('npm run import -- users');
  });

  test('after the cut-off asks for the signals of the next session', async () => {
    const evening = await checkDatabase({ ...facts, nowMs: () => nowMs + 10 * 60 * 60_000 });
    expect(checkNamed(evening, 'signals')?.says).toBe('none for 2025-08-29 yet');
  });

  test('asks each market’s calendar and signals by the market’s own clock', async () => {
    // In India it is the 27th and a Thursday’s holiday of New York still lasts.
    const newYork = { market: marketOfExchange('US'), cutOffTime: '09:50:00' };
    const nightMs = Date.parse('2026-11-27T02:00:00+05:30');
    const checks = await checkDatabase({ ...facts, scanned: [nse, newYork], nowMs: () => nightMs });
    expect(checkNamed(checks, 'calendar')?.says).toBe('today is a trading day; next session XNSE:2026-11-30:open');
    expect(checkNamed(checks, 'calendar XNYS')?.says).toBe(
      'today is closed (Thanksgiving Day); next session XNYS:2026-11-27:open',
    );
    expect(checkNamed(checks, 'signals')?.says).toBe('none for 2026-11-27 yet');
    expect(checkNamed(checks, 'signals XNYS')?.says).toBe('none for 2026-11-27 yet');
  });

  test('names signals of a market that no schedule scans', async () => {
    const named = { tradeDate, strategy: 's', exchange: 'US', symbol: 'AAPL', side: 'BUY' as const };
    const signal = { ...buy('AAPL', 1, 250_00), ...named, id: signalIdOf(named) };
    await store.call('import_signals', { signals: [signal], source: 'import:us.csv', by: tester });
    expect(checkNamed(await checkDatabase(facts), 'signals XNYS')).toMatchObject({
      level: 'warning',
      says: '1 for 2025-08-28, and no schedule scans XNYS',
    });
  });

  test.each([
    [1_500, 'ok'],
    [-1_500, 'ok'],
    [2_500, 'warning'],
    [-2_500, 'warning'],
  ])('%i ms from its clock is %s', async (skewMs, level) => {
    expect(levels(await checkDatabase({ ...facts, nowMs: () => nowMs + skewMs }))['clock']).toBe(level);
  });

  test('has an older schema: names what is missing and asks nothing more of it', async () => {
    const checks = await checkDatabase({ ...facts, migrations: [...facts.migrations, '20991231000000'] });
    expect(checkNamed(checks, 'migrations')).toEqual({
      name: 'migrations',
      level: 'wrong',
      says: '1 missing, the first is 20991231000000',
      todo: 'npm run migrate',
    });
    expect(checkNamed(checks, 'books')).toBeUndefined();
  });

  test('is asked about live trading too, and only where its schema is this program’s', async () => {
    const live = {
      ...{
        TRADING_MODE: 'live',
        MAX_ORDER_VALUE: '1000000',
        DATABASE_URL: database.url,
        KITE_BASE_URL: 'https://api.kite.trade',
      },
      CREDENTIALS_KEY: randomBytes(32).toString('base64'),
    };
    expect(levels(await examine(readConfig(live), tmpdir()))).toMatchObject({
      ...{ migrations: 'ok', books: 'ok', credentials: 'ok', 'live venues': 'ok', 'live accounts': 'warning' },
      logins: 'wrong',
    });
    await database.session.exec('delete from supabase_migrations.schema_migrations');
    const older = await examine(readConfig(live), tmpdir());
    expect([checkNamed(older, 'migrations')?.level, checkNamed(older, 'credentials')]).toEqual(['wrong', undefined]);
  });

  test('holds what a person has to look at: each with the command', async () => {
    const users = [user('asha'), user('bela')];
    const testRun = await openTestRun(store, { users: users.slice(0, 1) });
    await store.call('import_users', { by: tester, users, mode: 'paper', source: 'test', nowMs });
    await decideAll(testRun);
    const { orderId, clientOrderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'unknown', { reason: 'timeout' })]);
    await database.session.exec("update public.accounts set not_ready = 'drift' where user_id = 'bela'");
    await store.call('halt', { scope: 'all', target: '', why: 'drill', by: { who: 'me', how: 'cli' }, nowMs });
    await database.session.exec('alter table public.orders disable row level security');
    const checks = await checkDatabase(facts);
    expect(levels(checks)).toMatchObject({
      unknown: 'wrong',
      accounts: 'warning',
      halts: 'warning',
      grants: 'wrong',
      'opt-in': 'warning',
    });
    expect(checkNamed(checks, 'unknown')?.todo).toContain(`npm run resolve -- --order ${clientOrderId}`);
    expect(checkNamed(checks, 'unknown')?.todo).toContain('npm run day lists them');
    await database.session.exec(`insert into public.messages (run_id, user_id, kind, status, text, due_at, changed_at)
      select run_id, user_id, 'correction', 'unknown', 'x', now(), now() from public.orders limit 1`);
    const after = await checkDatabase(facts);
    expect(checkNamed(after, 'messages')).toMatchObject({ says: '1 not known to have arrived' });
    expect(checkNamed(checks, 'accounts')?.todo).toContain('npm run account -- --user bela --acknowledge paper');
    expect(checkNamed(checks, 'halts')?.says).toBe('everything (drill)');
    expect(checkNamed(checks, 'grants')?.says).toContain('public.orders');
  });

  test('has books that do not agree: the worst there is', async () => {
    await openTestRun(store);
    await database.session.exec('update public.accounts set cash_minor = cash_minor + 1');
    const books = checkNamed(await checkDatabase(facts), 'books');
    expect(books).toMatchObject({ level: 'wrong', todo: expect.stringContaining('npm run halt') });
    expect(books?.says).toContain('cash is the sum of its entries (not so: account ');
    expect(books?.says).toContain(': 100000.01, should be 100000.00)');
  });

  test.each([
    ['2031-03-03', 'wrong', 'does not know'],
    ['2026-11-30', 'ok', 'next session'],
    ['2026-12-01', 'warning', 'ends on 2026-12-31: from 1 January 2027 nothing is traded'],
    ['2026-12-24', 'warning', 'ends on'],
    ['2027-01-04', 'wrong', 'does not know'],
  ])('on %s the calendar is %s', async (date, level, says) => {
    const checks = await checkDatabase({ ...facts, nowMs: () => Date.parse(`${date}T09:20:00+05:30`) });
    expect(checkNamed(checks, 'calendar')).toMatchObject({ level, says: expect.stringContaining(says) });
  });
});

describe('what is around it', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'doctor-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
  });
  const secret = 'a-secret-of-forty-characters-in-this-test';
  const examined = (env: Record<string, string>) =>
    examine(readConfig({ DATA_DIR: join(folder, 'data'), ...env }), folder);

  test('every problem of the environment is a finding of its own', async () => {
    const checks = await examined({ TRADING_MODE: 'real', CONCURRENCY: '0', CRON_SECRET: 'short' });
    expect(checks.filter(({ name, level }) => name === 'configuration' && level === 'wrong')).toHaveLength(3);
  });

  test('a first start has no database yet, which is no error', async () => {
    expect(levels(await examined({ CRON_SECRET: secret }))).toEqual({
      configuration: 'ok',
      secrets: 'ok',
      disk: 'ok',
      database: 'warning',
      WhatsApp: 'warning',
    });
  });

  test.each([
    [{}, 'not set'],
    [{ CRON_SECRET: 'sixteen-letters!' }, '16 characters only'],
  ])('a secret that is weak is noticed: %j', async (env, says) => {
    expect(checkNamed(await examined(env), 'secrets')).toMatchObject({
      level: 'warning',
      says: expect.stringContaining(says),
    });
  });

  test.each([
    [{}, 'warning', 'no sender is set up'],
    [{ TWILIO_CONTENT_SID: '' }, 'wrong', 'no template'],
    [{ PUBLIC_URL: '' }, 'warning', 'no public address'],
    [{ PUBLIC_URL: 'https://example.test' }, 'ok', 'are set'],
  ])('what is missing for messages is said: %j', async (change, level, says) => {
    const sid = (start: string) => `${start}${'0'.repeat(32)}`;
    const twilio = {
      TWILIO_ACCOUNT_SID: sid('AC'),
      TWILIO_AUTH_TOKEN: '0'.repeat(32),
      TWILIO_WHATSAPP_FROM: '+14155550100',
      TWILIO_CONTENT_SID: sid('HX'),
    };
    const env = level === 'warning' && says.includes('sender') ? {} : { ...twilio, ...change };
    expect(checkNamed(await examined(env), 'WhatsApp')).toMatchObject({ level, says: expect.stringContaining(says) });
  });

  test('a .env that others may read is noticed', async () => {
    const file = join(folder, '.env');
    writeFileSync(file, 'CRON_SECRET=x');
    chmodSync(file, 0o644);
    expect(checkNamed(await examined({}), '.env')).toMatchObject({ level: 'warning', todo: `chmod 600 ${file}` });
    chmodSync(file, 0o600);
    expect(checkNamed(await examined({}), '.env')?.level).toBe('ok');
  });

  test('a DATA_DIR that can not be written is wrong', async () => {
    writeFileSync(join(folder, 'file'), '');
    expect(checkNamed(await examined({ DATA_DIR: join(folder, 'file', 'data') }), 'disk')?.level).toBe('wrong');
  });

  test('a database that does not answer is wrong, and its password is not shown', async () => {
    const checks = await examined({ DATABASE_URL: 'postgres://scan:hunter2hunter2@127.0.0.1:1/none' });
    expect(checkNamed(checks, 'database')).toMatchObject({
      level: 'wrong',
      says: expect.stringContaining('ECONNREFUSED'),
    });
    expect(JSON.stringify(checks)).not.toContain('hunter2hunter2');
  });
});

describe('npm run doctor', () => {
  test('shows a table, says what to do, and ends with 1 where something is wrong', async () => {
    const { code, stdout } = await cliSandbox().run(['doctor'], { TRADING_MODE: 'real', PORT: 'x' });
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ {2}configuration {2}TRADING_MODE must be paper or live/);
    expect(stdout).toMatch(/✗ {2}configuration {2}PORT must be a whole number/);
    expect(stdout).toContain('To do:');
  });

  test('ends with 0 where nothing is wrong, and changes nothing', async () => {
    const here = cliSandbox();
    const before = here.fingerprint();
    const { code, stdout } = await here.run(['doctor', '--json']);
    expect(code).toBe(0);
    const { checks } = JSON.parse(stdout) as { checks: Check[] };
    expect(levels(checks)).toMatchObject({ configuration: 'ok', database: 'warning' });
    expect(here.fingerprint()).toEqual(before);
  });
});
