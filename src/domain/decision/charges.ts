// Computes what a trade costs: taxes, fees, brokerage and GST.
import type { Product, Side } from '../types.ts';
import type { ChargeRate } from './inputs.ts';

const ppb = 1_000_000_000n;
const bps = 10_000n;

/**
 * What one leg of a turnover of any size costs, in minor units: transaction tax, exchange and regulator fees, stamp
 * duty, brokerage (a rate with a cap) and GST on brokerage and fees, each exact and rounded up once, at the end.
 * The database computes the very same fraction, so an estimate and a booking never differ by a paisa. Rates are dated
 * rows, not constants; that GST is owed on brokerage and fees but not on tax and stamp duty is how Indian contract notes
 * add up (Kite's published order-margins example agrees).
 */
export function exactCharges(value: bigint, rate: ChargeRate): bigint {
  const untaxed = value * BigInt(rate.transactionTaxPpb + rate.stampPpb);
  const fees = value * BigInt(rate.exchangePpb + rate.regulatorPpb);
  const total = untaxed * bps + (bps + BigInt(rate.gstBps)) * (fees + brokerage(value, rate));
  const divisor = ppb * bps;
  return (total + divisor - 1n) / divisor;
}

function brokerage(value: bigint, rate: ChargeRate): bigint {
  const byRate = value * BigInt(rate.brokeragePpb);
  const cap = BigInt(rate.brokerageCapMinor) * ppb;
  return byRate < cap ? byRate : cap;
}

/** What an account's buys are: with leverage they are bought on margin. */
export function productAt(leverageCenti: number): Product {
  return leverageCenti > 100 ? 'mtf' : 'delivery';
}

/**
 * The rate of one leg of a product.
 * @throws Error when the run was frozen without that rate: nothing may be traded whose cost is not known.
 */
export function rateFor(rates: readonly ChargeRate[], side: Side, product: Product): ChargeRate {
  const rate = rates.find((candidate) => candidate.product === product && candidate.side === side);
  if (rate) return rate;
  const available = rates.map((candidate) => `${candidate.product} ${candidate.side}`).join(', ') || 'none';
  throw new Error(
    `No charge rate for ${product} ${side} among the rates of this run (${available}): add a row in force on its trade date`,
  );
}
