// Sends messages beside the orders, so that a slow provider delays no order.
import type { Deps } from '../../ports/deps.ts';
import { stopped } from '../until-stopped.ts';
import { emitFailure, WRONG_CLOCK_PAUSE_MS } from '../wrong-clock.ts';
import type { NotifyDeps } from './deps.ts';
import { notify } from './notify.ts';

/** How late a summary may be noticed while orders keep the path busy. */
const PAUSE_MS = 250;

/** After what nobody foresaw, or a database that was lost longer than a call waits for it. */
const FAILED_PAUSE_MS = 5_000;

export interface NotifyLoop {
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
  const work = async (): Promise<void> => {
    while (!end.aborted) {
      const pauseMs = await notify(deps, concurrency, end).then(
        () => PAUSE_MS,
        (error: unknown) => {
          const isClock = emitFailure(deps.emit, error, { type: 'notify_loop_failed', alert: true, error });
          return isClock ? WRONG_CLOCK_PAUSE_MS : FAILED_PAUSE_MS;
        },
      );
      await Promise.race([deps.clock.sleep(pauseMs), ended]);
    }
  };
  const working = work();
  return {
    async end() {
      over.abort();
      await working;
    },
  };
}

/** Whether messages go beside the orders: where a provider paces us, on a clock whose pauses are pauses. */
export function notifiesBeside({ notifier, clock }: Deps<'clock' | 'notifier'>): boolean {
  return notifier.pace !== undefined && !clock.virtual;
}
