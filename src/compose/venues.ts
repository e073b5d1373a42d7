// Joins the real venues that are set up with their credentials, logins and prices.
import { egress, streamEgress } from '../adapters/credentials/egress.ts';
import { derivedKey, type MasterKeys } from '../adapters/credentials/envelope.ts';
import { storeVault } from '../adapters/credentials/vault.ts';
import { venueQuotes } from '../adapters/quotes/venue-quotes.ts';
import type { VenueDeps } from '../adapters/venues/module.ts';
import type { Config } from '../config/config.ts';
import type { Mode } from '../domain/types.ts';
import { loginLink } from '../http/callers/login-state.ts';
import type { Emit } from '../ports/events/events.ts';
import type { Store } from '../ports/store/store.ts';
import { egressSecrets, type Vault, VaultError, type VenueLogin } from '../ports/vault.ts';
import type { AccountAtVenue, Venue } from '../ports/venue.ts';
import type { Clock, Quotes, World } from '../ports/world.ts';

/** An answer later than this is none: the order's fate is then looked up. */
const VENUE_TIMEOUT_MS = 10_000;

export interface RealVenuesDeps {
  config: Config;
  store: Store;
  clock: Clock;
  /** Whose credentials: of the accounts of this mode. */
  mode: Mode;
}

/** The venues whose addresses are set, their logins, and the vault the accounts' secrets come from. */
export interface RealVenues {
  venues: ReadonlyMap<string, Venue>;
  logins: ReadonlyMap<string, VenueLogin>;
  vault: Vault;
  addressOf: NonNullable<World['addressOf']>;
}

/** The master keys of the settings; null: there is none. */
export function masterKeys({ venues }: Config): MasterKeys | null {
  const { credentialsKey, credentialsKeysOld } = venues;
  if (credentialsKey === null) return null;
  const bytes = (base64: string) => Buffer.from(base64, 'base64');
  return { current: bytes(credentialsKey), old: credentialsKeysOld.map(bytes) };
}

/** Signs what a login in the browser brings back; null without a master key. */
export function loginStateKey(config: Config): Buffer | null {
  const keys = masterKeys(config);
  return keys && derivedKey(keys, 'login state');
}

/** Where a user begins their login in a browser, for accounts that have one, where we can be reached from outside. */
export function loginLinks(config: Config, logins: RealVenues['logins']): NonNullable<World['loginLink']> {
  const key = loginStateKey(config);
  const { publicUrl } = config.http;
  return async (account) => {
    const { loginUrl } = logins.get(account.venue) ?? {};
    if (!loginUrl || !key || publicUrl === null) return null;
    const link = loginLink(publicUrl, key, account);
    try {
      return (await loginUrl(account.accountId, '')) === null ? null : link;
    } catch (error) {
      if (error instanceof VaultError) return null;
      throw error;
    }
  };
}

/**
 * A venue's code is loaded only where its address is set.
 * @throws Error without CREDENTIALS_KEY, or where a venue's setting turns out not to be usable
 */
export async function realVenues({ config, store, clock, mode }: RealVenuesDeps): Promise<RealVenues> {
  const keys = masterKeys(config);
  if (!keys) throw new Error('CREDENTIALS_KEY is not set: no venue can be reached without it');
  const vault = storeVault({ store, clock, keys, by: null });
  const depsOf = (venue: string): VenueDeps => {
    const credentials = async ({ accountId }: AccountAtVenue) => {
      return (await vault.read({ accountId, venue, mode }))?.secrets ?? null;
    };
    const ways = { fetchFor: egress(credentials), agentFor: streamEgress(credentials) };
    return { mode, credentials, vault, store, clock, ...ways, timeoutMs: VENUE_TIMEOUT_MS };
  };
  const venues = new Map<string, Venue>();
  const logins = new Map<string, VenueLogin>();
  for (const [name, setUp] of config.venues.setUp) {
    const { venue, login } = await setUp.open(depsOf(name));
    venues.set(name, venue);
    if (login) logins.set(name, login);
  }
  const addressOf: RealVenues['addressOf'] = async ({ accountId }) => {
    const row = await store.call('read_credentials', { accountId });
    const opened = row && (await vault.read({ accountId, venue: row.venue, mode }));
    const { proxyUrl, addressConfirmed } = egressSecrets.safeParse(opened?.secrets ?? {}).data ?? {};
    return proxyUrl ? 'proxy' : addressConfirmed ? 'confirmed' : null;
  };
  return { venues, logins, vault, addressOf };
}

interface LiveQuotesDeps {
  venues: ReadonlyMap<string, Venue>;
  config: Config;
  store: Store;
  clock: Clock;
  mode: Mode;
  emit: Emit;
}

/** Prices of the venues, through whoever is connected there. */
export function liveQuotes({ venues, config, store, clock, mode, emit }: LiveQuotesDeps): Quotes {
  const accountsAt = async (venue: string) => {
    const stored = await store.call('read_all_credentials', {});
    return stored
      .filter((one) => one.venue === venue && one.mode === mode)
      .sort((a, b) => b.storedAtMs - a.storedAtMs)
      .map(({ accountId, userId }) => ({ accountId, userId }));
  };
  return venueQuotes({ venues, accountsAt, clock, maxAgeMs: config.limits.quoteMaxAgeMs, emit });
}
