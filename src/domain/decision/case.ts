// One signal for one user, as the rules of a decision look at it, what a rule finds, and tables of rules.
import type { Instrument, Product } from '../types.ts';
import type { AccountState, OpenPosition, PlannedSignal, RunFrame } from './inputs.ts';

/** Exposure accepted so far over all users of the trade date, in minor units, keyed by share. */
export type CapUse = Map<string, number>;

/** Where one user stands after their signals decided so far. */
export interface Standing {
  availableMinor: number;
  /** What is held per share, under which listings; never a quantity of 0. */
  held: ReadonlyMap<string, readonly OpenPosition[]>;
  /** Shares with an order that is not terminal. */
  working: Set<string>;
  /** Shares held, or with a buy that is not terminal: what max_open_positions counts. */
  open: Set<string>;
  decided: Set<string>;
  /** Orders to buy of the day, those accepted so far included. */
  ordersToday: number;
}

/** One signal for one user, as the rules look at it. */
export interface Case {
  frame: RunFrame;
  account: AccountState;
  planned: PlannedSignal;
  standing: Standing;
  capUsed: CapUse;
  /** 0 where there is no quote: `price_unavailable` stops it before anything is computed from it. */
  priceMinor: number;
  /** The assumed one where none is known: `instrument_restricted` stops it in live mode. */
  instrument: Instrument;
}

/** The same, with the order it would become: of any size, until `max_order_value` has looked at it. */
export interface SizedCase extends Case {
  product: Product;
  budgetMinor: number;
  limitPriceMinor: number;
  quantity: bigint;
  exposureMinor: bigint;
  /** At the limit price: what a buy may cost. */
  worthMinor: bigint;
  marginMinor: bigint;
  chargesMinor: bigint;
  holdMinor: bigint;
}

/** Why a rule refuses: the limit and what was found instead, as a person reads them. */
export interface Finding {
  limit: string | null;
  actual: string | null;
}

/** A Finding where the rule applies, null where it has nothing against the order. */
export type Rule<C> = (c: C) => Finding | null;

/** The key order is the order of the contract: the first rule that applies stands. */
export type RuleTable<C> = Readonly<Record<string, Rule<C>>>;

export type ReasonOf<Rules> = Extract<keyof Rules, string>;

/** The first rule that applies, by its reason; null where none does. */
export function firstReason<Reason extends string, C>(
  rules: Readonly<Record<Reason, Rule<C>>>,
  c: C,
): (Finding & { reason: Reason }) | null {
  for (const reason in rules) {
    const finding = rules[reason](c);
    if (finding) return { reason, ...finding };
  }
  return null;
}

/** The reasons of a table, in its order. */
export function reasonsOf<Rules extends object>(rules: Rules): ReasonOf<Rules>[] {
  const reasons: ReasonOf<Rules>[] = [];
  for (const reason in rules) reasons.push(reason);
  return reasons;
}
