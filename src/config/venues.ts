// The settings of real venues and the master key of their credentials.
import { z } from 'zod';
import type { VenueModules, VenueSetUp } from '../adapters/venues/module.ts';
import { masterKey } from './secrets.ts';

/** How real venues are reached. A venue is there where its address is set; what each setting means: .env.example. */
export interface VenuesConfig {
  /** Base64 of the 32 bytes that wrap the accounts' credentials; null: there is none, and nothing can be connected. */
  credentialsKey: string | null;
  /** Keys of before: what they wrapped still opens. */
  credentialsKeysOld: string[];
  /** The venues this process knows, set up or not. */
  modules: VenueModules;
  /** Those that are set up, by name. */
  setUp: ReadonlyMap<string, VenueSetUp>;
}

export const credentialsVariables = {
  CREDENTIALS_KEY: masterKey.optional(),
  CREDENTIALS_KEYS_OLD: z
    .string()
    .transform((text) => text.split(',').map((one) => one.trim()))
    .pipe(z.array(masterKey))
    .optional(),
};

const variables = z.object(credentialsVariables);

/**
 * `open`: this process opens sessions at venues, or may. `none`: it has no use for the master key, which is not read.
 * `refused`: it is one that strangers reach, and must not even hold the key.
 */
export type VenueSessions = 'open' | 'none' | 'refused';

/** The settings of every venue, with what is wrong with them. */
export function venueSettings(modules: VenueModules, set: Readonly<Record<string, string>>) {
  const setUp = new Map<string, VenueSetUp>();
  const issues: { path: PropertyKey[]; message: string }[] = [];
  for (const module of Object.values(modules)) {
    const read = module.readSettings(set);
    if (read.kind === 'refused') issues.push(...read.issues);
    else if (read.setUp) setUp.set(module.name, read.setUp);
  }
  return { modules, setUp, issues };
}

export function venuesConfig(
  e: z.infer<typeof variables>,
  { modules, setUp }: Pick<VenuesConfig, 'modules' | 'setUp'>,
  sessions: VenueSessions = 'open',
): VenuesConfig {
  const isOpen = sessions === 'open';
  return {
    credentialsKey: (isOpen && e.CREDENTIALS_KEY) || null,
    credentialsKeysOld: (isOpen && e.CREDENTIALS_KEYS_OLD) || [],
    modules,
    setUp,
  };
}

/** What live trading can't do without, and what must not be where no session is opened. */
export function liveProblems(
  set: Readonly<Record<string, string | undefined>>,
  modules: VenueModules,
  sessions: VenueSessions = 'open',
): string[] {
  const held = ['CREDENTIALS_KEY', 'CREDENTIALS_KEYS_OLD'].filter((name) => set[name] !== undefined);
  const problems =
    sessions === 'refused'
      ? held.map((name) => {
          return `${name} is set, and this process only serves HTTP: take it out of its environment, or run --only logins, which opens sessions at venues`;
        })
      : [];
  // A command that trades nothing (halt, report, why) is not kept from its work by what trading needs.
  if (set['TRADING_MODE'] !== 'live' || sessions === 'none') return problems;
  if (sessions === 'open' && set['CREDENTIALS_KEY'] === undefined) {
    problems.push(
      'CREDENTIALS_KEY is not set, and TRADING_MODE=live needs it: the accounts’ credentials are sealed with it ' +
        '(openssl rand -base64 32 makes one; keep a copy of it where the database is not)',
    );
  }
  if (set['MAX_ORDER_VALUE'] === undefined) {
    problems.push(
      'MAX_ORDER_VALUE is not set, and TRADING_MODE=live needs it: the rupees no single order may pass, such as 500000, ' +
        'whatever a signal or a key asks for',
    );
  }
  const addresses = Object.values(modules).map(({ addressSetting }) => addressSetting);
  if (sessions === 'open' && addresses.every((name) => set[name] === undefined)) {
    problems.push(`TRADING_MODE is live, and no venue is: set one of ${addresses.join(', ')}`);
  }
  return problems;
}
