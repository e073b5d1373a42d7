import { z } from 'zod';
import type { VenueFill } from '../../../src/ports/venue.ts';
import { tester } from '../../support/tester.ts';
import { isOn } from './kinds.ts';
import { type EverBooked, filledBy } from './venue.ts';
import type { Week } from './week.ts';

/** Users as the operator's file has them, one call per mode. */
export async function importUsers(week: Week): Promise<void> {
  const { plan, store, clock } = week;
  for (const mode of ['live', 'paper'] as const) {
    const users = plan.users.filter((one) => one.mode === mode).map(({ settings }) => settings);
    if (users.length === 0) continue;
    await store.call('import_users', { by: tester, users, mode, source: 'simulation', nowMs: clock.nowMs });
  }
}

/** Somebody changes a setting, at any moment. */
export async function changeSomething(week: Week, name: string): Promise<void> {
  const { plan, store } = week;
  const chance = week.draw(`change ${name}`);
  const user = chance.pick(plan.users);
  const { settings } = user;
  const what = chance.weighted({
    leverage: 3,
    capital: 2,
    limits: 2,
    pause: isOn('pauses') ? 3 : 0,
    deny: 1,
    resume: 3,
  });
  week.count(`fault setting ${what}`);
  week.note(`somebody changes ${what} of ${settings.id}`);
  const userId = settings.id;
  switch (what) {
    case 'leverage':
      settings.leverageCenti = chance.pick([100, 250, 500]);
      return importUsers(week);
    case 'capital':
      settings.capitalMinor = chance.pick([50_000_00, 100_000_00, 300_000_00]);
      settings.allocationBps = chance.pick([500, 2000, 4000]);
      return importUsers(week);
    case 'limits':
      settings.maxOpenPositions = chance.pick([null, 1, 3]);
      settings.maxOrdersPerDay = chance.pick([null, 1, 3]);
      return importUsers(week);
    case 'pause':
      await store.call('set_user', { userId, tradingEnabled: false, by: tester });
      week.paused.add(userId);
      return;
    case 'deny':
      await store.call('set_user', { userId, denySymbols: [chance.pick(['TITAN', 'ITC'])], by: tester });
      return;
    case 'resume':
      await store.call('set_user', { userId, tradingEnabled: true, denySymbols: [], by: tester });
      week.paused.delete(userId);
  }
}

const openOrder = z.object({
  clientOrderId: z.string(),
  accountId: z.coerce.number(),
  quantity: z.coerce.number(),
  filled: z.coerce.number(),
  status: z.string(),
  lookedUp: z.boolean(),
});
const OPEN_SQL = `select json_build_object('clientOrderId', o.client_order_id, 'accountId', o.account_id,
    'quantity', o.quantity, 'filled', o.filled_quantity, 'status', o.status, 'lookedUp', o.next_look_at is not null) as found
  from public.orders o where o.ended_at is null and o.status <> 'queued' order by o.id`;

/** A person asks the venue about what is left to them, and says what became of it. */
export async function resolveOrders(week: Week): Promise<void> {
  const { ground, store, clock } = week;
  for (const row of await ground.session.query(OPEN_SQL)) {
    const order = openOrder.parse(row['found']);
    if (order.status !== 'unknown' || order.lookedUp) continue;
    const one = [...week.venues.values()].flatMap(({ ever }) => ever.get(order.clientOrderId) ?? [])[0];
    // At the venue it may still trade: the person waits.
    if (one && (one.booked.life.at(-1)?.fromMs ?? 0) > clock.nowMs) continue;
    const word = one ? settledByWord(one, order, clock.nowMs) : null;
    await store.call('resolve_order', {
      ...{ order: order.clientOrderId, as: word?.as ?? 'not-placed', quantity: word?.quantity ?? null },
      ...{ priceMinor: word?.priceMinor ?? null, by: tester, nowMs: clock.nowMs },
    });
    week.count('resolved by a person');
  }
}

/** What of an order nobody has told yet, at one price and under one name: the venue's book says it so from here on. */
function settledByWord(
  one: EverBooked,
  { clientOrderId, filled, quantity: ordered }: z.infer<typeof openOrder>,
  nowMs: number,
): { as: 'filled' | 'partly'; quantity: number; priceMinor: number } | null {
  let seen = 0;
  const isKnown = ({ quantity }: VenueFill): boolean => {
    seen += quantity;
    return seen <= filled;
  };
  const all = filledBy(one, nowMs);
  const known = all.filter(isKnown);
  const rest = all.filter((fill) => !known.includes(fill));
  const quantity = rest.reduce((sum, fill) => sum + fill.quantity, 0);
  if (quantity === 0) return null;
  const value = rest.reduce((sum, fill) => sum + fill.quantity * fill.priceMinor, 0);
  const priceMinor = Math.round(value / quantity);
  one.kept = [];
  one.booked.fills = [...known, { venueFillId: `operator-${clientOrderId}`, quantity, priceMinor, atMs: nowMs }];
  return { as: filled + quantity === ordered ? 'filled' : 'partly', quantity, priceMinor };
}

/** A person looks at what blocks each account, and says so. */
export async function acknowledgeAll(week: Week): Promise<void> {
  const { plan, store, clock } = week;
  for (const { settings } of plan.users) {
    for (const { venue, mode, block, seenEntryId, drifts } of await store.call('read_blocks', {
      userId: settings.id,
    })) {
      await store.call('acknowledge_account', {
        ...{ userId: settings.id, venue, mode, driftIds: drifts.map(({ driftId }) => driftId) },
        ...{ seenEntryId: block === null ? null : seenEntryId, nowMs: clock.nowMs, by: tester },
      });
      week.count('acknowledged by a person');
    }
  }
}
