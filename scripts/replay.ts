// Replays every trade date of a signals file at 09:20 IST through the real path on the paper venue, and checks the
// books after each: `npm run replay -- --signals F.csv --users F.csv --prices F.csv [--fresh-each]`.
import { Command } from 'commander';
import { virtualClock } from '../src/adapters/clock.ts';
import { fileQuotes } from '../src/adapters/quotes/quotes.ts';
import { readGiven } from '../src/commands/given.ts';
import { istMs } from '../src/domain/ist.ts';
import type { RunReport } from '../src/domain/report.ts';
import type { Store } from '../src/ports/store.ts';
import { run } from '../src/run.ts';
import { makeWorld, openStore, type Place } from '../src/wire.ts';
import { configured, parsed, refuse } from './flags.ts';

interface Flags {
  signals: string;
  users: string;
  prices: string;
  freshEach: boolean;
}

const flags = parsed(
  new Command('replay')
    .description('Replays every trade date of a signals file at 09:20 IST on the paper venue, and checks the books.')
    .requiredOption('--signals <F.csv>', 'the signals of all dates')
    .requiredOption('--users <F.csv>', 'the users')
    .requiredOption('--prices <F.csv>', 'the prices of all dates')
    .option('--fresh-each', 'start every date with an empty database', false),
).opts<Flags>();
const config = configured();
const files = readGiven({ signals: flags.signals, users: flags.users, prices: flags.prices });
if ('kind' in files) refuse(files.message);
const { given, prices } = files;
if (!given.signals || !given.users || !prices) refuse('--signals, --users and --prices are all needed');

const place: Place = { kind: 'embedded', path: null };
const freshStore = () =>
  openStore({ config, place, readOnly: false, onSlowStart: (text) => process.stderr.write(`${text}\n`) });
const quotes = fileQuotes(prices);
const dates = [...new Set(given.signals.map(({ tradeDate }) => tradeDate))].sort();

async function replay(store: Store, date: string): Promise<RunReport> {
  const clock = virtualClock(istMs(date, '09:20'));
  const world = await makeWorld({ config, place, store, clock, quotes, faults: null, tell: () => {} });
  const result = await run(world, {
    mode: 'paper',
    dryRun: false,
    expectPlan: null,
    waitMs: 0,
    cutOffTime: config.cutOffTime,
    limits: config.limits,
    concurrency: config.concurrency,
    inline: true,
    given,
  });
  if (result.kind === 'refused') refuse(`${date}: ${result.message}`);
  return result.report;
}

const sum = {
  dates: 0,
  signals: 0,
  decisions: 0,
  accepted: 0,
  skipped: 0,
  denied: 0,
  filled: 0,
  rejected: 0,
  unknown: 0,
  sent: 0,
};
const reasons = new Map<string, number>();
let broken = 0;
let store = await freshStore();
for (const date of dates) {
  if (flags.freshEach && sum.dates > 0) {
    await store.close();
    store = await freshStore();
  }
  const { totals, decisions } = await replay(store, date);
  const violations = await store.call('check_books', {});
  broken += violations.length;
  for (const { rule, subject } of violations) process.stdout.write(`${date} BROKEN: ${rule} (${subject})\n`);
  for (const { reason } of decisions) if (reason) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  sum.dates += 1;
  sum.sent += totals.messages.sent;
  for (const key of [
    'signals',
    'decisions',
    'accepted',
    'skipped',
    'denied',
    'filled',
    'rejected',
    'unknown',
  ] as const) {
    sum[key] += totals[key];
  }
}
await store.close();
const line = (facts: object) =>
  Object.entries(facts)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');
process.stdout.write(`${line(sum)}\n${line(Object.fromEntries([...reasons].sort()))}\nbooks: ${broken} broken\n`);
process.exitCode = broken > 0 ? 1 : 0;
