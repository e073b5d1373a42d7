// Facts from venues that come late, twice, wrong, or of orders that are not ours.
import { z } from 'zod';
import { addDays } from '../../../../src/domain/market/india-time.ts';
import { orderStatuses } from '../../../../src/domain/order.ts';
import type { Settlement } from '../../../../src/ports/store/orders.ts';
import { reported } from '../../../../src/stages/execute/outcome.ts';
import { isAbsurd } from '../absurd.ts';
import { symbols } from '../plan.ts';
import type { Week } from '../week.ts';
import { type EverBooked, sharesAt } from '../world/venue.ts';
import { reopening } from './closing.ts';

const tried = z.object({
  orderId: z.int(),
  clientOrderId: z.string(),
  status: z.enum(orderStatuses),
  attempts: z.int(),
  lookups: z.int(),
  sendBeforeMs: z.number(),
});
const TRIED_SQL = `select json_build_object('orderId', id, 'clientOrderId', client_order_id, 'status', status,
    'attempts', attempts, 'lookups', lookups, 'sendBeforeMs', core.ms(send_before)) as found
  from public.orders where attempts > 0 order by id`;

/** What the venue has of an order at this moment, as its book would say it. */
async function factsOf(week: Week, orders: readonly EverBooked[]): Promise<Settlement[]> {
  const rows = await week.ground.session.query(TRIED_SQL);
  const known = new Map(rows.map(({ found }) => [tried.parse(found).clientOrderId, tried.parse(found)]));
  return orders.flatMap(({ booked: { order, venueOrderId, life, fills } }) => {
    const row = known.get(order.clientOrderId);
    if (!row) return [];
    const { nowMs } = week.clock;
    const status = life.findLast(({ fromMs }) => fromMs <= nowMs)?.status ?? 'working';
    const due = fills.filter(({ atMs }) => atMs <= nowMs);
    return [reported(row, { venueOrderId, status, fills: due, message: null }, nowMs)];
  });
}

async function settle({ store, clock }: Week, groups: readonly Settlement[][]): Promise<void> {
  for (const outcomes of groups) {
    if (outcomes.length > 0) await store.call('settle_orders', { outcomes, nowMs: clock.nowMs, skipLocked: true });
  }
}

/** A second process tells today's facts once more, in another grouping and order. */
export async function reportAgain(week: Week, name: string): Promise<void> {
  const chance = week.draw(`again ${name}`);
  const today = [...week.venues.values()].flatMap(({ ever }) => [...ever.values()]);
  const facts = await factsOf(
    week,
    today.filter(({ date, booked }) => {
      return date === week.day.date && booked.visibleFromMs <= week.clock.nowMs;
    }),
  );
  const ordered = chance.happens(0.5) ? facts.toReversed() : facts;
  const size = chance.pick([1, 2, 100]);
  const groups = ordered.flatMap((_, index) => (index % size === 0 ? [ordered.slice(index, index + size)] : []));
  week.count('fault told_in_another_grouping');
  await settle(week, groups);
}

/** Fills that no book shows: told some time later, that day, the next or five days on, alone or together; or never. */
export function planLateFacts(week: Week): void {
  for (const { ever } of week.venues.values()) {
    for (const one of ever.values()) {
      const { date, kept, booked } = one;
      if (kept.length === 0 || date !== week.day.date) continue;
      const { clientOrderId } = booked.order;
      const when = week.draw(`late ${clientOrderId}`).weighted({ evening: 3, morning: 2, later: 2, never: 2 });
      // By then the books may be closed over its day.
      const isLast = when === 'never' && week.draw(`last ${clientOrderId}`).happens(0.7);
      if (when === 'never' && !isLast) continue;
      const hours = { evening: 0, morning: 16, later: 20, never: 116 }[when];
      week.at(week.clock.nowMs + hours * 3_600_000, `a late fill of ${clientOrderId} is told`, async () => {
        booked.fills = [...booked.fills, ...one.kept];
        one.kept = [];
        week.count(`fault late_fill_${isLast ? 'last' : when}`);
        await reopening(week, 'late_fill', async () => settle(week, [await factsOf(week, [one])]));
      });
    }
  }
}

/**
 * A venue tells more of an order than was ordered, or a price beyond its limit: truly, or by mistake, which a person has to
 * correct. Whichever it is, somebody is told.
 */
export async function reportWrongFills(week: Week): Promise<void> {
  const { store, clock, day } = week;
  for (const [clientOrderId, one] of [...week.venues.values()].flatMap(({ ever }) => [...ever])) {
    const { order, life, venueOrderId, fills } = one.booked;
    const chance = week.draw(`wrong ${clientOrderId}`);
    if (one.date !== day.date || life.at(-1)?.status !== 'filled' || one.kept.length > 0 || !chance.happens(0.05))
      continue;
    const [facts] = await factsOf(week, [one]);
    if (facts?.venueStatus !== 'filled') continue;
    const what = chance.pick(['true', 'told_wrong', 'beyond'] as const);
    const beyond = Math.max(1, Math.floor(order.limitPriceMinor * (order.side === 'BUY' ? 1.02 : 0.98)));
    const fill = {
      ...{ venueFillId: `${venueOrderId}-more`, quantity: chance.between(1, 5), atMs: clock.nowMs },
      priceMinor: what === 'beyond' ? beyond : order.limitPriceMinor,
    };
    if (what === 'true') one.booked.fills = [...fills, fill];
    else week.lies.push({ order: clientOrderId, fill: fill.venueFillId });
    week.count(`fault wrong_fill_${what}`);
    const outcomes = [{ ...facts, fills: [...facts.fills, fill] }];
    const { wrongFills } = await store.call('settle_orders', { outcomes, nowMs: clock.nowMs, skipLocked: true });
    if (!wrongFills.some((wrong) => wrong.clientOrderId === clientOrderId)) {
      week.breaks(
        'wrong facts are told',
        `${clientOrderId} is filled with more than was ordered, and nobody hears of it`,
      );
    }
  }
}

/** What happens at a live account beside us: over night, when nothing of ours is open. */
export async function moveOutside(week: Week): Promise<void> {
  const { accounts } = await week.rows();
  const { nowMs } = week.clock;
  for (const { id: accountId, userId, venue: name, mode } of accounts) {
    const venue = week.venues.get(name);
    // What is absurd already would be beyond what a venue can say.
    if (!venue || mode !== 'live' || isAbsurd(week.plan, userId)) continue;
    const has = [...sharesAt(venue, accountId, nowMs)];
    for (const [symbol, quantity] of has.filter((one) => one[1] < 0)) {
      week.note(() => `the exchange buys ${-quantity} ${symbol} in for account ${accountId}`);
      venue.outside.push({
        accountId,
        atMs: nowMs,
        cashMinor: 0,
        shares: { symbol, quantity: -quantity, priceMinor: 1 },
      });
    }
    const chance = week.draw(`outside ${accountId} ${week.day.date}`);
    const what = chance.weighted({ nothing: 12, shares_come: 2, shares_go: 1, split: 1, cash_comes: 1, cash_goes: 1 });
    if (what === 'nothing') continue;
    week.count(`fault outside_${what}`);
    week.note(() => `outside of account ${accountId}: ${what}`);
    const mostMinor = Math.max(1, (await week.cashAtVenue(accountId)) - 50);
    const held = has.filter((one) => one[1] > 1);
    const [symbol, quantity] = held.length > 0 ? chance.pick(held) : [chance.pick(symbols).symbol, 0];
    const shares = (moved: number) => (moved === 0 ? null : { symbol, quantity: moved, priceMinor: 900_00 });
    const moves = { shares_come: chance.between(1, 20), shares_go: -Math.floor(quantity / 2), split: quantity * 4 };
    const cash = {
      cash_comes: chance.between(1, 20_000_00),
      cash_goes: -chance.pick([chance.between(1, 5_000_00), mostMinor]),
    };
    const cashMinor = what === 'cash_comes' || what === 'cash_goes' ? cash[what] : 0;
    const moved = what === 'cash_comes' || what === 'cash_goes' ? 0 : moves[what];
    venue.outside.push({ accountId, atMs: nowMs, cashMinor, shares: shares(moved) });
  }
}

/** Shares of before: a person imports them for a paper account, with the day they were bought on; some twice. */
export async function importShares(week: Week, tradeDate: string): Promise<void> {
  const { store, clock, plan, day } = week;
  const chance = week.draw(`shares ${day.date} ${tradeDate}`);
  const users = plan.users.filter(({ mode }) => mode === 'paper');
  if (users.length === 0) return;
  const { settings } = chance.pick(users);
  const holding = {
    ...{ userId: settings.id, venue: settings.venue, mode: 'paper' as const, exchange: 'NSE' },
    ...{ symbol: chance.pick(symbols).symbol, quantity: chance.between(1, 15), priceMinor: chance.between(1, 900_00) },
    ...{ tradeDate: addDays(tradeDate, -chance.between(0, 5)), reference: `demat ${day.date} ${tradeDate}` },
  };
  for (let times = chance.pick([1, 1, 2]); times > 0; times -= 1)
    await store.call('import_holdings', { holdings: [holding], nowMs: clock.nowMs });
  week.count('shares imported');
}

/** What was kept to the end is told after all. */
export async function lastFacts(week: Week): Promise<void> {
  const all = [...week.venues.values()].flatMap(({ ever }) => [...ever.values()]).filter(({ kept }) => kept.length > 0);
  for (const one of all) {
    if (!week.draw(`month ${one.booked.order.clientOrderId}`).happens(0.5)) continue;
    one.booked.fills = [...one.booked.fills, ...one.kept];
    one.kept = [];
    await settle(week, [await factsOf(week, [one])]);
  }
}
