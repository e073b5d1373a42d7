-- Orders: against their decision, their fills, their history and the time.

-- The same as clientOrderIdOf in domain/ids.ts: 100 bits of SHA-256 as 20 characters of 0-9 and a-v. Tests
-- make orders with that one, and check_books finds nothing wrong with them.
create function core.client_order_id_of(mode text, venue text, user_id text, signal_id text) returns text
language plpgsql immutable set search_path = '' as $$
declare
  letters constant text := '0123456789abcdefghijklmnopqrstuv';
  hex constant text := left(encode(sha256(convert_to(concat_ws('|', mode, venue, user_id, signal_id),
    'UTF8')), 'hex'), 25);
  -- Five hex digits are four letters.
  bits integer;
  made text := '';
begin
  for n in 0..4 loop
    bits := ('x' || substr(hex, 5 * n + 1, 5))::bit(20)::integer;
    made := made || substr(letters, (bits >> 15) + 1, 1) || substr(letters, ((bits >> 10) & 31) + 1, 1)
      || substr(letters, ((bits >> 5) & 31) + 1, 1) || substr(letters, (bits & 31) + 1, 1);
  end loop;
  return made;
end $$;

-- Each order against what was decided and what it may cost; of runs since a day, until a day (null: all).
create function core.order_findings(since date, until date) returns setof core.finding
language sql stable as $$
  with made as (
    select o, a, run, rs.send_before,
      core.margin_on(at_limit.minor, o.leverage_centi) as margin,
      core.charges_on(case when o.ended_at is null then at_limit.minor else o.filled_value_minor end, rate)
        as charges, core.charges_on(at_limit.minor, rate) as charges_at_limit
    from public.scan_runs run join public.orders o on o.run_id = run.id
    join public.accounts a on a.id = o.account_id
    join public.charge_rates rate on rate.id = o.rate_id
    cross join lateral (select core.value_up(o.quantity, o.limit_price_minor,
      core.places_of(o.instrument_id))::bigint as minor) at_limit
    left join public.run_signals rs on (rs.run_id, rs.signal_id) = (o.run_id, o.signal_id)
    where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
  ), wrong as (
    select 'an order is of its account''s user, venue and mode' as rule, o,
      concat_ws(' ', (o).user_id, (o).venue) as ours,
      concat_ws(' ', (a).user_id, core.order_venue((a).mode, (a).venue), (a).mode) as should
    from made where ((o).user_id, (o).venue, (run).mode)
      is distinct from ((a).user_id, core.order_venue((a).mode, (a).venue), (a).mode)
    union all
    select 'a client order id is made of its account and signal', o, (o).client_order_id::text, id.should
    from made cross join lateral (select
      core.client_order_id_of((a).mode, (a).venue, (a).user_id, (o).signal_id) as should) id
    where (o).client_order_id <> id.should and (a).user_id !~ '^erased-'
    union all
    select 'an order is sent before its signal''s time is over', o, (o).send_before::text,
      made.send_before::text
    from made where (o).send_before is distinct from made.send_before
    union all
    -- A venue's own margin may be more than ours, and a sale without money holds what there is.
    select 'an order holds what it may cost at most', o, core.decimal((o).hold_minor),
      core.decimal(case (o).side when 'BUY' then margin else 0 end + charges_at_limit)
    from made where case when (o).side = 'SELL' then (o).hold_minor > charges_at_limit
      when (run).mode = 'paper' then (o).hold_minor <> margin + charges_at_limit
      else (o).hold_minor < margin + charges_at_limit end
    union all
    select 'the charges of an order are those of what it filled, or may fill', o,
      core.decimal((o).charges_minor), core.decimal(charges) from made where (o).charges_minor <> charges
  )
  select rule, 'order ' || (o).client_order_id, (o).user_id, ours, should, null, false from wrong;
$$;

-- Each order against its signal: side, share, and the price it was decided at.
create function core.order_signal_findings(since date, until date) returns setof core.finding
language sql stable as $$
  with made as (
    select o, s.side, signalled.symbol, signalled.share, traded.share as traded_share, rate, run.trade_date,
      coalesce((run.limits ->> 'protectionBps')::bigint, 0) as bps,
      case when run.takes_orders_until is not null then s.reference_price_minor end as named_minor,
      coalesce(traded.tick_minor, 500) as tick
    from public.scan_runs run join public.orders o on o.run_id = run.id
    join public.signals s on s.id = o.signal_id
    join public.instruments signalled on signalled.id = s.instrument_id
    join public.instruments traded on traded.id = o.instrument_id
    join public.charge_rates rate on rate.id = o.rate_id
    where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
  ), wrong as (
    select 'an order is for the share and on the side of its signal' as rule, o,
      concat_ws(' ', (o).side, traded_share) as ours, concat_ws(' ', side, share) as should
    from made where ((o).side, traded_share) <> (side, share)
    union all
    select 'an order is charged at the rate of its side and product on its day', o,
      format('rate %s', (o).rate_id),
      format('one of %s %s in force on %s', (o).product, (o).side, trade_date)
    from made where ((rate).side, (rate).product) <> ((o).side, (o).product)
      or (rate).exchange <> core.charging_exchange((o).run_id)
      or (rate).valid_from <> (select max(r.valid_from) from public.charge_rates r
      where (r.exchange, r.product, r.side) = ((rate).exchange, (rate).product, (rate).side)
        and r.valid_from <= trade_date)
    union all
    select 'a buy with leverage is of margin, another is delivered', o, (o).product,
      format('leverage %s', (o).leverage_centi)
    from made where (o).side = 'BUY' and ((o).product = 'mtf') <> ((o).leverage_centi > 100)
    union all
    select 'an order''s limit is near the price it was decided at', o, core.decimal((o).limit_price_minor),
      'near ' || core.decimal((o).decision_price_minor)
    from made where (o).limit_price_minor is distinct from named_minor and (o).limit_price_minor not between
      least((o).decision_price_minor * (10000 - bps) / 10000, (o).decision_price_minor) - tick
      and (o).decision_price_minor * (10000 + bps) / 10000 + tick
  )
  select rule, 'order ' || (o).client_order_id, (o).user_id, ours, should, null, false from wrong;
$$;

-- Each order against its fills and what it says of itself.
create function core.filled_findings(p core.period) returns setof core.finding
language sql stable as $$
  with counted as (
    select order_id, sum(quantity) as quantity, sum(value_minor) as value
    from core.effective_fills_in(p) where order_id is not null group by 1
  ), recorded as (
    select order_id, sum(realised_minor + freed_margin_minor) as released,
      bool_or(late) filter (where corrects is null) as late,
      sum(quantity) filter (where corrects is null) as at_first
    from core.fills_in(p) where order_id is not null group by 1
  ), made as (
    select o, coalesce(counted.quantity, 0) as quantity, coalesce(counted.value, 0) as value,
      coalesce(at_first, 0) as at_first, coalesce(recorded.released, 0) as released,
      coalesce(recorded.late, false) as late
    from core.orders_in(p) o left join counted on counted.order_id = o.id left
    join recorded on recorded.order_id = o.id
  ), wrong as (
    select 'what an order filled is the sum of its fills' as rule, o,
      format('%s for %s', (o).filled_quantity, core.decimal((o).filled_value_minor)) as ours,
      format('%s for %s', quantity, core.decimal(value)) as should
    from made where ((o).filled_quantity, (o).filled_value_minor) <> (quantity, value)
    union all
    select 'what an order gave back is what its fills did', o, core.decimal((o).released_minor),
      core.decimal(released)
    from made where (o).released_minor <> released
    union all
    select 'an order says whether a fill came late', o, (o).late_fill::text, late::text from made
    where (o).late_fill <> late
    union all
    -- As it was told at first: a correction changes no status.
    select 'an order''s status says what was filled', o, (o).status,
      format('%s of %s filled', at_first, (o).quantity)
    from made where ((o).status = 'filled' and at_first < (o).quantity)
      or ((o).status = 'partially_filled' and at_first = 0)
      or ((o).status in ('rejected', 'submitting', 'working') and at_first > 0 and not late)
  )
  select rule, 'order ' || (o).client_order_id, (o).user_id, ours, should, null, false from wrong;
$$;

-- Each order against its history, and its own times against one another.
create function core.history_findings(since date, until date, p core.period) returns setof core.finding
language sql stable as $$
  with event as (
    select e.*, o.client_order_id, o.user_id, o.status, o.changed_at, o.created_at, o.attempts,
      lag(e.to_status) over history as before,
      row_number() over (partition by e.order_id order by e.id desc) = 1 as is_last,
      count(*) filter (where e.to_status = 'submitting') over (partition by e.order_id) as sends
    from public.scan_runs run join public.orders o on o.run_id = run.id join public.order_events e
      on e.order_id = o.id
    where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
    window history as (partition by e.order_id order by e.id)
  ), wrong as (
    select 'an order''s status is the last of its history' as rule, client_order_id, user_id, status as ours,
      to_status as should from event where is_last and to_status <> status
    union all
    select 'a status follows the one before it', client_order_id, user_id,
      format('%s to %s', coalesce(from_status, 'nothing'), to_status), 'from ' || coalesce(before, 'nothing')
    from event where from_status is distinct from before or (from_status is not null
      and (from_status, to_status) not in (select t.from_status, t.to_status from core.order_transitions t))
    union all
    select 'an order changed last when its history says, or later', client_order_id, user_id,
      changed_at::text, at::text
    from event where is_last and changed_at < at - core.check_skew()
    union all
    select 'an order was submitted as often as its history says, or more', client_order_id, user_id,
      attempts::text, sends::text from event where is_last and attempts < sends
    union all
    select 'an order has a history', o.client_order_id, o.user_id, 'none', o.status
    from core.orders_in(p) o where not exists (select from public.order_events e where e.order_id = o.id)
  )
  select rule, 'order ' || client_order_id, user_id, ours, should, null, false from wrong
  union all
  select 'an order''s times follow one another', 'order ' || o.client_order_id, o.user_id,
    concat_ws(', ', 'made ' || o.created_at, 'sent ' || o.submitted_at, 'ended ' || o.ended_at,
      'changed ' || o.changed_at),
    'made, sent (before ' || o.send_before || '), ended, changed', null, false
  from public.scan_runs run join public.orders o on o.run_id = run.id
  where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
    and ((o.submitted_at is null) <> (o.attempts = 0)
    or o.created_at < run.opened_at - core.check_skew() or o.submitted_at < o.created_at - core.check_skew()
    or o.submitted_at >= o.send_before or o.submitted_at > o.changed_at + core.check_skew()
    or o.ended_at < o.created_at - core.check_skew() or o.ended_at > o.changed_at);
$$;
