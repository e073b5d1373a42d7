import { z } from 'zod';
import { signalIdOf } from '../../domain/ids.ts';
import { misplaced, mostRank, strategyPattern } from '../../domain/signal-rules.ts';
import type { Signal } from '../../domain/words.ts';
import { amount, cell, emptyAs, exchange, isoDate, oneOf, type Read, symbol, whole } from './cells.ts';
import { readTable, type Table } from './csv.ts';
import type { FileResult } from './source.ts';

function strategy(text: string): Read<string> {
  return strategyPattern.test(text) ? { value: text } : { reason: 'must be 1 to 60 characters without : and |' };
}

const columns = z.object({
  trade_date: cell(isoDate),
  rank: cell(whole(1, mostRank)),
  strategy: cell(strategy),
  symbol: cell(symbol),
  exchange: cell(exchange),
  side: cell(oneOf('side', ['BUY', 'SELL'])),
  reference_price: cell(amount),
  stop_loss: cell(emptyAs(null, amount)),
  target: cell(emptyAs(null, amount)),
});

const schema = columns.transform((row, context): Signal => {
  const named = {
    tradeDate: row.trade_date,
    strategy: row.strategy,
    exchange: row.exchange,
    symbol: row.symbol,
    side: row.side,
  };
  const prices = { referencePriceMinor: row.reference_price, stopLossMinor: row.stop_loss, targetMinor: row.target };
  const wrong = misplaced({ ...named, ...prices });
  if (wrong) {
    const field = wrong.of === 'target' ? 'target' : 'stop_loss';
    const message = `${field} must be ${wrong.must} the reference price for a ${row.side}`;
    context.issues.push({ code: 'custom', path: [field], message, input: row });
    return z.NEVER;
  }
  return { id: signalIdOf(named), ...named, rank: row.rank, ...prices, validUntilMs: null };
});

const table: Table<Signal> = {
  noun: 'signals',
  columns: Object.keys(columns.shape),
  schema,
  keyOf: (signal) => signal.id,
  keyColumn: 'symbol',
};

/** Reads a signals file: the good rows of every date, the caller picks the due ones. */
export function readSignals(file: string): FileResult<Signal> {
  return readTable(file, table);
}
