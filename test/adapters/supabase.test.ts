import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeStore } from '../../src/adapters/store/store.ts';
import { openSupabase } from '../../src/adapters/store/supabase.ts';
import { type Database, DatabaseError } from '../../src/ports/database.ts';
import { type Fault, freshSupabase, html, type TestSupabase } from '../simulators/postgrest.ts';
import { blankPostgres, freshPostgres } from '../support/postgres.ts';

const FUNCTIONS = `
create function public.echo(args jsonb) returns jsonb language sql as $$ select args $$;
create function public.nothing(args jsonb) returns jsonb language sql as $$ select null::jsonb $$;
create function public.nobody(args jsonb) returns void language sql as $$ select $$;
create function public.many(args jsonb) returns jsonb language sql as $$
select jsonb_agg(n) from generate_series(1, 2500) n $$;
create function public.refuse(args jsonb) returns jsonb language plpgsql as $$
begin raise exception 'plan changed' using errcode = 'PT409', detail = 'the expected one is older', hint = 'plan again'; end $$;
create function public.fail_with(args jsonb) returns jsonb language plpgsql as $$
begin raise exception 'as told' using errcode = args ->> 'code', detail = '+919812345678'; end $$;
create table public.phones (phone text constraint a_phone_is_listed_once primary key);
create function public.add_phone(args jsonb) returns jsonb language sql security definer as $$
insert into public.phones values (args ->> 'phone') returning to_jsonb(phone) $$;
create function public.broken_inside(args jsonb) returns jsonb language plpgsql as $$ begin return public.no_such(args); end $$;
create function public.forbidden(args jsonb) returns jsonb language sql as $$ select to_jsonb(phone) from public.phones $$;
create function public.slow(args jsonb) returns jsonb language sql security definer set statement_timeout = 50 as $$
select to_jsonb(pg_sleep(20)::text) $$;
create function public.drop_me(args jsonb) returns jsonb language sql security definer as $$
select to_jsonb(pg_terminate_backend(pg_backend_pid())) $$;
create function public.who(args jsonb) returns jsonb language sql as $$
select jsonb_build_object('role', current_user, 'claims', current_setting('request.jwt.claims')::jsonb) $$;
`;

async function failure(call: Promise<unknown>): Promise<DatabaseError> {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DatabaseError)) throw new Error('expected a DatabaseError', { cause: error });
  return error;
}

/** Everything an error says, its causes' too. */
function everything(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = Object.getOwnPropertyNames(error).filter((key) => key !== 'cause' && key !== 'stack');
  return [...own.map((key) => String(Reflect.get(error, key))), everything(error.cause)].join('\n');
}

let database: TestSupabase;
const api = () => database.api;

beforeAll(async () => {
  database = await freshSupabase(blankPostgres);
  await database.session.exec(FUNCTIONS);
});
beforeEach(() => {
  api().faults.length = 0;
  api().requests.length = 0;
});
afterAll(() => database.close());

const key = () => ({ url: api().url, secretKey: api().secretKey });

describe('a database function called over Supabase', () => {
  test('gets its arguments as JSON and gives its JSON back, whatever the JSON is', async () => {
    const values = [{ a: [1, 'two', null, { deep: true }], text: `' " $1 \\ ₹` }, [1, 2], [], 'text', 7, true, null];
    const expected = values.map((value) => value ?? {});
    expect(await Promise.all(values.map((value) => database.call('echo', value)))).toEqual(expected);
    expect(await database.call('nothing', {})).toBe(null);
    expect(await database.call('nobody', {})).toBe(null);
  });

  test('gives more than the thousand rows a table would', async () => {
    expect(await database.call('many', {})).toHaveLength(2500);
  });

  test('runs as the service, with the secret key in the header where Supabase looks for it', async () => {
    expect(await database.call('who', {})).toEqual({ role: 'service_role', claims: { role: 'service_role' } });
    const [{ path, headers } = { path: '', headers: {} }] = api().requests;
    expect(path).toBe('/rest/v1/rpc/who');
    expect(headers['apikey']).toBe(api().secretKey);
    // Supabase refuses a Bearer that is neither a JWT nor the same key.
    expect(headers.authorization).toBe(`Bearer ${api().secretKey}`);
  });

  test('refuses with the code, details and hint the function raised', async () => {
    const error = await failure(database.call('refuse', {}));
    const raised = { message: 'plan changed', details: 'the expected one is older', hint: 'plan again' };
    expect(error).toMatchObject({ kind: 'refused', code: 'PT409', ...raised });
    expect(error.cause).toBeInstanceOf(Error);
  });

  test('says which command to run when the function is not there, and not when one inside it is not', async () => {
    const error = await failure(database.call('not_there', {}));
    expect(error).toMatchObject({ kind: 'refused', code: '42883' });
    expect(error.message).toContain('npm run migrate');
    const inside = await failure(database.call('broken_inside', {}));
    expect(inside).toMatchObject({ kind: 'refused', code: '42883' });
    expect(inside.message).not.toContain('npm run migrate');
  });

  test('keeps values of rows and arguments out of the error', async () => {
    await database.call('add_phone', { phone: '+919812345678' });
    const error = await failure(database.call('add_phone', { phone: '+919812345678' }));
    expect(error).toMatchObject({ kind: 'refused', code: '23505' });
    expect(error.message).toContain('a_phone_is_listed_once');
    expect(everything(error)).not.toContain('9812345678');
  });

  test('takes no name that could carry an address', async () => {
    for (const name of ['../phones', 'echo?x=1', 'Echo', '', 'a b']) {
      await expect(database.call(name, {})).rejects.toThrow(TypeError);
    }
    expect(api().requests).toEqual([]);
  });

  test.each([
    ['22023', 'refused'],
    ['23514', 'refused'],
    ['P0001', 'refused'],
    ['0A000', 'refused'],
    ['54000', 'refused'],
    // Undone, and the same call, or a smaller one, may go through the next time.
    ['40P01', 'busy'],
    ['40001', 'busy'],
    ['55P03', 'busy'],
    ['57014', 'busy'],
    // Not on any list, or said by poolers of themselves: nothing is proven.
    ['XX000', 'lost'],
    ['25006', 'lost'],
    ['72000', 'lost'],
    ['08006', 'lost'],
    ['53100', 'lost'],
    ['57P01', 'lost'],
  ])('judges SQLSTATE %s as the pg transport does: %s', async (code, kind) => {
    const error = await failure(database.call('fail_with', { code }));
    expect(error).toMatchObject({ kind, code, message: 'as told' });
    expect(everything(error)).not.toContain('9812345678');
  });

  test('says what the service may not do', async () => {
    expect(await failure(database.call('forbidden', {}))).toMatchObject({ kind: 'refused', code: '42501' });
  });

  test('is busy when the statement timeout ends it, and lost when its connection goes', async () => {
    expect(await failure(database.call('slow', {}))).toMatchObject({ kind: 'busy', code: '57014' });
    expect(await failure(database.call('drop_me', {}))).toMatchObject({ kind: 'lost' });
    expect(await database.call('echo', [1])).toEqual([1]);
  });
});

const json = { kind: 'answer', type: 'application/json', when: 'before' } as const;
const foreign: [string, Fault, string][] = [
  ['a dropped connection', { kind: 'drop', when: 'before' }, 'UND_ERR_SOCKET'],
  ['a gateway page with 502', { ...html, when: 'after', status: 502 }, 'HTTP_502'],
  ['a page with 200', { ...html, when: 'before', status: 200 }, 'HTTP_200'],
  ['no body with 200', { ...json, status: 200, body: '' }, 'HTTP_200'],
  ['half an answer', { ...json, status: 200, body: '{"phone": "+9198123' }, ''],
  // supabase-js by itself takes these two for an empty success.
  ['no body with 404', { ...json, status: 404, body: '' }, 'HTTP_404'],
  ['a list with 404', { ...json, status: 404, body: '[]' }, 'HTTP_404'],
  ['too many requests', { ...json, status: 429, body: '{"message":"rate limit"}' }, 'HTTP_429'],
  ['a time-out of the gateway', { ...json, status: 504, body: '{"message":"upstream timeout"}' }, 'HTTP_504'],
  ['no connection', { ...json, status: 503, body: '{"code":"PGRST000","message":"no connection"}' }, 'PGRST000'],
  ['no schema cache', { ...json, status: 503, body: '{"code":"PGRST002","message":"no cache"}' }, 'PGRST002'],
  ['a full pool', { ...json, status: 504, body: '{"code":"PGRST003","message":"timed out"}' }, 'PGRST003'],
];

describe('a call over Supabase whose answer does not come', () => {
  test.each(foreign)('is lost: %s', async (_what, fault, code) => {
    api().faults.push(fault);
    const error = await failure(database.call('echo', {}));
    expect(error).toMatchObject({ kind: 'lost', code });
    expect(everything(error)).not.toMatch(/9198123|<html>/);
    // supabase-js does not repeat a POST: whether it is worthwhile is for the store to say.
    expect(api().requests).toHaveLength(1);
  });

  test('is lost when it takes too long, though the database goes on with it', async () => {
    const hasty = openSupabase({ ...key(), timeoutMs: 200 });
    api().faults.push({ kind: 'delay', when: 'after', ms: 5_000 });
    expect(await failure(hasty.call('add_phone', { phone: 'late' }))).toMatchObject({
      kind: 'lost',
      code: 'ETIMEDOUT',
    });
    expect(await database.session.query("select phone from phones where phone = 'late'")).toHaveLength(1);
  });

  test('is lost where no server is', async () => {
    const nowhere = openSupabase({ url: 'http://127.0.0.1:1', secretKey: 'sb_secret_x' });
    expect((await failure(nowhere.call('echo', {}))).kind).toBe('lost');
  });

  test('never takes the key to another host', async () => {
    const other = await freshSupabase(blankPostgres);
    const moved: Fault = { ...json, status: 307, body: '', headers: { location: `${other.api.url}/rest/v1/rpc/echo` } };
    api().faults.push(moved);
    expect(await failure(database.call('echo', {}))).toMatchObject({ kind: 'lost', code: 'HTTP_307' });
    expect(other.api.requests).toEqual([]);
    await other.close();
  });
});

describe('the key', () => {
  test.each([
    ['another project', () => 'sb_secret_of_another_project'],
    ['a JWT of another project', () => 'eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl'],
  ])('that is refused is named by its variable, and not shown: %s', async (_what, wrong) => {
    const error = await failure(openSupabase({ ...key(), secretKey: wrong() }).call('echo', {}));
    expect(error.kind).toBe('refused');
    expect(error.message).toContain('SUPABASE_SECRET_KEY');
    expect(everything(error)).not.toContain(wrong());
  });

  test('that has expired is refused, not lost', async () => {
    api().faults.push({ ...json, status: 401, body: '{"code":"PGRST303","message":"JWT expired"}' });
    const error = await failure(database.call('echo', {}));
    expect(error).toMatchObject({ kind: 'refused', code: 'PGRST303' });
    expect(error.message).toContain('SUPABASE_SECRET_KEY');
  });

  test('that no header can carry is refused without being shown', () => {
    const broken = () => openSupabase({ ...key(), secretKey: 'sb_secret_abc\r\n' });
    expect(broken).toThrow(TypeError);
    expect(broken).not.toThrow('abc');
  });
});

describe('a store over Supabase', () => {
  test('repeats a call whose answer was lost, and it has happened once', async () => {
    const real = await freshSupabase(freshPostgres);
    try {
      const opened: Database = openSupabase({ url: real.api.url, secretKey: real.api.secretKey });
      const store = makeStore(opened);
      await store.call('read_calendar_days', { exchange: 'NSE' });
      real.api.faults.push({ kind: 'drop', when: 'after' }, { ...html, when: 'before', status: 502 });
      const halt = { scope: 'all', target: '', why: 'drill', by: { who: 'me', how: 'cli' }, nowMs: 0 } as const;
      expect(await store.call('halt', halt)).toEqual({ changed: false });
      expect(await real.session.query('select why from public.halts')).toEqual([{ why: 'drill' }]);
      expect(real.api.requests).toHaveLength(4);
    } finally {
      await real.close();
    }
  });
});
