import { z } from 'zod';
import { listedSymbol } from '../../domain/symbols.ts';
import type { Instrument } from '../../domain/words.ts';
import { amount, cell, emptyAs, exchange, type Read, whole, words } from './cells.ts';
import { readTable, type Table } from './csv.ts';
import type { FileResult } from './source.ts';

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
  name: cell(words(200)),
  tick_size: cell(amount),
  lot_size: cell(whole(1, 1_000_000_000)),
  freeze_quantity: cell(emptyAs(null, whole(1, 1_000_000_000_000))),
  fno: cell(yesOrNo),
});

const schema = columns.transform(
  (row): Instrument => ({
    exchange: row.exchange,
    symbol: row.symbol,
    isin: row.isin,
    name: row.name,
    tickMinor: row.tick_size,
    lotSize: row.lot_size,
    freezeQuantity: row.freeze_quantity,
    fno: row.fno,
    restricted: null,
  }),
);

const table: Table<Instrument> = {
  noun: 'instruments',
  columns: Object.keys(columns.shape),
  schema,
  keyOf: (instrument) => `${instrument.exchange}:${instrument.symbol}`,
  keyColumn: 'symbol',
};

/** Reads an instruments file. It knows no restrictions: those come from the venue's or the exchange's lists. */
export function readInstruments(file: string): FileResult<Instrument> {
  return readTable(file, table);
}
