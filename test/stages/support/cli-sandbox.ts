// Runs the command line in a directory and with settings of its own.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { inject, onTestFinished } from 'vitest';
import { type CliResult, commandRunner } from './command-runner.ts';

const CLI = resolve(import.meta.dirname, '../../../src/cli.ts');
/** What the entry file loads: a process that runs several commands loads it anew for each. */
const PROGRAM = resolve(import.meta.dirname, '../../../src/commands/program.ts');

/** The one process of this worker in which `run` runs what it is given; it ends with the worker. */
const runner = commandRunner();

/** A directory of its own to start the program in, with nothing set but what the test sets. */
export interface CliSandbox {
  directory: string;
  /** Where the databases go: DATA_DIR. */
  dataDir: string;
  /** Writes a file and gives its path. */
  file(name: string, content: string): string;
  /** The program with these arguments, and variables on top of DATA_DIR; one after another in one process. */
  run(args: string[], env?: Record<string, string>): Promise<CliResult>;
  /** The same as a process of its own, as a person starts it. */
  runAlone(args: string[], env?: Record<string, string>): Promise<CliResult>;
  start(args: string[], env?: Record<string, string>): { child: Process; ended: Promise<CliResult> };
  /** Every file under DATA_DIR with the SHA-256 of its content. */
  fingerprint(): Record<string, string>;
}

type Process = ChildProcessByStdio<null, Readable, Readable>;

/** @param prepared whether the image of an empty database is there already, so that the first start is fast */
export function cliSandbox(prepared = true): CliSandbox {
  const directory = mkdtempSync(join(tmpdir(), 'daily-scan-cli-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const dataDir = join(directory, 'data');
  if (prepared) copyImages(dataDir);
  const { PATH = '', HOME = '' } = process.env;
  const start: CliSandbox['start'] = (args, env = {}) => {
    const child: Process = spawn(process.execPath, [CLI, ...args], {
      cwd: directory,
      env: { PATH, HOME, DATA_DIR: dataDir, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    return { child, ended: ended(child) };
  };
  return {
    directory,
    dataDir,
    start,
    run: (args, env = {}) =>
      runner.run({ program: PROGRAM, args, directory, env: { PATH, HOME, DATA_DIR: dataDir, ...env } }),
    runAlone: (args, env) => start(args, env).ended,
    file(name, content) {
      const path = join(directory, name);
      writeFileSync(path, content);
      return path;
    },
    fingerprint: () => fingerprint(dataDir),
  };
}

/** The images the global setup made, so that not every sandbox makes its own. */
function copyImages(dataDir: string): void {
  const { cacheDir, problem } = inject('databases');
  if (problem !== null) throw new Error(`The test databases could not be made: ${problem}`);
  mkdirSync(dataDir, { recursive: true });
  for (const name of readdirSync(cacheDir).filter((one) => one.endsWith('.tar.gz'))) {
    cpSync(join(cacheDir, name), join(dataDir, name));
  }
}

async function ended(child: Process): Promise<CliResult> {
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
    });
  }
  const { promise, resolve: closed } = Promise.withResolvers<number | null>();
  child.on('close', closed);
  return { code: await promise, ...text };
}

function fingerprint(directory: string): Record<string, string> {
  if (!existsSync(directory)) return {};
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const hashes = files.map((entry): [string, string] => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(directory.length + 1), createHash('sha256').update(readFileSync(path)).digest('hex')];
  });
  return Object.fromEntries(hashes.sort(([a], [b]) => (a < b ? -1 : 1)));
}
