// Replays every trade date of a signals file at 09:20 IST through the real path on the paper venue, and checks the
// books after each: `npm run replay -- --signals F.csv --users F.csv|N --prices F.csv [--sell-after 3..5] [--fresh-each]`.
import { Command, InvalidArgumentError } from 'commander';
import { virtualClock } from '../src/adapters/clock.ts';
import { fileQuotes } from '../src/adapters/quotes/quotes.ts';
import { readInputFiles } from '../src/commands/run/input-files.ts';
import { type DatabaseTarget, makeWorld, openStore } from '../src/compose/world.ts';
import type { Audit, Difference } from '../src/domain/audit.ts';
import { INR } from '../src/domain/currency.ts';
import { istMs } from '../src/domain/market/india-time.ts';
import type { RunReport } from '../src/domain/report.ts';
import { formatMoney } from '../src/domain/text/money-text.ts';
import type { Signal } from '../src/domain/types.ts';
import type { Store } from '../src/ports/store/store.ts';
import { run } from '../src/run.ts';
import { audit } from '../src/stages/report/audit.ts';
import { exitsOf, type SellAfter, salesOn } from './replay/exits.ts';
import { madeUsers } from './replay/users.ts';
import { configured, parsed, refuse } from './support/flags.ts';

interface Flags {
  signals: string;
  users: string;
  prices: string;
  sellAfter?: SellAfter;
  freshEach: boolean;
}

function sellAfter(text: string): SellAfter {
  const [, least, most] = /^([1-9]\d?)\.\.([1-9]\d?)$/.exec(text) ?? [];
  if (Number(least) <= Number(most)) return { least: Number(least), most: Number(most) };
  throw new InvalidArgumentError('Give the least and the most trading days, such as 3..5.');
}

const flags = parsed(
  new Command('replay')
    .description('Replays every trade date of a signals file at 09:20 IST on the paper venue, and checks the books.')
    .requiredOption('--signals <F.csv>', 'the signals of all dates')
    .requiredOption('--users <F.csv|N>', 'the users; a number: so many, with every mix of leverage and allocation')
    .requiredOption('--prices <F.csv>', 'the prices of all dates')
    .option('--sell-after <A..B>', 'sell what was bought after so many trading days', sellAfter)
    .option('--fresh-each', 'start every date with an empty database', false),
).opts<Flags>();
const config = configured();
const made = /^[1-9]\d{0,4}$/.test(flags.users) ? madeUsers(Number(flags.users)) : null;
const files = readInputFiles(
  { signals: flags.signals, prices: flags.prices, ...(made ? {} : { users: flags.users }) },
  config,
);
if ('kind' in files) refuse(files.message);
const { inputs, prices } = files;
const users = made ?? inputs.users;
const { signals } = inputs;
if (!signals || !users || !prices) refuse('--signals, --users and --prices are all needed');

const target: DatabaseTarget = { kind: 'embedded', path: null };
const freshStore = () =>
  openStore({
    config,
    target,
    readOnly: false,
    virtual: true,
    onSlowStart: (text) => process.stderr.write(`${text}\n`),
  });
const quotes = fileQuotes(prices);
const tradingDays = [...new Set(prices.map(({ date }) => date))].sort();
const exits = flags.sellAfter ? exitsOf(signals, tradingDays, flags.sellAfter) : new Map<string, Set<string>>();
const dates = [...new Set([...signals.map(({ tradeDate }) => tradeDate), ...exits.keys()])].sort();

async function replay(store: Store, date: string, due: Signal[]): Promise<RunReport> {
  const clock = virtualClock(istMs(date, '09:20'));
  const world = await makeWorld({ config, target, store, clock, quotes, faults: null, emit: () => {} });
  const result = await run(world, {
    mode: 'paper',
    dryRun: false,
    expectPlan: null,
    waitMs: 0,
    cutOffTime: config.cutOffTime,
    limits: config.limits,
    concurrency: config.concurrency,
    inline: true,
    inputs: { ...inputs, users, signals: due },
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
const books = { orders: 0, sales: 0, fills: 0, entries: 0, chargesMinor: 0n, realisedMinor: 0n };
const reasons = new Map<string, number>();
let broken = 0;
const audited = { figures: 0, differing: 0, 'paise off': 0n };

/** Every figure of the books up to the end of a day, computed again from the facts. */
async function auditDay(store: Store, tradeDate: string): Promise<Audit> {
  const found = await audit(store, { tradeDate, mode: null, userId: null });
  audited.figures += found.figures;
  audited.differing += found.differences.length;
  for (const one of found.differences) {
    process.stdout.write(`${tradeDate} DIFFERS: ${differenceLine(one)}\n`);
    const off = one.database - one.model;
    if (one.unit === 'money') audited['paise off'] += off < 0n ? -off : off;
  }
  return found;
}

/** Every rule of the books, and every figure of them computed again from the facts. */
async function checkBooks(store: Store, date: string): Promise<void> {
  const violations = await store.call('check_books', { sinceDate: date });
  for (const { rule, subject } of violations) process.stdout.write(`${date} BROKEN: ${rule} (${subject})\n`);
  broken += violations.length;
  const { days, entries } = await auditDay(store, date);
  // The data replayed is the NSE's.
  const day = days.get('INR');
  books.orders += day?.orders ?? 0;
  books.fills += day?.fills ?? 0;
  books.entries = flags.freshEach ? books.entries + entries : entries;
  books.chargesMinor += day?.chargesMinor ?? 0n;
  books.realisedMinor += day?.realisedMinor ?? 0n;
}

function differenceLine({ userId, what, database, model }: Difference): string {
  return `${userId}: ${what} is ${database}, from the facts ${model}`;
}

let store = await freshStore();
for (const date of dates) {
  if (flags.freshEach && sum.dates > 0) {
    await store.close();
    store = await freshStore();
  }
  const due = signals.filter(({ tradeDate }) => tradeDate === date);
  const sales = await salesOn(store, date, exits.get(date) ?? new Set());
  const { totals, decisions, orders } = await replay(store, date, [...due, ...sales]);
  await checkBooks(store, date);
  books.sales += orders.filter(({ side, filledQuantity }) => side === 'SELL' && filledQuantity > 0).length;
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
// What was right on each day must still be so, computed from what is there after the last.
const again = flags.freshEach ? [] : dates;
for (const tradeDate of again) await auditDay(store, tradeDate);
await store.close();
const line = (facts: object) =>
  Object.entries(facts)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');
const { chargesMinor, realisedMinor, ...counts } = books;
const money = `charges ${formatMoney(Number(chargesMinor), INR)}, realised ${formatMoney(Number(realisedMinor), INR)}`;
process.stdout.write(`${line(sum)}\n${line(Object.fromEntries([...reasons].sort()))}\n`);
process.stdout.write(`books: ${line(counts)}, ${money}\n`);
process.stdout.write(`audit: ${line(audited)}\nbooks: ${broken} broken\n`);
process.exitCode = broken + audited.differing > 0 ? 1 : 0;
