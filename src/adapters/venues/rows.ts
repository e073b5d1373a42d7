// A venue's list is read row by row: one row nobody can read, or none of our kind, must not hide the others.
import { z } from 'zod';
import { untrustedText } from '../../domain/text/secrets.ts';
import { cut } from '../../domain/text/text.ts';
import type { OddRow } from '../../ports/venue.ts';

/** A row that does not have the shape, with what of it could be read, and why not: `opening_quantity: not a number`. */
export interface UnreadRow {
  row: Readonly<Record<string, unknown>>;
  why: string;
}

export interface Rows<T> {
  read: T[];
  unread: UnreadRow[];
}

/** A list whose rows have a shape; what is no list at all is unreadable as a whole. */
export function rowsOf<T>(shape: z.ZodType<T>): z.ZodType<Rows<T>> {
  return z.array(z.unknown()).transform((list) => {
    const rows: Rows<T> = { read: [], unread: [] };
    for (const row of list) {
      const one = shape.safeParse(row);
      if (one.success) rows.read.push(one.data);
      else rows.unread.push({ row: isRecord(row) ? row : {}, why: whyNot(one.error) });
    }
    return rows;
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first thing that is wrong, by the field's name and the kind of fault: never by the value. */
function whyNot({ issues: [first] }: z.ZodError): string {
  if (!first) return 'unreadable';
  if (first.code === 'custom') return untrustedText(first.message);
  const field = first.path.map(String).join('.') || 'row';
  return `${field}: ${first.code}`;
}

/** No name of a share, product or id is longer. */
const MAX_TEXT = 60;

/** A text of an unread row under a name; null where it is none. */
export function textOf({ row }: UnreadRow, name: string): string | null {
  const value = Object.hasOwn(row, name) ? row[name] : undefined;
  return typeof value === 'string' && value !== '' ? cut(value, MAX_TEXT) : null;
}

/** An unread row of orders or shares, as the port has it. `names`: the venue's own names of the fields. */
export function oddRowOf(
  unread: UnreadRow,
  names: { exchange: string; symbol: string; clientOrderId?: string; venueOrderId?: string },
): OddRow {
  const [exchange, symbol] = [textOf(unread, names.exchange), textOf(unread, names.symbol)];
  return {
    listing: exchange !== null && symbol !== null ? { exchange, symbol } : null,
    clientOrderId: names.clientOrderId === undefined ? null : textOf(unread, names.clientOrderId),
    venueOrderId: names.venueOrderId === undefined ? null : textOf(unread, names.venueOrderId),
    why: unread.why,
    unreadable: true,
  };
}
