import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { readFaults } from '../../src/adapters/files/faults-file.ts';
import { readInstruments } from '../../src/adapters/files/instruments-file.ts';
import { readPrices } from '../../src/adapters/files/prices-file.ts';
import { readSignals } from '../../src/adapters/files/signals-file.ts';
import type { FileResult } from '../../src/adapters/files/source.ts';
import { readUsers } from '../../src/adapters/files/users-file.ts';
import type { Store } from '../../src/ports/store/store.ts';
import { storeOf } from '../stages/support/run-day.ts';
import { nowMs, tradeDate } from '../support/builders.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { tester } from '../support/tester.ts';
import { mutated, oddBytes, oddText } from './odd-values.ts';
import { counter, type Target } from './target.ts';

interface Kind {
  /** A good file: a header, and rows that are each good. */
  header: string;
  rows: string[];
  read(path: string): FileResult<{ symbol?: string; name?: string }>;
  /** Writes what was read, as `import` does. */
  write(store: Store, rows: never[]): Promise<unknown>;
}

const source = 'import:fuzz.csv';
const by = tester;

const kinds: Readonly<Record<string, Kind>> = {
  signals: {
    header: 'trade_date,rank,strategy,symbol,exchange,side,reference_price,stop_loss,target',
    rows: ['TITAN', 'INFY', 'ITC'].map(
      (symbol) => `${tradeDate},1,breakout-20d,${symbol},NSE,BUY,3560.00,3500.00,3700.50`,
    ),
    read: readSignals,
    write: (store, signals) => store.call('import_signals', { by, signals, source }),
  },
  users: {
    header: 'name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue',
    rows: ['Asha Rao', 'Ravi', 'प्रीति शर्मा'].map((name) => `${name},+919812345678,100000.00,20,5,10,2.5,100,paper`),
    read: (file) => readUsers(file, ['paper', 'kite']),
    write: (store, users) => store.call('import_users', { by, users, mode: 'paper', source, nowMs }),
  },
  prices: {
    header: 'date,symbol,open,high,low,close,volume',
    rows: ['TITAN', 'INFY', 'ITC'].map((symbol) => `${tradeDate},${symbol},3564.80,3570.00,3550.00,3560.00,100000`),
    read: readPrices,
    write: (store, prices) => store.call('import_prices', { by, prices }),
  },
  instruments: {
    header: 'exchange,symbol,isin,name,tick_size,lot_size,freeze_quantity,fno',
    rows: ['TITAN', 'INFY', 'ITC'].map((symbol) => `NSE,${symbol},INE280A01028,${symbol} Limited,0.10,1,100000,true`),
    read: readInstruments,
    write: (store, instruments) => store.call('import_instruments', { by, instruments }),
  },
};

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const oddCell = fc.oneof(
  oddText,
  oddText.map(quoted),
  fc.constantFrom('"', '""', '"open', 'close"', '\n', '\r', ',', '-1', '1e5', '99999999999999999999'),
);

/** A good file with one odd row beside two good ones, or an odd header. */
const oddTable = fc.record({
  kind: fc.constantFrom(...Object.keys(kinds)),
  where: fc.constantFrom('cell', 'cell', 'cell', 'row', 'header'),
  column: fc.nat({ max: 8 }),
  cell: oddCell,
});
const oddFaults = oddBytes(
  mutated([{ user: 'Asha Rao', symbol: 'TITAN', fault: 'partial', message: 'no', delayMs: 30_000, quantity: 3 }]),
);

/** Feeds every kind of file, and writes what is read of it to the database, as an import does. */
export async function filesTarget(database: TestDatabase): Promise<Target> {
  const store = storeOf(database);
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  const path = join(folder, 'fuzz.csv');
  const { fed, count } = counter();
  const tables = oddTable.chain((table) => oddBytes(fc.constant(textOf(table))).map((bytes) => ({ table, bytes })));
  const property = fc.asyncProperty(
    fc.oneof(
      { weight: 4, arbitrary: tables },
      { weight: 1, arbitrary: oddFaults.map((bytes) => ({ table: null, bytes })) },
    ),
    async ({ table, bytes }) => {
      writeFileSync(path, bytes);
      count(table === null ? 'faults' : `${table.kind} ${table.where}`);
      if (table === null) await takeFaults(store, path);
      else await takeTable(store, path, table, bytes);
    },
  );
  const close = async () => rmSync(folder, { recursive: true });
  return { name: 'files', property, fed, close };
}

type OddTable = typeof oddTable extends fc.Arbitrary<infer Table> ? Table : never;

function kindOf({ kind }: OddTable): Kind {
  const found = kinds[kind];
  if (!found) throw new Error(`there is no kind of file ${kind}`);
  return found;
}

function textOf(table: OddTable): string {
  const { header, rows } = kindOf(table);
  const [first = '', second = '', third = ''] = rows;
  const { where, column, cell } = table;
  if (where === 'header')
    return [
      header
        .split(',')
        .with(column % header.split(',').length, cell)
        .join(','),
      ...rows,
    ].join('\n');
  const cells = second.split(',');
  const odd = where === 'row' ? cell : cells.with(column % cells.length, cell).join(',');
  return [header, first, odd, third, ''].join('\n');
}

async function takeTable(store: Store, path: string, table: OddTable, bytes: Uint8Array): Promise<void> {
  const kind = kindOf(table);
  const read = kind.read(path);
  assertBounded(read);
  if (read.kind === 'unusable') return;
  await kind.write(store, read.rows as never[]);
  // A quote that is opened may swallow what follows it, and bytes may be odd anywhere: else both neighbours are there.
  const isPlain = table.where !== 'header' && !table.cell.includes('"') && Buffer.from(textOf(table)).equals(bytes);
  const names = read.rows.map(({ symbol, name }) => symbol ?? name);
  if (isPlain)
    assert.ok(
      goodNames(table).every((name) => names.includes(name)),
      `read ${names.join(', ')}`,
    );
}

function goodNames({ kind }: OddTable): string[] {
  return kind === 'users' ? ['Asha Rao', 'प्रीति शर्मा'] : ['TITAN', 'ITC'];
}

async function takeFaults(store: Store, path: string): Promise<void> {
  const read = readFaults(path);
  assertBounded(read);
  if (read.kind === 'unusable') return;
  const faults = read.rows.map(({ user, ...fault }) => ({ ...fault, userId: user ?? null }));
  await store.call('paper_venue_prepare', { tradeDate, quotes: [], faults });
}

function assertBounded(read: FileResult<unknown>): void {
  const texts = read.kind === 'unusable' ? [read.message] : read.warnings;
  for (const text of texts)
    assert.ok(text.length < 2_000 && text.isWellFormed(), `a message of ${text.length} characters`);
  for (const { reason, value } of read.problems) {
    assert.ok(reason.length <= 300 && (value ?? '').length <= 100, `a problem of ${reason.length} characters`);
  }
}
