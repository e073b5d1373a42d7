// Starts child.ts and waits for its lines.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export interface Child {
  pid: number;
  /** Every line so far. */
  lines: string[];
  /** Resolves with the first line that has the text, also one said before. */
  says(text: string): Promise<string>;
  stop(): void;
  kill(): Promise<void>;
  ended: Promise<unknown>;
}

/** Starts child.ts; the test's end kills it, if it still runs. */
export function startChild(action: 'lock' | 'insert' | 'create', path: string, cacheDir: string, waitMs = 0): Child {
  const script = fileURLToPath(new URL('./child.ts', import.meta.url));
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    process.execPath,
    [script, action, path, cacheDir, String(waitMs)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const lines: string[] = [];
  const reader = createInterface(child.stdout);
  reader.on('line', (line) => lines.push(line));
  const ended = once(child, 'close');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(kill);
  return {
    pid: child.pid ?? 0,
    lines,
    ended,
    kill,
    stop: () => child.stdin.end('stop\n'),
    async says(text) {
      for (;;) {
        const found = lines.find((line) => line.includes(text));
        if (found !== undefined) return found;
        const over = await Promise.race([once(reader, 'line').then(() => false), ended.then(() => true)]);
        if (over && !lines.some((line) => line.includes(text)))
          throw new Error(`no "${text}" in: ${lines.join(' | ')}`);
      }
    },
  };
}
