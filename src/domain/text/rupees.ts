// Writes an amount in rupees as people in India do.
import { formatMinor } from '../money.ts';

/** The rupees before the point: a decimal fraction of the largest amounts would not be exact as a number. */
const rupees = new Intl.NumberFormat('en-IN', { style: 'currency', currency: 'INR', maximumFractionDigits: 0 });

/**
 * Paise as people in India read money: 10000000 → '₹1,00,000.00', -5 → '-₹0.05'. Throws RangeError for anything but whole,
 * exact paise.
 */
export function formatRupees(minor: number | bigint): string {
  if (typeof minor === 'number' && !Number.isSafeInteger(minor))
    throw new RangeError(`${minor} is not a whole number of paise`);
  const [whole = '', decimals = ''] = formatMinor(minor).replace('-', '').split('.');
  return `${minor < 0 ? '-' : ''}${rupees.format(BigInt(whole))}.${decimals}`;
}
