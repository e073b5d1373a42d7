-- What people hear and can ask: summaries, the report of a run, why a user did (not) get a symbol.

-- Neither ended nor handed to a person (an order at the venue that nobody will look up again).
create function core.unfinished(o public.orders) returns boolean
language sql immutable as $$
  select o.status in ('queued', 'submitting')
    or (o.status in ('working', 'partially_filled', 'unknown') and o.next_look_at is not null);
$$;

-- What is left to do of a run, and when the next thing is due. Every decided run with nothing left becomes done.
create function public.finish_run(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with finished as (
    update public.scan_runs run set state = 'done', done_at = greatest(core.at((args ->> 'nowMs')::bigint), decided_at)
    where state = 'decided' and coalesce(takes_orders_until, '-infinity') <= core.at((args ->> 'nowMs')::bigint)
      and not exists (select from public.orders o where o.run_id = run.id and core.unfinished(o))
    returning id, state
  ), open_order as (
    select count(*) as n, min(case o.status
        -- A halted order waits for its end; lifting the halt is nothing that comes due.
        when 'queued' then case when core.halted_for(o) is not null then o.send_before
          else coalesce(o.next_attempt_at, core.at((args ->> 'nowMs')::bigint)) end
        when 'submitting' then core.at((args ->> 'nowMs')::bigint + 1000) else o.next_look_at end) as next_due
    from public.orders o where o.run_id = args ->> 'runId' and core.unfinished(o)
  ), open_message as (
    select count(*) as n, min(case status when 'queued' then greatest(due_at, next_attempt_at)
        when 'unknown' then next_look_at end) as next_due
    from public.messages where run_id = args ->> 'runId'
      and (status in ('queued', 'sending') or (status = 'unknown' and next_look_at is not null))
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
    'done', told.done, 'total', told.total) order by rs.position), '[]')
  from public.run_signals rs join public.signals s on s.id = rs.signal_id
  join public.instruments i on i.id = s.instrument_id
  cross join lateral (select count(*) filter (where o.status not in ('queued', 'submitting')) as done, count(*) as total
    from public.orders o where o.run_id = rs.run_id and o.signal_id = rs.signal_id) told
  where rs.run_id = args ->> 'runId';
$$;

create function public.read_report(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with o as (
    select o.*, i.symbol, u.name as user_name from public.orders o
    join public.instruments i on i.id = o.instrument_id join public.users u on u.id = o.user_id
    where o.run_id = args ->> 'runId'
  ), d as (
    select d.*, i.symbol, u.name as user_name from public.decisions d
    join public.signals s on s.id = d.signal_id join public.instruments i on i.id = s.instrument_id
    join public.users u on u.id = d.user_id where d.run_id = args ->> 'runId'
  )
  select jsonb_build_object(
    'runId', run.id, 'sessionId', run.session_id, 'tradeDate', run.trade_date, 'mode', run.mode, 'state', run.state,
    'planHash', run.plan_hash, 'openedAtMs', core.ms(run.opened_at), 'problems', run.problems,
    'finishedAtMs', core.ms(greatest(run.opened_at, run.decided_at, run.done_at, (select max(changed_at) from o),
      (select max(changed_at) from public.messages where run_id = run.id))),
    'users', (select count(*) from public.run_users where run_id = run.id),
    'outcomes', (select coalesce(jsonb_object_agg(outcome, n), '{}') from (select outcome, count(*) n from d group by 1) t),
    'statuses', (select coalesce(jsonb_object_agg(status, n), '{}') from (select status, count(*) n from o group by 1) t),
    'messageStatuses', (select coalesce(jsonb_object_agg(status, n), '{}') from (
      select status, count(*) n from public.messages where run_id = run.id group by 1) t),
    'signals', (select coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'symbol', i.symbol, 'side', s.side, 'rank', s.rank,
        'accepted', seen.accepted, 'skipped', seen.skipped, 'denied', seen.denied, 'filled', done.filled,
        'rejected', done.rejected, 'unknown', done.unknown, 'durationMs', coalesce(done.duration_ms, 0),
        'lowestMilli', done.lowest, 'highestMilli', done.highest, 'fills', done.fills) order by rs.position), '[]')
      from public.run_signals rs join public.signals s on s.id = rs.signal_id join public.instruments i on i.id = s.instrument_id
      cross join lateral (select count(*) filter (where outcome = 'accepted') accepted,
        count(*) filter (where outcome = 'skipped') skipped, count(*) filter (where outcome = 'denied') denied
        from d where d.signal_id = rs.signal_id) seen
      cross join lateral (select count(*) filter (where status = 'filled') filled,
        count(*) filter (where status = 'rejected') rejected, count(*) filter (where status = 'unknown') unknown,
        count(*) filter (where filled_quantity > 0) fills,
        core.ms(max(coalesce(ended_at, changed_at))) - core.ms(min(submitted_at)) duration_ms,
        (min(filled_value_minor * 1000 / nullif(filled_quantity, 0))) lowest,
        (max(filled_value_minor * 1000 / nullif(filled_quantity, 0))) highest
        from o where o.signal_id = rs.signal_id) done
      where rs.run_id = run.id),
    'orders', (select coalesce(jsonb_agg(jsonb_build_object('clientOrderId', client_order_id, 'userId', user_id,
        'userName', user_name, 'symbol', symbol, 'side', side, 'quantity', quantity, 'status', status,
        'reason', coalesce(reason, null), 'message', message, 'limitPriceMinor', limit_price_minor,
        'decisionPriceMinor', decision_price_minor, 'filledQuantity', filled_quantity,
        'filledValueMinor', filled_value_minor, 'chargesMinor', charges_minor,
        'leverageCenti', leverage_centi) order by position, place), '[]') from o),
    'decisions', (select coalesce(jsonb_agg(jsonb_build_object('userId', user_id, 'userName', user_name,
        'symbol', symbol, 'outcome', outcome, 'reason', reason, 'limit', limit_value, 'actual', actual_value)
        order by position, place), '[]') from d),
    'messages', (select coalesce(jsonb_agg(jsonb_build_object('userId', m.user_id, 'status', m.status,
        'text', coalesce(m.text, '')) order by ru.place, m.id), '[]')
      from public.messages m join public.run_users ru using (run_id, user_id) where m.run_id = run.id))
  from public.scan_runs run where run.id = args ->> 'runId';
$$;

-- «Why did user X (not) get Y?» in one look: decisions, orders with their history, fills and money, newest first.
create function public.why(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'users', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'name', name)), '[]') from public.users
      where id = args ->> 'user' or lower(name) = lower(args ->> 'user')),
    'decisions', (select coalesce(jsonb_agg(jsonb_build_object('runId', d.run_id, 'tradeDate', run.trade_date,
        'userId', d.user_id, 'symbol', i.symbol, 'side', s.side, 'strategy', s.strategy, 'outcome', d.outcome,
        'reason', d.reason, 'limit', d.limit_value, 'actual', d.actual_value, 'quantity', d.quantity,
        'priceMinor', d.price_minor, 'holdMinor', d.hold_minor, 'referencePriceMinor', s.reference_price_minor,
        'order', (select jsonb_build_object('clientOrderId', o.client_order_id, 'status', o.status, 'reason', o.reason,
            'message', o.message, 'venue', o.venue, 'venueOrderId', o.venue_order_id,
            'limitPriceMinor', o.limit_price_minor, 'filledQuantity', o.filled_quantity,
            'filledValueMinor', o.filled_value_minor, 'chargesMinor', o.charges_minor, 'lateFill', o.late_fill,
            'events', (select jsonb_agg(jsonb_build_object('atMs', core.ms(e.at), 'from', e.from_status,
              'to', e.to_status, 'reason', e.reason) order by e.id) from public.order_events e where e.order_id = o.id),
            'ledger', (select jsonb_agg(jsonb_build_object('kind', l.kind, 'cashDeltaMinor', l.cash_delta_minor,
              'heldDeltaMinor', l.held_delta_minor) order by l.id) from public.ledger_entries l where l.order_id = o.id))
          from public.orders o where (o.run_id, o.signal_id, o.user_id) = (d.run_id, d.signal_id, d.user_id)))
        order by run.trade_date desc, d.position), '[]')
      from public.users u join public.decisions d on d.user_id = u.id
      join public.scan_runs run on run.id = d.run_id join public.signals s on s.id = d.signal_id
      join public.instruments i on i.id = s.instrument_id
      where (u.id = args ->> 'user' or lower(u.name) = lower(args ->> 'user')) and i.symbol = args ->> 'symbol'
        and (args ->> 'date' is null or run.trade_date = (args ->> 'date')::date)));
$$;

create function public.halt(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with halted as (
    insert into public.halts (scope, target, why, halted_by, halted_at)
    values (args ->> 'scope', coalesce(args ->> 'target', ''), args ->> 'why', args ->> 'by',
      core.at((args ->> 'nowMs')::bigint))
    on conflict (scope, target) where resumed_at is null do nothing returning 1
  ) select jsonb_build_object('changed', exists (select from halted));
$$;

create function public.resume(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with resumed as (
    update public.halts set resumed_at = core.at((args ->> 'nowMs')::bigint), resumed_by = args ->> 'by',
      resume_why = args ->> 'why'
    where scope = args ->> 'scope' and target = coalesce(args ->> 'target', '') and resumed_at is null returning 1
  ) select jsonb_build_object('changed', exists (select from resumed));
$$;

create function public.read_calendar_days(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('date', day, 'kind', kind, 'name', name, 'openTime', to_char(open_time, 'HH24:MI'),
    'closeTime', to_char(close_time, 'HH24:MI'))), '[]') from public.calendar_days where exchange = args ->> 'exchange';
$$;
