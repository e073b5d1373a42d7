// Calls the database’s functions over a Postgres connection.
import pg from 'pg';
import { type Database, DatabaseError, DEFAULT_LIMIT_MS, type SqlSession } from '../../ports/database.ts';
import { isReport } from '../../ports/store/store.ts';
import { connectionTo, openPool } from './postgres-pool.ts';
import { limitedCall, toDatabaseError } from './sql-call.ts';

export interface PostgresOptions {
  /** `postgres://…`, straight or through a session or transaction pooler. */
  url: string;
  /** Connections at most; 2 or 3 on Vercel, where many instances share one server. */
  max: number;
  /** Connections beside them for lists and reports, which then wait for each other only. Default: they share `max`. */
  maxReports?: number;
  /**
   * Of `max`, as many stay open when nothing is asked; default 0. A new one plans every function anew: the next order of
   * a quiet service took 30–42 ms on one, 4–6 on one that was kept.
   */
  kept?: number;
  /** For every call, whatever limit it has of its own. */
  statementTimeoutMs?: number;
}

/**
 * The `pg` transport. It connects at the first call. Only unnamed queries and no session state, so it works behind a
 * transaction pooler. Every call has its limit, which replaces the role's. Every error is a DatabaseError.
 */
export function openPostgres({ url, max, maxReports = 0, kept = 0, statementTimeoutMs }: PostgresOptions): Database {
  const pool = openPool(url, max, kept);
  const reports = maxReports > 0 ? openPool(url, maxReports, 0) : null;
  return {
    async call(name, args, limitMs = DEFAULT_LIMIT_MS) {
      const within = statementTimeoutMs ?? limitMs;
      const statement = limitedCall(name, JSON.stringify(args ?? {}), within);
      try {
        const [row] = await (reports && isReport(name) ? reports : pool).query(statement, within);
        return row?.['answer'] ?? null;
      } catch (error) {
        throw toDatabaseError(name, error);
      }
    },
    async close() {
      await Promise.all([pool.close(), reports?.close()]);
    },
  };
}

/**
 * One connection of its own, for the migrator and for tests. Errors of single statements come as `pg` throws them.
 * @throws DatabaseError when the database can't be reached
 */
export async function openPostgresSession(url: string): Promise<SqlSession & { close(): Promise<void> }> {
  const client = new pg.Client(connectionTo(url));
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
