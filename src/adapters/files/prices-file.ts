import { z } from 'zod';
import { type SymbolReader, symbolReader } from '../../domain/symbols.ts';
import { amount, cell, isoDate, whole } from './cells.ts';
import { readTable, type Table } from './csv.ts';
import type { FileResult } from './source.ts';

/** One NSE symbol's trading day. */
export interface DayPrice {
  date: string;
  symbol: string;
  openMinor: number;
  highMinor: number;
  lowMinor: number;
  closeMinor: number;
  volume: number;
}

/** Of the columns, what no symbol is needed for. */
const others = {
  date: cell(isoDate),
  open: cell(amount),
  high: cell(amount),
  low: cell(amount),
  close: cell(amount),
  volume: cell(whole(0, 999_999_999_999_999)),
};

function schemaOf(readSymbol: SymbolReader) {
  return z.object({ ...others, symbol: cell(readSymbol) }).transform((row, context): DayPrice => {
    const { date, symbol, open, high, low, close, volume } = row;
    const outside = low > high ? 'low' : outsideOf(row);
    if (outside) {
      const message = outside === 'low' ? 'low must not be above high' : `${outside} must be between low and high`;
      context.issues.push({ code: 'custom', path: [outside], message, input: row });
      return z.NEVER;
    }
    return { date, symbol, openMinor: open, highMinor: high, lowMinor: low, closeMinor: close, volume };
  });
}

function outsideOf({
  open,
  high,
  low,
  close,
}: Record<'open' | 'high' | 'low' | 'close', number>): 'open' | 'close' | null {
  if (open < low || open > high) return 'open';
  return close < low || close > high ? 'close' : null;
}

/** What a prices file holds: one row per date and symbol. */
export function pricesTable(readSymbol: SymbolReader): Table<DayPrice> {
  return {
    noun: 'prices',
    columns: 'date symbol open high low close volume'.split(' '),
    schema: schemaOf(readSymbol),
    keyOf: (price) => `${price.date}:${price.symbol}`,
    keyColumn: 'symbol',
  };
}

/** Reads a prices file, where nobody knows what is listed. */
export function readPrices(file: string): FileResult<DayPrice> {
  return readTable(file, pricesTable(symbolReader([])));
}
