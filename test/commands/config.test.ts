import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readConfig, settings } from '../../src/config/config.ts';
import { marketLimits } from '../../src/config/order-limits.ts';
import { type Market, marketOf, xnse } from '../../src/domain/market/market.ts';

const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
const exampleSettings = Object.fromEntries(
  example
    .split('\n')
    .filter((line) => /^[A-Z_]+=/.test(line))
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
);

describe('the environment', () => {
  test('is listed in .env.example, every variable and no other', () => {
    expect(Object.keys(exampleSettings).sort()).toEqual(Object.keys(settings).sort());
  });

  test('means the same with .env.example as with nothing set', () => {
    expect(readConfig(exampleSettings)).toEqual(readConfig({}));
  });

  test('reports all its problems at once, each with the variable and what it must be', () => {
    const read = readConfig({ TRADING_MODE: 'real', CONCURRENCY: '0', SCAN_CUTOFF: '9am', PRICE_BAND_PCT: '1,5' });
    expect(read).toEqual({
      kind: 'refused',
      problems: [
        'TRADING_MODE must be paper or live',
        'CONCURRENCY must be at least 1',
        'SCAN_CUTOFF must be a time after 09:20 and up to 15:30 IST, such as 09:35',
        'PRICE_BAND_PCT must be a percentage with at most two decimals, such as 3 or 0.50',
      ],
    });
  });

  test('turns rupees into paise and percent into basis points', () => {
    const read = readConfig({
      MAX_ORDER_VALUE: '250000.50',
      PRICE_BAND_PCT: '2.25',
      LIMIT_BAND_PCT: '10',
      QUOTE_MAX_AGE_SECONDS: '30',
    });
    expect(read).toMatchObject({
      config: {
        limits: {
          maxOrderValueMinor: 25_000_050,
          priceBandBps: 225,
          limitBandBps: 1000,
          quoteMaxAgeMs: 30_000,
          symbolCapMinor: null,
        },
      },
    });
  });

  test('takes a Supabase project by its address and secret key together, never one of them', () => {
    const url = 'https://x.supabase.co';
    const key = 'sb_secret_x';
    expect(readConfig({ SUPABASE_URL: url, SUPABASE_SECRET_KEY: key })).toMatchObject({
      config: { databaseUrl: null, supabase: { url, secretKey: key } },
    });
    const together = 'SUPABASE_URL and SUPABASE_SECRET_KEY must be set together, or neither';
    expect(readConfig({ SUPABASE_URL: url })).toEqual({ kind: 'refused', problems: [together] });
    expect(readConfig({ SUPABASE_SECRET_KEY: key })).toEqual({ kind: 'refused', problems: [together] });
  });

  test('prefers DATABASE_URL, over which the database wakes workers', () => {
    const both = {
      SUPABASE_URL: 'https://x.supabase.co',
      SUPABASE_SECRET_KEY: 'sb_secret_x',
      DATABASE_URL: 'postgres://h/d',
    };
    expect(readConfig(both)).toMatchObject({ config: { databaseUrl: 'postgres://h/d', supabase: null } });
  });

  test.each([
    ['http://x.supabase.co', 'sb_secret_x'],
    ['https://x.supabase.co/rest/v1', 'sb_secret_x'],
    ['https://x.supabase.co', 'sb_publishable_x'],
    ['https://x.supabase.co', 'sb_secret_x\n'],
  ])('refuses %s with %j, and does not show the key', (url, key) => {
    const read = readConfig({ SUPABASE_URL: url, SUPABASE_SECRET_KEY: key });
    expect(read).toMatchObject({ kind: 'refused', problems: [expect.stringMatching(/^SUPABASE_/)] });
    expect(JSON.stringify(read)).not.toContain(key.trim());
  });

  const key = randomBytes(32).toString('base64');
  const live = {
    TRADING_MODE: 'live',
    MAX_ORDER_VALUE: '500000',
    CREDENTIALS_KEY: key,
    KITE_BASE_URL: 'https://api.kite.trade/',
  };

  test('lets nobody trade live without a master key and a venue', () => {
    expect(readConfig({ TRADING_MODE: 'live' })).toEqual({
      kind: 'refused',
      problems: [
        expect.stringMatching(/^CREDENTIALS_KEY is not set/),
        expect.stringMatching(/^MAX_ORDER_VALUE is not set/),
        'TRADING_MODE is live, and no venue is: set one of KITE_BASE_URL, LEMONN_BASE_URL, ALPACA_BASE_URL',
      ],
    });
    expect(readConfig(live)).toMatchObject({
      config: {
        mode: 'live',
        venues: {
          credentialsKey: key,
          setUp: new Map([['kite', { settings: { baseUrl: 'https://api.kite.trade', algoId: null } }]]),
        },
      },
    });
  });

  test('sends to Alpaca what trades in dollars, and nothing else', () => {
    const exchangesOf = (env: Record<string, string>) => {
      const read = readConfig({ ALPACA_BASE_URL: 'https://api.alpaca.markets', ...env });
      return read.kind === 'config' ? read.config.venues.setUp.get('alpaca')?.settings : { exchanges: read.problems };
    };
    expect(exchangesOf({})).toMatchObject({ exchanges: ['US'] });
    expect(exchangesOf({ ALPACA_EXCHANGES: 'US, NASDAQ' })).toMatchObject({ exchanges: ['US', 'NASDAQ'] });
    for (const others of ['US,', 'NSE', 'US,BSE', 'LSE']) {
      expect(exchangesOf({ ALPACA_EXCHANGES: others })).toEqual({
        exchanges: [expect.stringMatching(/^ALPACA_EXCHANGES(\.\d)? must be exchanges that trade in USD/)],
      });
    }
  });

  test.each([
    ['CREDENTIALS_KEY', Buffer.alloc(31, 7).toString('base64')],
    ['CREDENTIALS_KEY', `${key}\n`],
    ['CREDENTIALS_KEYS_OLD', `${key},${key.slice(1)}`],
    ['KITE_BASE_URL', 'http://api.kite.trade'],
    ['ALPACA_BASE_URL', 'https://me:pass-word@api.alpaca.markets?x'],
    ['LEMONN_DIALECT', '{order:'],
  ])('refuses %s=%j, and does not show it', (name, value) => {
    const read = readConfig({ [name]: value });
    expect(read).toMatchObject({ kind: 'refused', problems: [expect.stringMatching(new RegExp(`^${name}`))] });
    expect(JSON.stringify(read)).not.toContain(value.trim());
  });

  test('reads a cut-off for each market by its own clock, and refuses a market no run is made in with why', () => {
    const cutOffsOf = (text: string) => {
      const read = readConfig({ SCAN_CUTOFF: text });
      return read.kind === 'config' ? [read.config.cutOffTime, ...read.config.cutOffTimes] : read.problems;
    };
    expect(cutOffsOf('09:40')).toEqual(['09:40:00', ['XNSE', '09:40:00']]);
    expect(cutOffsOf('09:40, XNYS=10:00')).toEqual(['09:40:00', ['XNSE', '09:40:00'], ['XNYS', '10:00:00']]);
    expect(cutOffsOf('XNYS=10:00')).toEqual(['09:35:00', ['XNYS', '10:00:00']]);
    expect(cutOffsOf('XNYS=09:30')).toEqual([
      'SCAN_CUTOFF must be a time after 09:35 and up to 16:00 New York time, such as 09:50',
    ]);
    expect(cutOffsOf('09:40,NSE=09:45')).toEqual(['SCAN_CUTOFF names the cut-off of XNSE twice']);
    const rule = 'SCAN_CUTOFF must be a time after 09:20 and up to 15:30 IST, such as 09:35';
    for (const text of ['09:35,', ',09:35', ' 09:35', '09:35 ', '09:35\n']) {
      expect(cutOffsOf(text)).toEqual([rule]);
    }
    expect(cutOffsOf('SOLANA=24:00')).toEqual([
      'SCAN_CUTOFF must be a time after 00:05 and before 24:00 UTC, such as 00:20',
    ]);
    expect(cutOffsOf('SOLANA=23:59')).toEqual(['09:35:00', ['SOLANA', '23:59:00']]);
    expect(cutOffsOf('LSE=09:40')).toEqual([expect.stringContaining('there is no market "LSE"')]);

    const marketsOf = (text: string) => {
      const read = readConfig({ MARKETS: text });
      return read.kind === 'config' ? read.config.markets.map(({ mic }) => mic) : read.problems;
    };
    expect(marketsOf('NSE, XNSE')).toEqual(['XNSE']);
    expect(marketsOf('XNSE,NYSE')).toEqual(['XNSE', 'XNYS']);
    expect(marketsOf('XNSE,BSE')).toEqual([expect.stringMatching(/^MARKETS can not be XBOM: the BSE’s charges/)]);
    const must = 'MARKETS must be markets that runs are made in (XNSE or NSE or XNYS or US) with commas between';
    expect(marketsOf('XNSE,')).toEqual([`${must}, not: ""`]);
    expect(marketsOf('L'.repeat(10_000))).toEqual([`${must}, not: "${'L'.repeat(79)}…"`]);
  });
});

describe('limits in money', () => {
  const found = marketOf('XNYS');
  if (found.kind !== 'market') throw new Error('XNYS is no market');
  const xnys = found.market;

  const maxOf = (env: Record<string, string>, market: Market) => {
    const read = readConfig(env);
    return read.kind === 'config' ? marketLimits(read.config, market) : read.problems;
  };

  test('a plain amount is rupees and says nothing of dollars; named ones hold in their own currency', () => {
    const plain = { MIN_ORDER_VALUE: '100', MAX_ORDER_VALUE: '500000', SYMBOL_CAP: '1000000.50' };
    const ofRupees = { minOrderValueMinor: 10_000, maxOrderValueMinor: 50_000_000, symbolCapMinor: 100_000_050 };
    const unlimited = { minOrderValueMinor: 0, maxOrderValueMinor: null, symbolCapMinor: null };
    expect(maxOf(plain, xnse)).toMatchObject(ofRupees);
    expect(maxOf(plain, xnys)).toMatchObject(unlimited);
    const both = { MIN_ORDER_VALUE: 'USD=1.50', MAX_ORDER_VALUE: 'INR=500000, USD=5000', SYMBOL_CAP: 'USD=20000.25' };
    expect(maxOf(both, xnse)).toMatchObject({ ...unlimited, maxOrderValueMinor: 50_000_000 });
    expect(maxOf(both, xnys)).toMatchObject({
      minOrderValueMinor: 150,
      maxOrderValueMinor: 500_000,
      symbolCapMinor: 2_000_025,
    });
  });

  test.each([
    ['EUR=5', 'names "EUR", which is none of the currencies there are: INR, USD, USDC, SOL'],
    ['5,INR=6', 'names an amount in INR twice'],
    ['USD=5,USD=5', 'names an amount in USD twice'],
    ['USD=', 'must have an amount above 0 in USD with at most 2 decimals, such as USD=5000.00'],
    ['USD=1.005', 'must have an amount above 0 in USD with at most 2 decimals, such as USD=5000.00'],
    ['USDC=0', 'must have an amount above 0 in USDC with at most 6 decimals, such as USDC=5000.00'],
    ['0', expect.stringMatching(/^must be an amount in rupees/)],
    ['1,500', expect.stringMatching(/^must be an amount in rupees/)],
    ['usd=5', expect.stringMatching(/^names "usd"/)],
  ])('MAX_ORDER_VALUE=%s is refused', (value, problem) => {
    const read = readConfig({ MAX_ORDER_VALUE: value });
    const texts = read.kind === 'refused' ? read.problems.map((one) => one.replace('MAX_ORDER_VALUE ', '')) : [];
    expect(texts).toEqual([problem]);
  });

  test('live money in a currency without a largest order buys nothing', () => {
    const env = {
      TRADING_MODE: 'live',
      MAX_ORDER_VALUE: '500000',
      CREDENTIALS_KEY: randomBytes(32).toString('base64'),
      KITE_BASE_URL: 'https://api.kite.trade/',
    };
    expect(maxOf(env, xnse)).toMatchObject({ maxOrderValueMinor: 50_000_000 });
    expect(maxOf(env, xnys)).toMatchObject({ maxOrderValueMinor: 0 });
    expect(readConfig({ ...env, MAX_ORDER_VALUE: 'USD=5000' })).toEqual({
      kind: 'refused',
      problems: [
        'MAX_ORDER_VALUE has no amount in INR, and TRADING_MODE=live needs it for MARKETS XNSE, such as INR=5000',
      ],
    });
  });
});
