// The bundled sample session: its prices, signals, users and faults.
import { join } from 'node:path';
import { readFaults } from '../adapters/files/faults-file.ts';
import { readInstruments } from '../adapters/files/instruments-file.ts';
import { type DayPrice, readPrices } from '../adapters/files/prices-file.ts';
import { readSignals } from '../adapters/files/signals-file.ts';
import type { FileResult } from '../adapters/files/source.ts';
import { readUsers } from '../adapters/files/users-file.ts';
import type { Fault } from '../domain/faults.ts';
import { istMs } from '../domain/market/india-time.ts';
import type { Store } from '../ports/store/store.ts';

/**
 * The bundled session: 23 July 2025 on the NSE. Prices are the day's real ones (open, high, low, close as published),
 * the signals are what a 20-day breakout gave on the eve; the seven users are made up.
 */
export const sampleDate = '2025-07-23';

export const samplePrices = (): DayPrice[] => rows('prices.csv', readPrices);
export const sampleFaults = (): Fault[] => rows('faults.json', readFaults);

/** Puts the sample's instruments, signals and users into a database. Called again it changes nothing. */
export async function seedSample(store: Store): Promise<void> {
  const nowMs = istMs(sampleDate, '09:00');
  const source = 'bundled sample';
  const by = { who: source, how: 'service' } as const;
  await store.call('import_instruments', { instruments: rows('instruments.csv', readInstruments), by });
  await store.call('import_signals', { signals: rows('signals.csv', readSignals), source, by });
  // What no users file says: Meera has paused, and Rohan came with shares of his own.
  const users = rows('users.csv', (file) => readUsers(file, ['paper'])).map((user) => ({
    ...user,
    active: user.name !== 'Meera Nair',
  }));
  await store.call('import_users', { users, mode: 'paper', source, nowMs, by });
  const holding = { exchange: 'NSE', symbol: 'ICICIBANK', quantity: 40, priceMinor: 141_000, tradeDate: '2025-06-02' };
  const holder = { userId: 'rohan-mehta', venue: 'paper', mode: 'paper', reference: 'sample-1' };
  await store.call('import_holdings', { holdings: [{ ...holder, ...holding }], nowMs });
}

function rows<Row>(name: string, read: (file: string) => FileResult<Row>): Row[] {
  const result = read(join(import.meta.dirname, name));
  if (result.kind === 'unusable') throw new Error(`the bundled sample is damaged: ${result.message}`);
  return result.rows;
}
