// Reads a file of corporate actions: splits, bonuses and the like, by ex-date.
import { z } from 'zod';
import { type CorporateAction, corporateActionKinds } from '../../domain/market/corporate-actions.ts';
import type { SymbolReader } from '../../domain/market/symbols.ts';
import { cell, emptyAs, exchange, isoDate, oneOf, type Read } from './csv/cells.ts';
import type { Table } from './csv/table.ts';

/** Two whole numbers, as exchanges write them; the same bounds as the table's. */
function ratio(text: string): Read<string> {
  return /^[1-9]\d{0,4}:[1-9]\d{0,4}$/.test(text)
    ? { value: text }
    : { reason: 'must be two whole numbers such as 5:1, or empty' };
}

function schemaOf(readSymbol: SymbolReader) {
  return z
    .object({
      exchange: cell(exchange),
      symbol: cell(readSymbol),
      ex_date: cell(isoDate),
      kind: cell(oneOf('kind', corporateActionKinds)),
      ratio: cell(emptyAs(null, ratio)).optional(),
    })
    .transform(
      ({ ex_date: exDate, ratio: named = null, ...row }): CorporateAction => ({ ...row, exDate, ratio: named }),
    );
}

/** What a corporate-actions file holds: `exchange,symbol,ex_date,kind[,ratio]`, one row per action. */
export function corporateActionsTable(readSymbol: SymbolReader): Table<CorporateAction> {
  return {
    noun: 'corporate actions',
    columns: ['exchange', 'symbol', 'ex_date', 'kind'],
    optional: ['ratio'],
    schema: schemaOf(readSymbol),
    keyOf: ({ exchange: at, symbol, exDate, kind }) => `${at}:${symbol}:${exDate}:${kind}`,
    keyColumn: 'symbol',
  };
}
