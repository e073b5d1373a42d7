// Runs one trading day from a few values: signals, users, prices and faults, with plain defaults.
import { virtualClock } from '../../../src/adapters/clock.ts';
import { fileQuotes } from '../../../src/adapters/quotes/quotes.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { makeWorld } from '../../../src/compose/world.ts';
import { readConfig } from '../../../src/config/config.ts';
import type { RunLimits } from '../../../src/domain/decision/inputs.ts';
import type { Fault } from '../../../src/domain/faults.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import type { RunReport } from '../../../src/domain/report.ts';
import type { Instrument, Signal } from '../../../src/domain/types.ts';
import type { UserToImport } from '../../../src/ports/store/imports.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { Quotes, World } from '../../../src/ports/world.ts';
import { type RunResult, run } from '../../../src/run.ts';
import type { RunRequest } from '../../../src/stages/scan/request.ts';
import { buy, importedUser, tradeDate } from '../../support/builders.ts';
import type { TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';

export const runId = `XNSE:${tradeDate}:open:paper`;

/** What a test's run is made of; every part has a plain default. */
export interface Day {
  signals: Signal[] | null;
  users: UserToImport[] | null;
  /** Opens by symbol, in paise; a symbol that is not named opens at its signal's reference price. */
  opens?: Record<string, number>;
  /** Takes the place of `opens`. */
  quotes?: Quotes;
  instruments?: Instrument[];
  faults?: Fault[];
  limits?: Partial<RunLimits>;
  /** When the scan starts, in India; the date is the tests' own where it is left out. */
  time?: string;
  date?: string;
  dryRun?: boolean;
  expectPlan?: string;
  concurrency?: number;
  /** One of several processes on a server: it cannot know that another is gone. */
  server?: boolean;
  /** Changes the world the run gets: another venue or notifier, say. */
  change?: (world: World) => World;
}

export const fiveUsers = ['Asha Rao', 'Rohan Mehta', 'Kavita Iyer', 'Sanjay Gupta', 'Meera Nair'].map((name) =>
  importedUser(name),
);
export const titan = buy('TITAN', 1, 3560_00);
export const infy = buy('INFY', 2, 1500_00);
export const sbi = buy('SBICARD', 3, 800_00);

/** The configuration of an empty environment. */
function plainConfig(): Extract<ReturnType<typeof readConfig>, { kind: 'config' }>['config'] {
  const read = readConfig({});
  if (read.kind !== 'config') throw new Error(read.problems.join('\n'));
  return read.config;
}

export function storeOf(database: TestDatabase): Store {
  return makeStore({ call: database.call, close: async () => undefined });
}

/** A world as a new process would have it: whatever another process had under way is swept first. */
export async function worldOf(store: Store, day: Day): Promise<World> {
  const clock = virtualClock(istMs(day.date ?? tradeDate, day.time ?? '09:20'));
  const config = plainConfig();
  const quotes = day.quotes ?? fileQuotes(opensOf(day));
  const target = day.server ? ({ kind: 'server', url: '' } as const) : ({ kind: 'embedded', path: null } as const);
  const faults = day.faults ?? null;
  const world = await makeWorld({ config, target, store, clock, quotes, faults, emit: () => undefined });
  return day.change ? day.change(world) : world;
}

function opensOf({ signals, date = tradeDate, opens = {} }: Day) {
  const prices = new Map(signals?.map(({ symbol, referencePriceMinor }) => [symbol, referencePriceMinor]));
  for (const [symbol, open] of Object.entries(opens)) prices.set(symbol, open);
  return [...prices].map(([symbol, price]) => {
    return {
      date,
      symbol,
      openMinor: price,
      exchange: 'NSE',
      highMinor: price,
      lowMinor: price,
      closeMinor: price,
      volume: 1,
    };
  });
}

/** The settings of an empty environment with the day's own limits. */
export function settingsOf(day: Day): Pick<RunRequest, 'mode' | 'limits'> {
  const { mode, limits } = requestOf(day);
  return { mode, limits };
}

export function requestOf(day: Day): RunRequest {
  const { limits, cutOffTime, mode, concurrency } = plainConfig();
  return {
    mode,
    dryRun: day.dryRun ?? false,
    expectPlan: day.expectPlan ?? null,
    waitMs: 120_000,
    cutOffTime,
    limits: { ...limits, ...day.limits },
    concurrency: day.concurrency ?? concurrency,
    inline: true,
    inputs: {
      signalsSource: 'import:signals.csv',
      usersSource: 'import:users.csv',
      instruments: day.instruments ?? [],
      signals: day.signals,
      users: day.users,
      problems: [],
      by: tester,
    },
  };
}

/** One process's run: a new world, then the path. */
export async function runResult(store: Store, day: Day): Promise<RunResult> {
  return run(await worldOf(store, day), requestOf(day));
}

/** The same where a report is what must come. */
export async function runDay(store: Store, day: Day): Promise<RunReport> {
  const result = await runResult(store, day);
  if (result.kind !== 'report') throw new Error(`refused: ${result.message}`);
  return result.report;
}
