// Runs commands one after another beside a main one, and fails when any of them fails.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** A program with its arguments. */
export type Command = readonly [program: string, ...args: string[]];

export interface Check {
  name: string;
  command: Command;
}

/** The exit code of the main command, and what the checks that failed had to say. */
export interface Ended {
  /** null: a signal ended it. */
  mainCode: number | null;
  failed: { name: string; output: string }[];
}

/**
 * The checks take one core at most, since the main command has the others, and say nothing while it speaks. `onFailed`
 * hears of a failed check at once: whoever watches need not wait for the end. A program that does not start rejects.
 */
export async function runBeside(
  main: Command,
  checks: readonly Check[],
  onFailed: (name: string) => void,
): Promise<Ended> {
  const failed: Ended['failed'] = [];
  const checking = async (): Promise<void> => {
    for (const { name, command } of checks) {
      const { code, output } = await runQuietly(command);
      if (code === 0) continue;
      failed.push({ name, output });
      onFailed(name);
    }
  };
  const [mainCode] = await Promise.all([runAloud(main), checking()]);
  return { mainCode, failed };
}

async function runQuietly([program, ...args]: Command): Promise<{ code: number | null; output: string }> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [code, stdout, stderr] = await Promise.all([ended(child), text(child.stdout), text(child.stderr)]);
  return { code, output: `${stdout}${stderr}` };
}

function runAloud([program, ...args]: Command): Promise<number | null> {
  return ended(spawn(program, args, { stdio: 'inherit' }));
}

function ended(child: ReturnType<typeof spawn>): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}
