-- Retention: the records of closed months that no law wants kept any longer are removed by a person, after
-- they were exported. What each account came to at the closings stays, and so do deposits, withdrawals,
-- adjustments, shares that came past us, runs and signals: all later books begin with these.

-- What the entries of a removed closing's orders came to in an account: with what was kept they make what is
-- closed.
create table public.removed_cash (
  account_id bigint not null references public.accounts,
  through date not null references public.removed_periods,
  cash_minor bigint not null,
  primary key (account_id, through)
);
create trigger removed_cash_is_a_fact before update or delete or truncate on public.removed_cash
  for each statement execute function core.refuse_change();

-- A lawsuit or an inquiry: while one is on, nothing is removed. One at a time; lifted ones stay.
create table public.legal_holds (
  id bigint generated always as identity primary key,
  why text not null,
  placed_by text not null,
  placed_at timestamptz not null default core.database_now(),
  lifted_by text,
  lifted_at timestamptz,
  constraint a_legal_hold_says_why check (why <> '')
);
create unique index there_is_one_legal_hold_at_a_time on public.legal_holds ((lifted_at is null))
  where lifted_at is null;

-- {isOn, by}: places a legal hold, or lifts it; `why` is who says it. Asked again, it changes nothing.
create function public.set_legal_hold(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  one public.legal_holds;
begin
  perform pg_advisory_xact_lock(hashtext('daily_scan remove_old'));
  select * into one from public.legal_holds where lifted_at is null;
  if (one.id is not null) = (args ->> 'isOn')::boolean then return '{"changed": false}'; end if;
  if one.id is null then
    insert into public.legal_holds (why, placed_by)
    values (args -> 'by' ->> 'why', args -> 'by' ->> 'who') returning * into one;
  else
    update public.legal_holds set lifted_at = core.database_now(), lifted_by = args -> 'by' ->> 'who'
    where id = one.id;
  end if;
  perform core.record_action(args -> 'by', 'set_legal_hold', 'records',
    before => jsonb_build_object('isOn', not (args ->> 'isOn')::boolean),
    after => jsonb_build_object('isOn', (args ->> 'isOn')::boolean));
  return '{"changed": true}';
end $$;

-- Only what is older than this day may be removed: books of the financial year (April to March) and of the
-- eight before it are kept (Companies Act 2013, section 128(5)), of more where somebody says so.
create function core.removable_before(years integer) returns date
language sql stable as $$
  select make_date(extract(year from core.day_of(core.database_now()) - interval '3 months')::integer
    - greatest(8, coalesce(years, 8)), 4, 1);
$$;

-- The runs of a closing: recorded by its end, and without an order after it (a market that never closes has
-- runs that go on; these go with the next closing).
create function core.runs_to_remove(c public.closings) returns setof text
language sql stable as $$
  select run.id from public.scan_runs run where core.day_of(run.recorded_at) <= c.through
    and not exists (select from public.orders o where o.run_id = run.id and o.id > c.last_order_id);
$$;

-- The messages of a closing: of its runs, of its orders, and reminders of its days.
create function core.messages_to_remove(c public.closings) returns setof public.messages
language sql stable as $$
  select m.* from core.runs_to_remove(c) run join public.messages m on m.run_id = run
  union
  select m.* from core.orders_in(core.period_to(c.through)) o
  join public.messages m on (m.run_id, m.user_id) = (o.run_id, o.user_id) and m.first_order_id = o.id
  union
  select m.* from public.messages m where m.run_id is null and m.trade_date <= c.through;
$$;

-- What of a closing nobody has ended yet, as {kind, count}; and what never was closed.
create function core.open_through(c public.closings) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'count', n) order by kind)
    filter (where n > 0), '[]')
  from (values
    ('account', (select count(*) from public.accounts a
      where not exists (select from public.closed_balances b
          where (b.account_id, b.through) = (a.id, c.through))
        and exists (select from public.orders o where (o.user_id, o.account_id) = (a.user_id, a.id)
          and o.id <= c.last_order_id))),
    ('order', (select count(*) from public.orders o where o.ended_at is null and o.id <= c.last_order_id)),
    ('run', (select count(*) from core.runs_to_remove(c) gone join public.scan_runs run on run.id = gone
      where run.state <> 'done')),
    ('message', (select count(*) from core.messages_to_remove(c) m
      where m.status in ('queued', 'sending', 'unknown'))),
    ('drift', (select count(*) from public.drifts d where d.acknowledged_at is null
      and d.trade_date <= c.through))
  ) tie(kind, n);
$$;

-- How many rows of each table go with a closing, the one before it being removed.
create function core.counts_to_remove(c public.closings) returns jsonb
language sql stable as $$
  with orders as materialized (select o.id from core.orders_in(core.period_to(c.through)) o),
  runs as materialized (select run as id from core.runs_to_remove(c) run),
  messages as materialized (select m.id from core.messages_to_remove(c) m)
  select jsonb_build_object('orders', (select count(*) from orders),
    'order_events', (select count(*) from orders join public.order_events e on e.order_id = orders.id),
    'fills', (select count(*) from core.fills_in(core.period_to(c.through)) f where f.order_id is not null),
    'ledger_entries', (select count(*) from core.entries_in(core.period_to(c.through)) e
      where e.order_id is not null),
    'decisions', (select count(*) from runs join public.decisions d on d.run_id = runs.id),
    'order_requests', (select count(*) from public.order_requests r where r.run_id in (select id from runs)),
    'messages', (select count(*) from messages),
    'message_events', (select count(*) from messages join public.message_events e
      on e.message_id = messages.id),
    'run_users', (select count(*) from runs join public.run_users u on u.run_id = runs.id),
    'run_signals', (select count(*) from runs join public.run_signals s on s.run_id = runs.id),
    'run_prices', (select count(*) from runs join public.run_prices p on p.run_id = runs.id));
$$;

-- Why the records of a closing can't be removed; null: they can.
create function core.removal_refusal(c public.closings, years integer) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  earlier date;
  findings jsonb;
  still_open jsonb;
  hold text;
begin
  if c.through is null then return '{"kind": "not_closed"}'; end if;
  if c.through >= core.removable_before(years) then
    return jsonb_build_object('kind', 'too_recent', 'before', core.removable_before(years));
  end if;
  select why into hold from public.legal_holds where lifted_at is null;
  if found then return jsonb_build_object('kind', 'legal_hold', 'why', hold); end if;
  earlier := (select min(e.through) from public.closings e where e.through < c.through
    and e.through > core.removed_through());
  if earlier is not null then return jsonb_build_object('kind', 'earlier_first', 'through', earlier); end if;
  still_open := core.open_through(c);
  if still_open <> '[]' then return jsonb_build_object('kind', 'open', 'open', still_open); end if;
  findings := public.check_books(jsonb_build_object('closing', c.through));
  if findings <> '[]' then return jsonb_build_object('kind', 'not_adding_up', 'findings', findings); end if;
  return null;
end $$;

-- Messages with their histories, as an export has them: {table, row}.
create function core.rows_of_messages(ids bigint[]) returns setof jsonb
language sql stable as $$
  select jsonb_build_object('table', 'messages', 'row', m) from public.messages m where m.id = any(ids)
  union all
  select jsonb_build_object('table', 'message_events', 'row', e) from public.message_events e
  where e.message_id = any(ids);
$$;

-- The rows of some orders and of all under them, the same.
create function core.rows_of_orders(c public.closings, ids bigint[]) returns setof jsonb
language sql stable as $$
  select jsonb_build_object('table', 'orders', 'row', o) from public.orders o where o.id = any(ids)
  union all
  select jsonb_build_object('table', 'order_events', 'row', e) from public.order_events e
  where e.order_id = any(ids)
  union all
  select jsonb_build_object('table', 'fills', 'row', f) from public.fills f where f.order_id = any(ids)
  union all
  select jsonb_build_object('table', 'ledger_entries', 'row', e) from public.ledger_entries e
  where (e.kind = 'hold' and e.order_id = any(ids)) or (e.kind in ('post', 'void') and e.order_id = any(ids))
    or e.fill_id = any(array(select f.id from public.fills f where f.order_id = any(ids)))
  union all
  select told.* from core.rows_of_messages(array(select m.id from public.orders o
    join public.messages m on (m.run_id, m.user_id) = (o.run_id, o.user_id) and m.first_order_id = o.id
    where o.id = any(ids) and o.run_id not in (select core.runs_to_remove(c)))) told;
$$;

-- The rows of a run for some of its users; with its first users also what is of nobody.
create function core.rows_of_run(run text, user_ids text[], is_first boolean) returns setof jsonb
language sql stable as $$
  select jsonb_build_object('table', 'run_users', 'row', u) from public.run_users u
  where u.run_id = run and u.user_id = any(user_ids)
  union all
  select jsonb_build_object('table', 'decisions', 'row', d) from public.decisions d
  where d.run_id = run and d.user_id = any(user_ids)
  union all
  select jsonb_build_object('table', 'order_requests', 'row', r) from public.order_requests r
  where r.run_id = run and r.user_id = any(user_ids)
  union all
  select told.* from core.rows_of_messages(array(select m.id from public.messages m
    where m.run_id = run and m.user_id = any(user_ids))) told
  union all
  select jsonb_build_object('table', 'run_signals', 'row', s) from public.run_signals s
  where is_first and s.run_id = run
  union all
  select jsonb_build_object('table', 'run_prices', 'row', p) from public.run_prices p
  where is_first and p.run_id = run;
$$;

-- {through, after, limit}: the next rows that go with a closing, of so many orders, or users of a run:
-- {rows: [{table, row}], next (where to go on; null: that was all)}. `after` is null at first, then `next`.
create function public.read_removable(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  c constant public.closings := (select known from public.closings known
    where known.through = (args ->> 'through')::date);
  most constant bigint := (args ->> 'limit')::bigint;
  ids bigint[];
  of_run text := args -> 'after' ->> 'run';
  after_place constant bigint := coalesce((args -> 'after' ->> 'place')::bigint, 0);
  users text[];
  place bigint;
begin
  if of_run is null then
    ids := array(select o.id from core.orders_in(core.period_to(c.through)) o
      where o.id > coalesce((args -> 'after' ->> 'order')::bigint, 0) order by o.id limit most);
    if ids <> '{}' then
      return jsonb_build_object('next', jsonb_build_object('order', ids[cardinality(ids)]),
        'rows', (select jsonb_agg(row) from core.rows_of_orders(c, ids) row));
    end if;
    return jsonb_build_object('next', jsonb_build_object('run', '', 'place', 0),
      'rows', (select coalesce(jsonb_agg(row), '[]') from core.rows_of_messages(array(
        select m.id from public.messages m where m.run_id is null and m.trade_date <= c.through)) row));
  end if;
  select array_agg(u.user_id), max(u.queue_position) into users, place
  from (select * from public.run_users one where one.run_id = of_run and one.queue_position > after_place
    order by one.queue_position limit most) u;
  if place is null then
    of_run := (select min(run) from core.runs_to_remove(c) run where run > of_run);
    return jsonb_build_object('next', case when of_run is not null
        then jsonb_build_object('run', of_run, 'place', 0) end,
      'rows', (select coalesce(jsonb_agg(row), '[]') from core.rows_of_run(of_run, '{}', true) row));
  end if;
  return jsonb_build_object('next', jsonb_build_object('run', of_run, 'place', place),
    'rows', (select coalesce(jsonb_agg(row), '[]') from core.rows_of_run(of_run, users, false) row));
end $$;

-- {through (a closing), years, manifestHash and counts (of the export; null: only says what would go), by}:
-- marks the records of a closing as removed, for good: {kind: marked, counts}. Asked again: the same.
-- Nothing is deleted yet: that is remove_page. Refused (`kind` says why) where they are too recent, not
-- closed or not all ended, do not add up, are not those of the export, where an earlier closing has its
-- records yet, and while a legal hold is on.
create function public.mark_removed(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  c public.closings;
  known public.removed_periods;
  refused jsonb;
  counts jsonb;
  cash public.removed_cash[];
begin
  if not pg_try_advisory_xact_lock(hashtext('daily_scan remove_old')) then return '{"kind": "busy"}'; end if;
  select * into known from public.removed_periods where through = (args ->> 'through')::date;
  if found then return jsonb_build_object('kind', 'marked', 'counts', known.counts); end if;
  select * into c from public.closings where through = (args ->> 'through')::date;
  refused := core.removal_refusal(c, (args ->> 'years')::integer);
  if refused is not null then return refused; end if;
  counts := core.counts_to_remove(c);
  if args ->> 'manifestHash' is null then
    return jsonb_build_object('kind', 'would_remove', 'counts', counts);
  elsif nullif(args -> 'counts', 'null') <> counts then
    return jsonb_build_object('kind', 'not_exported', 'counts', counts);
  end if;

  cash := array(select (e.account_id, c.through, sum(e.cash_delta_minor))::public.removed_cash
    from core.entries_in(core.period_to(c.through)) e where e.order_id is not null group by e.account_id);
  -- Who books a fill has its account locked: what came meanwhile has opened it again, and is seen here.
  perform from public.accounts order by id for no key update;
  if core.open_through(c) <> '[]' then
    return jsonb_build_object('kind', 'open', 'open', core.open_through(c));
  end if;
  insert into public.removed_periods (through, last_order_id, removed_by, why, counts, manifest_hash)
  values (c.through, c.last_order_id, args -> 'by' ->> 'who', args -> 'by' ->> 'why', counts,
    args ->> 'manifestHash');
  insert into public.removed_cash select one.* from unnest(cash) one;
  perform core.record_action(args -> 'by', 'remove_old', 'records through ' || c.through,
    after => counts || jsonb_build_object('manifestHash', args ->> 'manifestHash'));
  return jsonb_build_object('kind', 'marked', 'counts', counts);
end $$;

-- Trigger: what was deleted belongs to a closing that is marked as removed; by its order, whose number is in
-- the column `tg_argv`, or by its run.
create function core.refuse_removing_others() returns trigger
language plpgsql set search_path = '' as $$
declare
  upto constant bigint := (select max(r.last_order_id) from public.removed_periods r);
begin
  if tg_argv[0] = 'run_id' then
    if not exists (select from gone left join public.scan_runs run on run.id = to_jsonb(gone) ->> 'run_id'
      where core.day_of(run.recorded_at) <= core.removed_through() is not true) then return null; end if;
  elsif not exists (select from gone where (to_jsonb(gone) ->> tg_argv[0])::bigint <= upto is not true) then
    return null;
  end if;
  raise exception '% keeps its rows until their month is removed', tg_table_name using errcode = 'PT403';
end $$;
create trigger only_removed_orders_go after delete on public.orders referencing old table as gone
  for each statement execute function core.refuse_removing_others('id');
create trigger only_removed_order_events_go after delete on public.order_events
  referencing old table as gone for each statement execute function core.refuse_removing_others('order_id');
create trigger only_removed_fills_go after delete on public.fills referencing old table as gone
  for each statement execute function core.refuse_removing_others('order_id');
create trigger only_removed_entries_go after delete on public.ledger_entries referencing old table as gone
  for each statement execute function core.refuse_removing_others('order_id');
create trigger only_removed_decisions_go after delete on public.decisions referencing old table as gone
  for each statement execute function core.refuse_removing_others('run_id');
create trigger only_removed_requests_go after delete on public.order_requests referencing old table as gone
  for each statement execute function core.refuse_removing_others('run_id');
create trigger only_removed_run_signals_go after delete on public.run_signals referencing old table as gone
  for each statement execute function core.refuse_removing_others('run_id');

-- Deletes the first orders up to a number, with everything recorded under them. Gives how many.
create function core.remove_orders(upto bigint, most bigint) returns bigint
language plpgsql set search_path = '' as $$
declare
  batch constant bigint[] := array(select o.id from public.orders o where o.id <= upto order by o.id
    limit most);
  told constant bigint[] := array(select m.id from public.orders o join public.messages m
    on (m.run_id, m.user_id) = (o.run_id, o.user_id) and m.first_order_id = o.id where o.id = any(batch));
begin
  delete from public.message_events where message_id = any(told);
  delete from public.messages where id = any(told);
  delete from public.ledger_entries where kind = 'hold' and order_id = any(batch);
  delete from public.ledger_entries where kind in ('post', 'void') and order_id = any(batch);
  delete from public.ledger_entries where fill_id = any(array(select f.id from public.fills f
    where f.order_id = any(batch)));
  delete from public.fills where order_id = any(batch);
  delete from public.order_events where order_id = any(batch);
  delete from public.orders where id = any(batch);
  return cardinality(batch);
end $$;

-- Deletes messages with their history. Gives how many.
create function core.remove_messages(ids bigint[]) returns bigint
language plpgsql set search_path = '' as $$
begin
  delete from public.message_events where message_id = any(ids);
  delete from public.messages where id = any(ids);
  return cardinality(ids);
end $$;

-- Deletes rows of the first run up to a day that has no orders left, and something else. Gives how many.
create function core.remove_of_run(upto date, most bigint) returns bigint
language plpgsql set search_path = '' as $$
declare
  of_run constant text := (select run.id from public.scan_runs run
    where core.day_of(run.recorded_at) <= upto
      and not exists (select from public.orders o where o.run_id = run.id)
      and (exists (select from public.run_users u where u.run_id = run.id)
        or exists (select from public.run_signals s where s.run_id = run.id)
        or exists (select from public.run_prices p where p.run_id = run.id))
    order by run.id limit 1);
  n bigint;
  all_in bigint;
begin
  if of_run is null then return 0; end if;
  delete from public.order_requests r where r.ctid = any(array(select one.ctid
    from public.order_requests one where one.run_id = of_run
      and one.user_id in (select u.user_id from public.run_users u where u.run_id = of_run) limit most));
  get diagnostics all_in = row_count;
  -- A request names its decision: that goes after it.
  if all_in > 0 then return all_in; end if;
  all_in := core.remove_messages(array(select m.id from public.messages m where m.run_id = of_run
    limit most));
  delete from public.decisions d where d.ctid = any(array(select one.ctid from public.decisions one
    where one.run_id = of_run limit most));
  get diagnostics n = row_count;
  all_in := all_in + n;
  -- What finds the run again goes last.
  if all_in > 0 then return all_in; end if;
  delete from public.run_prices where run_id = of_run;
  get diagnostics all_in = row_count;
  delete from public.run_signals where run_id = of_run;
  get diagnostics n = row_count;
  all_in := all_in + n;
  delete from public.run_users u where u.ctid = any(array(select one.ctid from public.run_users one
    where one.run_id = of_run limit most));
  get diagnostics n = row_count;
  return all_in + n;
end $$;

-- {limit}: deletes the next rows of what is marked as removed, so many orders (or of another kind) at most:
-- {kind: removed, rows}; 0: that was all. `busy`: another call is at it; `legal_hold`: nothing goes until it
-- is lifted. The only place that may delete them: the tables let this transaction through, and see that each
-- row is of a closing that is marked. Safe to repeat, and to stop anywhere.
create function public.remove_page(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  most constant bigint := (args ->> 'limit')::bigint;
  upto public.removed_periods;
  n bigint := 0;
begin
  if not pg_try_advisory_xact_lock(hashtext('daily_scan remove_old')) then return '{"kind": "busy"}'; end if;
  if exists (select from public.legal_holds where lifted_at is null) then
    return jsonb_build_object('kind', 'legal_hold',
      'why', (select h.why from public.legal_holds h where h.lifted_at is null));
  end if;
  select * into upto from public.removed_periods order by through desc limit 1;
  if found then
    perform set_config('daily_scan.removing', upto.through::text, true);
    n := core.remove_orders(upto.last_order_id, most);
    if n = 0 then n := core.remove_of_run(upto.through, most); end if;
    if n = 0 then
      n := core.remove_messages(array(select m.id from public.messages m
        where m.run_id is null and m.trade_date <= upto.through limit most));
    end if;
    perform set_config('daily_scan.removing', '', true);
  end if;
  return jsonb_build_object('kind', 'removed', 'rows', n);
end $$;

-- What was removed, against what is left of it: nothing of its orders; and what was kept of an account
-- makes, with what was removed, the cash that is closed. With a closing: of that one; without: only that it
-- is gone, once somebody has had the time to remove it.
create function core.removed_findings(closing date) returns setof core.finding
language sql stable as $$
  select 'what was removed is gone', 'records through ' || r.through, null::text, 'some are left', 'none',
    format('npm run purge -- --through %s --why …', to_char(r.through, 'YYYY-MM')), true
  from public.removed_periods r
  where r.through = coalesce(removed_findings.closing, core.removed_through())
    and r.removed_at < core.database_now() - core.check_grace()
    and (exists (select from public.orders o where o.id <= r.last_order_id)
      or exists (select from public.scan_runs run where core.day_of(run.recorded_at) <= r.through
        and not exists (select from public.orders o where o.run_id = run.id)
        and exists (select from public.run_users u where u.run_id = run.id)))
  union all
  select 'closed cash is what was kept and what was removed',
    format('%s through %s', core.account_name(a), b.through), a.user_id, core.decimal(b.cash_minor),
    core.decimal(kept.minor + removed.minor), null, false
  from public.closed_balances b join public.closings c using (through)
  join public.accounts a on a.id = b.account_id
  cross join lateral (select coalesce(sum(e.cash_delta_minor), 0) as minor from public.ledger_entries e
    where e.account_id = b.account_id and e.id <= c.last_entry_id and e.order_id is null) kept
  cross join lateral (select coalesce(sum(x.cash_minor), 0) as minor from public.removed_cash x
    where x.account_id = b.account_id and x.through <= b.through) removed
  where b.through = removed_findings.closing and b.cash_minor <> kept.minor + removed.minor;
$$;

-- {day}: with which removal the records of a day went; null: they are there, or there never were any.
create function public.read_removed(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('through', r.through, 'by', r.removed_by, 'why', r.why,
    'atMs', core.ms(r.removed_at))
  from public.removed_periods r where r.through >= (args ->> 'day')::date order by r.through limit 1;
$$;
