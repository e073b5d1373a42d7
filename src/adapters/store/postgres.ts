import pg from 'pg';
import { type Database, DatabaseError, type SqlSession } from '../../ports/database.ts';
import { callStatement, toDatabaseError } from './sql-call.ts';

export interface PostgresOptions {
  /** `postgres://…`, straight or through a session or transaction pooler. */
  url: string;
  /** Connections at most; 2 or 3 on Vercel, where many instances share one server. */
  max: number;
  /** Ends a call that takes longer; the call is then `lost`. Default: no limit. */
  statementTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Idle connections go soon: a public report shows idle Vercel instances using up a server's connections. */
const IDLE_TIMEOUT_MS = 5_000;
/** How much longer than the server the client waits, for the case that the server is gone. */
const CLIENT_GRACE_MS = 5_000;

/**
 * The `pg` transport. It connects at the first call. Only unnamed queries and no session state, so it works behind a
 * transaction pooler. Every error is a DatabaseError.
 */
export function openPostgres(options: PostgresOptions): Database {
  const limitMs = options.statementTimeoutMs;
  const pool = new pg.Pool({
    ...connection(options.url),
    max: options.max,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    ...(limitMs === undefined ? {} : { query_timeout: limitMs + CLIENT_GRACE_MS }),
  });
  // An idle connection that breaks is dropped by the pool; without a listener its event would end the process.
  pool.on('error', () => undefined);
  // The same for one in use: its call is refused anyway, and tells what happened.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    async call(name, args) {
      const statement = callStatement(name);
      try {
        return await ask(pool, statement, JSON.stringify(args ?? {}), limitMs);
      } catch (error) {
        throw toDatabaseError(name, error);
      }
    },
    close: () => pool.end(),
  };
}

function connection(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'daily-scan',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  };
}

async function ask(pool: pg.Pool, statement: string, args: string, limitMs: number | undefined): Promise<unknown> {
  if (limitMs === undefined) return answerOf(await pool.query<{ answer: unknown }>(statement, [args]));
  // Poolers refuse statement_timeout as a startup parameter (08P01), so it is set inside a transaction.
  const client = await pool.connect();
  let broken = true;
  try {
    await client.query(`begin; set local statement_timeout = ${Math.trunc(limitMs)}`);
    const result = await client.query<{ answer: unknown }>(statement, [args]);
    await client.query('commit');
    broken = false;
    return answerOf(result);
  } finally {
    // A connection whose call failed is closed, which also rolls back: cheaper than proving it is still usable.
    client.release(broken);
  }
}

function answerOf(result: pg.QueryResult<{ answer: unknown }>): unknown {
  return result.rows[0]?.answer ?? null;
}

/**
 * One connection of its own, for the migrator and for tests. Errors of single statements come as `pg` throws them.
 * @throws DatabaseError when the database can't be reached
 */
export async function openPostgresSession(url: string): Promise<SqlSession & { close(): Promise<void> }> {
  const client = new pg.Client(connection(url));
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    const failure = toDatabaseError('connect', cause);
    throw new DatabaseError(`Can't connect to the database of DATABASE_URL: ${failure.message}`, {
      kind: failure.kind,
      code: failure.code,
      cause,
    });
  }
  return {
    async exec(sql) {
      await client.query(sql);
    },
    async query(sql, params = []) {
      const result = await client.query<Record<string, unknown>>(sql, params);
      return result.rows;
    },
    close: () => client.end(),
  };
}

export interface Listener {
  /** Resolves at the next notification, or at once if one came since; never, where nobody can listen (poolers). */
  next(): Promise<void>;
  close(): Promise<void>;
}

/** What a lost connection is given before it is tried again; who listens polls meanwhile. */
const LISTEN_AGAIN_MS = 1_000;

/** Hears of orders to send. */
export function listenForWork(url: string): Promise<Listener> {
  return listen(url, 'daily_scan_work');
}

/** Hears of changes of orders' statuses. */
export function listenForOrders(url: string): Promise<Listener> {
  return listen(url, 'daily_scan_orders');
}

/**
 * Listens on a connection of its own. Notifications are hints: who does not get them polls, so a connection that can't
 * listen, or is lost, is no error.
 */
async function listen(url: string, channel: string): Promise<Listener> {
  let coming = Promise.withResolvers<void>();
  let heard = false;
  let client = new pg.Client(connection(url));
  let again: NodeJS.Timeout | undefined;
  let closed = false;

  const wake = (): void => {
    heard = true;
    coming.resolve();
  };
  const open = async (): Promise<void> => {
    client.on('notification', wake);
    client.on('error', () => undefined);
    client.on('end', () => {
      if (closed) return;
      again ??= setTimeout(() => {
        again = undefined;
        client = new pg.Client(connection(url));
        // Something may have been said while nobody listened.
        void open().then(wake);
      }, LISTEN_AGAIN_MS).unref();
    });
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
    } catch {
      // Polling covers it.
    }
  };
  await open();
  return {
    // Who gave up waiting shares the promise with who waits now: a notification is kept until somebody asks again.
    async next() {
      if (!heard) return coming.promise;
      heard = false;
      coming = Promise.withResolvers();
    },
    async close() {
      closed = true;
      clearTimeout(again);
      await client.end();
    },
  };
}
