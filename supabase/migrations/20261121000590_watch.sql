-- Watching it: what streams follow, what metrics show, what /ready and the doctor look at, how long a run
-- took.

-- Says once per statement that statuses may have changed (equal notices of a transaction are one), so a
-- batch of 500 costs one. A hint without content: who hears it reads the events. A new order is watched by
-- nobody yet.
create function core.notify_order_changes() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform pg_notify('daily_scan_orders', '');
  return null;
end $$;
create trigger watchers_hear_of_a_status after update of status on public.orders
  for each statement execute function core.notify_order_changes();

-- {orders: [{orderId, afterEventId}]}: what happened to each of these orders after an event, oldest first.
-- Asked per order, because an order's row is locked while its events are written: its ids grow in the order
-- they become visible. Over all orders they do not (a later id may commit first), so one last id for
-- everything would lose events. What is filled is what was filled at the event.
create function public.read_order_events(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('eventId', e.id, 'orderId', o.id,
    'clientOrderId', o.client_order_id, 'status', e.to_status, 'from', e.from_status, 'reason', e.reason,
    'filledQuantity', e.filled_quantity, 'filledValueMinor', e.filled_value_minor, 'atMs', core.ms(e.at))
    order by e.id), '[]')
  from jsonb_to_recordset(args -> 'orders') as watched("orderId" bigint, "afterEventId" bigint)
  join public.orders o on o.id = watched."orderId"
  join public.order_events e on e.order_id = o.id and e.id > watched."afterEventId";
$$;

create index runs_of_a_day on public.scan_runs (trade_date);
create index accounts_that_are_blocked on public.accounts (id)
  where coalesce(not_ready, check_found) is not null;

-- A label of a metric must not hold free text: the word a reason begins with, or `other`.
create function core.metric_label(reason text) returns text
language sql immutable as $$
  select case when reason is null then ''
    when split_part(reason, ':', 1) ~ '^[a-z][a-z0-9_]{0,39}$' then split_part(reason, ':', 1)
    else 'other' end;
$$;

-- What is so at the moment: orders, messages and runs of each market's own trade date; what waits or is
-- unknown, of any date. {days: [{market, tradeDate}]}
create function public.read_gauges(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with today as materialized (
    select id, split_part(id, ':', 1) as market, split_part(id, ':', 3) as slot, mode, state, opened_at,
      decided_at, done_at
    from public.scan_runs where trade_date in (select "tradeDate"
        from jsonb_to_recordset(args -> 'days') as day("tradeDate" date))
      and (split_part(id, ':', 1), trade_date) in (select market, "tradeDate"
        from jsonb_to_recordset(args -> 'days') as day(market text, "tradeDate" date))
  ), o as materialized (
    select today.mode, today.market, o.run_id, o.signal_id, o.instrument_id, o.side, o.venue, o.status,
      core.metric_label(o.reason) as reason, o.submitted_at, o.filled_quantity,
      o.filled_value_minor * 1000 / nullif(o.filled_quantity, 0) as price_milli
    -- By each run's index, not as one reading of all orders there are: how many runs there are is unknown.
    from today cross join lateral (select * from public.orders where run_id = today.id offset 0) o
  )
  select jsonb_build_object(
    'orders', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (
      select mode, venue, status, reason, market, count(*) as count from o group by 1, 2, 3, 4, 5
      order by 6 desc limit 200) t),
    'messages', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (
      select today.mode, m.status, today.market, count(*) as count from today
      cross join lateral (select status from public.messages where run_id = today.id offset 0) m
      group by 1, 2, 3) t),
    'runs', (select coalesce(jsonb_agg(jsonb_build_object('market', market, 'slot', slot, 'mode', mode,
        'state', state, 'planningMs', core.ms(decided_at) - core.ms(opened_at),
        'sendingMs', (select core.ms(max(submitted_at)) - core.ms(min(submitted_at)) from o
          where o.run_id = today.id),
        'totalMs', core.ms(done_at) - core.ms(opened_at))), '[]') from today),
    -- The widest 20: lowest and highest average price of a signal, in thousandths of the minor unit.
    'spreads', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (
      select o.mode, o.market, i.symbol, o.side, min(price_milli) as "lowestMilli",
        max(price_milli) as "highestMilli"
      from o join public.instruments i on i.id = o.instrument_id where filled_quantity > 0
        and signal_id is not null
      group by o.mode, o.market, i.symbol, o.side, o.run_id, o.signal_id having count(*) > 1
      order by max(price_milli)::numeric / min(price_milli) desc limit 20) t),
    'queued', (select jsonb_build_object('count', count(*), 'oldestAtMs', core.ms(min(created_at)))
      from public.orders where ended_at is null and status = 'queued'),
    'unknownOrders', (select count(*) from public.orders where ended_at is null and status = 'unknown'),
    'leftToAPerson', (select count(*) from public.orders o where ended_at is null
      and core.left_to_a_person(o)),
    'messagesWaiting', (select jsonb_build_object('count', count(*), 'oldestDueAtMs', core.ms(min(due_at)))
      from public.messages where status = 'queued'),
    'blockedAccounts', (select count(*) from public.accounts
      where coalesce(not_ready, check_found) is not null),
    'halts', (select count(*) from public.halts where resumed_at is null));
$$;

-- The database's clock, and which migrations it has: of the functions, the one that must answer with any
-- schema.
create function public.read_readiness(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  versions jsonb := '[]';
begin
  -- Whoever ran the files by hand has no record of them.
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    select coalesce(jsonb_agg(version order by version), '[]') into versions
    from supabase_migrations.schema_migrations;
  end if;
  -- Whose sender is gone for a minute, and nobody came to look: all who should work are stopped, or can't.
  return jsonb_build_object('nowMs', core.ms(core.database_now()), 'migrations', versions,
    'clockIsFar', args ? 'nowMs' and core.clock_is_far(args),
    'stuckOrders', (select count(*) from (select from public.orders where ended_at is null
      and status = 'submitting'
      and lease_until < core.database_now() - interval '1 minute' limit 1000) stuck));
end $$;

-- What a person has to know before the next session. {mode, days: [{market, tradeDate, exchanges}],
-- functions}: signals are counted for each market's date, those of its run's exchanges; `functions` are the
-- names this program calls, so that those of other programs in the same database are nobody's trouble. Lists
-- hold 20 at most.
create function public.read_condition(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with ours as (
    select name, to_regprocedure(format('public.%I(jsonb)', name)) as f
    from jsonb_array_elements_text(args -> 'functions') as name
  ), blocked as (
    select user_id, venue, coalesce(not_ready, check_found) as not_ready from public.accounts
    where coalesce(not_ready, check_found) is not null and mode = args ->> 'mode'
  ), person as (
    select client_order_id from public.orders o where ended_at is null
      and core.left_to_a_person(o) order by id
  )
  select jsonb_build_object(
    'signals', (select coalesce(jsonb_agg(jsonb_build_object('market', market, 'tradeDate', "tradeDate",
        'count', (select count(*) from public.signals s join public.instruments i on i.id = s.instrument_id
          where s.trade_date = "tradeDate" and s.source <> 'api' and exchanges ? i.exchange))
        order by n), '[]')
      from rows from (jsonb_to_recordset(args -> 'days') as (market text, "tradeDate" date,
        exchanges jsonb)) with ordinality as day(market, "tradeDate", exchanges, n)),
    'users', (select jsonb_build_object('active', count(*),
        'withoutAccount', count(*) filter (where not exists (select from public.accounts a
          where (a.user_id, a.venue, a.mode) = (u.id, u.venue, args ->> 'mode'))),
        'withoutOptIn', count(*) filter (where whatsapp is null or opted_in_at is null))
      from public.users u where active and trading_enabled),
    'unknownOrders', (select count(*) from public.orders where ended_at is null and status = 'unknown'),
    'leftToAPerson', (select coalesce(jsonb_agg(client_order_id), '[]')
      from (select * from person limit 20) t),
    'leftCount', (select count(*) from person),
    'messagesNotKnown', (select count(*) from public.messages where status = 'unknown'
      and next_lookup_at is null),
    'blockedAccounts', (select jsonb_build_object('count', (select count(*) from blocked), 'first',
      (select coalesce(jsonb_agg(jsonb_build_object('userId', user_id, 'venue', venue, 'why', not_ready)),
        '[]')
        from (select * from blocked order by user_id limit 20) t))),
    'halts', (select coalesce(jsonb_agg(jsonb_build_object('scope', scope, 'target', target, 'why', why)),
      '[]')
      from (select * from public.halts where resumed_at is null order by id limit 20) t),
    'notCallable', (select coalesce(jsonb_agg(name), '[]') from ours
      where f is null or not coalesce(has_function_privilege('service_role', f, 'execute'), false)),
    'openToVisitors', (select coalesce(jsonb_agg(distinct name), '[]') from ours,
      unnest(array['anon', 'authenticated']) role
      where f is not null and has_function_privilege(role, f, 'execute')),
    'withoutRowSecurity', (select coalesce(jsonb_agg(c.oid::regclass::text), '[]') from pg_catalog.pg_class c
      where c.relkind in ('r', 'p') and not c.relrowsecurity
        and (c.relnamespace in (to_regnamespace('core'), to_regnamespace('paper_venue'))
          or (c.relnamespace = to_regnamespace('public') and c.relname in ('users', 'accounts', 'orders',
            'decisions', 'fills', 'positions', 'ledger_entries', 'messages', 'scan_runs',
            'order_requests')))));
$$;

-- The live accounts in which active users trade, by venue: how many there are, are connected, and may trade
-- on a market's day; and why the others may not, the commonest first. {tradeDate, currency (the market's)}
create function public.read_live_accounts(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with account as (
    select a.venue, c.account_id is not null as connected,
      split_part(core.not_ready_on(a, (args ->> 'tradeDate')::date), ':', 1) as why
    from public.users u join public.accounts a on (a.user_id, a.mode, a.currency)
        = (u.id, 'live', args ->> 'currency') and (a.venue = u.venue or a.currency <> 'INR')
    left join public.account_credentials c on c.account_id = a.id
    where u.active and u.trading_enabled
  )
  select jsonb_build_object(
    'venues', (select coalesce(jsonb_agg(to_jsonb(t) order by t.venue), '[]') from (
      select venue, count(*) as accounts, count(*) filter (where connected) as connected,
        count(*) filter (where why is null) as ready from account group by venue) t),
    'notReady', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (
      select venue, why, count(*) as count from account where why is not null
      group by venue, why order by count(*) desc, venue, why limit 20) t));
$$;

-- When a run did what, and what went wrong in it how often, most frequent first. Null where there is no such
-- run.
create function public.read_run_timings(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('openedAtMs', core.ms(run.opened_at), 'decidedAtMs', core.ms(run.decided_at),
    'doneAtMs', core.ms(run.done_at), 'firstSentAtMs', core.ms(sent.first),
    'lastSentAtMs', core.ms(sent.last), 'lastSettledAtMs', core.ms(sent.settled),
    'attempts', coalesce(sent.attempts, 0), 'lastMessageAtMs', (select core.ms(max(changed_at))
      from public.messages
      where run_id = run.id and status not in ('queued', 'sending')),
    'troubles', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (
      select status, venue, reason, message, count(*) as count from public.orders
      where run_id = run.id and status in ('rejected', 'canceled', 'expired', 'unknown')
      group by 1, 2, 3, 4 order by 5 desc, 1, 2, 3, 4 limit 20) t),
    -- What did not end an order, but cost it an attempt or a lookup.
    'setbacks', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (
      select e.to_status as status, o.venue, e.reason, count(*) as count
      from public.orders o
      -- Of each order that may have had one, by index; `offset 0`: not as one reading of all events there
      -- are.
      cross join lateral (select * from public.order_events e where e.order_id = o.id
        and e.from_status = 'submitting'
        and e.to_status in ('queued', 'unknown') offset 0) e
      where o.run_id = run.id and core.may_have_setbacks(o)
      group by 1, 2, 3 order by 4 desc, 1, 2, 3 limit 20) t))
  from public.scan_runs run
  cross join lateral (select min(submitted_at) as first, max(submitted_at) as last,
    sum(attempts) as attempts, max(coalesce(ended_at, changed_at))
    filter (where attempts > 0 and status <> 'submitting') as settled
    from public.orders where run_id = run.id) sent
  where run.id = args ->> 'runId';
$$;

-- Which sessions hold an account's row, for how long, and what they did last: {accountId}. The row names the
-- transaction that locked it, or a group of them; the server shows each to those who may see its activity.
create function public.read_lock_holders(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  holder xid;
  holders xid[];
begin
  select a.xmax into holder from public.accounts a where a.id = (args ->> 'accountId')::bigint;
  begin
    select array_agg(member.xid) into holders from pg_get_multixact_members(holder) member;
  exception when others then
    -- It is a transaction and no group, or one so old that the group is gone.
    holders := null;
  end;
  return (select coalesce(jsonb_agg(jsonb_build_object('pid', s.pid,
    'application', coalesce(s.application_name, ''),
      'state', coalesce(s.state, ''),
      'forSeconds', coalesce(extract(epoch from clock_timestamp() - s.xact_start)::integer, 0),
      'query', left(coalesce(s.query, ''), 200)) order by s.pid), '[]')
    from pg_locks l join pg_stat_activity s on s.pid = l.pid
    where l.locktype = 'transactionid' and l.granted and l.transactionid = any(holders || holder)
      and l.pid <> pg_backend_pid());
end $$;
