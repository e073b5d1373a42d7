// The bundled sample sessions, one of each market that has runs: prices, signals, users and faults.
import { join } from 'node:path';
import { readFaults } from '../adapters/files/faults-file.ts';
import { readInstruments } from '../adapters/files/instruments-file.ts';
import { type DayPrice, readPrices } from '../adapters/files/prices-file.ts';
import { readSignals } from '../adapters/files/signals-file.ts';
import type { FileResult } from '../adapters/files/source.ts';
import { readUsers } from '../adapters/files/users-file.ts';
import type { Fault } from '../domain/faults.ts';
import { type Market, xnse } from '../domain/market/market.ts';
import { marketOfExchange, msIn } from '../domain/market/session.ts';
import type { Store } from '../ports/store/store.ts';

/** One bundled session. */
export interface Sample {
  date: string;
  /** Of its database, `.data/NAME`. */
  database: 'sample' | 'sample-xnys';
  /** What its prices and users are, as people read it. */
  about: string;
  prices(): DayPrice[];
  /** What the simulated venue does wrong; null: nothing. */
  faults(): Fault[] | null;
  /** Puts the sample's instruments, signals and users into a database. Called again it changes nothing. */
  seed(store: Store): Promise<void>;
}

/** What no users file says: who has paused, and who came with shares of their own. */
interface Beside {
  paused: string | null;
  holder: string;
  holding: { exchange: string; symbol: string; quantity: number; priceMinor: number; tradeDate: string };
}

/**
 * 23 July 2025 on the NSE. Prices are the day's real ones (open, high, low, close as published), the signals are what a
 * 20-day breakout gave on the eve; the seven users are made up.
 */
export const nseSample: Sample = {
  date: '2025-07-23',
  database: 'sample',
  about: 'the bundled sample: real NSE prices of that day, sample users',
  prices: () => rows('prices.csv', readPrices),
  faults: () => rows('faults.json', readFaults),
  seed: (store) =>
    seed(store, '', xnse, nseSample.date, {
      paused: 'Meera Nair',
      holder: 'rohan-mehta',
      holding: { exchange: 'NSE', symbol: 'ICICIBANK', quantity: 40, priceMinor: 141_000, tradeDate: '2025-06-02' },
    }),
};

const newYork = marketOfExchange('US');

/** 9 June 2026 in New York, in dollars. The shares are real; prices, signals and users are made up. */
const newYorkSample: Sample = {
  date: '2026-06-09',
  database: 'sample-xnys',
  about: 'the bundled sample of New York: real shares; prices, signals and users are made up',
  prices: () => rows('xnys/prices.csv', readPrices),
  faults: () => null,
  seed: (store) =>
    seed(store, 'xnys/', newYork, newYorkSample.date, {
      paused: null,
      holder: 'elena-rossi',
      holding: { exchange: 'US', symbol: 'XOM', quantity: 60, priceMinor: 10_150, tradeDate: '2026-05-04' },
    }),
};

/** The sample of a market: New York's own, the NSE's for every other. */
export function sampleOf(market: Market): Sample {
  return market === newYork ? newYorkSample : nseSample;
}

async function seed(store: Store, folder: string, market: Market, date: string, beside: Beside): Promise<void> {
  const nowMs = msIn(market, date, '09:00');
  const source = 'bundled sample';
  const by = { who: source, how: 'service' } as const;
  await store.call('import_instruments', { instruments: rows(`${folder}instruments.csv`, readInstruments), by });
  await store.call('import_signals', { signals: rows(`${folder}signals.csv`, readSignals), source, by });
  const users = rows(`${folder}users.csv`, (file) => readUsers(file, ['paper'])).map((user) => ({
    ...user,
    active: user.name !== beside.paused,
  }));
  await store.call('import_users', { users, mode: 'paper', source, nowMs, by });
  const holder = { userId: beside.holder, venue: 'paper', mode: 'paper', reference: 'sample-1' };
  await store.call('import_holdings', { holdings: [{ ...holder, ...beside.holding }], nowMs });
}

function rows<Row>(name: string, read: (file: string) => FileResult<Row>): Row[] {
  const result = read(join(import.meta.dirname, name));
  if (result.kind === 'unusable') throw new Error(`the bundled sample is damaged: ${result.message}`);
  return result.rows;
}
