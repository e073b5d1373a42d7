// Stops and targets of signals as cells of a table.
import type { Currency } from '../domain/currency.ts';
import { formatMoney } from '../domain/text/money-text.ts';
import type { Cell } from './table.ts';

/** Stop and target of a signal: shown, not placed. */
export interface Exit {
  stopLossMinor?: number | null;
  targetMinor?: number | null;
}

/** By signal id. */
export type Exits = ReadonlyMap<string, Exit>;

export const noExits: Exits = new Map();

/** Stop and target as two cells; empty where the signal has none. */
export function exitCells(currency: Currency, { stopLossMinor = null, targetMinor = null }: Exit = {}): Cell[] {
  return [stopLossMinor, targetMinor].map((minor) => (minor === null ? '' : formatMoney(minor, currency)));
}
