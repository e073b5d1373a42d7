// A table of rules: its keys are the reasons it refuses with, in the order they are checked in.
import type { Finding } from './case.ts';

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
