// The currencies money can be in: code, digits and whether Intl knows them.

/**
 * A currency: its code, and how many decimals its minor unit has. An amount is an integer of minor units (`…Minor`); amounts
 * of two currencies never meet in a sum.
 */
export interface Currency<Code extends CurrencyCode = CurrencyCode> {
  readonly code: Code;
  /** 2: the minor unit is a hundredth (paise, cents); 9: a billionth (lamports). */
  readonly minorDigits: number;
  /** Whether the code is one of ISO 4217: Intl has a sign for it. */
  readonly iso: boolean;
}

export const currencyCodes = ['INR', 'USD', 'USDC', 'SOL'] as const;
export type CurrencyCode = (typeof currencyCodes)[number];

/**
 * Every currency there is. INR and USD: ISO 4217 (list one, minor unit 2). USDC and SOL are tokens of Solana: their
 * decimals are those of their mints (EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v has 6, a SOL is 10^9 lamports).
 */
export const currencies: { readonly [Code in CurrencyCode]: Currency<Code> } = {
  INR: { code: 'INR', minorDigits: 2, iso: true },
  USD: { code: 'USD', minorDigits: 2, iso: true },
  USDC: { code: 'USDC', minorDigits: 6, iso: false },
  SOL: { code: 'SOL', minorDigits: 9, iso: false },
};

/** Rupees: what everything is in where nothing else is said. */
export const { INR } = currencies;

/** Whether money can be in it; codes are written in capitals. */
export function isCurrency(code: string): code is CurrencyCode {
  return Object.hasOwn(currencies, code);
}

/** What stands against a code that is none of ours, as the end of a sentence. */
export const unknownCurrency = `is none of the currencies there are: ${currencyCodes.join(', ')}`;
