// The http case's server, as a process of its own.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import pg from 'pg';
import { z } from 'zod';
import { openPostgres } from '../../../src/adapters/store/postgres.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import { makeHttpDeps } from '../../../src/compose/world.ts';
import { makeApp } from '../../../src/http/app.ts';
import { defaultRateLimits } from '../../../src/http/callers/limits.ts';
import { makeMetrics } from '../../../src/http/metrics/metrics.ts';
import { listen, say } from '../child-process.ts';
import { benchWorld, plainConfig } from '../core/day.ts';
import { instantVenue } from '../core/instant-venue.ts';
import { floorRoute } from './floor-route.ts';

/**
 * The service's HTTP server in a process of its own, and beside it a route that only asks `select 1`, and the floor route
 * on a database of its own. Nobody sends.
 */
export async function serverPart(input: unknown): Promise<void> {
  const { url, floorUrl } = z.object({ url: z.string(), floorUrl: z.string() }).parse(input);
  listen(() => undefined);
  const config = { ...plainConfig(), execute: 'worker' as const };
  const store = makeStore(openPostgres({ url, max: 10 }), { virtual: true });
  const metrics = makeMetrics();
  const world = await benchWorld({ url, store, venue: instantVenue(), emit: metrics.emit });
  const deps = makeHttpDeps({ ...config, http: { ...config.http, cronSecret: 'bench-cron-secret' } }, world, {
    deadlineMs: 60_000,
    stop: new AbortController().signal,
    later: () => undefined,
    wake: () => undefined,
    changes: { next: () => new Promise(() => {}) },
    upgradeWebSocket: null,
    maxStreamMs: null,
    metrics,
  });
  const limits = { ...defaultRateLimits, callerPerMinute: 10_000_000, addressPerMinute: 10_000_000 };
  const app = timedApp();
  app.route('/', emptyRoute(url));
  app.route('/', floorRoute(floorUrl));
  app.route('/', makeApp(deps, limits));
  serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
    say({ address: `http://127.0.0.1:${port}` });
  });
}

/** Says in each answer how long it took in this process. */
function timedApp(): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    const beganMs = performance.now();
    await next();
    c.res.headers.set('x-server-ms', (performance.now() - beganMs).toFixed(3));
  });
  return app;
}

function emptyRoute(url: string): Hono {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  const app = new Hono();
  app.post('/empty', async (c) => {
    await c.req.json();
    const { rows } = await pool.query('select 1 as one');
    return c.json(rows[0]);
  });
  return app;
}
