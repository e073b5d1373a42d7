// Reads the environment once and checks it, so that a process with a wrong setting does not start.
import { z } from 'zod';
import type { VenueModules } from '../adapters/venues/module.ts';
import { venueModules } from '../adapters/venues/registry.ts';
import type { RunLimits } from '../domain/decision/inputs.ts';
import { type Market, type Mic, xnse } from '../domain/market/market.ts';
import type { Mode } from '../domain/types.ts';
import { webAddress } from '../ports/web-address.ts';
import { databaseProblems, databaseVariables, withPassword } from './database.ts';
import { withFiles } from './files.ts';
import { cutOffIn, cutOffs, scheduledMarkets } from './markets.ts';
import { messageVariables, type TwilioConfig, twilioConfig, twilioProblems } from './messages.ts';
import { amounts, limitsIn, type OrderLimits, orderLimitsOf, unlimitedProblems } from './order-limits.ts';
import { type Network, networks } from './proxies.ts';
import { overlapProblems, secret } from './secrets.ts';
import { breakerLimits, sendingVariables } from './sending.ts';
import { percentage, whole } from './shapes.ts';
import {
  credentialsVariables,
  liveProblems,
  type VenueSessions,
  type VenuesConfig,
  venueSettings,
  venuesConfig,
} from './venues.ts';

/** What the environment says, checked once. Only this file reads it. */
export interface Config {
  mode: Mode;
  /** Where the database is; null: nothing is said, so it is under `dataDir`. */
  databaseUrl: string | null;
  /** The project to reach over HTTP; only where `databaseUrl` says nothing. */
  supabase: { url: string; secretKey: string } | null;
  dataDir: string;
  execute: 'inline' | 'worker';
  concurrency: number;
  /** How many of them one account may have. */
  accountSlots: number;
  /** Those the schedule scans. */
  markets: readonly Market[];
  /** The NSE's. */
  cutOffTime: string;
  /** Those that are set, `HH:MM:SS` in the market's zone. */
  cutOffTimes: ReadonlyMap<Mic, string>;
  /** The NSE's; `marketLimits` has another market's. */
  limits: RunLimits;
  /** The limits in money, by currency. */
  orderLimits: OrderLimits;
  /** What paper trades at where no prices were given: nothing, or each signal's own price. */
  paperPrices: 'given' | 'signal';
  paperSlippageBps: number;
  logLevel: string;
  http: HttpConfig;
  /** Null: nothing is sent anywhere, messages are shown on the screen. */
  twilio: TwilioConfig | null;
  /** Real venues; only live trading speaks to them. */
  venues: VenuesConfig;
}

/** What only the HTTP service reads. */
export interface HttpConfig {
  /** Never null where HTTP is served: without it nothing starts. */
  cronSecret: string | null;
  /** What the secrets were before: taken too, until everybody who sends them has the new ones. */
  cronSecretPrevious: string | null;
  signalsSecretPrevious: string | null;
  host: string;
  port: number;
  /** At the same time, in one process. */
  maxConnections: number;
  /** Where the service is reached from outside, without a slash at the end. */
  publicUrl: string | null;
  /** Proxies in front of it whose word about a client's address counts. */
  trustedProxies: Network[];
  /** Vercel runs it: its edge says where a client is. */
  onVercel: boolean;
  signalsSecret: string | null;
  /** Most signals a day that are taken under it. */
  signalsPerDay: number;
  /** Who signs the users' JWTs; null: no JWT is accepted. */
  jwtIssuer: string | null;
  /** What an operator's login must have shown: aal2 is a second factor. */
  operatorAal: 'aal1' | 'aal2';
}

/** What this process is going to be: some variables are needed only there. */
export interface Needs {
  /** HTTP is served: CRON_SECRET must be set. */
  http?: boolean;
  /** Whether it opens sessions at venues, for which live trading needs the master key. Default: open. */
  venues?: VenueSessions;
}

export type ConfigResult = { kind: 'config'; config: Config } | { kind: 'refused'; problems: string[] };

/** Every variable but the venues' own, with its default. */
const environment = z.object({
  ...databaseVariables,
  DATA_DIR: z.string().default('.data'),
  TRADING_MODE: z.enum(['paper', 'live'], { error: 'must be paper or live' }).default('paper'),
  EXECUTE: z.enum(['inline', 'worker'], { error: 'must be inline or worker' }).default('inline'),
  ...sendingVariables,
  MARKETS: scheduledMarkets.prefault('XNSE'),
  SCAN_CUTOFF: cutOffs.prefault('09:35'),
  PRICE_BAND_PCT: percentage(1).prefault('3'),
  LIMIT_BAND_PCT: percentage(1).prefault('20'),
  PROTECTION_PCT: percentage().prefault('0.50'),
  MIN_ORDER_VALUE: amounts().prefault('0'),
  MAX_ORDER_VALUE: amounts(1).optional(),
  SYMBOL_CAP: amounts(1).optional(),
  QUOTE_MAX_AGE_SECONDS: whole(1, 3600).prefault('60'),
  PAPER_PRICES: z.enum(['given', 'signal'], { error: 'must be given or signal' }).default('given'),
  PAPER_SLIPPAGE_PCT: percentage().prefault('0'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      error: 'must be trace, debug, info, warn, error, fatal or silent',
    })
    .default('warn'),
  CRON_SECRET: secret.optional(),
  CRON_SECRET_PREVIOUS: secret.optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: whole(0, 65_535).prefault('3000'),
  MAX_CONNECTIONS: whole(50, 100_000).prefault('2000'),
  PUBLIC_URL: webAddress('https://scan.example.com').optional(),
  TRUSTED_PROXIES: networks.optional(),
  SIGNALS_SECRET: secret.optional(),
  SIGNALS_SECRET_PREVIOUS: secret.optional(),
  SIGNALS_PER_DAY: whole(1, 1_000_000).prefault('1000'),
  SUPABASE_JWT_ISSUER: webAddress('https://PROJECT.supabase.co/auth/v1').optional(),
  OPERATOR_AAL: z.enum(['aal1', 'aal2'], { error: 'must be aal1 or aal2' }).default('aal2'),
  ...messageVariables,
  ...credentialsVariables,
});

/** Every variable by name; `.env.example` lists the same, and a test compares the two. */
export const settings: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  [environment.shape, ...Object.values(venueModules).map((one) => one.settings)].flatMap((one) => Object.entries(one)),
);

/** Reads the environment. All problems are found at once; an empty variable counts as not set. */
export function readConfig(
  env: NodeJS.ProcessEnv = process.env,
  needs: Needs = {},
  modules: VenueModules = venueModules,
): ConfigResult {
  const { set, problems: fileProblems, failed } = withFiles(env);
  const parsed = environment.safeParse(set);
  const venues = venueSettings(modules, set);
  const issues = [...(parsed.error?.issues ?? []), ...venues.issues];
  const settingProblems = [
    ...issues.map(({ path, message }) => `${path.join('.')} ${message}`),
    ...missingProblems(set, needs),
    ...twilioProblems(set),
    ...liveProblems(set, modules, needs.venues),
    ...unlimitedProblems(parsed.data, needs.venues),
    ...databaseProblems(set),
    ...overlapProblems(set),
  ];
  const problems = [
    ...fileProblems,
    ...settingProblems.filter((one) => !(failed.has(one.split(' ', 1)[0] ?? '') && one.includes(' is not set'))),
  ];
  if (!parsed.success || problems.length > 0) return { kind: 'refused', problems };
  const e = parsed.data;
  const orderLimits = orderLimitsOf(e);
  return {
    kind: 'config',
    config: {
      mode: e.TRADING_MODE,
      databaseUrl: withPassword(e.DATABASE_URL, e.DATABASE_PASSWORD),
      supabase: supabaseOf(e),
      dataDir: e.DATA_DIR,
      execute: e.EXECUTE,
      concurrency: e.CONCURRENCY,
      accountSlots: e.ACCOUNT_SLOTS,
      markets: e.MARKETS,
      cutOffTime: cutOffIn({ cutOffTimes: e.SCAN_CUTOFF }, xnse),
      cutOffTimes: e.SCAN_CUTOFF,
      limits: limitsIn(e.TRADING_MODE, orderLimits, xnse, {
        priceBandBps: e.PRICE_BAND_PCT,
        limitBandBps: e.LIMIT_BAND_PCT,
        protectionBps: e.PROTECTION_PCT,
        quoteMaxAgeMs: e.QUOTE_MAX_AGE_SECONDS * 1000,
        ...breakerLimits(e),
      }),
      orderLimits,
      paperPrices: e.PAPER_PRICES,
      paperSlippageBps: e.PAPER_SLIPPAGE_PCT,
      logLevel: e.LOG_LEVEL,
      http: httpConfig(e, set['VERCEL'] !== undefined),
      twilio: twilioConfig(e),
      venues: venuesConfig(e, venues, needs.venues),
    },
  };
}

/** DATABASE_URL wins: on that transport the database can wake a worker (LISTEN). */
function supabaseOf(e: z.infer<typeof environment>): Config['supabase'] {
  if (e.DATABASE_URL !== undefined || e.SUPABASE_URL === undefined || e.SUPABASE_SECRET_KEY === undefined) return null;
  return { url: e.SUPABASE_URL, secretKey: e.SUPABASE_SECRET_KEY };
}

function httpConfig(e: z.infer<typeof environment>, onVercel: boolean): HttpConfig {
  const project = e.SUPABASE_URL;
  const jwtIssuer = e.SUPABASE_JWT_ISSUER ?? (project === undefined ? null : `${project}/auth/v1`);
  return {
    cronSecret: e.CRON_SECRET ?? null,
    cronSecretPrevious: e.CRON_SECRET_PREVIOUS ?? null,
    host: e.HOST,
    port: e.PORT,
    maxConnections: e.MAX_CONNECTIONS,
    publicUrl: e.PUBLIC_URL ?? null,
    trustedProxies: e.TRUSTED_PROXIES ?? [],
    onVercel,
    signalsSecret: e.SIGNALS_SECRET ?? null,
    signalsSecretPrevious: e.SIGNALS_SECRET_PREVIOUS ?? null,
    signalsPerDay: e.SIGNALS_PER_DAY,
    jwtIssuer,
    operatorAal: e.OPERATOR_AAL,
  };
}

/** What a command may leave out and a service may not. */
function missingProblems(set: NodeJS.ProcessEnv, { http }: Needs): string[] {
  const problems: string[] = [];
  if (http && set['CRON_SECRET'] === undefined) {
    problems.push(
      'CRON_SECRET is not set: without it anybody could start the scan (openssl rand -hex 32 makes a good one)',
    );
  }
  // Vercel sets VERCEL=1. Its disk is read-only, and every instance would have a database of its own.
  const server = set['SUPABASE_URL'] !== undefined || /^postgres(ql)?:/.test(set['DATABASE_URL'] ?? '');
  if (set['VERCEL'] !== undefined && !server) {
    problems.push(
      'DATABASE_URL (postgres://…) or SUPABASE_URL must be set on Vercel: an embedded database has no disk there',
    );
  }
  return problems;
}
