// Money, counts, durations and labels as a person reads them.

import type { Currency } from '../domain/currency.ts';
import { humanDate, parseTradeDate } from '../domain/market/india-time.ts';
import { marketOf } from '../domain/market/market.ts';
import { parseMinor } from '../domain/money.ts';
import { formatMoney } from '../domain/text/money-text.ts';
import type { Problem } from '../domain/types.ts';
import { fitted } from './width.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A decimal string of the report as money: '99814.40' of INR → '₹99,814.40'. One that is none comes back as it is. */
export function money(decimal: string, currency: Currency): string {
  const minor = parseMinor(decimal, currency);
  return minor === null ? fitted(decimal, 20) : formatMoney(minor, currency);
}

/** '1 order', '2 orders', '1,00,000 orders'. */
export function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

const indianGroups = new Intl.NumberFormat('en-IN', { signDisplay: 'negative' });

/** A count the Indian way: 100000 → '1,00,000'. */
export function grouped(count: number): string {
  return indianGroups.format(count);
}

/** Only the counts that are not 0: '7 filled, 1 rejected'; 'none' if all are. */
export function countsOf(counts: readonly (readonly [number, string])[]): string {
  const shown = counts.filter(([count]) => count > 0).map(([count, word]) => `${grouped(count)} ${word}`);
  return shown.length > 0 ? shown.join(', ') : 'none';
}

/** 412 → '412 ms', 3420 → '3.4 s', 125000 → '2 min 5 s', 7500000 → '2 h 5 min', 180000000 → '2 d 2 h'. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ${Math.floor((ms % HOUR_MS) / 60_000)} min`;
  return `${Math.floor(ms / DAY_MS)} d ${Math.floor((ms % DAY_MS) / HOUR_MS)} h`;
}

/** 'XNSE:2025-08-28:open' → 'NSE open, Thursday, 28 August 2025'; an id of another shape comes back as it is. */
export function sessionLabel(session: string): string {
  const [code = '', date = '', slot = ''] = session.split(':');
  if (parseTradeDate(date) === null) return fitted(session, 60);
  const found = marketOf(code);
  return fitted(`${found.kind === 'market' ? found.market.name : code} ${slot}, ${humanDate(date)}`, 60);
}

/** Where the database is, without the user and password an address may carry. */
export function databaseText(address: string): string {
  return fitted(address.replace(/^(?!file:)(\w+:\/\/).*@/, '$1').replace(/\?.*$/, ''), 100);
}

/** 'signals.csv line 4: reference_price must be … ("12,5")'. */
export function problemLine({ file, line, field, reason, value }: Problem): string {
  const what = field === null ? reason : `${field} ${reason}`;
  const shown = value === null ? '' : ` ("${fitted(value, 40)}")`;
  return `${fitted(file, 80)} line ${line}: ${fitted(what, 200)}${shown}`;
}

/** Where no prices were given and PAPER_PRICES=signal lets a paper run go on without. */
export const signalPriceText = 'at the signal’s own price: no prices were given';
