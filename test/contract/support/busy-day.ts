// A day with every status, reason and kind of entry in it, for tests that read whole databases.
import type { SqlSession } from '../../../src/ports/database.ts';
import type { DecisionToAccept, QueuedAccount } from '../../../src/ports/store/runs.ts';
import type { Store } from '../../../src/ports/store/store.ts';
import * as builders from '../../support/builders.ts';
import { minuteMs, nowMs, signal, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { acknowledgeDrifts } from './acknowledge-drifts.ts';
import { placeSingleOrders } from './single-orders.ts';
import * as testRuns from './test-run.ts';
import { accepted, fill, notAccepted, settlement, undecided } from './test-run.ts';

type Reason = NonNullable<DecisionToAccept['reason']>;

/** Every reason there is, with numbers as `decide` would give them. */
const refusals: Readonly<Record<Reason, readonly [string | null, string | null]>> = {
  user_inactive: [null, null],
  trading_disabled: [null, null],
  not_subscribed: [null, null],
  no_account_in_currency: [null, 'INR'],
  account_not_ready: [null, 'drift: position NSE:TITAN'],
  already_decided: [null, null],
  already_holding: [null, '5'],
  working_order: [null, null],
  no_position: ['5', '10'],
  symbol_not_allowed: [null, null],
  halted: [null, 'the venue is down'],
  cut_off: [null, null],
  signal_expired: [null, null],
  price_unavailable: ['60', '75'],
  price_outside_band: ['3.00', '-3.50'],
  margin_unavailable: [null, null],
  instrument_restricted: [null, 'ban'],
  daily_loss_limit: ['-1000.00', '-1200.00'],
  max_open_positions: ['1', '1'],
  quantity_zero: ['50.00', '100.00'],
  below_min_value: ['5000.00', '1000.00'],
  max_order_value: ['500.00', '1000.00'],
  max_orders_per_day: ['1', '1'],
  freeze_quantity: ['5', '10'],
  symbol_cap: ['1000.00', '2000.00'],
  insufficient_funds: ['10.00', '1006.20'],
};

const skips = ['user_inactive', 'trading_disabled', 'not_subscribed', 'account_not_ready', 'already_decided'];
const moreSkips = ['no_account_in_currency', 'already_holding', 'working_order', 'no_position', 'symbol_not_allowed'];
const skipReasons = new Set([...skips, ...moreSkips]);

const traders = ['asha', 'bina', 'devi', 'kabir', 'lata'];

const isReason = (text: string): text is Reason => Object.hasOwn(refusals, text);

function notAcceptedFor(account: QueuedAccount, of: ReturnType<typeof signal>, reason: Reason): DecisionToAccept {
  const [limit, actual] = refusals[reason];
  return { ...notAccepted(account, of, skipReasons.has(reason) ? 'skipped' : 'denied', reason), limit, actual };
}

/**
 * A day as they are: buys, sales, fills in parts, late, corrected and from outside, orders of every status, every reason
 * there is, money in and out, single orders, messages; and a run that is planned when it is looked at, at 09:40. The
 * database's clock goes with it, so the connection has to be the only one.
 */
export async function playBusyDay(store: Store, session: SqlSession): Promise<void> {
  const reached = async (minute: number): Promise<number> => {
    const atMs = nowMs + minute * minuteMs;
    await session.exec(`set daily_scan.now = '${new Date(atMs).toISOString()}'`);
    return atMs;
  };
  await reached(0);
  await openAndSend(store);
  await reached(1);
  await settleFirst(store, session);
  await reached(2);
  await settleLate(store, session);
  await reached(5);
  await sell(store, session, nowMs + 5 * minuteMs);
  await reached(8);
  await placeSingleOrders(store, [{ userId: 'asha', symbol: 'WIPRO' }], nowMs + 8 * minuteMs);
  await reached(10);
  await notifyUsers(store, nowMs + 10 * minuteMs);
  await store.call('finish_runs', { nowMs: nowMs + 10 * minuteMs });
  await reached(12);
  await testRuns.openTestRun(store, { runId: 'planned', signals: [signal('HDFC')], users: [user('asha')] });
  // Nobody trades it: it is what a corruption names that needs another currency.
  await store.call('import_instruments', {
    instruments: [builders.instrument('AAPL', { exchange: 'US' })],
    by: tester,
  });
  await reached(20);
}

async function openAndSend(store: Store): Promise<void> {
  const reasons = Object.keys(refusals).filter(isReason);
  const users = [...traders, ...reasons].map((id) => user(id)).concat(user('meera', { leverageCenti: 300 }));
  const signals = [signal('TITAN'), signal('INFY', { rank: 2 })];
  const limits = { symbolCapMinor: 1_00_000_00 };
  const testRun = await testRuns.openTestRun(store, { runId: 'first', users, signals, limits });
  const decisions = (await undecided(testRun)).flatMap((account) =>
    signals.map((of) => {
      const { id } = account.settings;
      return isReason(id) ? notAcceptedFor(account, of, id) : accepted(testRun, account, of);
    }),
  );
  await store.call('accept_page', { runId: 'first', nowMs, decisions });
  await store.call('decide_run', { runId: 'first', nowMs });
  await testRuns.sendAll(store, 'morning');
}

async function orderOf(session: SqlSession, userId: string, symbol: string): Promise<{ id: number; name: string }> {
  const [row] = await session.query(
    `select o.id, o.client_order_id as name from public.orders o join public.instruments i on i.id = o.instrument_id
     where o.user_id = $1 and i.symbol = $2 order by o.id desc limit 1`,
    [userId, symbol],
  );
  return { id: Number(row?.['id']), name: String(row?.['name']) };
}

async function settleFirst(store: Store, session: SqlSession): Promise<void> {
  const atMs = nowMs + minuteMs;
  const id = async (userId: string, symbol: string) => (await orderOf(session, userId, symbol)).id;
  const open = { nextLookupMs: atMs + 30 * minuteMs, venueOrderId: 'v1' };
  await testRuns.settle(
    store,
    [
      settlement(await id('asha', 'TITAN'), 'filled', { fills: [fill('a1', 4), fill('a2', 6, 100_50)] }),
      settlement(await id('asha', 'INFY'), 'partially_filled', { fills: [fill('b1', 4, 99_90)], ...open }),
      settlement(await id('meera', 'TITAN'), 'filled', { fills: [fill('c1', 10, 100_10)] }),
      settlement(await id('meera', 'INFY'), 'rejected', { reason: 'margin' }),
      settlement(await id('kabir', 'TITAN'), 'canceled'),
      settlement(await id('kabir', 'INFY'), 'filled', { fills: [fill('d1', 10)] }),
      settlement(await id('bina', 'TITAN'), 'expired'),
      settlement(await id('bina', 'INFY'), 'filled', { fills: [fill('e1', 10)] }),
      settlement(await id('devi', 'TITAN'), 'working', open),
      settlement(await id('devi', 'INFY'), 'queued', { nextAttemptMs: atMs + 60 * minuteMs }),
      settlement(await id('lata', 'TITAN'), 'unknown', open),
      settlement(await id('lata', 'INFY'), 'partially_filled', { fills: [fill('g1', 5)], ...open }),
    ],
    atMs,
  );
}

/** What came after the end, from outside, or was told wrong; and what people did. */
async function settleLate(store: Store, session: SqlSession): Promise<void> {
  const atMs = nowMs + 2 * minuteMs;
  const late = async (userId: string, name: string) => {
    const { id } = await orderOf(session, userId, 'TITAN');
    await testRuns.settle(store, [settlement(id, 'canceled', { fills: [fill(name, 3)] })], atMs);
  };
  await testRuns.settle(store, [settlement((await orderOf(session, 'asha', 'INFY')).id, 'canceled')], atMs);
  await late('kabir', 'late');
  await acknowledgeDrifts(store, { userId: 'kabir', venue: 'paper', mode: 'paper' }, atMs);
  // Nobody has looked at this one yet.
  await late('bina', 'later');
  const rest = { fill: null, priceMinor: null, by: tester, nowMs: atMs };
  await store.call('correct_fill', { order: (await orderOf(session, 'kabir', 'INFY')).name, quantity: 8, ...rest });
  const holding = { userId: 'kabir', venue: 'paper', mode: 'paper', exchange: 'NSE', symbol: 'SBIN', quantity: 10 };
  const holdings = [{ ...holding, priceMinor: 50_00, tradeDate: builders.tradeDate, reference: 'demat' }];
  await store.call('import_holdings', { holdings, nowMs: atMs });
  for (const kind of ['deposit', 'withdrawal'] as const) {
    const moved = { userId: 'asha', venue: null, kind, amountMinor: 100_00, reference: kind, isNamed: true };
    await store.call('move_cash', { ...moved, by: { ...tester, why: 'a test' }, nowMs: atMs });
  }
}

async function sell(store: Store, session: SqlSession, atMs: number): Promise<void> {
  const signals = [signal('TITAN', { side: 'SELL' }), signal('SBIN', { side: 'SELL', rank: 2 })];
  const users = [user('asha'), user('kabir')];
  const testRun = await testRuns.openTestRun(store, { runId: 'sales', users, signals });
  const decisions = (await undecided(testRun)).flatMap((account) =>
    signals.map((of) => {
      const sells = of.symbol === (account.settings.id === 'asha' ? 'TITAN' : 'SBIN');
      return sells ? accepted(testRun, account, of, { quantity: 6 }) : notAcceptedFor(account, of, 'working_order');
    }),
  );
  await store.call('accept_page', { runId: 'sales', nowMs: atMs, decisions });
  await store.call('decide_run', { runId: 'sales', nowMs: atMs });
  await testRuns.take(store, 'sales', { nowMs: atMs });
  const sold = (name: string, priceMinor: number) => ({ fills: [{ ...fill(name, 6, priceMinor), atMs }] });
  const asha = (await orderOf(session, 'asha', 'TITAN')).id;
  const kabir = (await orderOf(session, 'kabir', 'SBIN')).id;
  const outcomes = [settlement(asha, 'filled', sold('s1', 101_00)), settlement(kabir, 'filled', sold('s2', 99_80))];
  await testRuns.settle(store, outcomes, atMs);
}

/** One message has arrived, one is not known to, the others wait. */
async function notifyUsers(store: Store, atMs: number): Promise<void> {
  const due = await store.call('read_due_messages', { runId: 'first', limit: 2, nowMs: atMs });
  const messages = due.map(({ messageId, contentHash }) => ({
    messageId,
    text: 'Hello',
    contentHash,
    to: '+919800000001',
  }));
  await store.call('mark_sending', { messages, nowMs: atMs });
  const settled = messages.map(({ messageId }, n) => {
    const status = n === 0 ? ('sent' as const) : ('unknown' as const);
    return { messageId, status, reason: null, providerId: `SM${n}`, nextLookupMs: atMs + 30 * minuteMs };
  });
  await store.call('settle_messages', { messages: settled, nowMs: atMs });
  await store.call('record_delivery', {
    ...{ messageId: messages[0]?.messageId ?? 0, attempt: 1, providerId: 'SM0', providerStatus: 'delivered' },
    ...{ code: null, reason: null, nowMs: atMs, unreachable: false, retryMs: null, fallback: null },
  });
}
