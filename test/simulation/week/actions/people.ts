// What people do in a week: import and change settings, move cash, resolve, correct, acknowledge.
import { z } from 'zod';
import type { CurrencyCode } from '../../../../src/domain/currency.ts';
import type { VenueFill } from '../../../../src/ports/venue.ts';
import { tester } from '../../../support/tester.ts';
import type { Chance } from '../../common/chance.ts';
import { everybody } from '../absurd.ts';
import type { WeekUser } from '../plan.ts';
import type { Week } from '../week.ts';
import { type EverBooked, filledBy } from '../world/venue.ts';

/** Users as the operator's file has them, one call per mode. */
export async function importUsers(week: Week): Promise<void> {
  const { plan, store, clock } = week;
  for (const mode of ['live', 'paper'] as const) {
    const users = everybody(plan)
      .filter((one) => one.mode === mode)
      .map(({ settings }) => settings);
    if (users.length === 0) continue;
    await store.call('import_users', { by: tester, users, mode, source: 'simulation', nowMs: clock.nowMs });
  }
  await fundAccounts(week);
}

/** Who has a new account at a real venue has paid money in, and some have shares there. */
async function fundAccounts(week: Week): Promise<void> {
  for (const { id: accountId, venue: name, mode } of (await week.rows()).accounts) {
    const venue = week.venues.get(name);
    if (mode !== 'live' || !venue || venue.outside.some((one) => one.accountId === accountId)) continue;
    const has = week.draw(`first ${accountId}`).happens(0.4);
    const shares = has ? { symbol: 'ITC', quantity: 40, priceMinor: 390_00 } : null;
    venue.outside.push({ accountId, atMs: 0, cashMinor: 150_000_00, shares });
  }
}

type Change = (week: Week, user: WeekUser, chance: Chance) => Promise<void>;

/** What somebody may change, at any moment. */
const changes = {
  async leverage(week, { settings }, { pick }) {
    settings.leverageCenti = pick([100, 250, 500]);
    await importUsers(week);
  },
  async capital(week, { settings }, { pick }) {
    settings.capitalMinor = pick([50_000_00, 100_000_00, 300_000_00]);
    settings.allocationBps = pick([500, 2000, 4000]);
    await importUsers(week);
  },
  async limits(week, { settings }, { pick }) {
    settings.maxOpenPositions = pick([null, 1, 3]);
    settings.maxOrdersPerDay = pick([null, 1, 3]);
    await importUsers(week);
  },
  async venue(week, { mode, settings }, { pick }) {
    if (mode === 'live') settings.venue = pick([...week.venues.keys()].filter((name) => name !== 'paper'));
    await importUsers(week);
  },
  async pause(week, { settings: { id: userId } }) {
    await week.store.call('set_user', { userId, tradingEnabled: false, by: tester });
    week.paused.add(userId);
  },
  async deny(week, { settings: { id: userId } }, { pick }) {
    const symbol = pick(['TITAN', 'ITC', 'INFY']);
    await week.store.call('set_user', { userId, denySymbols: [symbol], by: tester });
    week.denied.set(userId, symbol);
  },
  async resume(week, { settings: { id: userId } }) {
    await week.store.call('set_user', { userId, tradingEnabled: true, denySymbols: [], by: tester });
    week.paused.delete(userId);
    week.denied.delete(userId);
  },
  async halt({ store, clock }, { settings: { id: target } }) {
    const scope = { scope: 'user', target, why: 'simulated', by: tester, nowMs: clock.nowMs } as const;
    await store.call('halt', scope);
  },
  async lift({ store, clock }, { settings: { id: target } }) {
    const scope = { scope: 'user', target, why: 'simulated', by: tester, nowMs: clock.nowMs } as const;
    await store.call('resume', scope);
  },
  async cash({ plan, store, clock, moved, rows }, { mode, settings }, { pick, between, happens }) {
    if (mode === 'live') return;
    const hasDollars = plan.dollars.some((one) => one.settings.id === settings.id);
    const currency: CurrencyCode = hasDollars && happens(0.5) ? 'USD' : 'INR';
    const account = (await rows()).accounts.find((one) => {
      return one.userId === settings.id && one.mode === 'paper' && one.currency === currency;
    });
    const mostMinor = Math.max(1, Number(account ? account.cashMinor - account.heldMinor : 1n));
    const move = {
      ...{ userId: settings.id, venue: settings.venue, currency },
      kind: pick(['deposit', 'withdrawal'] as const),
      ...{
        amountMinor: pick([between(1, 30_000_00), mostMinor]),
        reference: `cash ${clock.nowMs} ${moved.size}`,
        isNamed: true,
      },
      ...{ by: { ...tester, why: 'simulated' }, nowMs: clock.nowMs },
    };
    const { kind } = await store.call('move_cash', move);
    const minor = move.kind === 'deposit' ? move.amountMinor : -move.amountMinor;
    if (kind === 'moved') moved.set(move.reference, { currency, minor });
    if (happens(0.3)) await store.call('move_cash', move);
  },
} satisfies Record<string, Change>;

/** Somebody changes something about a user: anything, or what is named. */
export async function changeSomething(
  week: Week,
  name: string,
  named: keyof typeof changes | null = null,
): Promise<void> {
  const chance = week.draw(`change ${name}`);
  const user = chance.pick(week.plan.users);
  const kinds = {
    leverage: 3,
    capital: 2,
    limits: 2,
    venue: 1,
    pause: 3,
    deny: 2,
    resume: 3,
    halt: 1,
    lift: 2,
    cash: 2,
  };
  const what = named ?? chance.weighted(kinds);
  week.count(`fault setting ${what}`);
  week.note(() => `somebody changes ${what} of ${user.settings.id}`);
  await changes[what](week, user, chance);
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
    'quantity', o.quantity, 'filled', o.filled_quantity, 'status', o.status, 'lookedUp', o.next_lookup_at is not null) as found
  from public.orders o where o.ended_at is null and o.status <> 'queued' order by o.id`;

/** A person asks the venue about what is left to them, and says what became of it. Gives of how many. */
export async function resolveOrders(week: Week): Promise<number> {
  const { ground, store, clock } = week;
  let resolved = 0;
  for (const row of await ground.session.query(OPEN_SQL)) {
    const order = openOrder.parse(row['found']);
    if (order.lookedUp || order.status === 'submitting') continue;
    const one = [...week.venues.values()].flatMap(({ ever }) => ever.get(order.clientOrderId) ?? [])[0];
    // At the venue it may still trade: the person waits.
    if (one && (one.booked.life.at(-1)?.fromMs ?? 0) > clock.nowMs) continue;
    const word = one ? settledByWord(one, order, clock.nowMs) : null;
    await store.call('resolve_order', {
      ...{ order: order.clientOrderId, as: word?.as ?? 'not-placed', quantity: word?.quantity ?? null },
      ...{ priceMinor: word?.priceMinor ?? null, by: tester, nowMs: clock.nowMs },
    });
    week.count('resolved by a person');
    resolved += 1;
  }
  return resolved;
}

/** What of an order nobody has told yet, at one price and under one name: the venue's book says it so from here on. */
function settledByWord(
  one: EverBooked,
  { clientOrderId, filled, quantity: ordered }: z.infer<typeof openOrder>,
  nowMs: number,
): { as: 'filled' | 'partly'; quantity: number; priceMinor: number } | null {
  let found = 0;
  const isKnown = ({ quantity }: VenueFill): boolean => {
    found += quantity;
    return found <= filled;
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

/** A person has a paper that says what a fill really was: it never was one. Gives of how many. */
export async function correctLies(week: Week): Promise<number> {
  const { store, clock } = week;
  const by = { ...tester, why: 'the contract note' };
  let corrected = 0;
  for (const { order, fill } of week.lies) {
    const { kind } = await store.call('correct_fill', {
      order,
      fill,
      quantity: 0,
      priceMinor: null,
      by,
      nowMs: clock.nowMs,
    });
    if (kind !== 'corrected') week.breaks('a person can settle it', `${order}: ${fill} can not be corrected: ${kind}`);
    corrected += 1;
  }
  week.lies.length = 0;
  if (corrected > 0) week.count('corrected by a person');
  return corrected;
}

/** A person looks at what blocks each account, and says so. Gives how many there were. */
export async function acknowledgeAll(week: Week): Promise<number> {
  const { plan, store, clock } = week;
  let found = 0;
  for (const { settings } of everybody(plan)) {
    for (const { venue, mode, currency, block, snapshotEntryId, drifts } of await store.call('read_blocks', {
      userId: settings.id,
    })) {
      await store.call('acknowledge_account', {
        ...{ userId: settings.id, venue, mode, currency, driftIds: drifts.map(({ driftId }) => driftId) },
        ...{ snapshotEntryId: block === null ? null : snapshotEntryId, nowMs: clock.nowMs, by: tester },
      });
      week.count('acknowledged by a person');
      found += 1;
    }
  }
  return found;
}

/** The contract notes of some fills that were booked long ago say another price: a person corrects them. */
export async function correctOld(week: Week, name: string): Promise<void> {
  const { store, clock } = week;
  const { fills, orders } = await week.rows();
  for (const { orderId, corrects, venueFillId, quantity, priceMinor, side } of fills) {
    const order = orders.find((one) => one.orderId === orderId)?.clientOrderId;
    if (order === undefined || corrects !== null) continue;
    if (!week.draw(`correct ${name} ${order} ${venueFillId}`).happens(0.1)) continue;
    const { kind } = await store.call('correct_fill', {
      ...{ order, fill: venueFillId, quantity: Number(quantity) },
      ...{ priceMinor: Number(priceMinor) + (side === 'BUY' ? -5 : 5) },
      ...{ by: { ...tester, why: 'the contract note' }, nowMs: clock.nowMs },
    });
    if (kind === 'corrected') week.count('corrected long after');
  }
}
