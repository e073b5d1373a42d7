// A venue over several days: its order book is of one day, what its accounts own stays.

import { marginFor, valueAt } from '../../../../src/domain/decision/sizing.ts';
import { istMs } from '../../../../src/domain/market/india-time.ts';
import type {
  LookupOutcome,
  OrderToSend,
  SubmitOutcome,
  VenueAccountApi,
  VenueFill,
  VenueOrder,
  VenueRead,
} from '../../../../src/ports/venue.ts';
import type { Chance } from '../../common/chance.ts';
import { odditiesOf } from '../../common/oddities.ts';
import { type Booked, type SimulatedVenue, simulatedVenue } from '../../common/venue.ts';
import type { VenuePlan } from '../../day/plan.ts';
import { NEW_YORK_ENDS } from '../plan.ts';

/** An order that was ever at the venue, and what of its fills the venue keeps to itself for now. */
export interface EverBooked {
  booked: Booked;
  date: string;
  /** Filled, and in no book: somebody tells of it later, or nobody ever does. */
  kept: VenueFill[];
}

/** Shares or money of an account that came (or went) without an order of ours. */
export interface Outside {
  accountId: number;
  atMs: number;
  cashMinor: number;
  shares: { symbol: string; quantity: number; priceMinor: number } | null;
}

/**
 * A venue over several days: its book of orders and its logins are of one day, what its accounts own stays. It is the judge
 * of our books.
 */
export interface WeekVenue {
  plan: VenuePlan;
  ever: Map<string, EverBooked>;
  outside: Outside[];
  /** Accounts with a login. */
  logins: Set<number>;
  submit(order: OrderToSend, nowMs: number): SubmitOutcome;
  lookup(order: OrderToSend, nowMs: number): LookupOutcome;
  /** What today's book, if it still has the order, says of it. */
  bookedToday(clientOrderId: string): Booked | undefined;
  begin(date: string, closeMs: number): void;
  accountApi(nowMs: () => number): VenueAccountApi;
}

export interface WeekVenueOptions {
  plan: VenuePlan;
  /** A choice by its name. */
  draw: (name: string) => Chance;
  /** The account's spendable money, by what the venue knows. */
  cashOf: (accountId: number) => Promise<number>;
  leverageOf: (accountId: number) => Promise<number>;
  injected: (fault: string) => void;
}

export function weekVenue({ plan, draw, cashOf, leverageOf, injected }: WeekVenueOptions): WeekVenue {
  const ever = new Map<string, EverBooked>();
  const outside: Outside[] = [];
  const logins = new Set<number>();
  const isReal = plan.name !== 'paper';
  let today: { date: string; closeMs: number; venue: SimulatedVenue } | null = null;
  const turn = switching();
  const lookups = new Map<string, number>();
  /** The venue's choices about an order depend on how often it was asked about it, and on nothing else. */
  const about = (what: string, { clientOrderId }: OrderToSend): void => {
    const name = `${plan.name} ${what} ${clientOrderId}`;
    const times = (lookups.get(name) ?? 0) + 1;
    lookups.set(name, times);
    turn.to(draw(`${name} ${times}`));
  };

  const keep = (booked: Booked, date: string, closeMs: number): void => {
    const one: EverBooked = { booked, date, kept: [] };
    ever.set(booked.order.clientOrderId, one);
    const chance = draw(`${plan.name} life ${booked.order.clientOrderId}`);
    if (isOpenFor(booked, chance)) rest(booked, chance, closeMs, injected);
    const { fromMs: endMs = 0, status = 'filled' } = booked.life.at(-1) ?? {};
    // What it calls filled it has to prove.
    if (status === 'filled' || status === 'rejected') return;
    one.kept = [...booked.fills.filter(({ atMs }) => atMs > endMs), ...unseen(booked, chance)];
    booked.fills = booked.fills.filter((fill) => !one.kept.includes(fill));
    if (one.kept.length > 0) injected('fill_nobody_tells');
  };

  const noSession = ({ accountId }: { accountId: number }) => isReal && !logins.has(accountId);
  return {
    plan,
    ever,
    outside,
    logins,
    submit(order, nowMs) {
      if (noSession(order)) return { kind: 'not_sent', reason: 'token_expired' };
      const closeMs = today && order.exchange === 'US' ? istMs(today.date, NEW_YORK_ENDS) : today?.closeMs;
      if (!today || !closeMs || nowMs >= closeMs) return { kind: 'rejected', message: 'the market is closed' };
      about('submit', order);
      const { venue, date } = today;
      const before = venue.book.length;
      const outcome = venue.submit(order, nowMs);
      for (const booked of venue.book.slice(before)) keep(booked, date, closeMs);
      return outcome;
    },
    lookup(order, nowMs) {
      if (noSession(order)) return { kind: 'unreadable', reason: 'token_expired' };
      about('lookup', order);
      return today?.venue.lookup(order, nowMs) ?? { kind: 'missing' };
    },
    bookedToday: (name) => today?.venue.book.find(({ order }) => order.clientOrderId === name),
    begin(date, closeMs) {
      // Its numbers start at 1 every day, as venues' do.
      const quiet = odditiesOf({ oddTextShare: 0, oddValueShare: 0 }, turn.chance, () => undefined);
      const venue = simulatedVenue(plan, turn.chance, quiet, injected);
      // Ours keeps its book, as the paper venue does in its tables.
      if (!isReal && today) venue.book.push(...today.venue.book);
      today = { date, closeMs, venue };
      logins.clear();
    },
    accountApi(nowMs) {
      const book = (): SimulatedVenue | null => {
        turn.to(draw(`${plan.name} book`));
        return today?.venue ?? null;
      };
      return accountApiOf({ ever, outside, logins, cashOf, leverageOf, nowMs, book });
    },
  };
}

/** What more was filled of an order before its end, and its book does not show. */
function unseen({ order, fills, venueOrderId }: Booked, { happens, between }: Chance): VenueFill[] {
  const left = order.quantity - fills.reduce((sum, { quantity }) => sum + quantity, 0);
  const [first] = fills;
  if (!first || left < 1 || !happens(0.5)) return [];
  const priceMinor = order.side === 'BUY' ? order.limitPriceMinor : first.priceMinor + between(0, 50);
  return [{ venueFillId: `${venueOrderId}-late`, quantity: between(1, left), priceMinor, atMs: first.atMs + 1 }];
}

/** One in ten that does not fill at once stays open to the end of its day. */
function isOpenFor({ life }: Booked, chance: Chance): boolean {
  return life.length > 1 && chance.happens(0.15);
}

function rest(booked: Booked, chance: Chance, closeMs: number, injected: (fault: string) => void): void {
  const [first] = booked.life;
  if (!first || first.fromMs >= closeMs) return;
  const some = booked.fills.find(({ quantity }) => quantity < booked.order.quantity);
  const partly = some && chance.happens(0.5) ? [some] : [];
  booked.fills = partly.map((fill) => ({ ...fill, atMs: Math.min(fill.atMs, closeMs - 1) }));
  const middle = booked.fills.map(({ atMs }) => ({ fromMs: atMs, status: 'partially_filled' as const }));
  booked.life = [{ ...first, status: 'working' }, ...middle, { fromMs: closeMs, status: 'expired' }];
  injected('open_all_day');
}

/** Chance whose source is another for every question. */
function switching(): { chance: Chance; to(chance: Chance): void } {
  let now: Chance | null = null;
  const source = (): Chance => {
    if (!now) throw new Error('no choice was named');
    return now;
  };
  const chance: Chance = {
    below: (limit) => source().below(limit),
    between: (from, to) => source().between(from, to),
    happens: (share) => source().happens(share),
    pick: (items) => source().pick(items),
    weighted: (weights) => source().weighted(weights),
  };
  return {
    chance,
    to(next) {
      now = next;
    },
  };
}

/** What of an order is filled by then, told or not. */
export function filledBy({ booked, kept }: EverBooked, nowMs: number): VenueFill[] {
  return [...booked.fills, ...kept].filter(({ atMs }) => atMs <= nowMs);
}

/** Shares by symbol, as the venue counts them; what was sold beyond them is bought in by the exchange. */
export function sharesAt({ ever, outside }: Pick<WeekVenue, 'ever' | 'outside'>, accountId: number, nowMs: number) {
  const shares = new Map<string, number>();
  const add = (symbol: string, quantity: number) => shares.set(symbol, (shares.get(symbol) ?? 0) + quantity);
  for (const one of ever.values()) {
    const { order } = one.booked;
    if (order.accountId !== accountId) continue;
    const filled = filledBy(one, nowMs).reduce((sum, { quantity }) => sum + quantity, 0);
    add(order.symbol, order.side === 'BUY' ? filled : -filled);
  }
  for (const { accountId: of, shares: moved, atMs } of outside) {
    if (of === accountId && moved && atMs <= nowMs) add(moved.symbol, moved.quantity);
  }
  return shares;
}

interface AccountApiOptions extends Pick<WeekVenue, 'ever' | 'outside' | 'logins'> {
  cashOf: (accountId: number) => Promise<number>;
  leverageOf: (accountId: number) => Promise<number>;
  nowMs: () => number;
  book: () => SimulatedVenue | null;
}

function accountApiOf({ ever, outside, logins, cashOf, leverageOf, nowMs, book }: AccountApiOptions): VenueAccountApi {
  const read = <T>(accountId: number, value: () => T): VenueRead<T> =>
    logins.has(accountId) ? { kind: 'read', value: value() } : { kind: 'no_session', reason: 'token_expired' };
  const orderOf = (venue: SimulatedVenue, booked: Booked): VenueOrder => {
    const { clientOrderId, exchange, symbol, side, quantity } = booked.order;
    return { clientOrderId, exchange, symbol, side, quantity, report: venue.report(booked, nowMs()) };
  };
  return {
    async ordersToday({ accountId }) {
      const venue = book();
      const mine = venue?.book.filter(({ order }) => order.accountId === accountId) ?? [];
      return read(accountId, () => ({ rows: venue ? mine.map((one) => orderOf(venue, one)) : [], odd: [] }));
    },
    cancel: async () => ({ kind: 'refused', reason: 'not here' }),
    async quotes({ accountId }, listings) {
      const unknown = { previousCloseMinor: null, lowerCircuitMinor: null, upperCircuitMinor: null };
      return read(accountId, () => listings.map((one) => ({ ...one, ...unknown, priceMinor: 410_00, atMs: nowMs() })));
    },
    async margins({ accountId }, orders) {
      const leverage = await leverageOf(accountId);
      return read(accountId, () =>
        orders.map(({ quantity, limitPriceMinor }) => {
          return { marginMinor: marginFor(valueAt(quantity, limitPriceMinor), leverage), chargesMinor: null };
        }),
      );
    },
    async funds({ accountId }) {
      const cashMinor = await cashOf(accountId);
      return read(accountId, () => ({ cashMinor, spendableMinor: cashMinor, blockedByOthersMinor: 0 }));
    },
    async positions({ accountId }) {
      const shares = [...sharesAt({ ever, outside }, accountId, nowMs())].filter(([, quantity]) => quantity > 0);
      const rows = shares.map(([symbol, quantity]) => ({
        exchange: 'NSE',
        symbol,
        quantity,
        // As an adapter tells it: never more than numbers hold.
        costMinor: Number.isSafeInteger(quantity * 900_00) ? quantity * 900_00 : null,
      }));
      return read(accountId, () => ({ rows, odd: [] }));
    },
    async sessionStatus({ accountId }) {
      return logins.has(accountId) ? { kind: 'open', untilMs: null } : { kind: 'closed', reason: 'token_expired' };
    },
  };
}
