// How far a limit price somebody named may be from the market.
import { currencyOfExchange } from '../market/session.ts';
import { formatMinor, mulDivCeil, mulDivFloor } from '../money.ts';
import type { Case, Finding } from './case.ts';

/**
 * How far a limit somebody names may be from the market price where nothing else is set. 20 % is the widest daily price
 * band of a share at NSE: a limit beyond it is one the exchange refuses, or a typing error of a digit.
 */
const DEFAULT_LIMIT_BAND_BPS = 2_000;

/**
 * What stands against a limit price somebody named for a single order: it is further from the market price than the
 * band, or beyond a circuit of the day. `limit` is the nearest limit price that is taken, on the tick; `actual` the
 * one that was named. Exactly the band is still inside.
 */
export function limitOutsideBand(
  namedMinor: number,
  { frame, planned, priceMinor, instrument }: Pick<Case, 'frame' | 'planned' | 'priceMinor' | 'instrument'>,
): Finding | null {
  const bandBps = frame.limits.limitBandBps ?? DEFAULT_LIMIT_BAND_BPS;
  const { tickMinor } = instrument;
  const upperMinor = planned.quote?.upperCircuitMinor ?? Number.POSITIVE_INFINITY;
  const lowerMinor = planned.quote?.lowerCircuitMinor ?? 0;
  const highestMinor = Math.min(mulDivFloor(priceMinor, 10_000 + bandBps, 10_000), upperMinor);
  const lowestMinor = Math.max(mulDivCeil(priceMinor, Math.max(0, 10_000 - bandBps), 10_000), lowerMinor);
  const currency = currencyOfExchange(planned.signal.exchange);
  const outside = (nearestMinor: number) => ({
    limit: formatMinor(nearestMinor, currency),
    actual: formatMinor(namedMinor, currency),
  });
  if (namedMinor > highestMinor) return outside(Math.floor(highestMinor / tickMinor) * tickMinor);
  if (namedMinor < lowestMinor) return outside(Math.ceil(lowestMinor / tickMinor) * tickMinor);
  return null;
}
