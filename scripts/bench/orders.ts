import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { istMs } from '../../src/domain/ist.ts';
import { newApiKey } from '../../src/http/auth.ts';
import { type BenchServer, importPrices, importUsers, quantile } from './ground.ts';

const tradeDate = '2025-08-28';
const USERS = 20_000;
const SYMBOLS = 20;
const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/**
 * Single orders over HTTP: how many a second, beside a route that does nothing but `select 1`; and how long one takes
 * when they come at a fixed rate whatever the server does (open loop), counted from when each was due.
 */
export async function benchOrders(server: BenchServer, rates: number[], say: (line: string) => void): Promise<void> {
  const database = await server.fresh();
  const nowMs = istMs(tradeDate, '10:00');
  await importUsers(database.store, USERS, nowMs);
  const symbols = await importPrices(database.store, SYMBOLS, tradeDate);
  const { key, hash, hint } = newApiKey();
  await database.store.call('create_api_key', { hash, hint, role: 'operator', userId: null, label: 'bench', nowMs });
  const door = await openDoor(database.url, nowMs);
  let asked = 0;
  const order = () => {
    const [user, symbol] = [1 + (asked % USERS), symbols[Math.floor(asked / USERS) % SYMBOLS]];
    asked += 1;
    const body = { userId: `user-${user}`, symbol, side: 'BUY', quantity: 1 };
    return post(`${door.address}/api/trading/orders`, body, {
      Authorization: `Bearer ${key}`,
      'Idempotency-Key': `k${asked}`,
    });
  };
  const empty = () => post(`${door.address}/empty`, { one: 1 }, {});
  await closedLoop(order, 500);
  const [emptyRate, orderRate] = [await closedLoop(empty, 4000), await closedLoop(order, 4000)];
  say(
    `closed loop, 32 clients: empty route ${emptyRate.toFixed(0)}/s, orders ${orderRate.toFixed(0)}/s, ratio ${(orderRate / emptyRate).toFixed(2)} (goal 0.50)`,
  );
  for (const rate of [...rates, Math.round(emptyRate / 4)]) {
    const { ms, refused } = await openLoop(order, rate, 5000);
    const at = (share: number) => quantile(ms, share).toFixed(1);
    say(
      `open loop ${rate}/s: ${ms.length} orders, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms, not 202: ${refused}`,
    );
  }
  door.stop();
  const [row] = await database.session.query("select count(*)::int as n from public.orders where status = 'queued'");
  const broken = await database.store.call('check_books', {});
  say(`orders accepted in all ${String(row?.['n'])}, books broken ${broken.length}`);
  await database.close();
}

async function openDoor(url: string, nowMs: number): Promise<{ address: string; stop: () => void }> {
  const told = JSON.stringify({ url, nowMs });
  const child = spawn(process.execPath, [new URL('../bench.ts', import.meta.url).pathname, 'door', told], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { address: line.trim(), stop: () => void child.kill('SIGKILL') };
}

/** Gives the status. node:http, since the client must not be what is measured. */
function post(url: string, body: object, headers: Record<string, string>): Promise<number> {
  const text = JSON.stringify(body);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const asked = request(
    url,
    {
      method: 'POST',
      agent,
      headers: { ...headers, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) },
    },
    (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    },
  );
  asked.on('error', reject);
  asked.end(text);
  return promise;
}

/** 32 clients, each asking again when it is answered: answers per second. */
async function closedLoop(ask: () => Promise<number>, forMs: number): Promise<number> {
  const startMs = performance.now();
  let done = 0;
  const client = async () => {
    while (performance.now() - startMs < forMs) {
      await ask();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: 32 }, client));
  return done / ((performance.now() - startMs) / 1000);
}

async function openLoop(ask: () => Promise<number>, perSecond: number, forMs: number) {
  const startMs = performance.now();
  const ms: number[] = [];
  let refused = 0;
  const underWay: Promise<void>[] = [];
  for (let n = 0; (n * 1000) / perSecond < forMs; ) {
    const dueMs = startMs + (n * 1000) / perSecond;
    if (performance.now() < dueMs) {
      await pause(1);
      continue;
    }
    n += 1;
    underWay.push(
      ask().then((status) => {
        ms.push(performance.now() - dueMs);
        if (status !== 202) refused += 1;
      }),
    );
  }
  await Promise.all(underWay);
  return { ms, refused };
}
