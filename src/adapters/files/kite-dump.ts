// Picks the NSE shares out of Kite’s daily dump of instruments, and which of them have derivatives.
import { z } from 'zod';
import { symbolPattern, symbolRule } from '../../domain/decision/signal-rules.ts';
import { foldedSymbol } from '../../domain/market/share.ts';
import type { ListedInstrument } from '../../domain/types.ts';
import { amount, cell, emptyAs, plainText, type Read, whole } from './csv/cells.ts';
import type { Table } from './csv/table.ts';

/**
 * Kite's list of everything it trades, as it is published each morning: https://kite.trade/docs/connect/v3/market-quotes
 * (GET https://api.kite.trade/instruments, without a login). A share in another series has it behind its symbol.
 */
type DumpRow =
  | { key: string; kind: 'share'; instrument: Omit<ListedInstrument, 'fno'> }
  /** A future or option: its underlying has derivatives. */
  | { key: string; kind: 'derivative'; of: string; exchange: string }
  | { key: string; kind: 'not_due'; why: string };

/** What a dump gives, and what in it is none of ours, counted by what it is. */
interface Dump {
  instruments: ListedInstrument[];
  notDue: ReadonlyMap<string, number>;
  /** Without rows of derivatives a dump says nothing of who has them. */
  saysWhoHasDerivatives: boolean;
}

/** Its columns. */
const dumpColumns: readonly string[] = [
  ...['instrument_token', 'exchange_token', 'tradingsymbol', 'name', 'last_price', 'expiry', 'strike'],
  ...['tick_size', 'lot_size', 'instrument_type', 'segment', 'exchange'],
];

/**
 * Series of shares that are bought and sold one by one; https://www.nseindia.com/market-data/legend-of-series. Block
 * deals (BL, IL) and settlement on the same day (T0) are other markets of the same share.
 */
const OTHER_MARKETS = /-(BL|IL|T0)$/;
const SERIES = /-[A-Z0-9]{2}$/;
/** TITAN25AUGFUT, BANKNIFTY18JAN23500CE, and of weekly ones NIFTY25O0725000CE. */
const DERIVATIVE = /^(.+?)\d{2}(?:[A-Z]{3}|[1-9OND]\d{2})(?:FUT|\d+(?:\.\d+)?(?:CE|PE))$/;

const text = cell((value): Read<string> => ({ value }));
const share = z.object({
  tradingsymbol: cell((value): Read<string> => {
    return symbolPattern.test(value) ? { value } : { reason: symbolRule };
  }),
  name: cell(emptyAs('', plainText(200))),
  tick_size: cell(tick),
  lot_size: cell(whole(1, 1_000_000_000)),
});

/** A dump writes 0.05 also as 0.050000. */
function tick(value: string): Read<number> {
  return amount(value.replace(/^(\d+\.\d{2})0+$/, '$1'));
}

const cells = z.object(Object.fromEntries(dumpColumns.map((column) => [column, text])));

const schema = cells.transform((row, context): DumpRow => {
  const { exchange = '', tradingsymbol = '', instrument_type: type = '', segment = '', name = '' } = row;
  const key = `${exchange}:${tradingsymbol}`;
  if (exchange === 'NFO' || exchange === 'BFO') {
    return { key, kind: 'derivative', of: name || (DERIVATIVE.exec(tradingsymbol)?.[1] ?? ''), exchange };
  }
  const why = notDue({ exchange, tradingsymbol, type, segment });
  if (why !== null) return { key, kind: 'not_due', why };
  const read = share.safeParse(row);
  if (!read.success) {
    for (const { path, message } of read.error.issues) {
      context.issues.push({ code: 'custom', path, message, input: row });
    }
    return z.NEVER;
  }
  const { tradingsymbol: symbol, tick_size: tickMinor, lot_size: lotSize } = read.data;
  const listed = { exchange, symbol, name: read.data.name || symbol, tickMinor, lotSize };
  return { key, kind: 'share', instrument: { ...listed, isin: null, freezeQuantity: null, restricted: null } };
});

function notDue(row: { exchange: string; tradingsymbol: string; type: string; segment: string }): string | null {
  const { exchange, tradingsymbol, type, segment } = row;
  if (exchange !== 'NSE') return `of ${exchange === '' ? 'no exchange' : exchange}`;
  if (segment === 'INDICES') return 'indices';
  if (type !== 'EQ') return `of type ${type}`;
  if (OTHER_MARKETS.test(tradingsymbol)) return 'of block deals and other markets';
  const isShare = foldedSymbol({ exchange, symbol: tradingsymbol }) !== tradingsymbol || !SERIES.test(tradingsymbol);
  return isShare ? null : 'bonds and other series that are no shares';
}

export const dumpTable: Table<DumpRow> = {
  noun: 'instruments',
  columns: dumpColumns,
  schema,
  keyOf: ({ key }) => key,
  keyColumn: 'tradingsymbol',
};

/** The instruments of a dump, each with whether it has derivatives. */
export function dumpOf(rows: readonly DumpRow[]): Dump {
  const notDue = new Map<string, number>();
  const underlying = new Set<string>();
  for (const row of rows) {
    if (row.kind === 'share') continue;
    const why = row.kind === 'not_due' ? row.why : `of ${row.exchange}`;
    notDue.set(why, (notDue.get(why) ?? 0) + 1);
    if (row.kind === 'derivative') underlying.add(row.of);
  }
  const instruments = rows.flatMap((row) => {
    if (row.kind !== 'share') return [];
    return [{ ...row.instrument, fno: underlying.has(foldedSymbol(row.instrument)) }];
  });
  return { instruments, notDue, saysWhoHasDerivatives: underlying.size > 0 };
}
