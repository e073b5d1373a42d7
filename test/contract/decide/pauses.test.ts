import { expect, test } from 'vitest';
import { decide } from '../../../src/domain/decision/decide.ts';
import { account, planned, frame as runFrame } from '../../domain/decide-case.ts';
import { nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { placeSingleOrders } from '../support/single-orders.ts';
import {
  acceptAll,
  accepted,
  decideAll,
  openTestRun,
  sendOne,
  settle,
  settlement,
  take,
  undecided,
} from '../support/test-run.ts';

const paused: [string, object, string][] = [
  ['paused', { active: false }, 'user_inactive'],
  ['without trading', { tradingEnabled: false }, 'trading_disabled'],
  ['following other strategies only', { strategies: ['other'] }, 'not_subscribed'],
];
const notToBuy: [string, object, string][] = [
  ['never to buy it', { denySymbols: ['TITAN-BE'] }, 'symbol_not_allowed'],
  ['to buy others only', { allowSymbols: ['INFY'] }, 'symbol_not_allowed'],
];

onEveryDatabase('pauses', ({ store, session, value }) => {
  const set = (change: object, userId = 'asha') => store.call('set_user', { userId, by: tester, ...change });
  const orders = () => session.query('select side, status, reason from public.orders order by id');
  const held = () => value('select sum(held_minor)::int from public.accounts');
  /** Asha holds 10 INFY, so that she may sell them. */
  const holding = () =>
    store.call('import_holdings', {
      holdings: [
        {
          ...{ userId: 'asha', venue: 'paper', mode: 'paper', exchange: 'NSE', symbol: 'INFY', quantity: 10 },
          ...{ priceMinor: 100_00, tradeDate, reference: 'h' },
        },
      ],
      nowMs,
    });
  const both = [signal('TITAN'), signal('INFY', { side: 'SELL', rank: 2 })];

  test.each([...paused, ...notToBuy])(
    'who is %s since the page was read has nothing accepted that this forbids',
    async (_, change, reason) => {
      const testRun = await openTestRun(store, { signals: both });
      await holding();
      const page = await undecided(testRun);
      const decisions = page.flatMap((account) => both.map((of) => accepted(testRun, account, of)));
      await set(change);
      await store.call('accept_page', { runId: testRun.runId, nowMs, decisions });
      const no = { outcome: 'skipped', reason };
      const sells = reason === 'symbol_not_allowed' ? { outcome: 'accepted', reason: null } : no;
      expect(await session.query('select outcome, reason from public.decisions order by position')).toEqual([
        no,
        sells,
      ]);
    },
  );

  test.each(paused)(
    'orders of who is %s end unsent, bought and sold alike, and their holds with them',
    async (_, change, reason) => {
      const testRun = await openTestRun(store, { signals: both, users: [user('asha'), user('ravi')] });
      await holding();
      // Ravi has nothing to sell.
      await acceptAll(testRun);
      expect(await set(change)).toEqual({ changed: true, stopped: 2, underWay: 0 });
      const ended = { status: 'canceled', reason };
      expect(await session.query("select status, reason from public.orders where user_id = 'asha'")).toEqual([
        ended,
        ended,
      ]);
      expect(await value("select held_minor::int from public.accounts where user_id = 'asha'")).toBe(0);
      expect(await session.query("select status from public.orders where user_id = 'ravi'")).toEqual([
        { status: 'queued' },
      ]);
      // Once more, nothing is left to stop; and nothing comes back.
      expect(await set(change)).toMatchObject({ stopped: 0 });
      await set({ active: true, tradingEnabled: true, strategies: null });
      expect(await session.query("select distinct status from public.orders where user_id = 'asha'")).toEqual([
        { status: 'canceled' },
      ]);
    },
  );

  test.each(notToBuy)('who is %s keeps other orders, and the sale of what is held', async (_, change, reason) => {
    const signals = [signal('TITAN'), signal('INFY', { side: 'SELL', rank: 2 })];
    const testRun = await openTestRun(store, { signals });
    await holding();
    await decideAll(testRun);
    expect(await set(change)).toMatchObject({ stopped: 1 });
    expect(await orders()).toEqual([
      { side: 'BUY', status: 'canceled', reason },
      { side: 'SELL', status: 'queued', reason: null },
    ]);
    expect(
      await store.call('read_actions', { beforeId: null, limit: 1, userId: 'asha', action: null, sinceMs: null }),
    ).toMatchObject([{ action: 'set_user', after: { stoppedOrders: 1 } }]);
  });

  test('what somebody asks for by themselves needs no strategy, and is stopped by a pause', async () => {
    await openTestRun(store, { signals: [] });
    await set({ strategies: ['other'] });
    await placeSingleOrders(store, [{ userId: 'asha', symbol: 'TITAN' }]);
    expect(await set({ strategies: ['another'] })).toMatchObject({ stopped: 0 });
    expect(await set({ tradingEnabled: false })).toMatchObject({ stopped: 1 });
    await placeSingleOrders(store, [{ userId: 'asha', symbol: 'INFY' }]);
    const reasons = await session.query(
      'select reason from public.decisions order by queue_position, reason nulls first',
    );
    expect(reasons.map(({ reason }) => reason)).toEqual([null, 'trading_disabled']);
  });

  test('an order is stopped before its mark; one that was marked goes on', async () => {
    const testRun = await openTestRun(store, { signals: [signal('TITAN'), signal('ITC', { rank: 2 })] });
    await decideAll(testRun);
    expect(await take(store, 'm1', { limit: 1 })).toHaveLength(1);
    expect(await set({ active: false })).toEqual({ changed: true, stopped: 1, underWay: 1 });
    expect(await take(store, 'm2')).toEqual([]);
    expect((await orders()).map(({ status }) => status)).toEqual(['submitting', 'canceled']);
  });

  test('an order that comes back unsent after the pause is marked by nobody, and ends with the next sweep', async () => {
    await decideAll(await openTestRun(store));
    const { orderId } = await sendOne(store);
    await set({ active: false });
    await settle(store, [settlement(orderId, 'queued', { reason: 'not_sent' })]);
    expect(await take(store, 'again')).toEqual([]);
    expect(await store.call('sweep_orders', { nowMs, onlyProcess: false })).toEqual({
      expired: 0,
      stopped: 1,
      lapsed: 0,
    });
    expect(await orders()).toEqual([{ side: 'BUY', status: 'canceled', reason: 'user_inactive' }]);
    expect(await held()).toBe(0);
  });

  test('a setting changed in the table itself holds at the mark as well', async () => {
    await decideAll(await openTestRun(store));
    await session.exec('update public.users set trading_enabled = false');
    expect(await take(store, 'm1')).toEqual([]);
    await store.call('sweep_orders', { nowMs, onlyProcess: false });
    expect(await orders()).toEqual([{ side: 'BUY', status: 'canceled', reason: 'trading_disabled' }]);
  });

  test('a pause while a run is planning stops what is accepted already, and its plan stands', async () => {
    const testRun = await openTestRun(store);
    await acceptAll(testRun);
    expect(await set({ active: false })).toMatchObject({ stopped: 1 });
    await store.call('decide_run', { runId: testRun.runId, nowMs });
    expect(await take(store, 'm1')).toEqual([]);
    expect((await store.call('read_report', { runId: testRun.runId }))?.statuses).toEqual({ canceled: 1 });
  });

  test('the words of a setting alone stop nothing, and wait for no account', async () => {
    await decideAll(await openTestRun(store));
    expect(await set({ language: 'hi', notify: 'off' })).toEqual({ changed: true, stopped: 0, underWay: 0 });
    expect(await orders()).toMatchObject([{ status: 'queued' }]);
  });

  test('the database keeps an order back for the same reasons as the rules that decide', async () => {
    await openTestRun(store);
    const lists = [null, [], ['TITAN'], ['TITAN-BE'], ['M&M', 'INFY']];
    const switches = [
      { active: true, tradingEnabled: true },
      { active: false, tradingEnabled: true },
      { active: true, tradingEnabled: false },
    ];
    const all = switches.flatMap((flags) =>
      [null, ['breakout-20d'], ['other']].flatMap((strategies) =>
        lists.flatMap((allowSymbols) =>
          lists.flatMap((deny) => ({ ...flags, strategies, allowSymbols, denySymbols: deny ?? [] })),
        ),
      ),
    );
    const settingReasons = new Set(['user_inactive', 'trading_disabled', 'not_subscribed', 'symbol_not_allowed']);
    for (const side of ['BUY', 'SELL'] as const) {
      const frame = runFrame([planned(side, 'TITAN', 3564_80)]);
      const wanted = all.map((settings) => {
        const [decision] = decide(frame, { ...account(), ...settings }, new Map());
        return settingReasons.has(decision?.reason ?? '') ? decision?.reason : null;
      });
      const rows = all.map(({ active, tradingEnabled, strategies, allowSymbols, denySymbols }) => ({
        ...{
          active,
          trading_enabled: tradingEnabled,
          strategies,
          allow_symbols: allowSymbols,
          deny_symbols: denySymbols,
        },
      }));
      const ended = await session.query(
        `select core.settings_block(jsonb_populate_record(u, given), $2, 'breakout-20d', 'NSE', 'TITAN') as reason
         from public.users u, jsonb_array_elements($1::jsonb) with ordinality as one(given, n) order by n`,
        [JSON.stringify(rows), side],
      );
      expect(ended.map(({ reason }) => reason)).toEqual(wanted);
      expect(new Set(wanted)).toEqual(
        new Set(side === 'BUY' ? [null, ...settingReasons] : [null, ...[...settingReasons].slice(0, 3)]),
      );
    }
  });
});
