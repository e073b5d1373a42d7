// The kinds of files that can be imported, and how each one’s rows are written.
import { realClock } from '../../adapters/clock.ts';
import { corporateActionsTable } from '../../adapters/files/corporate-actions-file.ts';
import { parseTable, type Table } from '../../adapters/files/csv/table.ts';
import { readInstruments, readRestrictions } from '../../adapters/files/instruments-file.ts';
import { pricesTable } from '../../adapters/files/prices-file.ts';
import { signalsTable } from '../../adapters/files/signals-file.ts';
import { type FileResult, readBytes } from '../../adapters/files/source.ts';
import { usersTable } from '../../adapters/files/users-file.ts';
import { accountVenues } from '../../adapters/venues/module.ts';
import type { Config } from '../../config/config.ts';
import type { Actor } from '../../domain/actions.ts';
import { userIdOf } from '../../domain/ids.ts';
import { type SymbolReader, symbolReader, unsureReader } from '../../domain/market/symbols.ts';
import type { Problem, UserSettings } from '../../domain/types.ts';
import type { UsersPreview } from '../../ports/store/imports.ts';
import type { Store } from '../../ports/store/store.ts';
import { type Refusal, refusal } from '../refusal.ts';
import {
  agreed,
  changesOf,
  changesText,
  fieldsText,
  mistakable,
  numberChanges,
  type UserChanges,
} from './user-changes.ts';

const ROWS_BATCH_SIZE = 5000;
/** Enough of any file's columns to find its header by. */
const HEADER_COLUMNS = ['exchange', 'symbol', 'tradingsymbol', 'name', 'whatsapp', 'capital'];

/** What an import did, for people (`lines`) and programs (`details`). */
export interface ImportResult {
  imported: number;
  /** Rows that only the database could find wrong. */
  problems: Problem[];
  lines: string[];
  details: Record<string, unknown>;
}

/** A file that was read, and how its good rows are written. */
export interface Reading {
  file: FileResult<unknown>;
  /** Its bytes and columns, for the rows that are kept; null where it could not be read. */
  bytes: Uint8Array | null;
  columns: readonly string[];
  /** The same file as what is listed in a database says its symbols are to be read. */
  asListedIn(store: Store): Promise<Reading>;
  write(store: Store, by: Actor, yes: boolean): Promise<ImportResult | Refusal>;
}

type Importer = (path: string, config: Config) => Reading;

/** A kind of file with symbols in it: read twice, for only the database knows what is listed. */
function withSymbols<Row>(
  table: (read: SymbolReader) => Table<Row>,
  writeRows: (rows: Row[], to: { store: Store; source: string; by: Actor }) => Promise<unknown>,
): Importer {
  return (path) => {
    const source = readBytes(path);
    const bytes = source.kind === 'unusable' ? null : source.bytes;
    const reading = (readSymbol: SymbolReader): Reading => {
      const kind = table(readSymbol);
      const file = source.kind === 'unusable' ? source : parseTable(path, source.bytes, kind);
      return {
        file,
        bytes,
        columns: kind.columns,
        asListedIn: async (store) => reading(symbolReader(await store.call('read_listings', { symbols: null }))),
        async write(store, by) {
          const rows = file.kind === 'read' ? file.rows : [];
          for (const batch of batches(rows)) await writeRows(batch, { store, source: `import:${path}`, by });
          return importedRows(rows.length);
        },
      };
    };
    return reading(unsureReader);
  };
}

const instruments: Importer = (path) => {
  const source = readBytes(path);
  const file = readInstruments(path, source);
  return asIs(source, file, async (store, by) => {
    const rows = file.kind === 'read' ? file.rows : [];
    for (const batch of batches(rows)) {
      await store.call('import_instruments', { instruments: batch, keeps: file.keeps, by });
    }
    return importedRows(rows.length);
  });
};

const restrictions: Importer = (path) => {
  const source = readBytes(path);
  const file = readRestrictions(path, source);
  return asIs(source, file, async (store, by) => {
    const rows = file.kind === 'read' ? file.rows : [];
    // In one call: what is no longer in the list is free again.
    const { restricted, freed, unknown } = await store.call('import_restrictions', { restrictions: rows, by });
    const lines = [
      `${rows.length - unknown.length} restricted now; new or changed: ${named(restricted)}; free again: ${named(freed)}.`,
      ...(unknown.length === 0 ? [] : [`Not among the instruments, so without effect: ${named(unknown)}.`]),
    ];
    return { ...importedRows(rows.length), lines, details: { restricted, freed, unknown } };
  });
};

const users: Importer = (path, { mode, venues }) => {
  const source = readBytes(path);
  const file =
    source.kind === 'unusable' ? source : parseTable(path, source.bytes, usersTable(accountVenues(venues.modules)));
  const writing: Reading['write'] = async (store, by, yes) => {
    const read = file.kind === 'read' ? file : { rows: [], lines: [] };
    const preview = await previewed(store, read.rows, mode);
    const { wrong, problems } = mistakable(path, read.rows, read.lines, preview.known);
    const rows = read.rows.filter((user) => !wrong.has(user));
    const ids = new Set(rows.map(({ id }) => id));
    const changes = changesOf(rows, { ...preview, changes: preview.changes.filter(({ userId }) => ids.has(userId)) });
    const refused = yes ? null : await confirmNumbers(changes);
    if (refused) return refused;
    const about = { mode, source: `import:${path}`, by };
    for (const batch of batches<UserSettings>(rows)) {
      await store.call('import_users', { users: batch, ...about, nowMs: realClock().nowMs() });
    }
    return { imported: rows.length, problems, lines: changesText(changes), details: { ...changes } };
  };
  return asIs(source, file, writing);
};

/** What the import would change, and who has an id that a name of the file would mean. */
async function previewed(store: Store, rows: readonly UserSettings[], mode: string): Promise<UsersPreview> {
  const all: UsersPreview = { known: [], changes: [] };
  for (const batch of batches(rows)) {
    const names = batch.map(({ name }) => userIdOf(name));
    const { known, changes } = await store.call('preview_users', { users: batch, names, mode });
    all.known.push(...known);
    all.changes.push(...changes);
  }
  return all;
}

/** Whoever gets a message at another number than before has to be meant. */
async function confirmNumbers(changes: UserChanges): Promise<Refusal | null> {
  const others = numberChanges(changes);
  if (others.length === 0) return null;
  const list = others.map((change) => `  ${change.userId}: ${fieldsText(change)}`).join('\n');
  const whose = others.length === 1 ? 'of 1 user' : `of ${others.length} users`;
  const answer = await agreed(`The WhatsApp number ${whose} changes:\n${list}\nImport all of it?`);
  if (answer === true) return null;
  const how = answer === false ? '' : ' Check them, then run it again with --yes.';
  return refusal('number_changes', `The WhatsApp number ${whose} would change. Nothing was imported.${how}\n${list}`);
}

function asIs(source: ReturnType<typeof readBytes>, file: FileResult<unknown>, write: Reading['write']): Reading {
  const bytes = source.kind === 'unusable' ? null : source.bytes;
  const reading: Reading = { file, bytes, columns: HEADER_COLUMNS, asListedIn: async () => reading, write };
  return reading;
}

/** So many rows go to the database at once. */
export function batches<Row>(rows: readonly Row[]): Row[][] {
  const count = Math.ceil(rows.length / ROWS_BATCH_SIZE);
  return Array.from({ length: count }, (_, at) => rows.slice(at * ROWS_BATCH_SIZE, (at + 1) * ROWS_BATCH_SIZE));
}

function importedRows(imported: number): ImportResult {
  return { imported, problems: [], lines: [], details: {} };
}

/** Listings as a sentence has them; of many the first. */
export function named(listings: readonly string[]): string {
  const shown = listings.slice(0, 20).join(', ');
  return listings.length === 0 ? 'none' : listings.length > 20 ? `${shown} and ${listings.length - 20} more` : shown;
}

/** What can be imported, by name. */
export const importers: ReadonlyMap<string, Importer> = new Map([
  [
    'signals',
    withSymbols(signalsTable, (signals, { store, source, by }) => {
      return store.call('import_signals', { signals, source, by });
    }),
  ],
  ['users', users],
  ['prices', withSymbols(pricesTable, (prices, { store, by }) => store.call('import_prices', { prices, by }))],
  [
    'corporate-actions',
    withSymbols(corporateActionsTable, (actions, { store, by }) => {
      return store.call('import_corporate_actions', { actions, by });
    }),
  ],
  ['instruments', instruments],
  ['restrictions', restrictions],
]);
