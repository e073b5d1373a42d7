import { z } from 'zod';
import type { RunLimits } from './domain/decision.ts';
import { parseMinor } from './domain/money.ts';
import { parseCutOff } from './domain/session.ts';
import type { Mode } from './domain/words.ts';

/** What the environment says, checked once. Only this file reads it. */
export interface Config {
  mode: Mode;
  /** Where the database is; null: nothing is said, so it is under `dataDir`. */
  databaseUrl: string | null;
  dataDir: string;
  execute: 'inline' | 'worker';
  concurrency: number;
  cutOffTime: string;
  limits: RunLimits;
  paperSlippageBps: number;
  logLevel: string;
}

export type ConfigResult = { kind: 'config'; config: Config } | { kind: 'refused'; problems: string[] };

/** A decimal with at most two places as hundredths: rupees become paise, percent become basis points. */
function hundredths(what: string, atLeast = 0) {
  return z.string().transform((text, context) => {
    const value = parseMinor(text);
    if (value === null || value < atLeast) {
      context.addIssue({ code: 'custom', message: `must be ${what} with at most two decimals, such as 3 or 0.50` });
      return z.NEVER;
    }
    return value;
  });
}

function whole(least: number, most: number) {
  return z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(least, `must be at least ${least}`).max(most, `must be at most ${most}`));
}

const cutOff = z.string().transform((text, context) => {
  const time = parseCutOff(text);
  if (time === null) {
    context.addIssue({ code: 'custom', message: 'must be a time after 09:20 and up to 15:30 IST, such as 09:35' });
    return z.NEVER;
  }
  return time;
});

const databaseUrl = z.string().regex(/^(file:\/\/.+|memory:\/\/|postgres(ql)?:\/\/.+)$/, {
  error: 'must be file://PATH, memory:// or postgres://…',
});

/** Every variable with its default; `.env.example` lists the same, and a test compares the two. */
export const environment = z.object({
  DATABASE_URL: databaseUrl.optional(),
  DATA_DIR: z.string().default('.data'),
  TRADING_MODE: z.enum(['paper', 'live'], { error: 'must be paper or live' }).default('paper'),
  EXECUTE: z.enum(['inline', 'worker'], { error: 'must be inline or worker' }).default('inline'),
  CONCURRENCY: whole(1, 1000).prefault('25'),
  SCAN_CUTOFF: cutOff.prefault('09:35'),
  PRICE_BAND_PCT: hundredths('a percentage', 1).prefault('3'),
  PROTECTION_PCT: hundredths('a percentage').prefault('0.50'),
  MIN_ORDER_VALUE: hundredths('an amount in rupees').prefault('0'),
  MAX_ORDER_VALUE: hundredths('an amount in rupees', 1).optional(),
  SYMBOL_CAP: hundredths('an amount in rupees', 1).optional(),
  QUOTE_MAX_AGE_SECONDS: whole(1, 3600).prefault('60'),
  PAPER_SLIPPAGE_PCT: hundredths('a percentage').prefault('0'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      error: 'must be trace, debug, info, warn, error, fatal or silent',
    })
    .default('warn'),
});

/** Reads the environment. All problems are found at once; an empty variable counts as not set. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): ConfigResult {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(set);
  const problems = parsed.error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`) ?? [];
  if (set['SUPABASE_URL'] !== undefined && set['DATABASE_URL'] === undefined) {
    problems.push(
      'SUPABASE_URL is not served by this version: set DATABASE_URL to the postgres:// address of the project',
    );
  }
  if (!parsed.success || problems.length > 0) return { kind: 'refused', problems };
  const e = parsed.data;
  return {
    kind: 'config',
    config: {
      mode: e.TRADING_MODE,
      databaseUrl: e.DATABASE_URL ?? null,
      dataDir: e.DATA_DIR,
      execute: e.EXECUTE,
      concurrency: e.CONCURRENCY,
      cutOffTime: e.SCAN_CUTOFF,
      limits: {
        priceBandBps: e.PRICE_BAND_PCT,
        protectionBps: e.PROTECTION_PCT,
        minOrderValueMinor: e.MIN_ORDER_VALUE,
        maxOrderValueMinor: e.MAX_ORDER_VALUE ?? null,
        symbolCapMinor: e.SYMBOL_CAP ?? null,
        quoteMaxAgeMs: e.QUOTE_MAX_AGE_SECONDS * 1000,
      },
      paperSlippageBps: e.PAPER_SLIPPAGE_PCT,
      logLevel: e.LOG_LEVEL,
    },
  };
}
