// One read of an account at a time: whoever asks while it is under way shares it.
import type { AccountAtVenue } from '../../ports/venue.ts';

/** A read of accounts that is under way once for each, however many ask. */
export function singleFlight<T>(
  read: (account: AccountAtVenue) => Promise<T>,
): (account: AccountAtVenue) => Promise<T> {
  const underWay = new Map<number, Promise<T>>();
  return ({ accountId, userId }) => {
    const pending = underWay.get(accountId) ?? read({ accountId, userId }).finally(() => underWay.delete(accountId));
    underWay.set(accountId, pending);
    return pending;
  };
}
