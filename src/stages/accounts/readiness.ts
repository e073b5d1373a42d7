// Readiness before the session: whether each live account can trade today, and its books brought up to the venue's.
import pLimit from 'p-limit';
import { actionsSincePreviousClose } from '../../domain/market/corporate-actions.ts';
import { exchangesDueIn, type Market, xnse } from '../../domain/market/market.ts';
import { dateIn, tradingDay } from '../../domain/market/session.ts';
import type { Mode } from '../../domain/types.ts';
import type { Deps } from '../../ports/deps.ts';
import type { Adjustment, Books, Drift } from '../../ports/store/accounts.ts';
import { catchUp } from '../execute/catch-up.ts';
import { remindOfLogins } from '../notify/login-reminders.ts';
import { type AccountSnapshot, listingsOf } from './account-snapshot.ts';
import { type Checked, check, type Day, readAgain } from './check-account.ts';
import {
  blockedByOthers,
  type KeyOf,
  missingShares,
  shareDifferences,
  shareKeys,
  tradedToday,
} from './compare-books.ts';
import type { AccountsDeps, ReadyDeps } from './deps.ts';
import { emitDrifts } from './emit-drifts.ts';
import { emitLeftOrders, type LeftOrder, leftOrders } from './emit-left-orders.ts';
import { pagesOfBooks } from './read-account.ts';
import { sharesToBook } from './unknown-shares.ts';
import { emitLeftOut, unreadOfOurs } from './unreadable-rows.ts';

export interface ReadyRequest {
  mode: Mode;
  /** Whose trading day it is, and whose currency's accounts are asked; left out: the NSE's. */
  market?: Market;
  /** How many accounts are asked about at once. */
  concurrency: number;
  /** No further page of accounts is begun once it aborts. */
  stop?: AbortSignal;
  /** Only these accounts; left out: all. */
  accountIds?: readonly number[];
}

export interface AccountReadiness {
  accountId: number;
  userId: string;
  userName: string;
  venue: string;
  ready: boolean;
  /** `no_login: token_expired`, or what a person has to acknowledge; null where it is ready. */
  reason: string | null;
  /** Only a person can clear the reason. */
  acknowledge: boolean;
}

export interface ReadinessReport {
  /** The day it is for, in the market's zone. */
  tradeDate: string;
  mode: Mode;
  /** Whether the exchange trades that day; only then are the books brought to the venues'. */
  tradingDay: boolean;
  accounts: AccountReadiness[];
  /** Every account was asked about: nobody stopped it. */
  complete: boolean;
  /** Accounts whose cash was brought to the venue's; holdings we did not know of; new drifts. */
  adjusted: number;
  external: number;
  drifts: Drift[];
  /** Users who were to be reminded of a missing login and were not before. */
  reminders: number;
}

/**
 * Asks the venue of every active live account in the market's currency whether it can trade today, brings our books to the venue's before the
 * day's first trade, stores a verdict per account, and reminds whose login is missing. What can't be read is «not ready», never «flat». May be done
 * again at any time: a younger verdict takes the place of an older one, and a difference is booked once.
 */
export async function ready(
  deps: ReadyDeps,
  { mode, market = xnse, concurrency, stop, accountIds }: ReadyRequest,
): Promise<ReadinessReport> {
  // An order or a run that was left would keep its accounts from being brought up.
  if (!accountIds) await catchUp(deps, concurrency, stop);
  const day = await today(deps, market, { mode, concurrency });
  const report: ReadinessReport = {
    ...{ tradeDate: day.tradeDate, mode, tradingDay: day.open, accounts: [], complete: true },
    ...{ adjusted: 0, external: 0, drifts: [], reminders: 0 },
  };
  if (mode === 'paper') return report;
  const limit = pLimit(concurrency);
  const left: LeftOrder[] = [];
  for await (const page of pagesOfBooks(deps, day, accountIds)) {
    if (stop?.aborted) {
      report.complete = false;
      break;
    }
    left.push(...leftOrders(page));
    const active = page.filter((books) => books.active);
    // Before the first question: a page that waits for its slowest account must not look younger than it is.
    const checkedAtMs = deps.clock.nowMs();
    const checked = await Promise.all(active.map((books) => limit(() => check(deps, day, books))));
    await storePage(deps, { ...day, checkedAtMs }, checked, report);
  }
  emitReadiness(deps, report, day.actions);
  emitLeftOrders(deps.emit, left);
  if (day.open && withoutLogin(report).length > 0) {
    report.reminders = await remindOfLogins(deps, day, concurrency, stop);
  }
  return report;
}

async function today(
  { store, clock, operatorDays }: AccountsDeps,
  market: Market,
  { mode, concurrency }: Pick<ReadyRequest, 'mode' | 'concurrency'>,
): Promise<Day> {
  const tradeDate = dateIn(market, clock.nowMs());
  const overrides = await operatorDays(market);
  const day = tradingDay(market, tradeDate, overrides);
  const { signals: ofDate, corporateActions } = await store.call('read_inputs', { mode, tradeDate, runId: '' });
  const exchanges = exchangesDueIn(market);
  const signals = ofDate.filter(({ exchange }) => exchanges.includes(exchange));
  const actions = actionsSincePreviousClose(market, corporateActions, tradeDate, overrides);
  const closeMs = day.kind === 'open' ? day.closeMs : null;
  const open = day.kind === 'open';
  return { market, calendarDay: day, tradeDate, mode, signals, actions, open, closeMs, concurrency };
}

/** Compares, books and stores one page. Drifts first: a verdict must never open an account that they block. */
async function storePage(
  deps: AccountsDeps,
  day: Day & { checkedAtMs: number },
  checked: Checked[],
  report: ReadinessReport,
): Promise<void> {
  const { store, clock } = deps;
  const { tradeDate, mode } = day;
  const listings = checked.flatMap(({ books, reading }) => [
    ...day.signals,
    ...books.positions,
    ...books.orders,
    ...(reading.kind === 'read' ? listingsOf(reading.snapshot) : []),
  ]);
  const keyOf = await shareKeys(deps, listings);
  const compared: Compared[] = [];
  for (const one of await readAgain(deps, day, checked, keyOf)) compared.push(await compareOne(day, one, keyOf));
  for (const { books, reading } of checked)
    if (reading.kind === 'read') emitLeftOut(deps.emit, books, reading.snapshot.odd);
  const drifts = compared.flatMap((one) => one.drifts);
  if (drifts.length > 0) {
    report.drifts.push(...(await store.call('store_drifts', { tradeDate, nowMs: clock.nowMs(), drifts })));
  }
  const accounts = day.open ? compared.flatMap(({ adjustment }) => adjustment ?? []) : [];
  const booked = await store.call('adjust_books', { mode, tradeDate, nowMs: clock.nowMs(), accounts });
  report.adjusted += booked.adjusted;
  report.external += booked.external;
  const free = new Set(booked.free);
  const withFaults = compared.map((one) => ({ ...one, fault: one.fault ?? notBroughtUp(day, one, free) }));
  const verdicts = withFaults.map(({ books, fault }) => {
    const ready = fault === null;
    return {
      ...{ accountId: books.accountId, ready, broughtUp: ready && day.open },
      ...{ reason: fault, checkedAtMs: day.checkedAtMs },
    };
  });
  const stored = new Map(
    (await store.call('store_readiness', { tradeDate, nowMs: clock.nowMs(), verdicts })).map((one) => [
      one.accountId,
      one,
    ]),
  );
  for (const { books, fault } of withFaults) {
    const { accountId, userId, userName, venue } = books;
    const { notReady = fault, acknowledge = false } = stored.get(accountId) ?? {};
    report.accounts.push({
      accountId,
      userId,
      userName,
      venue,
      ready: notReady === null,
      reason: notReady,
      acknowledge,
    });
  }
}

/** Why an account whose books are not its venue's may not trade: something was under way when they were to be brought up. */
function notBroughtUp(day: Day, { books, adjustment }: Compared, free: ReadonlySet<number>): string | null {
  if (!day.open || adjustment === null || free.has(books.accountId)) return null;
  const same = adjustment.cashMinor === adjustment.booksCashMinor && adjustment.holdings.length === 0;
  if (same) return null;
  const left = books.orders.find(({ leftToAPerson }) => leftToAPerson);
  return left
    ? `books_not_brought_up: order ${left.clientOrderId} is left to a person (npm run resolve)`
    : 'books_not_brought_up: an order or a run was under way';
}

interface Compared {
  books: Books;
  fault: string | null;
  drifts: Drift[];
  adjustment: Adjustment | null;
}

async function compareOne(
  day: Day & { checkedAtMs: number },
  { books, accountApi, reading }: Checked,
  keyOf: KeyOf,
): Promise<Compared> {
  if (reading.kind === 'missed' || !accountApi) {
    return { books, fault: reading.kind === 'missed' ? reading.reason : 'not_read', drifts: [], adjustment: null };
  }
  const { accountId } = books;
  const unread = unreadOfOurs(books, day.signals, reading.snapshot.odd, keyOf);
  if (unread !== null) return { books, fault: unread, drifts: [], adjustment: null };
  if (reading.snapshot.funds.cashMinor === 0 && books.cashMinor > 0) {
    return { books, fault: 'funds_empty: the venue shows no money at all', drifts: [], adjustment: null };
  }
  const differences = shareDifferences(books, reading.snapshot.positions, keyOf);
  const drifts = missingShares(differences).map((one) => ({ accountId, ...one }));
  // From the day's first trade on a venue's cash is no longer in our terms, and shares may be counted in two lists.
  if (tradedToday(books, reading.snapshot)) return { books, fault: null, drifts, adjustment: null };
  const more = await sharesToBook(accountApi, books, day, differences);
  if (more.kind !== 'priced') {
    const fault = more.kind === 'no_price' ? 'no_price_of_holding' : 'holding_beyond_exact_numbers';
    return { books, fault: `${fault}: ${more.listing}`, drifts, adjustment: null };
  }
  return { books, fault: null, drifts, adjustment: adjustmentOf(day, books, reading.snapshot, more.shares) };
}

function adjustmentOf(
  day: Day,
  books: Books,
  { funds }: AccountSnapshot,
  holdings: Adjustment['holdings'],
): Adjustment {
  const { accountId, cashMinor: booksCashMinor, venue } = books;
  const source = `${venue} at readiness of ${day.tradeDate}`;
  const cashMinor = funds.spendableMinor;
  const blockedByOthersMinor = blockedByOthers(funds, false);
  return { accountId, booksCashMinor, cashMinor, blockedByOthersMinor, source, holdings };
}

function withoutLogin({ accounts }: ReadinessReport): AccountReadiness[] {
  return accounts.filter(({ reason }) => /^(no_login|login_ends_at):/.test(reason ?? ''));
}

function emitReadiness({ emit }: Deps<'emit'>, report: ReadinessReport, actions: Day['actions']): void {
  const { accounts, tradeDate, adjusted, external, drifts } = report;
  for (const { ready: isReady, userId, accountId, venue, reason } of accounts) {
    if (!isReady) emit({ type: 'account_not_ready', userId, accountId, venue, reason });
  }
  const notReady = accounts.filter((one) => !one.ready).length;
  emit({ type: 'readiness_checked', tradeDate, accounts: accounts.length, notReady, adjusted, external });
  const logins = withoutLogin(report);
  if (logins.length > 0) {
    const names = logins.slice(0, 5).map(({ userId, venue }) => `${userId} at ${venue}`);
    emit({ type: 'login_missing', alert: true, count: logins.length, first: names.join(', ') });
  }
  emitDrifts(emit, drifts, actions);
}
