import { z } from 'zod';
import { signalIdOf } from '../../domain/ids.ts';
import type { Signal } from '../../domain/words.ts';
import { amount, cell, emptyAs, exchange, isoDate, oneOf, type Read, symbol, whole } from './cells.ts';
import { readTable, type Table } from './csv.ts';
import type { FileResult } from './source.ts';

/** ':' parts the id and '|' the lines of a plan, so neither may be in a strategy's name. */
function strategy(text: string): Read<string> {
  return /^[^:|\p{C}]{1,60}$/u.test(text) ? { value: text } : { reason: 'must be 1 to 60 characters without : and |' };
}

const columns = z.object({
  trade_date: cell(isoDate),
  rank: cell(whole(1, 1_000_000)),
  strategy: cell(strategy),
  symbol: cell(symbol),
  exchange: cell(exchange),
  side: cell(oneOf('side', ['BUY', 'SELL'])),
  reference_price: cell(amount),
  stop_loss: cell(emptyAs(null, amount)),
  target: cell(emptyAs(null, amount)),
});

/** A stop or target on the wrong side of the price, or null. */
function misplaced(row: z.output<typeof columns>): { field: string; reason: string } | null {
  const { side, reference_price: price, stop_loss: stop, target } = row;
  const up = side === 'BUY' ? 1 : -1;
  const [below, above] = side === 'BUY' ? ['below', 'above'] : ['above', 'below'];
  if (stop !== null && (price - stop) * up <= 0) {
    return { field: 'stop_loss', reason: `stop_loss must be ${below} the reference price for a ${side}` };
  }
  if (target !== null && (target - price) * up <= 0) {
    return { field: 'target', reason: `target must be ${above} the reference price for a ${side}` };
  }
  return null;
}

const schema = columns.transform((row, context): Signal => {
  const wrong = misplaced(row);
  if (wrong) {
    context.issues.push({ code: 'custom', path: [wrong.field], message: wrong.reason, input: row });
    return z.NEVER;
  }
  const named = {
    tradeDate: row.trade_date,
    strategy: row.strategy,
    exchange: row.exchange,
    symbol: row.symbol,
    side: row.side,
  };
  return {
    id: signalIdOf(named),
    ...named,
    rank: row.rank,
    referencePriceMinor: row.reference_price,
    stopLossMinor: row.stop_loss,
    targetMinor: row.target,
    validUntilMs: null,
  };
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
