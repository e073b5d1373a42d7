import { expect, test } from 'vitest';
import { minuteMs, nowMs, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { apiRunId, placeSingleOrders } from '../support/single-orders.ts';
import { openTestRun, sendAll, settle, settlement } from '../support/test-run.ts';

const dueMs = nowMs + 3 * minuteMs;

onEveryDatabase('messages of single orders', ({ store, session, value }) => {
  const open = () =>
    openTestRun(store, { users: ['asha', 'ravi'].map((id, n) => user(id, { whatsapp: `+91900000000${n}` })) });
  const place = (symbol: string, atMs = nowMs, userId = 'asha') => placeSingleOrders(store, [{ userId, symbol }], atMs);
  const due = (atMs: number) => store.call('read_due_messages', { runId: apiRunId, limit: 10, nowMs: atMs });
  const mark = (of: Awaited<ReturnType<typeof due>>, atMs: number) =>
    store.call('mark_sending', {
      messages: of.map(({ messageId, contentHash }) => ({ messageId, contentHash, text: 'told' })),
      nowMs: atMs,
    });
  /** Sends what is due: which symbols each message told of, by kind. */
  const send = async (atMs: number) => {
    const all = await due(atMs);
    const { marked } = await mark(all, atMs);
    const messages = marked.map((messageId) => ({ messageId, status: 'sent' as const, reason: null }));
    await store.call('settle_messages', { messages, nowMs: atMs });
    const gone = all.filter(({ messageId }) => marked.includes(messageId));
    return gone.map(({ kind, lines }) => [kind, ...lines.map(({ symbol }) => symbol)]);
  };
  const books = async () => expect(await store.call('check_books', {})).toEqual([]);

  test('one waits three minutes from the first order of each user, and tells of all of theirs until then', async () => {
    await open();
    await placeSingleOrders(store, [
      { userId: 'asha', symbol: 'TITAN' },
      { userId: 'asha', symbol: 'INFY' },
      { userId: 'ravi', symbol: 'TITAN' },
    ]);
    await place('SBIN', nowMs + 2 * minuteMs);
    expect(await due(dueMs - 1)).toEqual([]);
    expect(await send(dueMs)).toEqual([
      ['single_orders', 'TITAN', 'INFY', 'SBIN'],
      ['single_orders', 'TITAN'],
    ]);
    expect(await send(dueMs + 60 * minuteMs)).toEqual([]);
    await books();
  });

  test('what is ordered after one went begins the next, and no order is told of twice', async () => {
    await open();
    await place('TITAN');
    await send(dueMs);
    await place('INFY', dueMs + 1);
    await place('SBIN', dueMs + 2);
    expect(await send(dueMs + 3 * minuteMs)).toEqual([]);
    expect(await send(dueMs + 3 * minuteMs + 1)).toEqual([['single_orders-2', 'INFY', 'SBIN']]);
    await place('LT', dueMs + 10 * minuteMs);
    expect(await send(dueMs + 13 * minuteMs)).toEqual([['single_orders-3', 'LT']]);
    await books();
  });

  test('one that goes again tells of its own orders, and waits until the other is three minutes old', async () => {
    await open();
    await place('TITAN');
    await send(dueMs);
    await place('INFY', dueMs + 1);
    // Proven not to have arrived: it may go again.
    await session.exec(`update public.messages set status = 'queued' where kind = 'single_orders'`);
    const both = dueMs + 3 * minuteMs + 1;
    expect((await due(both)).map(({ kind, lines }) => [kind, lines.length])).toEqual([
      ['single_orders', 1],
      ['single_orders-2', 1],
    ]);
    const first = (await due(both)).filter(({ kind }) => kind === 'single_orders');
    expect((await mark(first, both)).marked).toHaveLength(1);
    expect(await send(both + minuteMs)).toEqual([]);
    expect(await due(both + 3 * minuteMs - 1)).toEqual([]);
    await place('SBIN', both + minuteMs);
    expect(await send(both + 3 * minuteMs)).toEqual([['single_orders-2', 'INFY', 'SBIN']]);
    await books();
  });

  test('one in whose text an order is missing does not go', async () => {
    await open();
    await place('TITAN');
    const read = await due(dueMs);
    await place('INFY', dueMs);
    expect((await mark(read, dueMs)).marked).toEqual([]);
    expect(await send(dueMs)).toEqual([['single_orders', 'TITAN', 'INFY']]);
  });

  test('says who placed each: the user by the label or hint of a key, or with a login; or an operator', async () => {
    await open();
    const key = { role: 'user', userId: 'asha', by: tester, nowMs } as const;
    for (const [hint, label] of [
      ['dsk_1', ' phone '],
      ['dsk_2', ''],
    ] as const) {
      await store.call('create_api_key', { ...key, hint, label, hash: hint.slice(-1).repeat(64) });
    }
    await store.call('create_api_key', {
      ...key,
      role: 'operator',
      userId: null,
      hint: 'dsk_3',
      label: 'o',
      hash: '3'.repeat(64),
    });
    for (const order of [
      { symbol: 'TITAN', apiKey: 'dsk_1' },
      { symbol: 'INFY', apiKey: 'dsk_2' },
      { symbol: 'SBIN' },
      { symbol: 'LT', principal: 'key:dsk_3', apiKey: 'dsk_3' },
    ]) {
      await placeSingleOrders(store, [{ userId: 'asha', ...order }]);
    }
    const [message] = await due(dueMs);
    expect(message?.lines.map(({ placedBy }) => placedBy)).toEqual([
      { own: true, key: 'phone' },
      { own: true, key: 'dsk_2' },
      { own: true, key: null },
      { own: false, key: 'o' },
    ]);
  });

  test('nobody corrects one, and it holds up the end of no run', async () => {
    await open();
    await place('TITAN');
    await send(dueMs);
    expect(await value('select may_change from public.messages where run_id = $1', [apiRunId])).toBe(false);
    await place('INFY', dueMs);
    const orders = await sendAll(store);
    await settle(
      store,
      orders.map(({ orderId }) => settlement(orderId, 'rejected')),
    );
    expect(await store.call('queue_corrections', { nowMs: dueMs })).toEqual({ queued: 0 });
    const closed = { nowMs: nowMs + 24 * 60 * minuteMs };
    expect(await store.call('finish_runs', closed)).toMatchObject({ finished: 1 });
    expect(await value('select state from public.scan_runs where id = $1', [apiRunId])).toBe('done');
    expect(await value(`select status from public.messages where kind = 'single_orders-2'`)).toBe('queued');
  });

  test('an order nobody is told of is a broken promise', async () => {
    await open();
    await place('TITAN');
    await place('INFY');
    const of = (which: string) =>
      session.exec(`update public.messages set first_order_id = (select ${which}(id) from public.orders)`);
    await of('max');
    const rule = 'a single order has a message that tells of it';
    expect(await store.call('check_books', {})).toMatchObject([{ rule }]);
    await of('min');
  });
});
