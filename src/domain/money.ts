// Exact arithmetic and formats of money: integers in the minor unit, never floats.
import type { Currency } from './currency.ts';

/** Multiply and divide without leaving the integers: ⌊a·b/c⌋, exact for any size of the product. */
export function mulDivFloor(a: number, b: number, c: number): number {
  return safe((BigInt(a) * BigInt(b)) / BigInt(c));
}

/** ⌈a·b/c⌉ for non-negative a·b and positive c, exact for any size of the product. */
export function mulDivCeil(a: number, b: number, c: number): number {
  const divisor = BigInt(c);
  return safe((BigInt(a) * BigInt(b) + divisor - 1n) / divisor);
}

/** The largest amount everybody who reads JSON has alike: 2^53 - 1 minor units. */
export const LARGEST_MINOR = Number.MAX_SAFE_INTEGER;

/** The dearest price a file can name, 999999999999.99. What a source gives beyond it is a broken answer. */
export const LARGEST_PRICE_MINOR = 99_999_999_999_999;

/** What one of `quantity` comes to, rounded half up to the minor unit; exact for any total. */
export function perUnit(totalMinor: number, quantity: number): number {
  const twice = 2n * BigInt(quantity);
  return safe((2n * BigInt(totalMinor) - BigInt(quantity) + twice - 1n) / twice);
}

/** A bigint as a number, or a RangeError where that would lose paise. */
export function safe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is beyond exact integers`);
  return number;
}

/**
 * A plain decimal ("3564.80", "-0.5") as minor units of its currency; null if it is none, has more decimals than the
 * currency, or is beyond exact integers.
 */
export function parseMinor(text: string, { minorDigits }: Digits): number | null {
  return parseDecimal(text, minorDigits);
}

/** Minor units as the contract's decimal string, with the currency's digits: 9981440 of INR → "99814.40". */
export function formatMinor(minor: number | bigint, { minorDigits }: Digits): string {
  return formatDecimal(minor, minorDigits);
}

/** A plain decimal with at most two decimals as hundredths: of a percent (basis points), of leverage, of a fixed column. */
export function parseHundredths(text: string): number | null {
  return parseDecimal(text, 2);
}

/** Hundredths as a decimal string: leverage 500 → "5.00", 325 basis points → "3.25". */
export function formatHundredths(hundredths: number | bigint): string {
  return formatDecimal(hundredths, 2);
}

type Digits = Pick<Currency, 'minorDigits'>;

function parseDecimal(text: string, digits: number): number | null {
  const match = /^(-?)(\d{1,12})(?:\.(\d+))?$/.exec(text);
  const [, sign, whole = '', decimals = ''] = match ?? [];
  if (!match || decimals.length > digits) return null;
  const units = Number(whole + decimals.padEnd(digits, '0'));
  if (!Number.isSafeInteger(units)) return null;
  return sign === '-' ? -units : units;
}

function formatDecimal(units: number | bigint, digits: number): string {
  const figures = String(units)
    .replace('-', '')
    .padStart(digits + 1, '0');
  return `${units < 0 ? '-' : ''}${figures.slice(0, -digits)}.${figures.slice(-digits)}`;
}
