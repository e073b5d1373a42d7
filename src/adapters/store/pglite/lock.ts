// Lets one process at a time open the embedded database.
// Our own: proper-lockfile goes by the file's age, so a killed process would keep its successor out for ten seconds.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as realSleep } from 'node:timers/promises';

export interface LockOptions {
  /** How long to wait for another process to let go. Default 30 s. */
  waitMs?: number;
  /** Waits in real time, also in a run whose clock is virtual: the other process lives in ours. */
  sleep?: (ms: number) => Promise<unknown>;
  /** Hears after a second of waiting what is waited for. */
  onWaiting?: (text: string) => void;
}

/** Another live process holds the database. */
export class DatabaseInUseError extends Error {
  readonly pid: number;

  constructor(path: string, pid: number) {
    super(
      `the database ${path} is in use by process ${pid}, and only one process can open it at a time. ` +
        `Wait for it or stop it (kill ${pid}), or use a Postgres server: DATABASE_URL=postgres://…`,
    );
    this.name = 'DatabaseInUseError';
    this.pid = pid;
  }
}

const WAIT_MS = 30_000;
const POLL_MS = 250;
const NOTICE_AFTER_MS = 1_000;

/**
 * Takes the lock file `<path>.lock` and gives the function that lets it go (at the latest the process's end does).
 * The file says which process holds it: pid and start time, since a pid alone is used again. A file whose process is
 * gone, killed for instance, is taken over at once. Holds between processes of one machine, not between machines or
 * containers that share a directory.
 * @throws DatabaseInUseError after `waitMs`, naming the pid
 */
export async function lockDatabase(path: string, options: LockOptions = {}): Promise<() => void> {
  const { waitMs = WAIT_MS, sleep = realSleep, onWaiting } = options;
  const file = `${path}.lock`;
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const holder = take(file);
    if (holder === null) return releaser(file);
    if (waitedMs >= waitMs) throw new DatabaseInUseError(path, holder.pid);
    if (waitedMs === NOTICE_AFTER_MS) {
      onWaiting?.(
        `Waiting for process ${holder.pid}, which has the database ${path} open (${waitMs / 1000} s at most)…`,
      );
    }
    await sleep(POLL_MS);
  }
}

/** No signal handlers: a process that drains after SIGTERM still writes, and one that dies leaves a stale file. */
function releaser(file: string): () => void {
  const release = (): void => {
    process.off('exit', release);
    rmSync(file, { force: true });
  };
  process.on('exit', release);
  return release;
}

interface Holder {
  pid: number;
  start: string;
}

/** Takes the file, or says which live process has it. */
function take(file: string): Holder | null {
  const current = read(file);
  if (current !== null && isAlive(current)) return current;
  const draft = `${file}.${process.pid}-${randomUUID()}`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, start: startOf(process.pid) }));
  try {
    // A link is made only where no file is, and the file is whole from its first moment.
    while (!linked(draft, file)) {
      const holder = read(file);
      if (holder === null) continue;
      return isAlive(holder) ? holder : takeOver(file, draft);
    }
    return null;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Replaces the file of a dead process. Of two that try at once only one may: so first the lock `<file>.takeover` is
 * taken, by the same rules (its holder may be killed too), and then the file is read again.
 */
function takeOver(file: string, draft: string): Holder | null {
  const rival = take(`${file}.takeover`);
  if (rival !== null) return rival;
  try {
    const holder = read(file);
    if (holder !== null && isAlive(holder)) return holder;
    // Free by now: others may link theirs, so link too and never replace.
    if (holder === null) return linked(draft, file) ? null : (read(file) ?? { pid: process.pid, start: '' });
    renameSync(draft, file);
    return null;
  } finally {
    rmSync(`${file}.takeover`, { force: true });
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function read(file: string): Holder | null {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof content === 'object' && content !== null && 'pid' in content && 'start' in content) {
      return { pid: Number(content.pid), start: String(content.start) };
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new Error(`${file} is not a lock file of this program: if nothing uses the database, delete it`);
}

function isAlive(holder: Holder): boolean {
  const start = startOf(holder.pid);
  return start !== null && start === holder.start;
}

/** When the process started, as a text that only it has; null for one that is gone (a zombie is: it writes nothing). */
function startOf(pid: number): string | null {
  return process.platform === 'linux' ? startOnLinux(pid) : startByPs(pid);
}

/** Ticks since boot (field 22 of `man proc_pid_stat`), kept apart over reboots by the boot's id. */
function startOnLinux(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 2, the name, may hold spaces and brackets: what follows its last bracket starts with field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`;
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ESRCH')) return null;
    throw error;
  }
}

function startByPs(pid: number): string | null {
  try {
    const env = { LC_ALL: 'C', TZ: 'UTC', PATH: '/bin:/usr/bin' };
    const line = execFileSync('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env,
    }).trim();
    const [state = '', ...start] = line.split(/\s+/);
    return state.startsWith('Z') ? null : start.join(' ');
  } catch (error) {
    // ps ends with 1 for a pid that is not there.
    if (error instanceof Error && 'status' in error && error.status === 1) return null;
    throw new Error('can not tell which processes run, which the database lock needs: is `ps` installed?', {
      cause: error,
    });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
