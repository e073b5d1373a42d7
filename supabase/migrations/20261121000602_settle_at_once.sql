-- settle_orders in one statement, for accounts to whom nothing unusual has happened: mostly all.

-- An outcome with its order, with what its fills add to it (`fresh`: those nobody has told yet, `n` of them)
-- and what its account holds of the share. Columns, not rows within rows: those cost more than the looking.
create type core.outcome_input as (id bigint, account_id bigint, instrument_id bigint, product text,
  places integer, side text, quantity bigint, status text, run_id text, rate_id integer,
  leverage_centi integer, hold_minor bigint, before_minor bigint, released_minor bigint,
  venue_order_id text, venue_status text, reason text, message text, next_lookup_ms bigint,
  next_attempt_ms bigint, fresh core.venue_fill[], n bigint, more_quantity bigint, more_minor bigint,
  first_at timestamptz, last_at timestamptz,
  filled bigint, next_status text, is_usual boolean, held bigint, held_cost_minor bigint,
  held_margin_minor bigint, held_until timestamptz);

-- What outcomes are judged by, each row found by its index. `is_usual`: the order has not ended, nor been
-- sent again since; all it fills is within it and its limit, and named once; what is called filled is.
create function core.outcome_inputs(outcomes core.outcome[]) returns setof core.outcome_input
language sql stable as $$
  with told as (
    select o.id, o.account_id, o.instrument_id, o.product, places, o.side, o.quantity, o.status, o.run_id,
      o.rate_id, o.leverage_centi, o.hold_minor, o.filled_value_minor, o.released_minor,
      coalesce(t."venueOrderId", o.venue_order_id) as venue_order_id, t."venueStatus", t.reason, t.message,
      t."nextLookupMs", t."nextAttemptMs", added.fresh, added.n, added.more_quantity, added.more_minor,
      added.first_at, added.last_at, o.filled_quantity + added.more_quantity as filled,
      o.ended_at is null and o.attempts = coalesce(t.attempts, o.attempts) and not added.is_wrong as is_usual
    from unnest(outcomes) t
    cross join lateral (select * from public.orders one where one.id = t."orderId" limit 1) o
    cross join lateral (select quantity_scale + price_scale as places from public.instruments one
      where one.id = o.instrument_id limit 1) instrument
    cross join lateral (
      select array_agg(f) as fresh, count(*) as n, coalesce(sum(f.quantity), 0)::bigint as more_quantity,
        coalesce(sum(core.fill_value(o.side, f.quantity, f."priceMinor", places)), 0)::bigint as more_minor,
        core.at(min(f."atMs")) as first_at, core.at(max(f."atMs")) as last_at,
        count(*) > count(distinct f."venueFillId") or coalesce(bool_or(case o.side
          when 'BUY' then f."priceMinor" > o.limit_price_minor
          else f."priceMinor" < o.limit_price_minor end), false) as is_wrong
      from unnest(t.fills) f where (select true from public.fills old
        where (old.order_id, old.venue_fill_id) = (o.id, f."venueFillId") limit 1) is null) added
  )
  select id, told.account_id, told.instrument_id, told.product, places, side, told.quantity, status, run_id,
    rate_id, leverage_centi, hold_minor, filled_value_minor, released_minor, venue_order_id, "venueStatus",
    reason, message,
    "nextLookupMs", "nextAttemptMs", fresh, n, more_quantity, more_minor, first_at, last_at, filled,
    core.next_status(status, "venueStatus", filled, told.quantity, venue_order_id is not null),
    is_usual and filled <= told.quantity
      and ("venueStatus" is distinct from 'filled' or filled = told.quantity),
    p.quantity, p.cost_minor, p.margin_minor, p.last_filled_at
  from told left join lateral (select * from public.positions one
    where (one.account_id, one.instrument_id, one.product)
      = (told.account_id, told.instrument_id, told.product) limit 1) p on told.n > 0;
$$;

-- What an outcome comes to, with the amounts its account settles. `before_minor`: what had been filled;
-- `bound_minor`: the margin of all a buy filled; `out_minor`, `freed_minor`: what a sale takes out of its
-- position's cost and margin. `moves`: the table of transitions lets the order follow.
create type core.judged_outcome as (id bigint, account_id bigint, instrument_id bigint, product text,
  places integer, side text, run_id text, leverage_centi integer, hold_minor bigint, venue_order_id text,
  next_status text, reason text, message text, next_lookup_at timestamptz, next_attempt_at timestamptz,
  fresh core.venue_fill[], n bigint, more_quantity bigint, more_minor bigint, last_at timestamptz,
  filled bigint, before_minor bigint, value_minor bigint, bound_minor bigint, out_minor bigint,
  freed_minor bigint, released_minor bigint, charges_minor bigint, moves boolean, ends boolean);

-- Outcomes of locked orders, but those of an account with anything unusual in it. That is, beside what
-- `is_usual` says: an end that was never open; a fill of before what its position knows; a sale that is not
-- all that happens to its share, or of more than is held; a buy of what is short. `rows 1`: who joins with
-- it begins with it, whatever the tables hold.
create function core.judge_outcomes(outcomes core.outcome[], now_at timestamptz)
returns setof core.judged_outcome language plpgsql stable rows 1 set search_path = '' as $$
begin
  return query
  with checked as (
    select input.*, is_usual and not (status = 'submitting' and next_status in ('canceled', 'expired'))
      and (n = 0 or coalesce(first_at > held_until, true) and case side
        when 'BUY' then coalesce(held, 0) >= 0 else coalesce(more_quantity <= held, false) end)
      and (count(*) filter (where side = 'SELL' and n > 0) over of_share = 0 or sum(n) over of_share = 1)
        as is_in_turn
    from core.outcome_inputs(outcomes) input window of_share as (partition by account_id, instrument_id)
  ), judged as (
    select checked.*, bool_and(is_in_turn) over (partition by account_id) as is_ordinary,
      coalesce((status, next_status) in (select t.from_status, t.to_status from core.order_transitions t),
        false) as moves
    from checked
  ), valued as (
    select judged.*, moves and next_status in ('filled', 'rejected', 'canceled', 'expired') as ends,
      case side when 'BUY' then core.margin_on(before_minor + more_minor, leverage_centi) else 0 end
        as bound,
      case when side = 'SELL' and n > 0 then core.pro_rata(held_cost_minor, more_quantity, held) else 0 end
        as out_minor,
      case when side = 'SELL' and n > 0 then core.pro_rata(held_margin_minor, more_quantity, held) else 0 end
        as freed
    from judged where is_ordinary
  )
  select id, account_id, instrument_id, product, places, side, run_id, leverage_centi, hold_minor,
    venue_order_id, next_status,
    case when filled < quantity or venue_status = 'filled' then reason end, message,
    coalesce(core.at(next_lookup_ms),
      case when venue_status = 'queued' and next_status = 'unknown' then now_at end),
    core.at(next_attempt_ms), fresh, n, more_quantity, more_minor, last_at, filled, before_minor,
    before_minor + more_minor, bound, out_minor, freed,
    released_minor + case side when 'SELL' then more_minor - out_minor + freed else 0 end,
    case when ends then (select core.charges_on(before_minor + more_minor, rate)
      from public.charge_rates rate where rate.id = rate_id) end, moves, ends
  from valued;
end $$;

-- Settles the accounts of outcomes that are ordinary: fills, orders, ledger, positions and balances, all
-- from the same rows. Gives the orders it settled and how many fills it booked; the others are as they were.
create function core.settle_at_once(outcomes core.outcome[], now_at timestamptz, out settled bigint[],
  out booked bigint)
language plpgsql set search_path = '' as $$
declare
  -- Asked once: as the column's default it is asked for each fill, a tenth of all the time.
  told_at constant timestamptz := core.database_now();
begin
  with heard as materialized (
    select * from core.judge_outcomes(outcomes, now_at)
  ), filled as (
    insert into public.fills (order_id, account_id, instrument_id, product, venue_fill_id, side, quantity,
      price_minor, value_minor, realised_minor, freed_margin_minor, late, trade_date, filled_at, booked_at)
    select id, account_id, instrument_id, product, f."venueFillId", side, f.quantity, f."priceMinor",
      core.fill_value(side, f.quantity, f."priceMinor", places),
      case side when 'SELL' then more_minor - out_minor else 0 end, freed_minor, false,
      (select trade_date from public.scan_runs run where run.id = run_id), core.at(f."atMs"), told_at
    from heard, unnest(fresh) f returning 1
  ), moved as (
    update public.orders o set changed_at = greatest(now_at, o.changed_at),
      status = case when moves then next_status else o.status end,
      reason = case when moves then h.reason else o.reason end,
      message = case when moves then h.message else o.message end,
      ended_at = case when ends then now_at end, venue_order_id = h.venue_order_id,
      filled_quantity = filled, filled_value_minor = value_minor, released_minor = h.released_minor,
      charges_minor = coalesce(h.charges_minor, o.charges_minor),
      lookups = core.lookups_made(o.lookups, h.reason),
      missed_lookups = case when next_status not in ('unknown', 'queued') then 0
        else core.lookups_made(o.missed_lookups, h.reason) end,
      next_lookup_at = core.lookup_after(o.status, o.next_lookup_at, next_status, h.next_lookup_at),
      next_attempt_at = h.next_attempt_at, claim_id = null, lease_until = null
    from heard h where o.id = h.id
  ), entry as (
    insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
    select account_id, id, case when filled > 0 then 'post' else 'void' end,
      case when filled > 0 then released_minor - charges_minor - bound_minor else 0 end, -hold_minor, now_at
    from heard where ends order by id
    returning account_id, cash_delta_minor, held_delta_minor
  ), placed as (
    insert into public.positions as p (account_id, instrument_id, product, quantity, cost_minor,
      margin_minor, last_filled_at)
    select account_id, instrument_id, product,
      sum(case side when 'BUY' then more_quantity else -more_quantity end),
      sum(case side when 'BUY' then more_minor else -out_minor end),
      sum(case side when 'BUY' then bound_minor - core.margin_on(before_minor, leverage_centi)
        else -freed_minor end), max(last_at)
    from heard where n > 0 group by 1, 2, 3 order by 1, 2, 3
    on conflict (account_id, instrument_id, product) do update set quantity = p.quantity + excluded.quantity,
      cost_minor = p.cost_minor + excluded.cost_minor, margin_minor = p.margin_minor + excluded.margin_minor,
      last_filled_at = excluded.last_filled_at
  ), balanced as (
    update public.accounts a set cash_minor = a.cash_minor + cash, held_minor = a.held_minor + held,
      not_ready = core.not_ready_with(a.not_ready, a.cash_minor + cash, a.held_minor + held)
    from (select account_id, sum(cash_delta_minor) as cash, sum(held_delta_minor) as held
      from entry group by 1) total where a.id = total.account_id
  )
  select (select coalesce(array_agg(id), '{}') from heard), (select count(*) from filled)
  into settled, booked;
end $$;
