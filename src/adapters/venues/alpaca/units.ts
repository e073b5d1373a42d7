// Alpaca's decimals in the units of an instrument, exactly: pieces of a share, and prices with parts of a cent.
import type { OrderToSend, Scales } from '../../../ports/venue.ts';

/** A decimal is read in units of 10^-18. */
export const one = 10n ** 18n;
/** Quantities and money of more than 2^53 - 1 units are nobody's. */
const MAX_UNITS = BigInt(Number.MAX_SAFE_INTEGER);

/** The scales, with what is meant where one is left out: whole pieces, prices in cents. */
export function scalesOf({ quantityScale = 0, priceScale = 0 }: Scales): Required<Scales> {
  return { quantityScale, priceScale };
}

/** A decimal as an integer of 10^-`digits`, rounded; null: beyond what a number holds exactly. */
export function inUnits(decimal: bigint, digits: number, rounded: 'down' | 'up' | 'nearest'): number | null {
  return quotient(decimal * 10n ** BigInt(digits), one, rounded);
}

/** What a quantity of a price comes to, in cents: both in units of 10^-18. */
export function paidFor(quantity: bigint, price: bigint, rounded: 'down' | 'up'): number | null {
  return quotient(quantity * price * 100n, one * one, rounded);
}

function quotient(dividend: bigint, divisor: bigint, rounded: 'down' | 'up' | 'nearest'): number | null {
  const above = { down: 0n, up: divisor - 1n, nearest: divisor / 2n }[rounded];
  const shifted = dividend + above;
  // BigInt division goes towards zero; below zero that is up.
  const floor = shifted < 0n && shifted % divisor !== 0n ? shifted / divisor - 1n : shifted / divisor;
  return floor > MAX_UNITS || floor < -MAX_UNITS ? null : Number(floor);
}

/** A quantity in units of 10^-`scale` of a piece; null: it has parts of a unit, or is beyond what a number holds. */
export function piecesIn(quantity: bigint, scale: number): number | null {
  const exact = (quantity * 10n ** BigInt(scale)) % one === 0n;
  return exact ? inUnits(quantity, scale, 'down') : null;
}

/** An integer of 10^-`scale` as a decimal with at least so many decimals and no zeros behind them: 389620510 of 9 is `0.38962051`. */
export function decimalText(units: number, scale: number, minDecimals = 0): string {
  if (scale === 0) return String(units);
  const digits = String(units).padStart(scale + 1, '0');
  const decimals = digits.slice(-scale).replace(/0+$/, '').padEnd(minDecimals, '0');
  return decimals === '' ? digits.slice(0, -scale) : `${digits.slice(0, -scale)}.${decimals}`;
}

/**
 * What is wrong with the decimals of a limit price; null: nothing. From a dollar on a price is whole cents, below it has
 * four decimals at most (docs.alpaca.markets, sub-penny increments for limit orders; SEC Rule 612).
 */
export function subPennyFault(limitPrice: number, priceScale: number): string | null {
  const dollar = 10 ** (2 + priceScale);
  const decimals = limitPrice >= dollar ? 2 : 4;
  const step = 10 ** Math.max(0, 2 + priceScale - decimals);
  if (limitPrice % step === 0) return null;
  const text = decimalText(limitPrice, 2 + priceScale, 2);
  return `a limit price ${decimals === 2 ? 'of a dollar or more' : 'below a dollar'} has ${decimals} decimals at most: ${text}`;
}

/** A quantity's whole units of 10^-`scale` of a piece, and the part of one left over as text (`0.5` pieces); null: none is. */
export function quantityAndRest(quantity: bigint, scale: number): { quantity: number | null; rest: string | null } {
  const unit = one / 10n ** BigInt(scale);
  const left = quantity % unit;
  const digits = (left < 0n ? -left : left).toString().padStart(18, '0').replace(/0+$/, '');
  const rest = left === 0n ? null : `${left < 0n ? '-' : ''}0.${digits}`;
  return { quantity: inUnits(quantity - left, scale, 'down'), rest };
}

/** What an order costs at its limit, rounded up to the cent; null: beyond what a number holds exactly. */
export function worthAtLimit(order: OrderToSend): number | null {
  const { quantityScale, priceScale } = scalesOf(order);
  const value = BigInt(order.quantity) * BigInt(order.limitPriceMinor);
  return quotient(value, 10n ** BigInt(quantityScale + priceScale), 'up');
}
