// Starts the HTTP server of a service process, and ends it without cutting answers off.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { upgradeWebSocket } from '@hono/node-server';
import { type DatabaseTarget, makeHttpDeps, openOrderListener } from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import { makeApp } from '../../http/app.ts';
import { limitsFor } from '../../http/callers/limits.ts';
import type { Metrics } from '../../http/metrics/registry.ts';
import { type HttpServer, makeServer } from '../../http/serve-http.ts';
import { affordable, connectionLimits } from '../../http/sockets.ts';
import type { World } from '../../ports/world.ts';

/** How long one request may work: no proxy of ours ends it, but whoever asks wants an answer. */
const DEADLINE_MS = 240_000;
/** What is under way at a stop gets this long; the process has 25 s for everything. */
const FINISH_WITHIN_MS = 20_000;
/** For the last bytes of answers that are ready; streams, which never end, are cut then. */
const FLUSH_WITHIN_MS = 500;

/** A stream is closed then and its client comes back, showing its key anew: a revoked one gets no more. */
const MAX_STREAM_MS = 300_000;

export interface RunningHttpServer {
  /** `http://127.0.0.1:3000` */
  address: string;
  /** Resolves when it was stopped and what was under way has ended. */
  ended: Promise<void>;
}

export interface HttpServerDeps {
  config: Config;
  target: DatabaseTarget;
  world: World;
  metrics: Metrics;
  wake: () => void;
  stop: AbortSignal;
}

/** Starts the HTTP server on HOST and PORT. @throws Error when the port can't be had, saying what to do */
export async function startHttpServer({
  config,
  target,
  world,
  metrics,
  wake,
  stop,
}: HttpServerDeps): Promise<RunningHttpServer> {
  const underWay = new Set<Promise<unknown>>();
  const track = <Result>(job: Promise<Result>): Promise<Result> => {
    const ending = job.catch(() => undefined).finally(() => underWay.delete(ending));
    underWay.add(ending);
    return job;
  };
  const later = (work: Promise<unknown>) => {
    track(work).catch((error: unknown) => world.emit({ type: 'background_task_failed', alert: true, error }));
  };
  const changes = await openOrderListener(target);
  const streams = { changes, upgradeWebSocket, maxStreamMs: MAX_STREAM_MS };
  const maxConnections = affordable(
    config.http.maxConnections,
    await readFile('/proc/self/limits', 'utf8').catch(() => null),
  );
  const app = makeApp(
    makeHttpDeps(config, world, { deadlineMs: DEADLINE_MS, stop, later, wake, metrics, ...streams }),
    limitsFor(maxConnections),
  );
  // A stream's answer is there at once, so it does not count as under way.
  const { server, sockets } = makeServer(
    (request, env) => track(Promise.resolve(app.fetch(request, env))),
    connectionLimits(maxConnections),
    world.emit,
  );
  const address = await listen(server, config.http.host, config.http.port).catch(async (error: unknown) => {
    await changes.close();
    throw error;
  });
  const ended = close({ server, sockets }, stop, underWay).finally(() => changes.close());
  return { address, ended };
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new Error(`Can't listen on HOST ${host}, PORT ${port}: set another, or end what listens there.`, { cause });
  }
  const at = server.address();
  const bound = typeof at === 'object' && at !== null ? at.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
}

/** Whether what `startHttpServer` threw is that somebody else listens there. */
export function isPortTaken(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
}

async function close(
  { server, sockets }: HttpServer,
  stop: AbortSignal,
  underWay: ReadonlySet<Promise<unknown>>,
): Promise<void> {
  if (!stop.aborted) await once(stop, 'abort');
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // Answers may start more work for later, so it is asked again until nothing is left.
  const done = async () => {
    while (underWay.size > 0) await Promise.all(underWay);
  };
  await Promise.race([done(), pause(FINISH_WITHIN_MS, undefined, { ref: false })]);
  server.closeIdleConnections();
  await Promise.race([closed, pause(FLUSH_WITHIN_MS)]);
  for (const socket of sockets.clients) socket.terminate();
  server.closeAllConnections();
  await closed;
}
