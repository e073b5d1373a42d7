// Starts the service and a Postgres for the checks of a deployment.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { openPostgresSession } from '../../src/adapters/store/postgres.ts';
import setup, { type TestDatabases } from '../../test/support/global-setup.ts';

export interface Started {
  process: ChildProcess;
  /** `http://127.0.0.1:PORT` */
  address: string;
  /** The line that said so. */
  line: string;
}

export interface ToStart {
  args: string[];
  cwd: string;
  env: Record<string, string>;
  /** As whom; default: as who started this. */
  uid?: number;
}

/** Starts this Node with nothing of our own environment but PATH and HOME. */
export function startNode({ args, env, ...as }: ToStart): ChildProcess {
  const { PATH = '', HOME = '' } = process.env;
  return spawn(process.execPath, args, { ...as, env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Starts a service and waits until it says its address, on stdout or stderr. @throws Error with its output if it ends first */
export async function startService(toStart: ToStart): Promise<Started> {
  const child = startNode(toStart);
  const output: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<{ address: string; line: string }>();
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface(stream).on('line', (line) => {
      output.push(line);
      const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
      if (address !== undefined) resolve({ address, line });
    });
  }
  child.once('exit', (code) => reject(new Error(`it ended with ${code}:\n${output.join('\n')}`)));
  return { process: child, ...(await promise) };
}

/** The exit code and everything it wrote, for a process that ends by itself. */
export async function endOf(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part: Buffer) => (output += part.toString()));
  await once(child, 'close');
  return { code: child.exitCode, output };
}

/** SIGTERM; gives the exit code. */
export async function stop({ process: child }: Started): Promise<number | null> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  return child.exitCode;
}

/** A Postgres of our own with one empty, migrated database, and one without our schema. */
export async function startPostgres(): Promise<{ migratedUrl: string; blankUrl: string; stop: () => Promise<void> }> {
  let started: TestDatabases | undefined;
  const teardown = await setup({
    provide: (_name, databases) => {
      started = databases;
    },
  });
  if (!started || started.problem !== null) throw new Error(`Postgres did not start: ${started?.problem}`);
  const { postgresUrl, template } = started;
  const admin = await openPostgresSession(postgresUrl);
  await admin.exec(`create database migrated template ${template}`);
  await admin.exec('create database blank template template0');
  await admin.close();
  const url = (name: string) => postgresUrl.replace(/\/postgres$/, `/${name}`);
  return { migratedUrl: url('migrated'), blankUrl: url('blank'), stop: teardown };
}
