// Sizes an order: budget, margin, quantity, limit price and hold.
import { currencyOfExchange } from '../market/session.ts';
import { LARGEST_MINOR, mulDivCeil, mulDivFloor, safe } from '../money.ts';
import type { Instrument, Quote, Side, UserSettings } from '../types.ts';
import { placesOf, valueUp } from '../value.ts';
import { exactCharges } from './charges.ts';
import type { ChargeRate, PlannedSignal } from './inputs.ts';

/** What a user may put into one signal: ⌊capital × allocation⌋, in minor units. */
export function budgetFor(settings: Pick<UserSettings, 'capitalMinor' | 'allocationBps'>): number {
  return Math.max(0, mulDivFloor(settings.capitalMinor, settings.allocationBps, 10_000));
}

/**
 * Whether the largest order these settings make could not be told exactly: capital × allocation × leverage beyond 2^53.
 * The same as the constraint in the database.
 */
export function isBeyondSizing(
  settings: Pick<UserSettings, 'capitalMinor' | 'allocationBps' | 'leverageCenti'>,
): boolean {
  const { capitalMinor, allocationBps, leverageCenti } = settings;
  const worth = BigInt(capitalMinor) * BigInt(allocationBps) * BigInt(leverageCenti);
  return worth > BigInt(LARGEST_MINOR) * 10_000n * 100n;
}

/** The user's own money an exposure of `valueMinor` binds: ⌈value ÷ leverage⌉, in minor units. */
export function marginFor(valueMinor: number, leverageCenti: number): number {
  return safe(exactMargin(BigInt(valueMinor), leverageCenti));
}

/** The same for a value of any size. */
export function exactMargin(valueMinor: bigint, leverageCenti: number): bigint {
  const leverage = BigInt(leverageCenti);
  return (valueMinor * 100n + leverage - 1n) / leverage;
}

/** What a quantity costs at a price, in minor units. A RangeError where that is beyond exact integers. */
export function valueAt(quantity: number, priceMinor: number, places = 0): number {
  return safe(valueUp(BigInt(quantity), BigInt(priceMinor), places));
}

/**
 * The largest multiple of the lot whose margin, ⌈value ÷ leverage⌉, is within the budget; 0 when one lot is not. The
 * budget is a whole number, so both roundings up drop out: quantity × price ≤ budget × leverage says the same.
 */
export function quantityFor(
  budgetMinor: number,
  priceMinor: number,
  leverageCenti: number,
  instrument: Pick<Instrument, 'lotSize' | 'quantityScale' | 'priceScale'>,
): bigint {
  if (budgetMinor <= 0) return 0n;
  const lot = BigInt(instrument.lotSize);
  const worthMinor = (BigInt(budgetMinor) * BigInt(leverageCenti)) / 100n;
  return ((worthMinor * 10n ** BigInt(placesOf(instrument))) / (BigInt(priceMinor) * lot)) * lot;
}

/**
 * The worst price an order may fill at, in minor units and on the tick: the decision price and the protection against
 * the user, rounded to the decision price's side, inside the day's circuit limits (null: the source names none).
 * A decision price that is itself off the tick, with no tick inside its protection, gives the next tick beyond it:
 * a limit on the near side of the price would rest, and an exchange refuses one off the tick.
 */
export function limitPriceFor(
  side: Side,
  priceMinor: number,
  protectionBps: number,
  tickMinor: number,
  circuits: Pick<Quote, 'lowerCircuitMinor' | 'upperCircuitMinor'> | null,
): number {
  const down = (minor: number) => Math.floor(minor / tickMinor) * tickMinor;
  const up = (minor: number) => Math.ceil(minor / tickMinor) * tickMinor;
  if (side === 'BUY') {
    const worst = down(mulDivFloor(priceMinor, 10_000 + protectionBps, 10_000));
    const reaching = worst < priceMinor ? up(priceMinor) : worst;
    const ceiling = circuits?.upperCircuitMinor ?? null;
    return Math.max(tickMinor, ceiling === null ? reaching : Math.min(reaching, down(ceiling)));
  }
  const worst = up(mulDivCeil(priceMinor, Math.max(0, 10_000 - protectionBps), 10_000));
  const reaching = worst > priceMinor ? down(priceMinor) : worst;
  const floor = circuits?.lowerCircuitMinor ?? null;
  return Math.max(tickMinor, floor === null ? reaching : Math.max(reaching, up(floor)));
}

/**
 * What accept sets aside for an order worth `value` at its limit price, in minor units of any size: margin and charges,
 * both at that price. A BUY can't cost more, whatever it fills at. A SELL binds no margin, and pays what a better fill adds
 * to its charges out of that fill.
 */
export function exactHold(
  side: Side,
  value: bigint,
  leverageCenti: number,
  rate: ChargeRate,
): { charges: bigint; hold: bigint } {
  const charges = exactCharges(value, rate);
  return { charges, hold: side === 'BUY' ? exactMargin(value, leverageCenti) + charges : charges };
}

/** NSE cash market, in force since 2025-04-15: up to this price (inclusive), this tick. */
const nseTicks = [
  { upToMinor: 249_99, tickMinor: 1 },
  { upToMinor: 1_000_00, tickMinor: 5 },
  { upToMinor: 5_000_00, tickMinor: 10 },
  { upToMinor: 10_000_00, tickMinor: 50 },
  { upToMinor: 20_000_00, tickMinor: 100 },
];

/**
 * What paper trading takes an instrument for that no instrument file names: a plain cash equity, lot 1, no freeze
 * quantity, no derivatives, the tick of NSE's price bands. NSE fixes an instrument's band monthly from a close, so a
 * price that crossed a boundary since may differ: live trading never assumes and refuses instead.
 */
export function assumedInstrument(exchange: string, symbol: string, priceMinor: number): Instrument {
  const band = nseTicks.find(({ upToMinor }) => priceMinor <= upToMinor);
  return {
    exchange,
    symbol,
    isin: null,
    name: symbol,
    tickMinor: band?.tickMinor ?? 500,
    lotSize: 1,
    freezeQuantity: null,
    fno: false,
    restricted: null,
    currency: currencyOfExchange(exchange).code,
    quantityScale: 0,
    priceScale: 0,
  };
}

/** What a share of an order counts towards its symbol's cap: its quote, or the limit that somebody named above that. */
export function capPriceOf({ requested }: PlannedSignal, priceMinor: number): number {
  return Math.max(priceMinor, requested?.limitPriceMinor ?? 0);
}
