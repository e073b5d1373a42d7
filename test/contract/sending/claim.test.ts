import { expect, test } from 'vitest';
import { onEveryDatabase } from '../support/every-database.ts';
import {
  acceptAll,
  claim,
  cutOffMs,
  decideAll,
  fill,
  mark,
  minuteMs,
  nowMs,
  openScene,
  sendOne,
  settle,
  settlement,
  signal,
  user,
} from '../support/scene.ts';

onEveryDatabase('claim and mark', ({ store, session }) => {
  const users = ['asha', 'ravi', 'meera'].map((id) => user(id));
  const signals = [signal('TITAN'), signal('INFY', { rank: 2 })];
  const halt = (scope: 'all' | 'venue' | 'user', target: string) =>
    store.call('halt', { scope, target, why: 'drill', by: { who: 'me', how: 'cli' }, nowMs });
  const ids = (orders: { orderId: number }[]) => orders.map(({ orderId }) => orderId);
  const row = (orderId: number) =>
    session.query('select status, claim_id, lease_until is null as free, attempts from public.orders where id = $1', [
      orderId,
    ]);

  test('nothing of a run that is still planning', async () => {
    const scene = await openScene(store, { users, signals });
    await acceptAll(scene);
    expect(await claim(store, 'c1')).toEqual([]);
    await store.call('decide_run', { runId: scene.runId, nowMs });
    expect(await claim(store, 'c1')).toHaveLength(6);
  });

  test('the best signal first, then place in the queue, and no more than the limit', async () => {
    const scene = await openScene(store, { users, signals });
    await decideAll(scene);
    const batches = [await claim(store, 'c1', { limit: 4 }), await claim(store, 'c2', { limit: 4 })];
    expect(batches.map((batch) => batch.length)).toEqual([4, 2]);
    expect(batches.flat().map(({ symbol }) => symbol)).toEqual(['TITAN', 'TITAN', 'TITAN', 'INFY', 'INFY', 'INFY']);
    const rows = await session.query('select user_id from public.run_users order by queue_position');
    const queue = rows.map(({ user_id }) => user_id);
    expect(batches.flat().map(({ userId }) => userId)).toEqual([...queue, ...queue]);
  });

  test('an order as the venue needs it', async () => {
    const scene = await openScene(store, { users: [user('asha', { leverageCenti: 500 })] });
    await decideAll(scene);
    const [order] = await claim(store, 'c1');
    expect(order).toMatchObject({
      runId: scene.runId,
      signalId: signal('TITAN').id,
      userId: 'asha',
      venue: 'paper',
      exchange: 'NSE',
      symbol: 'TITAN',
      side: 'BUY',
      quantity: 10,
      limitPriceMinor: 100_50,
      product: 'mtf',
      status: 'queued',
      sendBeforeMs: cutOffMs + 2 * minuteMs,
      attempts: 0,
      lookups: 0,
      venueOrderId: null,
      filledQuantity: 0,
      submittedAtMs: null,
    });
  });

  test('the same claim id again is the same batch; another gets none of it while the lease stands', async () => {
    await decideAll(await openScene(store, { users, signals }));
    const first = await claim(store, 'c1', { limit: 4 });
    expect(await claim(store, 'c1', { limit: 4 })).toEqual(first);
    const second = await claim(store, 'c2');
    expect(second).toHaveLength(2);
    expect(ids(first)).not.toEqual(expect.arrayContaining(ids(second)));
    expect(await claim(store, 'c3')).toEqual([]);
  });

  test('many at once never get the same order', async () => {
    await decideAll(await openScene(store, { users: Array.from({ length: 20 }, (_, n) => user(`u${n}`)), signals }));
    const batches = await Promise.all(Array.from({ length: 8 }, (_, n) => claim(store, `c${n}`, { limit: 7 })));
    const all = ids(batches.flat());
    expect(new Set(all).size).toBe(all.length);
    const rest = await claim(store, 'rest');
    expect(new Set([...all, ...ids(rest)]).size).toBe(40);
  });

  test('a lapsed lease may be taken over, and its old holder may not send any more', async () => {
    await decideAll(await openScene(store));
    const [order] = await claim(store, 'slow', { leaseMs: -1 });
    const [taken] = await claim(store, 'quick');
    expect(taken?.orderId).toBe(order?.orderId);
    const orderIds = ids(taken ? [taken] : []);
    expect(await mark(store, 'slow', orderIds)).toEqual([]);
    expect(await mark(store, 'quick', orderIds)).toEqual(orderIds);
  });

  test('a lease that lapsed and was taken by nobody is handed back by the mark', async () => {
    await decideAll(await openScene(store));
    const orderIds = ids(await claim(store, 'slow', { leaseMs: -1 }));
    expect(await mark(store, 'slow', orderIds)).toEqual([]);
    expect(await row(orderIds[0] ?? 0)).toEqual([{ status: 'queued', claim_id: null, free: true, attempts: 0 }]);
  });

  test('only orders of the venues the caller has', async () => {
    await decideAll(await openScene(store));
    expect(await claim(store, 'c1', { venues: ['kite', 'alpaca'] })).toEqual([]);
    expect(await claim(store, 'c1', { venues: [] })).toEqual([]);
    expect(await claim(store, 'c1', { venues: ['kite', 'paper'] })).toHaveLength(1);
  });

  test('nothing past the time it had to be sent by', async () => {
    await decideAll(await openScene(store, { sendBeforeMs: nowMs + minuteMs }));
    expect(await claim(store, 'late', { nowMs: nowMs + minuteMs })).toEqual([]);
    const orderIds = ids(await claim(store, 'c1', { nowMs: nowMs + minuteMs - 1 }));
    expect(orderIds).toHaveLength(1);
    expect(await mark(store, 'c1', orderIds, { nowMs: nowMs + minuteMs })).toEqual([]);
  });

  test.each([
    ['all', ''],
    ['venue', 'paper'],
    ['user', 'asha'],
  ] as const)('a halt of %s stops the claim and the mark, until it is lifted', async (scope, target) => {
    await decideAll(await openScene(store, { users: [user('asha', { venue: 'kite' })] }));
    const orderIds = ids(await claim(store, 'c1'));
    await halt(scope, target);
    expect(await mark(store, 'c1', orderIds)).toEqual([]);
    expect(await claim(store, 'c2')).toEqual([]);
    await store.call('resume', { scope, target, why: 'over', by: { who: 'me', how: 'cli' }, nowMs });
    expect(ids(await claim(store, 'c2'))).toEqual(orderIds);
  });

  test('the same mark again is answered the same, and counts as one attempt', async () => {
    await decideAll(await openScene(store, { users }));
    const orderIds = ids(await claim(store, 'c1'));
    const markId = 'm-again';
    expect(await mark(store, 'c1', orderIds.slice(0, 2), { markId })).toEqual(orderIds.slice(0, 2));
    expect(await mark(store, 'c1', orderIds, { markId })).toEqual(orderIds);
    expect(await mark(store, 'c1', orderIds, { markId: 'another' })).toEqual([]);
    expect(await mark(store, 'c2', orderIds, { markId })).toEqual([]);
    expect((await row(orderIds[0] ?? 0))[0]).toMatchObject({ status: 'submitting', attempts: 1 });
  });

  test('a mark that is repeated after a halt, or past its time, may not go any more', async () => {
    await decideAll(await openScene(store, { sendBeforeMs: nowMs + minuteMs }));
    const orderIds = ids(await claim(store, 'c1'));
    const markId = 'm-again';
    expect(await mark(store, 'c1', orderIds, { markId })).toEqual(orderIds);
    expect(await mark(store, 'c1', orderIds, { markId, nowMs: nowMs + minuteMs })).toEqual([]);
    await halt('all', '');
    expect(await mark(store, 'c1', orderIds, { markId })).toEqual([]);
    expect((await row(orderIds[0] ?? 0))[0]).toMatchObject({ status: 'submitting', attempts: 1 });
  });

  test('one user’s halt leaves the others’ orders alone', async () => {
    await decideAll(await openScene(store, { users }));
    const orders = await claim(store, 'c1');
    await halt('user', 'asha');
    const others = ids(orders.filter(({ userId }) => userId !== 'asha')).toSorted((a, b) => a - b);
    expect(await mark(store, 'c1', ids(orders))).toEqual(others);
  });

  test('a mark makes the order submitting, once, and counts the attempt', async () => {
    await decideAll(await openScene(store));
    const orderIds = ids(await claim(store, 'c1'));
    expect(await mark(store, 'stranger', orderIds)).toEqual([]);
    const answers = await Promise.all([1, 2, 3].map(() => mark(store, 'c1', orderIds)));
    expect(answers.filter((marked) => marked.length > 0)).toEqual([orderIds]);
    expect(await mark(store, 'c1', orderIds)).toEqual([]);
    expect(await row(orderIds[0] ?? 0)).toEqual([{ status: 'submitting', claim_id: 'c1', free: false, attempts: 1 }]);
    expect(await claim(store, 'c2')).toEqual([]);
  });

  test('a claim is given back by its holder, for what was not marked', async () => {
    await decideAll(await openScene(store, { users }));
    const orderIds = ids(await claim(store, 'c1'));
    await mark(store, 'c1', orderIds.slice(0, 1));
    const release = (claimId: string) => store.call('release_orders', { claimId, orderIds });
    expect(await release('stranger')).toEqual({ released: 0 });
    expect(await release('c1')).toEqual({ released: 2 });
    expect(await release('c1')).toEqual({ released: 0 });
    expect(ids(await claim(store, 'c2'))).toEqual(orderIds.slice(1));
    expect(await row(orderIds[0] ?? 0)).toMatchObject([{ status: 'submitting', claim_id: 'c1' }]);
  });

  test('what is proven not sent is queued again, after its pause, and counts its attempts', async () => {
    await decideAll(await openScene(store));
    const first = await sendOne(store);
    await settle(store, [
      settlement(first.orderId, 'queued', { reason: 'connection_refused', nextAttemptMs: nowMs + 500 }),
    ]);
    expect(await claim(store, 'early', { nowMs: nowMs + 499 })).toEqual([]);
    const [again] = await claim(store, 'c2', { nowMs: nowMs + 500 });
    expect(again).toMatchObject({ orderId: first.orderId, clientOrderId: first.clientOrderId, attempts: 1 });
    expect(await mark(store, 'c2', [first.orderId], { nowMs: nowMs + 500 })).toEqual([first.orderId]);
    expect(await row(first.orderId)).toMatchObject([{ status: 'submitting', attempts: 2 }]);
  });

  test('a queued order with a fill is never sent again: it was sent, whatever we were told', async () => {
    await decideAll(await openScene(store));
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'queued', { nextAttemptMs: nowMs })]);
    await settle(store, [settlement(orderId, 'working', { fills: [fill('f1', 4)] })]);
    expect(await row(orderId)).toMatchObject([{ status: 'queued' }]);
    expect(await claim(store, 'c2')).toEqual([]);
    await store.call('sweep_orders', { nowMs: cutOffMs + 3 * minuteMs, onlyProcess: false });
    expect(await row(orderId)).toMatchObject([{ status: 'expired' }]);
  });

  test('two processes that mark and claim at once send each order once', async () => {
    await decideAll(await openScene(store, { users: Array.from({ length: 12 }, (_, n) => user(`u${n}`)) }));
    const worker = async (name: string): Promise<number[]> => {
      const sent: number[] = [];
      for (let round = 0; ; round += 1) {
        const orders = await claim(store, `${name}-${round}`, { limit: 3 });
        if (orders.length === 0) return sent;
        sent.push(...(await mark(store, `${name}-${round}`, ids(orders))));
      }
    };
    const sent = (await Promise.all(['a', 'b', 'c'].map(worker))).flat();
    expect(sent).toHaveLength(12);
    expect(new Set(sent).size).toBe(12);
  });
});
