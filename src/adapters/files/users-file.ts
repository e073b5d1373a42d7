// Reads a file of users with their settings, and never shows a phone number of it.
import { z } from 'zod';
import { type CurrencyCode, currencies, INR } from '../../domain/currency.ts';
import { isBeyondSizing } from '../../domain/decision/sizing.ts';
import { userIdOf } from '../../domain/ids.ts';
import { formatMinor, LARGEST_MINOR } from '../../domain/money.ts';
import type { UserSettings } from '../../domain/types.ts';
import { amount, cell, emptyAs, hundredths, oneOf, percentage, plainText, type Read, whole } from './csv/cells.ts';
import { readTable, type Table } from './csv/table.ts';
import type { FileResult } from './source.ts';

/** E.164 (ITU-T): + and 7 to 15 digits, no leading zero. */
function phone(text: string): Read<string> {
  return /^\+[1-9]\d{6,14}$/.test(text)
    ? { value: text }
    : { reason: 'must be an E.164 number (+, country code and number, only digits) or empty' };
}

const columnsFor = (venues: readonly string[]) => ({
  name: cell(plainText(100)),
  whatsapp: cell(emptyAs(null, phone)),
  capital: cell(amount),
  allocation_pct: cell(percentage),
  leverage: cell(emptyAs(100, hundredths(100, 10_000, 'must be from 1 to 100 with at most two decimals'))),
  max_open_positions: cell(emptyAs(null, whole(1, 1_000_000))),
  daily_loss_limit_pct: cell(emptyAs(null, percentage)),
  priority: cell(emptyAs(100, whole(1, 1_000_000))),
  venue: cell(emptyAs('paper', oneOf('venue', venues))),
});

/** An id an operator gives: as a derived one looks, or as a book of clients has them. */
function clientId(text: string): Read<string> {
  return /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]{0,79}$/u.test(text)
    ? { value: text.normalize('NFKC') }
    : { reason: 'must be 1 to 80 letters, digits, . _ or -, or empty' };
}

/** What a user's account may be in: every currency of this list has the two decimals that a file's amounts have. */
const ofAccounts = Object.values(currencies)
  .filter(({ iso }) => iso)
  .map(({ code }) => code);

/** A file may leave these out: then it says nothing of them, and what stands stays. An empty cell is no limit. */
const optional = {
  client_id: cell(emptyAs(null, clientId)).optional(),
  max_orders_per_day: cell(emptyAs(null, whole(0, 1_000_000))).optional(),
  max_order_value: cell(emptyAs(null, amount)).optional(),
  currency: cell(emptyAs<CurrencyCode, CurrencyCode>(INR.code, oneOf('currency', ofAccounts))).optional(),
};

type Row = z.infer<z.ZodObject<ReturnType<typeof columnsFor> & typeof optional>>;

/** An order these settings make must be one that can be computed exactly. */
function bounded(row: Row, context: z.RefinementCtx): void {
  const { capital: capitalMinor, allocation_pct: allocationBps, leverage: leverageCenti } = row;
  if (!isBeyondSizing({ capitalMinor, allocationBps, leverageCenti })) return;
  const message = `capital × allocation × leverage may be at most ${formatMinor(LARGEST_MINOR, currencies[row.currency ?? INR.code])}, the largest order that can be computed exactly: lower one of them`;
  context.addIssue({ code: 'custom', path: ['capital'], message });
}

function settingsOf(row: Row): UserSettings {
  return {
    id: row.client_id ?? userIdOf(row.name),
    name: row.name,
    whatsapp: row.whatsapp,
    capitalMinor: row.capital,
    allocationBps: row.allocation_pct,
    leverageCenti: row.leverage,
    maxOpenPositions: row.max_open_positions,
    dailyLossLimitBps: row.daily_loss_limit_pct,
    priority: row.priority,
    venue: row.venue,
    ...(row.max_orders_per_day === undefined ? {} : { maxOrdersPerDay: row.max_orders_per_day }),
    ...(row.max_order_value === undefined ? {} : { maxOrderValueMinor: row.max_order_value }),
    ...(row.currency === undefined ? {} : { currency: row.currency }),
  };
}

/** What may be a phone number, wherever a broken row or a shifted column puts it, keeps only its last two digits. */
function maskPhones(value: string, field: string | null): string {
  if (field === 'whatsapp') return allButLastTwo(value);
  const like =
    field === null
      ? /\p{Nd}(?:[ ().-]{0,2}\p{Nd}){6,}/gu
      : /\+\p{Nd}[\p{Nd} ().-]{5,}|\p{Nd}(?:[ ()-]{0,2}\p{Nd}){9,}/gu;
  return value.replace(like, allButLastTwo);
}

function allButLastTwo(digits: string): string {
  return digits.replace(/\p{Nd}(?=(?:\P{Nd}*\p{Nd}){2})/gu, '*');
}

/** What a users file holds, whose users may be at these venues; its problems never show a phone number. */
export function usersTable(venues: readonly string[]): Table<UserSettings> {
  const columns = columnsFor(venues);
  return {
    noun: 'users',
    columns: Object.keys(columns),
    optional: Object.keys(optional),
    schema: z
      .object({ ...columns, ...optional })
      .superRefine(bounded)
      .transform(settingsOf),
    keyOf: ({ id, currency = INR.code }) => `${id} ${currency}`,
    keyColumn: 'name',
    mask: maskPhones,
  };
}

/** Reads a users file. Its problems never show a phone number. */
export function readUsers(file: string, venues: readonly string[]): FileResult<UserSettings> {
  return readTable(file, usersTable(venues));
}
