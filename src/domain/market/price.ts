// Reads and writes prices with the decimals of the exchange an instrument trades at.
import { formatMinor, LARGEST_PRICE_MINOR, parseMinor } from '../money.ts';
import { exchangesWithRuns } from './market.ts';
import { currencyOfExchange } from './session.ts';

/** How many decimals a price at an exchange has at most: those of its currency. */
function priceDigits(exchange: string): number {
  return currencyOfExchange(exchange).minorDigits;
}

/** The most decimals a price may have at any exchange runs are made at. */
export const mostPriceDigits = Math.max(...exchangesWithRuns.map(priceDigits));

/** A price ("3564.80") in price units of the exchange; null if it is none, not above 0, too long or too large. */
export function parsePrice(text: string, exchange: string): number | null {
  const price = parseMinor(text, { minorDigits: priceDigits(exchange) });
  return price !== null && price > 0 && price <= LARGEST_PRICE_MINOR ? price : null;
}

export function formatPrice(price: number | bigint, exchange: string): string {
  return formatMinor(price, { minorDigits: priceDigits(exchange) });
}

/** What a price at an exchange has to be, as the end of a sentence. */
export function priceRule(exchange: string): string {
  return `must be above 0 with at most ${digitsText(priceDigits(exchange))} decimals`;
}

const names: Readonly<Record<number, string>> = { 2: 'two', 4: 'four', 6: 'six', 9: 'nine' };

/** A number of decimals in words. */
export function digitsText(digits: number): string {
  return names[digits] ?? String(digits);
}
