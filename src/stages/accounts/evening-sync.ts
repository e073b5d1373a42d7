// The evening's reconciliation of every live account with its venue.
import pLimit from 'p-limit';
import { actionsSincePreviousClose, type CorporateAction } from '../../domain/market/corporate-actions.ts';
import { type Market, xnse } from '../../domain/market/market.ts';
import { dateIn, tradingDay } from '../../domain/market/session.ts';
import type { Mode } from '../../domain/types.ts';
import type { Deps } from '../../ports/deps.ts';
import type { Books, Drift } from '../../ports/store/accounts.ts';
import { catchUp } from '../execute/catch-up.ts';
import { type AccountSnapshot, listingsOf } from './account-snapshot.ts';
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
import type { AccountsDeps, SyncDeps } from './deps.ts';
import { emitDrifts } from './emit-drifts.ts';
import { emitLeftOrders, type LeftOrder, leftOrders } from './emit-left-orders.ts';
import { type AccountReading, booksOf, pagesOfBooks, readAccount } from './read-account.ts';
import type { ReadyRequest } from './readiness.ts';
import { unreadOfOurs } from './unreadable-rows.ts';
import { currencyFault } from './venue-calendar.ts';

export interface SyncReport {
  tradeDate: string;
  mode: Mode;
  tradingDay: boolean;
  /** Every account was read: nobody stopped it. */
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
export async function sync(deps: SyncDeps, request: ReadyRequest): Promise<SyncReport> {
  const { mode, market = xnse, concurrency, stop, accountIds } = request;
  if (!accountIds) await catchUp(deps, concurrency, stop);
  const tradeDate = dateIn(market, deps.clock.nowMs());
  const tradingDayToday = tradingDay(market, tradeDate, await deps.operatorDays(market)).kind === 'open';
  const report: SyncReport = {
    ...{ tradeDate, mode, tradingDay: tradingDayToday, complete: true, compared: 0, notCompared: [], drifts: [] },
  };
  if (mode === 'paper' || !tradingDayToday) return report;
  const left: LeftOrder[] = [];
  const day = { mode, market, tradeDate, concurrency };
  for await (const page of pagesOfBooks(deps, day, accountIds)) {
    if (stop?.aborted) {
      report.complete = false;
      break;
    }
    left.push(...leftOrders(page));
    await syncPage(deps, day, report, page);
  }
  const actions = report.drifts.length > 0 ? await actionsOf(deps, market, report) : [];
  emitSync(deps, report, actions);
  emitLeftOrders(deps.emit, left);
  return report;
}

interface BooksRead {
  books: Books;
  reading: AccountReading;
}

/** What is the same for all accounts. */
interface Day {
  mode: Mode;
  market: Market;
  tradeDate: string;
  concurrency: number;
}

async function syncPage(deps: AccountsDeps, day: Day, report: SyncReport, page: Books[]): Promise<void> {
  const accounts = await legible(deps, await readAccounts(deps, page, day.concurrency));
  const first = await differencesOf(deps, accounts);
  const suspects = accounts.filter(({ books }) => (first.get(books.accountId) ?? []).length > 0);
  const second = await readAgain(deps, day, suspects);
  const drifts = suspects.flatMap(({ books: { accountId } }) => {
    const both = inBoth(first.get(accountId) ?? [], second.get(accountId) ?? []);
    return both.map((one) => ({ accountId, ...one }));
  });
  for (const {
    books,
    reading: { kind, ...why },
  } of accounts) {
    const { accountId, userId, venue } = books;
    if (kind === 'read') report.compared += 1;
    else if (books.positions.length + books.orders.length > 0) {
      report.notCompared.push({ accountId, userId, venue, reason: 'reason' in why ? why.reason : '' });
    }
  }
  if (drifts.length === 0) return;
  const { tradeDate } = report;
  const stored = await deps.store.call('store_drifts', { tradeDate, nowMs: deps.clock.nowMs(), drifts });
  report.drifts.push(...stored);
}

async function readAccounts({ venues, clock }: AccountsDeps, page: Books[], concurrency: number): Promise<BooksRead[]> {
  const limit = pLimit(concurrency);
  return Promise.all(
    page.map(async (books) => {
      const venue = venues.get(books.venue);
      const accountApi = venue?.accountApi;
      if (!accountApi) return { books, reading: { kind: 'missed', reason: `venue_not_set_up: ${books.venue}` } };
      const reason = currencyFault(venue, books);
      if (reason !== null) return { books, reading: { kind: 'missed', reason } };
      return { books, reading: await limit(() => readAccount(clock, accountApi, books)) };
    }),
  );
}

async function readAgain(deps: AccountsDeps, day: Day, suspects: BooksRead[]): Promise<Map<number, Difference[]>> {
  if (suspects.length === 0) return new Map();
  await deps.clock.sleep(RECHECK_MS);
  const ids = suspects.map(({ books }) => books.accountId);
  const now = await booksOf(deps, day, ids);
  return differencesOf(deps, await legible(deps, await readAccounts(deps, [...now.values()], day.concurrency)));
}

async function differencesOf(deps: AccountsDeps, accounts: BooksRead[]): Promise<Map<number, Difference[]>> {
  const comparable = accounts.flatMap(({ books, reading }) =>
    reading.kind === 'read' ? [{ books, snapshot: reading.snapshot }] : [],
  );
  const keyOf = await keysOf(deps, accounts);
  return new Map(comparable.map((one) => [one.books.accountId, allDifferences(one, keyOf)]));
}

function keysOf(deps: AccountsDeps, accounts: BooksRead[]): Promise<KeyOf> {
  const listings = accounts.flatMap(({ books, reading }) => [
    ...books.positions,
    ...books.orders,
    ...(reading.kind === 'read' ? listingsOf(reading.snapshot) : []),
  ]);
  return shareKeys(deps, listings);
}

/** Lists with a row about an order or a share of ours that nobody can read can't be compared. */
async function legible(deps: AccountsDeps, accounts: BooksRead[]): Promise<BooksRead[]> {
  const keyOf = await keysOf(deps, accounts);
  return accounts.map(({ books, reading }) => {
    const reason = reading.kind === 'read' ? unreadOfOurs(books, [], reading.snapshot.odd, keyOf) : null;
    return { books, reading: reason === null ? reading : { kind: 'missed', reason } };
  });
}

function allDifferences({ books, snapshot }: { books: Books; snapshot: AccountSnapshot }, keyOf: KeyOf): Difference[] {
  return [
    ...orderDifferences(books, snapshot.orders),
    // Shares we know nothing of are booked by the next readiness: only what is missing is a drift.
    ...missingShares(shareDifferences(books, snapshot.positions, keyOf)),
    ...missingMoney(books, snapshot),
  ];
}

/** What may be why a share's number differs. */
async function actionsOf(
  { store, operatorDays }: AccountsDeps,
  market: Market,
  { mode, tradeDate }: SyncReport,
): Promise<CorporateAction[]> {
  const { corporateActions } = await store.call('read_inputs', { mode, tradeDate, runId: '' });
  return actionsSincePreviousClose(market, corporateActions, tradeDate, await operatorDays(market));
}

function emitSync({ emit }: Deps<'emit'>, report: SyncReport, actions: readonly CorporateAction[]): void {
  const { tradeDate, compared, notCompared, drifts } = report;
  emit({ type: 'books_compared', tradeDate, compared, notCompared: notCompared.length, drifts: drifts.length });
  for (const one of notCompared) emit({ type: 'account_not_compared', ...one });
  if (notCompared.length > 0) {
    const first = notCompared.slice(0, 5).map(({ userId, venue, reason }) => `${userId} at ${venue} (${reason})`);
    emit({ type: 'books_not_compared', alert: true, count: notCompared.length, first: first.join(', ') });
  }
  emitDrifts(emit, drifts, actions);
}
