// What the exact amounts of sizing and charges are as numbers.
import { exactCharges } from '../../src/domain/decision/charges.ts';
import type { ChargeRate } from '../../src/domain/decision/inputs.ts';
import { exactHold } from '../../src/domain/decision/sizing.ts';
import { safe } from '../../src/domain/money.ts';
import type { Side } from '../../src/domain/types.ts';

/** What one leg of `valueMinor` turnover costs. */
export function chargesOn(valueMinor: number, rate: ChargeRate): number {
  return safe(exactCharges(BigInt(valueMinor), rate));
}

/** What accept sets aside for an order at its limit price, and the charges in it. */
export function holdFor(
  side: Side,
  quantity: number,
  limitPriceMinor: number,
  leverageCenti: number,
  rate: ChargeRate,
): { chargesMinor: number; holdMinor: number } {
  const { charges, hold } = exactHold(side, BigInt(quantity) * BigInt(limitPriceMinor), leverageCenti, rate);
  return { chargesMinor: safe(charges), holdMinor: safe(hold) };
}
