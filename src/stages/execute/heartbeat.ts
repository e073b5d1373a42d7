// Renews the leases of orders at work, so that no other process takes them for lost.
import type { ExecuteDeps } from './deps.ts';

/** How long a mark, or the lease of a lookup, stands before its holder counts as gone. */
export const LEASE_MS = 30_000;
/** Two beats may be lost before a lease lapses. */
const BEAT_MS = LEASE_MS / 3;

export interface ClaimHeld {
  orderId: number;
  claimId: string;
}

/** Says that its process is still there, so that waiting for a slow venue or a settlement is not taken for its death. */
export interface Heartbeat<Order extends ClaimHeld> {
  /** Does the order's work and renews its lease until it is done. */
  during<Result>(order: Order, work: () => Promise<Result>): Promise<Result>;
  stop(): void;
}

/**
 * A beat that fails is no error: the lease lapses, another process looks up what was sent, and what this one still does
 * counts once (settle).
 */
export function heartbeat<Order extends ClaimHeld>({ clock, store, emit }: ExecuteDeps): Heartbeat<Order> {
  const held = new Map<number, Order>();
  const beat = async (): Promise<void> => {
    if (held.size === 0) return;
    const claimIds = [...new Set([...held.values()].map(({ claimId }) => claimId))];
    try {
      await store.call('renew_claims', { claimIds, orderIds: [...held.keys()], leaseMs: LEASE_MS });
    } catch (error) {
      emit({ type: 'heartbeat_failed', alert: true, orders: held.size, error });
    }
  };
  const stop = clock.every(BEAT_MS, () => void beat());
  return {
    stop,
    async during(order, work) {
      held.set(order.orderId, order);
      try {
        return await work();
      } finally {
        held.delete(order.orderId);
      }
    },
  };
}
