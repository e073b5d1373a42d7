import { z } from 'zod';
import { masterKey } from './config-secrets.ts';
import { webAddress } from './config-shapes.ts';

/** How real venues are reached. A venue is there where its address is set; what each figure means: .env.example. */
export interface VenuesConfig {
  /** Base64 of the 32 bytes that wrap the accounts' credentials; null: there is none, and nothing can be connected. */
  credentialsKey: string | null;
  /** Keys of before: what they wrapped still opens. */
  credentialsKeysOld: string[];
  kite: { baseUrl: string; algoId: string | null } | null;
  lemonn: { baseUrl: string; requestId: string | null; afterMarketOrders: boolean; dialect: unknown } | null;
  /** `exchanges`: those whose instruments are traded there, by our names of both. */
  alpaca: {
    baseUrl: string;
    dataUrl: string | null;
    feed: 'iex' | 'sip';
    exchanges: [string, ...string[]];
  } | null;
}

const word = z.string().regex(/^[\x21-\x7e]+$/, 'must be one word');

/** As our instruments name them: at least one. */
const exchanges = z
  .string()
  .transform((text) => text.split(',').map((one) => one.trim()))
  .pipe(z.tuple([exchange()], exchange()));

function exchange() {
  return z.string().regex(/^[A-Z]{2,10}$/, 'must be names of exchanges, such as NSE, with commas between');
}

const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a JSON object, on one line' });
    return z.NEVER;
  }
});

export const venueVariables = {
  CREDENTIALS_KEY: masterKey.optional(),
  CREDENTIALS_KEYS_OLD: z
    .string()
    .transform((text) => text.split(',').map((one) => one.trim()))
    .pipe(z.array(masterKey))
    .optional(),
  KITE_BASE_URL: webAddress('https://api.kite.trade').optional(),
  KITE_ALGO_ID: word.optional(),
  LEMONN_BASE_URL: webAddress('https://cs-prod.lemonn.co.in').optional(),
  LEMONN_REQUEST_ID: word.optional(),
  LEMONN_AMO: z.enum(['yes', 'no'], { error: 'must be yes or no' }).default('no'),
  LEMONN_DIALECT: json.optional(),
  ALPACA_BASE_URL: webAddress('https://api.alpaca.markets').optional(),
  ALPACA_DATA_URL: webAddress('https://data.alpaca.markets').optional(),
  ALPACA_EXCHANGES: exchanges.default(['US']),
  ALPACA_FEED: z.enum(['iex', 'sip'], { error: 'must be iex or sip' }).default('iex'),
};

const variables = z.object(venueVariables);

/**
 * `open`: this process opens sessions at venues, or may. `none`: it has no use for the master key, which is not read.
 * `refused`: it is one that strangers reach, and must not even hold the key.
 */
export type VenueSessions = 'open' | 'none' | 'refused';

export function venuesConfig(e: z.infer<typeof variables>, sessions: VenueSessions = 'open'): VenuesConfig {
  const isOpen = sessions === 'open';
  return {
    credentialsKey: (isOpen && e.CREDENTIALS_KEY) || null,
    credentialsKeysOld: (isOpen && e.CREDENTIALS_KEYS_OLD) || [],
    kite: e.KITE_BASE_URL === undefined ? null : { baseUrl: e.KITE_BASE_URL, algoId: e.KITE_ALGO_ID ?? null },
    lemonn:
      e.LEMONN_BASE_URL === undefined
        ? null
        : {
            baseUrl: e.LEMONN_BASE_URL,
            requestId: e.LEMONN_REQUEST_ID ?? null,
            afterMarketOrders: e.LEMONN_AMO === 'yes',
            dialect: e.LEMONN_DIALECT ?? {},
          },
    alpaca:
      e.ALPACA_BASE_URL === undefined
        ? null
        : {
            baseUrl: e.ALPACA_BASE_URL,
            dataUrl: e.ALPACA_DATA_URL ?? null,
            feed: e.ALPACA_FEED,
            exchanges: e.ALPACA_EXCHANGES,
          },
  };
}

/** What live trading can't do without, and what must not be where no session is opened. */
export function liveProblems(
  set: Readonly<Record<string, string | undefined>>,
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
  const addresses = ['KITE_BASE_URL', 'LEMONN_BASE_URL', 'ALPACA_BASE_URL'];
  if (sessions === 'open' && addresses.every((name) => set[name] === undefined)) {
    problems.push(`TRADING_MODE is live, and no venue is: set one of ${addresses.join(', ')}`);
  }
  return problems;
}
