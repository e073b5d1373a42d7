// Runs a command: reads the configuration first, and turns its end into an exit code.
import { DatabaseInUseError } from '../adapters/store/pglite/lock.ts';
import { type Config, type Needs, readConfig } from '../config/config.ts';
import { failureText } from '../domain/text/failure-text.ts';
import type { Problem } from '../domain/types.ts';
import { problemLine } from '../terminal/format.ts';
import { type Refusal, refusal } from './refusal.ts';

/** What a command leaves behind: the exit code, or why it could not be carried out. */
type Ended = number | Refusal | { kind: 'refused'; code: string; message: string };

/** Runs a command with the checked configuration and turns its end into an exit code. */
export function command<Flags extends { json?: boolean }>(
  work: (config: Config, flags: Flags) => Promise<Ended>,
  needs: Needs = { venues: 'none' },
) {
  return async (flags: Flags): Promise<void> => {
    process.exitCode = await ending(flags.json ?? false, async () => {
      const read = readConfig(undefined, needs);
      if (read.kind === 'refused')
        return refusal('bad_environment', `The environment is not usable:\n  ${read.problems.join('\n  ')}`);
      return work(read.config, flags);
    });
  };
}

/** Runs what a command does and gives its exit code; what it refuses or throws is printed. */
export async function ending(json: boolean, work: () => Promise<Ended>): Promise<number> {
  try {
    const ended = await work();
    if (typeof ended === 'number') return ended;
    complain(json, ended.code, ended.message, 'problems' in ended ? ended.problems : []);
    return 2;
  } catch (error) {
    const code = error instanceof DatabaseInUseError ? 'database_in_use' : 'failed';
    complain(json, code, failureText(error), []);
    return 1;
  }
}

function complain(json: boolean, code: string, message: string, problems: Problem[]): void {
  process.stderr.write(`${message}\n`);
  for (const problem of problems.slice(0, 20)) process.stderr.write(`  ${problemLine(problem)}\n`);
  if (json) printRefusal(code, message, problems);
}

/** `{error: {code, message, problems}}` on stdout, for whoever asked for JSON. */
export function printRefusal(code: string, message: string, problems: Problem[]): void {
  process.stdout.write(`${JSON.stringify({ error: { code, message, problems } })}\n`);
}
