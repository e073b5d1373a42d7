// What a venue is to the rest of the service beside its orders: settings, credentials, logins, pushes, and what to warn of.
import type { Agent } from 'node:http';
import { z } from 'zod';
import { type CurrencyCode, INR } from '../../domain/currency.ts';
import { marketOf, markets } from '../../domain/market/market.ts';
import type { Mode } from '../../domain/types.ts';
import type { Store } from '../../ports/store/store.ts';
import type { Vault, VenueLogin, VenueWebhook } from '../../ports/vault.ts';
import type { AccountAtVenue, CredentialsOf, Venue } from '../../ports/venue.ts';
import { webAddress } from '../../ports/web-address.ts';
import type { Clock } from '../../ports/world.ts';
import type { WayOut } from './http.ts';

/** An account's way out for one connection; refused where nobody can say which it is. `over` ends what is left of it. */
export type StreamWayOut = (account: AccountAtVenue, over: AbortSignal) => Promise<Agent | undefined>;

/** What a venue's parts are built with. */
export interface VenueDeps {
  /** Whose credentials: of the accounts of this mode. */
  mode: Mode;
  /** What is stored of an account at this venue. */
  credentials: CredentialsOf;
  /** The same with its versions, for a login that stores a session. */
  vault: Vault;
  store: Store;
  clock: Clock;
  /** An account's way out: its proxy, or this machine's own address. */
  fetchFor: (account: AccountAtVenue) => WayOut;
  agentFor: StreamWayOut;
  timeoutMs: number;
}

/** What of them a login needs, with the venue's address. */
export type LoginDeps = Pick<VenueDeps, 'mode' | 'vault' | 'store' | 'clock' | 'fetchFor' | 'timeoutMs'> & {
  baseUrl: string;
};

/** A venue's parts. `login` left out: what is stored is the session. */
export interface OpenVenue {
  venue: Venue;
  login?: VenueLogin;
}

/** What the doctor warns of, and what to do. */
export interface VenueWarning {
  says: string;
  todo: string;
}

/** A venue that is set up here: its settings were read. */
export interface VenueSetUp {
  /** What the settings come to. */
  settings: object;
  /**
   * Loads the venue's code and builds its parts.
   * @throws Error where a setting turns out not to be usable; it names the setting
   */
  open(deps: VenueDeps): Promise<OpenVenue>;
  /** What its settings mean that nobody may have meant, where orders are of these exchanges. Nobody is asked. */
  warnings(exchanges: readonly string[]): VenueWarning[];
}

/** What came of reading a venue's settings. null: its address is not set, so it is not traded here. */
export type SettingsRead =
  | { kind: 'read'; setUp: VenueSetUp | null }
  | { kind: 'refused'; issues: readonly { path: PropertyKey[]; message: string }[] };

/** A venue as the rest of the service knows it. Nothing of its code is loaded before it is opened. */
export interface VenueModule<Name extends string = string> {
  /** As it is in the database, in addresses and in files. */
  name: Name;
  /** The setting that has its address, `KITE_BASE_URL`: the venue is traded where it is set. */
  addressSetting: string;
  /** What its accounts are in. */
  currency: CurrencyCode;
  /** Every setting it has, by name, as each is read from text. */
  settings: Readonly<Record<string, z.ZodType>>;
  /** Reads them as the environment has them; empty ones are left out. */
  readSettings(set: Readonly<Record<string, string>>): SettingsRead;
  /** What of an account's record a person is asked for on a terminal, and the schema of all of it, loaded for that. */
  credentials: { promptFields: readonly string[]; schema(): Promise<z.ZodType<object>> };
  /** Left out: nothing is pushed here. */
  webhook?: Omit<VenueWebhook, 'venue'>;
}

/** The venues a process knows, by name. */
export type VenueModules = Readonly<Record<string, VenueModule>>;

/** A setting of one word, such as an id. */
export const oneWord = z.string().regex(/^[\x21-\x7e]+$/, 'must be one word');

/** A setting of exchanges that trade in a currency, as our instruments name them: at least one, with commas between. */
export function exchangesIn(currency: CurrencyCode) {
  const tradesInIt = (code: string) => {
    const found = marketOf(code);
    return found.kind === 'market' && found.market.currency === currency;
  };
  const [example] = markets.flatMap((market) => (market.currency === currency ? market.exchanges : []));
  const rule = `must be exchanges that trade in ${currency}, such as ${example}, with commas between`;
  const exchange = z.string().refine(tradesInIt, rule);
  return z
    .string()
    .transform((text) => text.split(',').map((one) => one.trim()))
    .pipe(z.tuple([exchange], exchange));
}

/** A venue of a name that anybody may have written. */
export function moduleNamed(modules: VenueModules, name: string): VenueModule | undefined {
  return Object.hasOwn(modules, name) ? modules[name] : undefined;
}

/** The names of the venues an account may be at: the simulated one and the real ones, from z to a. */
export function accountVenues(modules: VenueModules): string[] {
  return ['paper', ...Object.keys(modules)].sort().reverse();
}

/** Names as a sentence has them: `kite, lemonn or alpaca`. */
export function namesOf(modules: VenueModules): string {
  return new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(Object.keys(modules));
}

/** The venues that push what became of orders. */
export function webhooksOf(modules: VenueModules): VenueWebhook[] {
  return Object.values(modules).flatMap(({ name, webhook }) => (webhook ? [{ venue: name, ...webhook }] : []));
}

/** What a venue says of itself; `Settings` is what its settings come to. */
interface Declaration<Name extends string, Variables extends z.ZodRawShape, Settings extends object> {
  name: Name;
  /** Left out: rupees. */
  currency?: CurrencyCode;
  /** The setting of its address, with an example of one. */
  address: { setting: string; example: string };
  /** Its other settings, each read from text. */
  variables: Variables;
  settings(variables: z.infer<z.ZodObject<Variables>>, baseUrl: string): Settings;
  credentials: VenueModule['credentials'];
  /** Imports the venue's code itself: it costs every command some time to start. */
  open(deps: VenueDeps, settings: Settings): Promise<OpenVenue>;
  warnings?(settings: Settings, exchanges: readonly string[]): VenueWarning[];
  webhook?: VenueModule['webhook'];
}

/** Makes a module of what a venue says of itself: its settings are read once, and are its own business from then on. */
export function venueModule<Name extends string, Variables extends z.ZodRawShape, Settings extends object>({
  name,
  currency = INR.code,
  address,
  variables,
  credentials,
  webhook,
  ...venue
}: Declaration<Name, Variables, Settings>): VenueModule<Name> {
  const addressVariable = { [address.setting]: webAddress(address.example).optional() };
  const addressShape = z.object(addressVariable);
  const shape = z.object(variables);
  return {
    name,
    currency,
    addressSetting: address.setting,
    settings: { ...addressVariable, ...shape.shape },
    credentials,
    ...(webhook && { webhook }),
    readSettings(set) {
      const [addressRead, variablesRead] = [addressShape.safeParse(set), shape.safeParse(set)];
      if (!addressRead.success || !variablesRead.success) {
        return { kind: 'refused', issues: [addressRead, variablesRead].flatMap(({ error }) => error?.issues ?? []) };
      }
      const baseUrl = addressRead.data[address.setting];
      if (baseUrl === undefined) return { kind: 'read', setUp: null };
      const settings = venue.settings(variablesRead.data, baseUrl);
      const setUp: VenueSetUp = {
        settings,
        open: (deps) => venue.open(deps, settings),
        warnings: (scanned) => venue.warnings?.(settings, scanned) ?? [],
      };
      return { kind: 'read', setUp };
    },
  };
}
