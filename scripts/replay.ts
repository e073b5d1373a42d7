// Replays every trade date of a signals file at 09:20 IST through the real path on the paper venue, and checks the
// books after each: `npm run replay -- --signals F.csv --users F.csv --prices F.csv [--fresh-each]`.
import { parseArgs } from 'node:util';
import { virtualClock } from '../src/adapters/clock.ts';
import { fileQuotes } from '../src/adapters/quotes/quotes.ts';
import { readGiven } from '../src/commands/given.ts';
import { readConfig } from '../src/config.ts';
import { istMs } from '../src/domain/ist.ts';
import type { RunReport } from '../src/domain/report.ts';
import type { Store } from '../src/ports/store.ts';
import { run } from '../src/run.ts';
import { makeWorld, openStore, type Place } from '../src/wire.ts';

const { values } = parseArgs({
  options: {
    signals: { type: 'string' },
    users: { type: 'string' },
    prices: { type: 'string' },
    'fresh-each': { type: 'boolean', default: false },
  },
});
const read = readConfig();
if (read.kind === 'refused') throw new Error(read.problems.join('\n'));
const { config } = read;
const files = readGiven({
  ...(values.signals === undefined ? {} : { signals: values.signals }),
  ...(values.users === undefined ? {} : { users: values.users }),
  ...(values.prices === undefined ? {} : { prices: values.prices }),
});
if ('kind' in files) throw new Error(files.message);
const { given, prices } = files;
if (!given.signals || !given.users || !prices) throw new Error('--signals, --users and --prices are all needed');

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
  if (result.kind === 'refused') throw new Error(`${date}: ${result.message}`);
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
  if (values['fresh-each'] && sum.dates > 0) {
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
