// Emits one alert for the orders that only a person can settle.
import type { Emit } from '../../ports/events/events.ts';
import type { Books } from '../../ports/store/accounts.ts';

export interface LeftOrder {
  clientOrderId: string;
  userId: string;
  venue: string;
}

/** Orders that nobody looks up any more and nobody has resolved yet. */
export function leftOrders(page: readonly Books[]): LeftOrder[] {
  return page.flatMap(({ orders, userId, venue }) =>
    orders.filter(({ leftToAPerson }) => leftToAPerson).map(({ clientOrderId }) => ({ clientOrderId, userId, venue })),
  );
}

/** One alert for all of them: as long as they stand, the books of their accounts are neither brought up nor compared in full. */
export function emitLeftOrders(emit: Emit, left: readonly LeftOrder[]): void {
  if (left.length === 0) return;
  const first = left.slice(0, 5).map(({ clientOrderId, userId, venue }) => `${clientOrderId} of ${userId} at ${venue}`);
  emit({ type: 'orders_need_person', alert: true, count: left.length, first: first.join(', ') });
}
