// Writes an amount of money as the people of its currency do.
import type { Currency, CurrencyCode } from '../currency.ts';
import { formatMinor } from '../money.ts';

/**
 * The whole units of each currency, before the point: a decimal fraction of the largest amounts would not be exact as a
 * number. Groups and signs are the currency's (₹1,00,000 and $100,000), in every language we write: so no figure reads
 * otherwise in a Hindi message than in its English one.
 */
const wholes: ReadonlyMap<CurrencyCode, Intl.NumberFormat> = new Map([
  ['INR', new Intl.NumberFormat('en-IN', { style: 'currency', currency: 'INR', maximumFractionDigits: 0 })],
  ['USD', new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD', maximumFractionDigits: 0 })],
]);

/** For what Intl has no sign for, a token: its figure, then its code. */
const figures = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/**
 * Minor units as people read them: 10000000 of INR → '₹1,00,000.00', -5 of USD → '-$0.05', 1500000 of USDC →
 * '1.500000 USDC'. Throws RangeError for anything but whole, exact minor units.
 */
export function formatMoney(minor: number | bigint, currency: Currency): string {
  if (typeof minor === 'number' && !Number.isSafeInteger(minor))
    throw new RangeError(`${minor} is not a whole number of minor units`);
  const [whole = '', decimals = ''] = formatMinor(minor, currency).replace('-', '').split('.');
  const sign = minor < 0 ? '-' : '';
  const format = wholes.get(currency.code);
  if (!format) return `${sign}${figures.format(BigInt(whole))}.${decimals} ${currency.code}`;
  return `${sign}${format.format(BigInt(whole))}.${decimals}`;
}
