import { afterEach, beforeEach, expect, test } from 'vitest';
import { toDatabaseError } from '../../../src/adapters/store/sql-call.ts';
import { makeStore } from '../../../src/adapters/store/store.ts';
import type { Database } from '../../../src/ports/database.ts';
import type { Arguments } from '../../../src/ports/store/store.ts';
import { minuteMs, nowMs, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { apiRunId, placeSingleOrders } from '../support/single-orders.ts';
import {
  acceptAll,
  accepted,
  cutOffMs,
  decideAll,
  fill,
  limits,
  openTestRun,
  sendOne,
  settle,
  settlement,
  take,
  undecided,
} from '../support/test-run.ts';

const dayMs = 24 * 60 * minuteMs;
const wrongClock = expect.objectContaining({ code: 'PT425', kind: 'refused' });

onEveryDatabase('clocks', ({ session, value, breaks }) => {
  /** Calls on the session whose database clock a test sets; a process with the machine's clock, unless `virtual`. */
  const call: Database['call'] = async (name, args) => {
    const [row] = await session
      .query(`select public.${name}($1::jsonb) as answer`, [JSON.stringify(args)])
      .catch((error: unknown) => {
        throw toDatabaseError(name, error);
      });
    return row?.['answer'];
  };
  const close = async () => undefined;
  const store = makeStore({ call, close });
  const virtual = makeStore({ call, close }, { virtual: true });
  /** Sets the database's clock. */
  const databaseAt = (atMs: number) => session.exec(`set daily_scan.now = '${new Date(atMs).toISOString()}'`);

  beforeEach(async () => {
    // By the machine's clock the day of these tests was over long ago.
    breaks(
      'nothing waits to be sent when its time is over',
      'nothing is at its venue after its day, but what a person was told of',
      'no run is planned after its cut-off',
    );
    await session.exec("set daily_scan.clock = ''");
    await databaseAt(nowMs);
  });
  afterEach(() => session.exec("set daily_scan.clock = 'virtual'; reset daily_scan.now"));

  test.each([
    'accept_page',
    'adjust_books',
    'decide_run',
    'mark_sending',
    'mark_resend',
    'place_orders',
    'store_drifts',
    'sweep_orders',
    'take_orders',
  ] as const)('%s is refused with a clock that is far off, whoever asks, and with none', async (name) => {
    for (const wrongMs of [nowMs + dayMs, nowMs - 20 * minuteMs, nowMs + 121_000, null]) {
      await expect(call(name, { nowMs: wrongMs }), String(wrongMs)).rejects.toEqual(wrongClock);
    }
  });

  test('the refusal says both clocks and what to do', async () => {
    const error = await call('sweep_orders', { nowMs: nowMs + 20 * minuteMs, onlyProcess: false }).catch(String);
    expect(error).toContain(
      'the clock of this process says 2025-08-28 09:40:00, the database’s 2025-08-28 09:20:00 (India), more than two minutes apart, so nothing was done: let both machines take their time from the network (NTP)'.replace(
        '’',
        "'",
      ),
    );
  });

  test('no function takes the caller’s clock as it is', async () => {
    const functions = await session.query(`select p.oid::regprocedure::text as name from pg_proc p
      where pronamespace in ('public'::regnamespace, 'core'::regnamespace, 'paper_venue'::regnamespace)
        and prosrc like '%core.at((args ->> ''nowMs'')%'`);
    expect(functions.map(({ name }) => name)).toEqual(['core.now_of(jsonb)', 'core.stamp_of(jsonb)']);
  });

  test('a session that says its clock is its own is believed, whatever day it lives', async () => {
    await databaseAt(nowMs + 300 * dayMs);
    const testRun = await openTestRun(virtual);
    await decideAll(testRun);
    const order = await sendOne(virtual);
    await settle(virtual, [settlement(order.orderId, 'filled', { fills: [fill('f1', 10)] })]);
    expect(await value('select core.ms(ended_at)::float8 from public.orders')).toBe(nowMs);
    // The same of a process that does not.
    await expect(openTestRun(store, { runId: 'other' })).rejects.toEqual(wrongClock);
  });

  test('a check of a day ahead leaves the day’s right one as it is', async () => {
    await store.call('import_users', {
      by: tester,
      users: [user('asha', { venue: 'kite' })],
      mode: 'live',
      source: 's',
      nowMs,
    });
    const accountId = Number(await value('select id::int from public.accounts'));
    const verdict = (checkedAtMs: number, reason: string | null = null) => [
      { accountId, ready: reason === null, reason, checkedAtMs },
    ];
    await store.call('store_readiness', { tradeDate, nowMs, verdicts: verdict(nowMs) });
    const ahead = { tradeDate: '2025-08-29', nowMs: nowMs + dayMs, verdicts: verdict(nowMs + dayMs) };
    await expect(store.call('store_readiness', ahead)).rejects.toEqual(wrongClock);
    const [stored] = await store.call('store_readiness', { tradeDate, nowMs, verdicts: verdict(nowMs) });
    expect(stored?.notReady).toBeNull();
  });

  test('of two checks the younger stands, whatever their processes’ clocks say within the two minutes', async () => {
    await store.call('import_users', {
      by: tester,
      users: [user('asha', { venue: 'kite' })],
      mode: 'live',
      source: 's',
      nowMs,
    });
    const accountId = Number(await value('select id::int from public.accounts'));
    /** Asked `agoMs` ago, by a clock that is `fastMs` ahead. */
    const check = async (reason: string | null, fastMs: number, agoMs = 1000) => {
      const at = Number(await value('select core.ms(core.database_now())::float8')) + fastMs;
      const verdicts = [{ accountId, ready: reason === null, reason, checkedAtMs: at - agoMs }];
      const [stored] = await store.call('store_readiness', { tradeDate, nowMs: at, verdicts });
      return stored?.notReady ?? null;
    };
    expect(await check('venue_down', 90_000)).toBe('venue_down');
    await databaseAt(nowMs + 10_000);
    expect(await check(null, 0)).toBeNull();
    await databaseAt(nowMs + 20_000);
    expect(await check('no_login: again', -90_000)).toBe('no_login: again');
    await databaseAt(nowMs + 21_000);
    // Asked before the one that stands.
    expect(await check(null, 90_000, 15_000)).toBe('no_login: again');
  });

  test('what is stored of a clock that was ahead keeps no later check out', async () => {
    await store.call('import_users', {
      by: tester,
      users: [user('asha', { venue: 'kite' })],
      mode: 'live',
      source: 's',
      nowMs,
    });
    const accountId = Number(await value('select id::int from public.accounts'));
    await session.exec(
      "update public.accounts set checked_at = core.database_now() + interval '1 day', checked_for = date '2025-08-29'",
    );
    const verdicts = [{ accountId, ready: true, reason: null, checkedAtMs: nowMs }];
    expect(await store.call('store_readiness', { tradeDate, nowMs, verdicts })).toMatchObject([{ notReady: null }]);
  });

  test('the day’s run of single orders stays open until the exchange closes, whose clock is ahead', async () => {
    await openTestRun(store, { signals: [] });
    await placeSingleOrders(store, [{ userId: 'asha', symbol: 'TITAN' }]);
    const order = await sendOne(store);
    await settle(store, [settlement(order.orderId, 'filled', { fills: [fill('f1', 1)] })]);
    const state = () => value(`select state from public.scan_runs where id = '${apiRunId}'`);
    await expect(store.call('finish_runs', { nowMs: nowMs + dayMs })).rejects.toEqual(wrongClock);
    const untilMs = cutOffMs + 60 * minuteMs;
    await databaseAt(untilMs - 60_000);
    await store.call('finish_runs', { nowMs: untilMs + 30_000 });
    expect(await state()).toBe('decided');
    await databaseAt(untilMs + 60_000);
    await store.call('finish_runs', { nowMs: untilMs + 30_000 });
    expect(await state()).toBe('done');
  });

  test('an order ends not sent in time by the earlier clock, and is marked by the later', async () => {
    const sendBeforeMs = nowMs + 10 * minuteMs;
    await decideAll(await openTestRun(store, { sendBeforeMs }));
    const status = () => value('select status from public.orders');
    await databaseAt(sendBeforeMs - 30_000);
    await store.call('sweep_orders', { nowMs: sendBeforeMs + 60_000, onlyProcess: false });
    expect(await status()).toBe('queued');

    await databaseAt(sendBeforeMs + 30_000);
    const slow = sendBeforeMs - 60_000;
    expect(await take(store, 'm1', { nowMs: slow })).toEqual([]);
    await expect(take(store, 'm1', { nowMs: nowMs - 20 * minuteMs })).rejects.toEqual(wrongClock);
    expect(await status()).toBe('queued');
  });

  test('nothing is accepted after the cut-off of either clock', async () => {
    const testRun = await openTestRun(store);
    const [account] = await undecided(testRun);
    const [titan] = testRun.signals;
    if (!account || !titan) throw new Error('the test run has a user and a signal');
    await databaseAt(cutOffMs + 1000);
    const decisions = [accepted(testRun, account, titan)];
    await store.call('accept_page', { runId: testRun.runId, nowMs: cutOffMs - 60_000, decisions });
    expect(await value('select reason from public.decisions')).toBe('cut_off');
  });

  test('what a venue said is booked whatever the clock says, and looked up as soon as was meant', async () => {
    await decideAll(await openTestRun(store));
    const order = await sendOne(store);
    const wrongMs = nowMs + dayMs;
    await settle(
      store,
      [settlement(order.orderId, 'working', { fills: [fill('f1', 4)], nextLookupMs: wrongMs + 2000 })],
      wrongMs,
    );
    const [row] =
      await session.query(`select filled_quantity::int as filled, core.ms(next_lookup_at)::float8 as lookup_at,
      core.ms(changed_at)::float8 as changed from public.orders`);
    expect(row).toEqual({ filled: 4, lookup_at: nowMs + 2000, changed: nowMs });
  });

  test('a halt and an alarm are never refused: they get the database’s time', async () => {
    const wrongMs = nowMs - dayMs;
    const halt = { scope: 'all', target: '', why: 'drill', by: tester, nowMs: wrongMs } as const;
    expect(await store.call('halt', halt)).toEqual({ changed: true });
    expect(await value('select core.ms(halted_at)::float8 from public.halts')).toBe(nowMs);
    const notices = [{ key: 'clock_wrong', runId: null, text: 'the clock is wrong' }];
    expect(await store.call('queue_notices', { notices, to: ['+919800000001'], nowMs: wrongMs })).toEqual({
      queued: 1,
    });
    expect(await store.call('claim_notices', { limit: 1, nowMs: wrongMs })).toHaveLength(1);
    expect(await store.call('resume', halt)).toEqual({ changed: true });
  });

  test('a run is opened, and old rows are forgotten, by a clock that is right only', async () => {
    const run: Omit<Arguments['open_run'], 'nowMs'> = {
      ...{ runId: 'r', sessionId: 's', tradeDate: '2025-08-29', mode: 'paper', cutOffMs: cutOffMs + dayMs, limits },
      ...{ problems: [], signals: [], quotes: [], userIds: null, by: tester },
    };
    await expect(store.call('open_run', { ...run, nowMs: nowMs + dayMs })).rejects.toEqual(wrongClock);
    await session.exec(`insert into public.received_signals (request_id, position, received_at, source, payload, outcome, problem)
      values (gen_random_uuid(), 0, core.database_now(), 'http:test', '{}', 'rejected', 'nonsense')`);
    const forget = { keptDays: 400, limit: 10, by: tester };
    await expect(store.call('forget_old', { ...forget, nowMs: nowMs + 500 * dayMs })).rejects.toEqual(wrongClock);
    expect(await value('select count(*)::int from public.received_signals')).toBe(1);
  });

  test('a process may ask whether its clock is right', async () => {
    expect(await store.call('read_readiness', { nowMs })).toMatchObject({ clockIsFar: false });
    expect(await store.call('read_readiness', { nowMs: nowMs - 5 * minuteMs })).toMatchObject({ clockIsFar: true });
    expect(await virtual.call('read_readiness', { nowMs: 0 })).toMatchObject({ clockIsFar: false });
    expect(await store.call('read_readiness', {})).toMatchObject({ clockIsFar: false });
  });

  test('an accept that a page of seconds ago asks for goes through', async () => {
    const testRun = await openTestRun(store);
    await databaseAt(nowMs + 60_000);
    expect(await acceptAll(testRun)).toHaveLength(1);
    expect(await value('select count(*)::int from public.orders')).toBe(1);
  });
});
