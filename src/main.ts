// npm start: HTTP, schedule and worker in one long-lived process, or some of them.
import { Command, Option } from 'commander';
import { allParts, type Part, serve } from './commands/run/serve.ts';
import { targetOf } from './compose/world.ts';
import { readConfig } from './config/config.ts';
import { failureText } from './domain/text/failure-text.ts';

const program = new Command('daily-scan')
  .description('Serves HTTP, scans at 09:20 IST and works off the orders, in one process, until SIGTERM.')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .addOption(new Option('--only <parts...>', 'only these parts; may be repeated').choices(allParts))
  .action(async ({ only }: { only?: Part[] }) => {
    const parts = new Set(only ?? allParts);
    // Whoever serves strangers and nothing else holds no key to the accounts at venues.
    const venues = parts.size === 1 && parts.has('http') ? 'refused' : 'open';
    const read = readConfig(undefined, { http: parts.has('http') || parts.has('logins'), venues });
    if (read.kind === 'refused') {
      process.stderr.write(`The environment is not usable, so nothing was started:\n  ${read.problems.join('\n  ')}\n`);
      process.exitCode = 2;
      return;
    }
    process.exitCode = await serve(read.config, targetOf(read.config, 'main'), parts);
  });

await program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${failureText(error)}\n`);
  process.exitCode = 1;
});
// Everything is closed: a pause that somebody still sleeps through keeps nobody waiting.
process.exit();
