// Reads files of instruments and of restricted ones, our own form or Kite’s dump.
import { z } from 'zod';
import { INR, isCurrency, unknownCurrency } from '../../domain/currency.ts';
import { listedSymbol } from '../../domain/market/symbols.ts';
import type { ListedInstrument } from '../../domain/types.ts';
import { amount, cell, emptyAs, exchange, plainText, type Read, whole } from './csv/cells.ts';
import { parseTable, type Table } from './csv/table.ts';
import { dumpOf, dumpTable } from './kite-dump.ts';
import { type FileResult, readBytes } from './source.ts';

/** ISO 6166: two letters, nine letters or digits, a check digit. */
function isin(text: string): Read<string> {
  return /^[A-Z]{2}[A-Z0-9]{9}\d$/.test(text)
    ? { value: text }
    : { reason: 'must be an ISIN of 12 characters, or empty' };
}

function yesOrNo(text: string): Read<boolean> {
  if (/^(?:true|1|yes)$/i.test(text)) return { value: true };
  if (/^(?:false|0|no)$/i.test(text)) return { value: false };
  return { reason: 'must be true or false' };
}

const columns = z.object({
  exchange: cell(exchange),
  symbol: cell(listedSymbol),
  isin: cell(emptyAs(null, isin)),
  name: cell(plainText(200)),
  tick_size: cell(amount),
  lot_size: cell(whole(1, 1_000_000_000)),
  freeze_quantity: cell(emptyAs(null, whole(1, 1_000_000_000_000))),
  fno: cell(yesOrNo),
});

/** What this version trades is in rupees and whole shares; a file may say so. */
function fixed(value: string, why: string): (text: string) => Read<string> {
  return (text) => (text === value || text === '' ? { value } : { reason: `must be ${value}: ${why}` });
}

function rupeesOnly(text: string): Read<string> {
  if (text !== '' && !isCurrency(text)) return { reason: unknownCurrency };
  return fixed(INR.code, 'this version trades in rupees only')(text);
}

const optional = z.object({
  restricted: cell(emptyAs(null, plainText(200))).optional(),
  currency: cell(rupeesOnly).optional(),
  quantity_scale: cell(fixed('0', 'this version trades whole shares only')).optional(),
  price_scale: cell(fixed('2', 'prices are in paise in this version')).optional(),
});

const schema = columns.extend(optional.shape).transform(
  (row): ListedInstrument => ({
    exchange: row.exchange,
    symbol: row.symbol,
    isin: row.isin,
    name: row.name,
    tickMinor: row.tick_size,
    lotSize: row.lot_size,
    freezeQuantity: row.freeze_quantity,
    fno: row.fno,
    restricted: row.restricted ?? null,
  }),
);

/** What an instruments file holds. */
export const instrumentsTable: Table<ListedInstrument> = {
  noun: 'instruments',
  columns: Object.keys(columns.shape),
  optional: Object.keys(optional.shape),
  schema,
  keyOf: (instrument) => `${instrument.exchange}:${instrument.symbol}`,
  keyColumn: 'symbol',
};

/** The good rows of an instruments file, and what it says nothing of: that stays as it is. */
export type InstrumentsFile = FileResult<ListedInstrument> & {
  keeps: ('isin' | 'freezeQuantity' | 'fno' | 'restricted')[];
};

/** Reads an instruments file, or Kite's dump as it is; rows of a dump that are not due are counted in its warnings. */
export function readInstruments(file: string, source = readBytes(file)): InstrumentsFile {
  if (source.kind === 'unusable') return { ...source, keeps: [] };
  const [top = ''] = Buffer.from(source.bytes.subarray(0, 2_000)).toString('utf8').split(/\r?\n/);
  if (top.includes('instrument_token') && top.includes('tradingsymbol')) return readDump(file, source.bytes);
  const read = parseTable(file, source.bytes, instrumentsTable);
  return { ...read, keeps: /\brestricted\b/i.test(top) ? [] : ['restricted'] };
}

function readDump(file: string, bytes: Uint8Array): InstrumentsFile {
  const read = parseTable(file, bytes, dumpTable);
  if (read.kind === 'unusable') return { ...read, keeps: [] };
  const { instruments, notDue, saysWhoHasDerivatives } = dumpOf(read.rows);
  const counts = [...notDue].map(([why, count]) => `${count} ${why}`).join(', ');
  const warnings = counts === '' ? read.warnings : [...read.warnings, `${file}: not due are ${counts}`];
  const keeps: InstrumentsFile['keeps'] = ['isin', 'freezeQuantity', 'restricted'];
  if (instruments.length > 0) {
    const lines = read.lines.filter((_, at) => read.rows[at]?.kind === 'share');
    return { ...read, rows: instruments, lines, warnings, keeps: saysWhoHasDerivatives ? keeps : [...keeps, 'fno'] };
  }
  const message = `${file} has no share of the NSE: ${counts}. Give the dump of the NSE, or the whole one, and run again.`;
  return { kind: 'unusable', code: 'no_good_row', message, problems: read.problems, keeps };
}

const restrictions = z.object({
  exchange: cell(exchange),
  symbol: cell(listedSymbol),
  restricted: cell(plainText(200)),
});

/** One instrument nobody may enter, and why. */
export type Restriction = z.output<typeof restrictions>;

/** What a restrictions file holds. */
export const restrictionsTable: Table<Restriction> = {
  noun: 'restrictions',
  columns: Object.keys(restrictions.shape),
  schema: restrictions,
  keyOf: (row) => `${row.exchange}:${row.symbol}`,
  keyColumn: 'symbol',
  mayBeEmpty: true,
};

/** Reads the list of everything that is restricted on a day (T2T, ASM and GSM, ban list); it may be empty. */
export function readRestrictions(file: string, source = readBytes(file)): FileResult<Restriction> {
  return source.kind === 'unusable' ? source : parseTable(file, source.bytes, restrictionsTable);
}
