import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { limitMsOf, storeFunctions } from '../../../src/ports/store/store.ts';
import { signal } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { decideAll, fill, openTestRun, sendOne, settle, settlement } from '../support/test-run.ts';

const SUITE = join(import.meta.dirname, '..');

const code = (expected: string) => expect.objectContaining({ code: expected });

test('every function of the store is called somewhere in this suite', () => {
  const files = readdirSync(SUITE, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const text = files.map((file) => readFileSync(join(SUITE, file), 'utf8')).join('\n');
  expect(Object.keys(storeFunctions).filter((name) => !text.includes(`call('${name}'`))).toEqual([]);
});

onEveryDatabase('guards', ({ store, session, value }) => {
  const filledOrder = async (): Promise<number> => {
    await decideAll(await openTestRun(store));
    const { orderId } = await sendOne(store);
    await settle(store, [settlement(orderId, 'filled', { fills: [fill('f1', 10)] })]);
    return orderId;
  };

  test('the functions that may be called are exactly those of the store', async () => {
    const rows = await session.query(`select p.proname as name, pg_get_function_identity_arguments(p.oid) as args,
        p.prosecdef as definer, p.proconfig::text as settings, p.prorettype::regtype::text as gives
      from pg_proc p where pronamespace = 'public'::regnamespace`);
    expect(rows.map(({ name }) => name).toSorted()).toEqual(Object.keys(storeFunctions).toSorted());
    for (const { name, settings, gives, ...shape } of rows) {
      expect({ name, ...shape }).toEqual({ name, args: 'args jsonb', definer: true });
      expect(gives, String(name)).toMatch(/^jsonb?$/);
      // Nobody's schema is searched; what works on a batch by its ids is never planned as a scan of everything.
      expect(settings, String(name)).toMatch(
        /^\{"search_path=\\"\\""(,plan_cache_mode=force_(generic|custom)_plan)?(,jit=off)?(,enable_(seqscan|bitmapscan|hashjoin|mergejoin|sort)=off)*,lock_timeout=1500ms,statement_timeout=(5|60)s\}$/,
      );
      expect(settings, String(name)).toContain(`statement_timeout=${limitMsOf(String(name)) / 1000}s`);
    }
  });

  test('neither visitors nor users may touch a table or call a function but to read own rows; every table has row security', async () => {
    const schemas = "('public', 'core', 'paper_venue')";
    const open = await session.query(`
      select role || ' may call ' || p.oid::regprocedure::text as what
      from unnest(array['anon', 'authenticated', 'public']) role,
        pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname in ${schemas} and has_function_privilege(role, p.oid, 'execute')
      union all
      select role || ' may touch ' || c.oid::regclass::text
      from unnest(array['anon', 'authenticated', 'public']) role, pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ${schemas} and c.relkind in ('r', 'p', 'v')
        and has_table_privilege(role, c.oid, 'select, insert, update, delete, truncate')
      union all
      select c.oid::regclass::text || ' has no row security' from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ${schemas} and c.relkind in ('r', 'p') and not c.relrowsecurity`);
    // Row security narrows these to the user's own rows: access.test.ts.
    const own = ['accounts', 'decisions', 'fills', 'ledger_entries', 'messages', 'orders', 'positions'];
    const meant = [
      'authenticated may call core.current_user_id()',
      ...own.map((table) => `authenticated may touch ${table}`),
    ];
    expect(open.map(({ what }) => what).toSorted()).toEqual(meant);
  });

  test.each(['anon', 'authenticated'])('%s is refused when trying', async (role) => {
    await openTestRun(store);
    await session.exec(`set role ${role}`);
    try {
      for (const sql of [
        'select * from public.users',
        'select * from paper_venue.orders',
        "select public.halt('{}'::jsonb)",
        "select public.read_report('{}'::jsonb)",
        "select core.halted('all', '')",
      ]) {
        await expect(session.query(sql), sql).rejects.toEqual(code('42501'));
      }
    } finally {
      await session.exec('reset role');
    }
  });

  test('the service may call every function and reaches the tables through nothing else', async () => {
    await openTestRun(store);
    await session.exec('set role service_role');
    try {
      for (const name of Object.keys(storeFunctions)) {
        expect(await value(`select has_function_privilege('public.${name}(jsonb)', 'execute')`), name).toBe(true);
      }
      expect(await value(`select public.read_run('{"runId": "none"}'::jsonb)`)).toBeNull();
      expect(
        await value(
          `select public.halt('{"scope": "all", "why": "w", "by": {"who": "b", "how": "cli"}, "nowMs": 1}'::jsonb)`,
        ),
      ).toEqual({
        changed: true,
      });
      await expect(session.query('select * from public.users')).rejects.toEqual(code('42501'));
      await expect(session.query("select core.halted('all', '')")).rejects.toEqual(code('42501'));
    } finally {
      await session.exec('reset role');
    }
  });

  test.each(['public.ledger_entries', 'public.fills'])('%s are append-only, even for the owner', async (table) => {
    await filledOrder();
    for (const sql of [
      `update ${table} set account_id = account_id`,
      `delete from ${table}`,
      `truncate ${table} cascade`,
    ]) {
      await expect(session.exec(sql), sql).rejects.toEqual(code('PT403'));
    }
  });

  test.each([
    ['scan_runs', 'id'],
    ['run_signals', 'signal_id'],
    ['signals', 'id'],
    ['accounts', 'id'],
    ['instruments', 'id'],
    ['charge_rates', 'id'],
    ['orders', 'id'],
  ])('public.%s are never deleted and keep their ids, even for the owner', async (table, id) => {
    await filledOrder();
    for (const sql of [
      `delete from public.${table}`,
      `truncate public.${table} cascade`,
      `update public.${table} set ${id} = default`,
    ]) {
      await expect(session.exec(sql), sql).rejects.toEqual(code('PT403'));
    }
  });

  test('a user whom an order names is never deleted, also where no account of theirs is left', async () => {
    await filledOrder();
    await session.exec(`insert into public.users (id, name) values ('heir', 'heir'), ('idle', 'idle');
      update public.accounts set user_id = 'heir'; delete from public.users where id = 'idle'`);
    // With the foreign keys of the tests it is one of these that refuses it.
    const refused = expect.objectContaining({ code: expect.stringMatching(/^(PT403|23503)$/) });
    await expect(session.exec("delete from public.users where id = 'asha'")).rejects.toEqual(refused);
    await session.exec("update public.accounts set user_id = 'asha'");
  });

  test('decisions, events of orders, drifts and what came in are facts: only who they are about may be taken out', async () => {
    await filledOrder();
    await session.exec(`insert into public.drifts (account_id, trade_date, kind, what, ours, theirs, found_at, last_found_at,
        acknowledged_at) select id, current_date, 'order', 'V1', '1', '2', now(), now(), now() from public.accounts;
      insert into public.received_signals (request_id, position, received_at, source, payload, outcome, problem)
        values (gen_random_uuid(), 0, now(), 'http:test', '{}', 'rejected', 'nonsense');
      insert into public.order_requests (principal, idempotency_key, body_hash, run_id, signal_id, user_id, limits,
          requested_at) select 'user:asha', 'k', 'b', run_id, signal_id, user_id, '{}', now() from public.decisions`);
    const gone = "'erased-0123456789ab'";
    for (const sql of [
      "update public.decisions set reason = 'halted'",
      `update public.decisions set user_id = ${gone}, hold_minor = hold_minor + 1`,
      "update public.decisions set user_id = 'somebody-else'",
      'delete from public.decisions',
      'truncate public.decisions cascade',
      "update public.order_events set reason = 'timeout'",
      'update public.order_events set filled_quantity = 0',
      'delete from public.order_events',
      'truncate public.order_events',
      "update public.order_requests set body_hash = 'c'",
      "update public.order_requests set principal = 'user:ravi'",
      'delete from public.order_requests',
      'truncate public.order_requests',
      "update public.drifts set theirs = '3'",
      'update public.drifts set acknowledged_at = null',
      "update public.drifts set acknowledged_at = now() + interval '1 day'",
      'delete from public.drifts',
      'truncate public.drifts',
      'update public.received_signals set payload = \'{"side": "SELL"}\'',
      'truncate public.received_signals',
    ]) {
      await expect(session.exec(sql), sql).rejects.toEqual(code('PT403'));
    }
  });

  test('an order goes only where the table of transitions lets it, whoever writes', async () => {
    const orderId = await filledOrder();
    for (const status of ['queued', 'submitting', 'working', 'canceled', 'unknown', 'nonsense']) {
      const update = session.query('update public.orders set status = $2, ended_at = null where id = $1', [
        orderId,
        status,
      ]);
      await expect(update, status).rejects.toEqual(
        expect.objectContaining({ code: expect.stringMatching(/^(PT409|23514)$/) }),
      );
    }
  });

  test('constraints are sentences, and each refuses what it says', async () => {
    await filledOrder();
    const entry = (columns: string, values: string, from = 'orders') =>
      `insert into public.ledger_entries (account_id, at, ${columns}) select ${values} from public.${from}`;
    const ofOrder = 'order_id, kind, cash_delta_minor, held_delta_minor';
    const copy = `select (jsonb_populate_record(o, '{"id": -1}')).* from public.orders o`;
    const breaches = {
      a_client_order_id_exists_once: `insert into public.orders overriding system value ${copy}`,
      a_client_order_id_fits_every_venue: "update public.orders set client_order_id = 'UPPER'",
      an_order_is_held_once: entry(ofOrder, "account_id, now(), id, 'hold', 0, 1"),
      an_order_ends_in_one_post_or_void: entry(ofOrder, "account_id, now(), id, 'void', 0, -1"),
      a_void_moves_no_cash: entry(ofOrder, "account_id, now(), id, 'void', 1, 0"),
      a_hold_moves_no_cash: entry(ofOrder, "account_id, now(), id, 'hold', 1, 0"),
      what_is_posted_for_a_fill_names_it: entry(ofOrder, "account_id, now(), id, 'late_post', 1, 0"),
      money_of_an_order_names_it: entry(
        'kind, cash_delta_minor, held_delta_minor',
        "id, now(), 'post', 1, 0",
        'accounts',
      ),
      available_money_is_negative_only_on_a_blocked_account: 'update public.accounts set cash_minor = -1',
      held_money_is_never_negative: 'update public.accounts set held_minor = -1',
      leverage_is_at_least_one: 'update public.accounts set leverage_centi = 99',
      allocation_is_a_share_of_the_whole: 'update public.accounts set allocation_bps = 10001',
      a_whatsapp_number_is_e164: "update public.users set whatsapp = '98000 00001'",
      an_opt_in_names_its_source: 'update public.users set opted_in_at = now()',
      only_an_accepted_decision_needs_no_reason: `insert into public.decisions
        select (jsonb_populate_record(d, '{"signal_id": "x", "reason": "halted"}')).* from public.decisions d`,
      a_sent_message_has_its_text: "update public.messages set status = 'sent', text = null",
      a_decided_run_has_its_time_and_hash: "update public.scan_runs set state = 'planning'",
      a_signal_buys_or_sells: "update public.signals set side = 'SHORT'",
      a_signal_is_given_once: `insert into public.signals select (jsonb_populate_record(s, '{"id": "x"}')).* from public.signals s`,
    };
    for (const [constraint, sql] of Object.entries(breaches)) {
      await expect(session.exec(sql), constraint).rejects.toThrow(`"${constraint}"`);
    }
  });

  test('two runs can not both have decided a signal for an account', async () => {
    await filledOrder();
    await openTestRun(store, { runId: 'second' });
    const copy =
      session.exec(`insert into public.decisions select 'second', signal_id, user_id, account_id, position, queue_position,
      outcome, reason, limit_value, actual_value, quantity, price_minor, hold_minor from public.decisions`);
    await expect(copy).rejects.toThrow('a_signal_is_decided_once_per_account');
    expect(await value('select count(*)::int from public.decisions where signal_id = $1', [signal('TITAN').id])).toBe(
      1,
    );
  });
});
