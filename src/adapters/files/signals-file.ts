// Reads a file of a strategy’s signals.
import { z } from 'zod';
import { MAX_RANK, misplaced, strategyPattern, validityFault } from '../../domain/decision/signal-rules.ts';
import { signalIdOf } from '../../domain/ids.ts';
import { type SymbolReader, symbolReader } from '../../domain/market/symbols.ts';
import type { Signal } from '../../domain/types.ts';
import {
  cell,
  emptyAs,
  exchange,
  instant,
  isoDate,
  oneOf,
  priceAt,
  priceText,
  type Read,
  symbolText,
  whole,
} from './csv/cells.ts';
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
  reference_price: cell(priceText),
  stop_loss: cell(emptyAs(null, priceText)),
  target: cell(emptyAs(null, priceText)),
  valid_until: cell(emptyAs(null, instant)).optional(),
};
const names = 'trade_date rank strategy symbol exchange side reference_price stop_loss target'.split(' ');

function schemaOf(readSymbol: SymbolReader) {
  return z.object({ ...others, symbol: cell(symbolText) }).transform((row, context): Signal => {
    const invalid = (field: string, message: string) => {
      context.issues.push({ code: 'custom', path: [field], message, input: row });
      return z.NEVER;
    };
    // Which exchange's it is says how its symbol and its prices are read.
    const { trade_date: tradeDate, strategy, exchange, side } = row;
    const symbol = readSymbol(row.symbol, exchange);
    if ('reason' in symbol) return invalid('symbol', symbol.reason);
    const named = { tradeDate, strategy, exchange, symbol: symbol.value, side };
    const prices = pricesOf(row);
    if ('field' in prices) return invalid(prices.field, prices.reason);
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

interface PriceCells {
  exchange: string;
  reference_price: string;
  stop_loss: string | null;
  target: string | null;
}

/** The prices of a row in price units of its exchange, or the first that is none. */
function pricesOf({ exchange, ...texts }: PriceCells) {
  const reference = priceAt(exchange, texts.reference_price);
  if ('reason' in reference) return { field: 'reference_price', ...reference };
  const stopLoss = texts.stop_loss === null ? { value: null } : priceAt(exchange, texts.stop_loss);
  if ('reason' in stopLoss) return { field: 'stop_loss', ...stopLoss };
  const target = texts.target === null ? { value: null } : priceAt(exchange, texts.target);
  if ('reason' in target) return { field: 'target', ...target };
  return { referencePriceMinor: reference.value, stopLossMinor: stopLoss.value, targetMinor: target.value };
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
