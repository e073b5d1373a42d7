// A run in a database and what is done with it, with plain defaults: opened, decided, sent, filled.

import { productAt, rateFor } from '../../../src/domain/decision/charges.ts';
import type { ChargeRate, RunLimits } from '../../../src/domain/decision/inputs.ts';
import { marginFor } from '../../../src/domain/decision/sizing.ts';
import { clientOrderIdOf } from '../../../src/domain/ids.ts';
import type { Quote, Signal, UserSettings } from '../../../src/domain/types.ts';
import type { Settlement, StoredOrder } from '../../../src/ports/store/orders.ts';
import type { DecisionToAccept, QueuedAccount } from '../../../src/ports/store/runs.ts';
import type { Answer, Store } from '../../../src/ports/store/store.ts';
import { holdFor } from '../../support/amounts.ts';
import { instrument, minuteMs, nowMs, quote, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';

export const cutOffMs = nowMs + 15 * 60_000;

export const limits = {
  priceBandBps: 300,
  protectionBps: 50,
  minOrderValueMinor: 0,
  maxOrderValueMinor: null,
  symbolCapMinor: null,
  quoteMaxAgeMs: minuteMs,
};

/** What a test's run is made of; every part has a plain default. */
export interface TestRunOptions {
  runId?: string;
  mode?: 'paper' | 'live';
  signals?: Signal[];
  users?: UserSettings[];
  quotes?: Quote[];
  limits?: Partial<RunLimits>;
  cutOffMs?: number;
  sendBeforeMs?: number;
}

export interface TestRun {
  store: Store;
  runId: string;
  mode: 'paper' | 'live';
  signals: Signal[];
  users: UserSettings[];
  rates: ChargeRate[];
}

/** Imports what the setting names and opens its run: by default TITAN at 100.00 for Asha. */
export async function openTestRun(store: Store, options: TestRunOptions = {}): Promise<TestRun> {
  const { runId = 'XNSE:2025-08-28:open:paper', mode = 'paper' } = options;
  const { signals = [signal('TITAN')], users = [user('asha')] } = options;
  // A listing at the BSE is made by its signal, beside the NSE's of the same share.
  const listed = signals.map(({ exchange, symbol }) => ({ symbol, exchange: exchange === 'BSE' ? 'NSE' : exchange }));
  const instruments = [...new Map(listed.map((one) => [one.symbol, instrument(one.symbol, one)])).values()];
  await store.call('import_instruments', { by: tester, instruments });
  await store.call('import_signals', { by: tester, signals, source: 'import:signals.csv' });
  await store.call('import_users', { by: tester, users, mode, source: 'import:users.csv', nowMs });
  const sendBeforeMs = options.sendBeforeMs ?? cutOffMs + 2 * minuteMs;
  await store.call('open_run', {
    by: tester,
    runId,
    sessionId: runId.split(':').slice(0, 3).join(':'),
    tradeDate,
    mode,
    nowMs,
    cutOffMs: options.cutOffMs ?? cutOffMs,
    limits: { ...limits, ...options.limits },
    problems: [],
    signals: signals.map(({ id }, index) => ({ signalId: id, position: index + 1, sendBeforeMs })),
    quotes: options.quotes ?? instruments.map(({ exchange, symbol }) => ({ ...quote(symbol), exchange })),
    userIds: users.map(({ id }) => id),
  });
  const run = await store.call('read_run', { runId });
  if (!run) throw new Error('the run was just opened');
  return { store, runId, mode, signals, users, rates: run.rates };
}

/** The run's users that are still undecided, as `decide` would see them. */
export function undecided({ store, runId, mode, signals }: TestRun, page = {}): Promise<QueuedAccount[]> {
  const signalIds = signals.map(({ id }) => id);
  const args = { runId, frozen: true, mode, tradeDate, userIds: null, signalIds, afterQueuePosition: 0, limit: 1000 };
  return store.call('read_accounts', { ...args, ...page });
}

/** A decision to buy (or sell) 10 at 100.00 with a limit of 100.50 (99.50), with the hold that `decide` would ask. */
export function accepted(
  testRun: TestRun,
  account: QueuedAccount,
  of: Signal,
  { quantity = 10, priceMinor = 100_00, limitPriceMinor = of.side === 'BUY' ? 100_50 : 99_50 } = {},
): DecisionToAccept {
  const { leverageCenti, id: userId, venue } = account.settings;
  const held = of.side === 'SELL' ? account.positions.find(({ symbol }) => symbol === of.symbol) : undefined;
  const product = held?.product ?? productAt(leverageCenti);
  const rate = rateFor(testRun.rates, of.side, product);
  return {
    queuePosition: account.queuePosition,
    accountId: account.accountId,
    signalId: of.id,
    userId,
    outcome: 'accepted',
    reason: null,
    limit: null,
    actual: null,
    quantity,
    priceMinor,
    limitPriceMinor,
    marginMinor: marginFor(quantity * priceMinor, leverageCenti),
    ...holdFor(of.side, quantity, limitPriceMinor, leverageCenti, rate),
    leverageCenti,
    product,
    rateId: rate.id,
    clientOrderId: clientOrderIdOf(testRun.mode, venue, userId, of.id),
  };
}

export function notAccepted(
  account: QueuedAccount,
  of: Signal,
  outcome: 'skipped' | 'denied',
  reason: DecisionToAccept['reason'],
): DecisionToAccept {
  const nothing = {
    limit: null,
    actual: null,
    limitPriceMinor: null,
    product: null,
    rateId: null,
    clientOrderId: null,
  } as const;
  const beyond = reason === 'quantity_zero' ? { limit: '1.00', actual: '100.00' } : {};
  const zero = { quantity: 0, marginMinor: 0, chargesMinor: 0, holdMinor: 0 };
  const { queuePosition, accountId, settings } = account;
  const whose = { queuePosition, accountId, userId: settings.id, leverageCenti: settings.leverageCenti };
  return { ...nothing, ...zero, ...whose, ...beyond, signalId: of.id, outcome, reason, priceMinor: 100_00 };
}

export type Size = Parameters<typeof accepted>[3];

/** Accepts every signal for every undecided user and closes the planning. */
export async function decideAll(testRun: TestRun, size: Size = {}, atMs = nowMs): Promise<void> {
  await acceptAll(testRun, size, atMs);
  await testRun.store.call('decide_run', { runId: testRun.runId, nowMs: atMs });
}

export async function acceptAll(testRun: TestRun, size: Size = {}, atMs = nowMs): Promise<DecisionToAccept[]> {
  const page = await undecided(testRun);
  const decisions = page.flatMap((account) => testRun.signals.map((of) => accepted(testRun, account, of, size)));
  await testRun.store.call('accept_page', { runId: testRun.runId, nowMs: atMs, decisions });
  return decisions;
}

export const leaseMs = 30_000;

/** Marks what may go, and gives it: from here on the venue may have heard of it. */
export async function take(store: Store, markId: string, change: object = {}): Promise<StoredOrder[]> {
  const args = { markId, venues: ['paper'], limit: 100, leaseMs, nowMs, ...change };
  return (await store.call('take_orders', args)).orders;
}

let marks = 0;
/** A mark id of its own for every call. */
function newMark(): string {
  marks += 1;
  return `all-${marks}`;
}

/** Takes everything that may go. */
export function sendAll(store: Store, markId = newMark()): Promise<StoredOrder[]> {
  return take(store, markId);
}

/** The one order of a testRun with one user and one signal, at the venue. */
export async function sendOne(store: Store, markId?: string): Promise<StoredOrder> {
  const [order, ...more] = await sendAll(store, markId);
  if (!order || more.length > 0) throw new Error(`one order was to go, not ${more.length + (order ? 1 : 0)}`);
  return order;
}

export function settlement(
  orderId: number,
  venueStatus: Settlement['venueStatus'],
  change: Partial<Settlement> = {},
): Settlement {
  const nothing = { reason: null, message: null, venueOrderId: null, nextLookupMs: null, nextAttemptMs: null };
  return { orderId, venueStatus, ...nothing, fills: [], ...change };
}

export function fill(venueFillId: string, quantity: number, priceMinor = 100_00): Settlement['fills'][number] {
  return { venueFillId, quantity, priceMinor, atMs: nowMs };
}

export function settle(store: Store, outcomes: Settlement[], atMs = nowMs): Promise<Answer<'settle_orders'>> {
  return store.call('settle_orders', { outcomes, nowMs: atMs });
}
