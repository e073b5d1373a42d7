import { expect, test } from 'vitest';
import type { Arguments } from '../../../src/ports/store/store.ts';
import { nowMs, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendAll, settle, settlement } from '../support/test-run.ts';

const number = '+919800000001';

onEveryDatabase('delivery', ({ store, session, value }) => {
  const due = () => store.call('read_due_messages', { runId: null, limit: 100, nowMs });
  /** Asha's one order has come to this end, and her summary waits. */
  const ended = async (status: 'rejected' | 'working' | 'filled', whatsapp: string | null = number) => {
    const testRun = await openTestRun(store, { users: [user('asha', { whatsapp })] });
    await decideAll(testRun);
    const [order] = await sendAll(store);
    const fills = status === 'filled' ? [fill('f1', 10)] : [];
    const orderId = order?.orderId ?? 0;
    await settle(store, [
      settlement(orderId, status, { fills, nextLookupMs: status === 'working' ? nowMs + 1 : null }),
    ]);
    return { orderId, runId: testRun.runId };
  };
  const mark = async (change: object = {}) => {
    const [one] = await store.call('read_due_messages', { runId: null, limit: 1, nowMs: nowMs + 3_600_000 });
    const messageId = one?.messageId ?? 0;
    const message = { messageId, text: 'Hello', contentHash: one?.contentHash ?? '', to: number, template: true };
    const { marked } = await store.call('mark_sending', { messages: [message], nowMs, ...change });
    return marked[0] ?? null;
  };
  const sendAndSettle = async (status: 'sent' | 'unknown', nextLookupMs: number | null = null) => {
    const messageId = (await mark()) ?? 0;
    const providerId = status === 'sent' ? 'SM1' : null;
    await store.call('settle_messages', {
      messages: [{ messageId, status, reason: null, providerId, nextLookupMs }],
      nowMs,
    });
    return messageId;
  };
  const hear = (messageId: number, providerStatus: string, change: Partial<Arguments['record_delivery']> = {}) => {
    const about = { messageId, attempt: 1, providerId: 'SM1', providerStatus, code: null, reason: null, nowMs };
    const end = { unreachable: false, retryMs: null, fallback: null };
    return store.call('record_delivery', { ...about, ...end, ...change });
  };
  const row = async () => (await session.query('select * from public.messages order by id'))[0];
  const kinds = async () => await session.query('select kind, status from public.messages order by id');
  const write = (consent: 'start' | 'stop' | null, providerId = 'SM9') =>
    store.call('record_inbound_message', { number, consent, source: `whatsapp:${consent}`, providerId, nowMs });

  test('statuses only go up: what comes late, twice or of a lower rank changes nothing', async () => {
    await ended('rejected');
    const id = await sendAndSettle('sent');
    expect(await hear(id, 'sent')).toMatchObject({ kind: 'recorded', status: 'sent', userId: 'asha' });
    expect(await hear(id, 'queued')).toEqual({ kind: 'nothing_new', status: 'sent' });
    expect(await hear(id, 'delivered')).toMatchObject({ kind: 'recorded', status: 'delivered' });
    for (const late of ['delivered', 'sent', 'failed', 'undelivered'])
      expect(await hear(id, late)).toMatchObject({ kind: 'nothing_new' });
    expect(await hear(id, 'read')).toMatchObject({ kind: 'recorded', status: 'delivered' });
    expect(await hear(999, 'read')).toEqual({ kind: 'no_such_message' });
    expect(await hear(id, 'failed', { providerId: 'SM2' })).toEqual({ kind: 'not_the_last_try' });
    const events = await session.query('select status, provider_status from public.message_events order by id');
    expect(events.map((event) => event['provider_status'])).toEqual([null, null, 'sent', 'delivered', 'read']);
  });

  test('a failure that passes queues it again, another ends it; one of the recipient marks the number', async () => {
    await ended('rejected');
    const id = await sendAndSettle('sent');
    expect(await hear(id, 'failed', { retryMs: nowMs + 5000 })).toMatchObject({ status: 'queued' });
    expect(await due()).toEqual([]);
    expect(await mark()).toBe(id);
    await hear(id, 'undelivered', { attempt: 2, providerId: 'SM2' });
    expect(await row()).toMatchObject({ status: 'failed', attempts: 2 });
    await store.call('resend_message', {
      runId: 'XNSE:2025-08-28:open:paper',
      userId: 'asha',
      by: { who: 'op', how: 'cli' },
      nowMs,
    });
    await mark();
    const gone = { attempt: 3, providerId: 'SM3', code: '63024', reason: '63024', unreachable: true };
    expect(await hear(id, 'failed', { ...gone, fallback: 'sms' })).toMatchObject({ status: 'queued' });
    expect(await due()).toMatchObject([{ channel: 'sms', silenced: null, attempt: 4 }]);
    expect(await value('select unreachable from public.whatsapp_numbers')).toBe('63024');
  });

  test('an unknown message is looked for by one at a time, and only the attempt looked for is settled', async () => {
    await ended('rejected');
    const id = await sendAndSettle('unknown', nowMs + 1000);
    const claim = (atMs: number) => store.call('claim_message_lookups', { limit: 10, nowMs: atMs });
    expect(await claim(nowMs)).toEqual([]);
    const [sought] = await claim(nowMs + 1000);
    expect(sought).toMatchObject({
      messageId: id,
      to: number,
      attempt: 1,
      lookups: 0,
      resends: 0,
      text: 'Hello',
      otherIds: [],
    });
    expect(await claim(nowMs + 1000)).toEqual([]);
    const lookup = { messageId: id, status: 'sent', reason: null, providerId: 'SM1', lookedUp: true } as const;
    await store.call('settle_messages', { messages: [{ ...lookup, attempt: 2 }], nowMs });
    expect(await row()).toMatchObject({ status: 'unknown' });
    await store.call('settle_messages', { messages: [{ ...lookup, attempt: 1 }], nowMs });
    expect(await row()).toMatchObject({ status: 'sent', provider_id: 'SM1', lookups: 1 });
  });

  test('what changed after the summary is corrected once, when nothing more is to be expected', async () => {
    const { orderId } = await ended('working');
    const corrections = () => store.call('queue_corrections', { nowMs });
    await sendAndSettle('sent');
    expect(await corrections()).toEqual({ queued: 0 });
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 10)] })]);
    expect(await Promise.all([corrections(), corrections()])).toContainEqual({ queued: 1 });
    expect(await corrections()).toEqual({ queued: 0 });
    expect(await kinds()).toEqual([
      { kind: 'summary', status: 'sent' },
      { kind: 'correction', status: 'queued' },
    ]);
    await sendAndSettle('sent');
    expect(await corrections()).toEqual({ queued: 0 });
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('f2', 5)] })]);
    expect(await corrections()).toEqual({ queued: 1 });
    expect((await kinds()).map(({ kind }) => kind)).toEqual(['summary', 'correction', 'correction-2']);
  });

  test('what stands as it was told needs no correction, nor does what nobody was told', async () => {
    const { orderId } = await ended('filled');
    await sendAndSettle('sent');
    expect(await store.call('queue_corrections', { nowMs })).toEqual({ queued: 0 });
    expect(await value('select may_change from public.messages')).toBe(false);
    await session.exec("update public.messages set status = 'failed'");
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('late', 1)] })]);
    expect(await value('select may_change from public.messages')).toBe(true);
    expect(await store.call('queue_corrections', { nowMs })).toEqual({ queued: 0 });
  });

  test('STOP stops the number for everybody who has it, START takes it back; each counts once, with time and source', async () => {
    await ended('rejected');
    expect(await write('stop')).toEqual({ users: 1 });
    expect(await due()).toMatchObject([{ whatsapp: null, silenced: 'opted_out' }]);
    await write('start', 'SM10');
    await write('stop');
    expect(await due()).toMatchObject([{ whatsapp: number, silenced: null, windowOpen: true }]);
    expect(await session.query('select keyword, source, message_id from public.consents order by id')).toEqual([
      { keyword: 'stop', source: 'whatsapp:stop', message_id: 'SM9' },
      { keyword: 'start', source: 'whatsapp:start', message_id: 'SM10' },
    ]);
    expect(await value('select opt_in_source from public.users')).toBe('whatsapp:start');
    await write('stop', 'SM11');
    await store.call('import_users', {
      by: tester,
      users: [user('asha', { whatsapp: number })],
      mode: 'paper',
      source: 'again',
      nowMs,
    });
    expect(await due()).toMatchObject([{ silenced: 'opted_out' }]);
  });

  test.each([
    ['off', 'rejected', 'notify_off'],
    ['orders', 'rejected', null],
    ['always', 'rejected', null],
  ] as const)('who wants %s gets that', async (notify, status, silenced) => {
    await ended(status);
    await store.call('set_user', { by: tester, userId: 'asha', notify, language: 'hi' });
    expect(await due()).toMatchObject([{ silenced, language: 'hi' }]);
  });

  test('a stop holds every message until somebody lifts it', async () => {
    await ended('rejected');
    expect(await store.call('stop_messages', { by: tester, why: '20003', channel: 'whatsapp', nowMs })).toEqual({
      changed: true,
    });
    expect(await store.call('stop_messages', { by: tester, why: 'again', channel: 'whatsapp', nowMs })).toEqual({
      changed: false,
    });
    expect(await due()).toEqual([]);
    expect(await store.call('resume_messages', { by: { who: 'op', how: 'cli' }, nowMs })).toEqual({ why: '20003' });
    expect(await store.call('resume_messages', { by: { who: 'op', how: 'cli' }, nowMs })).toEqual({ why: null });
    expect(await due()).toHaveLength(1);
  });

  test('one number gets one message at a time, and a day’s templates go to so many numbers', async () => {
    const users = [1, 2, 3].map((n) => user(`user-${n}`, { whatsapp: `+91980000000${n}` }));
    await decideAll(await openTestRun(store, { users: [...users, user('twin', { whatsapp: `+919800000001` })] }));
    const placed = await session.query('select id from public.orders');
    const canceled = placed.map(({ id }) => settlement(Number(id), 'canceled'));
    await settle(store, canceled);
    const pace = { pairPauseMs: 6000, dailyRecipients: 2 };
    const messages = (await due()).map(({ messageId, whatsapp }) => ({
      messageId,
      text: 'x',
      to: whatsapp ?? '',
      template: true,
    }));
    expect(messages).toHaveLength(4);
    const { marked } = await store.call('mark_sending', { messages, nowMs, pace });
    expect(marked).toHaveLength(2);
    expect(await due()).toEqual([]);
    const waits =
      await session.query(`select extract(epoch from next_attempt_at - to_timestamp(${nowMs / 1000}))::int as seconds
      from public.messages where status = 'queued' order by 1`);
    expect(waits).toEqual([{ seconds: 6 }, { seconds: 600 }]);
  });

  test('a person may send it once more, and is on record; what is on its way may not', async () => {
    const { runId } = await ended('rejected');
    const again = () => store.call('resend_message', { runId, userId: 'asha', by: { who: 'ravi', how: 'cli' }, nowMs });
    expect(await again()).toEqual({ kind: 'not_settled', status: 'queued' });
    await sendAndSettle('sent');
    expect(await again()).toEqual({ kind: 'queued', was: 'sent' });
    expect(await store.call('resend_message', { runId, userId: 'x', by: { who: 'r', how: 'cli' }, nowMs })).toEqual({
      kind: 'no_such_message',
    });
    const [message] = await store.call('read_messages', { runId });
    expect(message).toMatchObject({ userId: 'asha', status: 'queued', attempts: 1, channel: 'whatsapp' });
    expect(message?.events.at(-1)).toMatchObject({ status: 'queued', reason: 'resend: ravi' });
    // The answer may be lost and the call repeated, even after it went out: once is once.
    expect(await again()).toMatchObject({ kind: 'queued' });
    await sendAndSettle('sent');
    expect(await again()).toEqual({ kind: 'queued', was: 'sent' });
    expect(await store.call('read_messages', { runId })).toMatchObject([{ status: 'sent', attempts: 2 }]);
  });

  test('a notice goes to each operator once; a digest is due when the run is done and its messages are on their way', async () => {
    const { runId } = await ended('rejected');
    await store.call('finish_run', { runId, nowMs });
    expect(await store.call('read_digests', { nowMs })).toEqual([]);
    await sendAndSettle('sent');
    const [facts] = await store.call('read_digests', { nowMs });
    expect(facts).toMatchObject({ runId, users: 1, orders: { rejected: 1 }, messages: { sent: 1 }, unknownOrders: [] });
    const notices = [{ key: `digest ${runId}`, runId, text: 'All well' }];
    const to = ['+911111111', '+912222222'];
    expect(await store.call('queue_notices', { notices, to, nowMs })).toEqual({ queued: 2 });
    expect(await store.call('queue_notices', { notices, to, nowMs })).toEqual({ queued: 0 });
    expect(await store.call('read_digests', { nowMs })).toEqual([]);
    const claimed = await store.call('claim_notices', { limit: 10, nowMs });
    expect(claimed.map((notice) => notice.number)).toEqual(to);
    expect(await store.call('claim_notices', { limit: 10, nowMs })).toEqual([]);
    const settled = claimed.map(({ noticeId }) => ({ noticeId, reason: null, providerId: null }));
    const [first, second] = settled;
    if (!first || !second) throw new Error('two were claimed');
    const ends = [
      { ...first, status: 'sent', nextAttemptMs: null },
      { ...second, status: 'queued', nextAttemptMs: nowMs + 1 },
    ] as const;
    expect(await store.call('settle_notices', { notices: [...ends], nowMs })).toEqual({ settled: 2 });
    expect(await store.call('claim_notices', { limit: 10, nowMs: nowMs + 1 })).toHaveLength(1);
  });
});
