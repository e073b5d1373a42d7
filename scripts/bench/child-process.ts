// Runs a part of the bench as a process of its own, and carries messages to and from it.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../bench.ts', import.meta.url));

/** A part of the bench as a process of its own. What it says arrives in order; a part that ends early is an error. */
export interface Part {
  /** The next thing it says. @throws Error if it ends first */
  nextMessage(): Promise<unknown>;
  emit(message: object): void;
  stop(): Promise<void>;
}

/** Starts this program as another part; it ends when we do. `env`: what the product reads there, and nothing of ours. */
export function startPart(part: string, input: object, env: Record<string, string> = {}): Part {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [PROGRAM, '--part', part, JSON.stringify(input)], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return partOf(part, child);
}

function partOf(name: string, child: ChildProcess): Part {
  const messages: unknown[] = [];
  let ended = false;
  let news = Promise.withResolvers<void>();
  const tidings = (): void => {
    news.resolve();
    news = Promise.withResolvers();
  };
  child.on('message', (message) => {
    messages.push(message);
    tidings();
  });
  const gone = new Promise<void>((resolve) => {
    child.once('close', () => {
      ended = true;
      tidings();
      resolve();
    });
  });
  return {
    async nextMessage() {
      while (messages.length === 0) {
        if (ended) throw new Error(`the part ${name} ended before it had answered`);
        await news.promise;
      }
      return messages.shift();
    },
    emit: (message) => void child.send(message),
    async stop() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** In a part: says something to who started it. */
export function say(message: object): void {
  process.send?.(message);
}

/** In a part: what it is told while it runs. It ends with who started it. */
export function listen(hear: (message: unknown) => void): void {
  process.on('message', hear);
  process.on('disconnect', () => process.exit(1));
}
