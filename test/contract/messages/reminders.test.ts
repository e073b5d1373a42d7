import { expect, test } from 'vitest';
import { minuteMs, nowMs as scanMs, tradeDate, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, openTestRun } from '../support/test-run.ts';

const number = '+919800000001';
const atMs = scanMs - 35 * minuteMs;
const missing = 'no_login: token_expired';

onEveryDatabase('reminders of a missing login', ({ store, session, value }) => {
  /** Live accounts at Kite whose logins the check of 08:45 has found as given. */
  const checked = async (reasons: Record<string, string | null>, change: Parameters<typeof user>[1] = {}) => {
    const users = Object.keys(reasons).map((id) => user(id, { venue: 'kite', whatsapp: number, ...change }));
    await store.call('import_users', { by: tester, users, mode: 'live', source: 'test', nowMs: atMs });
    const rows = await session.query('select id::int, user_id from public.accounts order by id');
    const ids = Object.fromEntries(rows.map((row) => [String(row['user_id']), Number(row['id'])]));
    for (const [userId, reason] of Object.entries(reasons)) await verdict(ids[userId] ?? 0, reason);
    return ids;
  };
  const verdict = (accountId: number, reason: string | null, checkedAtMs = atMs) =>
    store.call('store_readiness', {
      tradeDate,
      nowMs: checkedAtMs,
      verdicts: [{ accountId, ready: reason === null, reason, checkedAtMs }],
    });
  const queue = (change: object = {}) =>
    store.call('queue_login_reminders', {
      ...{ currency: 'INR', tradeDate, dueMs: atMs, sendBeforeMs: scanMs, nowMs: atMs },
      ...change,
    });
  const due = (nowMs = atMs) => store.call('read_due_messages', { runId: null, limit: 100, nowMs });
  const mark = async (nowMs = atMs) => {
    const messages = (await due(nowMs)).map(({ messageId }) => ({ messageId, text: 'Log in', to: number }));
    const { marked } = await store.call('mark_sending', { messages, nowMs });
    return marked;
  };
  const storeLogin = (accountId: number, wrappedKey: string, nowMs: number) => {
    const sealed = { keyId: '0123abcd', wrappedKey: wrappedKey.repeat(44), sealed: 'B'.repeat(44) };
    return store.call('store_credentials', { by: tester, accountId, ...sealed, replaces: null, nowMs });
  };
  const read = () => store.call('read_messages', { runId: null, tradeDate });
  const fates = async () => (await read()).map(({ userId, status, reason }) => [userId, status, reason]);

  test('one for each user and day, however often and from however many it is asked', async () => {
    const { asha } = await checked({ asha: missing, ravi: 'login_ends_at: 14:00:00', mira: null });
    const answers = await Promise.all([queue(), queue(), queue()]);
    expect(answers.map(({ queued }) => queued).reduce((sum, n) => sum + n)).toBe(2);
    expect(await queue()).toEqual({ queued: 0 });
    expect((await due()).map(({ userId }) => userId)).toEqual(['asha', 'ravi']);
    const login = { accountId: asha, venue: 'kite', beforeMs: scanMs };
    const about = { runId: null, kind: 'login_reminder', tradeDate, mode: 'live', login, lines: [], silenced: null };
    expect((await due())[0]).toMatchObject({ ...about, whatsapp: number, attempt: 1, dueMs: atMs });
    expect(await mark()).toHaveLength(2);
    expect(await mark()).toEqual([]);
    expect(await queue()).toEqual({ queued: 0 });
    expect(await store.call('count_unfinished', {})).toMatchObject({ messages: 2 });
    const tomorrow = { tradeDate: '2025-08-29', nowMs: atMs + 86_400_000, sendBeforeMs: scanMs + 86_400_000 };
    expect(await queue(tomorrow)).toEqual({ queued: 0 });
  });

  test.each(['not_connected', 'credentials_unreadable', 'keys_refused', 'account_blocked', 'trading_blocked'])(
    'none for what only the operator can mend: %s',
    async (reason) => {
      await checked({ asha: `no_login: ${reason}` });
      expect(await queue()).toEqual({ queued: 0 });
    },
  );

  test('none for who would not trade with that account anyway, and none when the scan is due', async () => {
    await checked({ asha: missing, ravi: missing, mira: missing, zoe: 'unreadable_funds: odd' });
    await store.call('set_user', { by: tester, userId: 'asha', active: false });
    await store.call('set_user', { by: tester, userId: 'ravi', tradingEnabled: false });
    await session.exec("update public.users set venue = 'lemonn' where id = 'mira'");
    expect(await queue()).toEqual({ queued: 0 });
    await session.exec("update public.users set venue = 'kite'");
    expect(await queue({ nowMs: scanMs })).toEqual({ queued: 0 });
    expect(await queue({ nowMs: scanMs - 1 })).toEqual({ queued: 1 });
  });

  test('waits for its time, goes to who wants messages about orders only, and to nobody without a number', async () => {
    await checked({ asha: missing });
    await queue({ dueMs: atMs + 1 });
    expect(await due()).toEqual([]);
    await store.call('set_user', { by: tester, userId: 'asha', notify: 'orders' });
    expect(await due(atMs + 1)).toMatchObject([{ silenced: null, language: 'en' }]);
    await store.call('set_user', { by: tester, userId: 'asha', notify: 'off' });
    expect(await due(atMs + 1)).toMatchObject([{ silenced: 'notify_off' }]);
    await store.call('set_user', { by: tester, userId: 'asha', notify: 'always' });
    await session.exec('update public.users set opted_in_at = null, opt_in_source = null');
    expect(await due(atMs + 1)).toMatchObject([{ silenced: 'no_whatsapp_number', whatsapp: null }]);
  });

  test('is not marked once a login was stored after the check, and waits again when the next check misses it', async () => {
    const { asha = 0 } = await checked({ asha: missing });
    await storeLogin(asha, 'old', atMs - 1);
    await queue();
    await storeLogin(asha, 'new', atMs + 1);
    expect(await mark()).toEqual([]);
    expect(await fates()).toEqual([['asha', 'suppressed', 'login_made']]);
    expect(await due()).toEqual([]);
    expect(await queue()).toEqual({ queued: 0 });
    await verdict(asha, missing, atMs + minuteMs);
    expect(await queue({ nowMs: atMs + minuteMs })).toEqual({ queued: 1 });
    expect(await mark(atMs + minuteMs)).toHaveLength(1);
    await verdict(asha, missing, atMs + 2 * minuteMs);
    expect(await queue({ nowMs: atMs + 2 * minuteMs })).toEqual({ queued: 0 });
  });

  test('is not marked once a check has found the login, nor when the scan is due', async () => {
    const { asha = 0, ravi = 0 } = await checked({ asha: missing, ravi: missing });
    await queue();
    await verdict(asha, null, atMs + 1);
    expect(await mark(scanMs)).toEqual([]);
    expect(await fates()).toEqual([
      ['asha', 'suppressed', 'login_made'],
      ['ravi', 'queued', null],
    ]);
    const [waiting] = await due(scanMs);
    const messageId = waiting?.messageId ?? 0;
    const tooOld = { messageId, status: 'failed', reason: 'too_old', text: 'Log in' } as const;
    await store.call('settle_messages', { messages: [tooOld], nowMs: scanMs });
    await verdict(ravi, missing, scanMs + 1);
    expect(await queue({ nowMs: scanMs - 1 })).toEqual({ queued: 0 });
  });

  test('is looked up, heard of and left alone like any other, with no run, and never corrected', async () => {
    await checked({ asha: missing });
    await queue();
    const [messageId = 0] = await mark();
    const unknown = { messageId, status: 'unknown', reason: 'no answer', nextLookupMs: atMs } as const;
    await store.call('settle_messages', { messages: [unknown], nowMs: atMs });
    expect(await queue()).toEqual({ queued: 0 });
    const [sought] = await store.call('claim_message_lookups', { limit: 10, nowMs: atMs });
    expect(sought).toMatchObject({ messageId, runId: null, text: 'Log in', to: number, beforeMs: scanMs });
    const delivered = {
      messageId,
      attempt: 1,
      providerId: 'SM1',
      providerStatus: 'delivered',
      code: null,
      reason: null,
    };
    const end = { nowMs: atMs, unreachable: false, retryMs: null, fallback: null };
    const settled = await store.call('record_delivery', { ...delivered, ...end });
    expect(settled).toEqual({
      kind: 'recorded',
      status: 'delivered',
      channel: 'whatsapp',
      runId: null,
      userId: 'asha',
    });
    expect(await value('select may_change from public.messages')).toBe(false);
    expect(await store.call('queue_corrections', { nowMs: atMs })).toEqual({ queued: 0 });
    expect(await fates()).toEqual([['asha', 'delivered', null]]);
  });

  test('counts in no run', async () => {
    const runId = `XNSE:${tradeDate}:open:live`;
    await checked({ asha: missing });
    await queue();
    await mark();
    const users = [user('asha', { venue: 'kite', whatsapp: number })];
    await decideAll(await openTestRun(store, { mode: 'live', runId, users }));
    expect(await store.call('read_messages', { runId })).toMatchObject([{ kind: 'summary', status: 'queued' }]);
    expect(await store.call('finish_run', { runId, nowMs: scanMs })).toMatchObject({ state: 'done', openMessages: 1 });
    expect(await store.call('read_report', { runId })).toMatchObject({ messageStatuses: { queued: 1 } });
    expect(await read()).toMatchObject([{ kind: 'login_reminder', status: 'sending' }]);
    const row = "update public.messages set kind = 'summary'";
    await expect(session.exec(row)).rejects.toThrow('a_message_is_of_a_run_or_reminds_of_a_login');
  });
});
