// The instruments, signals and users of a torture's round.
import { signalIdOf } from '../../src/domain/ids.ts';
import type { Instrument, Side, Signal, UserSettings } from '../../src/domain/types.ts';
import type { RunInputs } from '../../src/stages/scan/request.ts';

const USERS = 60;

/** What both scans of a round are given: two new symbols to buy, and one of the round before to sell. */
export function runInputs(tradeDate: string, round: number): RunInputs {
  const symbols = symbolsOf(round);
  const sold = round > 1 ? symbolsOf(round - 1)[0] : null;
  const signals = [
    ...symbols.map((symbol, index) => signal(tradeDate, symbol, 'BUY', index + 1)),
    ...(sold ? [signal(tradeDate, sold, 'SELL', 1)] : []),
  ];
  return {
    signalsSource: 'torture',
    usersSource: 'torture',
    instruments: [...symbols, ...(sold ? [sold] : [])].map(instrument),
    signals,
    users: Array.from({ length: USERS }, (_, index) => person(index)),
    problems: [],
    by: { who: 'torture', how: 'service' },
  };
}

export function symbolsOf(round: number): [string, string] {
  return [`TAKE${round}`, `KEEP${round}`];
}

function signal(tradeDate: string, symbol: string, side: Side, rank: number): Signal {
  const named = { exchange: 'NSE', tradeDate, strategy: 'torture', symbol, side };
  const prices = { referencePriceMinor: 80_00, stopLossMinor: null, targetMinor: null, validUntilMs: null };
  return { id: signalIdOf(named), rank, ...prices, ...named };
}

function instrument(symbol: string): Instrument {
  const plain = { exchange: 'NSE', symbol, isin: null, name: symbol, tickMinor: 5, lotSize: 1 };
  const whole = { currency: 'INR' as const, quantityScale: 0, priceScale: 0 };
  return { ...plain, freezeQuantity: null, fno: false, restricted: null, ...whole };
}

/** About a thousand rupees a signal; every eighth can pay for one signal only, some use leverage, some get no message. */
function person(index: number): UserSettings {
  const poor = index % 8 === 0;
  return {
    id: `user-${index}`,
    name: `User ${index}`,
    whatsapp: index % 10 === 9 ? null : `+9199999${String(index).padStart(5, '0')}`,
    capitalMinor: poor ? 1_500_00 : 2_00_000_00,
    allocationBps: poor ? 7_000 : 50,
    leverageCenti: index % 3 === 0 && !poor ? 300 : 100,
    maxOpenPositions: null,
    dailyLossLimitBps: null,
    priority: index % 5 === 0 ? 1 : 100,
    venue: 'paper',
  };
}
