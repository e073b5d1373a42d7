import { expect, test } from 'vitest';
import { minuteMs, nowMs, signal, tradeDate, user } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendAll, settle, settlement } from '../support/test-run.ts';

onEveryDatabase('queries about a run', ({ store, session, value }) => {
  /** Asha's TITAN fills, her INFY is rejected; Ravi may open one position: the TITAN of that user fills at another price. */
  const played = async () => {
    const signals = [signal('TITAN'), signal('INFY', { rank: 2 })];
    const users = [user('asha', { name: 'Asha Rao', priority: 1 }), user('ravi', { maxOpenPositions: 1 })];
    const testRun = await openTestRun(store, { signals, users });
    await decideAll(testRun);
    const orders = await sendAll(store);
    const prices = new Map([
      ['asha', 99_90],
      ['ravi', 100_10],
    ]);
    const outcomes = orders.map(({ orderId, symbol, userId }) => {
      if (symbol === 'INFY') return settlement(orderId, 'rejected', { reason: 'venue_rejected', message: 'no margin' });
      return settlement(orderId, 'filled', {
        venueOrderId: `V-${userId}`,
        fills: [fill(`f-${userId}`, 10, prices.get(userId))],
      });
    });
    await settle(store, outcomes, nowMs + 1500);
    return testRun;
  };
  const halt = (scope: 'all' | 'venue' | 'user', target: string, why = 'drill') =>
    store.call('halt', { scope, target, why, by: { who: 'me', how: 'cli' }, nowMs });
  const resume = (scope: 'all' | 'venue' | 'user', target: string) =>
    store.call('resume', { scope, target, why: 'over', by: { who: 'me', how: 'cli' }, nowMs: nowMs + 1 });

  test('the report counts everything the run left', async () => {
    const { runId } = await played();
    const report = await store.call('read_report', { runId });
    expect(report).toMatchObject({
      runId,
      tradeDate,
      state: 'decided',
      openedAtMs: nowMs,
      finishedAtMs: nowMs + 1500,
      problems: [],
      users: 2,
      outcomes: { accepted: 3, denied: 1 },
      statuses: { filled: 2, rejected: 1 },
      messageStatuses: { queued: 2 },
    });
    const none = { skipped: 0, denied: 0, filled: 0, rejected: 0, unknown: 0 };
    expect(report?.signals).toEqual([
      {
        ...none,
        id: signal('TITAN').id,
        symbol: 'TITAN',
        side: 'BUY',
        rank: 1,
        accepted: 2,
        filled: 2,
        durationMs: 1500,
        lowestMilli: 99_90_000,
        highestMilli: 100_10_000,
        fills: 2,
      },
      {
        ...none,
        id: signal('INFY').id,
        symbol: 'INFY',
        side: 'BUY',
        rank: 2,
        accepted: 1,
        denied: 1,
        rejected: 1,
        durationMs: 1500,
        lowestMilli: null,
        highestMilli: null,
        fills: 0,
      },
    ]);
  });

  test('the report names everybody, best signal first and then by place, page by page', async () => {
    const { runId } = await played();
    const rest = async (afterPosition: number, afterQueuePosition: number, limit: number) =>
      store.call('read_report_decisions', { runId, afterPosition, afterQueuePosition, limit });
    const decisions = await rest(-1, -1, 10);
    expect(
      decisions.flatMap(({ userName, symbol, order }) =>
        order ? [[userName, symbol, order.status, order.filledValueMinor]] : [],
      ),
    ).toEqual([
      ['Asha Rao', 'TITAN', 'filled', 999_00],
      ['ravi', 'TITAN', 'filled', 1001_00],
      ['Asha Rao', 'INFY', 'rejected', 0],
    ]);
    expect(decisions.map(({ userId, symbol, outcome, reason }) => [userId, symbol, outcome, reason])).toEqual([
      ['asha', 'TITAN', 'accepted', null],
      ['ravi', 'TITAN', 'accepted', null],
      ['asha', 'INFY', 'accepted', null],
      ['ravi', 'INFY', 'denied', 'max_open_positions'],
    ]);
    for (const [index, { position, queuePosition }] of decisions.entries()) {
      expect(await rest(position, queuePosition, 2)).toEqual(decisions.slice(index + 1, index + 3));
    }
    const messages = await store.call('read_report_messages', { runId, afterQueuePosition: -1, limit: 10 });
    expect(messages).toMatchObject([
      { userId: 'asha', status: 'queued', text: '' },
      { userId: 'ravi', status: 'queued', text: '' },
    ]);
    for (const [index, { queuePosition }] of messages.entries()) {
      const page = { runId, afterQueuePosition: queuePosition, limit: 1 };
      expect(await store.call('read_report_messages', page)).toEqual(messages.slice(index + 1, index + 2));
    }
  });

  test('progress counts, per signal, the orders the venue has answered', async () => {
    const testRun = await openTestRun(store, {
      signals: [signal('TITAN'), signal('INFY')],
      users: [user('asha'), user('ravi')],
    });
    expect(await store.call('read_progress', { runId: testRun.runId })).toMatchObject([
      { done: 0, total: 0 },
      { done: 0, total: 0 },
    ]);
    await decideAll(testRun);
    const [first] = await sendAll(store);
    await settle(store, [settlement(first?.orderId ?? 0, 'unknown')]);
    expect(await store.call('read_progress', { runId: testRun.runId })).toEqual([
      { signalId: signal('TITAN').id, symbol: 'TITAN', side: 'BUY', done: 1, total: 2 },
      { signalId: signal('INFY').id, symbol: 'INFY', side: 'BUY', done: 0, total: 2 },
    ]);
  });

  test('why tells a user’s decision with its order, history and money, by id or by name', async () => {
    const { runId } = await played();
    const why = await store.call('why', { user: 'asha rao', symbol: 'TITAN', date: null });
    expect(why.users).toEqual([{ id: 'asha', name: 'Asha Rao' }]);
    const [decision, ...others] = why.decisions;
    expect(others).toEqual([]);
    expect(decision).toMatchObject({
      runId,
      tradeDate,
      symbol: 'TITAN',
      outcome: 'accepted',
      quantity: 10,
      priceMinor: 100_00,
    });
    expect(decision?.order).toMatchObject({
      status: 'filled',
      venue: 'paper',
      venueOrderId: 'V-asha',
      filledQuantity: 10,
      lateFill: false,
    });
    expect(decision?.order?.events).toEqual([
      { atMs: nowMs, from: null, to: 'queued', reason: null },
      { atMs: nowMs, from: 'queued', to: 'submitting', reason: null },
      { atMs: nowMs + 1500, from: 'submitting', to: 'filled', reason: null },
    ]);
    expect(decision?.order?.ledger.map(({ kind }) => kind)).toEqual(['hold', 'post']);
    const rejected = await store.call('why', { user: 'asha', symbol: 'INFY', date: tradeDate });
    expect(rejected.decisions[0]?.order).toMatchObject({ status: 'rejected', message: 'no margin' });
  });

  test('why without an answer: a refusal has no order, another day or user has nothing', async () => {
    await played();
    const denied = await store.call('why', { user: 'ravi', symbol: 'INFY', date: tradeDate });
    expect(denied.decisions).toMatchObject([
      { outcome: 'denied', reason: 'max_open_positions', limit: '1', actual: '1', order: null },
    ]);
    const otherDay = await store.call('why', { user: 'ravi', symbol: 'INFY', date: '2025-08-29' });
    expect(otherDay).toEqual({ users: [{ id: 'ravi', name: 'ravi' }], decisions: [] });
    expect(await store.call('why', { user: 'nobody', symbol: 'INFY', date: null })).toEqual({
      users: [],
      decisions: [],
    });
  });

  test('the messages of a run, as they stand', async () => {
    const { runId } = await played();
    const [asha] = await store.call('read_due_messages', { runId, limit: 1, nowMs });
    const sending = { messages: [{ messageId: asha?.messageId ?? 0, text: 'Hello Asha' }], nowMs: nowMs + minuteMs };
    await store.call('mark_sending', sending);
    const waiting = { kind: 'summary', reason: null, changedAtMs: nowMs };
    expect(await store.call('read_messages', { runId })).toMatchObject([
      {
        ...waiting,
        userId: 'asha',
        userName: 'Asha Rao',
        status: 'sending',
        text: 'Hello Asha',
        changedAtMs: nowMs + minuteMs,
      },
      { ...waiting, userId: 'ravi', userName: 'ravi', status: 'queued', text: '' },
    ]);
    expect(await store.call('read_messages', { runId: 'none' })).toEqual([]);
  });

  test('a halt is set once and lifted once, and both are remembered', async () => {
    expect(await halt('user', 'asha')).toEqual({ changed: true });
    expect(await halt('user', 'asha', 'again')).toEqual({ changed: false });
    expect(await halt('venue', 'paper')).toEqual({ changed: true });
    expect(await halt('all', '')).toEqual({ changed: true });
    expect(await resume('user', 'ravi')).toEqual({ changed: false });
    expect(await resume('user', 'asha')).toEqual({ changed: true });
    expect(await resume('user', 'asha')).toEqual({ changed: false });
    expect(await halt('user', 'asha', 'once more')).toEqual({ changed: true });
    expect(await session.query("select why, resume_why from public.halts where target = 'asha' order by id")).toEqual([
      { why: 'drill', resume_why: 'over' },
      { why: 'once more', resume_why: null },
    ]);
  });

  test('a halt set by two at once stands once', async () => {
    const answers = await Promise.all([halt('all', ''), halt('all', ''), halt('all', '')]);
    expect(answers.filter(({ changed }) => changed)).toHaveLength(1);
    expect(await value('select count(*)::int from public.halts')).toBe(1);
  });

  test('a halt that names nobody, or everything and somebody, is refused', async () => {
    await expect(halt('all', 'asha')).rejects.toThrow('a_halt_of_everything_names_no_target');
    await expect(halt('venue', '')).rejects.toThrow('a_halt_of_everything_names_no_target');
  });

  test('the days an operator added to the calendar, of one exchange', async () => {
    await session.exec(`insert into public.calendar_days values
      ('NSE', '2025-10-21', 'open', 'Muhurat', '13:45', '14:45'), ('NSE', '2025-10-22', 'closed', 'Flood', null, null),
      ('NYSE', '2025-11-27', 'closed', 'Thanksgiving', null, null)`);
    const days = await store.call('read_calendar_days', { exchange: 'NSE' });
    expect(days.toSorted((a, b) => (a.date < b.date ? -1 : 1))).toEqual([
      { date: '2025-10-21', kind: 'open', name: 'Muhurat', openTime: '13:45', closeTime: '14:45', ofYearList: false },
      { date: '2025-10-22', kind: 'closed', name: 'Flood', openTime: null, closeTime: null, ofYearList: false },
    ]);
  });
});
