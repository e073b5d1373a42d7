import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nowMs, signal, user } from '../../support/builders.ts';
import { tester } from '../../support/tester.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendOne, settle, settlement } from '../support/test-run.ts';

/** Tables that hold nothing of people. */
const ofNobody = [
  ...[
    'instruments',
    'charge_rates',
    'currencies',
    'closings',
    'calendar_days',
    'corporate_actions',
    'daily_prices',
    'scan_runs',
    'run_signals',
    'run_prices',
    'breakers',
  ],
  ...['order_transitions', 'operator_action_head', 'message_stops', 'signal_sources', 'market', 'faults', 'dropped'],
];

test('SECURITY.md says of every table what is kept of people in it', () => {
  const root = join(import.meta.dirname, '../../..');
  const files = readdirSync(join(root, 'supabase/migrations')).filter((file) => file.endsWith('.sql'));
  const sql = files.map((file) => readFileSync(join(root, 'supabase/migrations', file), 'utf8')).join('\n');
  const tables = [...sql.matchAll(/^create table (?:\w+)\.(\w+)/gm)].map(([, name]) => String(name));
  expect(tables.length).toBeGreaterThan(30);
  const policy = readFileSync(join(root, 'SECURITY.md'), 'utf8');
  const missing = tables.filter((name) => !ofNobody.includes(name) && !new RegExp(`[.\`]${name}\``).test(policy));
  expect(missing).toEqual([]);
});

const id = 'zubeida-qureshi';
const name = 'Zubeida Qureshi';
const number = '+919811122233';
const login = '0d6f2f0e-1111-4222-8333-444455556666';
const by = { who: 'ravi@office', how: 'cli', why: `asked by ${name.toUpperCase()} herself` } as const;

onEveryDatabase('people', ({ store, session, value }) => {
  const zubeida = user(id, { name, whatsapp: number });
  const erase = (confirmed = true, userId = id) => store.call('erase_user', { userId, confirmed, by });
  const verify = () => store.call('verify_actions', { keptId: null, keptHash: null });
  /** Every table in which a row says one of these words, whatever its columns. */
  const tablesSaying = async (texts: readonly string[]) => {
    const tables = await session.query(`select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname in ('public', 'core', 'paper_venue') order by 1`);
    const saying: string[] = [];
    for (const { name: table } of tables) {
      const pattern = texts.map((text) => text.replace('+', '\\+')).join('|');
      const [row] = await session.query(`select count(*)::int as n from ${table} t where t::text ~* $1`, [pattern]);
      if (row?.['n'] !== 0) saying.push(String(table));
    }
    return saying;
  };
  const texts = [id, name, number, number.slice(1), '919811', login];

  /** Bought and sold, told of it, halted, connected, written about: all of it over. */
  const playHistory = async () => {
    await openTestRun(store, {
      users: [zubeida, user('ravi', { name: 'Ravi' })],
      signals: [signal('INFY')],
      runId: 'r0',
    });
    await decideAll({ ...(await openTestRun(store, { users: [zubeida], runId: 'r1' })) });
    const bought = await sendOne(store, 'c1');
    await settle(store, [
      settlement(bought.orderId, 'filled', { fills: [fill('f1', 10)], message: `filled for ${name}` }),
    ]);
    const sale = signal('TITAN', { side: 'SELL' });
    await decideAll(await openTestRun(store, { users: [zubeida], signals: [sale], runId: 'r2' }));
    const sold = await sendOne(store, 'c2');
    await settle(store, [settlement(sold.orderId, 'filled', { fills: [fill('f2', 10)] })]);
    await store.call('set_user', { userId: id, authUserId: login, by: { ...tester, why: `call ${number}` } });
    const halt = { scope: 'user', target: id, why: `${name} asked for it` } as const;
    await store.call('halt', { ...halt, by: tester, nowMs });
    await store.call('resume', { ...halt, why: `spoke with ${name}`, by: tester, nowMs });
    const key = {
      hash: 'a'.repeat(64),
      hint: 'ds_zzz123',
      role: 'user',
      userId: id,
      label: `${name}'s phone`,
      nowMs,
    } as const;
    await store.call('create_api_key', { ...key, by: tester });
    await store.call('open_account', { userId: id, venue: 'kite', mode: 'live', by: tester });
    await store.call('import_users', {
      by: tester,
      users: [{ ...zubeida, capitalMinor: 1_00 }],
      mode: 'paper',
      source: 's',
      nowMs,
    });
    await store.call('queue_notices', {
      notices: [{ key: `k:${id}`, runId: null, text: `Look at ${name}, ${number}` }],
      to: ['+919800000009'],
      nowMs,
    });
    await store.call('record_inbound_message', {
      number,
      consent: 'start',
      source: 'whatsapp:START',
      providerId: 'SM1',
      nowMs,
    });
    await session.exec(`insert into public.account_credentials select id, '0a1b2c3d', repeat('W', 44), repeat('S', 44), now()
        from public.accounts where venue = 'kite';
      update public.accounts set check_found = 'no_login: ${name}' where venue = 'kite';
      insert into paper_venue.orders select client_order_id, 'P' || id, user_id, 'NSE', 'TITAN', side, 10, 1, now(), 10, 1, now(),
        'filled', now(), null from public.orders;
      insert into core.rate_days (key, day, used) values ('denied user:${id}', current_date, 1) on conflict do nothing;
      update public.scan_runs set problems = '[{"value": "${name}"}]' where id = 'r1'`);
  };
  const allIsOver = async () => {
    await session.exec(`update public.messages set status = 'sent', text = 'Dear ${name}', sent_to = '${number}', provider_id = 'SM2'
        where user_id = '${id}';
      begin; set local session_replication_role = replica;
      delete from public.run_users where run_id = 'r0'; delete from public.run_prices where run_id = 'r0';
      delete from public.run_signals where run_id = 'r0'; delete from public.scan_runs where id = 'r0'; commit`);
    await store.call('finish_runs', { nowMs });
  };

  test('what is open has to end first, and nothing is taken out before', async () => {
    await openTestRun(store, { users: [zubeida], runId: 'r1' });
    expect(await erase()).toEqual({ kind: 'tied', ties: [{ kind: 'undecided_run', count: 1 }] });
    await decideAll(await openTestRun(store, { users: [zubeida], runId: 'r1' }));
    const kinds = async () => {
      const answer = await erase();
      return answer.kind === 'tied' ? answer.ties.map(({ kind }) => kind) : answer.kind;
    };
    expect(await kinds()).toEqual(['open_order', 'undecided_run', 'unsettled_message']);
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 10)] })]);
    expect(await kinds()).toEqual(['open_position', 'undecided_run', 'unsettled_message']);
    expect(await value('select name from public.users where id = $1', [id])).toBe(name);
  });

  test('without a yes it says what would happen, and nothing does', async () => {
    await playHistory();
    await allIsOver();
    const before = await tablesSaying(texts);
    expect(await erase(false)).toMatchObject({
      kind: 'would_erase',
      name,
      counts: { orders: 2, decisions: 2, messages: 2, credentials: 1, apiKeys: 1 },
    });
    expect(await tablesSaying(texts)).toEqual(before);
    expect(before.length).toBeGreaterThan(12);
  });

  test('nothing in the database names or reaches them any more; records and hashes stand', async () => {
    await playHistory();
    await allIsOver();
    const records = async () => [
      await session.query(
        `select id, client_order_id, quantity, status, filled_quantity, filled_value_minor from public.orders order by id`,
      ),
      await session.query('select * from public.ledger_entries order by id'),
      await session.query('select * from public.fills order by id'),
      await session.query(
        'select run_id, signal_id, outcome, quantity, hold_minor from public.decisions order by 1, 2',
      ),
      await session.query(
        'select id, at, how, action, content_hash, previous_hash, hash from public.operator_actions order by id limit 5',
      ),
    ];
    const before = await records();
    const answer = await erase();
    expect(answer).toMatchObject({ kind: 'erased', tombstone: expect.stringMatching(/^erased-[0-9a-f]{12}$/) });
    expect(await tablesSaying(texts)).toEqual([]);
    expect(await records()).toEqual(before);
    expect(await value('select count(*)::int from public.account_credentials')).toBe(0);
    expect(await value('select revoked_at is not null from public.api_keys')).toBe(true);
    expect(await store.call('check_books', {})).toEqual([]);
    const verified = await verify();
    expect(verified.problems).toEqual([]);
    expect(verified.redacted).toBeGreaterThan(3);
    // Whom it does not concern is as before.
    expect(await store.call('read_user', { userId: 'ravi' })).toMatchObject({ name: 'Ravi' });

    const tombstone = answer.kind === 'erased' ? answer.tombstone : '';
    expect(await erase()).toEqual({ kind: 'no_such_user' });
    expect(await erase(true, tombstone)).toEqual({ kind: 'already_erased' });
    expect(await store.call('read_user', { userId: tombstone })).toMatchObject({ active: false, hasWhatsapp: false });
    const actions = await store.call('read_actions', {
      beforeId: null,
      limit: 1,
      userId: tombstone,
      action: null,
      sinceMs: null,
    });
    expect(actions).toMatchObject([
      { action: 'erase_user', target: `user:${tombstone}`, why: `asked by ${tombstone} herself` },
    ]);
  });

  test('what is left of an act is under a hash too: a change of it afterwards is found', async () => {
    await playHistory();
    await allIsOver();
    await erase();
    const actionId = Number(await value("select id from public.operator_actions where action = 'halt'"));
    await session.exec(`create temp table kept as select * from public.operator_actions;
      set session_replication_role = replica; update public.operator_actions set who = 'another' where id = ${actionId}`);
    expect((await verify()).problems).toEqual([{ id: actionId, kind: 'changed' }]);
    await session.exec(`delete from public.operator_actions; insert into public.operator_actions select * from kept;
      drop table kept; set session_replication_role = origin`);
  });

  test('a namesake whose id begins alike, and a word that only contains the name, stay', async () => {
    const pattern = await value('select core.words_pattern($1)', [['asha-rao', 'Asha', 'a.b']]);
    const text = 'user:asha-rao-2, asha-rao, "ASHA", Ashant, asha asha, a.b acb';
    expect(await value('select core.redact($1, $2, $3)', [text, pattern, 'X'])).toBe(
      'user:asha-rao-2, X, "X", Ashant, X X, X acb',
    );
  });

  test('all that is kept of a person is given out, without what is secret', async () => {
    await playHistory();
    await allIsOver();
    const all = await store.call('export_user', { userId: id });
    expect(all).toMatchObject({
      user: { id, name, whatsapp: number, auth_user_id: login },
      accounts: [
        { venue: 'paper', positions: [{ quantity: 0 }] },
        { venue: 'kite', credentials_stored_at: expect.any(String) },
      ],
      orders: [{ side: 'BUY', events: expect.any(Array) }, { side: 'SELL' }],
      consents: [{ keyword: 'start' }],
      apiKeys: [{ hint: 'ds_zzz123' }],
      halts: [{ why: `${name} asked for it` }],
    });
    expect(all?.['decisions']).toHaveLength(2);
    expect(all?.['messages']).toHaveLength(2);
    expect(JSON.stringify(all)).not.toMatch(/W{44}|S{44}|a{64}/);
    expect(await store.call('export_user', { userId: 'nobody' })).toBeNull();
  });
});
