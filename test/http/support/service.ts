import type { Hono } from 'hono';
import { storedQuotes } from '../../../src/adapters/quotes/quotes.ts';
import { webhooksOf } from '../../../src/adapters/venues/module.ts';
import { makeWorld } from '../../../src/compose/world.ts';
import { readConfig } from '../../../src/config/config.ts';
import type { Fault } from '../../../src/domain/faults.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import type { Signal } from '../../../src/domain/types.ts';
import { makeApp } from '../../../src/http/app.ts';
import { type HttpEnv, newApiKey } from '../../../src/http/callers/auth.ts';
import { defaultRateLimits, type RateLimits } from '../../../src/http/callers/limits.ts';
import type { HttpDeps } from '../../../src/http/deps.ts';
import { makeMetrics } from '../../../src/http/metrics/metrics.ts';
import type { SqlSession } from '../../../src/ports/database.ts';
import type { UserToImport } from '../../../src/ports/store/imports.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import type { World } from '../../../src/ports/world.ts';
import { type JumpingClock, jumpingClock } from '../../stages/support/clocks.ts';
import { fiveUsers, storeOf, titan } from '../../stages/support/run-day.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { tradeDate } from '../../support/builders.ts';
import { freshPglite, type TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';

export const cronSecret = 'cron-secret-of-the-tests';
export const signalsSecret = 'signals-secret-of-the-tests';

/** What the service of a test finds; every part has a plain default. */
export interface TestServiceOptions {
  /** Default: a new PGlite, closed with the service. One that is passed in stays open: tests of a file may share it. */
  database?: TestDatabase;
  /** What is imported first. Default: TITAN for five users. */
  signals?: Signal[];
  users?: UserToImport[];
  /** The time of day in India on the trade date. Default 09:20. */
  time?: string;
  faults?: Fault[];
  /** Changes the world the service gets: another venue or clock, say. */
  change?: (world: World) => World;
  deps?: Partial<HttpDeps>;
  settings?: Partial<HttpDeps['settings']>;
  limits?: Partial<RateLimits>;
}

export interface TestService {
  /** `await service.app.request('/api/…', { method, headers, body })` */
  app: Hono<HttpEnv>;
  store: Store;
  session: SqlSession;
  world: World;
  deps: HttpDeps;
  /** Pauses elapse at once; `jump` sets it forward. */
  clock: JumpingClock;
  /** Everything that was logged. */
  events: AnyEvent[];
  /** An operator's API key. */
  operatorKey: string;
  /** A new API key of a user. */
  userKey(userId: string): Promise<string>;
  /** `app.request` with a bearer token (null: none); a body that is no string is sent as JSON. */
  ask(token: string | null, method: string, path: string, body?: unknown, headers?: object): Promise<Response>;
  /** The scheduler's call. Default: /api/cron/daily-scan. */
  cron(path?: string): Promise<Response>;
  /** Waits for what was left to `parts.later`. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** The whole HTTP service over a real database, with the paper venue, at an instant of its own. */
export async function startService(options: TestServiceOptions = {}): Promise<TestService> {
  const database = options.database ?? (await freshPglite());
  const store = storeOf(database);
  const clock = jumpingClock(istMs(tradeDate, options.time ?? '09:20'));
  await arrange(store, options, clock.nowMs());
  const events: AnyEvent[] = [];
  const later: Promise<unknown>[] = [];
  const world = await worldOf(store, clock, options, (event) => events.push(event));
  const plain = depsOf(world, later);
  const overridden = { ...plain, ...options.deps };
  const deps = { ...overridden, settings: { ...overridden.settings, ...options.settings } };
  const app = makeApp(deps, { ...defaultRateLimits, ...options.limits });
  const ask: TestService['ask'] = async (token, method, path, body, headers = {}) => {
    const bearer = token === null ? {} : { Authorization: `Bearer ${token}` };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return app.request(path, {
      method,
      headers: { ...bearer, ...headers },
      ...(body === undefined ? {} : { body: text }),
    });
  };
  return {
    app,
    store,
    session: database.session,
    world,
    deps,
    clock,
    events,
    operatorKey: await newKey(store, null),
    userKey: (userId) => newKey(store, userId),
    ask,
    cron: (path = '/api/cron/daily-scan') => ask(cronSecret, 'GET', path),
    async settled() {
      for (const work of later) await work;
    },
    async close() {
      for (const work of later) await work;
      if (!options.database) await database.close();
    },
  };
}

async function arrange(
  store: Store,
  { signals = [titan], users = fiveUsers }: TestServiceOptions,
  nowMs: number,
): Promise<void> {
  await store.call('import_signals', { by: tester, signals, source: 'test' });
  await store.call('import_users', { by: tester, users, mode: 'paper', source: 'test', nowMs });
}

function config() {
  const read = readConfig({});
  if (read.kind !== 'config') throw new Error(read.problems.join('\n'));
  return read.config;
}

async function worldOf(
  store: Store,
  clock: JumpingClock,
  options: TestServiceOptions,
  emit: World['emit'],
): Promise<World> {
  const target = { kind: 'embedded', path: null } as const;
  const faults = options.faults ?? null;
  const worldOptions = { config: config(), target, store, clock, quotes: storedQuotes(store, 'signal'), faults, emit };
  const world = await makeWorld(worldOptions);
  return options.change ? options.change(world) : world;
}

function depsOf(world: World, later: Promise<unknown>[]): HttpDeps {
  const { mode, cutOffTime, limits, concurrency } = config();
  return {
    world,
    settings: { mode, cutOffTime, limits, concurrency, inline: true },
    cronSecret,
    signalsSecret,
    signalsPerDay: 1000,
    verifyJwt: null,
    operatorAal: 'aal2',
    loginKey: null,
    webhooks: webhooksOf(config().venues.modules),
    trust: { proxies: [], vercel: false },
    deadlineMs: 20_000,
    stop: new AbortController().signal,
    later: (work) => void later.push(work),
    wake: () => undefined,
    changes: { next: () => new Promise(() => undefined) },
    upgradeWebSocket: null,
    maxStreamMs: null,
    metrics: makeMetrics(),
    migrations: [],
  };
}

async function newKey(store: Store, userId: string | null): Promise<string> {
  const { key, ...stored } = newApiKey();
  const role = userId === null ? 'operator' : 'user';
  const { kind } = await store.call('create_api_key', { by: tester, ...stored, role, userId, label: 'test', nowMs: 0 });
  if (kind !== 'created') throw new Error(`a key of ${userId} could not be made: ${kind}`);
  return key;
}
