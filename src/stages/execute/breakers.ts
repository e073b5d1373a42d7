// Opens and closes breakers after sends that got no clear answer.
import { randomUUID } from 'node:crypto';
import { batched } from '../../concurrency/batch.ts';
import { istIso } from '../../domain/market/india-time.ts';
import type { Deps } from '../../ports/deps.ts';
import type { ChangedBreaker, Settlement } from '../../ports/store/orders.ts';
import type { ExecuteDeps } from './deps.ts';

const ORDER_BATCH_SIZE = 500;

/** No clear answer, or not even sent: enough of these, and what else is failing with them is stopped. */
export function isTrouble({ venueStatus }: Settlement): boolean {
  return venueStatus === 'unknown' || venueStatus === 'queued';
}

/**
 * Asks whether what became of an order opens or closes a breaker, once its settlement is written: for sends in trouble and
 * for probes. Those that come together are judged together. What opens or closes is told, an opening as an alert.
 */
export function judgeOf(deps: ExecuteDeps): (orderId: number) => Promise<true> {
  return batched(async (orderIds: number[]) => {
    const { store, clock, emit } = deps;
    const args = { judgeId: randomUUID(), orderIds, nowMs: clock.nowMs() };
    try {
      const { changed } = await store.call('trip_breakers', args);
      for (const breaker of changed) emitChanged(deps, breaker);
    } catch (error) {
      // The orders are booked, and the next trouble asks again: no reason to end a round.
      emit({ type: 'breaker_check_failed', alert: true, orders: orderIds.length, error });
    }
    return orderIds.map(() => true as const);
  }, ORDER_BATCH_SIZE);
}

function emitChanged({ emit }: Deps<'emit'>, breaker: ChangedBreaker): void {
  const { kind, runId, venue, signalId, userId, waiting } = breaker;
  const scope: 'venue' | 'signal' | 'account' = userId === null ? (signalId === null ? 'venue' : 'signal') : 'account';
  const whose = { runId, scope, venue, signalId, ...(userId === null ? {} : { userId }), waiting };
  if (kind === 'closed') {
    emit({ type: 'breaker_closed', ...whose });
    return;
  }
  const { tried, failed, accounts, failedAccounts, nextProbeMs } = breaker;
  const next = `One order is tried at ${istIso(nextProbeMs)}, and all go again once that is answered; what waits to the end of its time is canceled`;
  const counts = { tried, failed, accounts, failedAccounts };
  const about = [venue, signalId, userId].filter((name) => name !== null).join(' ');
  emit({ type: 'breaker_opened', alert: true, ...whose, about, ...counts, next });
}
