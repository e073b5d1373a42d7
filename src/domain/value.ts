// What a quantity is worth at a price, in minor units: the only places where digits of money are lost.

/** Decimals of an instrument's quantities and prices, together: see `Instrument`. */
export function placesOf({ quantityScale, priceScale }: { quantityScale: number; priceScale: number }): number {
  return quantityScale + priceScale;
}

/**
 * What is paid or held for `quantity` (in 10^-quantityScale of a piece) at `price` (in 10^-priceScale of the minor unit
 * for a whole piece), both 0 or more: rounded up to the minor unit, exact for any size. `places`: quantityScale +
 * priceScale, 0 to 18. As core.value_up, a test compares the two.
 */
export function valueUp(quantity: bigint, price: bigint, places: number): bigint {
  const unit = 10n ** BigInt(places);
  return (quantity * price + unit - 1n) / unit;
}

/** What is got for it: rounded down. As core.value_down. */
export function valueDown(quantity: bigint, price: bigint, places: number): bigint {
  return (quantity * price) / 10n ** BigInt(places);
}
