// The command line of `npm run bench`: picks cases, runs them, prints the table.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Argument, Command } from 'commander';
import { parsed, positiveNumber, wholeNumber } from '../support/flags.ts';
import type { Bench } from './bench-case.ts';
import { cases } from './cases.ts';
import { startServer } from './core/databases.ts';
import { machineLine, machineOf } from './machine.ts';
import { measure } from './measure.ts';
import { machinesPostgres } from './postgres-server.ts';
import { tableOf } from './table.ts';

interface Flags {
  times?: number;
  scale: number;
  concurrency: number;
  all?: true;
  peers: boolean;
  past: number;
  rate?: number[];
  postgres?: string;
  json?: string;
}

const names = cases.map(({ name }) => name);

function commandLine(): { wanted: string[]; flags: Flags } {
  const command = parsed(
    new Command('bench')
      .description('Measures the product on a real Postgres of its own, and holds the figures against the goals.')
      .usage('[options] [case...]')
      .addArgument(new Argument('[case...]', 'default: all but plans').choices(names))
      .option('--times <N>', 'repetitions of each case (default: 5, of big ones 1)', wholeNumber)
      .option(
        '--scale <X>',
        'sizes, latencies, durations as a share of the goals’; then no verdicts',
        positiveNumber,
        1,
      )
      .option('--concurrency <N>', 'orders under way at once, where a case does not say', wholeNumber, 500)
      .option('--all', 'combinations that take minutes, too')
      .option('--no-peers', 'leave other job queues out')
      .option('--past <N>', 'past orders of growth', wholeNumber, 2_000_000)
      .option('--rate <N...>', 'more open-loop rates of http, in orders a second', wholeNumbers)
      .option(
        '--postgres <DIR>',
        'folder of a Postgres server’s programs, or «npm» (default: the machine’s newest, else npm)',
      )
      .option('--json <FILE>', 'write the rows there as well'),
  );
  return { wanted: command.args, flags: command.opts<Flags>() };
}

function wholeNumbers(text: string, before: number[] = []): number[] {
  return [...before, wholeNumber(text)];
}

/** The cases that are asked for, or all that measure; prints a table, and writes the rows where it is told to. */
export async function bench(): Promise<void> {
  const { wanted, flags } = commandLine();
  const { times = null, scale, concurrency, all = false, peers, past, rate = [], json } = flags;
  const chosen = cases.filter(({ name }) => (wanted.length === 0 ? name !== 'plans' : wanted.includes(name)));
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const server = await startServer(flags.postgres === 'npm' ? null : (flags.postgres ?? machinesPostgres()));
  try {
    const machine = await machineOf(server);
    const sizes = { scale, times, concurrency, all, peers, pastOrders: past, rates: rate };
    const settings: Bench = { server, ...sizes, plansDirectory: resolve(import.meta.dirname, 'plans'), say };
    const rows = await measure(settings, chosen);
    say(tableOf(rows));
    say(machineLine(machine));
    if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine, sizes, rows }, null, 2)}\n`);
  } finally {
    await server.stop();
  }
}
