// Runs the parts of the service in one process (HTTP, schedule, worker) until it is stopped.
import { realClock } from '../../adapters/clock.ts';
import { storedQuotes } from '../../adapters/quotes/quotes.ts';
import {
  type DatabaseTarget,
  makeWorld,
  openListener,
  openStore,
  scanSettings,
  targetName,
} from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import type { Fault } from '../../domain/faults.ts';
import { istIso } from '../../domain/market/india-time.ts';
import { failureText } from '../../domain/text/failure-text.ts';
import { makeMetrics } from '../../http/metrics/metrics.ts';
import type { Metrics } from '../../http/metrics/registry.ts';
import { makeLog } from '../../log.ts';
import { type DatabaseError, isMisconfigured } from '../../ports/database.ts';
import { emitToAll } from '../../ports/events/events.ts';
import type { Store } from '../../ports/store/store.ts';
import type { Clock, Quotes, World } from '../../ports/world.ts';
import type { Schedule, ScheduleDeps } from '../../schedule.ts';
import { listen } from '../../stages/execute/order-updates.ts';
import { supervised } from '../../stages/supervised.ts';
import { refuseWrongClock } from '../../stages/wrong-clock.ts';
import { work } from '../../work.ts';
import type { RunningHttpServer } from './http-server.ts';

/** `logins` is HTTP with sessions at venues: their logins and postbacks, and live prices for single orders. */
export const allParts = ['http', 'logins', 'schedule', 'worker'] as const;
export type Part = (typeof allParts)[number];

/** A stop that has not finished by then is ended: whoever stops us would kill us soon after. */
const STOP_WITHIN_MS = 25_000;

/** What a service brings that is not of the machine's clock and the database's prices, such as the demo. */
export interface ServiceOptions {
  clock: Clock;
  quotes: Quotes;
  faults: readonly Fault[] | null;
  /** The schedule, instead of the machine's. */
  schedule: (parts: ScheduleDeps) => Schedule;
  /** Where PORT is taken another one does. */
  anyPort: boolean;
  /** Called with the open database before anything runs. */
  prepare: (store: Store) => Promise<void>;
  /** Changes the world before anything runs. */
  change: (world: World) => World;
  /** Called when all parts run. */
  started: (service: { address: string }) => void;
}

interface Service {
  options: ServiceOptions | null;
  config: Config;
  target: DatabaseTarget;
  world: World;
  metrics: Metrics;
  parts: ReadonlySet<Part>;
  stop: AbortSignal;
  wakeSignal: WakeSignal;
}

/**
 * Runs the parts in this process, on one database, until SIGTERM or SIGINT: then nothing new is accepted or claimed,
 * what is with a venue is finished, the rest is handed back. 0 when it was stopped; 2 when the database does not accept
 * the login or key of the settings at its first answer. Nothing else that the database does ends it: each part is
 * supervised by itself, and comes back.
 * @throws when a part can't even be started (the port is taken), after the others were stopped
 */
export async function serve(
  config: Config,
  target: DatabaseTarget,
  parts: ReadonlySet<Part>,
  options: ServiceOptions | null = null,
): Promise<number> {
  const stop = stopSignal();
  // Whoever brings a clock has one of its own.
  const virtual = options !== null;
  const store = await openStore({ config, target, readOnly: false, virtual, onSlowStart: say });
  try {
    await options?.prepare(store);
    const { clock, quotes, faults } = options ?? {
      clock: realClock(),
      quotes: storedQuotes(store, config.paperPrices),
      faults: null,
    };
    const metrics = makeMetrics();
    const emit = emitToAll(makeLog(config.logLevel), metrics.emit);
    const made = await makeWorld({ config, target, store, clock, quotes, faults, emit });
    const world = options?.change(made) ?? made;
    emitUnhandled(world);
    const refusal = firstAnswer(world, stop.signal);
    void refusal.then((error) => error && stop.pull());
    await runParts(
      { options, config, target, world, metrics, parts, stop: stop.signal, wakeSignal: makeWakeSignal() },
      stop.pull,
    );
    const error = await refusal;
    if (error) say(`The database does not accept the settings, so the service ends: ${failureText(error)}`);
    return error ? 2 : 0;
  } finally {
    await store.close();
  }
}

/** What was thrown where nobody waited for it: emitted like any other failure, and no reason to end everything. */
function emitUnhandled({ emit }: World): void {
  process.on('unhandledRejection', (error) => emit({ type: 'unhandled_rejection', alert: true, error }));
}

/** Waits, aloud, for the database's first answer. What it gives is for a person to mend: login, database or key. */
async function firstAnswer(world: World, stop: AbortSignal): Promise<DatabaseError | null> {
  let refusal: DatabaseError | null = null;
  await supervised(world, 'first answer of the database', stop, async () => {
    try {
      const nowMs = world.clock.nowMs();
      refuseWrongClock(await world.store.call('read_readiness', { nowMs }), nowMs);
    } catch (error) {
      if (!isMisconfigured(error)) throw error;
      refusal = error;
    }
  });
  return refusal;
}

/** A part that can't be started stops the others, properly. */
async function runParts(service: Service, pull: () => void): Promise<void> {
  const running: Promise<void>[] = [];
  const labels: string[] = [];
  const failures: unknown[] = [];
  const keep = (part: Promise<void>) => {
    const ending = part.catch((error: unknown) => {
      failures.push(error);
      pull();
    });
    running.push(ending);
  };
  try {
    const address =
      service.parts.has('http') || service.parts.has('logins') ? await openHttpServer(service, keep) : null;
    if (address !== null) labels.push(`HTTP on ${address}`);
    if (service.parts.has('schedule')) labels.push(await keepSchedule(service, keep));
    if (service.parts.has('worker')) labels.push(await keepWorking(service, keep));
    sayStarted(service, labels);
    if (address !== null) service.options?.started({ address });
  } catch (error) {
    failures.push(error);
    pull();
  }
  await Promise.all(running);
  if (failures.length > 0) throw failures[0];
}

type Keep = (part: Promise<void>) => void;

async function openHttpServer(
  { options, config, target, world, metrics, stop, wakeSignal }: Service,
  keep: Keep,
): Promise<string> {
  const { isPortTaken, startHttpServer } = await import('./http-server.ts');
  const open = (port: number): Promise<RunningHttpServer> => {
    const http = { ...config.http, port };
    return startHttpServer({ config: { ...config, http }, target, world, metrics, wake: wakeSignal.wake, stop });
  };
  const httpServer = await open(config.http.port).catch((error: unknown) => {
    if (options?.anyPort && isPortTaken(error)) return open(0);
    throw error;
  });
  keep(httpServer.ended);
  return httpServer.address;
}

async function keepSchedule({ options, config, world, parts, stop, wakeSignal }: Service, keep: Keep): Promise<string> {
  const start = options?.schedule ?? (await import('../../schedule.ts')).startSchedule;
  const next: number[] = [];
  for (const market of config.markets) {
    const settings = scanSettings(config, market);
    // The worker of this process sends: the scan has nothing to wait for, and a stop nothing to wait on.
    const inline = settings.inline && !parts.has('worker');
    const schedule = start({ world, settings: { ...settings, inline }, stop, wake: wakeSignal.wake });
    keep(schedule.ended);
    if (schedule.nextScanMs !== null) next.push(schedule.nextScanMs);
  }
  return next.length === 0 ? 'schedule' : `schedule (looks next at ${istIso(Math.min(...next))})`;
}

/** The worker, and what venues push for it. */
async function keepWorking({ config, target, world, stop, wakeSignal }: Service, keep: Keep): Promise<string> {
  const listener = await openListener(target);
  const woken = () => Promise.race([listener.next(), wakeSignal.next()]);
  const { concurrency, mode } = config;
  const working = supervised(world, 'worker', stop, () => work(world, { concurrency, stop, woken }));
  keep(working.finally(() => listener.close()));
  keep(supervised(world, 'venue streams', stop, () => listen(world, { mode, stop, wake: wakeSignal.wake })));
  return 'worker';
}

function sayStarted({ config, target }: Service, labels: string[]): void {
  const where = target.kind === 'embedded' ? targetName(target) : 'the server the settings name';
  say(`daily-scan runs ${labels.join(', ')}; ${config.mode} trading; database: ${where}.`);
  say('SIGTERM or Ctrl-C stops.');
}

interface WakeSignal {
  wake: () => void;
  /** Resolves at the next signal, or at once if one came since. */
  next: () => Promise<void>;
}

/** How the HTTP server and the schedule wake the worker of the same process. A signal while nobody waits is kept. */
function makeWakeSignal(): WakeSignal {
  let coming = Promise.withResolvers<void>();
  let isRaised = false;
  return {
    wake() {
      isRaised = true;
      coming.resolve();
    },
    // Who gave up waiting shares the promise with who waits now, and takes no signal away from them.
    async next() {
      if (!isRaised) return coming.promise;
      isRaised = false;
      coming = Promise.withResolvers();
    },
  };
}

function stopSignal(): { signal: AbortSignal; pull: () => void } {
  const controller = new AbortController();
  const pull = () => {
    if (controller.signal.aborted) return;
    controller.abort();
    setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, pull);
  return { signal: controller.signal, pull };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
