// The HTTP service where a platform runs the process: Vercel takes this file by its name and its import of hono.
import { waitUntil } from '@vercel/functions';
import type { Hono } from 'hono';
import { realClock } from './adapters/clock.ts';
import { storedQuotes } from './adapters/quotes/quotes.ts';
import { makeHttpDeps, makeWorld, openStore, targetOf } from './compose/world.ts';
import { type Config, readConfig } from './config/config.ts';
import { makeApp } from './http/app.ts';
import type { HttpEnv } from './http/callers/auth.ts';
import { makeMetrics } from './http/metrics/metrics.ts';
import { makeLog } from './log.ts';
import { emitToAll } from './ports/events/events.ts';

/** Read by Vercel's builder: seconds, what every plan allows. */
export const config = { maxDuration: 300 };

/**
 * A request works this long, and what it leaves may go on behind the answer as long again: together well inside
 * maxDuration, so that what is with a venue then still has a minute to answer and to be booked.
 */
const DEADLINE_MS = 120_000;
/** A stream is cut here by us, and its client comes back, rather than by the platform in the middle of a line. */
const MAX_STREAM_MS = 240_000;
/** Many instances share one server: a public report shows ten idle connections each using up its limit. */
const CONNECTIONS = 3;
const REPORT_CONNECTIONS = 1;

/**
 * Built while the module loads, so that a configuration nobody can serve with is a process that does not start: there
 * is no state in which a route answers unguarded.
 */
async function build(settings: Config): Promise<Hono<HttpEnv>> {
  const metrics = makeMetrics();
  const emit = emitToAll(makeLog(settings.logLevel), metrics.emit);
  const target = targetOf(settings, 'main');
  const onSlowStart = (text: string) => emit({ type: 'slow_start', text });
  const connections = { connections: CONNECTIONS, reportConnections: REPORT_CONNECTIONS, keptConnections: 0 };
  const store = await openStore({ config: settings, target, readOnly: false, onSlowStart, ...connections });
  const deps = {
    config: settings,
    target,
    store,
    clock: realClock(),
    quotes: storedQuotes(store, settings.paperPrices),
    faults: null,
  };
  const world = await makeWorld({ ...deps, emit });
  const later = (work: Promise<unknown>) => {
    waitUntil(work.catch((error: unknown) => emit({ type: 'background_task_failed', alert: true, error })));
  };
  const hooks = {
    deadlineMs: DEADLINE_MS,
    // The platform ends an instance between requests, and gives no sign.
    stop: new AbortController().signal,
    later,
    wake: () => undefined,
    // Instances are frozen between requests: streams poll here, nobody listens.
    changes: { next: () => new Promise<void>(() => {}) },
    upgradeWebSocket: null,
    maxStreamMs: MAX_STREAM_MS,
    metrics,
  };
  return makeApp(makeHttpDeps(settings, world, hooks));
}

const read = readConfig(undefined, { http: true });
if (read.kind === 'refused') {
  throw new Error(`The environment is not usable, so nothing is served:\n  ${read.problems.join('\n  ')}`);
}

export default await build(read.config);
