// How a reason and its two figures become a clause for a user, in any language.

import type { Currency } from '../../currency.ts';
import type { DenyReason, SkipReason } from '../../decision/decision.ts';
import { parseHundredths, parseMinor } from '../../money.ts';
import type { OrderReason } from '../../order.ts';
import { formatMoney } from '../../text/money-text.ts';

type Unit = 'money' | 'percent' | 'count';

/** What a reason says to the user, without a capital or a full stop, and what its two figures are called. */
export interface Clause {
  you: string;
  /** Absent where the figures say nothing to the user, or are not theirs to see. */
  measure?: { unit: Unit; actual: string; limit: string };
  /** Said instead of `you` where the actual figure is not known: then the limit may not have been reached at all. */
  unmeasured?: string;
}

/**
 * One language's words for every reason. A decision's and an order's are two tables: one code may be in both and mean
 * two things (`user_inactive`: nothing was decided; the order that was there was not sent).
 */
export interface ReasonClauses {
  decisions: Readonly<Record<SkipReason | DenyReason, Clause>>;
  /** `price_outside_band` of a single order whose limit price somebody named: no signal has anything to do with it. */
  limitOutsideBand: Clause;
  orders: Readonly<Record<OrderReason, Clause>>;
  /** What is said of a code of tomorrow. */
  another: (code: string) => string;
}

/** A reason in words; `figures`: what was found and what the limit is, or null. */
export interface ReasonText {
  you: string;
  figures: string | null;
}

/** Whose limits the figures are of: a signal's, or those of an order somebody asked for at a limit price they named. */
export type DecisionOf = 'signal' | 'limit order';

/** Why a signal, or an order somebody asked for, was skipped or denied. */
export function decisionReason(
  { decisions, limitOutsideBand, another }: ReasonClauses,
  code: string,
  limit: string | null,
  actual: string | null,
  currency: Currency,
  of: DecisionOf = 'signal',
): ReasonText {
  const ofLimit = of === 'limit order' && code === 'price_outside_band';
  const clause = ofLimit ? limitOutsideBand : lookedUp(decisions, code);
  if (!clause) return { you: another(code), figures: null };
  const { measure, unmeasured } = clause;
  const you = actual === null && unmeasured ? unmeasured : clause.you;
  if (!measure) return { you, figures: null };
  const figures = [
    actual === null ? null : `${measure.actual} ${figure(measure.unit, actual, currency)}`,
    limit === null ? null : `${measure.limit} ${figure(measure.unit, limit, currency)}`,
  ].filter((text) => text !== null);
  return { you, figures: figures.length === 0 ? null : figures.join(', ') };
}

/** Why an order that was accepted ended without (all of) its fill. */
export function orderReason({ orders, another }: ReasonClauses, code: string): string {
  return lookedUp(orders, code)?.you ?? another(code);
}

function lookedUp(table: Readonly<Record<string, Clause>>, code: string): Clause | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined;
}

/** A figure that is not the decimal it should be is shown as it is: a strange figure beats a missing one. */
function figure(unit: Unit, value: string, currency: Currency): string {
  if (unit === 'count') return value;
  if (unit === 'percent') return parseHundredths(value) === null ? value : `${value} %`;
  const minor = parseMinor(value, currency);
  return minor === null ? value : formatMoney(minor, currency);
}
