// Reminds users of a missing login before the session.
import type { Market } from '../../domain/market/market.ts';
import { dueMsOf, msIn } from '../../domain/market/session.ts';
import { stoppedWithin } from '../until-stopped.ts';
import type { RemindDeps } from './deps.ts';
import { notify } from './notify.ts';

/** A check waits no longer for messages that go out; the next that sends messages sends the rest. */
const SEND_WITHIN_MS = 30_000;

/**
 * Reminds each user whose login is what the day's trade lacks, once a day, until the scan is due: queued first, then
 * sent like any other message, and not sent to whom the login has come meanwhile. Gives how many were queued now. What
 * goes wrong with sending is told; the check does not fail of it.
 */
export async function remindOfLogins(
  deps: RemindDeps,
  { market, tradeDate }: { market: Market; tradeDate: string },
  concurrency: number,
  stop?: AbortSignal,
): Promise<number> {
  const { store, clock, emit } = deps;
  const nowMs = clock.nowMs();
  const sendBeforeMs = dueMsOf(market, tradeDate);
  if (nowMs >= sendBeforeMs) return 0;
  // Nobody is woken, and nobody logs in before their broker has ended yesterday's logins (Kite: 06:00).
  const dueMs = Math.max(nowMs, msIn(market, tradeDate, market.times.remindFrom));
  const { currency } = market;
  const { queued } = await store.call('queue_login_reminders', { currency, tradeDate, dueMs, sendBeforeMs, nowMs });
  emit({ type: 'reminders_queued', tradeDate, count: queued });
  try {
    await notify(deps, concurrency, stoppedWithin(SEND_WITHIN_MS, stop));
  } catch (error) {
    emit({ type: 'notify_loop_failed', alert: true, error });
  }
  return queued;
}
