// The bench's own Postgres and its databases, empty or prepared.
import { migrate } from '../../../src/adapters/store/migrate.ts';
import { openPostgres, openPostgresSession } from '../../../src/adapters/store/postgres.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { SqlSession } from '../../../src/ports/database.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';

export interface BenchServer {
  /** Where its program comes from. */
  build: string;
  /** A new database: migrated, or a copy of what `prepared` made. It is dropped when it is closed. */
  fresh(from?: Prepared): Promise<BenchDatabase>;
  /** Arranges a database once, vacuumed and analyzed, for copies of it. */
  prepared(arrange: (database: BenchDatabase) => Promise<void>): Promise<Prepared>;
  /** A new database without our schema, for other programs. */
  blank(): Promise<BenchDatabase>;
  stop(): Promise<void>;
}

export interface Prepared {
  name: string;
  drop(): Promise<void>;
}

export interface BenchDatabase {
  url: string;
  store: Store;
  session: SqlSession;
  close(): Promise<void>;
}

/** A Postgres of the bench's own, with our schema as a template. `programs`: see `startPostgres`. */
export async function startServer(programs: string | null): Promise<BenchServer> {
  const { base, build, stop } = await startPostgres(programs);
  try {
    return serverAt(base, await migratedTemplate(base), { build, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

async function migratedTemplate(base: string): Promise<string> {
  const name = 'bench_migrated';
  await onServer(base, `create database ${name}`);
  const session = await openPostgresSession(`${base}/${name}`);
  await migrate(session);
  await session.close();
  return name;
}

/** Of this process: several may work on one server. */
let made = 0;

/** Databases on a server that runs already; `template` is a migrated one nobody is connected to. */
export function serverAt(base: string, template: string, { build, stop }: Omit<PostgresServer, 'base'>): BenchServer {
  const create = async (from: string): Promise<string> => {
    made += 1;
    const name = `bench_${process.pid}_${made}`;
    await onServer(base, `create database ${name} template ${from} strategy file_copy`);
    return name;
  };
  const fresh: BenchServer['fresh'] = async (from) => opened(base, await create(from?.name ?? template));
  return {
    fresh,
    blank: async () => opened(base, await create('template0')),
    async prepared(arrange) {
      const name = await create(template);
      const database = await connected(base, name);
      await arrange(database);
      await vacuumed(database.session);
      await database.close();
      return { name, drop: () => onServer(base, `drop database ${name} with (force)`) };
    },
    build,
    stop,
  };
}

/**
 * As autovacuum would leave it: tables without rows stay unknown to the planner. One that was told they are empty plans for
 * an empty table however many rows come.
 */
async function vacuumed(session: SqlSession): Promise<void> {
  const tables = await session.query(`select format('%I.%I', schemaname, relname) as name from pg_stat_user_tables
    where pg_relation_size(relid) > 0`);
  await session.exec(`vacuum (analyze) ${tables.map(({ name }) => name).join(', ')}`);
}

async function opened(base: string, name: string): Promise<BenchDatabase> {
  const database = await connected(base, name);
  return {
    ...database,
    async close() {
      await database.close();
      await onServer(base, `drop database ${name} with (force)`);
    },
  };
}

async function connected(base: string, name: string): Promise<BenchDatabase> {
  const url = `${base}/${name}`;
  const session = await openPostgresSession(url);
  const store = makeStore(openPostgres({ url, max: 10 }), { virtual: true });
  return {
    url,
    store,
    session,
    async close() {
      await store.close();
      await session.close();
    },
  };
}

async function onServer(base: string, sql: string): Promise<void> {
  const admin = await openPostgresSession(`${base}/postgres`);
  try {
    await admin.exec(sql);
  } finally {
    await admin.close();
  }
}
