-- What people hear and can ask: summaries, the report of a run, why a user did (not) get a symbol.

-- Neither ended nor handed to a person (an order at the venue that nobody will look up again).
create function core.unfinished(o public.orders) returns boolean
language sql immutable as $$
  select o.status in ('queued', 'submitting')
    or (o.status in ('working', 'partially_filled', 'unknown') and o.next_lookup_at is not null);
$$;

-- What is left to do of a run, and when the next thing is due. Every decided run with nothing left becomes
-- done.
create function public.finish_run(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with finished as (
    update public.scan_runs run set state = 'done',
      done_at = greatest((select core.earlier_of(args)), decided_at)
    where state = 'decided' and coalesce(takes_orders_until, '-infinity') <= (select core.earlier_of(args))
      and not exists (select from public.orders o where o.run_id = run.id and o.ended_at is null
        and core.unfinished(o))
    returning id, state
  ), open_order as (
    select count(*) as n, min(case o.status
        -- A halted order waits for its end; lifting the halt is nothing that comes due.
        when 'queued' then case when exists (select from public.halts h where h.resumed_at is null
          and (h.scope = 'all'
            or (h.scope = 'venue' and h.target = o.venue) or (h.scope = 'user' and h.target = o.user_id)))
              then o.send_before
          else greatest(coalesce(o.next_attempt_at, (select core.earlier_of(args))), 
            case when exists (select from public.breakers where is_open) then core.stopped_until(o) end) end
        when 'submitting' then (select core.earlier_of(args)) + interval '1 second'
        else o.next_lookup_at end) as next_due
    from public.orders o where o.run_id = args ->> 'runId' and o.ended_at is null and core.unfinished(o)
  ), open_message as (
    select count(*) as n, min(case status when 'queued' then greatest(due_at, next_attempt_at)
        when 'unknown' then next_lookup_at end) as next_due
    from public.messages where run_id = args ->> 'runId'
      and (status in ('queued', 'sending') or (status = 'unknown' and next_lookup_at is not null))
  )
  select jsonb_build_object(
    'state', coalesce((select state from finished where id = args ->> 'runId'),
      (select state from public.scan_runs where id = args ->> 'runId')),
    'openOrders', open_order.n, 'openMessages', open_message.n,
    'nextDueMs', core.ms(least(open_order.next_due, open_message.next_due)))
  from open_order, open_message;
$$;

-- Per signal, how many of its orders the venue has heard of, out of all.
create function public.read_progress(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('signalId', s.id, 'symbol', i.symbol, 'side', s.side,
    'done', coalesce(sent.done, 0), 'total', coalesce(sent.total, 0)) order by rs.position), '[]')
  from public.run_signals rs join public.signals s on s.id = rs.signal_id
  join public.instruments i on i.id = s.instrument_id
  left join (select signal_id, count(*) filter (where status not in ('queued', 'submitting')) as done,
    count(*) as total
    from public.orders where run_id = args ->> 'runId' group by 1) sent on sent.signal_id = rs.signal_id
  where rs.run_id = args ->> 'runId';
$$;

-- What a run came to, counted; it is finished with its last order, whenever a message of it was heard of.
-- Who and what is in read_report_decisions and read_report_messages, page by page: all of it at once is more
-- than one answer holds.
create function public.read_report(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with decided as (
    select signal_id, outcome, count(*) as n from public.decisions where run_id = args ->> 'runId'
    group by 1, 2
  ), traded as (
    select signal_id, status, count(*) as n, max(changed_at) as changed_at,
      min(submitted_at) as submitted_at, max(coalesce(ended_at, changed_at)) as settled_at,
      count(*) filter (where filled_quantity > 0) as fills,
      min(filled_value_minor * 1000 / nullif(filled_quantity, 0)) as lowest,
      max(filled_value_minor * 1000 / nullif(filled_quantity, 0)) as highest
    from public.orders where run_id = args ->> 'runId' group by 1, 2
  ), message_counts as (
    select status, count(*) as n
    from public.messages where run_id = args ->> 'runId' group by 1
  ), of_signals as (
    select signal_id, coalesce(sum(n) filter (where outcome = 'accepted'), 0) as accepted,
      coalesce(sum(n) filter (where outcome = 'skipped'), 0) as skipped,
      coalesce(sum(n) filter (where outcome = 'denied'), 0) as denied
    from decided group by 1
  ), of_orders as (
    select signal_id, coalesce(sum(n) filter (where status = 'filled'), 0) as filled,
      coalesce(sum(n) filter (where status = 'rejected'), 0) as rejected,
      coalesce(sum(n) filter (where status = 'unknown'), 0) as unknown, sum(fills) as fills,
      core.ms(max(settled_at)) - core.ms(min(submitted_at)) as duration_ms, min(lowest) as lowest,
      max(highest) as highest
    from traded group by 1
  )
  select jsonb_build_object(
    'runId', run.id, 'sessionId', run.session_id, 'tradeDate', run.trade_date, 'mode', run.mode,
    'state', run.state, 'planHash', run.plan_hash, 'pricesFrom', run.limits ->> 'pricesFrom',
    'openedAtMs', core.ms(run.opened_at), 'problems', run.problems,
    'finishedAtMs', core.ms(greatest(run.opened_at, run.decided_at, (select max(changed_at) from traded))),
    'users', (select count(*) from public.run_users where run_id = run.id),
    'outcomes', (select coalesce(jsonb_object_agg(outcome, n), '{}')
      from (select outcome, sum(n) as n from decided group by 1) each_one),
    'statuses', (select coalesce(jsonb_object_agg(status, n), '{}')
      from (select status, sum(n) as n from traded group by 1) each_one),
    'messageStatuses', (select coalesce(jsonb_object_agg(status, n), '{}') from message_counts),
    'signals', (select coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'symbol', i.symbol, 'side', s.side,
      'rank', s.rank,
        'accepted', coalesce(accepted, 0), 'skipped', coalesce(skipped, 0), 'denied', coalesce(denied, 0),
        'filled', coalesce(filled, 0), 'rejected', coalesce(rejected, 0), 'unknown', coalesce(unknown, 0),
        'durationMs', coalesce(duration_ms, 0), 'lowestMilli', lowest, 'highestMilli', highest,
        'fills', coalesce(fills, 0)) order by rs.position), '[]')
      from public.run_signals rs join public.signals s on s.id = rs.signal_id
      join public.instruments i on i.id = s.instrument_id
      left join of_signals on of_signals.signal_id = rs.signal_id left
      join of_orders on of_orders.signal_id = rs.signal_id
      where rs.run_id = run.id))
  from public.scan_runs run where run.id = args ->> 'runId';
$$;

-- `limit` decisions after {position, place}, with what became of the order each led to: best signal first,
-- then place in the queue.
create function public.read_report_decisions(args jsonb) returns json
language sql stable security definer set search_path = '' as $$
  select coalesce(json_agg(json_build_object('position', page.position, 'queuePosition', d.queue_position,
    'userId', d.user_id, 'userName', u.name, 'symbol', i.symbol, 'side', s.side, 'signalId', s.id,
    'outcome', d.outcome, 'reason', d.reason, 'limit', d.limit_value, 'actual', d.actual_value,
    'order', (select json_build_object('clientOrderId', o.client_order_id, 'quantity', o.quantity, 
        'status', o.status, 'limitPriceMinor', o.limit_price_minor,
        -- While an open breaker holds it back, that is why it is still queued.
        'reason', case when o.status = 'queued' and exists (select from public.breakers where is_open)
            and core.stopped_until(o) is not null then 'breaker_open' else o.reason end,
        'decisionPriceMinor', o.decision_price_minor, 'filledQuantity', o.filled_quantity,
        'filledValueMinor', o.filled_value_minor, 'chargesMinor', o.charges_minor,
        'leverageCenti', o.leverage_centi)
      from public.orders o where o.run_id = d.run_id and o.user_id = d.user_id
        and o.signal_id = d.signal_id))
    order by page.position, d.queue_position), '[]')
  from (
    select rs.position, d as decision from public.run_signals rs
    join public.decisions d on (d.run_id, d.signal_id) = (rs.run_id, rs.signal_id)
    where rs.run_id = args ->> 'runId' and rs.position >= (args ->> 'afterPosition')::bigint
      and (rs.position, d.queue_position) > ((args ->> 'afterPosition')::bigint,
        (args ->> 'afterQueuePosition')::bigint)
    order by rs.position, d.queue_position limit (args ->> 'limit')::bigint) page
  cross join lateral (select (page.decision).*) d
  join public.signals s on s.id = d.signal_id join public.instruments i on i.id = s.instrument_id
  join public.users u on u.id = d.user_id;
$$;

-- The messages of up to `limit` users after `afterQueuePosition`, in the order the run served them.
create function public.read_report_messages(args jsonb) returns json
language sql stable security definer set search_path = '' as $$
  select coalesce(json_agg(json_build_object('queuePosition', page.queue_position, 'userId', m.user_id,
    'status', m.status, 'text', coalesce(m.text, '')) order by page.queue_position, m.id), '[]')
  from (select run_id, user_id, queue_position from public.run_users
    where run_id = args ->> 'runId' and queue_position > (args ->> 'afterQueuePosition')::bigint
    order by queue_position limit (args ->> 'limit')::bigint) page
  join public.messages m on (m.run_id, m.user_id) = (page.run_id, page.user_id);
$$;

-- «Why did user X (not) get Y?» in one look: decisions, orders with their history, fills and money, newest
-- first.
create function public.why(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'users', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'name', name)), '[]') from public.users
      where id = args ->> 'user' or lower(name) = lower(args ->> 'user')),
    'decisions',
    (select coalesce(jsonb_agg(jsonb_build_object('runId', d.run_id, 'tradeDate', run.trade_date,
        'userId', d.user_id, 'symbol', i.symbol, 'side', s.side, 'strategy', s.strategy,
        'outcome', d.outcome, 'reason', d.reason, 'limit', d.limit_value, 'actual', d.actual_value,
        'quantity', d.quantity, 'priceMinor', d.price_minor, 'holdMinor', d.hold_minor,
        'referencePriceMinor', s.reference_price_minor, 'pricesFrom', run.limits ->> 'pricesFrom',
        'stopLossMinor', s.stop_loss_minor, 'targetMinor', s.target_minor,
        'order', (select jsonb_build_object('clientOrderId', o.client_order_id, 'status', o.status,
          'reason', o.reason,
            'message', o.message, 'venue', o.venue, 'venueOrderId', o.venue_order_id,
            'limitPriceMinor', o.limit_price_minor, 'filledQuantity', o.filled_quantity,
            'filledValueMinor', o.filled_value_minor, 'chargesMinor', o.charges_minor,
            'lateFill', o.late_fill,
            'events', (select jsonb_agg(jsonb_build_object('atMs', core.ms(e.at), 'from', e.from_status,
              'to', e.to_status, 'reason', e.reason) order by e.id) from public.order_events e
              where e.order_id = o.id),
            'ledger', (select jsonb_agg(jsonb_build_object('kind', l.kind,
              'cashDeltaMinor', l.cash_delta_minor, 'heldDeltaMinor', l.held_delta_minor) order by l.id)
              -- By the account, which has an index: its entries are few beside all there are.
              from public.ledger_entries l where l.account_id = o.account_id and l.order_id = o.id))
          from public.orders o
          where (o.run_id, o.signal_id, o.user_id) = (d.run_id, d.signal_id, d.user_id)))
        order by run.trade_date desc, d.position), '[]')
      from public.users u, public.instruments i join public.signals s on s.instrument_id = i.id
      -- A run has signals of its own day only.
      join public.scan_runs run on run.trade_date = s.trade_date
      cross join lateral (select * from public.decisions made
        where (made.run_id, made.signal_id, made.user_id) = (run.id, s.id, u.id) limit 1) d
      where (u.id = args ->> 'user' or lower(u.name) = lower(args ->> 'user'))
        and (args ->> 'symbol' is null or i.symbol = args ->> 'symbol')
        and (args ->> 'date' is null or run.trade_date = (args ->> 'date')::date)));
$$;

-- {scope, target, why, by, nowMs}. Safe to repeat: what is halted stays so, for its first reason.
create function public.halt(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  changed boolean;
begin
  insert into public.halts (scope, target, why, halted_by, halted_at)
  values (args ->> 'scope', coalesce(args ->> 'target', ''), args ->> 'why', args -> 'by' ->> 'who',
    (select core.stamp_of(args)))
  on conflict (scope, target) where resumed_at is null do nothing;
  changed := found;
  if changed then
    perform core.record_action(args -> 'by', 'halt', core.halt_target(args), why => args ->> 'why');
  end if;
  return jsonb_build_object('changed', changed);
end $$;

-- {scope, target, why, by, nowMs}. Safe to repeat.
create function public.resume(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  lifted public.halts;
begin
  update public.halts set resumed_at = (select core.stamp_of(args)), resumed_by = args -> 'by' ->> 'who',
    resume_why = args ->> 'why'
  where scope = args ->> 'scope' and target = coalesce(args ->> 'target', '') and resumed_at is null
  returning * into lifted;
  if lifted.id is not null then
    perform core.record_action(args -> 'by', 'resume', core.halt_target(args), why => args ->> 'why',
      before => jsonb_build_object('why', lifted.why, 'by', lifted.halted_by,
        'atMs', core.ms(lifted.halted_at)));
  end if;
  return jsonb_build_object('changed', lifted.id is not null);
end $$;

-- `all`, `venue:kite`, `user:asha-rao`.
create function core.halt_target(args jsonb) returns text
language sql immutable as $$
  select case args ->> 'scope' when 'all' then 'all' else (args ->> 'scope') || ':'
    || (args ->> 'target') end;
$$;

-- The days an operator or an imported list has set of an exchange: {exchange}.
create function public.read_calendar_days(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('date', day, 'kind', kind, 'name', name,
    'openTime', to_char(open_time, 'HH24:MI'), 'closeTime', to_char(close_time, 'HH24:MI'),
    'ofYearList', of_year_list)), '[]')
  from public.calendar_days where exchange = args ->> 'exchange';
$$;

-- {exchange, days, by}: the whole lists of the years they are of. What an earlier list of these years had
-- and this one has not is gone; days an operator set one by one stand. Dates that were added, changed and
-- removed. Safe to repeat.
create function public.import_calendar(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  outcome jsonb;
begin
  with listed as (
    select row.date as day, row.kind, row.name, row."openTime" as open_time, row."closeTime" as close_time
    from jsonb_to_recordset(args -> 'days') as row(date date, kind text, name text, "openTime" time,
      "closeTime" time)
  ), gone as (
    delete from public.calendar_days old where old.exchange = args ->> 'exchange' and old.of_year_list
      and extract(year from old.day) in (select extract(year from day) from listed)
      and not exists (select from listed where listed.day = old.day)
    returning old.day
  ), fresh as (
    insert into public.calendar_days (exchange, day, kind, name, open_time, close_time, of_year_list)
    select args ->> 'exchange', day, kind, name, open_time, close_time, true from listed
    where not exists (select from public.calendar_days old
      where (old.exchange, old.day) = (args ->> 'exchange', listed.day))
    returning day
  ), changed as (
    update public.calendar_days old set kind = listed.kind, name = listed.name, open_time = listed.open_time,
      close_time = listed.close_time
    from listed where (old.exchange, old.day) = (args ->> 'exchange', listed.day) and old.of_year_list
      and (old.kind, old.name, old.open_time, old.close_time)
        is distinct from (listed.kind, listed.name, listed.open_time, listed.close_time)
    returning old.day
  ), days as (
    select 'added' as what, day from fresh union all select 'changed', day from changed
    union all select 'removed', day from gone
  )
  select jsonb_build_object(
    'added', coalesce(jsonb_agg(day order by day) filter (where what = 'added'), '[]'),
    'changed', coalesce(jsonb_agg(day order by day) filter (where what = 'changed'), '[]'),
    'removed', coalesce(jsonb_agg(day order by day) filter (where what = 'removed'), '[]')) into outcome
    from days;
  if outcome <> '{"added": [], "changed": [], "removed": []}' then
    perform core.record_action(args -> 'by', 'import_calendar', 'calendar:' || (args ->> 'exchange'),
      after => outcome);
  end if;
  return outcome;
end $$;
