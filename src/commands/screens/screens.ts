// Declares the commands that only show what was done.
import type { Command } from 'commander';
import { positionsCommand } from '../accounts/positions.ts';
import { command } from '../command.ts';
import { auditCommand } from './audit.ts';
import { dayCommand } from './day.ts';
import { messagesCommand } from './messages.ts';
import { reportAgain } from './report.ts';
import { runsCommand } from './runs.ts';
import { whyCommand } from './why.ts';

/** The commands that show what was done, and change nothing (but `messages --resend`). */
export function addScreens(program: Command): void {
  addRuns(program);
  addStandings(program);
}

function addRuns(program: Command): void {
  program
    .command('why')
    .description('explain why a user did or did not get an order')
    .requiredOption('--user <user>', 'name or id')
    .option('--symbol <symbol>', 'symbol; left out: the whole day')
    .option('--date <date>', 'only this trade date')
    .option('--json', 'one JSON document on stdout')
    .action(command(whyCommand));
  program
    .command('report')
    .description('the report of a run again')
    .requiredOption('--run <id>', 'its id, the start of it, a date, or latest')
    .option('--json', 'one JSON document on stdout')
    .option('--user <user>', 'only this user (name or id)')
    .option('--status <status>', 'only who has an order, decision or message of this status')
    .option('--limit <users>', 'how many users (12)')
    .option('--after <number>', 'go on after this number, as a page before ended')
    .option('--csv', 'the orders as CSV on stdout')
    .action(command(reportAgain));
  program
    .command('messages')
    .description('each user’s message of a run, what became of it, and how')
    .option('--run <id>', 'its id, the start of it, a date, or latest')
    .option('--user <user>', 'only this user (name or id)')
    .option('--status <status>', 'only who has a message of this status')
    .option('--limit <users>', 'how many users (12)')
    .option('--after <number>', 'go on after this number, as a page before ended')
    .option('--reminders <date>', 'instead: who was reminded that day that their login was missing')
    .option('--resend <user>', 'send this user’s message once more (asks first, and records who)')
    .option('--yes', 'do not ask')
    .option('--json', 'one JSON document on stdout')
    .action(command(messagesCommand));
}

function addStandings(program: Command): void {
  program
    .command('runs')
    .description('the runs there are, the newest first')
    .option('--limit <runs>', 'how many (20)')
    .option('--after <id>', 'go on below this run')
    .option('--json', 'one JSON document on stdout')
    .action(command(runsCommand));
  program
    .command('positions')
    .description('what is held: shares, average cost, last price and its age, profit, margin')
    .option('--user <user>', 'only this user (name or id)')
    .option('--mode <mode>', 'only paper or live')
    .option('--limit <rows>', 'how many (50)')
    .option('--after <key>', 'go on after this row, as a page before ended')
    .option('--json', 'one JSON document on stdout')
    .action(command(positionsCommand));
  program
    .command('day')
    .description('the evening page: money, positions, trades, and what needs a person, with the commands')
    .option('--date <date>', 'this trade date (default: that of the last run)')
    .option('--json', 'one JSON document on stdout')
    .action(command(dayCommand));
  program
    .command('audit')
    .description('compute the books again from the facts up to the end of a day: do they agree? (exit 1: no)')
    .option('--date <date>', 'this day (default: that of the last run)')
    .option('--mode <mode>', 'only paper or live')
    .option('--user <user>', 'only this user (name or id)')
    .option('--json', 'one JSON document on stdout')
    .action(command(auditCommand));
}
