import { expect, test } from 'vitest';
import { nowMs, signal, user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { acceptAll, decideAll, fill, openTestRun, sendAll, settle, settlement } from '../support/test-run.ts';

const reachable = { whatsapp: '+919800000001' };

onEveryDatabase('messages and the end of a run', ({ store, session, value }) => {
  const due = (change: object = {}) => store.call('read_due_messages', { runId: null, limit: 100, nowMs, ...change });
  const finish = (runId: string, atMs = nowMs) => store.call('finish_run', { runId, nowMs: atMs });
  /** Two users with one order each, at the venue. */
  const twoAtVenue = async () => {
    const testRun = await openTestRun(store, { users: [user('asha', reachable), user('ravi')] });
    await decideAll(testRun);
    const orders = await sendAll(store);
    const idOf = (userId: string) => orders.find((order) => order.userId === userId)?.orderId ?? 0;
    return { runId: testRun.runId, asha: idOf('asha'), ravi: idOf('ravi') };
  };
  const statuses = () =>
    session.query('select user_id, status, reason, text, provider_id from public.messages order by user_id');

  test('none before the run is decided, one for each user after', async () => {
    const testRun = await openTestRun(store, { users: [user('asha'), user('ravi')] });
    await acceptAll(testRun);
    expect(await due({ nowMs: nowMs + 3_600_000 })).toEqual([]);
    await store.call('decide_run', { runId: testRun.runId, nowMs });
    expect(await due()).toEqual([]);
    expect(await due({ nowMs: nowMs + 89_999 })).toEqual([]);
    expect((await due({ nowMs: nowMs + 90_000 })).map(({ userId }) => userId).toSorted()).toEqual(['asha', 'ravi']);
  });

  test('due as soon as the user’s own orders have ended or are handed to a person', async () => {
    const { asha, ravi, runId } = await twoAtVenue();
    await settle(store, [
      settlement(asha, 'filled', { fills: [fill('f1', 10)] }),
      settlement(ravi, 'unknown', { nextLookupMs: nowMs + 2000 }),
    ]);
    expect((await due()).map(({ userId }) => userId)).toEqual(['asha']);
    expect(await due({ runId: 'other' })).toEqual([]);
    expect(await due({ runId, limit: 0 })).toEqual([]);
    await settle(store, [settlement(ravi, 'unknown', { nextLookupMs: null })]);
    expect((await due({ runId })).map(({ userId }) => userId).toSorted()).toEqual(['asha', 'ravi']);
  });

  test('says every decision of the user by rank, with what became of the order', async () => {
    const signals = [signal('TITAN', { rank: 2 }), signal('INFY', { rank: 1 })];
    const users = [user('asha', { ...reachable, maxOpenPositions: 1, leverageCenti: 500 })];
    const testRun = await openTestRun(store, { signals, users });
    await decideAll(testRun);
    const [order] = await sendAll(store);
    await settle(store, [
      settlement(order?.orderId ?? 0, 'canceled', {
        reason: 'venue_canceled',
        message: 'rest gone',
        fills: [fill('f1', 4)],
      }),
    ]);
    const [message] = await due();
    const chargesMinor = Number(await value('select charges_minor::int from public.orders'));
    const about = {
      runId: testRun.runId,
      userId: 'asha',
      userName: 'asha',
      kind: 'summary',
      tradeDate: '2025-08-28',
      mode: 'paper',
    };
    expect(message).toMatchObject({ ...about, ...reachable });
    const traded = {
      status: 'canceled',
      orderReason: 'venue_canceled',
      message: 'rest gone',
      quantity: 10,
      filledQuantity: 4,
    };
    const paid = {
      ...{ filledValueMinor: 400_00, limitPriceMinor: 100_50, marginMinor: 80_00, chargesMinor },
      ...{ realisedMinor: null, stopLossMinor: null, targetMinor: null },
    };
    const none = { status: null, orderReason: null, message: null, quantity: null, filledQuantity: null };
    const unpaid = { ...paid, filledValueMinor: null, limitPriceMinor: null, marginMinor: null, chargesMinor: null };
    expect(message?.lines).toEqual([
      {
        symbol: 'TITAN',
        side: 'BUY',
        outcome: 'accepted',
        reason: null,
        limit: null,
        actual: null,
        ...traded,
        ...paid,
      },
      {
        symbol: 'INFY',
        side: 'BUY',
        outcome: 'denied',
        reason: 'max_open_positions',
        limit: '1',
        actual: '1',
        ...none,
        ...unpaid,
      },
    ]);
  });

  test('a message is marked by one sender, once, and only what is marked can be settled', async () => {
    const { asha, ravi } = await twoAtVenue();
    await settle(store, [settlement(asha, 'rejected'), settlement(ravi, 'rejected')]);
    const messages = (await due()).map(({ messageId }) => ({ messageId, text: 'Hello' }));
    const first = messages[0]?.messageId ?? 0;
    await store.call('settle_messages', { messages: [{ messageId: first, status: 'sent', reason: null }], nowMs });
    expect((await statuses()).map(({ status }) => status)).toEqual(['queued', 'queued']);
    const answers = await Promise.all([1, 2, 3].map(() => store.call('mark_sending', { messages, nowMs })));
    expect(answers.flatMap(({ marked }) => marked).toSorted()).toEqual(
      messages.map(({ messageId }) => messageId).toSorted(),
    );
    expect(await due()).toEqual([]);
    const sent = messages.map(({ messageId }) => ({
      messageId,
      status: 'sent' as const,
      reason: null,
      providerId: 'SM1',
    }));
    expect(await store.call('settle_messages', { messages: sent, nowMs })).toEqual({ settled: 2 });
    const failed = sent.map((one) => ({ ...one, status: 'failed' as const, reason: 'late' }));
    expect(await store.call('settle_messages', { messages: failed, nowMs })).toEqual({ settled: 0 });
    expect(await statuses()).toMatchObject([
      { user_id: 'asha', status: 'sent', reason: null, text: 'Hello', provider_id: 'SM1' },
      { user_id: 'ravi', status: 'sent', reason: null, text: 'Hello', provider_id: 'SM1' },
    ]);
  });

  test.each(['failed', 'unknown', 'sent'] as const)(
    'a message that went out ends as %s and stays so',
    async (status) => {
      const { asha, ravi } = await twoAtVenue();
      await settle(store, [settlement(asha, 'rejected'), settlement(ravi, 'rejected')]);
      const [one] = await due();
      const messageId = one?.messageId ?? 0;
      await store.call('mark_sending', { messages: [{ messageId, text: 'Hello' }], nowMs });
      await store.call('settle_messages', { messages: [{ messageId, status, reason: null }], nowMs });
      expect(await value('select status from public.messages where id = $1', [messageId])).toBe(status);
      expect(await store.call('mark_sending', { messages: [{ messageId, text: 'Again' }], nowMs })).toEqual({
        marked: [],
      });
    },
  );

  test('a mark that is repeated after a lost answer is answered the same; another gets nothing', async () => {
    const { asha, ravi } = await twoAtVenue();
    await settle(store, [settlement(asha, 'rejected'), settlement(ravi, 'rejected')]);
    const messages = (await due()).map(({ messageId }) => ({ messageId, text: 'Hello' }));
    const args = { messages, nowMs, markId: 'm1' };
    const first = await store.call('mark_sending', args);
    expect(first.marked).toHaveLength(2);
    const again = await store.call('mark_sending', args);
    expect(again.marked.toSorted()).toEqual(first.marked.toSorted());
    expect(await store.call('mark_sending', { ...args, markId: 'm2' })).toEqual({ marked: [] });
    expect(await value('select max(attempts) from public.messages')).toBe(1);
    const settled = first.marked.map((messageId) => ({ messageId, status: 'sent' as const, reason: null }));
    await store.call('settle_messages', { messages: settled, nowMs });
    expect(await store.call('mark_sending', args)).toEqual({ marked: [] });
  });

  test('a user without a number is suppressed with the text they would have got; a number needs its opt-in', async () => {
    const { asha, ravi } = await twoAtVenue();
    await settle(store, [settlement(asha, 'rejected'), settlement(ravi, 'rejected')]);
    await session.exec("update public.users set opted_in_at = null, opt_in_source = null where id = 'asha'");
    const messages = await due();
    expect(messages.map(({ whatsapp }) => whatsapp)).toEqual([null, null]);
    const suppressed = messages.map(({ messageId }) => ({
      messageId,
      status: 'suppressed' as const,
      reason: 'no_whatsapp_number',
      text: 'Hello',
    }));
    expect(await store.call('settle_messages', { messages: suppressed, nowMs })).toEqual({ settled: 2 });
    expect(await statuses()).toMatchObject([
      { status: 'suppressed', text: 'Hello' },
      { status: 'suppressed', text: 'Hello' },
    ]);
  });

  test('a message whose sender is gone is unknown: at once for the only process, else after two minutes', async () => {
    const { asha, ravi } = await twoAtVenue();
    await settle(store, [settlement(asha, 'rejected'), settlement(ravi, 'rejected')]);
    const [first, second] = (await due()).map(({ messageId }) => ({ messageId, text: 'Hello' }));
    const messages = [first, second].flatMap((one) => one ?? []);
    await store.call('mark_sending', { messages, nowMs });
    const sweep = (onlyProcess: boolean) => store.call('sweep_messages', { nowMs, onlyProcess });
    expect(await sweep(false)).toEqual({ lost: 0 });
    await session.query(
      "update public.messages set sending_at = clock_timestamp() - interval '121 seconds' where id = $1",
      [first?.messageId],
    );
    expect(await sweep(false)).toEqual({ lost: 1 });
    expect(await sweep(true)).toEqual({ lost: 1 });
    expect(await sweep(true)).toEqual({ lost: 0 });
    expect((await statuses()).map(({ status, reason }) => [status, reason])).toEqual([
      ['unknown', 'sender_lost'],
      ['unknown', 'sender_lost'],
    ]);
  });

  test('a run is done when every order has ended or is handed to a person', async () => {
    const planning = await openTestRun(store, { runId: 'planning', users: [user('dev')] });
    expect(await finish(planning.runId)).toEqual({
      state: 'planning',
      openOrders: 0,
      openMessages: 0,
      nextDueMs: null,
    });
    const { asha, ravi, runId } = await twoAtVenue();
    expect(await finish(runId)).toEqual({ state: 'decided', openOrders: 2, openMessages: 2, nextDueMs: nowMs + 1000 });
    await settle(store, [
      settlement(asha, 'working', { nextLookupMs: nowMs + 5000 }),
      settlement(ravi, 'unknown', { nextLookupMs: nowMs + 2000 }),
    ]);
    expect(await finish(runId)).toMatchObject({ state: 'decided', openOrders: 2, nextDueMs: nowMs + 2000 });
    await settle(store, [settlement(ravi, 'unknown', { nextLookupMs: null })]);
    expect(await finish(runId)).toMatchObject({ state: 'decided', openOrders: 1, nextDueMs: nowMs + 5000 });
    await settle(store, [settlement(asha, 'filled', { fills: [fill('f1', 10)] })]);
    expect(await finish(runId, nowMs + 7)).toEqual({
      state: 'done',
      openOrders: 0,
      openMessages: 2,
      nextDueMs: nowMs + 90_000,
    });
    expect(await finish(runId, nowMs + 9)).toMatchObject({ state: 'done' });
    expect(await store.call('read_run', { runId })).toMatchObject({ doneAtMs: nowMs + 7 });
  });

  test('an acknowledged order that nobody will look up any more is handed to a person too', async () => {
    const { asha, ravi, runId } = await twoAtVenue();
    await settle(store, [settlement(asha, 'working'), settlement(ravi, 'rejected')]);
    expect(await finish(runId)).toMatchObject({ state: 'done', openOrders: 0 });
    expect((await due()).map(({ userId }) => userId).toSorted()).toEqual(['asha', 'ravi']);
  });

  test('queued orders are due now, or when their pause is over', async () => {
    const testRun = await openTestRun(store);
    await decideAll(testRun);
    expect(await finish(testRun.runId, nowMs + 50)).toMatchObject({ openOrders: 1, nextDueMs: nowMs + 50 });
    const [order] = await sendAll(store);
    await settle(store, [settlement(order?.orderId ?? 0, 'queued', { nextAttemptMs: nowMs + 700 })]);
    expect(await finish(testRun.runId)).toMatchObject({ openOrders: 1, nextDueMs: nowMs + 700 });
  });
});
