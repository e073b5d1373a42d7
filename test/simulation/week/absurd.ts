// A person whose numbers are absurd, in some of the weeks: what is computed of them passes what numbers hold exactly.
import { userIdOf } from '../../../src/domain/ids.ts';
import { LARGEST_MINOR } from '../../../src/domain/money.ts';
import type { Mode } from '../../../src/domain/types.ts';
import type { OrderRequest } from '../../../src/stages/accept/order-inputs.ts';
import { drawn, priceOn, symbols, type WeekPlan, type WeekUser } from './plan.ts';
import type { Week } from './week.ts';

/**
 * `settings`: an order of the largest capital an import takes, at full allocation and leverage, is worth more than 2^53.
 * `holding`: what they hold of a share is worth more than a bigint of the database holds.
 */
export interface Absurd {
  kind: 'settings' | 'holding';
  /** What they hold; a venue can't even say what so many cost that it can't be booked. */
  held: number;
  user: WeekUser;
}

const NAME = 'Vast Sumwala';
export const ABSURD_ID = userIdOf(NAME);
const SYMBOL = 'ITC';
/** At 900.00, what a venue says they cost, as much as numbers hold exactly. */
const MOST_BOOKED = 100_000_000_000;
/** Worth 1.6e20 paise at the price of the share; a bigint holds 9.2e18. */
const BEYOND = 4_000_000_000_000_000;

/** Beside the others, so that these do the same with this person and without. `isIdle`: they are there, and that is all. */
export function withAbsurd(plan: WeekPlan, seed: number, isIdle: boolean): WeekPlan {
  const { happens, pick } = drawn(seed, 'absurd');
  if (!happens(0.25)) return plan;
  const { mode, settings } = pick(plan.users);
  const kind = pick(['settings', 'holding'] as const);
  const largest = { capitalMinor: 99_999_999_999_999, allocationBps: 10_000, leverageCenti: 9_007 };
  const user: WeekUser = {
    mode,
    settings: {
      ...{ ...settings, id: ABSURD_ID, name: NAME, whatsapp: null, priority: pick([1, 50, 200]) },
      ...(kind === 'settings' ? largest : { capitalMinor: 100_000_00, allocationBps: 2000, leverageCenti: 100 }),
      ...{ maxOpenPositions: null, maxOrdersPerDay: pick([null, 2_147_483_647]) },
      ...{ maxOrderValueMinor: pick([null, LARGEST_MINOR]), dailyLossLimitBps: pick([null, 10_000]) },
      active: !isIdle,
    },
  };
  return { ...plan, absurd: { kind, user, held: mode === 'paper' ? BEYOND : pick([MOST_BOOKED, BEYOND]) } };
}

/** Everybody of a week. */
export const everybody = ({ users, absurd, dollars }: WeekPlan): WeekUser[] => [
  ...users,
  ...(absurd ? [absurd.user] : []),
  ...dollars,
];

export const isAbsurd = ({ absurd }: WeekPlan, userId: string): boolean => absurd?.user.settings.id === userId;

/** Whose shares no books can have: their account is never ready, and that is theirs alone. */
export const isBeyondBooks = ({ absurd }: WeekPlan, userId: string): boolean =>
  absurd?.kind === 'holding' &&
  absurd.user.mode === 'live' &&
  absurd.held === BEYOND &&
  absurd.user.settings.id === userId;

/** Their shares: brought in by the operator, or at their venue from the start. */
export async function giveAbsurdShares({
  plan: { absurd },
  store,
  clock,
  day,
  venues,
  rows,
  count,
}: Week): Promise<void> {
  if (!absurd) return;
  count('fault absurd_numbers');
  const { kind, user, held: quantity } = absurd;
  const { id: userId, venue, active } = user.settings;
  if (kind !== 'holding' || !active) return;
  if (user.mode === 'live') {
    const account = (await rows()).accounts.find((one) => one.userId === userId);
    const own = venues.get(venue)?.outside.find(({ accountId }) => accountId === account?.id);
    if (own) own.shares = { symbol: SYMBOL, quantity, priceMinor: 1 };
    return;
  }
  const listing = { userId, venue, mode: user.mode, exchange: 'NSE', tradeDate: day.date, reference: 'absurd' };
  await store.call('import_holdings', {
    holdings: [{ ...listing, symbol: SYMBOL, quantity, priceMinor: 1 }],
    nowMs: clock.nowMs,
  });
}

/** They ask for an order that can't be computed with, or for a sound one, among what others ask for at the same moment. */
export function absurdRequests({ plan: { absurd }, draw, day }: Week, processName: string, mode: Mode): OrderRequest[] {
  const { happens, pick } = draw(`absurd orders ${processName}`);
  if (!absurd?.user.settings.active || absurd.user.mode !== mode || !happens(0.6)) return [];
  const { id: userId } = absurd.user.settings;
  const { symbol, tickMinor } = pick(symbols);
  const marketMinor = priceOn(day.date, symbol);
  const order = {
    ...{ userId, exchange: 'NSE', symbol, side: pick(['BUY', 'SELL'] as const) },
    quantity: pick([null, 3, BEYOND, LARGEST_MINOR]),
    limitPriceMinor: pick([null, marketMinor - (marketMinor % tickMinor), 99_999_999_999_990]),
  };
  const key = `${day.date} ${processName} absurd`;
  return [{ principal: userId, key, bodyHash: JSON.stringify(order), order, by: null }];
}
