// The composition root: joins database, clock, venues, prices and notifier into what runs and routes work with.
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { jwtVerifier } from '../adapters/jwt.ts';
import { onScreenNotifier } from '../adapters/notifiers/on-screen.ts';
import { cachedCalendars } from '../adapters/sessions.ts';
import type { Listener } from '../adapters/store/listener.ts';
import { readMigrations } from '../adapters/store/migrate.ts';
import type { PgliteOptions } from '../adapters/store/pglite/pglite.ts';
import { makeStore } from '../adapters/store/store.ts';
import { webhooksOf } from '../adapters/venues/module.ts';
import { paperVenue } from '../adapters/venues/paper.ts';
import type { Config } from '../config/config.ts';
import { cutOffIn } from '../config/markets.ts';
import { marketLimits } from '../config/order-limits.ts';
import type { Fault } from '../domain/faults.ts';
import { type Market, xnse } from '../domain/market/market.ts';
import type { HttpDeps } from '../http/deps.ts';
import type { Database } from '../ports/database.ts';
import type { Emit } from '../ports/events/events.ts';
import type { Store } from '../ports/store/store.ts';
import type { Clock, Notifier, Quotes, World } from '../ports/world.ts';
import { alertOperators } from '../stages/notify/operators.ts';
import { liveQuotes, loginLinks, loginStateKey, realVenues } from './venues.ts';

const CALENDAR_TTL_MS = 60_000;
/** An answer later than this is none: what became of the message is found out otherwise. */
const TWILIO_TIMEOUT_MS = 10_000;
/** One message to a number in 6 s (Meta's limit per pair, 131056); none is delivered after 10 hours, Twilio's longest. */
const messagePace = { pairPauseMs: 6_000, validForMs: 10 * 3_600_000 };

/** Which database a command works on: a server, straight or over HTTP, or a directory (null: in memory) held alone. */
export type DatabaseTarget =
  | { kind: 'server'; url: string }
  | { kind: 'supabase'; url: string; secretKey: string }
  | { kind: 'embedded'; path: string | null };

/** DATABASE_URL says where, else SUPABASE_URL; without both it is `.data/NAME`. */
export function targetOf(config: Config, name: 'sample' | 'sample-xnys' | 'main'): DatabaseTarget {
  // The sample is for a database of its own, never for a project.
  if (config.supabase !== null && name === 'main') return { kind: 'supabase', ...config.supabase };
  const url = config.databaseUrl;
  if (url === null) return { kind: 'embedded', path: join(config.dataDir, name) };
  if (url === 'memory://') return { kind: 'embedded', path: null };
  if (url.startsWith('file://')) return { kind: 'embedded', path: url.slice('file://'.length) };
  return { kind: 'server', url };
}

/** The target as a person reads it. */
export function targetName(target: DatabaseTarget): string {
  if (target.kind !== 'embedded') return target.url;
  return target.path === null ? 'in memory' : relative('', resolve(target.path)) || '.';
}

/** Whether an embedded database is there already. */
export function targetExists(target: DatabaseTarget): boolean {
  return target.kind !== 'embedded' || (target.path !== null && existsSync(target.path));
}

export async function removeEmbedded(target: DatabaseTarget): Promise<void> {
  if (target.kind !== 'embedded' || target.path === null) return;
  const { removePglite } = await import('../adapters/store/pglite/pglite.ts');
  await removePglite(target.path);
}

export interface StoreOptions {
  config: Config;
  target: DatabaseTarget;
  /** True: nothing may be written; an embedded database is copied into memory and no file changes. */
  readOnly: boolean;
  onSlowStart: (text: string) => void;
  /** To a server, at most; default 10. */
  connections?: number;
  /** To a server, beside them, for lists and reports; default 3. */
  reportConnections?: number;
  /** To a server, of `connections`: how many stay open when nothing is asked; default 2. */
  keptConnections?: number;
  /** The session has a clock of its own, on a day of its own. */
  virtual?: boolean;
  /** False: a database that does not answer at once is not waited for. */
  patient?: boolean;
}

/** Opens the database. A server's schema is brought up to date by `npm run migrate` only, an embedded one's here. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { config, target, readOnly, onSlowStart, virtual = false, patient = true } = options;
  const retryOptions = { onWaiting: onSlowStart, virtual, patient };
  if (target.kind === 'server') {
    const { openPostgres } = await import('../adapters/store/postgres.ts');
    const { connections = 10, reportConnections = 3, keptConnections = 2 } = options;
    const limits = { max: connections, maxReports: reportConnections, kept: keptConnections };
    return makeStore(openPostgres({ url: target.url, ...limits }), retryOptions);
  }
  if (target.kind === 'supabase') {
    // Loaded only where it is used: it takes a tenth of a second.
    const { openSupabase } = await import('../adapters/store/supabase.ts');
    return makeStore(openSupabase(target), retryOptions);
  }
  const pgliteOptions: PgliteOptions = {
    path: target.path ?? 'memory',
    cacheDir: config.dataDir,
    saveCache: !readOnly,
    onSlowStart,
  };
  // Loaded only here: a service on a server's database starts without it.
  const { openPglite, openPgliteCopy } = await import('../adapters/store/pglite/pglite.ts');
  const database: Database = readOnly ? await openPgliteCopy(pgliteOptions) : await openPglite(pgliteOptions);
  return makeStore(database, { virtual });
}

export interface WorldDeps {
  config: Config;
  target: DatabaseTarget;
  store: Store;
  clock: Clock;
  quotes: Quotes;
  faults: readonly Fault[] | null;
  emit: Emit;
  /** The instant to free a dead process's claims at; default: the clock's. A virtual clock would start with it. */
  freedAtMs?: number;
}

/**
 * Joins the real parts: the venues that are set up, and their prices, in live trading; else the simulated venue, where
 * paper accounts trade whatever venue they are for, and the prices given. In an embedded database whatever another
 * process had claimed is free: it is gone.
 */
export async function makeWorld(deps: WorldDeps): Promise<World> {
  const { config, target, store, clock } = deps;
  const notifier = await notifierFor(config, clock);
  const emit = alertOperators({ store, clock, notifier, emit: deps.emit });
  if (target.kind === 'embedded') {
    const nowMs = deps.freedAtMs ?? clock.nowMs();
    await store.call('sweep_orders', { nowMs, onlyProcess: true });
    await store.call('sweep_messages', { nowMs, onlyProcess: true, nextLookupMs: notifier.lookup ? nowMs : null });
  }
  return {
    store,
    clock,
    accountSlots: config.accountSlots,
    ...(await market({ ...deps, emit })),
    notifier,
    operatorDays: cachedCalendars({
      clock,
      load: (exchange) => store.call('read_calendar_days', { exchange }),
      ttlMs: CALENDAR_TTL_MS,
    }),
    emit,
  };
}

type VenueParts = Pick<World, 'venues' | 'quotes' | 'logins' | 'addressOf' | 'loginLink'>;

async function market({ config, store, clock, quotes, faults, emit }: WorldDeps): Promise<VenueParts> {
  // A process that opens no sessions (--only http): what needs one is refused at its routes.
  if (config.mode === 'live' && config.venues.credentialsKey === null) {
    return { venues: new Map(), quotes: { read: async () => [] } };
  }
  if (config.mode === 'live') {
    const { venues, logins, addressOf } = await realVenues({ config, store, clock, mode: 'live' });
    const loginLink = loginLinks(config, logins);
    const prices = liveQuotes({ venues, config, store, clock, mode: 'live', emit });
    return { venues, logins, addressOf, loginLink, quotes: prices };
  }
  const paper = paperVenue({ store, clock, slippageBps: config.paperSlippageBps, faults, emit });
  return { venues: new Map([[paper.name, paper]]), quotes };
}

/** Twilio where it is set up; on a clock of its own (the sample, --at, --date) nothing is sent anywhere. */
async function notifierFor({ twilio, http }: Config, clock: Clock): Promise<Notifier> {
  if (twilio === null || clock.virtual) return onScreenNotifier();
  const { perSecond, dailyRecipients, maxResends, smsFrom } = twilio;
  const fallback = smsFrom === null ? null : 'sms';
  const pace = { ...messagePace, perSecond, dailyRecipients, maxResends, fallback } as const;
  const { twilioNotifier } = await import('../adapters/notifiers/twilio.ts');
  return twilioNotifier({ ...twilio, publicUrl: http.publicUrl, timeoutMs: TWILIO_TIMEOUT_MS, pace });
}

/** What wakes an idle worker. An embedded database has nobody else who could give work; over HTTP nobody can listen. */
export async function openListener(target: DatabaseTarget): Promise<Listener> {
  if (target.kind !== 'server') return silentListener;
  const { listenForWork } = await import('../adapters/store/listener.ts');
  return listenForWork(target.url);
}

/** What tells streams that statuses of orders may have changed; where nobody can listen they poll. */
export async function openOrderListener(target: DatabaseTarget): Promise<Listener> {
  if (target.kind !== 'server') return silentListener;
  const { listenForOrders } = await import('../adapters/store/listener.ts');
  return listenForOrders(target.url);
}

const silentListener: Listener = { next: () => new Promise(() => {}), isLost: () => false, close: async () => {} };

/** The settings every scan of this process has, whoever asks for it. */
export function scanSettings(config: Config, market: Market = xnse): HttpDeps['settings'] {
  const { mode, concurrency, execute } = config;
  const limitsOf = (one: Market) => marketLimits(config, one);
  const cutOffTime = cutOffIn(config, market);
  return { mode, market, cutOffTime, limits: limitsOf(market), limitsOf, concurrency, inline: execute === 'inline' };
}

/**
 * What the routes work with.
 * @throws Error without CRON_SECRET: nobody may serve the routes unguarded, whoever forgot to check
 */
export function makeHttpDeps(
  config: Config,
  world: World,
  hooks: Pick<
    HttpDeps,
    'deadlineMs' | 'stop' | 'later' | 'wake' | 'changes' | 'upgradeWebSocket' | 'maxStreamMs' | 'metrics'
  >,
): HttpDeps {
  const { cronSecret, cronSecretPrevious, signalsSecret, signalsSecretPrevious, ...http } = config.http;
  if (cronSecret === null) throw new Error('HTTP can not be served without CRON_SECRET');
  const { jwtIssuer, operatorAal } = http;
  const verifyJwt = jwtIssuer === null ? null : jwtVerifier(jwtIssuer);
  const migrations = readMigrations().map(({ version }) => version);
  const secrets = { cronSecret, cronSecretPrevious, signalsSecret, signalsSecretPrevious };
  const { signalsPerDay } = http;
  const httpSettings = {
    ...secrets,
    signalsPerDay,
    verifyJwt,
    operatorAal,
    loginKey: loginStateKey(config),
    migrations,
  };
  const trust = { proxies: http.trustedProxies, vercel: http.onVercel };
  const webhooks = webhooksOf(config.venues.modules);
  return {
    world,
    settings: scanSettings(config),
    markets: config.markets,
    cutOffTimes: config.cutOffTimes,
    trust,
    webhooks,
    ...httpSettings,
    ...hooks,
  };
}
