// Reads a file of daily prices.
import { z } from 'zod';
import { markets, xnse } from '../../domain/market/market.ts';
import { type SymbolReader, symbolReader } from '../../domain/market/symbols.ts';
import { cell, emptyAs, exchangeOf, isoDate, priceAt, priceText, symbolText, whole } from './csv/cells.ts';
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
/** Also of markets without runs: what is held there has prices, too. */
const exchanges = markets.map((market) => market.exchanges[0]);

/** Of the columns, what no symbol is needed for. */
const others = {
  date: cell(isoDate),
  open: cell(priceText),
};
const later = cell(emptyAs(null, priceText)).optional();
/** Known when the day is over; the open is all there is at 09:20. */
const optional = {
  /** Left out: the NSE. */
  exchange: cell(emptyAs(NSE, exchangeOf(exchanges))).optional(),
  high: later,
  low: later,
  close: later,
  volume: cell(emptyAs(null, whole(0, 999_999_999_999_999))).optional(),
};

function schemaOf(readSymbol: SymbolReader) {
  return z.object({ ...others, ...optional, symbol: cell(symbolText) }).transform((row, context): DayPrice => {
    const { date, exchange = NSE } = row;
    const invalid = (field: string, message: string) => {
      context.issues.push({ code: 'custom', path: [field], message, input: row });
      return z.NEVER;
    };
    const named = readSymbol(row.symbol, exchange);
    if ('reason' in named) return invalid('symbol', named.reason);
    const prices = pricesOf(exchange, row);
    if ('field' in prices) return invalid(prices.field, prices.reason);
    const outside = outsideOf(prices);
    if (outside === 'low') return invalid(outside, 'low must not be above high');
    if (outside) return invalid(outside, `${outside} must be between low and high`);
    return { date, exchange, symbol: named.value, openMinor: prices.open, closeMinor: prices.close };
  });
}

interface PriceCells {
  open: string;
  high?: string | null | undefined;
  low?: string | null | undefined;
  close?: string | null | undefined;
}

/** The prices of a row in price units of its exchange, or the first that is none there. */
function pricesOf(exchange: string, cells: PriceCells): DayRange | { field: string; reason: string } {
  const day: DayRange = { open: 0, low: 0, high: Number.POSITIVE_INFINITY, close: null };
  for (const field of ['open', 'high', 'low', 'close'] as const) {
    const text = cells[field] ?? null;
    if (text === null) continue;
    const read = priceAt(exchange, text);
    if ('reason' in read) return { field, ...read };
    day[field] = read.value;
  }
  return day;
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
