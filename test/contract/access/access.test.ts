import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrate } from '../../../src/adapters/store/migrate.ts';
import { PRELUDE_SQL } from '../../../src/adapters/store/prelude.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { SqlSession } from '../../../src/ports/database.ts';
import { type Store, storeFunctions } from '../../../src/ports/store/store.ts';
import { freshSupabase, type TestSupabase } from '../../simulators/postgrest.ts';
import { nowMs, user } from '../../support/builders.ts';
import { blankPostgres } from '../../support/postgres.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendAll, settle, settlement } from '../support/test-run.ts';

/** Tables a user may read, where the row is theirs. */
const OWN = ['accounts', 'decisions', 'fills', 'ledger_entries', 'messages', 'orders', 'positions'];

const logins = { asha: randomUUID(), ravi: randomUUID() };

/** Asha and Ravi have traded, and have a message each; Meera has no login. */
async function trade(store: Store, session: SqlSession): Promise<void> {
  await decideAll(await openTestRun(store, { users: ['asha', 'ravi', 'meera'].map((id) => user(id)) }));
  const orders = await sendAll(store);
  const filled = orders.map(({ orderId }) => settlement(orderId, 'filled', { fills: [fill(`f${orderId}`, 10)] }));
  await settle(store, filled);
  await store.call('finish_run', { runId: 'XNSE:2025-08-28:open:paper', nowMs });
  const due = await store.call('read_due_messages', { runId: null, limit: 10, nowMs: nowMs + 90_000 });
  const texts = due.map(({ messageId, userId }) => ({ messageId, text: `for ${userId}, +919812345678` }));
  await store.call('mark_sending', { messages: texts, nowMs });
  for (const [id, login] of Object.entries(logins)) {
    await session.query('update public.users set auth_user_id = $2 where id = $1', [id, login]);
  }
}

/** Whose rows these are: the users they name, by themselves or by their account. */
async function owners(session: SqlSession, rows: Record<string, unknown>[]): Promise<unknown[]> {
  const accounts = await session.query('select id::text, user_id from public.accounts');
  const byAccount = new Map(accounts.map(({ id, user_id }) => [id, user_id]));
  return [...new Set(rows.map((row) => row['user_id'] ?? byAccount.get(String(row['account_id']))))];
}

/** What `work` sees as `role` with these claims; nothing it does stays. */
async function as<T>(session: SqlSession, role: string, claims: string | null, work: () => Promise<T>): Promise<T> {
  await session.exec('begin');
  try {
    if (claims !== null) await session.query("select set_config('request.jwt.claims', $1, true)", [claims]);
    await session.exec(`set local role ${role}`);
    return await work();
  } finally {
    await session.exec('rollback');
  }
}

const subject = (sub: string) => JSON.stringify({ sub, role: 'authenticated' });
const denied = expect.objectContaining({ code: '42501' });

/** Every right that Supabase's roles and everybody have in our schemas, in words. */
const RIGHTS = `
with roles as (select unnest(array['anon', 'authenticated', 'service_role', 'daily_scan_service', 'daily_scan_http',
  'public']) as role),
things as (select c.oid, c.relkind, c.oid::regclass::text as name from pg_class c
  join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('public', 'core', 'paper_venue'))
select role || ' may ' || lower(privilege) || ' ' || name as may from roles, things,
  unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) privilege
where relkind in ('r', 'p', 'v', 'm', 'f') and has_table_privilege(role, oid, privilege)
union all
select role || ' may ' || lower(privilege) || ' a column of ' || name from roles, things,
  unnest(array['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) privilege
where relkind in ('r', 'p', 'v', 'm', 'f') and has_any_column_privilege(role, oid, privilege)
  and not has_table_privilege(role, oid, privilege)
union all
select role || ' may use ' || name from roles, things
where relkind = 'S' and has_sequence_privilege(role, oid, 'usage, select, update')
union all
select role || ' may call ' || p.oid::regprocedure from roles, pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('public', 'core', 'paper_venue') and has_function_privilege(role, p.oid, 'execute')
union all
select role || ' may look into ' || n.nspname from roles, pg_namespace n
where n.nspname in ('core', 'paper_venue') and has_schema_privilege(role, n.oid, 'usage, create')
union all
select name || ' has no row security' from things, pg_class c
where c.oid = things.oid and things.relkind in ('r', 'p') and not c.relrowsecurity
order by 1`;

const meant = [
  ...OWN.map((table) => `authenticated may select ${table}`),
  'authenticated may select a column of instruments',
  'authenticated may call core.current_user_id()',
  ...Object.keys(storeFunctions).flatMap((name) => [
    `service_role may call ${name}(jsonb)`,
    `daily_scan_service may call ${name}(jsonb)`,
  ]),
];

/** The smaller set is kept in the database; test/contract/access/roles.test.ts holds it against what is really called. */
async function meantIn(session: SqlSession): Promise<string[]> {
  const rows = await session.query('select unnest(core.http_functions()) as name');
  return [...meant, ...rows.map(({ name }) => `daily_scan_http may call ${name}(jsonb)`)].sort();
}

const rightsIn = async (session: SqlSession) => (await session.query(RIGHTS)).map(({ may }) => may).sort();

onEveryDatabase('access', ({ store, session, value, breaks }) => {
  test('nobody has a right that is not meant', async () => {
    expect(await rightsIn(session)).toEqual(await meantIn(session));
  });

  test('what somebody granted by hand is taken back', async () => {
    await session.exec(`grant all on public.orders to daily_scan_http, anon; grant usage on schema core to public;
      grant execute on function public.settle_orders(jsonb), core.lock_down() to daily_scan_http, public;
      alter table public.users disable row level security; select core.lock_down();`);
    expect(await rightsIn(session)).toEqual(await meantIn(session));
  });

  test('a new function is for nobody until somebody says for whom', async () => {
    await session.exec(
      `begin; create function public.brand_new(args jsonb) returns jsonb language sql as 'select args'`,
    );
    const rights = await rightsIn(session);
    await session.exec('rollback');
    expect(rights).toEqual(await meantIn(session));
  });

  test('a user reads their own rows and no other', async () => {
    await trade(store, session);
    for (const [id, login] of Object.entries(logins)) {
      for (const table of OWN) {
        const sql = `select * from public.${table}`;
        const rows = await as(session, 'authenticated', subject(login), () => session.query(sql));
        expect([table, await owners(session, rows)]).toEqual([table, [id]]);
        const all = await session.query(sql);
        const others = (await Promise.all(all.map((row) => owners(session, [row])))).filter(([owner]) => owner !== id);
        expect([table, rows.length], 'all of theirs').toEqual([table, all.length - others.length]);
      }
    }
  });

  test('a user reads the names of what is listed, and of an unlisted instrument only where it is in their books', async () => {
    await trade(store, session);
    await session.exec(`insert into public.instruments (exchange, symbol, assumed)
      values ('NSE', 'SECRET', true), ('NSE', 'OWN', true);
      insert into public.positions (account_id, instrument_id, product, quantity, cost_minor, margin_minor,
        last_filled_at)
      select a.id, i.id, 'delivery', 0, 0, 0, '2025-08-28' from public.accounts a, public.instruments i
      where a.user_id = 'asha' and i.symbol = 'OWN'`);
    breaks('a position ends with its last fill');
    const sql = 'select id, exchange, symbol, isin, name from public.instruments order by symbol';
    const symbols = async (login: string) => {
      const rows = await as(session, 'authenticated', subject(login), () => session.query(sql));
      return rows.map(({ symbol }) => symbol);
    };
    expect(await symbols(logins.asha)).toEqual(['OWN', 'TITAN']);
    expect(await symbols(logins.ravi)).toEqual(['TITAN']);
    const rest = as(session, 'authenticated', subject(logins.asha), () =>
      session.query('select restricted from public.instruments'),
    );
    await expect(rest).rejects.toEqual(denied);
    const anonymous = as(session, 'anon', null, () => session.query(sql));
    await expect(anonymous).rejects.toEqual(denied);
  });

  test.each([
    ['no claims', null],
    ['empty claims, as a pooled connection keeps them', ''],
    ['claims of nobody', '{}'],
    ['a subject that is null', '{"sub": null}'],
    ['a stranger', subject(randomUUID())],
  ])('%s: no rows', async (_what, claims) => {
    await trade(store, session);
    for (const table of OWN) {
      const sql = `select * from public.${table}`;
      expect(await as(session, 'authenticated', claims, () => session.query(sql)), table).toEqual([]);
    }
  });

  test('a user changes nothing, not even their own rows, and reaches nothing inside', async () => {
    await trade(store, session);
    const forbidden = [
      ...OWN.flatMap((table) => [
        `delete from public.${table} where true`,
        `insert into public.${table} overriding system value select * from public.${table}`,
        `truncate public.${table} cascade`,
      ]),
      'update public.accounts set cash_minor = cash_minor + 1',
      "update public.orders set status = 'canceled'",
      `update public.users set auth_user_id = '${logins.asha}' where id = 'ravi'`,
      'select * from public.users',
      'select * from public.scan_runs',
      'select core.current_user_id()',
      'select * from core.order_transitions',
      'select * from paper_venue.orders',
    ];
    for (const sql of forbidden) {
      const tried = as(session, 'authenticated', subject(logins.asha), () => session.exec(sql));
      await expect(tried, sql).rejects.toEqual(denied);
    }
  });

  test('no function changes all rows of a table: the API of a Supabase project refuses that (safeupdate)', async () => {
    const functions = await session.query(`select p.oid::regprocedure::text as name, prosrc as text from pg_proc p
      join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('public', 'core', 'paper_venue')`);
    const all = functions.flatMap(({ name, text }) => {
      const code = String(text).replace(/--.*$/gm, '');
      const changes = code.match(/\b(delete\s+from|(?<!\bdo |\bkey )update)\s+[a-z_]+\.[^;]*/g) ?? [];
      return changes.filter((change) => !/\bwhere\b/.test(change)).map((change) => `${name}: ${change}`);
    });
    expect(all).toEqual([]);
  });

  test('a login is of one user', async () => {
    await trade(store, session);
    const twice = session.exec(`update public.users set auth_user_id = '${logins.asha}' where id = 'meera'`);
    await expect(twice).rejects.toThrow('a_login_is_of_one_user');
    expect(await value('select count(*)::int from public.users where auth_user_id is null')).toBe(1);
  });
});

test('on a project that grants everything by default nobody has more rights', async () => {
  const project = await blankPostgres();
  try {
    // As Supabase projects from before 2026-10 are set up.
    await project.session.exec(`${PRELUDE_SQL}
      alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
      alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
      alter default privileges in schema public grant all on functions to anon, authenticated, service_role;`);
    await migrate(project.session);
    expect(await rightsIn(project.session)).toEqual(await meantIn(project.session));
  } finally {
    await project.close();
  }
});

describe('over the API of a project', () => {
  let project: TestSupabase;
  beforeAll(async () => {
    project = await freshSupabase();
    await trade(makeStore(project), project.session);
  });
  afterAll(() => project.close());

  async function ask(path: string, token: string | null, body?: object): Promise<{ status: number; body: unknown }> {
    const { url, publishableKey: apikey } = project.api;
    const headers = { apikey, 'content-type': 'application/json' };
    const response = await fetch(`${url}/rest/v1/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: token === null ? headers : { ...headers, authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }

  test('a user who is logged in gets their rows, and anybody else none', async () => {
    const [asha, otherUser] = await Promise.all([logins.asha, randomUUID()].map((id) => project.api.tokenOf(id)));
    for (const table of OWN) {
      const { status, body } = await ask(`${table}?select=*`, asha ?? '');
      const rows = Array.isArray(body) ? body : [];
      expect([status, await owners(project.session, rows)], table).toEqual([200, ['asha']]);
      expect(await ask(`${table}?select=*`, otherUser ?? ''), table).toEqual({ status: 200, body: [] });
    }
  });

  test('a visitor reads nothing, and a forged token is refused', async () => {
    const genuine = await project.api.tokenOf(logins.asha);
    const forged = genuine.replace(/\.[^.]+$/, '.c2lnbmF0dXJl');
    for (const table of [...OWN, 'users', 'scan_runs']) {
      expect(await ask(`${table}?select=*`, null), table).toMatchObject({ status: 401, body: { code: '42501' } });
    }
    expect(await ask('orders?select=*', forged)).toMatchObject({ status: 401, body: { code: 'PGRST301' } });
  });

  test('tables that are not theirs to read are refused to a user', async () => {
    const token = await project.api.tokenOf(logins.asha);
    const tables = await project.session.query("select tablename from pg_tables where schemaname = 'public'");
    const others = tables.map(({ tablename }) => String(tablename)).filter((name) => !OWN.includes(name));
    expect(others).toContain('users');
    for (const table of others) {
      expect(await ask(`${table}?select=*`, token), table).toMatchObject({ status: 403, body: { code: '42501' } });
    }
  });

  test('no function is for visitors or users', async () => {
    const token = await project.api.tokenOf(logins.asha, { user_role: 'service_role' });
    for (const name of Object.keys(storeFunctions)) {
      const noPrivilege = { body: { code: '42501' } };
      expect(await ask(`rpc/${name}`, null, { args: {} }), name).toMatchObject({ status: 401, ...noPrivilege });
      expect(await ask(`rpc/${name}`, token, { args: {} }), name).toMatchObject({ status: 403, ...noPrivilege });
    }
    const inner = await ask('rpc/current_user_id', token, {});
    expect(inner).toMatchObject({ status: 404, body: { code: 'PGRST202' } });
  });
});
