// The trading day every bench case plays: its users, prices, signals and clock.
import { storedQuotes } from '../../../src/adapters/quotes/quotes.ts';
import { makeWorld } from '../../../src/compose/world.ts';
import { type Config, readConfig } from '../../../src/config/config.ts';
import { signalIdOf } from '../../../src/domain/ids.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import type { Signal } from '../../../src/domain/types.ts';
import type { Emit } from '../../../src/ports/events/events.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { Venue } from '../../../src/ports/venue.ts';
import type { Clock, World } from '../../../src/ports/world.ts';
import { accept } from '../../../src/stages/accept/accept.ts';
import { decide } from '../../../src/stages/decide/decide.ts';
import { open } from '../../../src/stages/scan/open.ts';
import { noInputs, type OpenRun, type RunRequest } from '../../../src/stages/scan/request.ts';
import { scan } from '../../../src/stages/scan/scan.ts';
import { tester } from '../../../test/support/tester.ts';
import { refuse } from '../../support/flags.ts';

/** An ordinary day of the NSE. Every case starts at its 09:20. */
export const tradeDate = '2025-08-28';
export const startMs = istMs(tradeDate, '09:20');

const PRICE_MINOR = 100_00;

/** The configuration without any variable set: what the bench measures is nobody's environment. */
export function plainConfig(): Config {
  const read = readConfig({});
  return read.kind === 'refused' ? refuse(read.problems.join('\n')) : read.config;
}

/** The machine's clock, moved: it is `atMs` now, by default 09:20 of the day, and pauses are pauses. */
export function benchClock(atMs = startMs): Clock {
  const offsetMs = atMs - Date.now();
  return {
    virtual: false,
    nowMs: () => Date.now() + offsetMs,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    every(periodMs, beat) {
      const timer = setInterval(beat, periodMs);
      return () => clearInterval(timer);
    },
  };
}

export interface WorldOptions {
  url: string;
  store: Store;
  venue: Venue;
  clock?: Clock;
  emit?: Emit;
}

/** The product's own parts, with the bench's venue in place of the simulated one. */
export async function benchWorld({ url, store, venue, clock, emit }: WorldOptions): Promise<World> {
  const world = await makeWorld({
    config: plainConfig(),
    target: { kind: 'server', url },
    store,
    clock: clock ?? benchClock(),
    quotes: storedQuotes(store, 'signal'),
    faults: null,
    emit: emit ?? (() => undefined),
  });
  return { ...world, venues: new Map([[venue.name, venue]]) };
}

/** A scan that sends inline. It may take as long as it takes: no cut-off and no age of prices ends it. */
export function benchRequest(concurrency: number): RunRequest {
  return {
    mode: 'paper',
    dryRun: false,
    expectPlan: null,
    waitMs: 3_600_000,
    cutOffTime: '15:30:00',
    limits: { ...plainConfig().limits, quoteMaxAgeMs: 3_600_000 },
    concurrency,
    inline: true,
    inputs: { ...noInputs, by: { who: 'bench', how: 'service' } },
  };
}

/** The planning of a scan as `run()` does it: snapshot, decide, accept. */
export async function planned(world: World, request: RunRequest): Promise<OpenRun> {
  const scanned = await scan(world, request);
  if (scanned.kind !== 'run') throw new Error(`there is nothing to plan: ${JSON.stringify(scanned)}`);
  const opened = await open(world, request, scanned);
  await accept(world, opened, decide(world, opened));
  return opened;
}

/** Users with plenty of money at the paper venue: `user 1`, `user 2` …; `reachable`: each with a number for messages. */
export async function importUsers(store: Store, count: number, reachable = false): Promise<void> {
  const nowMs = istMs(tradeDate, '09:00');
  for (let from = 0; from < count; from += 5000) {
    const users = Array.from({ length: Math.min(5000, count - from) }, (_, index) => {
      const nth = from + index + 1;
      const id = `user-${nth}`;
      const whatsapp = reachable ? `+91${9_000_000_000 + nth}` : null;
      const settings = { capitalMinor: 10_00_00_000_00, allocationBps: 100, leverageCenti: 100, priority: 100 };
      const limits = { maxOpenPositions: null, dailyLossLimitBps: null };
      return { id, name: id.replace('-', ' '), whatsapp, ...settings, ...limits, venue: 'paper' };
    });
    await store.call('import_users', { by: tester, users, mode: 'paper', source: 'bench', nowMs });
  }
}

/** `S1`, `S2` … at 100 rupees. */
export async function importPrices(store: Store, count: number): Promise<string[]> {
  const symbols = Array.from({ length: count }, (_, index) => `S${index + 1}`);
  const price = { date: tradeDate, openMinor: PRICE_MINOR, closeMinor: PRICE_MINOR };
  await store.call('import_prices', { by: tester, prices: symbols.map((symbol) => ({ symbol, ...price })) });
  return symbols;
}

/** A day of so many users and signals, ready to be scanned: every user can afford every signal. */
export async function importDay(
  store: Store,
  users: number,
  signals: number,
  { reachable = false }: { reachable?: boolean } = {},
): Promise<void> {
  await importUsers(store, users, reachable);
  const symbols = await importPrices(store, signals);
  await store.call('import_signals', { by: tester, signals: symbols.map(signalOf), source: 'bench' });
}

function signalOf(symbol: string, index: number): Signal {
  const named = { exchange: 'NSE', tradeDate, strategy: 'bench', symbol, side: 'BUY' } as const;
  return {
    ...named,
    id: signalIdOf(named),
    rank: index + 1,
    referencePriceMinor: PRICE_MINOR,
    stopLossMinor: null,
    targetMinor: null,
    validUntilMs: null,
  };
}
