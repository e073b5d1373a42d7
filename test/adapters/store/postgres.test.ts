import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPostgres } from '../../../src/adapters/store/postgres.ts';
import { DatabaseError } from '../../../src/ports/database.ts';
import { blankPglite, blankPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

const FUNCTIONS = `
create function public.echo(args jsonb) returns jsonb language sql as $$ select args $$;
create function public.nothing(args jsonb) returns jsonb language sql as $$ select null::jsonb $$;
create function public.refuse(args jsonb) returns jsonb language plpgsql as $$
begin raise exception 'plan changed' using errcode = 'PT409', detail = 'the expected one is older', hint = 'plan again'; end $$;
create table public.phones (phone text constraint a_phone_is_listed_once primary key);
create function public.add_phone(args jsonb) returns jsonb language sql as $$
insert into public.phones values (args ->> 'phone') returning to_jsonb(phone) $$;
create function public.broken_inside(args jsonb) returns jsonb language plpgsql as $$ begin return public.no_such(args); end $$;
create function public.slow(args jsonb) returns jsonb language sql as $$ select to_jsonb(pg_sleep(20)::text) $$;
create function public.fail_with(args jsonb) returns jsonb language plpgsql as $$
begin raise exception 'as told' using errcode = args ->> 'code'; end $$;
create function public.drop_me(args jsonb) returns jsonb language sql as $$
select to_jsonb(pg_terminate_backend(pg_backend_pid())) $$;
`;

async function failure(call: Promise<unknown>): Promise<DatabaseError> {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DatabaseError)) throw new Error('expected a DatabaseError', { cause: error });
  return error;
}

describe.each([
  ['pg', blankPostgres],
  ['PGlite', blankPglite],
])('a database function called over %s', (_transport, fresh) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await fresh();
    await database.session.exec(FUNCTIONS);
  });
  afterAll(() => database.close());

  test('gets its arguments as JSON and gives its JSON back, whatever the JSON is', async () => {
    const values = [
      { a: [1, 'two', null, { deep: true }], text: `quotes ' " $1 \\ ₹` },
      [1, 2],
      [],
      'text',
      7,
      true,
      null,
    ];
    // null arguments are sent as an empty object: a function always gets JSON, never an SQL null.
    const expected = values.map((value) => value ?? {});
    expect(await Promise.all(values.map((value) => database.call('echo', value)))).toEqual(expected);
    expect(await database.call('nothing', {})).toBe(null);
  });

  test('refuses with the code, details and hint the function raised', async () => {
    const error = await failure(database.call('refuse', {}));
    expect(error).toMatchObject({
      kind: 'refused',
      code: 'PT409',
      message: 'plan changed',
      details: 'the expected one is older',
      hint: 'plan again',
    });
    expect(error.cause).toBeInstanceOf(Error);
  });

  test.each([
    ['22P05', 'refused'],
    ['23514', 'refused'],
    ['0A000', 'refused'],
    ['54000', 'refused'],
    ['P0001', 'refused'],
    ['40001', 'busy'],
    ['55P03', 'busy'],
    // A full Supabase pooler; a server that became a standby; no code of Postgres at all.
    ['XX000', 'lost'],
    ['25006', 'lost'],
    ['72000', 'lost'],
    ['53300', 'lost'],
  ])('judges SQLSTATE %s by what it proves: %s', async (code, kind) => {
    expect(await failure(database.call('fail_with', { code }))).toMatchObject({ kind, code, answered: true });
  });

  test('says which command to run when the function is not there', async () => {
    const error = await failure(database.call('not_there', {}));
    expect(error).toMatchObject({ kind: 'refused', code: '42883' });
    expect(error.message).toContain('npm run migrate');
  });

  test('does not blame the schema for a missing function inside a function', async () => {
    const error = await failure(database.call('broken_inside', {}));
    expect(error.code).toBe('42883');
    expect(error.message).not.toContain('npm run migrate');
  });

  test('keeps values of rows and arguments out of the error', async () => {
    await database.call('add_phone', { phone: '+919812345678' });
    const error = await failure(database.call('add_phone', { phone: '+919812345678' }));
    expect(error.code).toBe('23505');
    expect(error.message).toContain('a_phone_is_listed_once');
    const own = Object.getOwnPropertyNames(error.cause).map((key) => [key, Reflect.get(error.cause as object, key)]);
    expect(JSON.stringify([error.message, error.details, own])).not.toContain('9812345678');
  });

  test('takes no name that could carry SQL', async () => {
    for (const name of ['echo(null); drop table phones; --', 'Echo', 'public.echo', '', 'a b']) {
      await expect(database.call(name, {})).rejects.toThrow(TypeError);
    }
  });

  test('is lost, not refused, once the connection is closed', async () => {
    const other = await fresh();
    await other.close();
    expect((await failure(other.call('echo', {}))).kind).toBe('lost');
  });
});

describe('the pg pool', () => {
  let database: TestPostgres;
  beforeAll(async () => {
    database = await blankPostgres();
    await database.session.exec(FUNCTIONS);
  });
  afterAll(() => database.close());

  test('calls a server that is not there lost', async () => {
    const nowhere = openPostgres({ url: 'postgres://postgres:postgres@127.0.0.1:1/postgres', max: 1 });
    const error = await failure(nowhere.call('echo', {}));
    expect(error).toMatchObject({ kind: 'lost', code: 'ECONNREFUSED' });
    await nowhere.close();
  });

  test('calls a connection the server ends lost, and goes on with a new one', async () => {
    expect(await failure(database.call('drop_me', {}))).toMatchObject({ kind: 'lost', code: '57P01' });
    expect(await database.call('echo', { still: 'here' })).toEqual({ still: 'here' });
  });

  test('keeps as many connections as it is told to when nothing is asked, and ends the others', async () => {
    const pools = [openPostgres({ url: database.url, max: 2, kept: 1 }), openPostgres({ url: database.url, max: 2 })];
    await database.session.exec(`create function public.my_pid(args jsonb) returns jsonb language sql as
      $$ select to_jsonb(pg_backend_pid()) from pg_sleep(0.05) $$`);
    const pids = await Promise.all(
      pools.map((pool) => Promise.all([pool.call('my_pid', {}), pool.call('my_pid', {})])),
    );
    const connected = async (of: unknown): Promise<number> => {
      const found = await database.session.query('select from pg_stat_activity where pid = any($1)', [of]);
      return found.length;
    };
    expect(await Promise.all(pids.map(connected))).toEqual([2, 2]);
    await expect
      .poll(async () => [await connected(pids[0]), await connected(pids[1])], { timeout: 30_000 })
      .toEqual([1, 0]);
    expect(pids[0]).toContain(await pools[0]?.call('my_pid', {}));
    await Promise.all(pools.map((pool) => pool.close()));
  });

  test('survives the server ending its idle connections', async () => {
    await database.call('echo', {});
    await database.session.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );
    let answer: unknown;
    // The pool may hand out a connection before it has heard of its end: that call is lost, and may be repeated.
    for (let attempt = 0; attempt < 20 && answer === undefined; attempt += 1) {
      answer = await database.call('echo', { back: true }).catch((error: DatabaseError) => {
        expect(error.kind).toBe('lost');
      });
    }
    expect(answer).toEqual({ back: true });
  });

  test('ends each call at a limit of its own, whatever the role or the session says', async () => {
    const one = openPostgres({ url: database.url, max: 1 });
    await database.session.exec(`create function public.my_limit(args jsonb) returns jsonb language sql as
      $$ select to_jsonb(current_setting('statement_timeout')) $$`);
    expect([await one.call('my_limit', {}, 60_000), await one.call('my_limit', {})]).toEqual(['1min', '5s']);
    await one.close();
  });

  test('takes any text for what it is, in one message with the limit', async () => {
    const texts = ["' || '", "\\'; drop table phones; --", '\\\\', "E'\\x41'", '$$', '\u2028 ₹ 😀', '"\\"', '--'];
    expect(await database.call('echo', { texts })).toEqual({ texts });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (text) => {
        fc.pre(!text.includes('\0'));
        expect(await database.call('echo', { [text]: text })).toEqual({ [text]: text });
      }),
      { numRuns: 200 },
    );
  });

  test('ends a call that takes longer than the limit, on the server too, and the pool stays usable', async () => {
    const limited = openPostgres({ url: database.url, max: 1, statementTimeoutMs: 50 });
    expect(await failure(limited.call('slow', {}))).toMatchObject({ kind: 'busy', code: '57014' });
    expect(await limited.call('echo', [1])).toEqual([1]);
    const running =
      await database.session.query(`select 1 from pg_stat_activity where query like '%slow(%' and state = 'active'
      and pid <> pg_backend_pid()`);
    expect(running).toEqual([]);
    await limited.close();
  });

  test('commits what a call with a limit wrote, and only then answers', async () => {
    const limited = openPostgres({ url: database.url, max: 1, statementTimeoutMs: 5_000 });
    await limited.call('add_phone', { phone: 'limited' });
    expect((await failure(limited.call('add_phone', { phone: 'limited' }))).kind).toBe('refused');
    expect(await database.session.query(`select phone from phones where phone = 'limited'`)).toEqual([
      { phone: 'limited' },
    ]);
    await limited.close();
  });

  test('names itself to the server and leaves no prepared statement behind, so a transaction pooler can carry it', async () => {
    const one = openPostgres({ url: database.url, max: 1 });
    await database.session.exec(`create function public.who(args jsonb) returns jsonb language sql as
      $$ select jsonb_build_object('name', current_setting('application_name'), 'prepared', (select count(*) from pg_prepared_statements)) $$`);
    await one.call('echo', {});
    expect(await one.call('who', {})).toEqual({ name: 'daily-scan', prepared: 0 });
    await one.close();
  });
});
