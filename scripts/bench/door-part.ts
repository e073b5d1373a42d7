import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import pg from 'pg';
import { storedQuotes } from '../../src/adapters/quotes/quotes.ts';
import { openPostgres } from '../../src/adapters/store/postgres.ts';
import { makeStore } from '../../src/adapters/store/store.ts';
import { makeApp } from '../../src/http/app.ts';
import { makeMetrics } from '../../src/http/metrics.ts';
import type { Clock } from '../../src/ports/world.ts';
import { makeHttpParts, makeWorld } from '../../src/wire.ts';
import { configured } from '../flags.ts';

/** The service's HTTP door in a process of its own, at an instant of its own, and beside it a route that only asks `select 1`. */
export async function doorPart({ url, nowMs }: { url: string; nowMs: number }): Promise<void> {
  const config = { ...configured(), execute: 'worker' as const };
  const store = makeStore(openPostgres({ url, max: 10 }));
  const offsetMs = nowMs - Date.now();
  const clock: Clock = {
    virtual: false,
    nowMs: () => Date.now() + offsetMs,
    sleep: () => new Promise(() => {}),
    every: () => () => undefined,
  };
  const metrics = makeMetrics();
  const place = { kind: 'server', url } as const;
  const given = { config, place, store, clock, quotes: storedQuotes(store), faults: null, tell: metrics.tell };
  const world = await makeWorld(given);
  const parts = makeHttpParts({ ...config, http: { ...config.http, cronSecret: 'bench-cron-secret' } }, world, {
    deadlineMs: 60_000,
    stop: new AbortController().signal,
    later: () => undefined,
    wake: () => undefined,
    changes: { next: () => new Promise(() => {}) },
    upgradeWebSocket: null,
    longestStreamMs: null,
    metrics,
  });
  const limits = { bodyBytes: 65_536, callerPerMinute: 10_000_000, addressPerMinute: 10_000_000 };
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  const app = new Hono();
  app.post('/empty', async (c) => {
    await c.req.json();
    const { rows } = await pool.query('select 1 as one');
    return c.json(rows[0]);
  });
  app.route('/', makeApp(parts, limits));
  serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
    process.stdout.write(`http://127.0.0.1:${port}\n`);
  });
}
