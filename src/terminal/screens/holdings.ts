// The screen of npm run positions.
import type { Currency } from '../../domain/currency.ts';
import { currencyOfExchange } from '../../domain/market/session.ts';
import { perUnit } from '../../domain/money.ts';
import { formatMoney } from '../../domain/text/money-text.ts';
import type { HeldPosition } from '../../ports/store/money.ts';
import { duration, grouped } from '../format.ts';
import { type Cell, type Column, type Paint, table } from '../table.ts';
import { fitted } from '../width.ts';

const right = (title: string): Column => ({ title, align: 'right' });
const heads: Column[] = [
  { title: 'User' },
  { title: 'Symbol' },
  right('Shares'),
  right('Average cost'),
  right('Last price'),
  right('Age'),
  right('Value'),
  right('Profit'),
  { title: 'Margin', align: 'right', spare: true },
  { title: 'Account', spare: true },
];

/** What is held, a line per position: cost and last price per share, the price's age, profit against it. */
export function positionsText(rows: readonly HeldPosition[], nowMs: number, columns: number, paint: Paint): string {
  if (rows.length === 0) return 'Nothing is held.';
  return table(
    heads,
    rows.map((row) => rowOf(row, nowMs)),
    columns,
    paint,
  );
}

function rowOf(row: HeldPosition, nowMs: number): Cell[] {
  const { userName, symbol, quantity, costMinor, marginMinor, venue, mode } = row;
  const currency = currencyOfExchange(row.exchange);
  const value = positionValue(row);
  return [
    fitted(userName, 20),
    fitted(symbol, 24),
    grouped(quantity),
    formatMoney(perUnit(costMinor, quantity), currency),
    row.priceMinor === null ? 'none' : formatMoney(row.priceMinor, currency),
    row.pricedAtMs === null ? '' : duration(Math.max(0, nowMs - row.pricedAtMs)),
    value === null ? '' : formatMoney(value, currency),
    value === null ? '' : profitCell(value - BigInt(costMinor), currency),
    formatMoney(marginMinor, currency),
    `${venue}, ${mode}`,
  ];
}

/** At the last price; null where none is known. */
export function positionValue({ quantity, priceMinor }: Pick<HeldPosition, 'quantity' | 'priceMinor'>): bigint | null {
  return priceMinor === null ? null : BigInt(quantity) * BigInt(priceMinor);
}

export function profitCell(minor: number | bigint, currency: Currency): Cell {
  const text = `${minor > 0 ? '+' : ''}${formatMoney(minor, currency)}`;
  return Number(minor) === 0 ? text : { text, tone: minor > 0 ? 'good' : 'bad' };
}
