import { expect, test } from 'vitest';
import { minuteMs, nowMs, signal, user } from '../../support/builders.ts';
import { acknowledgeDrifts } from '../support/acknowledge-drifts.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { cutOffMs, decideAll, fill, openTestRun, sendOne, settle, settlement, take } from '../support/test-run.ts';

onEveryDatabase('breakers and people', ({ store, session, value }) => {
  let judges = 0;
  /** Judges all that has been sent, as a new call or as the same one again. */
  const trip = async (judgeId = `judge-${++judges}`, atMs = nowMs) => {
    const rows = await session.query('select id::int as id from public.orders where attempts > 0 order by id');
    const orderIds = rows.map(({ id }) => Number(id));
    return (await store.call('trip_breakers', { judgeId, orderIds, nowMs: atMs })).changed;
  };
  const statuses = async () =>
    (
      await session.query('select status, reason, count(*)::int as n from public.orders group by 1, 2 order by 1, 2')
    ).map(({ status, reason, n }) => [status, reason, n]);
  /** Of 20 queued orders, the first `tried` are sent, and `wrong` of those end unknown, the others filled. */
  const fanOut = async (tried: number, wrong: number) => {
    await decideAll(await openTestRun(store, { users: Array.from({ length: 20 }, (_, n) => user(`u${n}`)) }));
    const sent = await take(store, 'm1', { limit: tried });
    const outcomes = sent.map(({ orderId }, index) =>
      index < wrong
        ? settlement(orderId, 'unknown', { reason: 'timeout', nextLookupMs: nowMs })
        : settlement(orderId, 'filled', { fills: [fill(`f${orderId}`, 10)] }),
    );
    await settle(store, outcomes);
  };

  test.each([
    [9, 9],
    [10, 4],
    [12, 5],
  ])('of %i orders %i went wrong: the rest may go', async (tried, wrong) => {
    await fanOut(tried, wrong);
    expect(await trip()).toEqual([]);
    expect(await take(store, 'm2')).toHaveLength(20 - tried);
  });

  test('half of ten went wrong: what was not sent waits, and ends at its time with its hold voided', async () => {
    await fanOut(10, 5);
    const answers = await Promise.all([trip(), trip(), trip()]);
    expect(answers.flat()).toMatchObject([
      { kind: 'opened', venue: 'paper', signalId: null, userId: null, tried: 10, failed: 5, waiting: 10 },
    ]);
    expect(await trip()).toEqual([]);
    expect(await take(store, 'm2')).toEqual([]);
    const atTheEnd = cutOffMs + 2 * minuteMs;
    expect(await store.call('sweep_orders', { nowMs: atTheEnd, onlyProcess: false })).toMatchObject({ stopped: 10 });
    expect(await statuses()).toEqual([
      ['canceled', 'breaker_open', 10],
      ['filled', null, 5],
      ['unknown', 'timeout', 5],
    ]);
    expect(await value("select count(*)::int from public.ledger_entries where kind = 'void'")).toBe(10);
  });

  test('refusals do not count: they name the account, not the venue', async () => {
    await decideAll(await openTestRun(store, { users: Array.from({ length: 12 }, (_, n) => user(`u${n}`)) }));
    const sent = await take(store, 'm1', { limit: 11 });
    await settle(
      store,
      sent.map(({ orderId }) => settlement(orderId, 'rejected')),
    );
    expect(await trip()).toEqual([]);
  });

  /** Looked up at an instant; by default left to a person. */
  const unknownOrder = async (nextLookupMs: number | null = null) => {
    await decideAll(await openTestRun(store));
    const { orderId, clientOrderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'unknown', { reason: 'timeout', nextLookupMs })]);
    return { orderId, clientOrderId };
  };
  const resolve = (
    order: string,
    as: 'filled' | 'partly' | 'canceled' | 'rejected' | 'not-placed',
    more: object = {},
  ) =>
    store.call('resolve_order', {
      order,
      as,
      quantity: null,
      priceMinor: null,
      by: { who: 'me', how: 'cli' },
      nowMs,
      ...more,
    });

  test.each([
    ['filled', { priceMinor: 100_00 }, 'filled', 10, 'post'],
    ['partly', { quantity: 4, priceMinor: 100_00 }, 'canceled', 4, 'post'],
    ['canceled', {}, 'canceled', 0, 'void'],
    ['rejected', {}, 'rejected', 0, 'void'],
    ['not-placed', {}, 'canceled', 0, 'void'],
  ] as const)('a person resolves an unknown order as %s', async (as, more, status, filled, kind) => {
    const { clientOrderId } = await unknownOrder();
    expect(await resolve(clientOrderId, as, more)).toEqual({ kind: 'resolved', clientOrderId, status });
    expect(await session.query('select status, reason, filled_quantity::int as filled from public.orders')).toEqual([
      { status, reason: 'resolved_by_operator', filled },
    ]);
    expect(await value('select kind from public.ledger_entries order by id desc limit 1')).toBe(kind);
    expect(await resolve(clientOrderId, as, more)).toEqual({ kind: 'not_unknown', status });
  });

  test('a resolution that does not add up is refused', async () => {
    const { clientOrderId, orderId } = await unknownOrder();
    const wrong = { kind: 'wrong_quantity', quantity: 10, filledQuantity: 0 };
    expect(await resolve(clientOrderId, 'filled')).toEqual(wrong);
    expect(await resolve(clientOrderId, 'filled', { quantity: 9, priceMinor: 100_00 })).toEqual(wrong);
    expect(await resolve(String(orderId), 'partly', { quantity: 10, priceMinor: 100_00 })).toEqual(wrong);
    expect(await resolve(clientOrderId, 'partly', { quantity: 11, priceMinor: 100_00 })).toEqual(wrong);
    expect(await resolve(clientOrderId, 'partly', { quantity: 0, priceMinor: 100_00 })).toEqual(wrong);
    expect(await resolve('nothing', 'rejected')).toEqual({ kind: 'no_such_order' });
  });

  test('nobody resolves an order that is still looked up: the venue’s own word could count twice', async () => {
    const { clientOrderId, orderId } = await unknownOrder(nowMs + 1);
    expect(await resolve(clientOrderId, 'rejected')).toEqual({ kind: 'still_looked_up' });
    await store.call('claim_lookups', {
      claimId: 'l1',
      venues: ['paper'],
      limit: 1,
      leaseMs: 30_000,
      nowMs: nowMs + 1,
    });
    await session.exec('update public.orders set next_lookup_at = null');
    expect(await resolve(clientOrderId, 'rejected')).toEqual({ kind: 'still_looked_up' });
    await settle(store, [settlement(orderId, 'unknown')]);
    expect(await resolve(clientOrderId, 'rejected')).toMatchObject({ kind: 'resolved' });
  });

  test('a blocked account may trade again when somebody has looked, and its money is there', async () => {
    await openTestRun(store, { users: [user('asha'), user('ravi')] });
    await session.exec(`update public.accounts set not_ready = 'below zero';
      insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, at)
        select id, 'adjustment', -10000001, 0, now() from public.accounts where user_id = 'ravi';
      update public.accounts set cash_minor = -1 where user_id = 'ravi'`);
    const acknowledge = (userId: string) => acknowledgeDrifts(store, { userId, venue: 'paper', mode: 'paper' });
    expect(await acknowledge('asha')).toMatchObject({ changed: true });
    expect(await acknowledge('asha')).toMatchObject({ changed: false });
    expect(await acknowledge('ravi')).toMatchObject({ changed: false });
  });

  test('a worker finishes every run that has nothing left, and hears when the next thing is due', async () => {
    expect(await store.call('finish_runs', { nowMs })).toEqual({ finished: 0, nextDueMs: null });
    await decideAll(await openTestRun(store));
    expect(await store.call('finish_runs', { nowMs })).toEqual({ finished: 0, nextDueMs: nowMs });
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'working', { nextLookupMs: nowMs + 2000 })]);
    expect(await store.call('finish_runs', { nowMs })).toEqual({ finished: 0, nextDueMs: nowMs + 2000 });
    await settle(store, [settlement(orderId, 'rejected')]);
    await decideAll(await openTestRun(store, { runId: 'planning', signals: [signal('INFY')], users: [] }));
    expect(await store.call('finish_runs', { nowMs })).toEqual({ finished: 2, nextDueMs: nowMs + 90_000 });
    expect(await store.call('finish_runs', { nowMs })).toMatchObject({ finished: 0 });
  });
});
