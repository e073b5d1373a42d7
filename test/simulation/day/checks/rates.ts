// Counts what of each budget of a venue is used, by what is sent and asked, and not by our tables.
import { istDate } from '../../../../src/domain/market/india-time.ts';
import type { Snapshot } from '../../common/ground.ts';
import type { SimulatedVenue } from '../../common/venue.ts';

interface Account {
  venue: string;
  accountId: number;
}

export interface RatesWatch {
  /** An order is marked: it may be sent now. */
  marked(account: Account): void;
  /** The database has let so many lookups through; whether anybody hears of it is open. */
  granted(uses: readonly Account[], waitsMs: readonly unknown[]): void;
  /** A process has heard that. */
  heard(uses: readonly Account[], waitsMs: readonly unknown[]): void;
  /** A process asks the venue about an order. */
  asks(account: Account): void;
  /** Whether an order could not be asked about any more on its day: its account's or its venue's budget was used up. */
  wasSpent(order: Snapshot['orders'][number]): boolean;
}

export interface RatesOptions {
  venues: ReadonlyMap<string, SimulatedVenue>;
  /** By the database's clock, which the budgets are held by. */
  nowMs: () => number;
  breaks: (promise: string, what: string) => void;
}

const keysOf = ({ venue, accountId }: Account): [string, string] => [`${venue} account ${accountId}`, venue];

export function ratesOf({ venues, nowMs, breaks }: RatesOptions): RatesWatch {
  const uses = new Map<string, number[]>();
  /** What a venue heard or could have heard, by day: uses that were given to nobody count, those given twice do not. */
  const requests = new Map<string, number>();
  const budgetsOf = (venue: string) => venues.get(venue)?.plan.capabilities.rates;
  const countsLookups = (venue: string) => venues.get(venue)?.plan.capabilities.ratesCountLookups === true;

  const count = (account: Account, change: 1 | -1): void => {
    for (const key of keysOf(account)) {
      const today = `${key} ${istDate(nowMs())}`;
      requests.set(today, (requests.get(today) ?? 0) + change);
    }
  };
  const use = (account: Account): void => {
    const budgets = budgetsOf(account.venue);
    for (const [index, key] of keysOf(account).entries()) {
      const times = [...(uses.get(key) ?? []), nowMs()];
      uses.set(key, times);
      const limit = index === 0 ? budgets?.account : budgets?.venue;
      if (!limit) continue;
      const within = (ms: number) => times.filter((atMs) => atMs > nowMs() - ms).length;
      const ofDay = times.filter((atMs) => istDate(atMs) === istDate(nowMs())).length;
      if (within(1000) > limit.perSecond || within(60_000) > limit.perMinute || ofDay > limit.perDay)
        breaks('limits', `${key} sends more often than ${account.venue} allows`);
    }
  };
  const letThrough = (uses: readonly Account[], waitsMs: readonly unknown[]) =>
    uses.filter(({ venue }, index) => waitsMs[index] === 0 && budgetsOf(venue));

  return {
    marked(account) {
      count(account, 1);
      use(account);
    },
    granted(uses, waitsMs) {
      for (const one of letThrough(uses, waitsMs)) {
        count(one, 1);
        use(one);
      }
    },
    heard(uses, waitsMs) {
      for (const one of letThrough(uses, waitsMs)) count(one, -1);
    },
    asks(account) {
      if (countsLookups(account.venue)) count(account, 1);
    },
    wasSpent({ venue, accountId, sendBeforeMs }) {
      const budgets = budgetsOf(venue);
      if (!budgets || !countsLookups(venue)) return false;
      const [ofAccount = 0, ofVenue = 0] = keysOf({ venue, accountId }).map(
        (key) => requests.get(`${key} ${istDate(sendBeforeMs)}`) ?? 0,
      );
      const { account: ofOne, venue: ofAll } = budgets;
      return (ofOne !== null && ofAccount >= ofOne.perDay) || (ofAll !== null && ofVenue >= ofAll.perDay);
    },
  };
}
