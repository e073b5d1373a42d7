// Writes an amount in rupees as people in India do.
import { formatMinor } from '../money.ts';

/**
 * Paise as people in India read money: 10000000 → '₹1,00,000.00', -5 → '-₹0.05'. Grouped by hand (last three digits,
 * then pairs), so the text is the same under every ICU version. Throws RangeError for anything but whole, exact paise.
 */
export function formatRupees(minor: number | bigint): string {
  if (typeof minor === 'number' && !Number.isSafeInteger(minor))
    throw new RangeError(`${minor} is not a whole number of paise`);
  const [whole = '', decimals = ''] = formatMinor(minor).replace('-', '').split('.');
  return `${minor < 0 ? '-' : ''}₹${whole.replace(/\B(?=(?:\d\d)*\d{3}$)/g, ',')}.${decimals}`;
}
