// A worker or a scan as a child process of the torture.
import { z } from 'zod';
import { storedQuotes } from '../../src/adapters/quotes/quotes.ts';
import { listenForWork } from '../../src/adapters/store/listener.ts';
import { openPostgres } from '../../src/adapters/store/postgres.ts';
import { makeStore } from '../../src/adapters/store/store.ts';
import { makeWorld } from '../../src/compose/world.ts';
import { type Config, readConfig } from '../../src/config/config.ts';
import type { World } from '../../src/ports/world.ts';
import { run } from '../../src/run.ts';
import { work } from '../../src/work.ts';
import { exitWithParent } from './exit-with-parent.ts';
import { fastClock, fastDay } from './fast-day.ts';
import { loopbackNotifier, loopbackVenue } from './loopback-venue.ts';
import { runInputs } from './run-inputs.ts';

const CONCURRENCY = 8;

export const toTrading = z.object({
  databaseUrl: z.string(),
  venueUrl: z.string(),
  day: fastDay,
  round: z.int(),
  /** Of a scan: whether it sends itself, or leaves that to the workers. */
  inline: z.boolean(),
});
export type ToTrading = z.infer<typeof toTrading>;

/** A worker or a scan as a process of its own: the real parts, with the loopback venue and messenger beside them. */
export async function tradingPart(part: 'worker' | 'scan', input: unknown): Promise<void> {
  exitWithParent();
  const options = toTrading.parse(input);
  const read = readConfig({ DATABASE_URL: options.databaseUrl });
  if (read.kind === 'refused') throw new Error(read.problems.join('\n'));
  const world = await worldOf(options, read.config);
  if (part === 'worker') await workUntilStopped(world, options);
  else await scanOnce(world, options, read.config);
  process.exit(0);
}

async function worldOf({ databaseUrl, venueUrl, day }: ToTrading, config: Config): Promise<World> {
  const store = makeStore(openPostgres({ url: databaseUrl, max: 6 }), { virtual: true });
  const target = { kind: 'server', url: databaseUrl } as const;
  const options = { config, target, store, clock: fastClock(day), quotes: storedQuotes(store, 'signal'), faults: null };
  const venue = loopbackVenue(venueUrl);
  return {
    ...(await makeWorld({ ...options, emit: () => {} })),
    venues: new Map([[venue.name, venue]]),
    notifier: loopbackNotifier(venueUrl),
  };
}

async function workUntilStopped(world: World, { databaseUrl }: ToTrading): Promise<void> {
  const controller = new AbortController();
  process.once('SIGTERM', () => controller.abort());
  const listener = await listenForWork(databaseUrl);
  await work(world, { concurrency: CONCURRENCY, stop: controller.signal, woken: () => listener.next() });
}

async function scanOnce(world: World, { day, round, inline }: ToTrading, config: Config): Promise<void> {
  const result = await run(world, {
    mode: 'paper',
    dryRun: false,
    expectPlan: null,
    waitMs: 60_000,
    cutOffTime: config.cutOffTime,
    limits: config.limits,
    concurrency: CONCURRENCY,
    inline,
    inputs: runInputs(day.date, round),
  });
  if (result.kind === 'refused') throw new Error(result.message);
}
