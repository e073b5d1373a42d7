import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LoginGroup, loginGroups, makeLogin, scramVerifier } from '../../../src/adapters/store/logins.ts';
import { openPostgres, openPostgresSession } from '../../../src/adapters/store/postgres.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { loginFor, type TestLogin } from '../../support/logins.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';

let database: TestPostgres;
const logins = new Map<LoginGroup, TestLogin>();

beforeAll(async () => {
  database = await freshPostgres();
  for (const group of loginGroups) logins.set(group, await loginFor(database, group));
});
afterAll(async () => {
  for (const login of logins.values()) await login.drop();
  await database.close();
});

function loginOf(group: LoginGroup): TestLogin {
  const login = logins.get(group);
  if (!login) throw new Error(`no login of ${group}`);
  return login;
}

const denied = expect.objectContaining({ code: '42501' });

describe.each(loginGroups)('a login of daily_scan_%s', (group) => {
  test('reads and changes no table, and reaches nothing inside', async () => {
    const tables = await database.session.query(`select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname in ('public', 'core', 'paper_venue', 'supabase_migrations')`);
    const inner = await database.session.query(`select oid::regproc::text as name from pg_proc
      where pronamespace in ('core'::regnamespace, 'paper_venue'::regnamespace) and pronargs = 0`);
    expect([tables.length > 30, inner.length > 0]).toEqual([true, true]);
    const session = await openPostgresSession(loginOf(group).url);
    const forbidden = [
      ...tables.flatMap(({ name }) => [`select * from ${name}`, `delete from ${name}`, `truncate ${name}`]),
      ...inner.map(({ name }) => `select ${name}()`),
      'create table public.mine (a int)',
      'create function public.settle_orders(args json) returns json language sql as $$ select args $$',
      'create schema mine',
      'create role mine',
      'set role postgres',
      `alter role ${loginOf(group).name} superuser`,
      'copy (select 1) to program $$true$$',
      'select pg_read_file($$/etc/passwd$$)',
    ];
    try {
      for (const sql of forbidden) await expect(session.exec(sql), sql).rejects.toEqual(denied);
    } finally {
      await session.close();
    }
  });

  test('is known to the doctor as one that reaches nothing', async () => {
    const store = makeStore(openPostgres({ url: loginOf(group).url, max: 1 }));
    if (group === 'http') {
      await expect(store.call('read_privileges', {})).rejects.toMatchObject({ kind: 'refused', code: '42501' });
    } else {
      const reach = { superuser: false, owner: false, tables: [], missingRoles: [] };
      expect(await store.call('read_privileges', {})).toEqual({ role: loginOf(group).name, ...reach });
    }
    await store.close();
  });
});

test('what serves HTTP only does not settle, take, adjust, import, or read credentials', async () => {
  const store = makeStore(openPostgres({ url: loginOf('http').url, max: 1 }));
  const session = await openPostgresSession(loginOf('http').url);
  for (const name of [
    'settle_orders',
    'take_orders',
    'mark_resend',
    'adjust_books',
    'import_users',
    'import_signals',
    'read_credentials',
    'read_all_credentials',
    'store_credentials',
    'create_api_key',
    'set_user',
    'resume',
    'resolve_order',
    'correct_fill',
    'acknowledge_account',
    'resend_message',
  ]) {
    await expect(session.query(`select public.${name}('{}')`), name).rejects.toEqual(denied);
  }
  await session.close();
  await store.close();
});

test('the owner is known as one that reads tables', async () => {
  const reach = await makeStore(database).call('read_privileges', {});
  expect(reach).toMatchObject({ role: 'postgres', superuser: true, owner: true, missingRoles: [] });
  expect(reach.tables).toContain('public.accounts');
});

test('a login gets a new password and loses what else it was given', async () => {
  const login = loginOf('http');
  await database.session.exec(`alter role ${login.name} createdb; grant daily_scan_service to ${login.name}`);
  expect(await makeLogin(database.session, { name: login.name, group: 'http', password: 'a-new-one' })).toBe('changed');
  await expect(openPostgresSession(login.url)).rejects.toThrow('password authentication failed');
  const session = await openPostgresSession(login.url.replace(/:[^:@]+@/, ':a-new-one@'));
  await expect(session.query("select public.settle_orders('{}')")).rejects.toEqual(denied);
  await expect(session.exec('create database mine')).rejects.toEqual(denied);
  await session.close();
  await makeLogin(database.session, { ...login, group: 'http', password: /:([^:@]+)@/.exec(login.url)?.[1] ?? '' });
});

test('a password is kept as Postgres itself keeps it', () => {
  // RFC 7677 §3: user "user", password "pencil", this salt, 4096 iterations.
  expect(scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'))).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
});

test('every function that the routes call is granted to what serves HTTP only, or named here', async () => {
  const folder = resolve(import.meta.dirname, '../../../src/http');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8'));
  const called = new Set(texts.flatMap((text) => [...text.matchAll(/\.call\('(\w+)'/g)].map(([, name = '']) => name)));
  const rows = await database.session.query('select unnest(core.http_functions()) as name');
  const granted = new Set(rows.map(({ name }) => String(name)));
  // The backstop's route sends, looks up and settles: it is for a process that may. Whatever else is missing belongs in
  // core.http_functions() (supabase/migrations/20261121000890_roles.sql).
  const forWorkers = ['count_unfinished', 'finish_runs'];
  expect([...called].filter((name) => !granted.has(name)).sort()).toEqual(forWorkers);
});
