// Ends orders that may no longer be sent, and counts lapsed sends as unknown.
import type { SweptOrders } from '../../ports/store/orders.ts';
import type { SweepDeps } from './deps.ts';

/** Ends what may no longer be sent, takes lapsed sends for unknown, and names the runs that were left in their planning. */
export async function sweep({ store, clock, emit }: SweepDeps): Promise<SweptOrders> {
  const swept = await store.call('sweep_orders', { nowMs: clock.nowMs(), onlyProcess: false });
  const { expired, stopped, lapsed } = swept;
  if (expired + stopped + lapsed > 0) emit({ type: 'orders_swept', expired, stopped, lapsed });
  return swept;
}
