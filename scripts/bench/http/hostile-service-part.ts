// The hostile case's service, as a process of its own whose venue can hang for one user.
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { storedQuotes } from '../../../src/adapters/quotes/quotes.ts';
import { startHttpServer } from '../../../src/commands/run/http-server.ts';
import { makeWorld, openStore } from '../../../src/compose/world.ts';
import { readConfig } from '../../../src/config/config.ts';
import { makeMetrics } from '../../../src/http/metrics/metrics.ts';
import type { LookupOutcome, Venue } from '../../../src/ports/venue.ts';
import { work } from '../../../src/work.ts';
import { refuse } from '../../support/flags.ts';
import { listen, say } from '../child-process.ts';
import { benchClock } from '../core/day.ts';
import { instantVenue } from '../core/instant-venue.ts';

/** As long as a venue's adapter waits for an answer. */
const HANGS_MS = 10_000;

const inputSchema = z.object({ url: z.string(), hungUser: z.string() });

/**
 * HTTP and worker as `npm start` has them, in a process of their own, with a venue that answers at once; told so, it lets
 * one user's orders hang. It says how often it raised an alert.
 */
export async function hostileServicePart(input: unknown): Promise<void> {
  const { url, hungUser } = inputSchema.parse(input);
  const read = readConfig({
    DATABASE_URL: url,
    CRON_SECRET: 'bench-cron-secret',
    PORT: '0',
    TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`,
    TWILIO_AUTH_TOKEN: 'bench-twilio-token-bench-twilio-',
    TWILIO_WHATSAPP_FROM: '+14155238886',
    TWILIO_BASE_URL: 'http://127.0.0.1:9',
    PUBLIC_URL: 'https://scan.example',
    LOG_LEVEL: 'silent',
  });
  if (read.kind === 'refused') return refuse(read.problems.join('\n'));
  const { config } = read;
  const target = { kind: 'server', url } as const;
  const store = await openStore({ config, target, readOnly: false, virtual: true, onSlowStart: () => undefined });
  const metrics = makeMetrics();
  const options = { config, target, store, clock: benchClock(), quotes: storedQuotes(store, 'signal'), faults: null };
  const made = await makeWorld({ ...options, emit: metrics.emit });
  let hangs = false;
  const venue = hanging(hungUser, () => hangs);
  const world = { ...made, venues: new Map([[venue.name, venue]]) };
  const stop = new AbortController();
  let ring = Promise.withResolvers<void>();
  const wake = (): void => {
    ring.resolve();
    ring = Promise.withResolvers();
  };
  const http = await startHttpServer({ config, target, world, metrics, wake, stop: stop.signal });
  listen((message) => {
    hangs = z.object({ hangs: z.boolean() }).parse(message).hangs;
  });
  say({ address: http.address });
  await work(world, { concurrency: config.concurrency, stop: stop.signal, woken: () => ring.promise });
}

function hanging(hungUser: string, hangs: () => boolean): Venue {
  const venue = instantVenue();
  return {
    ...venue,
    async submit(order) {
      if (order.userId !== hungUser || !hangs()) return venue.submit(order);
      await pause(HANGS_MS);
      return { kind: 'unknown', reason: 'timeout' };
    },
    async lookup(order): Promise<LookupOutcome> {
      if (order.userId !== hungUser || !hangs()) return venue.lookup(order);
      await pause(HANGS_MS);
      return { kind: 'unreadable', reason: 'timeout' };
    },
  };
}
