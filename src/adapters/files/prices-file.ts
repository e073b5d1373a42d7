import { z } from 'zod';
import type { Quote } from '../../domain/words.ts';
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

/**
 * The quotes of one date: the day's open as the price (what a scan just after the open would have seen), the close
 * of the symbol's latest earlier row as the previous close. A symbol without a row of that date has no quote.
 */
export function quotesOn(prices: readonly DayPrice[], date: string, atMs: number): Quote[] {
  const previous = new Map<string, DayPrice>();
  for (const price of prices) {
    const known = previous.get(price.symbol);
    if (price.date < date && (known === undefined || known.date < price.date)) previous.set(price.symbol, price);
  }
  return prices
    .filter((price) => price.date === date)
    .map(({ symbol, openMinor }) => ({
      exchange: 'NSE',
      symbol,
      priceMinor: openMinor,
      previousCloseMinor: previous.get(symbol)?.closeMinor ?? null,
      lowerCircuitMinor: null,
      upperCircuitMinor: null,
      atMs,
    }));
}
