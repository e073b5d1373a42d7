// Writes the reference of the commands from the command line's own definitions.
import { Command } from 'commander';

const WIDTH = 110;

/** The program of src/commands/program.ts, caught where it would read its arguments. */
async function programOfTheCli(): Promise<Command> {
  let found: Command | null = null;
  const { parseAsync } = Command.prototype;
  Command.prototype.parseAsync = async function (this: Command) {
    found = this;
    return this;
  };
  try {
    await import('../../src/commands/program.ts');
  } finally {
    Command.prototype.parseAsync = parseAsync;
  }
  if (found === null) throw new Error('src/commands/program.ts reads no arguments any more, or has read them before');
  return found;
}

/** Every command with its own help, as `npm run NAME -- --help` prints it. */
export async function cliText(): Promise<string> {
  const { commands } = await programOfTheCli();
  return commands
    .toSorted((a, b) => (a.name() < b.name() ? -1 : 1))
    .map((command) => {
      command.configureOutput({ getOutHelpWidth: () => WIDTH, getOutHasColors: () => false });
      const help = command.helpInformation().replace(/^Usage: daily-scan (\S+)/, 'Usage: npm run $1 --');
      return `## ${command.name()}\n\n\`\`\`text\n${help.trim()}\n\`\`\``;
    })
    .join('\n\n');
}
