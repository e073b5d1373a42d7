import { expect, test } from 'vitest';
import { INR } from '../../../src/domain/currency.ts';
import { formatMinor } from '../../../src/domain/money.ts';
import type { DecisionToAccept } from '../../../src/ports/store/runs.ts';
import { minuteMs, nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import {
  acceptAll,
  accepted,
  cutOffMs,
  decideAll,
  fill,
  openTestRun,
  type Size,
  sendOne,
  settle,
  settlement,
  type TestRun,
  undecided,
} from '../support/test-run.ts';

// Decisions are made on what was read; what changed until accept holds the locks turns an accept into a refusal.
onEveryDatabase('accept, looking again', ({ store, session, value }) => {
  /** Every signal decided as accepted, then `meanwhile` happens, then the page is accepted. */
  async function race(
    testRun: TestRun,
    meanwhile: () => unknown,
    size: Size = {},
    atMs = nowMs,
  ): Promise<DecisionToAccept[]> {
    const page = await undecided(testRun);
    const decisions = page.flatMap((account) => testRun.signals.map((of) => accepted(testRun, account, of, size)));
    await meanwhile();
    await store.call('accept_page', { runId: testRun.runId, nowMs: atMs, decisions });
    return decisions;
  }
  const stored = (runId: string) =>
    session.query(
      `select outcome, reason, limit_value as "limit", actual_value as actual from public.decisions
       where run_id = $1 order by position, queue_position`,
      [runId],
    );
  const denied = (reason: string, limit: string | null = null, actual: string | null = null) => ({
    outcome: 'denied',
    reason,
    limit,
    actual,
  });
  const skipped = (reason: string, actual: string | null = null) => ({
    outcome: 'skipped',
    reason,
    limit: null,
    actual,
  });
  const yes = { outcome: 'accepted', reason: null, limit: null, actual: null };
  const halt = (scope: 'all' | 'venue' | 'user', target: string) =>
    store.call('halt', { scope, target, why: 'drill', by: { who: 'me', how: 'cli' }, nowMs });
  const noOrders = async () => expect(await value('select count(*)::int from public.orders')).toBe(0);

  test('denies what the money no longer covers, and says how much there was and was needed', async () => {
    const testRun = await openTestRun(store, { users: [user('asha', { capitalMinor: 1000_00 })] });
    const [decision] = await race(testRun, () => null);
    expect(await stored(testRun.runId)).toEqual([
      denied('insufficient_funds', '1000.00', formatMinor(decision?.holdMinor ?? 0, INR)),
    ]);
    await noOrders();
  });

  test('covers what exactly fits', async () => {
    const testRun = await openTestRun(store);
    const [account] = await undecided(testRun);
    if (!account) throw new Error('asha is in the run');
    const decision = accepted(testRun, account, signal('TITAN'));
    await store.call('import_users', {
      by: tester,
      users: [user('ravi', { capitalMinor: decision.holdMinor })],
      mode: 'paper',
      source: 's',
      nowMs,
    });
    const exact = await openTestRun(store, {
      runId: 'exact',
      users: [user('ravi', { capitalMinor: decision.holdMinor })],
    });
    await race(exact, () => null);
    expect(await stored('exact')).toEqual([yes]);
    expect(await value("select (cash_minor - held_minor)::int from public.accounts where user_id = 'ravi'")).toBe(0);
  });

  test('gives scarce money to the best rank, whatever order the page is in', async () => {
    const signals = ['TITAN', 'INFY', 'SBIN', 'ITC'].map((symbol, index) => signal(symbol, { rank: index + 1 }));
    const testRun = await openTestRun(store, { signals, users: [user('asha', { capitalMinor: 2500_00 })] });
    const [account] = await undecided(testRun);
    if (!account) throw new Error('asha is in the run');
    const sizes = [10, 20, 10, 10];
    const decisions = signals.map((of, index) => accepted(testRun, account, of, { quantity: sizes[index] ?? 0 }));
    await store.call('accept_page', { runId: testRun.runId, nowMs, decisions: decisions.toReversed() });
    const outcomes = (await stored(testRun.runId)).map(({ reason }) => reason);
    expect(outcomes).toEqual([null, 'insufficient_funds', null, 'insufficient_funds']);
  });

  test('lets no account go below zero when runs accept at the same time', async () => {
    const users = [user('asha', { capitalMinor: 2500_00 })];
    const scenes: TestRun[] = [];
    for (const symbol of ['TITAN', 'INFY', 'SBIN', 'ITC', 'LT']) {
      scenes.push(await openTestRun(store, { runId: symbol, signals: [signal(symbol)], users }));
    }
    await Promise.all(scenes.map((testRun) => acceptAll(testRun)));
    expect(await value('select count(*)::int from public.orders')).toBe(2);
    expect(await value("select count(*)::int from public.decisions where reason = 'insufficient_funds'")).toBe(3);
  });

  test('denies beyond the open positions, earlier ones of the run included', async () => {
    const signals = [signal('TITAN'), signal('INFY', { rank: 2 }), signal('SBIN', { rank: 3 })];
    const testRun = await openTestRun(store, { signals, users: [user('asha', { maxOpenPositions: 2 })] });
    await race(testRun, () => null);
    expect(await stored(testRun.runId)).toEqual([yes, yes, denied('max_open_positions', '2', '2')]);
  });

  test('skips what is worked on or held by now', async () => {
    const testRun = await openTestRun(store, { signals: [signal('TITAN', { strategy: 'other' })] });
    await race(testRun, async () => acceptAll(await openTestRun(store, { runId: 'earlier' })));
    expect(await stored(testRun.runId)).toEqual([skipped('working_order')]);

    const later = await openTestRun(store, { runId: 'later', signals: [signal('INFY')] });
    await race(later, () => {
      const holding = { userId: 'asha', venue: 'paper', mode: 'paper', exchange: 'NSE', symbol: 'INFY', tradeDate };
      return store.call('import_holdings', {
        holdings: [{ ...holding, quantity: 1, priceMinor: 1, reference: 'h' }],
        nowMs,
      });
    });
    expect(await stored('later')).toEqual([skipped('already_holding')]);
  });

  test('skips a sale of more than is held', async () => {
    const testRun = await openTestRun(store, { signals: [signal('TITAN', { side: 'SELL' })] });
    await race(testRun, () => null);
    expect(await stored(testRun.runId)).toEqual([skipped('no_position')]);
    await noOrders();
  });

  test('skips an account that was blocked meanwhile, with the reason', async () => {
    const testRun = await openTestRun(store);
    await race(testRun, () => session.exec("update public.accounts set not_ready = 'drift'"));
    expect(await stored(testRun.runId)).toEqual([skipped('account_not_ready', 'drift')]);
  });

  test.each([
    ['all', ''],
    ['venue', 'paper'],
    ['user', 'asha'],
  ] as const)('denies under a halt of %s', async (scope, target) => {
    const testRun = await openTestRun(store, { users: [user('asha', { venue: 'kite' })] });
    await race(testRun, () => halt(scope, target));
    expect(await stored(testRun.runId)).toEqual([denied('halted')]);
    await noOrders();
  });

  test('is not stopped by a halt of another venue or user, or one that was lifted', async () => {
    const testRun = await openTestRun(store);
    await race(testRun, async () => {
      await halt('user', 'ravi');
      await halt('venue', 'kite');
      await halt('all', '');
      await store.call('resume', { scope: 'all', target: '', why: 'over', by: { who: 'me', how: 'cli' }, nowMs });
    });
    expect(await stored(testRun.runId)).toEqual([yes]);
  });

  test('denies at the cut-off, and a signal at the end of its validity', async () => {
    const testRun = await openTestRun(store);
    await race(testRun, () => null, {}, cutOffMs);
    expect(await stored(testRun.runId)).toEqual([denied('cut_off')]);
    const short = signal('INFY', { validUntilMs: nowMs + minuteMs });
    const expiring = await openTestRun(store, { runId: 'expiring', signals: [short] });
    await race(expiring, () => null, {}, nowMs + minuteMs);
    expect(await stored('expiring')).toEqual([denied('signal_expired')]);
  });

  test('leaves a signal to the run that decided it first', async () => {
    const first = await openTestRun(store, { runId: 'first' });
    const second = await openTestRun(store, { runId: 'second' });
    await race(second, () => acceptAll(first));
    expect(await stored('second')).toEqual([skipped('already_decided')]);
    expect(await value('select count(*)::int from public.orders')).toBe(1);
    const third = await openTestRun(store, { runId: 'third' });
    const [account] = await undecided(third);
    expect(account?.decidedSignalIds).toEqual([signal('TITAN').id]);
    await race(third, () => null);
    expect(await stored('third')).toEqual([skipped('already_decided')]);
  });

  test('lets one of many runs have the signal when they accept at the same time', async () => {
    const users = ['asha', 'ravi', 'meera'].map((id) => user(id));
    const scenes: TestRun[] = [];
    for (const runId of ['a', 'b', 'c', 'd']) scenes.push(await openTestRun(store, { runId, users }));
    await Promise.all(scenes.map((testRun) => acceptAll(testRun)));
    expect(await value('select count(*)::int from public.orders')).toBe(3);
    expect(await value("select count(*)::int from public.decisions where reason = 'already_decided'")).toBe(9);
  });

  test('paper and live are apart: each has its own decision, money and order', async () => {
    const paper = await openTestRun(store);
    await acceptAll(paper);
    const live = await openTestRun(store, { runId: 'live', mode: 'live' });
    await session.exec("update public.accounts set not_ready = null, checked_for = '2025-08-28' where mode = 'live'");
    await race(live, () => null);
    expect(await stored('live')).toEqual([denied('insufficient_funds', '0.00', expect.any(String))]);
  });

  test('sells what it holds, with a hold for the charges alone', async () => {
    await decideAll(await openTestRun(store, { runId: 'buy' }));
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 10)] })]);
    const testRun = await openTestRun(store, { runId: 'sell', signals: [signal('TITAN', { side: 'SELL' })] });
    const [decision] = await race(testRun, () => null);
    expect(await stored('sell')).toEqual([yes]);
    expect(decision?.holdMinor).toBe(decision?.chargesMinor);
    expect(await value('select held_minor::int from public.accounts')).toBe(decision?.chargesMinor);
  });
});
