import { expect, test } from 'vitest';
import type { Arguments, StoreFunction } from '../../../src/ports/store/store.ts';
import { nowMs, quote, signal, tradeDate, user } from '../../support/builders.ts';
import { acknowledgeDrifts } from '../support/acknowledge-drifts.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { accepted, openTestRun } from '../support/test-run.ts';

const ravi = { who: 'ravi@office', how: 'cli', why: 'ticket 7' } as const;

/** What writes and is no act of a person, with why. */
const notRecorded: Partial<Record<StoreFunction, string>> = {
  accept_page: 'decides what open_run began',
  adjust_books: 'books what a venue says, each change in the ledger',
  claim_message_lookups: 'the service’s own work',
  claim_notices: 'the service’s own work',
  claim_lookups: 'the service’s own work',
  close_books: 'adds up what is past',
  decide_run: 'decides what open_run began',
  find_api_keys: 'only looks keys up',
  finish_run: 'follows from the orders',
  finish_runs: 'follows from the orders',
  record_delivery: 'the provider’s word',
  record_inbound_message: 'what the user wrote themselves',
  import_holdings: 'reached by no command: what a venue says, each a fill',
  request_lookup: 'only brings a lookup forward',
  mark_sending: 'the service’s own work',
  mark_resend: 'the service’s own work',
  note_key_uses: 'only when a key was used last',
  paper_venue_prepare: 'the simulated exchange',
  paper_venue_submit: 'the simulated exchange',
  queue_corrections: 'the service’s own work',
  queue_login_reminders: 'the service’s own work',
  queue_notices: 'the service’s own work',
  renew_claims: 'the service’s own work',
  remove_page: 'deletes what a person had mark_removed, which records',
  reprice_run: 'only while open_run’s run is planning',
  settle_messages: 'the provider’s word',
  settle_notices: 'the provider’s word',
  settle_orders: 'the venue’s word; a person’s comes through resolve_order',
  stop_refused_in_a_row: 'stops through stop_messages, which records',
  store_drifts: 'found by comparing, never said by a person',
  store_readiness: 'the venue’s word',
  sweep_messages: 'the service’s own work',
  sweep_orders: 'the service’s own work',
  take_orders: 'the service’s own work',
  take_rates: 'the service’s own work',
  trip_breakers: 'follows from the orders',
};

onEveryDatabase('recorded actions', ({ store, session, value }) => {
  const allActions = async () => {
    const all = { beforeId: null, limit: 100, userId: null, action: null, sinceMs: null };
    return (await store.call('read_actions', all)).toReversed();
  };
  /** What a call left in the log, without who, when and the hashes. */
  const leaves = async <F extends StoreFunction>(name: F, args: Arguments[F]) => {
    const before = (await allActions()).length;
    await store.call(name, args);
    return (await allActions()).slice(before).map(({ action, target, userId, before: was, after }) => {
      return { action, target, userId, was, after };
    });
  };

  test('every function that writes records an act, or is no act of a person', async () => {
    const rows = await session.query(`select p.proname as name from pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.provolatile = 'v'
        and p.prosrc !~ 'core\\.record_(action|placed_orders)\\('`);
    expect(rows.map(({ name }) => String(name)).toSorted()).toEqual(Object.keys(notRecorded).toSorted());
    // The inner one that records for place_orders does.
    const inner = "select prosrc like '%core.append_actions(%' from pg_proc where proname = 'record_placed_orders'";
    expect(await value(inner)).toBe(true);
  });

  test('an import of users says how many came, and who changed how, without names and whole numbers', async () => {
    const asha = user('asha', { whatsapp: '+919800000001', name: 'Asha Rao' });
    const of = { mode: 'paper', source: 'import:users.csv', nowMs, by: ravi };
    const first = await leaves('import_users', { ...of, users: [asha, user('paul')] });
    expect(first).toMatchObject([{ action: 'import_users', target: 'users', userId: null }]);
    expect(first[0]?.after).toMatchObject({ rows: 2, created: 2, changed: 0, changes: [] });
    expect(await leaves('import_users', { ...of, users: [asha, user('paul')] })).toEqual([]);

    const changed = { ...asha, whatsapp: '+919800000002', name: 'A. Rao', capitalMinor: asha.capitalMinor + 100 };
    const [again] = await leaves('import_users', { ...of, users: [changed, user('paul')] });
    expect(again?.after).toEqual({
      mode: 'paper',
      source: 'import:users.csv',
      rows: 2,
      created: 0,
      changed: 1,
      changes: [
        {
          userId: 'asha',
          was: { whatsapp: '+919800xxxxxx', name: '(a name)', capitalMinor: asha.capitalMinor },
          now: { whatsapp: '+919800xxxxxx', name: '(a name)', capitalMinor: asha.capitalMinor + 100 },
        },
      ],
    });
    const page = { beforeId: null, limit: 9, userId: 'asha', action: null, sinceMs: null };
    expect(await store.call('read_actions', page)).toMatchObject([
      { action: 'import_users', ...ravi, why: 'ticket 7' },
    ]);
  });

  test('settings say what they were; a login only that there is one', async () => {
    await openTestRun(store, { users: [user('asha')] });
    const set = (change: object) => leaves('set_user', { userId: 'asha', by: ravi, ...change });
    expect(await set({ active: false, denySymbols: ['TITAN'] })).toEqual([
      {
        action: 'set_user',
        target: 'user:asha',
        userId: 'asha',
        was: { active: true, denySymbols: [] },
        after: { active: false, denySymbols: ['TITAN'] },
      },
    ]);
    expect(await set({ active: false })).toEqual([]);
    const [login] = await set({ authUserId: '0d6f2f0e-1111-4222-8333-444455556666' });
    expect(login).toMatchObject({ was: { login: null }, after: { login: '(a login)' } });
  });

  test('signals, instruments, prices and days of the calendar', async () => {
    await openTestRun(store);
    const by = ravi;
    const [signals] = await leaves('import_signals', { signals: [signal('INFY')], source: 'import:s.csv', by });
    expect(signals).toMatchObject({ action: 'import_signals', target: 'signals' });
    expect(signals?.after).toEqual({ rows: 1, written: 1, source: 'import:s.csv', days: [tradeDate] });
    expect((await leaves('import_instruments', { instruments: [], by })).length).toBe(0);
    const prices = [{ symbol: 'TITAN', date: tradeDate, openMinor: 1, closeMinor: 2 }];
    const [priced] = await leaves('import_prices', { prices, by });
    expect(priced?.after).toEqual({ rows: 1, from: tradeDate, to: tradeDate });
    const day = { exchange: 'NSE', date: '2026-11-08', openTime: '18:00', closeTime: '19:00', by };
    const [added] = await leaves('set_calendar_day', { ...day, kind: 'open', name: 'Muhurat' });
    expect(added).toMatchObject({ target: 'day:NSE 2026-11-08', was: null, after: { kind: 'open', name: 'Muhurat' } });
    expect(await leaves('set_calendar_day', { ...day, kind: 'open', name: 'Muhurat' })).toEqual([]);
    const [gone] = await leaves('set_calendar_day', { ...day, kind: null, name: '' });
    expect(gone).toMatchObject({ was: { name: 'Muhurat' }, after: null });
  });

  test('accounts, what opens them, and keys; never what is secret', async () => {
    await openTestRun(store, { users: [user('asha')] });
    const [opened] = await leaves('open_account', { userId: 'asha', venue: 'kite', mode: 'live', by: ravi });
    expect(opened).toMatchObject({ action: 'open_account', target: 'account:asha kite live', userId: 'asha' });
    const id = Number(await value("select id from public.accounts where venue = 'kite'"));
    const record = { keyId: '0a1b2c3d', wrappedKey: 'W'.repeat(44), sealed: 'S'.repeat(44), replaces: null, nowMs };
    const [stored] = await leaves('store_credentials', { accountId: id, ...record, by: ravi });
    expect(stored).toMatchObject({
      target: 'account:asha kite live',
      was: { keyId: null },
      after: { keyId: '0a1b2c3d' },
    });
    const renewed = { ...record, wrappedKey: 'V'.repeat(44) };
    expect(await leaves('store_credentials', { accountId: id, ...renewed, by: null })).toEqual([]);

    const key = {
      hash: 'f'.repeat(64),
      hint: 'ds_abc123',
      role: 'user',
      userId: 'asha',
      label: 'phone',
      nowMs,
    } as const;
    const [made] = await leaves('create_api_key', { ...key, by: ravi });
    expect(made).toMatchObject({
      target: 'key:ds_abc123',
      userId: 'asha',
      after: { role: 'user', scope: 'trade', label: 'phone' },
    });
    const [revoked] = await leaves('revoke_api_key', { hint: key.hint, nowMs, by: ravi });
    expect(revoked).toMatchObject({
      action: 'revoke_api_key',
      userId: 'asha',
      was: { role: 'user', scope: 'trade', label: 'phone' },
    });
    const all = JSON.stringify(await allActions());
    for (const secret of [key.hash, record.wrappedKey, record.sealed]) expect(all).not.toContain(secret);
  });

  test('an acknowledged account, stopped messages, and rows that were let go', async () => {
    await openTestRun(store, { users: [user('asha')] });
    await session.exec("update public.accounts set not_ready = 'broker says no'");
    const before = (await allActions()).length;
    await acknowledgeDrifts(store, { userId: 'asha', venue: 'paper', mode: 'paper' });
    expect((await allActions()).slice(before)).toMatchObject([
      {
        action: 'acknowledge_account',
        target: 'account:asha paper paper',
        userId: 'asha',
        before: { notReady: 'broker says no' },
        after: { notReady: null },
      },
    ]);
    const stop = { why: '63112', channel: 'whatsapp', nowMs, by: { who: 'notify', how: 'service' } } as const;
    expect(await leaves('stop_messages', stop)).toMatchObject([
      { action: 'stop_messages', target: 'messages:whatsapp' },
    ]);
    expect(await leaves('stop_messages', stop)).toEqual([]);
    const refusals = {
      code: '63112',
      stage: 'send',
      channel: 'sms',
      people: 3,
      why: '63112',
      nowMs,
      by: stop.by,
    } as const;
    expect(await store.call('stop_refused_in_a_row', refusals)).toEqual({ changed: false, queued: 0 });
    const row = { position: 0, payload: '{}', signal: null, runId: null, problem: 'nonsense' };
    const requestId = '4b1c1a52-0000-4000-8000-000000000001';
    const by = { who: 'key:ds_abc123', how: 'http' } as const;
    const sent = { requestId, source: 'http:key:ds_abc123', nowMs, rows: [row], by };
    expect(await leaves('receive_signals', sent)).toMatchObject([
      { target: `request:${requestId}`, after: { rejected: 1 } },
    ]);
    expect(await leaves('receive_signals', sent)).toEqual([]);
    const old = {
      nowMs: nowMs + 86_400_000 * 500,
      keptDays: 400,
      limit: 10,
      by: { who: 'forgetting', how: 'service' },
    } as const;
    expect(await leaves('forget_old', old)).toMatchObject([{ after: { receivedSignals: 1, rateUses: 0 } }]);
    expect(await leaves('forget_old', old)).toEqual([]);
  });

  test('the run a person began', async () => {
    await openTestRun(store, { users: [user('asha'), user('paul')], runId: 'r1' });
    expect((await allActions()).find(({ action }) => action === 'open_run')).toMatchObject({
      target: 'run:r1',
      after: { signals: 1, users: 2 },
    });
  });

  test('an order placed in a user’s name is an act; the user’s own is none', async () => {
    const testRun = await openTestRun(store, { users: [user('asha')], signals: [signal('INFY')] });
    const inputs = { runId: 'api', mode: 'paper', tradeDate, capped: false, userIds: ['asha'] };
    const { accounts } = await store.call('read_order_inputs', { ...inputs, listings: [] });
    const placeOrder = (key: string, by: typeof ravi | null) => {
      const requested = signal('TITAN', { id: `api:${key}`, strategy: key });
      const decisions = accounts.map((account) => accepted(testRun, account, requested, { quantity: 2 }));
      const request = {
        principal: 'key:ds_op',
        key,
        bodyHash: 'b',
        sendBeforeMs: nowMs + 60_000,
        signal: requested,
        by,
      };
      return leaves('place_orders', {
        runId: 'api',
        sessionId: `XNSE:${tradeDate}:api`,
        tradeDate,
        mode: 'paper',
        limits: {},
        nowMs,
        takesOrdersUntilMs: nowMs + 3_600_000,
        quotes: [quote('TITAN')],
        decisions,
        requests: [request],
      });
    };
    const [placed] = await placeOrder('k1', ravi);
    const clientOrderId = await value("select client_order_id from public.orders where signal_id = 'api:k1'");
    expect(placed).toMatchObject({ action: 'place_order', target: `order:${clientOrderId}`, userId: 'asha' });
    expect(placed?.after).toEqual({ runId: 'api', outcome: 'accepted', symbol: 'TITAN', side: 'BUY', quantity: 2 });
    expect(await placeOrder('k1', ravi)).toEqual([]);
    expect(await placeOrder('k2', null)).toEqual([]);
  });
});
