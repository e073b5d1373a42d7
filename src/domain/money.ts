// Exact arithmetic and formats of money: integers in the minor unit, never floats.
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

/** A plain decimal ("3564.80", "-0.5") as minor units; null if it is none, or has more than two decimals. */
export function parseMinor(text: string): number | null {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,2}))?$/.exec(text);
  if (!match) return null;
  const [, sign, whole = '', decimals = ''] = match;
  const minor = Number(whole) * 100 + Number(decimals.padEnd(2, '0'));
  return sign === '-' ? -minor : minor;
}

/** Minor units as the contract's decimal string: 9981440 → "99814.40". */
export function formatMinor(minor: number | bigint): string {
  const digits = String(minor).replace('-', '').padStart(3, '0');
  return `${minor < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
