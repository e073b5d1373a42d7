import type { Drift } from '../ports/readiness-rows.ts';
import type { Tell } from '../ports/world.ts';

/** Each new drift as a step, and one alert for all of them with the worst first. */
export function tellDrifts(tell: Tell, drifts: readonly Drift[]): void {
  if (drifts.length === 0) return;
  for (const drift of drifts) tell({ step: 'drift', ...drift });
  const unknownOrders = drifts.filter(({ kind }) => kind === 'unknown_order');
  const worst = unknownOrders[0] ?? drifts[0];
  const accounts = new Set(drifts.map(({ accountId }) => accountId)).size;
  const first =
    worst && `account ${worst.accountId}, ${worst.kind} ${worst.what}: ours ${worst.ours}, theirs ${worst.theirs}`;
  tell({
    step: 'drift_found',
    alert: true,
    count: drifts.length,
    accounts,
    unknownOrders: unknownOrders.length,
    first,
  });
}
