import pLimit from 'p-limit';
import { actionsSincePreviousClose, type CorporateAction } from '../../domain/market/corporate-actions.ts';
import { istDate } from '../../domain/market/india-time.ts';
import { tradingDay } from '../../domain/market/session.ts';
import type { Mode } from '../../domain/types.ts';
import type { Books, Drift } from '../../ports/rows/readiness.ts';
import type { World } from '../../ports/world.ts';
import { catchUp } from '../execute/catch-up.ts';
import { emitLeftOrders, type LeftOrder, leftOrders } from '../execute/emit-left-orders.ts';
import {
  type Difference,
  inBoth,
  type KeyOf,
  missingMoney,
  missingShares,
  orderDifferences,
  shareDifferences,
  shareKeys,
} from './compare-books.ts';
import { emitDrifts } from './emit-drifts.ts';
import { booksOf, type Look, listingsOf, lookAt, pagesOfBooks, type Seen } from './read-account.ts';
import type { ReadyRequest } from './readiness.ts';
import { unreadOfOurs } from './unreadable-rows.ts';

export interface SyncReport {
  tradeDate: string;
  mode: Mode;
  tradingDay: boolean;
  /** Every account was looked at: nobody stopped it. */
  complete: boolean;
  /** Accounts whose books and venue were compared. */
  compared: number;
  /** Those that could not be, though they hold or have ordered something. */
  notCompared: { accountId: number; userId: string; venue: string; reason: string }[];
  /** Drifts nobody has acknowledged before, each of which blocks its account. */
  drifts: Drift[];
}

/** Long enough for an answer that was on its way in either direction. */
const RECHECK_MS = 5_000;

/**
 * The evening's reconciliation: orders of today, shares and money of every live account, ours against the venue's.
 * What differs twice is a drift: it is stored, told, and blocks what the account would open until a person has
 * acknowledged it. Nothing else is changed, so it may be done at any time and again.
 */
export async function sync(world: World, request: ReadyRequest): Promise<SyncReport> {
  const { mode, concurrency, stop, accountIds } = request;
  if (!accountIds) await catchUp(world, concurrency, stop);
  const tradeDate = istDate(world.clock.nowMs());
  const tradingDayToday = tradingDay(tradeDate, await world.operatorDays()).kind === 'open';
  const report: SyncReport = {
    ...{ tradeDate, mode, tradingDay: tradingDayToday, complete: true, compared: 0, notCompared: [], drifts: [] },
  };
  if (mode === 'paper' || !tradingDayToday) return report;
  const left: LeftOrder[] = [];
  for await (const page of pagesOfBooks(world, mode, tradeDate, accountIds)) {
    if (stop?.aborted) {
      report.complete = false;
      break;
    }
    left.push(...leftOrders(page));
    await syncPage(world, report, page, concurrency);
  }
  const actions = report.drifts.length > 0 ? await actionsOf(world, report) : [];
  emitSync(world, report, actions);
  emitLeftOrders(world.emit, left);
  return report;
}

interface Looked {
  books: Books;
  look: Look;
}

async function syncPage(world: World, report: SyncReport, page: Books[], concurrency: number): Promise<void> {
  const looked = await legible(world, await look(world, page, concurrency));
  const first = await differencesOf(world, looked);
  const suspects = looked.filter(({ books }) => (first.get(books.accountId) ?? []).length > 0);
  const second = await lookAgain(world, report, suspects, concurrency);
  const drifts = suspects.flatMap(({ books: { accountId } }) => {
    const both = inBoth(first.get(accountId) ?? [], second.get(accountId) ?? []);
    return both.map((one) => ({ accountId, ...one }));
  });
  for (const {
    books,
    look: { kind, ...why },
  } of looked) {
    const { accountId, userId, venue } = books;
    if (kind === 'seen') report.compared += 1;
    else if (books.positions.length + books.orders.length > 0) {
      report.notCompared.push({ accountId, userId, venue, reason: 'reason' in why ? why.reason : '' });
    }
  }
  if (drifts.length === 0) return;
  const { tradeDate } = report;
  const stored = await world.store.call('store_drifts', { tradeDate, nowMs: world.clock.nowMs(), drifts });
  report.drifts.push(...stored);
}

async function look({ venues, clock }: World, page: Books[], concurrency: number): Promise<Looked[]> {
  const limit = pLimit(concurrency);
  return Promise.all(
    page.map(async (books) => {
      const desk = venues.get(books.venue)?.desk;
      if (!desk) return { books, look: { kind: 'missed', reason: `venue_not_set_up: ${books.venue}` } };
      return { books, look: await limit(() => lookAt(clock, desk, books)) };
    }),
  );
}

async function lookAgain(
  world: World,
  { mode, tradeDate }: SyncReport,
  suspects: Looked[],
  concurrency: number,
): Promise<Map<number, Difference[]>> {
  if (suspects.length === 0) return new Map();
  await world.clock.sleep(RECHECK_MS);
  const ids = suspects.map(({ books }) => books.accountId);
  const now = await booksOf(world, mode, tradeDate, ids);
  return differencesOf(world, await legible(world, await look(world, [...now.values()], concurrency)));
}

async function differencesOf(world: World, looked: Looked[]): Promise<Map<number, Difference[]>> {
  const seen = looked.flatMap(({ books, look: one }) => (one.kind === 'seen' ? [{ books, seen: one.seen }] : []));
  const keyOf = await keysOf(world, looked);
  return new Map(seen.map((one) => [one.books.accountId, allDifferences(one, keyOf)]));
}

function keysOf(world: World, looked: Looked[]): Promise<KeyOf> {
  const listings = looked.flatMap(({ books, look: one }) => [
    ...books.positions,
    ...books.orders,
    ...(one.kind === 'seen' ? listingsOf(one.seen) : []),
  ]);
  return shareKeys(world, listings);
}

/** Lists with a row about an order or a share of ours that nobody can read can't be compared. */
async function legible(world: World, looked: Looked[]): Promise<Looked[]> {
  const keyOf = await keysOf(world, looked);
  return looked.map(({ books, look: one }) => {
    const reason = one.kind === 'seen' ? unreadOfOurs(books, [], one.seen.odd, keyOf) : null;
    return { books, look: reason === null ? one : { kind: 'missed', reason } };
  });
}

function allDifferences({ books, seen }: { books: Books; seen: Seen }, keyOf: KeyOf): Difference[] {
  return [
    ...orderDifferences(books, seen.orders),
    // Shares we know nothing of are booked by the next readiness: only what is missing is a drift.
    ...missingShares(shareDifferences(books, seen.positions, keyOf)),
    ...missingMoney(books, seen),
  ];
}

/** What may be why a share's number differs. */
async function actionsOf({ store, operatorDays }: World, { mode, tradeDate }: SyncReport): Promise<CorporateAction[]> {
  const { corporateActions } = await store.call('read_inputs', { mode, tradeDate, runId: '' });
  return actionsSincePreviousClose(corporateActions, tradeDate, await operatorDays());
}

function emitSync({ emit }: World, report: SyncReport, actions: readonly CorporateAction[]): void {
  const { tradeDate, compared, notCompared, drifts } = report;
  emit({ type: 'books_compared', tradeDate, compared, notCompared: notCompared.length, drifts: drifts.length });
  for (const one of notCompared) emit({ type: 'account_not_compared', ...one });
  if (notCompared.length > 0) {
    const first = notCompared.slice(0, 5).map(({ userId, venue, reason }) => `${userId} at ${venue} (${reason})`);
    emit({ type: 'books_not_compared', alert: true, count: notCompared.length, first: first.join(', ') });
  }
  emitDrifts(emit, drifts, actions);
}
