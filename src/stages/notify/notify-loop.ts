// Sends messages beside the orders, so that a slow provider delays no order.
import type { Deps } from '../../ports/deps.ts';
import { timed } from '../timed.ts';
import { stopped } from '../until-stopped.ts';
import { emitFailure, WRONG_CLOCK_PAUSE_MS } from '../wrong-clock.ts';
import type { NotifyDeps } from './deps.ts';
import { notify } from './notify.ts';

/** How late a summary may be noticed while orders keep the path busy. */
const PAUSE_MS = 250;

/** It pauses so many times as long as it has worked, so that looking for what is due costs the orders little. */
const PAUSE_PER_WORK = 4;

/** After what nobody foresaw, or a database that was lost longer than a call waits for it. */
const FAILED_PAUSE_MS = 5_000;

export interface NotifyLoop {
  /** Looks now for what is due, where it would pause: orders have just ended. */
  wake(): void;
  /** Resolves when the pass under way, or a later one, has ended and settled a message. */
  settled(): Promise<void>;
  /** Begins a pass as soon as may be, and resolves at its end with how many messages it settled. */
  nextPass(): Promise<number>;
  /** Takes no more messages, and waits for those that are with the provider. */
  end(): Promise<void>;
}

/**
 * Sends messages beside the orders, so that a provider that is slow, down or lying delays no order: a pass that notified
 * its users itself would wait for it. What fails here is emitted and tried again: it stops no trade.
 */
export function notifyBeside(deps: NotifyDeps, concurrency: number, stop?: AbortSignal): NotifyLoop {
  const over = new AbortController();
  const end = stop ? AbortSignal.any([stop, over.signal]) : over.signal;
  const ended = stopped(end);
  let woken = Promise.withResolvers<void>();
  let settled = Promise.withResolvers<void>();
  let next = Promise.withResolvers<number>();
  const work = async (): Promise<void> => {
    while (!end.aborted) {
      woken = Promise.withResolvers();
      const current = next;
      next = Promise.withResolvers();
      const { pauseMs, failed, count } = await pass(deps, concurrency, end);
      current.resolve(count);
      if (count > 0) {
        settled.resolve();
        settled = Promise.withResolvers();
      }
      await Promise.race([deps.clock.sleep(pauseMs), ended, ...(failed ? [] : [woken.promise])]);
    }
  };
  const working = work();
  return {
    wake: () => woken.resolve(),
    settled: () => settled.promise,
    nextPass() {
      woken.resolve();
      return next.promise;
    },
    async end() {
      over.abort();
      await working;
    },
  };
}

/** Notifies everybody who is due, and says how long to pause and how many messages were settled. */
async function pass(
  deps: NotifyDeps,
  concurrency: number,
  stop: AbortSignal,
): Promise<{ pauseMs: number; failed: boolean; count: number }> {
  const startMs = deps.clock.nowMs();
  try {
    const count = await timed(deps, 'notify', () => notify(deps, concurrency, stop));
    const tookMs = count > 0 ? 0 : deps.clock.nowMs() - startMs;
    return { pauseMs: Math.max(PAUSE_MS, PAUSE_PER_WORK * tookMs), failed: false, count };
  } catch (error) {
    const isClock = emitFailure(deps.emit, error, { type: 'notify_loop_failed', alert: true, error });
    return { pauseMs: isClock ? WRONG_CLOCK_PAUSE_MS : FAILED_PAUSE_MS, failed: true, count: 0 };
  }
}

/** Whether messages go beside the orders: on a clock whose pauses are pauses. */
export function notifiesBeside({ clock }: Deps<'clock'>): boolean {
  return !clock.virtual && !clock.takesTurns;
}
