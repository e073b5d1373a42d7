// Bench case: single orders over HTTP, per second and at a fixed rate.
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { newApiKey } from '../../../src/http/callers/auth.ts';
import { tester } from '../../../test/support/tester.ts';
import {
  type Bench,
  type BenchCase,
  figure,
  howOften,
  judged,
  median,
  quantile,
  type Row,
  recorded,
  repeated,
  scaled,
  times,
} from '../bench-case.ts';
import { startPart } from '../child-process.ts';
import { mustBalance } from '../core/books.ts';
import type { BenchDatabase } from '../core/databases.ts';
import { importPrices, importUsers, startMs } from '../core/day.ts';
import { prepareFloor } from './floor-route.ts';

const SYMBOLS = 20;
const CLIENTS = 32;
const RATIO = 0.65;
const [P50_MS, P99_MS] = [10, 50];
const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/**
 * Single orders over HTTP, one after another and many at once: how many a second, beside the same framework writing the
 * order's rows in one call without any rule; and how long one takes when they come at half our own rate whatever the
 * server does (open loop).
 */
export const http: BenchCase = {
  name: 'http',
  what: 'single orders over HTTP, beside the same framework writing their rows in one call without any rule',
  async measure(bench) {
    const [database, floor] = [await bench.server.fresh(), await bench.server.fresh()];
    try {
      return await measureOn(bench, database, floor);
    } finally {
      await Promise.all([database.close(), floor.close()]);
    }
  },
};

interface Answer {
  status: number;
  /** From its arrival in the server's process to its answer. */
  serverMs: number;
}

type Ask = () => Promise<Answer>;

async function measureOn(bench: Bench, { store, session, url }: BenchDatabase, floorAt: BenchDatabase): Promise<Row[]> {
  const users = scaled(bench, 20_000, 50);
  await importUsers(store, users);
  const symbols = await importPrices(store, SYMBOLS);
  await prepareFloor(floorAt, users, SYMBOLS);
  const { key, hash, hint } = newApiKey();
  const role = { role: 'operator', userId: null, label: 'bench' } as const;
  await store.call('create_api_key', { by: tester, hash, hint, ...role, nowMs: startMs });
  const server = startPart('http', { url, floorUrl: floorAt.url });
  try {
    const { address } = z.object({ address: z.string() }).parse(await server.nextMessage());
    const order = ordersFor(`${address}/api/trading/orders`, key, users, symbols);
    const floor = ordersFor(`${address}/floor`, key, users, symbols);
    const empty: Ask = () => post(`${address}/empty`, { one: 1 }, {});
    const forMs = scaled(bench, 2000, 100);
    for (const ask of [order, floor]) await closedLoop(ask, CLIENTS, forMs);
    const crowded = await repeated(bench, 'cheap', () => besideFloor(order, floor, CLIENTS, forMs));
    const lone = await repeated(bench, 'cheap', () => besideFloor(order, floor, 1, forMs));
    const rows = [rateRow(bench, CLIENTS, crowded), rateRow(bench, 1, lone)];
    rows.push(recorded('a route with one `select 1`', `${figure(await closedLoop(empty, CLIENTS, forMs))}/s`));
    for (const rate of bench.rates) rows.push(openRow(bench, `${rate}/s`, await openLoop(order, rate, forMs), null));
    const rate = median(crowded.map(({ orders }) => orders)) / 2;
    const half = await openLoop(order, rate, 2 * forMs);
    rows.push(openRow(bench, `half our own rate, ${figure(rate)}/s`, half, [P50_MS, P99_MS]));
    await mustBalance({ session, store });
    return rows;
  } finally {
    await server.stop();
  }
}

/** One order after another, no user and symbol twice while there are others. */
function ordersFor(url: string, key: string, users: number, symbols: string[]): Ask {
  let placed = 0;
  return () => {
    const [user, symbol] = [1 + (placed % users), symbols[Math.floor(placed / users) % SYMBOLS]];
    placed += 1;
    const body = { userId: `user-${user}`, symbol, side: 'BUY', quantity: 1 };
    return post(url, body, { Authorization: `Bearer ${key}`, 'Idempotency-Key': `k${placed}` });
  };
}

/** Answers a second of both, one after the other. */
interface Rates {
  floor: number;
  orders: number;
}

async function besideFloor(order: Ask, floor: Ask, clients: number, forMs: number): Promise<Rates> {
  return { floor: await closedLoop(floor, clients, forMs), orders: await closedLoop(order, clients, forMs) };
}

function rateRow(bench: Bench, clients: number, rates: Rates[]): Row {
  const [floor, orders] = [median(rates.map((one) => one.floor)), median(rates.map((one) => one.orders))];
  const ratio = median(rates.map((one) => one.orders / one.floor));
  return judged(bench, {
    what: `closed loop, ${clients === 1 ? 'one client' : `${clients} clients`} (${howOften(rates)})`,
    goal: `≥ ${RATIO} × the floor route`,
    result: `${figure(orders)} orders/s, floor route ${figure(floor)}/s`,
    ratio: times(ratio),
    met: ratio >= RATIO,
  });
}

interface Opened {
  /** Milliseconds in the server, and from when each was due to its answer. */
  serverMs: number[];
  dueMs: number[];
  refused: number;
}

function openRow(bench: Bench, what: string, { serverMs, dueMs, refused }: Opened, goal: [number, number] | null): Row {
  const [p50, p99] = [quantile(serverMs, 0.5), quantile(serverMs, 0.99)];
  const waited = `${figure(quantile(dueMs, 0.5))} and ${figure(quantile(dueMs, 0.99))} ms`;
  const others = refused === 0 ? '' : `; ${refused} of ${serverMs.length} not accepted`;
  const result = `p50 ${figure(p50)}, p99 ${figure(p99)} ms in the server (${waited} from when each was due${others})`;
  if (!goal) return recorded(`open loop at ${what}`, result);
  return judged(bench, {
    what: `open loop at ${what}`,
    goal: `p50 ≤ ${goal[0]} ms, p99 ≤ ${goal[1]} ms in the server`,
    result,
    ratio: times(p99 / goal[1]),
    met: p50 <= goal[0] && p99 <= goal[1] && refused === 0,
  });
}

/** node:http, since the client must not be what is measured. */
function post(url: string, body: object, headers: Record<string, string>): Promise<Answer> {
  const text = JSON.stringify(body);
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const about = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
  const outgoing = request(url, { method: 'POST', agent, headers: { ...headers, ...about } }, (response) => {
    response.resume();
    response.on('end', () => {
      resolve({ status: response.statusCode ?? 0, serverMs: Number(response.headers['x-server-ms']) });
    });
  });
  outgoing.on('error', reject);
  outgoing.end(text);
  return promise;
}

/** Clients that ask again when they are answered: answers per second. @throws Error for an answer that is no 2xx */
async function closedLoop(ask: Ask, clients: number, forMs: number): Promise<number> {
  const beganMs = performance.now();
  let done = 0;
  const client = async () => {
    while (performance.now() - beganMs < forMs) {
      const { status } = await ask();
      if (status >= 300) throw new Error(`a request was answered with ${status}`);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return done / ((performance.now() - beganMs) / 1000);
}

async function openLoop(ask: Ask, perSecond: number, forMs: number): Promise<Opened> {
  const beganMs = performance.now();
  const opened: Opened = { serverMs: [], dueMs: [], refused: 0 };
  const underWay: Promise<void>[] = [];
  for (let n = 0; (n * 1000) / perSecond < forMs; ) {
    const dueMs = beganMs + (n * 1000) / perSecond;
    if (performance.now() < dueMs) {
      await pause(1);
      continue;
    }
    n += 1;
    underWay.push(
      ask().then(({ status, serverMs }) => {
        opened.serverMs.push(serverMs);
        opened.dueMs.push(performance.now() - dueMs);
        if (status !== 202) opened.refused += 1;
      }),
    );
  }
  await Promise.all(underWay);
  return opened;
}
