// Calls the database’s functions over Supabase’s HTTP API.
import { createClient, PostgrestError } from '@supabase/supabase-js';
import pLimit from 'p-limit';
import { type Database, DatabaseError, DEFAULT_LIMIT_MS } from '../../ports/database.ts';
import { isReport } from '../../ports/store/store.ts';
import { callStatement, toDatabaseError } from './sql-call.ts';

export interface SupabaseOptions {
  /** `https://PROJECT.supabase.co`, without a path. */
  url: string;
  /** The project's secret key (`sb_secret_…`) or its older `service_role` JWT. Goes into headers and nowhere else. */
  secretKey: string;
  /** A call without an answer by then is `lost`, whatever limit it has of its own; the database may go on with it. */
  timeoutMs?: number;
}

/** How much longer than the database the client waits: PostgREST may first have to wait for a connection. */
const GRACE_MS = 5_000;
/** Lists and reports at once: PostgREST has some ten connections for everybody. */
const MAX_REPORTS = 3;

/**
 * The transport over HTTP: `.rpc()` of supabase-js to the project's PostgREST. Every error is a DatabaseError, judged as
 * on the `pg` transport where the database itself spoke; supabase-js never repeats a POST by itself.
 * @throws TypeError for a key no header can carry (fetch would quote it in its error)
 */
export function openSupabase({ url, secretKey, timeoutMs }: SupabaseOptions): Database {
  if (!/^[\x21-\x7e]+$/.test(secretKey)) throw new TypeError('the Supabase secret key holds a space or line end');
  const client = createClient(url, secretKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    global: { fetch: fetchAnswer },
  });
  const limitReports = pLimit(MAX_REPORTS);
  const callRpc = async (name: string, args: unknown, limitMs: number): Promise<unknown> => {
    try {
      const withinMs = timeoutMs ?? limitMs + GRACE_MS;
      const request = client.rpc(name, { args: args ?? {} }).abortSignal(AbortSignal.timeout(withinMs));
      const answer: { data: unknown } = await request.throwOnError();
      return answer.data ?? null;
    } catch (error) {
      throw failureOf(name, error);
    }
  };
  return {
    // The database's own limit is on the function: PostgREST sets it for the whole call.
    async call(name, args, limitMs = DEFAULT_LIMIT_MS) {
      // For its check of the name alone, which goes into the address here.
      callStatement(name);
      return isReport(name) ? limitReports(() => callRpc(name, args, limitMs)) : callRpc(name, args, limitMs);
    },
    // Idle connections belong to fetch, which lets the process end.
    close: async () => {},
  };
}

/** Something between us and the database answered in its place, so nobody knows what ran. */
class ForeignAnswer extends Error {
  override name = 'ForeignAnswer';
  readonly status: number;
  readonly code: string;

  constructor(status: number) {
    super(`HTTP ${status} from something that is not its API`);
    this.status = status;
    this.code = `HTTP_${status}`;
  }
}

/**
 * Lets only PostgREST's own answers through to supabase-js, which takes a 404 without a body for an empty success and a
 * gateway's page for an error of the database. Redirects are not followed: the key would go to another host.
 * @throws ForeignAnswer
 */
async function fetchAnswer(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, { ...init, redirect: 'manual' });
  const { status, headers } = response;
  const body = await response.text();
  const isJson = headers.get('content-type')?.startsWith('application/json') === true;
  const isAnswer =
    status === 204 || (status === 200 && isJson && body !== '') || (status >= 400 && isPostgrestError(body));
  if (!isAnswer) throw new ForeignAnswer(status);
  return new Response(status === 204 ? null : body, { status, headers });
}

/** Whether a body has the shape of PostgREST's errors; those of Supabase's gateway have no code. */
function isPostgrestError(body: string): boolean {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && 'code' in parsed && typeof parsed.code === 'string';
  } catch {
    return false;
  }
}

/** PostgREST could not reach the database, or failed itself: https://docs.postgrest.org/en/v14/references/errors.html */
const LOST_BY_POSTGREST = /^(PGRST00.|PGRSTX..|)$/;
/** It could not read the key, or the key's time is over. */
const KEY_REJECTED = /^PGRST30[1-3]$/;

function failureOf(name: string, thrown: unknown): DatabaseError {
  if (thrown instanceof ForeignAnswer) {
    const isOurFault = thrown.status === 401 || thrown.status === 403;
    return isOurFault ? keyRejected(thrown.code, thrown) : toDatabaseError(name, thrown);
  }
  if (!(thrown instanceof PostgrestError)) return toDatabaseError(name, connectionError(thrown));
  const { code, details, hint, message } = thrown;
  // Neither details nor an unreadable body are passed on unseen: they may hold values of rows.
  if (code === '') return toDatabaseError(name, new Error('its answer was not JSON'));
  if (KEY_REJECTED.test(code)) return keyRejected(code, new Error(message));
  if (LOST_BY_POSTGREST.test(code)) return toDatabaseError(name, Object.assign(new Error(message), { code }));
  const serverError = { severity: 'ERROR', code: code === 'PGRST202' ? '42883' : code, detail: details, hint };
  return toDatabaseError(name, Object.assign(new Error(message), serverError));
}

function keyRejected(code: string, cause: Error): DatabaseError {
  const message = 'Supabase refused the key: set SUPABASE_SECRET_KEY to the secret key of the project in SUPABASE_URL.';
  return new DatabaseError(message, { kind: 'refused', code, cause });
}

/** What stopped a request: fetch says "fetch failed" and keeps the reason behind it. */
function connectionError(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  if (thrown.name === 'TimeoutError') {
    return Object.assign(new Error('no answer in time', { cause: thrown }), { code: 'ETIMEDOUT' });
  }
  return thrown.cause instanceof Error ? thrown.cause : thrown;
}
