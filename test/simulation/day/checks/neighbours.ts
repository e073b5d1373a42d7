// Checks that the trouble of one user or venue stays theirs.

import { isTerminal } from '../../../../src/domain/order.ts';
import type { AnyEvent } from '../../../support/any-event.ts';
import type { Snapshot } from '../../common/ground.ts';
import type { OutsidePlan, RowLock } from '../faults/outside.ts';

/** Watches that what one is in trouble for stays theirs: promises 6 and 11. */
export interface Neighbours {
  locked(lock: RowLock): void;
  /** Looks before the rows are let go. `alone`: nothing else has happened that others could wait for. */
  released(lock: RowLock, tables: Snapshot, alone: boolean): void;
  /** Whether rows are held that every process needs. */
  holdsAll(): boolean;
  emit(event: AnyEvent): void;
  /** When nothing is left to happen. */
  atRest(tables: Snapshot): void;
}

export interface NeighboursOptions {
  outside: OutsidePlan;
  /** Whether the venue told values of this order that nobody can book. */
  isOdd: (clientOrderId: string) => boolean;
  breaks: (promise: string, what: string) => void;
}

export function neighboursOf({ outside, isOdd, breaks }: NeighboursOptions): Neighbours {
  const held = new Set<RowLock>();
  let everHeld = false;
  const mayBeRefused = (clientOrderId: string, userId: string): boolean =>
    isOdd(clientOrderId) || outside.unwritable?.userId === userId;
  return {
    locked(lock) {
      held.add(lock);
      if (lock.what === 'run') everHeld = true;
    },
    released(lock, { orders, runs }, alone) {
      held.delete(lock);
      if (!alone) return;
      const waiting = orders.filter(({ userId }) => userId !== lock.userId);
      for (const { clientOrderId, status } of waiting) {
        if (status === 'queued' || status === 'submitting') {
          breaks(
            'nobody waits for somebody else',
            `${clientOrderId} is ${status} while a stranger holds ${lock.userId}`,
          );
        }
      }
      for (const { id, state } of runs) {
        if (state === 'planning') breaks('nobody waits for somebody else', `${id} is planned for ${lock.userId} alone`);
      }
      if (runs.length === 0) breaks('nobody waits for somebody else', 'nothing was begun while an account was held');
    },
    holdsAll: () => everHeld,
    emit(event) {
      if (event.type !== 'settlement_failed') return;
      const { clientOrderId, userId, error } = event;
      if (!mayBeRefused(String(clientOrderId), String(userId))) {
        breaks('one failure stays one', `${clientOrderId} is called unreadable, and it is sound: ${String(error)}`);
      }
    },
    atRest({ orders }) {
      for (const { clientOrderId, userId, status, reason } of orders) {
        const refused = mayBeRefused(clientOrderId, userId);
        if (!isTerminal(status) && reason === 'unreadable_answer' && !refused) {
          breaks('one failure stays one', `${clientOrderId} is left unreadable, and it is sound`);
        }
        const unread = outside.unwritable?.userId === userId && outside.unwritable.what === 'answers';
        if (unread && status === 'unknown' && reason === null) {
          breaks('nothing is silent', `${clientOrderId} could not be booked and its row does not say so`);
        }
      }
    },
  };
}
