// A process of the tests that runs one command line after another, each as a process of its own would.
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { CommandRequest } from './command-runner.ts';

const home = process.cwd();
let count = 0;
// Every run of the program listens for closed pipes anew.
for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(0);

/** What keeps this process alive, beside its own streams. */
async function held(): Promise<string> {
  await pause(5);
  return process
    .getActiveResourcesInfo()
    .filter((kind) => kind !== 'PipeWrap')
    .toSorted()
    .join();
}

async function run({ program, args, directory, env }: CommandRequest): Promise<void> {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  process.chdir(directory);
  process.argv = [process.execPath, program, ...args];
  process.exitCode = 0;
  const before = await held();
  count += 1;
  try {
    // The program runs a command while it is loaded, so each command loads it anew; what it imports stays.
    await import(`${pathToFileURL(program).href}?run=${count}`);
    // A process of its own ends when nothing keeps it alive any more.
    while ((await held()) !== before);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
  process.chdir(home);
  const end = `\0${process.exitCode}\0`;
  process.exitCode = 0;
  process.stdout.write(end);
  process.stderr.write(end);
}

process.on('message', (request: CommandRequest) => void run(request));
process.on('disconnect', () => process.exit());
