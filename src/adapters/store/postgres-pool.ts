// A pool of Postgres connections that notices the ones gone silent.
import pg from 'pg';

const CONNECT_TIMEOUT_MS = 5_000;
/** Idle connections beyond those kept go soon: a public report shows idle Vercel instances using up a server's connections. */
const IDLE_TIMEOUT_MS = 5_000;
/** How much longer than the server the client waits, for the case that nobody is there any more. */
const GRACE_MS = 2_000;

export function connectionTo(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'daily-scan',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  };
}

/** The server was to have ended the call by then: nobody is at the other end, or its answer can't arrive. */
class SilentConnection extends Error {
  override name = 'SilentConnection';
  readonly code = 'ETIMEDOUT';

  constructor(ms: number) {
    super(`nothing was heard on the connection for ${ms} ms`);
  }
}

export interface Pool {
  /** Runs statements that end themselves within `limitMs`, as one message. Gives the rows of the last one. */
  query(statements: string, limitMs: number): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/**
 * At most `max` connections, of which `kept` stay open when idle. One that has gone silent (a pooler or firewall that forgot it sends no end) is noticed soon
 * after its call's limit, and replaced; those that were there before it was noticed are trusted no more either.
 */
export function openPool(url: string, max: number, kept: number): Pool {
  const pool = new pg.Pool({ ...connectionTo(url), max, min: kept, idleTimeoutMillis: IDLE_TIMEOUT_MS });
  const generations = new WeakMap<pg.PoolClient, number>();
  let generation = 0;
  // An idle connection that breaks is dropped by the pool; without a listener its event would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    // The same for one in use: its call is refused anyway, and says what happened.
    client.on('error', () => undefined);
    generations.set(client, generation);
  });
  const trusted = async (): Promise<pg.PoolClient> => {
    for (;;) {
      const client = await pool.connect();
      if (generations.get(client) === generation) return client;
      drop(client);
    }
  };
  return {
    async query(statements, limitMs) {
      const client = await trusted();
      try {
        const rows = await queryWithin(client, statements, limitMs + GRACE_MS);
        client.release();
        return rows;
      } catch (error) {
        if (error instanceof SilentConnection) generation += 1;
        // What the server refused is rolled back, and its connection as good as before; any other is not.
        if (isStatementError(error)) client.release();
        else drop(client);
        throw error;
      }
    },
    close: () => pool.end(),
  };
}

/** Ends a connection without a message to the other side, which may not be there. */
function drop(client: pg.PoolClient): void {
  if (client instanceof pg.Client) client.connection.stream.destroy();
  client.release(true);
}

/** A server says with FATAL that it ends the connection, with ERROR that it ends the statement. */
function isStatementError(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === 'ERROR';
}

async function queryWithin(
  client: pg.PoolClient,
  statements: string,
  withinMs: number,
): Promise<Record<string, unknown>[]> {
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new SilentConnection(withinMs)), withinMs);
  try {
    // Of several statements there are several results, which the types don't say.
    const results = [await Promise.race([client.query<Record<string, unknown>>(statements), silence])].flat();
    return results.at(-1)?.rows ?? [];
  } finally {
    clearTimeout(timer);
  }
}
