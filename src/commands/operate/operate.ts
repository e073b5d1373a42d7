// Declares the commands by which a person steps in: orders, fills, keys, and the switch.
import type { Command } from 'commander';
import { command } from '../command.ts';
import { apikeyCommand } from './apikey.ts';
import type { ApikeyFlags } from './apikey-flags.ts';
import { correctCommand } from './correct.ts';
import { halt, resume } from './halt.ts';
import { purgeCommand } from './purge.ts';
import { resolveCommand } from './resolve.ts';

/** What became of an order, what a fill really was, and who may call the service. */
export function addSettling(program: Command): void {
  program
    .command('resolve')
    .description('say what became of an order that was left to a person')
    .requiredOption('--order <id>', 'its client order id')
    .requiredOption('--as <ending>', 'filled, partly, canceled, rejected or not-placed')
    .option('--quantity <shares>', 'how many were filled')
    .option('--price <rupees>', 'at what average price')
    .option('--json', 'one JSON document on stdout')
    .action(command(resolveCommand));

  program
    .command('correct')
    .description('say what a fill that was reported wrong really was: the report stays, the correction takes its place')
    .requiredOption('--order <id>', 'its client order id')
    .requiredOption('--quantity <shares>', 'how many it really was; 0: it never was')
    .option('--fill <id>', 'which of its fills, as the venue names it; needed where it has several')
    .option('--price <rupees>', 'at what price; left out: as it was reported')
    .option('--json', 'one JSON document on stdout')
    .action(command(correctCommand));

  program
    .command('apikey')
    .description('the keys of the HTTP service: a new one is shown once')
    .argument('<what>', 'create, list, revoke, source (changes one) or sources (lists them)')
    .option(
      '--role <role>',
      'create: operator (for everybody), user (for one) or signals (sends signals, nothing else)',
    )
    .option('--source <name>', 'create --role signals, source: the source of signals, such as tradingview-1')
    .option('--strategies <list>', 'create --role signals, source: the strategies it may send (A,B), or all')
    .option('--per-day <signals>', 'create --role signals, source: most signals that are taken of it on a day')
    .option('--enabled <yes|no>', 'source: no takes nothing of it until it is yes again')
    .option('--user <user>', 'create: the user a key of role user is for (name or id)')
    .option('--scope <scope>', 'create: read (changes nothing) or trade (the default)')
    .option('--expires <end>', 'create: 90d, 12h, 4w, a date (to its end in India) or an instant; default: no end')
    .option('--label <text>', 'create: what it is for')
    .option('--key <start>', 'revoke: the key, or its first characters as the list shows them')
    .option('--json', 'one JSON document on stdout')
    .action((what: string, flags: ApikeyFlags) => command(apikeyCommand(what))(flags));
}

/** Stops orders, and allows them again. */
export function addSwitches(program: Command): void {
  for (const [name, work, what] of [
    ['halt', halt, 'stop'],
    ['resume', resume, 'allow'],
  ] as const) {
    program
      .command(name)
      .description(`${what} orders: of everybody, of one venue, or of one user`)
      .requiredOption('--why <text>', 'the reason, kept on record')
      .option('--venue <venue>', 'only this venue')
      .option('--user <user>', 'only this user (name or id)')
      .action(command(work));
  }
}

/** Removes what no law wants kept any longer. */
export function addPurge(program: Command): void {
  program
    .command('purge')
    .description('remove the records of closed months that no law wants kept: exports them first, and asks')
    .requiredOption('--why <text>', 'the reason, kept on record')
    .option('--through <month>', 'up to the end of this month, such as 2018-03')
    .option('--export <folder>', 'where the records are written before; without it only what would go is shown')
    .option('--years <number>', 'financial years that are kept: 8 or more', '8')
    .option('--hold', 'place a legal hold: nothing is removed until it is lifted')
    .option('--release', 'lift the legal hold')
    .option('--yes', 'do not ask')
    .option('--json', 'one JSON document on stdout')
    .action(command(purgeCommand));
}
