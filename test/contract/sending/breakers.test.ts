import { beforeEach, expect, test } from 'vitest';
import type { ChangedBreaker, StoredOrder } from '../../../src/ports/store/orders.ts';
import { minuteMs, nowMs, signal, user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { cutOffMs, decideAll, fill, leaseMs, openTestRun, settle, settlement, take } from '../support/test-run.ts';

const symbols = ['TITAN', 'INFY', 'SBICARD', 'TCS', 'WIPRO', 'HDFC', 'ITC', 'LT'];
const signalsOf = (n: number) => symbols.slice(0, n).map((symbol, index) => signal(symbol, { rank: index + 1 }));
const usersOf = (n: number) => Array.from({ length: n }, (_, index) => user(`u${index}`));

onEveryDatabase('breakers', ({ store, session, value, breaks }) => {
  let calls = 0;
  beforeEach(() => {
    calls = 0;
  });
  const next = (what: string) => `${what}-${++calls}`;
  const everywhere = ['paper', 'kite'];

  /** Takes what may go, and settles each order as `fate` says; gives what went and what was judged of it. */
  const send = async (fate: (order: StoredOrder) => 'filled' | 'unknown' | 'rejected', change: object = {}) => {
    const { atMs = nowMs, ...more } = change as { atMs?: number };
    const orders = await take(store, next('mark'), { venues: everywhere, nowMs: atMs, ...more });
    const sent = orders.map(({ orderId }) => orderId);
    await settle(
      store,
      orders.map((order) => {
        const status = fate(order);
        if (status === 'unknown') return settlement(order.orderId, status, { reason: 'timeout' });
        return settlement(order.orderId, status, status === 'filled' ? { fills: [fill(`f${order.orderId}`, 10)] } : {});
      }),
      atMs,
    );
    return { orders, changed: await judge(sent, atMs) };
  };
  const judge = async (orderIds: number[], atMs = nowMs, judgeId = next('judge')) =>
    (await store.call('trip_breakers', { judgeId, orderIds, nowMs: atMs })).changed;
  const named = ({ kind, venue, signalId, userId }: ChangedBreaker) =>
    [
      kind,
      venue,
      ...(signalId === null ? [] : [signalId.split(':').at(-2)]),
      ...(userId === null ? [] : [userId]),
    ].join(' ');
  const down = () => 'unknown' as const;
  const up = () => 'filled' as const;

  test('an account whose sends fail stops by itself, and nobody else', async () => {
    await decideAll(await openTestRun(store, { users: [user('hung'), ...usersOf(4)], signals: signalsOf(8) }));
    const sent = await send(({ userId }) => (userId === 'hung' ? 'unknown' : 'filled'), { limit: 25 });
    expect(sent.changed.map(named)).toEqual(['opened paper hung']);
    expect(sent.changed).toMatchObject([{ tried: 5, failed: 5, waiting: 3, nextProbeMs: nowMs + 5000 }]);
    const rest = await send(up);
    expect(rest.orders).toHaveLength(12);
    expect(new Set(rest.orders.map(({ userId }) => userId)).has('hung')).toBe(false);
  });

  test('many orders of two accounts are no venue in trouble', async () => {
    const users = [user('hung-1'), user('hung-2'), ...usersOf(3)];
    await decideAll(await openTestRun(store, { users, signals: signalsOf(4), limits: { breakerAccountMinOrders: 9 } }));
    const sent = await send(({ userId }) => (userId.startsWith('hung') ? 'unknown' : 'filled'), { limit: 16 });
    expect(sent.changed).toEqual([]);
    expect((await send(up)).orders).toHaveLength(4);
  });

  test('a symbol that fails for many accounts stops by itself, and the others go on', async () => {
    await decideAll(await openTestRun(store, { users: usersOf(12), signals: signalsOf(3) }));
    const sent = await send(({ symbol }) => (symbol === 'TITAN' ? 'unknown' : 'filled'), { limit: 10 });
    expect(sent.changed).toMatchObject([{ kind: 'opened', venue: 'paper', userId: null, waiting: 2 }]);
    expect(sent.changed[0]?.signalId).toContain('TITAN');
    const rest = await send(up);
    expect(rest.orders.map(({ symbol }) => symbol).toSorted()).toEqual([
      ...Array(12).fill('INFY'),
      ...Array(12).fill('SBICARD'),
    ]);
  });

  test('a venue that fails for many accounts and symbols stops, its symbols with it, and no other venue', async () => {
    const users = [...usersOf(8), ...Array.from({ length: 3 }, (_, n) => user(`p${n}`))];
    const limits = { breakerMinOrders: 6 };
    await decideAll(await openTestRun(store, { users, signals: signalsOf(3), limits }));
    await session.exec(`update public.orders set venue = 'kite' where user_id like 'u%'`);
    breaks("an order is of its account's user, venue and mode");
    const atVenue = { venues: ['kite'] };
    const first = await send(down, { ...atVenue, limit: 8 });
    expect(first.changed).toMatchObject([{ venue: 'kite', accounts: 8, failedAccounts: 8 }]);
    const second = await send(down, { ...atVenue, limit: 4 });
    expect(second.changed.map(named)).toEqual(['opened kite']);
    expect(await value('select count(*)::int from public.breakers where is_open')).toBe(1);
    expect((await send(up)).orders.map(({ venue }) => venue)).toEqual(Array(9).fill('paper'));
  });

  /** A venue that is stopped, with ten orders waiting. */
  const stoppedVenue = async () => {
    await decideAll(await openTestRun(store, { users: usersOf(20) }));
    const { changed } = await send(down, { limit: 10 });
    expect(changed.map(named)).toEqual(['opened paper']);
  };

  test('after its pause one order is tried, whoever asks; answered three times in a row, all go again', async () => {
    await stoppedVenue();
    expect((await send(up, { atMs: nowMs + 4999 })).orders).toEqual([]);
    const atMs = nowMs + 5000;
    const both = await Promise.all([take(store, 'a', { nowMs: atMs }), take(store, 'b', { nowMs: atMs })]);
    const marked = both.flat().map(({ orderId }) => orderId);
    expect(marked).toHaveLength(1);
    await settle(
      store,
      marked.map((id) => settlement(id, 'rejected')),
      atMs,
    );
    expect(await judge(marked, atMs)).toEqual([]);
    const second = await send(up, { atMs });
    expect([second.orders.length, second.changed]).toEqual([1, []]);
    const third = await send(up, { atMs });
    expect([third.orders.length, third.changed.map(named)]).toEqual([1, ['closed paper']]);
    expect((await send(up, { atMs })).orders).toHaveLength(7);
  });

  test('a probe without an answer makes the next pause twice as long, and a lost one only delays it', async () => {
    await stoppedVenue();
    expect((await send(down, { atMs: nowMs + 5000 })).orders).toHaveLength(1);
    expect((await send(down, { atMs: nowMs + 14_999 })).orders).toHaveLength(0);
    const probe = { markId: 'lost', venues: ['paper'], limit: 100, leaseMs, nowMs: nowMs + 15_000 };
    const lost = await store.call('take_orders', probe);
    expect(lost.probes).toEqual(lost.orders.map(({ orderId }) => orderId));
    expect(lost.probes).toHaveLength(1);
    expect(await store.call('take_orders', probe)).toEqual(lost);
    expect((await send(down, { atMs: nowMs + 15_000 + leaseMs - 1 })).orders).toHaveLength(0);
    expect((await send(down, { atMs: nowMs + 15_000 + leaseMs })).orders).toHaveLength(1);
  });

  test('a venue that stays away until the end: what was never tried is canceled, and says why', async () => {
    await stoppedVenue();
    const endMs = cutOffMs + 2 * minuteMs;
    expect(await store.call('sweep_orders', { nowMs: endMs, onlyProcess: false })).toEqual({
      expired: 0,
      stopped: 10,
      lapsed: 0,
    });
    const rows = await session.query(`select distinct status, reason from public.orders where attempts = 0`);
    expect(rows).toEqual([{ status: 'canceled', reason: 'breaker_open' }]);
    expect((await send(up, { atMs: endMs })).orders).toEqual([]);
  });

  test('a run that waits for a breaker is due when the next order is tried, not at once', async () => {
    await stoppedVenue();
    await session.query(`update public.orders set next_lookup_at = null where status = 'unknown'`);
    expect(await store.call('finish_runs', { nowMs })).toMatchObject({ finished: 0, nextDueMs: nowMs + 5000 });
    const runId = await value('select id from public.scan_runs');
    expect(await store.call('finish_run', { runId: String(runId), nowMs })).toMatchObject({
      openOrders: 10,
      nextDueMs: nowMs + 5000,
    });
  });

  test('a judgement that is asked for again after a lost answer says the same', async () => {
    await decideAll(await openTestRun(store, { users: usersOf(20) }));
    const { orders } = await send(up, { limit: 1 });
    const claimed = (await take(store, 'c', { limit: 10 })).map(({ orderId }) => orderId);
    await settle(
      store,
      claimed.map((id) => settlement(id, 'unknown', { reason: 'timeout' })),
    );
    const ids = [...claimed, ...orders.map(({ orderId }) => orderId)];
    const first = await judge(ids, nowMs, 'same');
    expect(first.map(named)).toEqual(['opened paper']);
    expect(await judge(ids, nowMs, 'same')).toEqual(first);
    expect(await judge(ids)).toEqual([]);
  });

  test('a take has as many of an account as may be at venues, with those its asker has already', async () => {
    await decideAll(await openTestRun(store, { users: [user('many', { priority: 1 })], signals: signalsOf(8) }));
    const others = signalsOf(2).map((one) => ({ ...one, strategy: 'other', id: `${one.id}x` }));
    await decideAll(
      await openTestRun(store, { runId: 'XNSE:2025-08-28:later:paper', users: usersOf(6), signals: others }),
    );
    // Behind all of the one account's.
    breaks('an order is what was decided');
    await session.exec(`update public.orders set position = position + 8 where user_id <> 'many'`);
    const accountId = Number(await value(`select id from public.accounts where user_id = 'many'`));
    const few = await take(store, 'm1', { perAccount: 3, limit: 10 });
    const byUser = (orders: StoredOrder[]) => orders.filter(({ userId }) => userId === 'many').length;
    expect([few.length, byUser(few)]).toEqual([10, 3]);
    expect(await take(store, 'm2', { perAccount: 3, held: { [accountId]: 3 }, limit: 3 })).toHaveLength(3);
    expect((await take(store, 'm3', { perAccount: 3, held: { [accountId]: 1 } })).map(({ userId }) => userId)).toEqual([
      ...['many', 'many'],
      expect.stringMatching(/^u/),
      expect.stringMatching(/^u/),
    ]);
  });
});
