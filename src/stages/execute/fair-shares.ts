// Shares the sends fairly among accounts, and holds back those whose rate is used up.
import type { RateWait } from '../../ports/store/orders.ts';
import type { ExecuteDeps } from './deps.ts';

/** Orders of one account that may be at venues at once, where nothing else is said. */
const DEFAULT_ACCOUNT_SLOTS = 5;

interface Sent {
  accountId: number;
}

/** What a process is sending of which account, and who has to wait for a rate before more of theirs is taken. */
export interface Shares {
  /** The most a process has under way of one account: never all of its slots, where it has more than one. */
  perAccount: number;
  taken(order: Sent): void;
  released(order: Sent): void;
  /** Orders by account that a take has to count, or has to leave alone. */
  held(): Record<number, number>;
  /** Those of the venues whose own budget is not used up just now. */
  venues(): string[];
  mustWait(wait: RateWait): void;
  /** Until the first of them may go on; null: nobody waits. */
  nextTurnMs(): number | null;
}

export function sharesOf({ clock, venues, accountSlots }: ExecuteDeps, concurrency: number): Shares {
  const slots = accountSlots ?? DEFAULT_ACCOUNT_SLOTS;
  const perAccount = Math.max(1, Math.min(slots, Math.ceil(concurrency / 2)));
  const counts = new Map<number, number>();
  const waitingVenues = new Map<string, number>();
  const waitingAccounts = new Map<number, number>();

  const change = ({ accountId }: Sent, by: number): void => {
    const now = (counts.get(accountId) ?? 0) + by;
    if (now > 0) counts.set(accountId, now);
    else counts.delete(accountId);
  };
  const stillWaiting = <Key>(waits: Map<Key, number>): Map<Key, number> => {
    for (const [key, untilMs] of waits) if (untilMs <= clock.nowMs()) waits.delete(key);
    return waits;
  };
  return {
    perAccount,
    taken: (order) => change(order, 1),
    released: (order) => change(order, -1),
    held() {
      const waiting = [...stillWaiting(waitingAccounts).keys()].map((accountId) => [accountId, perAccount] as const);
      return Object.fromEntries([...counts, ...waiting]);
    },
    venues() {
      const waiting = stillWaiting(waitingVenues);
      return [...venues.keys()].filter((name) => !waiting.has(name));
    },
    mustWait({ venue, accountId, waitMs }) {
      const untilMs = clock.nowMs() + waitMs;
      if (accountId === null) waitingVenues.set(venue, untilMs);
      else waitingAccounts.set(accountId, untilMs);
    },
    nextTurnMs() {
      const untilMs = [...stillWaiting(waitingVenues).values(), ...stillWaiting(waitingAccounts).values()];
      return untilMs.length === 0 ? null : Math.max(Math.min(...untilMs) - clock.nowMs(), 1);
    },
  };
}
