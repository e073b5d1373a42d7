// What tests are made of, with plain defaults: instruments, signals, quotes, users and orders.
import { signalIdOf, userIdOf } from '../../src/domain/ids.ts';
import type { Instrument, Quote, Side, Signal, UserSettings } from '../../src/domain/types.ts';
import type { UserToImport } from '../../src/ports/store/imports.ts';
import type { OrderToStart } from '../../src/ports/venue.ts';

export const tradeDate = '2025-08-28';
/** 09:20 in India. */
export const nowMs = Date.parse(`${tradeDate}T09:20:00+05:30`);
export const minuteMs = 60_000;

export function instrument(symbol: string, change: Partial<Instrument> = {}): Instrument {
  const plain = { exchange: 'NSE', symbol, isin: null, name: symbol, tickMinor: 10, lotSize: 1 };
  const whole = { currency: 'INR' as const, quantityScale: 0, priceScale: 0 };
  return { ...plain, freezeQuantity: null, fno: false, restricted: null, ...whole, ...change };
}

export function signal(symbol: string, change: Partial<Signal> = {}): Signal {
  const named = { exchange: 'NSE', tradeDate, strategy: 'breakout-20d', symbol, side: 'BUY' as Side, ...change };
  const prices = { referencePriceMinor: 100_00, stopLossMinor: null, targetMinor: null, validUntilMs: null };
  return { id: signalIdOf(named), rank: 1, ...prices, ...named };
}

export function quote(symbol: string, priceMinor = 100_00, atMs = nowMs): Quote {
  const circuits = { previousCloseMinor: null, lowerCircuitMinor: null, upperCircuitMinor: null };
  return { exchange: 'NSE', symbol, priceMinor, ...circuits, atMs };
}

/** 1,00,000 rupees, no leverage, no limits. */
export function user(id: string, change: Partial<UserSettings> = {}): UserSettings {
  const settings = { capitalMinor: 1_00_000_00, allocationBps: 2000, leverageCenti: 100, maxOpenPositions: null };
  return {
    id,
    name: id,
    whatsapp: null,
    ...settings,
    dailyLossLimitBps: null,
    priority: 100,
    venue: 'paper',
    ...change,
  };
}

/** A user as a file names one, of 1,00,000 rupees at 20 % with leverage 5, as the brief's example; with a number, so that a message goes out. */
export function importedUser(name: string, change: Partial<UserSettings> = {}): UserToImport {
  return { ...user(userIdOf(name), { name, whatsapp: '+919999900001', leverageCenti: 500 }), ...change };
}

/** A signal to buy, unless `change` says otherwise. */
export function buy(symbol: string, rank: number, referencePriceMinor: number, change: Partial<Signal> = {}): Signal {
  return signal(symbol, { rank, referencePriceMinor, ...change });
}

/** The account at a venue that orders and reads of tests are about. */
export const venueAccount = { accountId: 7, userId: 'asha' };

/** An order as a venue gets it: 10 TITAN, bought outright at 100.50 at most, with all the time there is. */
export function orderToStart(change: Partial<OrderToStart> = {}): OrderToStart {
  return {
    ...venueAccount,
    ...{ orderId: 1, clientOrderId: '0123456789abcdefghij', exchange: 'NSE', symbol: 'TITAN', side: 'BUY' },
    ...{ quantity: 10, limitPriceMinor: 100_50, product: 'delivery', startBeforeMs: Number.POSITIVE_INFINITY },
    ...change,
  };
}
