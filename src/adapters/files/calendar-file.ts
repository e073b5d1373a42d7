// Reads a file of the exchange’s holidays and special sessions, by whole years.
import { z } from 'zod';
import { parseTime, weekdayOf } from '../../domain/market/india-time.ts';
import { cell, emptyAs, isoDate, oneOf, plainText, type Read } from './csv/cells.ts';
import { readTable, type Table } from './csv/table.ts';
import type { FileResult } from './source.ts';

/** A day of a year's list, with times `HH:MM` IST for one that trades. */
export interface ListedDay {
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

const columns = z.object({
  market: cell(oneOf('market', ['NSE', 'XNSE'])),
  date: cell(isoDate),
  kind: cell(oneOf('kind', ['closed', 'open'])),
  open: cell(emptyAs(null, time)),
  close: cell(emptyAs(null, time)),
  name: cell(plainText(100)),
});

const schema = columns.transform((row, context): ListedDay => {
  const { date, name, kind, open, close } = row;
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
  return { date, kind: isOpen ? 'open' : 'closed', name, openTime: open, closeTime: close };
});

/** What a calendar file holds. */
export const calendarTable: Table<ListedDay> = {
  noun: 'calendar',
  columns: Object.keys(columns.shape),
  schema,
  keyOf: ({ date }) => date,
  keyColumn: 'date',
};

/** Fewer weekdays than any year's list of the NSE has had without trading: what has fewer is a part of one. */
const MIN_HOLIDAYS = 8;

/** Reads the holidays and special sessions of one or more whole years. */
export function readCalendar(file: string): FileResult<ListedDay> {
  return readTable(file, calendarTable);
}

/** The years of a list that are not whole, for people; null: all of them are. */
export function partOfYear(days: readonly ListedDay[]): string | null {
  const years = [...new Set(days.map(({ date }) => date.slice(0, 4)))];
  for (const year of years) {
    const closed = days.filter(({ date, kind }) => {
      return date.startsWith(year) && kind === 'closed' && !/^S/.test(weekdayOf(date));
    });
    if (closed.length < MIN_HOLIDAYS) {
      return `has ${closed.length} weekdays of ${year} without trading, and a year has ${MIN_HOLIDAYS} or more: give the whole list (single days: npm run calendar -- --date D)`;
    }
  }
  return null;
}
