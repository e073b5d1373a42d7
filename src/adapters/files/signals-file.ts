// Reads a file of a strategy’s signals.
import { z } from 'zod';
import { MAX_RANK, misplaced, strategyPattern, validityFault } from '../../domain/decision/signal-rules.ts';
import { signalIdOf } from '../../domain/ids.ts';
import { type SymbolReader, symbolReader } from '../../domain/market/symbols.ts';
import type { Signal } from '../../domain/types.ts';
import { amount, cell, emptyAs, exchange, instant, isoDate, oneOf, type Read, whole } from './csv/cells.ts';
import { readTable, type Table } from './csv/table.ts';
import type { FileResult } from './source.ts';

function strategy(text: string): Read<string> {
  return strategyPattern.test(text) ? { value: text } : { reason: 'must be 1 to 60 characters without : and |' };
}

/** Of the columns, what no symbol is needed for. */
const others = {
  trade_date: cell(isoDate),
  rank: cell(whole(1, MAX_RANK)),
  strategy: cell(strategy),
  exchange: cell(exchange),
  side: cell(oneOf('side', ['BUY', 'SELL'])),
  reference_price: cell(amount),
  stop_loss: cell(emptyAs(null, amount)),
  target: cell(emptyAs(null, amount)),
  valid_until: cell(emptyAs(null, instant)).optional(),
};
const names = 'trade_date rank strategy symbol exchange side reference_price stop_loss target'.split(' ');

function schemaOf(readSymbol: SymbolReader) {
  return z.object({ ...others, symbol: cell(readSymbol) }).transform((row, context): Signal => {
    const named = {
      tradeDate: row.trade_date,
      strategy: row.strategy,
      exchange: row.exchange,
      symbol: row.symbol,
      side: row.side,
    };
    const prices = { referencePriceMinor: row.reference_price, stopLossMinor: row.stop_loss, targetMinor: row.target };
    const invalid = (field: string, message: string) => {
      context.issues.push({ code: 'custom', path: [field], message, input: row });
      return z.NEVER;
    };
    const wrong = misplaced({ ...named, ...prices });
    if (wrong) {
      const field = wrong.of === 'target' ? 'target' : 'stop_loss';
      return invalid(field, `${field} must be ${wrong.must} the reference price for a ${row.side}`);
    }
    const validUntilMs = row.valid_until ?? null;
    const fault = validityFault({ ...named, validUntilMs });
    if (fault !== null) return invalid('valid_until', fault);
    return { id: signalIdOf(named), ...named, rank: row.rank, ...prices, validUntilMs };
  });
}

/** What a signals file holds: the good rows of every date, the caller picks the due ones. */
export function signalsTable(readSymbol: SymbolReader): Table<Signal> {
  return {
    noun: 'signals',
    columns: names,
    optional: ['valid_until'],
    schema: schemaOf(readSymbol),
    keyOf: (signal) => signal.id,
    keyColumn: 'symbol',
  };
}

/** Reads a signals file, where nobody knows what is listed. */
export function readSignals(file: string): FileResult<Signal> {
  return readTable(file, signalsTable(symbolReader([])));
}
