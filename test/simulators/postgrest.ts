// A loopback PostgREST with Supabase's roles and keys, and the faults of a network.
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { jwtVerify, SignJWT } from 'jose';
import pg from 'pg';
import { openSupabase } from '../../src/adapters/store/supabase.ts';
import { freshPostgres, type TestPostgres } from '../support/postgres.ts';

/**
 * What a network, a gateway or PostgREST may do to a call. `before`: the database never hears of it; `after`: it has
 * committed. `answer` is something else's in the place of the database's.
 */
export type Fault =
  | { kind: 'drop' | 'delay'; when: 'before' | 'after'; ms?: number }
  | ({ kind: 'answer'; when: 'before' | 'after'; type: string } & Reply);

export const html = { kind: 'answer', type: 'text/html', body: '<html><h1>Bad gateway</h1></html>' } as const;

export interface Postgrest {
  /** As SUPABASE_URL: without `/rest/v1`. */
  url: string;
  secretKey: string;
  publishableKey: string;
  /** What Supabase's login would give the user with this id. */
  tokenOf(authUserId: string, claims?: Record<string, unknown>): Promise<string>;
  /** What happens to the next calls, one each. */
  faults: Fault[];
  /** The calls that arrived: path and headers. */
  requests: { path: string; headers: IncomingMessage['headers'] }[];
  close(): Promise<void>;
}

interface Reply {
  status: number;
  /** null: none, as with 204. */
  body: string | null;
  type?: string;
  headers?: Record<string, string>;
}

type Role = 'anon' | 'authenticated' | 'service_role';
interface Caller {
  role: Role;
  claims: Record<string, unknown>;
}

/** Supabase's limits per role; service_role has none, but its API ends every request after 60 s. */
const STATEMENT_TIMEOUT_MS: Record<Role, number> = { anon: 3_000, authenticated: 8_000, service_role: 60_000 };
const MAX_ROWS = 1000;
const MAX_CONNECTIONS = 20;

/**
 * A loopback stand-in for a Supabase project's API in front of a real Postgres: keys and JWTs, one transaction per
 * request in the caller's role, and PostgREST's answers. What it does was seen on PostgREST 12 with supabase-js 2.119;
 * codes and statuses are those of https://docs.postgrest.org/en/v14/references/errors.html. A request whose client has
 * gone is carried out all the same, as there. It keeps no process alive.
 */
async function startPostgrest(databaseUrl: string): Promise<Postgrest> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: MAX_CONNECTIONS, allowExitOnIdle: true });
  pool.on('error', () => undefined);
  const jwtSecret = randomBytes(32);
  const secretKey = `sb_secret_${randomBytes(12).toString('hex')}`;
  const publishableKey = `sb_publishable_${randomBytes(12).toString('hex')}`;
  const faults: Fault[] = [];
  const requests: Postgrest['requests'] = [];

  const reply = async (request: IncomingMessage, body: string): Promise<Reply> => {
    const caller = await callerOf(request, { secretKey, publishableKey, jwtSecret });
    return 'status' in caller ? caller : carryOut(pool, caller, request, body);
  };
  const server = createServer((request, response) => {
    const body = text(request);
    requests.push({ path: request.url ?? '', headers: request.headers });
    void body
      .then((content) => withFault(faults.shift(), response, () => reply(request, content)))
      .catch(() => response.destroy());
  });
  const { promise, resolve } = Promise.withResolvers<number>();
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    resolve(typeof address === 'object' && address !== null ? address.port : 0);
  });
  const port = await promise;
  server.unref();
  return {
    url: `http://127.0.0.1:${port}`,
    secretKey,
    publishableKey,
    tokenOf: (sub, claims = {}) => {
      const payload = { sub, role: 'authenticated', aud: 'authenticated', ...claims };
      return new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(jwtSecret);
    },
    faults,
    requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await pool.end();
    },
  };
}

async function withFault(fault: Fault | undefined, response: ServerResponse, reply: () => Promise<Reply>) {
  if (fault?.when === 'before') {
    if (fault.kind === 'drop') return response.destroy();
    if (fault.kind === 'answer') return send(response, fault);
    await pause(fault.ms);
  }
  const answer = await reply();
  if (fault?.when === 'after') {
    if (fault.kind === 'drop') return response.destroy();
    if (fault.kind === 'answer') return send(response, fault);
    await pause(fault.ms);
  }
  return send(response, answer);
}

function send(response: ServerResponse, { status, body, type = 'application/json; charset=utf-8', headers }: Reply) {
  response.writeHead(status, body === null ? headers : { 'content-type': type, ...headers });
  response.end(body ?? undefined);
}

const json = (status: number, value: unknown): Reply => ({ status, body: JSON.stringify(value) });

/** An error as PostgREST writes it. */
const refusal = (status: number, code: string, message: string, hint: string | null = null) =>
  json(status, { code, details: null, hint, message });

/** Supabase's gateway judges the key in `apikey`, and PostgREST the JWT; a Bearer that is the key again says nothing. */
async function callerOf(
  { headers }: IncomingMessage,
  keys: { secretKey: string; publishableKey: string; jwtSecret: Uint8Array },
): Promise<Caller | Reply> {
  const key = headers['apikey'];
  if (key === undefined) return json(401, { message: 'No API key found in request' });
  if (key !== keys.secretKey && key !== keys.publishableKey) return json(401, { message: 'Invalid API key' });
  const bearer = headers.authorization?.replace(/^Bearer /, '');
  if (bearer === undefined || bearer === key) {
    const role = key === keys.secretKey ? 'service_role' : 'anon';
    return { role, claims: { role } };
  }
  try {
    const { payload } = await jwtVerify(bearer, keys.jwtSecret);
    const { role = 'anon' } = payload;
    if (role === 'anon' || role === 'authenticated' || role === 'service_role') return { role, claims: payload };
    return refusal(400, '22023', `role "${String(role)}" does not exist`);
  } catch {
    return refusal(401, 'PGRST301', 'JWSError JWSInvalidSignature');
  }
}

async function carryOut(pool: pg.Pool, caller: Caller, request: IncomingMessage, body: string): Promise<Reply> {
  const [, kind, name = ''] = /^\/rest\/v1\/(rpc\/)?(\w+)(?:\?|$)/.exec(request.url ?? '') ?? [];
  if (name === '') return refusal(404, 'PGRST125', 'Invalid path specified in request URL');
  const client = await pool.connect().catch(() => null);
  if (client === null) return refusal(503, 'PGRST000', 'Could not connect with the database');
  let broken = true;
  try {
    const limitMs = STATEMENT_TIMEOUT_MS[caller.role];
    const claims = pg.escapeLiteral(JSON.stringify(caller.claims));
    await client.query(`begin; set local role ${caller.role}; set local statement_timeout = ${limitMs};
      set local request.jwt.claims = ${claims}`);
    const reply =
      kind === undefined ? await readTable(client, name, request.method) : await callFunction(client, name, body);
    await client.query('commit');
    broken = false;
    return reply;
  } catch (error) {
    return refusalOf(error, caller.role);
  } finally {
    // Its transaction ends with the connection.
    client.release(broken);
  }
}

async function callFunction(client: pg.PoolClient, name: string, body: string): Promise<Reply> {
  const args: unknown = JSON.parse(body === '' ? '{}' : body);
  const names = Object.keys(Object(args));
  // PostgREST sets a function's own statement_timeout before the statement: inside it, it would come too late.
  const { rows } = await client.query<{ is_void: boolean }>(
    `select prorettype = 'void'::regtype as is_void,
       (select set_config('statement_timeout', split_part(setting, '=', 2), true)
        from unnest(proconfig) setting where setting like 'statement_timeout=%') from pg_proc
     where pronamespace = 'public'::regnamespace and proname = $1 and coalesce(proargnames, '{}') = $2::text[]`,
    [name, names],
  );
  const [found] = rows;
  if (!found) {
    const signature = `public.${name}${names.length > 0 ? `(${names.join(', ')})` : ' without parameters'}`;
    return refusal(404, 'PGRST202', `Could not find the function ${signature} in the schema cache`);
  }
  const parameters = typeof args === 'object' && args !== null && 'args' in args ? [JSON.stringify(args.args)] : [];
  const result = await client.query<{ body: string | null }>(
    `select public.${name}(${parameters.length > 0 ? 'args => $1::jsonb' : ''})::text as body`,
    parameters,
  );
  return found.is_void ? { status: 204, body: null } : { status: 200, body: result.rows[0]?.body ?? 'null' };
}

async function readTable(client: pg.PoolClient, name: string, method: string | undefined): Promise<Reply> {
  if (method !== 'GET') return refusal(405, 'PGRST117', `Unsupported HTTP method: ${method}`);
  const { rows } = await client.query("select from pg_class where oid = to_regclass('public.' || $1)", [name]);
  if (rows.length === 0)
    return refusal(404, 'PGRST205', `Could not find the table 'public.${name}' in the schema cache`);
  const result = await client.query<{ body: string; count: number }>(
    `select coalesce(json_agg(t), '[]')::text as body, count(*)::int as count
     from (select * from public.${name} limit ${MAX_ROWS}) t`,
  );
  const { body = '[]', count = 0 } = result.rows[0] ?? {};
  return { status: 200, body, headers: { 'content-range': count === 0 ? '*/*' : `0-${count - 1}/*` } };
}

/** https://docs.postgrest.org/en/v14/references/errors.html#http-status-codes, the first that fits. */
const STATUSES: [RegExp, number][] = [
  [/^08/, 503],
  [/^(09|2D|38|39|3B|40|54|55|57|58|F0|HV|XX)/, 500],
  [/^(0L|0P|28)/, 403],
  [/^2350[35]$/, 409],
  [/^25006$/, 405],
  [/^25/, 500],
  [/^53400$/, 500],
  [/^53/, 503],
  [/^P0001$/, 400],
  [/^P0/, 500],
  [/^(42883|42P01)$/, 404],
  [/^42P17$/, 500],
];

function refusalOf(error: unknown, role: Role): Reply {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) {
    return refusal(503, 'PGRST001', 'Database client error');
  }
  const { code, message, detail = null, hint = null } = error;
  const own = /^PT(\d{3})$/.exec(code)?.[1];
  const listed = STATUSES.find(([pattern]) => pattern.test(code))?.[1] ?? 400;
  const denied = role === 'anon' ? 401 : 403;
  return json(own ? Number(own) : code === '42501' ? denied : listed, { code, details: detail, hint, message });
}

export interface TestSupabase extends TestPostgres {
  api: Postgrest;
}

/** A migrated, empty database of its own behind a Supabase project's API; calls go over `.rpc()`, SQL goes straight. */
export async function freshSupabase(fresh: () => Promise<TestPostgres> = freshPostgres): Promise<TestSupabase> {
  const postgres = await fresh();
  const api = await startPostgrest(postgres.url);
  const { call } = openSupabase({ url: api.url, secretKey: api.secretKey });
  return {
    url: postgres.url,
    session: postgres.session,
    api,
    call,
    async close() {
      await api.close();
      await postgres.close();
    },
  };
}
