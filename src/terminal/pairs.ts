// Matches a report’s decisions with the orders they led to.
import type { ReportDecision, ReportOrder, RunReport } from '../domain/report.ts';

/** A decision of a report with the order it led to. */
export interface Pair {
  decision: ReportDecision;
  order: ReportOrder | undefined;
}

/**
 * Each decision with its order. An order's row names no signal, but a report lists orders in the order of the accepted
 * decisions they belong to, so that two signals of one symbol and side are kept apart too.
 */
export function pairsOf({ decisions, orders }: Pick<RunReport, 'decisions' | 'orders'>): Pair[] {
  const waiting = Map.groupBy(orders, keyOf);
  return decisions.map((decision) => {
    const order = decision.outcome === 'accepted' ? waiting.get(keyOf(decision))?.shift() : undefined;
    return { decision, order };
  });
}

function keyOf({ userId, symbol, side }: Pick<ReportDecision, 'userId' | 'symbol' | 'side'>): string {
  return JSON.stringify([userId, symbol, side]);
}
