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
  judged,
  quantile,
  type Row,
  recorded,
  scaled,
  times,
} from '../bench-case.ts';
import { startPart } from '../child-process.ts';
import { mustBalance } from '../core/books.ts';
import type { BenchDatabase } from '../core/databases.ts';
import { importPrices, importUsers, startMs } from '../core/day.ts';

const SYMBOLS = 20;
const CLIENTS = 32;
const RATIO = 0.5;
const [P50_MS, P99_MS] = [10, 50];
const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/**
 * Single orders over HTTP: how many a second, beside a route that does nothing but `select 1`; and how long one takes
 * when they come at a fixed rate whatever the server does (open loop).
 */
export const http: BenchCase = {
  name: 'http',
  what: 'single orders over HTTP, beside an empty route of the same framework with one `select 1`',
  async measure(bench) {
    const database = await bench.server.fresh();
    try {
      return await measureOn(bench, database);
    } finally {
      await database.close();
    }
  },
};

interface Answer {
  status: number;
  /** From its arrival in the server's process to its answer. */
  serverMs: number;
}

type Ask = () => Promise<Answer>;

async function measureOn(bench: Bench, { store, session, url }: BenchDatabase): Promise<Row[]> {
  const users = scaled(bench, 20_000, 50);
  await importUsers(store, users);
  const symbols = await importPrices(store, SYMBOLS);
  const { key, hash, hint } = newApiKey();
  const role = { role: 'operator', userId: null, label: 'bench' } as const;
  await store.call('create_api_key', { by: tester, hash, hint, ...role, nowMs: startMs });
  const server = startPart('http', { url });
  try {
    const { address } = z.object({ address: z.string() }).parse(await server.nextMessage());
    const order = ordersFor(address, key, users, symbols);
    const empty: Ask = () => post(`${address}/empty`, { one: 1 }, {});
    await closedLoop(order, scaled(bench, 2000, 50));
    const forMs = scaled(bench, 4000, 100);
    const [emptyRate, orderRate] = [await closedLoop(empty, forMs), await closedLoop(order, forMs)];
    const rows = [rateRow(bench, emptyRate, orderRate)];
    for (const rate of bench.rates) rows.push(openRow(bench, `${rate}/s`, await openLoop(order, rate, forMs), null));
    const half = await openLoop(order, orderRate / 2, forMs);
    rows.push(openRow(bench, `half the order rate, ${figure(orderRate / 2)}/s`, half, null));
    const goal = await openLoop(order, emptyRate / 2, forMs);
    rows.push(openRow(bench, `half the empty route's rate, ${figure(emptyRate / 2)}/s`, goal, [P50_MS, P99_MS]));
    await mustBalance({ session, store });
    return rows;
  } finally {
    await server.stop();
  }
}

/** One order after another, no user and symbol twice while there are others. */
function ordersFor(address: string, key: string, users: number, symbols: string[]): Ask {
  let placed = 0;
  return () => {
    const [user, symbol] = [1 + (placed % users), symbols[Math.floor(placed / users) % SYMBOLS]];
    placed += 1;
    const body = { userId: `user-${user}`, symbol, side: 'BUY', quantity: 1 };
    const headers = { Authorization: `Bearer ${key}`, 'Idempotency-Key': `k${placed}` };
    return post(`${address}/api/trading/orders`, body, headers);
  };
}

function rateRow(bench: Bench, emptyRate: number, orderRate: number): Row {
  return judged(bench, {
    what: `closed loop, ${CLIENTS} clients`,
    goal: `≥ ${RATIO} × the empty route`,
    result: `${figure(orderRate)} orders/s, empty route ${figure(emptyRate)}/s`,
    ratio: times(orderRate / emptyRate),
    met: orderRate >= RATIO * emptyRate,
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

/** Clients that ask again when they are answered: answers per second. */
async function closedLoop(ask: Ask, forMs: number): Promise<number> {
  const beganMs = performance.now();
  let done = 0;
  const client = async () => {
    while (performance.now() - beganMs < forMs) {
      await ask();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
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
