// Reads a file of daily prices.
import { z } from 'zod';
import { symbolPattern, symbolRule } from '../../domain/decision/signal-rules.ts';
import { markets, xnse } from '../../domain/market/market.ts';
import { type SymbolReader, symbolReader } from '../../domain/market/symbols.ts';
import { amount, cell, emptyAs, isoDate, oneOf, type Read, whole } from './csv/cells.ts';
import { readTable, type Table } from './csv/table.ts';
import type { FileResult } from './source.ts';

/** One symbol's trading day. */
export interface DayPrice {
  date: string;
  exchange: string;
  symbol: string;
  openMinor: number;
  /** null: not known yet, as at the open. */
  closeMinor: number | null;
}

const [NSE] = xnse.exchanges;
const exchanges = markets.flatMap((market) => market.exchanges);

/** A symbol of another exchange is written as that exchange does. */
function asWritten(text: string): Read<string> {
  return symbolPattern.test(text) ? { value: text } : { reason: symbolRule };
}

/** Which exchange's it is says how it is read. */
function oneWord(text: string): Read<string> {
  return /^[\x21-\x3e\x40-\x7e]+$/.test(text) ? { value: text } : { reason: symbolRule };
}

/** Of the columns, what no symbol is needed for. */
const others = {
  date: cell(isoDate),
  open: cell(amount),
};
const later = cell(emptyAs(null, amount)).optional();
/** Known when the day is over; the open is all there is at 09:20. */
const optional = {
  /** Left out: the NSE. */
  exchange: cell(emptyAs(NSE, oneOf('exchange', exchanges))).optional(),
  high: later,
  low: later,
  close: later,
  volume: cell(emptyAs(null, whole(0, 999_999_999_999_999))).optional(),
};

function schemaOf(readSymbol: SymbolReader) {
  return z.object({ ...others, ...optional, symbol: cell(oneWord) }).transform((row, context): DayPrice => {
    const { date, exchange = NSE, open, close = null } = row;
    const named = exchange === NSE ? readSymbol(row.symbol) : asWritten(row.symbol);
    if ('reason' in named) {
      context.issues.push({ code: 'custom', path: ['symbol'], message: named.reason, input: row });
      return z.NEVER;
    }
    const symbol = named.value;
    const outside = outsideOf({ open, close, low: row.low ?? 0, high: row.high ?? Number.POSITIVE_INFINITY });
    if (outside) {
      const message = outside === 'low' ? 'low must not be above high' : `${outside} must be between low and high`;
      context.issues.push({ code: 'custom', path: [outside], message, input: row });
      return z.NEVER;
    }
    return { date, exchange, symbol, openMinor: open, closeMinor: close };
  });
}

interface DayRange {
  open: number;
  close: number | null;
  low: number;
  high: number;
}

/** What of a day can't be so: the low above the high, or a price outside of both. */
function outsideOf({ open, close, low, high }: DayRange): 'low' | 'open' | 'close' | null {
  if (low > high) return 'low';
  if (open < low || open > high) return 'open';
  return close !== null && (close < low || close > high) ? 'close' : null;
}

/** What a prices file holds: one row per date, exchange and symbol. */
export function pricesTable(readSymbol: SymbolReader): Table<DayPrice> {
  return {
    noun: 'prices',
    columns: ['date', 'symbol', 'open'],
    optional: Object.keys(optional),
    schema: schemaOf(readSymbol),
    keyOf: (price) => `${price.date}:${price.exchange}:${price.symbol}`,
    keyColumn: 'symbol',
  };
}

/** Reads a prices file, where nobody knows what is listed. */
export function readPrices(file: string): FileResult<DayPrice> {
  return readTable(file, pricesTable(symbolReader([])));
}
