// Runs command lines one after another in one process: a start costs more than most commands do.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface CliResult {
  /** The exit code; null for a process that was killed. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** One command, with all there is in its environment. */
export interface CommandRequest {
  /** The file that runs a command while it is loaded. */
  program: string;
  args: string[];
  directory: string;
  env: Record<string, string>;
}

/** What command-child.ts writes to both streams after a command's last byte; no command prints NUL. */
const END = /\0(\d+)\0$/;

/** Starts its process with the first command. */
export function commandRunner() {
  let child: ChildProcess | null = null;
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(request: CommandRequest): Promise<CliResult> {
      if (child === null || child.exitCode !== null) {
        const script = fileURLToPath(new URL('./command-child.ts', import.meta.url));
        const { PATH = '', HOME = '' } = process.env;
        child = fork(script, {
          stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
          execArgv: [],
          env: { PATH, HOME },
        });
      }
      const result = resultOf(child, request, last);
      last = result.catch(() => undefined);
      return result;
    },
    stop: () => void child?.kill('SIGKILL'),
  };
}

async function resultOf(child: ChildProcess, request: CommandRequest, before: Promise<unknown>): Promise<CliResult> {
  await before;
  const { promise, resolve, reject } = Promise.withResolvers<CliResult>();
  const text = { stdout: '', stderr: '' };
  const hear = (name: 'stdout' | 'stderr') => (chunk: Buffer | string) => {
    text[name] += String(chunk);
    const ends = [END.exec(text.stdout), END.exec(text.stderr)];
    if (!ends[0] || !ends[1]) return;
    const [stdout, stderr] = [text.stdout, text.stderr].map((one) => one.replace(END, ''));
    resolve({ code: Number(ends[0][1]), stdout: stdout ?? '', stderr: stderr ?? '' });
  };
  const [out, err] = [hear('stdout'), hear('stderr')];
  const died = () => reject(new Error(`the process ended in ${request.args.join(' ')}: ${text.stderr}`));
  child.stdout?.setEncoding('utf8').on('data', out);
  child.stderr?.setEncoding('utf8').on('data', err);
  child.once('close', died);
  child.send(request);
  try {
    return await promise;
  } finally {
    child.stdout?.off('data', out);
    child.stderr?.off('data', err);
    child.off('close', died);
  }
}
