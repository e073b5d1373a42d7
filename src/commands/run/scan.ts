// npm run scan: checks the flags, opens the database and runs one session.
import { createInterface } from 'node:readline/promises';
import { realClock, virtualClock } from '../../adapters/clock.ts';
import { fileQuotes, storedQuotes } from '../../adapters/quotes/quotes.ts';
import {
  type DatabaseTarget,
  makeWorld,
  openStore,
  removeEmbedded,
  targetExists,
  targetName,
  targetOf,
} from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import { cutOffIn } from '../../config/markets.ts';
import { marketLimits } from '../../config/order-limits.ts';
import { parseInstant, parseTradeDate } from '../../domain/market/india-time.ts';
import type { Market } from '../../domain/market/market.ts';
import { dateIn, dueMsOf } from '../../domain/market/session.ts';
import type { RunReport } from '../../domain/report.ts';
import type { Problem } from '../../domain/types.ts';
import type { Emit } from '../../ports/events/events.ts';
import type { Store } from '../../ports/store/store.ts';
import { type RunResult, run } from '../../run.ts';
import { type Sample, sampleOf } from '../../sample/sample.ts';
import { type NotStarted, type RunRequest, refusedMarket } from '../../stages/scan/request.ts';
import { namedMarket } from '../named-market.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { narrowedPlan } from '../screens/plan-filter.ts';
import { type FileFlags, type InputFiles, readInputFiles } from './input-files.ts';
import type { ScanShow } from './show-scan.ts';

/** The flags of `scan`, as the contract names them. */
export interface ScanFlags extends FileFlags {
  market?: string;
  dryRun?: boolean;
  at?: string;
  date?: string;
  slot: string;
  user?: string;
  symbol?: string;
  expectPlan?: string;
  strict?: boolean;
  wait?: number;
  fresh?: boolean;
  json?: boolean;
}

/** Everything a scan is asked for, checked against each other before anything is opened. */
interface ScanInputs {
  flags: ScanFlags;
  market: Market;
  files: InputFiles;
  /** null: it is no sample session. */
  sample: Sample | null;
  target: DatabaseTarget;
  /** Where a virtual clock starts; null: the real one. */
  virtualMs: number | null;
}

/** `npm run scan`: one run of the session the clock is in. */
export async function scanCommand(
  config: Config,
  flags: ScanFlags,
  show: ScanShow,
  log: Emit,
): Promise<RunResult | Refusal> {
  const inputs = scanInputsOf(config, flags);
  if ('kind' in inputs) return inputs;
  const { target, sample } = inputs;
  if (flags.fresh && targetExists(target)) {
    if (!(await mayRemove(target))) return refusal('not_fresh', 'Nothing was removed and nothing was run.');
    await removeEmbedded(target);
    show.note(`Removed the database ${targetName(target)}: starting over.`);
  }
  const readOnly = flags.dryRun ?? false;
  const virtual = inputs.virtualMs !== null;
  const store = await openStore({ config, target, readOnly, virtual, onSlowStart: show.note });
  try {
    await sample?.seed(store);
    const files = await listedFiles(inputs, store);
    if ('kind' in files) return files;
    show.files(files.warnings, files.inputs.problems);
    // Started here, so that opening the database takes nothing from the session.
    const clock = inputs.virtualMs === null ? realClock() : virtualClock(inputs.virtualMs);
    const prices = sample ? sample.prices() : files.prices;
    const quotes = prices ? fileQuotes(prices) : storedQuotes(store, config.paperPrices);
    const faults = sample ? sample.faults() : files.faults;
    const emit = show.watch({
      log,
      database: targetName(target),
      sample: sample?.about ?? null,
      virtual: clock.virtual,
      dryRun: readOnly,
      mode: config.mode,
    });
    const freed = inputs.virtualMs === null ? {} : { freedAtMs: inputs.virtualMs };
    const world = await makeWorld({ config, target, store, clock, quotes, faults, emit, ...freed });
    const result = await run(world, requestOf(config, inputs, files));
    return narrowed(result, flags);
  } finally {
    show.done();
    await store.close();
  }
}

function narrowed(result: RunResult, flags: ScanFlags): RunResult | Refusal {
  if (result.kind !== 'report') return result;
  const report = narrowedPlan(result.report, flags);
  return 'kind' in report ? report : { ...result, report };
}

function requestOf(config: Config, { flags, market }: ScanInputs, files: InputFiles): RunRequest {
  const seconds = flags.wait ?? (config.execute === 'worker' ? 0 : 120);
  return {
    mode: config.mode,
    market,
    dryRun: flags.dryRun ?? false,
    expectPlan: flags.expectPlan ?? null,
    waitMs: seconds * 1000,
    cutOffTime: cutOffIn(config, market),
    limits: marketLimits(config, market),
    concurrency: config.concurrency,
    inline: config.execute === 'inline',
    inputs: files.inputs,
  };
}

function scanInputsOf(config: Config, flags: ScanFlags): ScanInputs | Refusal | NotStarted {
  const market = namedMarket(flags.market);
  if ('message' in market) return market;
  const wrong = wrongTogether(config, flags);
  if (wrong) return refusal('bad_flag', wrong);
  const fileFlags = [flags.signals, flags.users, flags.prices, flags.faults].some((file) => file !== undefined);
  const isSample = config.databaseUrl === null && config.supabase === null && config.mode === 'paper' && !fileFlags;
  const sample = isSample ? sampleOf(market) : null;
  const start = clockStart(flags, market, sample);
  if (start !== null && typeof start === 'object') return start;
  const files = readInputFiles(flags, config);
  if ('kind' in files) return files;
  const { problems } = files.inputs;
  if (flags.strict && problems.length > 0) return badRows(problems);
  const target = targetOf(config, sample?.database ?? 'main');
  if (flags.fresh && target.kind !== 'embedded') {
    return refusal(
      'bad_flag',
      '--fresh starts over in the sample or a file database only, never on a server: leave it out.',
    );
  }
  return refusedMarket(market) ?? { flags, market, files, sample, target, virtualMs: start };
}

/** The files as what is listed in the database says they are to be read. */
async function listedFiles({ files, flags }: ScanInputs, store: Store): Promise<InputFiles | Refusal> {
  const listed = await files.asListedIn(store);
  if ('kind' in listed || !flags.strict || listed.inputs.problems.length === 0) return listed;
  return badRows(listed.inputs.problems);
}

function badRows(problems: Problem[]): Refusal {
  const message = 'There are bad rows, and --strict allows none: mend them, or scan without --strict.';
  return refusal('bad_rows', message, problems);
}

function wrongTogether(config: Config, flags: ScanFlags): string | null {
  const live = config.mode === 'live';
  for (const flag of ['at', 'date', 'prices', 'users', 'faults'] as const) {
    if (live && flags[flag] !== undefined)
      return `--${flag} is for paper trading: with TRADING_MODE=live it is refused.`;
  }
  if (live && flags.fresh) return '--fresh would remove the books of live accounts: leave it out.';
  for (const flag of ['user', 'symbol'] as const) {
    if (flags[flag] !== undefined && !flags.dryRun)
      return `--${flag} narrows what a plan shows: use it with --dry-run.`;
  }
  if (flags.slot !== 'open') return `--slot ${flags.slot} is not known: the only slot is open.`;
  // An empty shell variable would make the next flag the hash.
  if (flags.expectPlan?.startsWith('-')) return '--expect-plan needs the hash that --dry-run printed.';
  if (flags.fresh && flags.dryRun) return '--fresh removes a database and --dry-run writes nothing: choose one.';
  return null;
}

/** --date alone is the minute the market's slot is due; the sample has a day of its own; else it is the real clock. */
function clockStart(flags: ScanFlags, market: Market, sample: Sample | null): number | null | Refusal {
  const atMs = flags.at === undefined ? null : parseInstant(flags.at);
  if (flags.at !== undefined && atMs === null) {
    return refusal('bad_flag', `--at ${flags.at} is not an instant with an offset, such as 2025-08-28T09:20:00+05:30.`);
  }
  const date = flags.date === undefined ? null : parseTradeDate(flags.date);
  if (flags.date !== undefined && date === null) {
    return refusal('bad_flag', `--date ${flags.date} is not a date, such as 2025-08-28.`);
  }
  const onDate = atMs === null ? date : dateIn(market, atMs);
  if (date !== null && onDate !== date) {
    return refusal(
      'bad_flag',
      `--at is on ${onDate} in ${market.place}, not on --date ${date}: leave one of them out.`,
    );
  }
  if (atMs !== null) return atMs;
  if (date !== null) return dueMsOf(market, date);
  return sample ? dueMsOf(market, sample.date) : null;
}

async function mayRemove(target: DatabaseTarget): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return true;
  const ask = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await ask.question(`Remove the database ${targetName(target)} and everything in it? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    ask.close();
  }
}

/** 1 where something needs a person: an order nobody knows the end of, or a fan-out that was stopped. */
export function exitCodeOf(report: RunReport): 0 | 1 {
  const stopped = report.orders.some(({ reason }) => reason === 'breaker_open');
  return report.totals.unknown > 0 || stopped ? 1 : 0;
}
