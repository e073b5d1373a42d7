// The command line: every command of npm run, its flags and its help.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { namesOf } from '../adapters/venues/module.ts';
import { venueModules } from '../adapters/venues/registry.ts';
import { ignoreClosedPipe, makeLog } from '../log.ts';
import { accountCommand } from './accounts/account.ts';
import { cashCommand } from './accounts/cash.ts';
import { connectionCommand } from './accounts/connect.ts';
import { personCommand } from './accounts/person.ts';
import { readyCommand } from './accounts/ready.ts';
import { whatsappCommand } from './accounts/whatsapp.ts';
import { command, ending, printRefusal } from './command.ts';
import { doctorCommand } from './doctor/doctor.ts';
import { migrateCommand } from './doctor/migrate.ts';
import { calendarCommandFor } from './import/calendar.ts';
import { type ImportFlags, importFrom } from './import/import.ts';
import { addPurge, addSettling, addSwitches } from './operate/operate.ts';
import { type DemoFlags, demoCommand } from './run/demo.ts';
import { exitCodeOf, type ScanFlags, scanCommand } from './run/scan.ts';
import { jsonShow, screenShow } from './run/show-scan.ts';
import { workerCommand } from './run/worker.ts';
import { logCommand } from './screens/log.ts';
import { isNarrowed } from './screens/plan-filter.ts';
import { addScreens } from './screens/screens.ts';

for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedPipe);

const program = new Command('daily-scan')
  .description(
    'Turns the day’s entry signals into one order per eligible user, each placed once, and notifies every user.',
  )
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

function seconds(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of seconds.');
  return Number(text);
}

/** These open sessions at venues, for which live trading needs the master key. */
const atVenues = { venues: 'open' } as const;

program
  .command('scan')
  .description('run the session the clock is in (without any flag or setting: the bundled sample session)')
  .option('--dry-run', 'show the plan; nothing is written, nothing is sent')
  .option('--at <instant>', 'virtual clock: an ISO instant with offset')
  .option('--market <code>', 'whose session: a MIC or exchange code (XNSE)')
  .option('--date <date>', 'virtual clock: when the session of this day is due (NSE 09:20 IST)')
  .option('--slot <slot>', 'the slot of the day', 'open')
  .option('--signals <csv>', 'use the signals of this file')
  .option('--users <csv>', 'the run is for exactly the users of this file')
  .option('--prices <csv>', 'decide and trade at the opens of this file')
  .option('--faults <json>', 'what the paper venue is to do wrong')
  .option('--user <user>', 'show only this user (with --dry-run)')
  .option('--symbol <symbol>', 'show only this symbol (with --dry-run)')
  .option('--expect-plan <hash>', 'place nothing unless the plan has this hash')
  .option('--strict', 'refuse to run when a row is bad')
  .option('--wait <seconds>', 'how long to wait for open orders on the real clock', seconds)
  .option('--fresh', 'start over: remove the sample or file database first')
  .option('--json', 'one JSON document on stdout')
  .action(
    command<ScanFlags>(async (config, flags) => {
      const show = flags.json ? jsonShow() : screenShow({ narrowed: isNarrowed(flags) });
      const result = await scanCommand(config, flags, show, makeLog(config.logLevel));
      if (result.kind !== 'report') return result;
      show.result(result.report);
      return exitCodeOf(result.report);
    }, atVenues),
  );

program
  .command('worker')
  .description('execute, reconcile and notify for all open runs, until SIGTERM')
  .action(command(workerCommand, atVenues));

program
  .command('demo')
  .description('the service on the bundled session, whatever the hour: all simulated, on this machine only')
  .option('--fresh', 'start over at 09:15: remove the demo’s database first')
  .action(async (flags: DemoFlags) => {
    await command(demoCommand)(flags);
    // Everything is closed: a pause that somebody still sleeps through keeps nobody waiting.
    process.exit();
  });

program
  .command('migrate')
  .description('bring the schema of DATABASE_URL up to date, and make the logins the service runs as')
  .option(
    '--login <role=file>',
    'service=FILE or http=FILE: the login that may only call functions, with the password of the file; repeatable',
    (one: string, before: string[]) => [...before, one],
    [],
  )
  .action(command(migrateCommand));

program
  .command('import')
  .description('bring a CSV file, or a venue’s list of instruments, into the database')
  .argument('<what>', 'signals, users, prices, instruments, restrictions or corporate-actions')
  .argument('[csv]', 'the file (of instruments also Kite’s dump, as it is)')
  .option('--venue <venue>', 'instruments: the list of that venue, asked for with a connected account’s keys')
  .option('--rejects <csv>', 'keep the rows with problems there, each with its line and reason')
  .option('--yes', 'WhatsApp numbers may change')
  .option('--json', 'one JSON document on stdout')
  .action((what: string, file: string | undefined, flags: ImportFlags) => {
    return command(importFrom(what, file), flags.venue === undefined ? undefined : atVenues)(flags);
  });

addScreens(program);

program
  .command('whatsapp')
  .description('template: what to submit for approval; resume: let messages go again after a stop')
  .argument('<what>', 'template or resume')
  .option('--check', 'compare the approved templates with what is sent')
  .action((what: string, flags: { check?: boolean; by?: string; json?: boolean }) =>
    command(whatsappCommand(what))(flags),
  );

program
  .command('account')
  .description('show a user’s settings and accounts, and change what is given; or see to accounts at real venues')
  .argument('[what]', 'connect (secrets as JSON on stdin, or asked for), check or rotate')
  .option('--user <user>', 'name or id')
  .option('--venue <venue>', `connect, check: ${namesOf(venueModules)}; deposit, withdraw: whose account`)
  .option('--currency <code>', 'deposit, withdraw, acknowledge: which of several accounts, e.g. USD')
  .option('--mode <mode>', 'connect, check: live or paper (default: live)')
  .option('--active <yes|no>', 'no: paused, gets no orders')
  .option('--trading <yes|no>', 'no: keeps the summary, gets no orders')
  .option('--strategies <list>', 'follow these strategies only (A,B), or all')
  .option('--allow <list>', 'buy these symbols only, or all')
  .option('--deny <list>', 'never buy these symbols, or none (what they hold they still sell)')
  .addOption(new Option('--notify <when>', 'the daily summary').choices(['always', 'orders', 'off']))
  .addOption(new Option('--language <code>', 'of the summary').choices(['en', 'hi']))
  .option('--auth <uuid>', 'the login ("sub" of its JWT) that is this user’s, or none')
  .option('--acknowledge <venue>', 'why this account is blocked has been reviewed: it may trade again')
  .option('--seen <list>', 'with --acknowledge: only these items (ids as listed by account), e.g. d12,b88')
  .option('--deposit <amount>', 'put money into this paper account (needs --why)')
  .option('--withdraw <amount>', 'take money out of this paper account, at most what is available (needs --why)')
  .option('--reference <name>', 'deposit, withdraw: what it is called elsewhere; each counts once')
  .option('--export', 'everything kept of this user, as JSON')
  .option('--erase', 'take this user out for good (asks first); what must be kept stays under a tombstone')
  .option('--yes', 'with --erase: do not ask')
  .option('--json', 'one JSON document on stdout')
  .action((what: string | undefined, flags) => {
    if (what !== undefined) return command(connectionCommand(what), atVenues)(flags);
    if (flags.export || flags.erase) return command(personCommand)(flags);
    return command('deposit' in flags || 'withdraw' in flags ? cashCommand : accountCommand)(flags);
  });

program
  .command('ready')
  .description('ask the venues whether every live account can trade today, and store it')
  .option('--market <code>', 'on whose day (XNSE): accounts in its currency are asked')
  .option('--json', 'one JSON document on stdout')
  .action(command(readyCommand, atVenues));

program
  .command('calendar')
  .description('show a market or one of its days, and change it; import: a year’s list of holidays')
  .argument('[what]', 'import')
  .argument('[csv]', 'import: market,date,kind,open,close,name')
  .option('--market <code>', 'whose (XNSE); alone: the market, its clock and its days ahead')
  .option('--date <date>', 'the day')
  .option('--closed', 'the exchange does not trade on it')
  .option('--open', 'the exchange trades on it')
  .option('--remove', 'take the change back: the shipped calendar stands')
  .option('--name <text>', 'why')
  .option('--from <time>', 'opens at (market’s zone), for --open')
  .option('--until <time>', 'closes at (market’s zone), for --open')
  .option('--json', 'one JSON document on stdout')
  .action((what, file, flags) => command(calendarCommandFor(what, file))(flags));

addSettling(program);

program
  .command('log')
  .description('who did what to what, when and why: the newest first')
  .option('--user <user>', 'only about this user (name or id)')
  .option('--action <action>', 'only this action, such as halt or import_users')
  .option('--since <day>', 'only from this day (India) or instant on')
  .option('--limit <rows>', 'how many (50)')
  .option('--after <number>', 'go on below this number')
  .option('--verify', 'compute the chain of hashes again: is a row changed, missing or added? (exit 1)')
  .option('--kept <head>', 'with --verify: a head that was kept elsewhere must still be there')
  .option('--json', 'one JSON document on stdout')
  .action(command(logCommand));

program
  .command('doctor')
  .description('check everything the next session needs, and say what to do')
  .option('--full', 'compute all records of the books anew, not only those since the last closing')
  .option('--json', 'one JSON document on stdout')
  .action(async (flags: { json?: boolean; full?: boolean }) => {
    // It reads the configuration itself: what is wrong with it is one of its findings.
    process.exitCode = await ending(flags.json ?? false, () => doctorCommand(flags));
  });

addSwitches(program);
addPurge(program);

const actingCommands = new Set([
  'account',
  'apikey',
  'calendar',
  'correct',
  'halt',
  'import',
  'messages',
  'migrate',
  'purge',
  'resolve',
  'resume',
  'scan',
  'whatsapp',
]);
for (const acting of program.commands.filter((one) => actingCommands.has(one.name()))) {
  acting.option('--by <who>', 'who does it, for the log of operator actions (default: user@host of this machine)');
  if (!acting.options.some(({ long }) => long === '--why')) acting.option('--why <text>', 'why, for the same log');
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // commander has said on stderr what is wrong; help and version are no error.
  process.exitCode = error.exitCode === 0 ? 0 : 2;
  if (process.exitCode === 2 && process.argv.includes('--json')) printRefusal('bad_flag', error.message, []);
}
