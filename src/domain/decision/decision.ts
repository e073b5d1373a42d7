// What `decide` gives: one decision for every signal and user, with the reason of those that are not accepted.
import type { Product } from '../types.ts';
import { type ReasonOf, reasonsOf } from './case.ts';
import { denyRules, sizedDenyRules, skipRules } from './rules.ts';

export type SkipReason = ReasonOf<typeof skipRules>;
export type DenyReason = ReasonOf<typeof denyRules> | ReasonOf<typeof sizedDenyRules>;

/** Not eligible: nothing was asked of the limits. Checked in this order; the first that applies stands. */
export const skipReasons: readonly SkipReason[] = reasonsOf(skipRules);

/** Refused by a limit. Checked in this order, after every skip; the first that applies stands. */
export const denyReasons: readonly DenyReason[] = [...reasonsOf(denyRules), ...reasonsOf(sizedDenyRules)];

export type Outcome = 'accepted' | 'skipped' | 'denied';

/** One row per run × signal × user, always. `limit` and `actual` are human decimal strings or null. */
export interface Decision {
  signalId: string;
  userId: string;
  outcome: Outcome;
  reason: SkipReason | DenyReason | null;
  limit: string | null;
  actual: string | null;
  /** 0 unless accepted. */
  quantity: number;
  /** The price the decision was made at; null where there was none to look at. */
  priceMinor: number | null;
  limitPriceMinor: number | null;
  marginMinor: number;
  /** Estimate at the limit price. */
  chargesMinor: number;
  /** What accept sets aside: margin at the limit price + charges at it. 0 unless accepted. */
  holdMinor: number;
  /** Of a buy what the account's leverage says, of a sale what it sells; null unless accepted. */
  product: Product | null;
}
