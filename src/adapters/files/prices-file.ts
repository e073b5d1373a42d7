import { z } from 'zod';
import { amount, cell, isoDate, symbol, whole } from './cells.ts';
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

const columns = z.object({
  date: cell(isoDate),
  symbol: cell(symbol),
  open: cell(amount),
  high: cell(amount),
  low: cell(amount),
  close: cell(amount),
  volume: cell(whole(0, 999_999_999_999_999)),
});

const schema = columns.transform((row, context): DayPrice => {
  const { date, symbol, open, high, low, close, volume } = row;
  const outside =
    low > high ? 'low' : open < low || open > high ? 'open' : close < low || close > high ? 'close' : null;
  if (outside) {
    const message = outside === 'low' ? 'low must not be above high' : `${outside} must be between low and high`;
    context.issues.push({ code: 'custom', path: [outside], message, input: row });
    return z.NEVER;
  }
  return { date, symbol, openMinor: open, highMinor: high, lowMinor: low, closeMinor: close, volume };
});

const table: Table<DayPrice> = {
  noun: 'prices',
  columns: Object.keys(columns.shape),
  schema,
  keyOf: (price) => `${price.date}:${price.symbol}`,
  keyColumn: 'symbol',
};

/** Reads a prices file: one row per date and symbol. */
export function readPrices(file: string): FileResult<DayPrice> {
  return readTable(file, table);
}
