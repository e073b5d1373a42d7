// Reads a file of the exchange’s holidays and special sessions, by whole years.
import { z } from 'zod';
import { isWeekend } from '../../domain/market/calendar.ts';
import { parseTime } from '../../domain/market/india-time.ts';
import { calendarOwner, type Market, type Mic, marketOf, markets } from '../../domain/market/market.ts';
import { cell, emptyAs, isoDate, oneOf, plainText, type Read } from './csv/cells.ts';
import { readTable, type Table } from './csv/table.ts';
import type { FileResult } from './source.ts';

/** A day of a year's list, with times `HH:MM` in its market's zone for one that trades. */
export interface ListedDay {
  mic: Mic;
  date: string;
  kind: 'open' | 'closed';
  name: string;
  openTime: string | null;
  closeTime: string | null;
}

function time(text: string): Read<string> {
  const value = parseTime(text);
  return value === null ? { reason: 'must be a time such as 09:15, or empty' } : { value: value.slice(0, 5) };
}

/** Those that own a calendar, by code: of several with one calendar the first. */
const owners = markets.filter((one) => calendarOwner(one) === one);

/** A market whose days can be listed. One that has another's calendar has no list of its own. */
function listedMarket(text: string): Read<Mic> {
  const found = marketOf(text);
  if (found.kind === 'unknown_market') {
    return {
      reason: `unknown market: write ${owners.map(({ exchanges, mic }) => [...new Set([exchanges[0], mic])].join(' or ')).join(', ')}`,
    };
  }
  const owner = calendarOwner(found.market);
  if (owner === found.market) return { value: found.market.mic };
  return { reason: `has the calendar of ${owner.name}: list the days of ${owner.name}` };
}

const columns = z.object({
  market: cell(listedMarket),
  date: cell(isoDate),
  kind: cell(oneOf('kind', ['closed', 'open'])),
  open: cell(emptyAs(null, time)),
  close: cell(emptyAs(null, time)),
  name: cell(plainText(100)),
});

const schema = columns.transform((row, context): ListedDay => {
  const { market: mic, date, name, kind, open, close } = row;
  const isOpen = kind === 'open';
  const invalid = (message: string) => {
    context.issues.push({ code: 'custom', path: ['open'], message, input: row });
    return z.NEVER;
  };
  if (!isOpen && (open !== null || close !== null))
    return invalid('a closed day has no hours: leave open and close empty');
  if (isOpen && (open === null || close === null)) {
    return invalid('an open day needs its hours: leave the row out until they are announced');
  }
  if (open !== null && close !== null && open >= close) return invalid('open must be before close');
  return { mic, date, kind: isOpen ? 'open' : 'closed', name, openTime: open, closeTime: close };
});

/** What a calendar file holds. */
export const calendarTable: Table<ListedDay> = {
  noun: 'calendar',
  columns: Object.keys(columns.shape),
  schema,
  keyOf: ({ mic, date }) => `${mic} ${date}`,
  keyColumn: 'date',
};

/** Reads the holidays and special sessions of one or more whole years. */
export function readCalendar(file: string): FileResult<ListedDay> {
  return readTable(file, calendarTable);
}

/** The years of a market's list that are not whole, for people; null: all of them are. */
export function partOfYear({ calendar, mic }: Market, days: readonly ListedDay[]): string | null {
  const own = days.filter((day) => day.mic === mic);
  for (const year of new Set(own.map(({ date }) => date.slice(0, 4)))) {
    const closed = own.filter(({ date, kind }) => {
      return date.startsWith(year) && kind === 'closed' && !isWeekend(calendar, date);
    });
    const least = calendar.minHolidays;
    if (closed.length < least) {
      return `has ${closed.length} weekdays of ${year} without trading, and a year has ${least} or more: give the whole list (single days: npm run calendar -- --date D)`;
    }
  }
  return null;
}
