import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openPostgres } from '../../src/adapters/store/postgres.ts';
import { makeStore } from '../../src/adapters/store/store.ts';
import type { Store } from '../../src/ports/store/store.ts';
import type { Venue } from '../../src/ports/venue.ts';
import { work } from '../../src/work.ts';
import { decideAll, openTestRun } from '../contract/support/test-run.ts';
import { setClock } from '../stages/support/clocks.ts';
import { workerWorld } from '../stages/support/worker-world.ts';
import type { AnyEvent } from '../support/any-event.ts';
import { brokenPromises } from '../support/broken-promises.ts';
import { nowMs, signal, user } from '../support/builders.ts';
import { violations } from '../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../support/postgres.ts';

/** What the broker does with an order of a user: fills it, breaks the connection off, or never answers. */
type BrokerBehaviour = 'fills' | 'breaks' | 'hangs';

const orderRequest = z.object({
  clientOrderId: z.string(),
  userId: z.string(),
  quantity: z.int(),
  limitPriceMinor: z.int(),
});

let database: TestPostgres;
let store: Store;
let broker: Server;
let behaviourOf: (userId: string) => BrokerBehaviour;
/** Orders at the broker that have no answer yet, by user. */
let hanging: string[];
let arrived: string[];
let events: AnyEvent[];
let stop: AbortController;
let workers: Promise<void>[];

beforeEach(async () => {
  database = await freshPostgres();
  store = makeStore(openPostgres({ url: database.url, max: 10 }));
  hanging = [];
  arrived = [];
  events = [];
  workers = [];
  stop = new AbortController();
  broker = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (part: Buffer) => chunks.push(part));
    request.on('end', () => {
      const order = orderRequest.parse(JSON.parse(Buffer.concat(chunks).toString()));
      arrived.push(order.userId);
      const does = behaviourOf(order.userId);
      if (does === 'breaks') request.socket.destroy();
      else if (does === 'hangs') hanging.push(order.userId);
      else response.end(JSON.stringify(order));
    });
  }).listen(0, '127.0.0.1');
  await once(broker, 'listening');
});
afterEach(async () => {
  stop.abort();
  broker.closeAllConnections();
  await Promise.all(workers);
  broker.close();
  await store.close();
  expect(await violations(database.session)).toEqual([]);
  // The crowded client's place in the queue is arranged.
  expect(await brokenPromises(makeStore(database), ['an order is what was decided'])).toEqual([]);
  await database.close();
});

/** A venue that speaks to the broker over HTTP; what is not answered is unknown. */
function venue(): Venue {
  const address = broker.address();
  if (address === null || typeof address === 'string') throw new Error('the broker has no port');
  return {
    name: 'paper',
    capabilities: { refusesDuplicates: false, missIsProof: false },
    async submit({ clientOrderId, userId, quantity, limitPriceMinor }) {
      const body = JSON.stringify({ clientOrderId, userId, quantity, limitPriceMinor });
      try {
        const answer = await fetch(`http://127.0.0.1:${address.port}/orders`, { method: 'POST', body });
        const { quantity: filled } = orderRequest.parse(await answer.json());
        const fills = [
          { venueFillId: `f-${clientOrderId}`, quantity: filled, priceMinor: limitPriceMinor, atMs: nowMs },
        ];
        return {
          kind: 'acknowledged',
          report: { venueOrderId: `v-${clientOrderId}`, status: 'filled', fills, message: null },
        };
      } catch {
        return { kind: 'unknown', reason: 'timeout' };
      }
    },
    lookup: async () => ({ kind: 'unreadable', reason: 'timeout' }),
  };
}

/** So many worker processes' loops, each with a world of its own, beside one another. */
async function startWorkers(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const world = await workerWorld(store, database.url, setClock(nowMs), (event) => events.push(event));
    const own = { ...world, venues: new Map([['paper', venue()]]) };
    const woken = () => new Promise<void>(() => undefined);
    workers.push(work(own, { concurrency: 10, stop: stop.signal, woken }));
  }
}

async function statuses(where = 'true'): Promise<Record<string, number>> {
  const rows = await database.session.query(
    `select status || coalesce(' ' || reason, '') as status, count(*)::int as n from public.orders where ${where} group by 1`,
  );
  return Object.fromEntries(rows.map(({ status, n }) => [String(status), Number(n)]));
}

async function until(what: string, is: () => Promise<boolean> | boolean): Promise<void> {
  for (let round = 0; round < 600; round += 1) {
    if (await is()) return;
    await pause(50);
  }
  throw new Error(
    `${what}: never; orders are ${JSON.stringify(await statuses())}, told ${JSON.stringify(events.map(({ type }) => type))}`,
  );
}

const people = (n: number) => Array.from({ length: n }, (_, index) => user(`u${index}`));
const quick = { breakerPauseMs: 200 };

describe('one client whose broker session hangs, with 70 orders before those of 40 others', () => {
  beforeEach(async () => {
    behaviourOf = (userId) => (userId === 'hung' ? 'hangs' : 'fills');
    const symbols = Array.from({ length: 70 }, (_, n) => signal(`S${n + 10}`, { rank: n + 1 }));
    await decideAll(await openTestRun(store, { users: [user('hung')], signals: symbols }), { quantity: 1 });
    const later = { runId: 'XNSE:2025-08-28:later:paper', users: people(40), signals: [signal('TITAN')] };
    await decideAll(await openTestRun(store, later));
    await database.session.exec(`update public.orders set position = 100 where user_id <> 'hung'`);
  });

  test.each([1, 2])('keeps nobody waiting in %i processes, and costs nobody an order', async (processes) => {
    await startWorkers(processes);
    await until('the others are filled', async () => (await statuses(`user_id <> 'hung'`))['filled'] === 40);
    // All of that while the broker has said nothing of theirs.
    expect(hanging).toHaveLength(5 * processes);
    expect(await statuses(`user_id = 'hung'`)).toEqual({ queued: 70 - 5 * processes, submitting: 5 * processes });
    // Somebody who comes now is served at once, too.
    const late = { runId: 'XNSE:2025-08-28:latest:paper', users: [user('late')], signals: [signal('INFY')] };
    await decideAll(await openTestRun(store, late));
    await until('who came later is filled', async () => (await statuses(`user_id = 'late'`))['filled'] === 1);
    expect(hanging).toHaveLength(5 * processes);
    expect(events.filter(({ type }) => type === 'breaker_opened')).toEqual([]);
  });

  test('is stopped alone once their broker gives up, and the alert says so', async () => {
    await startWorkers(1);
    await until('their slots are full', () => hanging.length === 5);
    await until('the others are filled', async () => (await statuses(`user_id <> 'hung'`))['filled'] === 40);
    broker.closeAllConnections();
    await until('their breaker is open', () => events.some(({ type }) => type === 'breaker_opened'));
    expect(events.filter(({ type }) => type === 'breaker_opened')).toMatchObject([
      { alert: true, scope: 'account', userId: 'hung', venue: 'paper', tried: 5, failed: 5, waiting: 65 },
    ]);
  });
});

describe('a venue that is down for all its clients', () => {
  const openDay = async (sendBeforeMs: number) => {
    behaviourOf = () => 'breaks';
    const day = {
      users: people(60),
      signals: [signal('TITAN'), signal('INFY', { rank: 2 })],
      limits: quick,
      sendBeforeMs,
    };
    await decideAll(await openTestRun(store, day));
    await startWorkers(2);
    await until('a breaker is open', () => events.some(({ type }) => type === 'breaker_opened'));
  };

  test('is asked again after pauses, and gets all that was held back once it is there', async () => {
    await openDay(nowMs + 10 * 60_000);
    await until(
      'it was asked again',
      () => arrived.length > 0 && events.some(({ type, scope }) => type === 'breaker_opened' && scope === 'venue'),
    );
    const held = (await statuses())['queued'] ?? 0;
    expect(held).toBeGreaterThan(40);
    behaviourOf = () => 'fills';
    await until('nothing waits', async () => ((await statuses())['queued'] ?? 0) === 0);
    await until('all are answered', async () => ((await statuses())['submitting'] ?? 0) === 0);
    const { filled = 0, ...others } = await statuses();
    expect(Object.keys(others)).toEqual(['unknown timeout']);
    expect(filled).toBeGreaterThan(40);
    expect(events.some(({ type }) => type === 'breaker_closed')).toBe(true);
    // One after the other has asked: nothing went twice.
    expect(arrived).toHaveLength(120);
  });

  test('and stays away: what was held back ends canceled, never sent', async () => {
    await openDay(nowMs + 4000);
    await until('nothing is open', async () => {
      const { queued = 0, submitting = 0 } = await statuses();
      return queued + submitting === 0;
    });
    const ended = await statuses();
    expect(Object.keys(ended).toSorted()).toEqual(['canceled breaker_open', 'unknown timeout']);
    expect(ended['canceled breaker_open']).toBe(120 - arrived.length);
  });
});
