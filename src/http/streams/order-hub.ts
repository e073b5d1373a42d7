// Follows all watched orders with one reader, and gives each client its own events.
import type { OrderEvent } from '../../ports/store/single-orders.ts';
import type { World } from '../../ports/world.ts';

/** Says when statuses may have changed. A hint: it never resolves where the database can't say, and it may be lost. */
export interface Changes {
  next(): Promise<void>;
  /** Whether nothing is heard, since its connection is lost; left out: it has none to lose. */
  isLost?(): boolean;
}

/** Follows any number of orders for any number of clients with one reader. */
export interface OrderHub {
  /**
   * Gives what happened to an order after an event, oldest first and each event once, until the returned function is
   * called. `take` must not throw.
   */
  watch(orderId: number, afterEventId: number, take: (event: OrderEvent) => void): () => void;
}

/** How late an event may be read that no notification announced. */
const POLL_MS = 1_000;

interface Watcher {
  afterEventId: number;
  take: (event: OrderEvent) => void;
}

/**
 * One per process. It asks once for all watched orders, at every change and once a second, and only while somebody
 * watches. It keeps the last event of each watcher rather than one for all: an order's ids grow in the order they become
 * visible (its row is locked while they are written), those of several orders do not, and what commits late would be
 * passed over.
 */
export function orderHub(world: World, changes: Changes): OrderHub {
  const orders = new Map<number, Set<Watcher>>();
  const readEvents = oneAtATime(() => readAndHand(world, orders));
  let stopPolling: (() => void) | null = null;
  let listening = false;

  const listen = async (): Promise<void> => {
    for (;;) {
      // The next change is waited for before the read begins, so that none falls between the two.
      await changes.next();
      void readEvents();
    }
  };
  return {
    watch(orderId, afterEventId, take) {
      const watcher = { afterEventId, take };
      const watchers = orders.get(orderId) ?? new Set();
      orders.set(orderId, watchers.add(watcher));
      stopPolling ??= world.clock.every(POLL_MS, () => void readEvents());
      if (!listening) {
        listening = true;
        void listen();
      }
      void readEvents();
      return () => {
        watchers.delete(watcher);
        if (watchers.size === 0 && orders.get(orderId) === watchers) orders.delete(orderId);
        if (orders.size > 0) return;
        stopPolling?.();
        stopPolling = null;
      };
    },
  };
}

/** Runs the work, and once more if it was asked for meanwhile: a burst of changes costs two reads. */
function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let running = false;
  let again = false;
  return async () => {
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      await work();
    }
    running = false;
  };
}

async function readAndHand({ store, emit }: World, orders: ReadonlyMap<number, Set<Watcher>>): Promise<void> {
  if (orders.size === 0) return;
  const positions = [...orders].map(([orderId, watchers]) => {
    return { orderId, afterEventId: Math.min(...[...watchers].map(({ afterEventId }) => afterEventId)) };
  });
  try {
    for (const event of await store.call('read_order_events', { orders: positions })) {
      for (const watcher of orders.get(event.orderId) ?? []) {
        if (event.eventId <= watcher.afterEventId) continue;
        watcher.afterEventId = event.eventId;
        watcher.take(event);
      }
    }
  } catch (error) {
    // Nobody loses an event: each watcher's last one stands, and the next read starts there.
    emit({ type: 'order_events_read_failed', alert: true, orders: orders.size, error });
  }
}
