// Bench case: what well-behaved clients notice while everything else goes wrong.
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { openPostgresSession } from '../../../src/adapters/store/postgres.ts';
import { newApiKey } from '../../../src/http/callers/auth.ts';
import type { Store } from '../../../src/ports/store/store.ts';
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
import { type Part, startPart } from '../child-process.ts';
import { mustBalance } from '../core/books.ts';
import type { BenchDatabase } from '../core/databases.ts';
import { importPrices, importUsers, startMs } from '../core/day.ts';

const CLIENTS = 200;
const OPERATORS = 10;
const RATIO = 1.5;
/** Each client asks for one order in so long, whatever became of the one before. */
const EVERY_MS = 2_000;
/** Quiet and hostile times follow one another, so that the machine's own ups and downs meet both. */
const SLICES = 4;
const SLICE_MS = 15_000;
const WITHIN_MS = 30_000;

/** Who makes trouble: by the number of the user. */
const troubles = { noisy: 1, hung: 2, locked: 3 };

/**
 * Single orders of 200 clients over HTTP while one client asks without end, one's broker session hangs, a foreign
 * session holds another's rows, unknown callers try the webhooks and bad keys, and operators ask for lists: what the
 * others notice of it, beside the same without, in one run.
 */
export const hostile: BenchCase = {
  name: 'hostile',
  what: 'orders of 200 clients over HTTP while everything else goes wrong, beside the same without',
  async measure(bench) {
    const database = await bench.server.fresh();
    try {
      return await measureOn(bench, database);
    } finally {
      await database.close();
    }
  },
};

async function measureOn(bench: Bench, database: BenchDatabase): Promise<Row[]> {
  const { store, url, session } = database;
  const clients = scaled(bench, CLIENTS, 8);
  await importUsers(store, clients);
  const symbols = await importPrices(store, 100);
  const keyOf = await keys(store, clients);
  const service = startPart('hostile-service', { url, hungUser: `user-${troubles.hung}` });
  let callers: Part | null = null;
  try {
    const { address } = z.object({ address: z.string() }).parse(await service.nextMessage());
    callers = startPart('hostile-callers', {
      address,
      noisyKey: keyOf(troubles.noisy),
      operatorKeys: keyOf.operators,
    });
    await callers.nextMessage();
    const play = ordersOf(address, clients, symbols, keyOf);
    const others: Slice = { quiet: [], hostile: [] };
    const statuses = new Map<string, number>();
    for (let n = 0; n < SLICES; n += 1) {
      others.quiet.push(...(await play(scaled(bench, SLICE_MS, 300))));
      const stop = await startTrouble(url, service, callers);
      others.hostile.push(...(await play(scaled(bench, SLICE_MS, 300))));
      for (const [what, count] of Object.entries(await stop())) statuses.set(what, (statuses.get(what) ?? 0) + count);
    }
    await stillThere(address);
    await mustBalance({ session, store });
    return rowsOf(bench, others, statuses);
  } finally {
    await callers?.stop();
    await service.stop();
  }
}

interface Answer {
  client: number;
  status: number;
  ms: number;
}

interface Slice {
  quiet: Answer[];
  hostile: Answer[];
}

type Keys = ((client: number) => string) & { operators: string[] };

async function keys(store: Store, clients: number): Promise<Keys> {
  const made = async (role: 'user' | 'operator', userId: string | null): Promise<string> => {
    const { key, hash, hint } = newApiKey();
    await store.call('create_api_key', { by: tester, hash, hint, role, userId, label: 'bench', nowMs: startMs });
    return key;
  };
  const own: string[] = [];
  for (let client = 1; client <= clients; client += 1) own.push(await made('user', `user-${client}`));
  const operators: string[] = [];
  for (let n = 0; n < OPERATORS; n += 1) operators.push(await made('operator', null));
  return Object.assign((client: number) => own[client - 1] ?? '', { operators });
}

/** Begins all of it at once. What it gives ends it, and says how the others were answered. */
async function startTrouble(url: string, service: Part, callers: Part): Promise<() => Promise<Record<string, number>>> {
  const locker = await openPostgresSession(url);
  await locker.exec(`begin; select from public.accounts where user_id = 'user-${troubles.locked}' for update;
    select from public.users where id = 'user-${troubles.locked}' for update`);
  service.emit({ hangs: true });
  callers.emit({ on: true });
  return async () => {
    callers.emit({ on: false });
    const statuses = z.record(z.string(), z.int()).parse(await callers.nextMessage());
    service.emit({ hangs: false });
    await locker.exec('rollback');
    await locker.close();
    return statuses;
  };
}

/** Every client's orders for so long, one symbol after another, at a pace of their own (open loop). */
function ordersOf(
  address: string,
  clients: number,
  symbols: string[],
  keyOf: Keys,
): (forMs: number) => Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 512 });
  let round = 0;
  return async (forMs) => {
    const answers: Promise<Answer>[] = [];
    const beganMs = performance.now();
    const stepMs = Math.min(EVERY_MS, forMs) / clients;
    for (let n = 0; n * stepMs < forMs; n += 1) {
      const dueMs = beganMs + n * stepMs;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await pause(waitMs);
      const client = 1 + (n % clients);
      if (client === 1) round += 1;
      const symbol = symbols[round % symbols.length] ?? '';
      answers.push(place(agent, address, { client, symbol, key: keyOf(client) }));
    }
    return Promise.all(answers);
  };
}

/** Status 0: no answer came. */
function place(
  agent: Agent,
  address: string,
  { client, symbol, key }: { client: number; symbol: string; key: string },
): Promise<Answer> {
  const beganMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const done = (status: number): void => resolve({ client, status, ms: performance.now() - beganMs });
  const headers = {
    Authorization: `Bearer ${key}`,
    'Content-Type': 'application/json',
    'Idempotency-Key': randomUUID(),
  };
  const outgoing = request(
    `${address}/api/trading/orders`,
    { method: 'POST', agent, headers, timeout: WITHIN_MS },
    (response) => {
      response.resume();
      response.on('end', () => done(response.statusCode ?? 0));
      response.on('error', () => done(0));
    },
  );
  outgoing.on('timeout', () => outgoing.destroy());
  outgoing.on('error', () => done(0));
  outgoing.end(JSON.stringify({ symbol, side: 'BUY', quantity: 1 }));
  return promise;
}

/** @throws Error if the process is gone, or says that it is not well */
async function stillThere(address: string): Promise<void> {
  for (const path of ['/health', '/ready']) {
    const { status } = await fetch(`${address}${path}`);
    if (status !== 200) throw new Error(`${path} answers ${status} after it`);
  }
}

function rowsOf(bench: Bench, { quiet, hostile }: Slice, counts: ReadonlyMap<string, number>): Row[] {
  const ownTroubles = new Set(Object.values(troubles));
  const others = (answers: Answer[]) => answers.filter(({ client }) => !ownTroubles.has(client));
  const msOf = (answers: Answer[], share: number) =>
    quantile(
      others(answers).map(({ ms }) => ms),
      share,
    );
  const ratioRow = (name: string, share: number): Row => {
    const [disturbed, without] = [msOf(hostile, share), msOf(quiet, share)];
    return judged(bench, {
      what: `the others' orders, ${name}`,
      goal: `≤ ${RATIO} × the same without trouble`,
      result: `${figure(disturbed)} ms, without ${figure(without)} ms (${others(hostile).length} and ${others(quiet).length} orders)`,
      ratio: times(disturbed / without),
      met: disturbed / without <= RATIO,
    });
  };
  const bad = others([...quiet, ...hostile]).filter(({ status }) => status === 0 || status >= 500).length;
  const notTaken = others([...quiet, ...hostile]).filter(({ status }) => status !== 202).length;
  const faults = [...counts].filter(([what]) => / (5\d\d|none)$/.test(what));
  const failed = faults.reduce((sum, [, count]) => sum + count, 0);
  return [
    ratioRow('p50', 0.5),
    ratioRow('p99', 0.99),
    judged(bench, {
      what: 'others and unknown callers without an answer, or with a 5xx',
      goal: '0',
      result: `${bad + failed}${failed > 0 ? ` (${faults.map(([what, count]) => `${what}: ${count}`).join(', ')})` : ''}; ${notTaken} of the others' orders not taken`,
      ratio: '',
      met: bad + failed === 0,
    }),
    recorded('whom it is about', statuses(hostile.filter(({ client }) => ownTroubles.has(client)))),
    recorded(
      'answers to unknown callers',
      [...counts]
        .sort()
        .map(([what, count]) => `${what}: ${count}`)
        .join(', ') || 'none',
    ),
  ];
}

function statuses(answers: Answer[]): string {
  const nameOf = (client: number) => Object.entries(troubles).find(([, number]) => number === client)?.[0] ?? '';
  const counts = new Map<string, number>();
  for (const { client, status } of answers) {
    const what = `${nameOf(client)} ${status}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return (
    [...counts]
      .sort()
      .map(([what, count]) => `${what}: ${count}`)
      .join(', ') || 'none'
  );
}
