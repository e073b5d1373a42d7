-- Runs, decisions, messages, and the time.

-- Each run's own times and plan; of runs since a day, until a day (null: all).
create function core.run_findings(since date, until date) returns setof core.finding
language sql stable as $$
  with runs as (
    select * from public.scan_runs run
    where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
  ), wrong as (
    select 'a run is opened, decided and done in this order, on its day' as rule, id as subject,
      concat_ws(', ', 'opened ' || opened_at, 'decided ' || decided_at, 'done ' || done_at,
        'to end ' || cut_off_at) as ours,
      'on ' || trade_date as should
    from runs where decided_at < opened_at or done_at < decided_at or done_at < takes_orders_until
      or trade_date not in (core.date_in(id, opened_at))
      -- The end of a market that never closes is the next day's midnight.
      or trade_date <> core.date_in(id, cut_off_at - interval '1 millisecond')
      or takes_orders_until <> cut_off_at
    union all
    -- Who was taken out of the books is still in the hash.
    select 'a run''s plan hash is that of its decisions', run.id, run.plan_hash, hash.should
    from runs run cross join lateral (select core.plan_hash(run.id) as should) hash
    where run.state <> 'planning' and run.takes_orders_until is null and run.plan_hash <> hash.should
      and not exists (select from public.run_users gone where gone.run_id = run.id
        and gone.user_id like 'erased-%')
    union all
    select 'every user of a decided run is decided, while it was open', run.id,
      coalesce(ru.decided_at::text, 'undecided') || ' (' || ru.user_id || ')', 'from its opening on'
    from runs run join public.run_users ru on ru.run_id = run.id
    where (ru.decided_at is null and run.state <> 'planning')
      or ru.decided_at < run.opened_at - core.check_skew()
      or (ru.decided_at > run.decided_at + core.check_skew() and run.takes_orders_until is null)
    union all
    select 'a user''s account in a run is theirs', run.id, ru.user_id, a.user_id
    from runs run join public.run_users ru on ru.run_id = run.id
    join public.accounts a on a.id = ru.account_id
    where (a.user_id, a.mode) <> (ru.user_id, run.mode)
    union all
    select 'every signal of a decided run has a decision for every user', run.id, made.n::text,
      (signals.n * users.n)::text
    from runs run
    cross join lateral (select count(*) as n from public.decisions d where d.run_id = run.id) made
    cross join lateral (select count(*) as n from public.run_signals rs where rs.run_id = run.id) signals
    cross join lateral (select count(*) as n from public.run_users ru where ru.run_id = run.id) users
    where run.state <> 'planning' and run.takes_orders_until is null and made.n <> signals.n * users.n
    union all
    select 'a run that is done has nothing open', run.id, o.client_order_id || ' is ' || o.status, 'ended'
    from public.orders o join public.scan_runs run on run.id = o.run_id
    where o.ended_at is null and run.state = 'done' and core.unfinished(o)
  )
  select rule, subject, null, ours, should, null, false from wrong;
$$;

-- Whether what a denial found is really beyond the limit it names; null: that can't be told from the two.
-- `asked`: a single order, whose named limit may be refused by the nearest price that is taken.
create function core.is_beyond(reason text, limit_value text, actual_value text, is_single_order boolean)
  returns boolean
language sql immutable as $$
  select case when reason in ('max_order_value', 'symbol_cap', 'insufficient_funds', 'freeze_quantity',
    'quantity_zero')
      or (reason = 'no_position' and named.most is not null) then coalesce(named.found > named.most, false)
    when reason = 'below_min_value' then coalesce(named.found < named.most, false)
    when reason in ('max_open_positions', 'max_orders_per_day')
      then coalesce(named.found >= named.most, false)
    when reason = 'daily_loss_limit' then named.most is not null
      and coalesce(named.found <= named.most, actual_value is null)
    when reason = 'price_outside_band' then coalesce(abs(named.found) > named.most
      or (is_single_order and named.found <> named.most), named.most is not null and actual_value is null)
    when reason = 'price_unavailable' and named.most is not null
      then coalesce(named.found <> named.most, false) end
  from (select case when limit_value ~ '^-?[0-9]+(\.[0-9]+)?$' then limit_value::numeric end as most,
    case when actual_value ~ '^-?[0-9]+(\.[0-9]+)?$' then actual_value::numeric end as found) named;
$$;

-- Each decision against what its run froze and against its order.
create function core.decision_findings(since date, until date) returns setof core.finding
language sql stable as $$
  with decided as (
    select d, run, ru.queue_position, ru.account_id, rs.position
    from public.scan_runs run join public.decisions d on d.run_id = run.id
    left join public.run_users ru on (ru.run_id, ru.user_id) = (d.run_id, d.user_id)
    left join public.run_signals rs on (rs.run_id, rs.signal_id) = (d.run_id, d.signal_id)
    where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
  ), wrong as (
    select 'a decision is of the place and account its run froze' as rule, d,
      concat_ws('/', (d).position, (d).queue_position, (d).account_id) as ours,
      concat_ws('/', position, queue_position, account_id) as should
    from decided where (d).queue_position is distinct from queue_position
      or case when (run).takes_orders_until is not null
      then (d).position <> 0
      else ((d).position, (d).account_id) is distinct from (position, account_id) end
    union all
    select 'a denial says what was beyond which limit', d, coalesce((d).actual_value, 'nothing'),
      format('beyond %s (%s)', coalesce((d).limit_value, 'nothing'), (d).reason)
    from decided where (d).outcome <> 'accepted' and not core.is_beyond((d).reason, (d).limit_value,
      (d).actual_value, (run).takes_orders_until is not null)
    union all
    select 'an accepted decision names no reason and no limit', d,
      concat_ws(' ', (d).limit_value, (d).actual_value), 'nothing'
    from decided where (d).outcome = 'accepted'
      and ((d).limit_value is not null or (d).actual_value is not null)
    union all
    select 'an order is what was decided', d, concat_ws('/', o.account_id, o.queue_position,
      o.position, o.quantity,
        o.decision_price_minor, o.hold_minor),
      concat_ws('/', (d).account_id, (d).queue_position, (d).position, (d).quantity, (d).price_minor,
        (d).hold_minor)
    from decided join public.orders o on (o.run_id, o.user_id) = ((d).run_id, (d).user_id)
      and o.signal_id = (d).signal_id
    where (o.account_id, o.queue_position, o.position, o.quantity, o.decision_price_minor, o.hold_minor)
      is distinct from ((d).account_id, (d).queue_position, (d).position, (d).quantity, (d).price_minor,
        (d).hold_minor)
  )
  select rule, concat_ws(' ', (d).run_id, (d).signal_id, (d).user_id), (d).user_id, ours, should, null,
    false from wrong;
$$;

-- That accepted decisions and orders are each other's: orders of a period, decisions of its days.
create function core.decided_order_findings(p core.period) returns setof core.finding
language sql stable as $$
  select 'an accepted decision has its order, and an order its decision', d.signal_id || ' ' || d.user_id,
    d.user_id, 'no order', 'both', null::text, false
  from public.scan_runs run join public.decisions d on d.run_id = run.id and d.outcome = 'accepted'
  where run.trade_date > coalesce((p).opening, '-infinity')
    and run.trade_date <= coalesce((p).closing, 'infinity')
    and not exists (select from public.orders o
      where (o.run_id, o.signal_id, o.user_id) = (d.run_id, d.signal_id, d.user_id))
  union all
  select 'an accepted decision has its order, and an order its decision', o.client_order_id, o.user_id,
    'no decision', 'both', null, false
  from core.orders_in(p) o where not exists (select from public.decisions d
    where (d.run_id, d.signal_id, d.user_id) = (o.run_id, o.signal_id, o.user_id)
      and d.outcome = 'accepted')
  union all
  select 'a signal has one order per account', o.account_id || ' ' || o.signal_id, min(o.user_id),
    count(*)::text, '1', null, false
  from core.orders_in(p) o group by o.account_id, o.signal_id having count(*) > 1;
$$;

-- Each order to buy against the cap it was accepted under: with what those accepted before it then counted
-- at least, its share of that day is within it. What an order filled after its end, or was corrected to
-- since, others may have had meanwhile; and an order with no cap waits for nobody, so it is not known to
-- have come before.
create function core.cap_findings(since date, until date) returns setof core.finding
language sql stable as $$
  with bought as (
    select run.mode, run.trade_date, i.share, o.id,
      core.value_up(o.quantity, price.minor, i.quantity_scale + i.price_scale) as cost_minor,
      case when o.ended_at is not null then in_time.minor end as bought_minor, cap.minor as cap_minor
    from public.scan_runs run join public.orders o on o.run_id = run.id and o.side = 'BUY'
    join public.instruments i on i.id = o.instrument_id
    -- The limits of the run of single orders follow the last of them: each order's own are with its request.
    left join public.order_requests request on (request.run_id, request.signal_id) = (o.run_id, o.signal_id)
    cross join lateral (select (coalesce(request.limits, run.limits) ->> 'symbolCapMinor')::bigint
      as minor) cap
    left join lateral (select coalesce(sum(least(f.value_minor,
      (select min(corrected.value_minor)
        from public.fills corrected where corrected.corrects = f.id))), 0) as minor
      from public.fills f where f.order_id = o.id and f.corrects is null and not f.late) in_time
        on o.ended_at is not null
    cross join lateral (select greatest(o.decision_price_minor, case when run.takes_orders_until is not null
      then (select s.reference_price_minor from public.signals s
        where s.id = o.signal_id) end) as minor) price
    where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
      and cap.minor is not null
  ), come_to as (
    select bought.*, cost_minor + coalesce(sum(least(cost_minor, bought_minor)) over (
      partition by mode, trade_date, share order by id rows between unbounded preceding
      and 1 preceding), 0) as minor
    from bought
  )
  select distinct on (mode, trade_date, share) 'no more of a share is bought in a day than its cap',
    concat_ws(' ', mode, trade_date, share), null, core.decimal(minor),
    'at most ' || core.decimal(cap_minor), null, false
  from come_to where minor > cap_minor order by mode, trade_date, share, id;
$$;

-- Who is told what: each user of a run once, each single order, and every message as its history says.
create function core.message_findings(since date, until date) returns setof core.finding
language sql stable as $$
  select 'every user of a decided run has one summary', run.id, null::text, summaries.n::text, users.n::text,
    null::text, false
  from public.scan_runs run
  cross join lateral (select count(*) as n from public.messages m where m.run_id = run.id
    and m.kind = 'summary') summaries
  cross join lateral (select count(*) as n from public.run_users ru where ru.run_id = run.id) users
  where run.state <> 'planning' and run.takes_orders_until is null and summaries.n <> users.n
    and run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
  union all
  select 'a single order has a message that tells of it', o.client_order_id, o.user_id, 'none',
    'one', null, false
  from public.scan_runs run join public.orders o on o.run_id = run.id
  where run.takes_orders_until is not null
    and run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
    and not exists (select from public.messages m
      where (m.run_id, m.user_id) = (o.run_id, o.user_id) and m.first_order_id <= o.id)
  union all
  select 'a message is to a user of its run', m.run_id || ' ' || m.kind, m.user_id, m.user_id,
    'a user of the run', null, false
  from public.scan_runs run join public.messages m on m.run_id = run.id
  where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
    and (not exists (select from public.run_users ru
      where (ru.run_id, ru.user_id) = (m.run_id, m.user_id))
    or (m.first_order_id is not null and not exists (select from public.orders o
      where o.id = m.first_order_id and (o.run_id, o.user_id) = (m.run_id, m.user_id))))
  union all
  select 'a message is as its history says', coalesce(m.run_id, m.trade_date::text) || ' '
    || m.kind, m.user_id, concat_ws(' ', m.status, m.provider_status, m.attempts),
    concat_ws(' ', last.status, last.provider_status, last.attempt), null, false
  from public.messages m left join public.scan_runs run on run.id = m.run_id
  left join lateral (select * from public.message_events e where e.message_id = m.id
    order by e.id desc limit 1) last on true
  where coalesce(run.trade_date, m.trade_date) between coalesce(since, '-infinity')
    and coalesce(until, 'infinity')
    and ((m.status, m.attempts) is distinct from (coalesce(last.status, 'queued'), coalesce(last.attempt, 0))
      or m.provider_status is distinct from last.provider_status
      or m.changed_at < last.at - core.check_skew()
      or (m.attempts > 0) <> (m.sending_at is not null));
$$;
