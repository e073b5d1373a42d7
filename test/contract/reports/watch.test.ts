import { describe, expect, test } from 'vitest';
import { storeFunctions } from '../../../src/ports/store/store.ts';
import { minuteMs, nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendAll, sendOne, settle, settlement, take } from '../support/test-run.ts';

const functions = Object.keys(storeFunctions);
const nse = { market: 'XNSE', exchanges: ['NSE'] };
const days = [
  { ...nse, tradeDate },
  { ...nse, tradeDate: '2025-08-29' },
];
const condition = { mode: 'paper', days, functions };

onEveryDatabase('watching', ({ store, session, value }) => {
  describe('read_order_events', () => {
    test('gives what happened after an event, in order, with what is filled', async () => {
      await decideAll(await openTestRun(store));
      const { orderId, clientOrderId } = await sendOne(store);
      await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 10, 99_90)] })]);
      const all = await store.call('read_order_events', { orders: [{ orderId, afterEventId: 0 }] });
      expect(all.map(({ from, status }) => [from, status])).toEqual([
        [null, 'queued'],
        ['queued', 'submitting'],
        ['submitting', 'filled'],
      ]);
      expect(all.at(-1)).toMatchObject({ orderId, clientOrderId, filledQuantity: 10, filledValueMinor: 999_00 });
      const after = all[1]?.eventId ?? 0;
      expect(await store.call('read_order_events', { orders: [{ orderId, afterEventId: after }] })).toEqual([all[2]]);
    });

    test('says of each event what was filled then, whatever came later', async () => {
      await decideAll(await openTestRun(store));
      const { orderId } = await sendOne(store);
      await settle(store, [settlement(orderId, 'working')]);
      await settle(store, [settlement(orderId, 'partially_filled', { fills: [fill('f1', 4, 99_90)] })]);
      await settle(store, [settlement(orderId, 'filled', { fills: [fill('f2', 6, 100_00)] })]);
      const all = await store.call('read_order_events', { orders: [{ orderId, afterEventId: 0 }] });
      expect(
        all.map(({ status, filledQuantity, filledValueMinor }) => [status, filledQuantity, filledValueMinor]),
      ).toEqual([
        ['queued', 0, 0],
        ['submitting', 0, 0],
        ['working', 0, 0],
        ['partially_filled', 4, 399_60],
        ['filled', 10, 999_60],
      ]);
    });

    test('says it of an order that filled in part and ended in one answer', async () => {
      await decideAll(await openTestRun(store));
      const { orderId } = await sendOne(store);
      await settle(store, [settlement(orderId, 'canceled', { fills: [fill('f1', 4, 99_90)] })]);
      const all = await store.call('read_order_events', { orders: [{ orderId, afterEventId: 0 }] });
      expect(
        all.map(({ status, filledQuantity, filledValueMinor }) => [status, filledQuantity, filledValueMinor]),
      ).toEqual([
        ['queued', 0, 0],
        ['submitting', 0, 0],
        ['partially_filled', 4, 399_60],
        ['canceled', 4, 399_60],
      ]);
    });

    test('reads each order from its own event, and no other order', async () => {
      await decideAll(await openTestRun(store, { users: [user('asha'), user('bela'), user('chand')] }));
      const [first, second] = await sendAll(store);
      if (!first || !second) throw new Error('three orders were to go');
      const events = await store.call('read_order_events', { orders: [{ orderId: first.orderId, afterEventId: 0 }] });
      const last = events.at(-1)?.eventId ?? 0;
      const both = await store.call('read_order_events', {
        orders: [
          { orderId: first.orderId, afterEventId: last },
          { orderId: second.orderId, afterEventId: 0 },
        ],
      });
      expect(both.map(({ orderId }) => orderId)).toEqual([second.orderId, second.orderId]);
    });
  });

  describe('read_gauges', () => {
    test('counts the orders of the day by venue, status and the word of the reason, never its text', async () => {
      await decideAll(await openTestRun(store, { users: [user('asha'), user('bela'), user('chand'), user('devi')] }));
      const [a, b, c] = await take(store, 'mark-1', { limit: 3 });
      if (!a || !b || !c) throw new Error('three orders were to be taken');
      await settle(store, [
        settlement(a.orderId, 'filled', { fills: [fill('f1', 10, 100_00)] }),
        settlement(b.orderId, 'filled', { fills: [fill('f2', 10, 101_00)] }),
        settlement(c.orderId, 'unknown', { reason: 'adapter_error: call +919800000001' }),
      ]);
      const gauges = await store.call('read_gauges', { days: [{ market: 'XNSE', tradeDate }] });
      expect(gauges.orders).toHaveLength(3);
      expect(gauges.orders).toEqual(
        expect.arrayContaining([
          { mode: 'paper', venue: 'paper', status: 'filled', reason: '', market: 'XNSE', count: 2 },
          { mode: 'paper', venue: 'paper', status: 'unknown', reason: 'adapter_error', market: 'XNSE', count: 1 },
          { mode: 'paper', venue: 'paper', status: 'queued', reason: '', market: 'XNSE', count: 1 },
        ]),
      );
      expect(gauges.spreads).toEqual([
        {
          mode: 'paper',
          market: 'XNSE',
          symbol: 'TITAN',
          side: 'BUY',
          lowestMilli: 100_00_000,
          highestMilli: 101_00_000,
        },
      ]);
      expect(gauges).toMatchObject({ queued: { count: 1, oldestAtMs: nowMs }, unknownOrders: 1, leftToAPerson: 1 });
      expect(gauges.messages).toEqual([{ mode: 'paper', status: 'queued', market: 'XNSE', count: 4 }]);
      expect(gauges.runs).toEqual([
        { market: 'XNSE', slot: 'open', mode: 'paper', state: 'decided', planningMs: 0, sendingMs: 0, totalMs: null },
      ]);
    });

    test.each([
      ['of another day', { market: 'XNSE', tradeDate: '2025-08-29' }],
      ['of the day of another market', { market: 'XNYS', tradeDate }],
    ])('%s there is only what waits or is unknown', async (_of, day) => {
      await decideAll(await openTestRun(store));
      const gauges = await store.call('read_gauges', { days: [day, { market: 'XNSE', tradeDate: '2025-08-29' }] });
      expect(gauges).toMatchObject({ orders: [], messages: [], runs: [], spreads: [], queued: { count: 1 } });
    });
  });

  test('read_readiness knows the migrations and the time', async () => {
    const { nowMs: databaseMs, migrations } = await store.call('read_readiness', {});
    expect(migrations.length).toBeGreaterThan(5);
    expect(migrations).toEqual(migrations.toSorted());
    expect(Math.abs(databaseMs - Number(await value(`select core.ms(core.database_now())`)))).toBeLessThan(60_000);
  });

  describe('read_condition', () => {
    test('finds nothing wrong where nothing is', async () => {
      await openTestRun(store);
      expect(await store.call('read_condition', condition)).toEqual({
        signals: [
          { market: 'XNSE', tradeDate, count: 1 },
          { market: 'XNSE', tradeDate: '2025-08-29', count: 0 },
        ],
        users: { active: 1, withoutAccount: 0, withoutOptIn: 1 },
        unknownOrders: 0,
        leftToAPerson: [],
        leftCount: 0,
        messagesNotKnown: 0,
        blockedAccounts: { count: 0, first: [] },
        halts: [],
        notCallable: [],
        openToVisitors: [],
        withoutRowSecurity: [],
      });
    });

    test('counts for a market only the signals of its exchanges', async () => {
      await openTestRun(store);
      const newYork = { market: 'XNYS', tradeDate, exchanges: ['US', 'NYSE'] };
      const { signals } = await store.call('read_condition', { ...condition, days: [newYork, { ...nse, tradeDate }] });
      expect(signals).toEqual([
        { market: 'XNYS', tradeDate, count: 0 },
        { market: 'XNSE', tradeDate, count: 1 },
      ]);
    });

    test('names what a person has to look at', async () => {
      await decideAll(await openTestRun(store, { users: [user('asha'), user('bela', { whatsapp: '+919800000001' })] }));
      const [order] = await sendAll(store);
      if (!order) throw new Error('an order was to go');
      await settle(store, [settlement(order.orderId, 'unknown', { reason: 'timeout' })]);
      await session.exec("update public.accounts set not_ready = 'drift' where user_id = 'bela'");
      await store.call('halt', { scope: 'venue', target: 'paper', why: 'test', by: { who: 'me', how: 'cli' }, nowMs });
      const state = await store.call('read_condition', { ...condition, mode: 'paper' });
      expect(state).toMatchObject({
        users: { active: 2, withoutOptIn: 1 },
        unknownOrders: 1,
        leftToAPerson: [order.clientOrderId],
        leftCount: 1,
        blockedAccounts: { count: 1, first: [{ userId: 'bela', venue: 'paper', why: 'drift' }] },
        halts: [{ scope: 'venue', target: 'paper', why: 'test' }],
      });
      const live = await store.call('read_condition', { ...condition, mode: 'live' });
      expect(live).toMatchObject({ users: { withoutAccount: 2 }, blockedAccounts: { count: 0 } });
    });

    test('names a function that is missing, one that visitors may call, and a table without row security', async () => {
      await session.exec(`grant execute on function public.halt(jsonb) to anon;
        alter table public.orders disable row level security`);
      try {
        const state = await store.call('read_condition', { ...condition, functions: [...functions, 'none_such'] });
        expect(state).toMatchObject({
          notCallable: ['none_such'],
          openToVisitors: ['halt'],
          withoutRowSecurity: ['public.orders'],
        });
      } finally {
        await session.exec(`revoke execute on function public.halt(jsonb) from anon;
          alter table public.orders enable row level security`);
      }
    });
  });

  describe('read_run_timings', () => {
    test('says when a run did what, and what went wrong how often', async () => {
      const users = [user('asha'), user('bela'), user('chand')];
      const testRun = await openTestRun(store, { users, signals: [signal('TITAN')] });
      await decideAll(testRun, {}, nowMs + 100);
      const [a, b, c] = await sendAll(store);
      if (!a || !b || !c) throw new Error('three orders were to go');
      const rejected = { reason: 'venue_rejected', message: 'insufficient margin' };
      await settle(
        store,
        [
          settlement(a.orderId, 'rejected', rejected),
          settlement(b.orderId, 'rejected', rejected),
          settlement(c.orderId, 'unknown', { reason: 'timeout' }),
        ],
        nowMs + minuteMs,
      );
      expect(await store.call('read_run_timings', { runId: testRun.runId })).toEqual({
        openedAtMs: nowMs,
        decidedAtMs: nowMs + 100,
        firstSentAtMs: nowMs,
        lastSentAtMs: nowMs,
        lastSettledAtMs: nowMs + minuteMs,
        lastMessageAtMs: null,
        doneAtMs: null,
        attempts: 3,
        troubles: [
          { status: 'rejected', venue: 'paper', ...rejected, count: 2 },
          { status: 'unknown', venue: 'paper', reason: 'timeout', message: null, count: 1 },
        ],
        setbacks: [{ status: 'unknown', venue: 'paper', reason: 'timeout', count: 1 }],
      });
    });

    test('is null where there is no such run', async () => {
      expect(await store.call('read_run_timings', { runId: 'none' })).toBeNull();
    });
  });
});
