// Reads the command lines of the scripts; what is wrong with one ends it with one line.
import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { type Config, readConfig } from '../../src/config/config.ts';

/** Says in one line what is wrong with how the script was started, and ends it. */
export function refuse(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

/** Reads the flags; help ends the script with exit 0, a wrong flag or value with one line and exit 2. */
export function parsed(command: Command): Command {
  command.exitOverride().showSuggestionAfterError(false);
  try {
    return command.parse();
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
    throw error;
  }
}

/** The value of a flag that counts something. */
export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1.');
  return Number(text);
}

/** The value of a flag that measures something. */
export function positiveNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number) || number <= 0) {
    throw new InvalidArgumentError('Give a number above 0.');
  }
  return number;
}

/** The environment's configuration. */
export function configured(): Config {
  const read = readConfig();
  return read.kind === 'refused' ? refuse(`The environment is not usable: ${read.problems.join('; ')}`) : read.config;
}
