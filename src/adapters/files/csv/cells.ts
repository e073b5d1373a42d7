// Reads the kinds of cells CSV files have: amounts, percentages, dates, one of a list.
import { z } from 'zod';
import { symbolRule } from '../../../domain/decision/signal-rules.ts';
import { parseInstant } from '../../../domain/market/india-time.ts';
import { exchangesByCode, exchangesWithRuns } from '../../../domain/market/market.ts';
import { digitsText, mostPriceDigits, parsePrice, priceRule } from '../../../domain/market/price.ts';
import { parseHundredths, parseMinor } from '../../../domain/money.ts';

/** A cell's meaning, or why it has none. */
export type Read<T> = { value: T } | { reason: string };

/** A column of a file's schema: the cell's text in, its meaning out, its reason as the issue's message. */
export function cell<T>(read: (text: string) => Read<T>) {
  return z.string().transform((text, context): T => {
    const result = read(text);
    if ('value' in result) return result.value;
    context.issues.push({ code: 'custom', message: result.reason, input: text });
    return z.NEVER;
  });
}

/** The same reading, with `value` for an empty cell. */
export function emptyAs<T, E>(value: E, read: (text: string) => Read<T>): (text: string) => Read<T | E> {
  return (text) => (text === '' ? { value } : read(text));
}

/** A plain decimal with at most two decimals as hundredths (paise, basis points, hundredths of leverage). */
export function hundredths(min: number, max: number, must: string): (text: string) => Read<number> {
  return (text) => {
    if (SEPARATED.test(text)) return { reason: separated };
    const value = parseHundredths(text);
    return value === null || value < min || value > max ? { reason: must } : { value };
  };
}

const SEPARATED = /^-?\d[\d,]*,[\d,]*\d(?:\.\d+)?$/;
const separated = 'has thousands separators: write 1250.00';

/** A price above zero, still as it is written: the row's exchange says how many decimals it may have (`priceAt`). */
export function priceText(text: string): Read<string> {
  if (SEPARATED.test(text)) return { reason: separated };
  const value = parseMinor(text, { minorDigits: mostPriceDigits });
  if (value !== null && value > 0 && value <= 99_999_999_999_999) return { value: text };
  return { reason: `must be a positive amount with at most ${digitsText(mostPriceDigits)} decimals, such as 1250.00` };
}

/** The same in price units of the exchange. */
export function priceAt(exchange: string, text: string): Read<number> {
  const value = parsePrice(text, exchange);
  return value === null ? { reason: priceRule(exchange) } : { value };
}

/** Money above zero, in paise; at most 999999999999.99, so that every product stays exact. */
export const amount = hundredths(
  1,
  99_999_999_999_999,
  'must be a positive amount with at most two decimals, such as 1250.00',
);

/** A share of the whole in basis points: above 0, up to 100 %. */
export const percentage = hundredths(1, 10_000, 'must be a percentage above 0 and up to 100, at most two decimals');

/** A whole number within its bounds. */
export function whole(min: number, max: number): (text: string) => Read<number> {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : -1;
    return value < min || value > max ? { reason: `must be a whole number from ${min} to ${max}` } : { value };
  };
}

/** A strict ISO date of the real calendar, from 1900 to 2099. */
export function isoDate(text: string): Read<string> {
  const midnight = /^(?:19|20)\d\d-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : new Date(Number.NaN);
  // Date rolls 02-30 over to 03-02: only a date that comes back as it went in is one.
  const real = !Number.isNaN(midnight.getTime()) && midnight.toISOString().slice(0, 10) === text;
  return real ? { value: text } : { reason: 'not a date (YYYY-MM-DD)' };
}

/** An instant with its offset, in milliseconds since the epoch. */
export function instant(text: string): Read<number> {
  const value = parseInstant(text);
  return value === null
    ? { reason: 'must be an instant with its offset, such as 2025-08-28T15:00:00+05:30' }
    : { value };
}

/** One of a few words, exactly as written. */
export function oneOf<const W extends string>(noun: string, values: readonly W[]): (text: string) => Read<W> {
  return (text) => {
    const value = values.find((word) => word === text);
    return value === undefined ? { reason: `unknown ${noun}: write ${values.join(' or ')}` } : { value };
  };
}

/** A symbol, still as it is written: the row's exchange says how it is read. */
export function symbolText(text: string): Read<string> {
  return /^[\x21-\x3e\x40-\x7e]+$/.test(text) ? { value: text } : { reason: symbolRule };
}

/** An exchange runs are made at, as its market's first code: NASDAQ is US. */
export const exchange = exchangeOf(exchangesWithRuns);

/** One of these exchanges, each the first code of its market, under any code of it. */
export function exchangeOf(exchanges: readonly string[]): (text: string) => Read<string> {
  const oneOfThem = oneOf('exchange', exchanges);
  return (text) => oneOfThem(exchangesByCode.get(text) ?? text);
}

/**
 * Words for people on one line: spaces and line breaks collapsed, 1 to `most` characters. Control characters and
 * direction overrides are refused: they would rewrite the terminal or message the text is printed in.
 */
export function plainText(maxLength: number): (text: string) => Read<string> {
  return (text) => {
    const value = text.replace(/\s+/gu, ' ').trim();
    if (value === '') return { reason: 'is empty' };
    if (/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(value)) return { reason: 'has control characters' };
    return value.length > maxLength ? { reason: `is longer than ${maxLength} characters` } : { value };
  };
}
