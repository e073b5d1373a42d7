import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { onScreenNotifier } from './adapters/notifiers/on-screen.ts';
import { cachedTradingDays } from './adapters/sessions.ts';
import { openPglite, openPgliteCopy, type PgliteOptions, removePglite } from './adapters/store/pglite.ts';
import { type Listener, listenForWork, openPostgres } from './adapters/store/postgres.ts';
import { makeStore } from './adapters/store/store.ts';
import { paperVenue } from './adapters/venues/paper.ts';
import type { Config } from './config.ts';
import type { Fault } from './domain/faults.ts';
import type { Database } from './ports/database.ts';
import type { Store } from './ports/store.ts';
import type { Clock, Quotes, Tell, World } from './ports/world.ts';

const CALENDAR_TTL_MS = 60_000;

/** Which database a command works on: a server, or a directory (null: in memory) held by this process alone. */
export type Place = { kind: 'server'; url: string } | { kind: 'embedded'; path: string | null };

/** DATABASE_URL says where; without one it is `.data/NAME`. */
export function placeOf(config: Config, name: 'sample' | 'main'): Place {
  const url = config.databaseUrl;
  if (url === null) return { kind: 'embedded', path: join(config.dataDir, name) };
  if (url === 'memory://') return { kind: 'embedded', path: null };
  if (url.startsWith('file://')) return { kind: 'embedded', path: url.slice('file://'.length) };
  return { kind: 'server', url };
}

/** The place as a person reads it. */
export function placeName(place: Place): string {
  if (place.kind === 'server') return place.url;
  return place.path === null ? 'in memory' : relative('', resolve(place.path)) || '.';
}

/** Whether there is an embedded database at a place already. */
export function isThere(place: Place): boolean {
  return place.kind === 'server' || (place.path !== null && existsSync(place.path));
}

export async function removeEmbedded(place: Place): Promise<void> {
  if (place.kind === 'embedded' && place.path !== null) await removePglite(place.path);
}

export interface StoreOptions {
  config: Config;
  place: Place;
  /** True: nothing may be written; an embedded database is copied into memory and no file changes. */
  readOnly: boolean;
  onSlowStart: (text: string) => void;
}

/** Opens the database. A server's schema is brought up to date by `npm run migrate` only, an embedded one's here. */
export async function openStore({ config, place, readOnly, onSlowStart }: StoreOptions): Promise<Store> {
  if (place.kind === 'server') return makeStore(openPostgres({ url: place.url, max: 10 }));
  const options: PgliteOptions = {
    path: place.path ?? 'memory',
    cacheDir: config.dataDir,
    saveCache: !readOnly,
    onSlowStart,
  };
  const database: Database = readOnly ? await openPgliteCopy(options) : await openPglite(options);
  return makeStore(database);
}

export interface WorldParts {
  config: Config;
  place: Place;
  store: Store;
  clock: Clock;
  quotes: Quotes;
  faults: readonly Fault[] | null;
  tell: Tell;
  /** The instant to free a dead process's claims at; default: the clock's. A virtual clock would start with it. */
  freedAtMs?: number;
}

/** Joins the real parts. In an embedded database whatever another process had claimed is free: it is gone. */
export async function makeWorld(parts: WorldParts): Promise<World> {
  const { config, place, store, clock, quotes, faults, tell } = parts;
  if (place.kind === 'embedded') {
    const nowMs = parts.freedAtMs ?? clock.nowMs();
    await store.call('sweep_orders', { nowMs, onlyProcess: true });
    await store.call('sweep_messages', { nowMs, onlyProcess: true });
  }
  const paper = paperVenue({ store, clock, slippageBps: config.paperSlippageBps, faults });
  return {
    store,
    clock,
    quotes,
    venues: new Map([[paper.name, paper]]),
    notifier: onScreenNotifier(),
    operatorDays: cachedTradingDays({
      clock,
      load: () => store.call('read_calendar_days', { exchange: 'NSE' }),
      ttlMs: CALENDAR_TTL_MS,
    }),
    tell,
  };
}

/** What wakes an idle worker. An embedded database has nobody else who could give work. */
export async function openListener(place: Place): Promise<Listener> {
  if (place.kind === 'server') return listenForWork(place.url);
  return { next: () => new Promise(() => {}), close: async () => {} };
}
