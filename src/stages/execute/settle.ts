// Books settlements in batches, and goes on with those whose account is locked.
import pLimit from 'p-limit';
import { batched } from '../../concurrency/batch.ts';
import { DatabaseError } from '../../ports/database.ts';
import type { Settlement } from '../../ports/store/orders.ts';
import type { CallOptions } from '../../ports/store/store.ts';
import { inHalves } from '../in-halves.ts';
import type { SettleDeps } from './deps.ts';
import { retriedWhileLocked } from './locked-orders.ts';
import { stillUnknown, type Tried } from './outcome.ts';

const ORDER_BATCH_SIZE = 500;
/** Settlements under way at once. */
const LANES = 2;
/** An account that two processes want at the same moment is free again within these. */
const FIRST_PAUSES_MS = [50, 100, 200, 400] as const;
/** Then somebody holds it: that goes on beside everything else, until the lease is nearly over. */
const LATE_PAUSE_MS = 500;
const LATE_WITHIN_MS = 15_000;
const MAX_LATE_TRIES = 5;

/** Whose settlement it is, and what of it decides when it is looked up again. */
export interface Settled extends Tried {
  clientOrderId: string;
  userId: string;
  accountId: number;
  venue: string;
}

type Book = (order: Pick<Settled, 'accountId'>, settlement: Settlement) => Promise<true | DatabaseError>;

/**
 * Books settlements in batches, and gives what was booked of each. What the database does not take makes its order
 * unknown, and the hold stays. Whose account another session holds delays no other: null, and it is tried on beside
 * everything else for some seconds; then the order's lease lapses, and it is looked up like any whose sender was lost.
 */
export function booker(deps: SettleDeps): (order: Settled, settlement: Settlement) => Promise<Settlement | null> {
  const book = bookInLanes(deps);
  const late = lateBooker(deps, book);
  return async (order, settlement) => {
    const result = await retriedWhileLocked(deps.clock, () => book(order, settlement), isLocked, FIRST_PAUSES_MS);
    if (result === true) return settlement;
    if (isLocked(result)) {
      late(order, settlement);
      return null;
    }
    deps.emit({ type: 'settlement_failed', alert: true, ...idsOf(order), error: result });
    const unreadable = unreadableAnswer(order, settlement, deps.clock.nowMs());
    if ((await book(order, unreadable)) === true) return unreadable;
    late(order, unreadable);
    return null;
  };
}

/** An account's settlements always go in the same lane: two that are under way never wait for one another. */
function bookInLanes(deps: SettleDeps): Book {
  const lanes = Array.from({ length: LANES }, () =>
    batched((outcomes: Settlement[]) => {
      return inHalves(outcomes, (part, options) => settle(deps, part, { skipLocked: true }, options));
    }, ORDER_BATCH_SIZE),
  );
  return ({ accountId }, settlement) => {
    const lane = lanes[accountId % LANES];
    if (!lane) throw new Error(`account ${accountId} has no lane`);
    return lane(settlement);
  };
}

/** One call; what is locked comes back as the error it would be for who waited. */
async function settle(
  { store, clock, emit }: SettleDeps,
  outcomes: Settlement[],
  { skipLocked }: { skipLocked: boolean },
  options: CallOptions,
): Promise<(true | DatabaseError)[]> {
  const args = { outcomes, nowMs: clock.nowMs(), skipLocked };
  const { lateFills, unproven, wrongFills, locked = [] } = await store.call('settle_orders', args, options);
  for (const clientOrderId of lateFills) emit({ type: 'late_fill', alert: true, clientOrderId });
  for (const wrong of wrongFills) emit({ type: 'wrong_fill', alert: true, ...wrong });
  for (const clientOrderId of unproven) emit({ type: 'filled_without_fills', alert: true, clientOrderId });
  const held = new Set(locked);
  return outcomes.map(({ orderId }) => !held.has(orderId) || lockedElsewhere());
}

function lockedElsewhere(): DatabaseError {
  return new DatabaseError('another session holds the account', { kind: 'busy', code: '55P03' });
}

function isLocked(result: true | DatabaseError): boolean {
  return result !== true && result.kind !== 'refused';
}

/** What is left of a settlement that can't be written: nobody knows what became of the order, and somebody has to look. */
function unreadableAnswer(order: Settled, { attempts }: Settlement, nowMs: number): Settlement {
  const { attempts: _, ...unknown } = stillUnknown(order, 'unreadable_answer', nowMs);
  return attempts === undefined ? unknown : { ...unknown, attempts };
}

const underWay = new WeakMap<SettleDeps['store'], Set<Promise<boolean>>>();

/** Waits until no settlement of a locked account is tried on any more. `left`: some could not be booked. */
export async function lateBookings({ store }: SettleDeps): Promise<'booked' | 'left'> {
  const booked = await Promise.all(underWay.get(store) ?? []);
  return booked.includes(false) ? 'left' : 'booked';
}

/** Tries on, beside everything else. Of each account one call at a time waits for the lock itself. */
function lateBooker(deps: SettleDeps, book: Book): (order: Settled, settlement: Settlement) => void {
  const { store, clock, emit } = deps;
  const waiting = new Map<number, Promise<true | DatabaseError>>();
  const oneWaits = pLimit(1);
  const open = underWay.get(store) ?? new Set();
  underWay.set(store, open);
  const first = (order: Settled, settlement: Settlement): Promise<true | DatabaseError> => {
    const { accountId } = order;
    const before = waiting.get(accountId);
    if (before) return before.then(() => book(order, settlement));
    const own = oneWaits(() => settleWaiting(deps, settlement)).finally(() => waiting.delete(accountId));
    waiting.set(accountId, own);
    return own;
  };
  const tryOn = async (order: Settled, settlement: Settlement): Promise<boolean> => {
    const untilMs = clock.nowMs() + LATE_WITHIN_MS;
    let result: true | DatabaseError = lockedElsewhere();
    for (let tries = 0; tries < MAX_LATE_TRIES && clock.nowMs() < untilMs && result !== true; tries += 1) {
      if (tries === 1) await emitHolder(deps, order);
      await clock.sleep(LATE_PAUSE_MS);
      result = await first(order, settlement);
    }
    if (result !== true) emit({ type: 'settlement_postponed', alert: true, ...idsOf(order), error: result });
    return result === true;
  };
  return (order, settlement) => {
    const trying = tryOn(order, settlement)
      .catch((error: unknown) => {
        emit({ type: 'settlement_postponed', alert: true, ...idsOf(order), error });
        return false;
      })
      .finally(() => open.delete(trying));
    open.add(trying);
  };
}

/** The call waits for the lock, as long as the database lets it (1.5 s): a pause that ends when the lock does. */
async function settleWaiting(deps: SettleDeps, settlement: Settlement): Promise<true | DatabaseError> {
  try {
    const [result = true] = await settle(deps, [settlement], { skipLocked: false }, { repeat: 'never' });
    return result;
  } catch (error) {
    if (error instanceof DatabaseError) return error;
    throw error;
  }
}

/** Who holds an account so long that its orders can't be booked: a person has to end that session. */
async function emitHolder({ store, emit }: SettleDeps, order: Settled): Promise<void> {
  const holders = await store.call('read_lock_holders', { accountId: order.accountId });
  emit({ type: 'account_locked', alert: true, ...idsOf(order), holders });
}

function idsOf({ orderId, clientOrderId, userId, accountId, venue }: Settled) {
  return { orderId, clientOrderId, userId, accountId, venue };
}
