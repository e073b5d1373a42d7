// Measures other job queues and a durable engine with empty jobs.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  type Bench,
  figure,
  howOften,
  judged,
  median,
  notMeasured,
  type Row,
  recorded,
  repeated,
  times,
} from '../bench-case.ts';
import { startRedis } from './redis.ts';

const FOLDER = import.meta.dirname;

interface Peer {
  name: string;
  file: string;
  settings: string;
  /** Our orders a second over its empty jobs a second; null: for the record. */
  goal: number | null;
  /** Which part of the jobs it is measured with; default: all of them. */
  share?: number;
  /** Runs it once on a database of its own: milliseconds. */
  once(bench: Bench, jobs: number): Promise<number>;
}

const peers: readonly Peer[] = [
  {
    name: 'BullMQ',
    file: 'bullmq.mjs',
    settings: 'Redis, append-only file synced every second; bulk adding, concurrency 100',
    goal: null,
    once: onRedis,
  },
  {
    name: 'pg-boss',
    file: 'pg-boss.mjs',
    settings: 'bulk insert, 4 workers, batches of 500, an outcome for each job',
    goal: null,
    once: (bench, jobs) => onPostgres(bench, 'pg-boss.mjs', jobs),
  },
  {
    name: 'graphile-worker',
    file: 'graphile-worker.mjs',
    settings: 'bulk adding, 24 jobs at once, local queue of 500, batched completion',
    goal: null,
    once: (bench, jobs) => onPostgres(bench, 'graphile-worker.mjs', jobs),
  },
  {
    name: 'Restate',
    file: 'restate.mjs',
    settings: 'a durable engine’s empty handler, called by HTTP, 64 at once',
    goal: 5,
    share: 0.1,
    once: (_bench, jobs) => played('restate.mjs', { jobs }),
  },
];

/** The same number of empty jobs, enqueued and worked off by other queues, in the same run. */
export async function peerRows(bench: Bench, jobs: number, ordersPerSecond: number): Promise<Row[]> {
  const why = bench.peers ? whyNotInstalled(bench) : '--no-peers';
  const rows: Row[] = [];
  for (const peer of peers) {
    rows.push(
      why === null ? await rowOf(bench, peer, jobs, ordersPerSecond) : notMeasured(titleOf(peer), goalOf(peer), why),
    );
  }
  return rows;
}

/** Installs the peers where they are not yet: they are no part of the product. null once they are there. */
function whyNotInstalled({ say }: Bench): string | null {
  if (existsSync(join(FOLDER, 'node_modules'))) return null;
  say('installing the peers: npm ci in scripts/bench/peers');
  try {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: FOLDER,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return null;
  } catch {
    return 'npm ci in scripts/bench/peers failed';
  }
}

function titleOf({ name, settings }: Peer): string {
  return `${name}, empty jobs (${settings})`;
}

function goalOf({ goal }: Peer): string {
  return goal === null ? '' : `ours ≥ ${goal} × its rate`;
}

async function rowOf(bench: Bench, peer: Peer, orders: number, ordersPerSecond: number): Promise<Row> {
  const jobs = Math.ceil(orders * (peer.share ?? 1));
  let rounds: number[];
  try {
    rounds = await repeated(bench, 'big', () => peer.once(bench, jobs));
  } catch (error) {
    return notMeasured(titleOf(peer), goalOf(peer), error instanceof Error ? error.message : String(error));
  }
  const ms = median(rounds);
  const perSecond = (jobs * 1000) / ms;
  const ratio = ordersPerSecond / perSecond;
  const result = `${figure(perSecond)} jobs/s (${figure(ms)} ms, ${howOften(rounds)})`;
  if (peer.goal === null) return recorded(titleOf(peer), result, times(ratio));
  return judged(bench, {
    what: titleOf(peer),
    goal: goalOf(peer),
    result,
    ratio: times(ratio),
    met: ratio >= peer.goal,
  });
}

async function onPostgres({ server }: Bench, file: string, jobs: number): Promise<number> {
  const database = await server.blank();
  try {
    return await played(file, { url: database.url, jobs });
  } finally {
    await database.close();
  }
}

async function onRedis(_bench: Bench, jobs: number): Promise<number> {
  const redis = await startRedis();
  try {
    return await played('bullmq.mjs', { port: redis.port, jobs });
  } finally {
    await redis.stop();
  }
}

/** A peer in a process of its own, as ours is. @throws Error if it ends without an answer */
async function played(file: string, input: object): Promise<number> {
  const child = spawn(process.execPath, [join(FOLDER, file), JSON.stringify(input)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const end = () => void child.kill('SIGKILL');
  process.once('exit', end);
  try {
    const ended = once(child, 'close').then(() => {
      throw new Error(`${file} ended without an answer`);
    });
    const [answer] = await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => undefined);
    return z.object({ ms: z.number() }).parse(answer).ms;
  } finally {
    end();
    process.off('exit', end);
  }
}
