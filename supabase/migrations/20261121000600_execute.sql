-- From sent to ended: settle, look up, expire. Everything here may be repeated after a lost answer.

-- With its instrument given, so that it is one expression and no query for each order; as text (json), since
-- nobody here looks into it and jsonb costs three times as much to build.
create function core.order_json(o public.orders, i public.instruments, halted text default null,
  spent boolean default null) returns json
language sql stable as $$
  select json_build_object('orderId', o.id, 'clientOrderId', o.client_order_id, 'runId', o.run_id,
    'signalId', o.signal_id, 'userId', o.user_id, 'accountId', o.account_id, 'venue', o.venue,
    'exchange', i.exchange, 'symbol', i.symbol, 'side', o.side, 'quantity', o.quantity,
    'limitPriceMinor', o.limit_price_minor, 'product', o.product, 'status', o.status,
    'sendBeforeMs', core.ms(o.send_before), 'attempts', o.attempts, 'lookups', o.lookups,
    'missedLookups', o.missed_lookups, 'venueOrderId', o.venue_order_id, 'filledQuantity', o.filled_quantity,
    'submittedAtMs', core.ms(o.submitted_at), 'halted', halted, 'spent', spent);
$$;

-- Why an order may not go: a halt of everything, of its venue or of its user; null: none.
create function core.halted_for(o public.orders) returns text
language sql stable as $$
  select coalesce(core.halted('all', ''), core.halted('venue', o.venue), core.halted('user', o.user_id));
$$;

-- The heartbeat: who is still there keeps what it has with a venue or looks up. A lease that has
-- lapsed is not revived: somebody else may have acted on it. What is locked is being worked on, and has its
-- next beat.
create function public.renew_claims(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with renewed as (
    update public.orders
    set lease_until = core.database_now() + (args ->> 'leaseMs')::bigint * interval '1 millisecond'
    where id = any(array(select id from public.orders
        where id in (select value::bigint from jsonb_array_elements_text(args -> 'orderIds'))
          and claim_id in (select jsonb_array_elements_text(args -> 'claimIds'))
          and lease_until >= core.database_now()
        order by id for no key update skip locked))
    returning 1
  ) select jsonb_build_object('renewed', count(*)) from renewed;
$$;

create type core.venue_fill as ("venueFillId" text, quantity bigint, "priceMinor" bigint, "atMs" bigint);
-- What a venue said of one order, as settle_orders is told it.
create type core.outcome as ("orderId" bigint, "venueStatus" text, reason text, message text,
  "venueOrderId" text, "nextLookupMs" bigint, "nextAttemptMs" bigint, attempts integer,
  fills core.venue_fill[]);

-- The outcomes of a call, by the database's clock: of a clock that is far off, what is to come is as far
-- off.
create function core.outcomes_in(args jsonb, now_at timestamptz) returns core.outcome[]
language plpgsql stable as $$
declare
  outcomes constant core.outcome[] := array(select row
    from jsonb_populate_recordset(null::core.outcome, args -> 'outcomes') row);
begin
  if not core.clock_is_far(args) then return outcomes; end if;
  return array(select jsonb_populate_record(row, jsonb_build_object(
      'nextLookupMs', row."nextLookupMs" + off.ms, 'nextAttemptMs', row."nextAttemptMs" + off.ms))
    from unnest(outcomes) row, (select core.ms(now_at) - (args ->> 'nowMs')::bigint as ms) off);
end $$;

-- Books what venues said. One outcome per order: {orderId, venueStatus, reason, message, venueOrderId,
-- nextLookupMs, nextAttemptMs, attempts, fills: [{venueFillId, quantity, priceMinor, atMs}]}. What is not
-- read in the venue's book names the attempt it is about, and says nothing once there was another: who was
-- frozen meanwhile must not undo it. Fills are facts and count once whatever the order's status; the status
-- moves only where the transition table lets it; money moves by exactly one post or void per order, and by
-- one late_post per fill after that. Accounts with nothing unusual are settled in one statement
-- (core.settle_at_once), the others step by step. With `skipLocked` orders that another session holds, or
-- whose account it holds, are left as they are, and named in `locked`. plan_cache_mode: planned anew for
-- each call, one order takes 3.2 ms, with a kept plan 1.0 ms. enable_seqscan, enable_bitmapscan,
-- enable_hashjoin, enable_mergejoin: one kind of plan is left; made anew once `orders` had been analyzed and
-- `fills` had not, 500 orders took 740 ms instead of 200; a hash join read 15,057 rows for one order,
-- without it 58. jit: to the planner what is switched off costs ten billion, and it compiles, for 2,000 ms.
create function public.settle_orders(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set plan_cache_mode = force_generic_plan
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
declare
  now_at constant timestamptz := core.stamp_of(args);
  outcomes core.outcome[] := core.outcomes_in(args, now_at);
  touched constant bigint[] := array(select "orderId" from unnest(outcomes));
  held constant bigint[] := core.lock_orders(touched, (args ->> 'skipLocked')::boolean);
  locked constant bigint[] := array(select unnest(touched) except select unnest(held));
  settled bigint[] := '{}';
  booked bigint := 0;
  unusual jsonb := '{}';
begin
  if cardinality(locked) > 0 then
    outcomes := array(select row from unnest(outcomes) row where row."orderId" = any(held));
  end if;
  perform core.record_sends(outcomes);
  -- An order that is named twice goes by steps: in one statement each row changes once.
  if cardinality(touched) = (select count(distinct id) from unnest(touched) id) then
    select at_once.settled, at_once.booked into settled, booked
    from core.settle_at_once(outcomes, now_at) at_once;
  end if;
  if cardinality(settled) < cardinality(outcomes) then
    outcomes := array(select row from unnest(outcomes) row where not row."orderId" = any(settled));
    unusual := core.settle_by_steps(outcomes, now_at);
  end if;
  return case when cardinality(locked) = 0 then '{}' else jsonb_build_object('locked', to_jsonb(locked)) end
    || jsonb_build_object('settled', cardinality(held), 'lateFills', '[]'::jsonb, 'wrongFills', '[]'::jsonb,
      'unproven', '[]'::jsonb) || unusual
    || jsonb_build_object('fills', booked + coalesce((unusual ->> 'fills')::bigint, 0));
end $$;

-- Fills nobody told before of orders whose records were removed, or are marked to be: they are not booked,
-- since what these orders came to is closed for good, and a person is told.
create function core.fills_of_removed(outcomes core.outcome[]) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (select coalesce(jsonb_agg(jsonb_build_object('clientOrderId', o.client_order_id, 'what',
      'filled after its records were removed: not booked, npm run ready compares the account with its venue')
      order by o.id), '[]')
    from unnest(outcomes) row join public.orders o on o.id = row."orderId"
    where o.id <= core.last_removed_order() and exists (select from unnest(row.fills) f
      where not exists (select from public.fills known
        where (known.order_id, known.venue_fill_id) = (o.id, f."venueFillId"))));
end $$;

-- Settles outcomes whose orders are locked, whatever they say: fills first, each where its position has it,
-- then what they mean for the orders, then money. Gives what came of it as settle_orders answers it.
create function core.settle_by_steps(outcomes core.outcome[], now_at timestamptz) returns jsonb
language plpgsql set search_path = '' as $$
declare
  removed constant jsonb := core.fills_of_removed(outcomes);
  touched constant bigint[] := array(select "orderId" from unnest(outcomes)
    where "orderId" > core.last_removed_order());
  fresh bigint[];
  late_ones bigint[];
begin
  outcomes := array(select row from unnest(outcomes) row where row."orderId" = any(touched));
  select booked.fresh, booked.late_ones into fresh, late_ones from core.book_fills(outcomes, now_at) booked;
  if cardinality(late_ones) > 0 then
    perform core.book_late_fills(late_ones, now_at);
  end if;
  perform core.apply_outcomes(outcomes, fresh, now_at);
  perform core.close_orders(touched, now_at);
  if cardinality(late_ones) > 0 then
    update public.orders o set charges_minor = core.charges_on(o.filled_value_minor, rate)
    from public.charge_rates rate where o.id = any(touched) and o.late_fill and rate.id = o.rate_id;
  end if;
  return jsonb_build_object('fills', cardinality(fresh),
    'lateFills', (select coalesce(jsonb_agg(distinct o.client_order_id), '[]')
      from public.fills f join public.orders o on o.id = f.order_id where f.id = any(late_ones)),
    'wrongFills', core.block_for_wrong_fills(touched, fresh) || removed,
    -- Said to be filled, three looks on, and the fills still don't bear it out: somebody has to see that.
    'unproven', (select coalesce(jsonb_agg(o.client_order_id), '[]') from unnest(outcomes) row
      join public.orders o on o.id = row."orderId"
      where row."venueStatus" = 'filled' and o.filled_quantity < o.quantity and o.lookups = 3));
end $$;

-- A venue that fills more than was ordered, or beyond the limit, is believed, since the money has moved; and
-- a person has to see it: the account is blocked until then. Gives what is wrong with which order.
create function core.block_for_wrong_fills(touched bigint[], fresh bigint[]) returns jsonb
language plpgsql set search_path = '' as $$
declare
  wrong jsonb;
begin
  with bad as (
    select o.account_id, o.client_order_id, case
        when o.filled_quantity > o.quantity then format('filled %s of %s', o.filled_quantity, o.quantity)
        else format('filled at %s, its limit is %s', core.decimal(beyond.price_minor),
          core.decimal(o.limit_price_minor))
      end as what
    from public.orders o
    left join lateral (select f.price_minor from public.fills f
      where f.order_id = o.id and f.id + 0 = any(fresh)
        and case o.side when 'BUY' then f.price_minor > o.limit_price_minor
        else f.price_minor < o.limit_price_minor end
      limit 1) beyond on true
    where o.id = any(touched) and exists (select from public.fills f where f.order_id = o.id
      and f.id + 0 = any(fresh))
      and (o.filled_quantity > o.quantity or beyond.price_minor is not null)
  ), blocked as (
    update public.accounts a set not_ready = core.block_reason(a.not_ready,
      format('order %s: %s: correct or acknowledge it', bad.client_order_id, bad.what))
    from (select distinct on (account_id) * from bad order by account_id, client_order_id) bad
    where a.id = bad.account_id
  )
  select coalesce(jsonb_agg(jsonb_build_object('clientOrderId', client_order_id, 'what', what)
    order by client_order_id), '[]')
  into wrong from bad;
  return wrong;
end $$;

-- Locks orders with their accounts; gives those it has: all, or, skipping what is locked, those nobody else
-- holds.
create function core.lock_orders(order_ids bigint[], skip_locked boolean) returns bigint[]
language plpgsql set search_path = '' as $$
declare
  of_accounts constant bigint[] := array(select account_id from public.orders where id = any(order_ids));
  free bigint[];
begin
  if skip_locked then
    free := array(select id from public.accounts where id = any(of_accounts)
      order by id for no key update skip locked);
    return array(select id from public.orders where id = any(order_ids) and account_id = any(free)
      order by id for no key update skip locked);
  end if;
  perform from public.accounts where id = any(of_accounts) order by id for no key update;
  perform from public.orders where id = any(order_ids) order by id for no key update;
  return order_ids;
end $$;

-- The fills nobody has told yet; `late_ones` are those of orders that had ended.
create function core.book_fills(outcomes core.outcome[], now_at timestamptz, out fresh bigint[],
  out late_ones bigint[])
language plpgsql set search_path = '' as $$
declare
  reported constant core.reported_fill[] := array(
    select distinct on (o.id, fill."venueFillId") row(o.id, o.client_order_id, o.leverage_centi,
      o.filled_value_minor, o.ended_at is not null, o.account_id, o.instrument_id, o.product,
      (select trade_date from public.scan_runs run where run.id = o.run_id), null,
      fill."venueFillId", o.side, fill.quantity, fill."priceMinor",
      core.fill_value(o.side, fill.quantity, fill."priceMinor", core.places_of(o.instrument_id)),
      core.at(fill."atMs"))::core.reported_fill
    from unnest(outcomes) outcome join public.orders o on o.id = outcome."orderId",
      unnest(outcome.fills) fill
    where (select true from public.fills old
      where (old.order_id, old.venue_fill_id) = (o.id, fill."venueFillId") limit 1) is null
    order by o.id, fill."venueFillId");
begin
  select booked.fresh, booked.late_ones into fresh, late_ones
  from core.book_reported_fills(reported, now_at) booked;
end $$;

-- What a value of an order's fills costs in all: the margin paid for it and its charges.
create function core.cost_of_value(o public.orders, value_minor bigint) returns bigint
language sql stable as $$
  select core.charges_on(value_minor, rate)
    + case o.side when 'BUY' then core.margin_on(value_minor, o.leverage_centi) else 0 end
  from public.charge_rates rate where rate.id = o.rate_id;
$$;

-- The hold is gone already, so each late fill pays for itself: what all fills up to it cost, less what those
-- before did.
create function core.book_late_fills(late_ones bigint[], now_at timestamptz) returns void
language sql set search_path = '' as $$
  with late as (
    select f.id, o as ended, f.account_id, f.order_id, f.quantity, f.value_minor,
      o.filled_value_minor + coalesce(sum(f.value_minor) over (partition by f.order_id
        order by f.id
        rows between unbounded preceding and 1 preceding), 0)::bigint as before_minor,
      f.realised_minor + f.freed_margin_minor as released_minor
    from public.fills f join public.orders o on o.id = f.order_id
    where f.id = any(late_ones)
  ), entry as (
    insert into public.ledger_entries (account_id, order_id, fill_id, kind, cash_delta_minor,
      held_delta_minor, at)
    select account_id, order_id, id, 'late_post', released_minor
      - (core.cost_of_value(ended, before_minor + value_minor) - core.cost_of_value(ended, before_minor)), 0,
      now_at
    from late order by id
    returning account_id, cash_delta_minor
  ), total as (
    select account_id, sum(cash_delta_minor) as cash_delta_minor from entry group by 1
  )
  update public.accounts a set cash_minor = a.cash_minor + total.cash_delta_minor,
    not_ready = core.block_reason(a.not_ready, 'a fill came after its order had ended: acknowledge it')
  from total where a.id = total.account_id;
$$;

-- What a venue's word means for an order of which so much is filled by now. Fills prove fills: a venue that
-- says «filled» and does not name them all is asked again, and one that says «rejected» after some has
-- canceled the rest. `is_named`: the venue has a number for it.
create function core.next_status(status text, venue_status text, filled numeric, quantity bigint,
  is_named boolean) returns text
language sql immutable as $$
  select case when filled >= quantity then 'filled'
    when filled > 0 and venue_status in ('working', 'queued', 'partially_filled', 'filled')
      then 'partially_filled'
    when filled > 0 and venue_status = 'rejected' then 'canceled'
    when venue_status in ('partially_filled', 'filled') then 'working'
    -- Not sent, and yet the venue has a number for it: it must not go again before somebody has looked.
    when venue_status = 'queued' and is_named and status = 'submitting' then 'unknown'
    else venue_status end;
$$;

-- When an order is looked up next, after a word that means `next_status` and asks for a look at `asked_at`.
create function core.lookup_after(status text, lookup_at timestamptz, next_status text, asked_at timestamptz)
  returns timestamptz
language sql immutable as $$
  select case
    -- A sender that reports «not sent» after the order was given up as unknown does not stop the lookups.
    when status = 'unknown' and next_status = 'queued' then lookup_at
    -- One that was left to a person meanwhile stays so, unless the venue has something to say: a look that
    -- began before comes back after its run is done.
    when status in ('unknown', 'working', 'partially_filled') and lookup_at is null
      and next_status = 'unknown' then null
    -- Nor does a look without an answer that comes back after another one found the order open.
    when status in ('working', 'partially_filled') then coalesce(asked_at, lookup_at)
    else asked_at end;
$$;

-- Counted when it was claimed; a look that had to wait for its rate was none.
create function core.lookups_made(counted integer, reason text) returns integer
language sql immutable as $$
  select case when reason = 'waiting_for_rate' then greatest(counted - 1, 0) else counted end;
$$;

-- What each outcome means for its order, with the fills it brought (`+ 0`: found by their orders alone;
-- by both indexes it would be each order times each fill). `moves`: the table of transitions lets the order
-- follow.
create function core.outcome_effects(outcomes core.outcome[], fresh bigint[], now_at timestamptz)
  returns table (order_id bigint, next_status text, reason text, message text, venue_order_id text,
    next_lookup_at timestamptz, next_attempt_at timestamptz,
  more_quantity numeric, more_value_minor numeric, released_minor numeric, filled numeric, late boolean,
  moves boolean)
language sql stable as $$
  with applicable as (
    select row.*, o.status, o.quantity, o.filled_quantity + added.more_quantity as filled, added.*,
      coalesce(row."venueOrderId", o.venue_order_id) is not null as is_named
    from unnest(outcomes) row
    join public.orders o on o.id = row."orderId" and o.attempts = coalesce(row.attempts, o.attempts)
    cross join lateral (select coalesce(sum(f.quantity), 0) as more_quantity,
        coalesce(sum(f.value_minor), 0) as more_value_minor,
        coalesce(sum(f.realised_minor + f.freed_margin_minor), 0) as released_minor,
        coalesce(bool_or(f.late), false) as late
      from public.fills f where f.order_id = o.id and f.id + 0 = any(fresh)) added
  ), interpreted as (
    select applicable.*, core.next_status(status, "venueStatus", filled, quantity, is_named) as next_status
    from applicable
  )
  select "orderId", next_status, case when filled < quantity or "venueStatus" = 'filled'
    then interpreted.reason end, interpreted.message, "venueOrderId", coalesce(core.at("nextLookupMs"),
      case when "venueStatus" = 'filled' and filled < quantity then now_at + interval '2 seconds'
        when "venueStatus" = 'queued' and next_status = 'unknown' then now_at end),
    core.at("nextAttemptMs"), more_quantity, more_value_minor, interpreted.released_minor, filled,
    interpreted.late, (select true from core.order_transitions t
      where (t.from_status, t.to_status) = (interpreted.status, next_status) limit 1)
      is not null
  from interpreted;
$$;

-- Filled quantity and value follow the fills; the status follows the outcome where the table allows it.
create function core.apply_outcomes(outcomes core.outcome[], fresh bigint[], now_at timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  if exists (select from unnest(outcomes) row
    where row."venueStatus" in ('canceled', 'expired', 'rejected')) then
    -- An answer to the submission that already tells the end: the order was working in between.
    update public.orders o set status = case when effect.filled > 0 then 'partially_filled'
      else 'working' end,
      changed_at = greatest(now_at, o.changed_at)
    from core.outcome_effects(outcomes, fresh, now_at) effect
    where o.id = effect.order_id and o.status = 'submitting'
      and effect.next_status in ('canceled', 'expired');
  end if;

  update public.orders o set
    status = case when effect.moves then effect.next_status else o.status end,
    reason = case when effect.moves then effect.reason else o.reason end,
    message = case when effect.moves then effect.message else o.message end,
    ended_at = case when effect.moves and effect.next_status in ('filled', 'rejected', 'canceled', 'expired')
      then now_at else o.ended_at end,
    changed_at = greatest(now_at, o.changed_at),
    venue_order_id = coalesce(effect.venue_order_id, o.venue_order_id),
    filled_quantity = o.filled_quantity + effect.more_quantity,
    filled_value_minor = o.filled_value_minor + effect.more_value_minor,
    released_minor = o.released_minor + effect.released_minor,
    -- What was expected gives way to what it is, once nothing more will be filled.
    charges_minor = case when effect.moves
      and effect.next_status in ('filled', 'rejected', 'canceled', 'expired')
      then core.charges_on((o.filled_value_minor + effect.more_value_minor)::bigint, rate)
        else o.charges_minor end,
    late_fill = o.late_fill or effect.late,
    lookups = core.lookups_made(o.lookups, effect.reason),
    missed_lookups = case when effect.next_status not in ('unknown', 'queued') then 0
      else core.lookups_made(o.missed_lookups, effect.reason) end,
    next_lookup_at = core.lookup_after(o.status, o.next_lookup_at, effect.next_status,
      effect.next_lookup_at),
    next_attempt_at = effect.next_attempt_at, claim_id = null, lease_until = null
  from core.outcome_effects(outcomes, fresh, now_at) effect, public.charge_rates rate
  where o.id = effect.order_id and rate.id = o.rate_id;
end $$;

-- Why an account that has come to this cash and this held may open nothing new; null: it may.
create function core.not_ready_with(not_ready text, cash_minor numeric, held_minor numeric) returns text
language sql immutable as $$
  select case when cash_minor < held_minor
    then core.block_reason(not_ready, 'available money is below zero: acknowledge it') else not_ready end;
$$;

-- Closes in the ledger whatever of these orders has ended and is not closed yet: one post (something filled)
-- or void each.
create function core.close_orders(touched bigint[], now_at timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  with ended as materialized (
    select o.id, o.account_id, o.side, o.hold_minor, o.filled_quantity > 0 as traded, o.released_minor,
      core.margin_on(o.filled_value_minor, o.leverage_centi) as margin_minor,
      core.charges_on(o.filled_value_minor, rate) as charges_minor, o.charges_minor as charges_so_far_minor
    from public.orders o join public.charge_rates rate on rate.id = o.rate_id
    where o.id = any(touched) and o.ended_at is not null and (select true from public.ledger_entries closed
      where closed.order_id = o.id and closed.kind in ('post', 'void') limit 1) is null
  ), entry as (
    insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
    select account_id, id, case when traded then 'post' else 'void' end,
      case when traded then released_minor - charges_minor - case side when 'BUY' then margin_minor
        else 0 end else 0 end,
      -hold_minor, now_at
    from ended order by id
    returning account_id, cash_delta_minor, held_delta_minor
  ), total as (
    select account_id, sum(cash_delta_minor) as cash_minor, sum(held_delta_minor) as held_minor
    from entry group by 1
  ), charged as (
    -- Where nobody settled it: its time was over, or somebody stopped it.
    update public.orders o set charges_minor = ended.charges_minor from ended
    where o.id = ended.id and ended.charges_minor <> ended.charges_so_far_minor
  )
  update public.accounts a set cash_minor = a.cash_minor + total.cash_minor,
    held_minor = a.held_minor + total.held_minor,
    not_ready = core.not_ready_with(a.not_ready, a.cash_minor + total.cash_minor,
      a.held_minor + total.held_minor)
  from total where a.id = total.account_id;
end $$;

-- Ends what may no longer be sent (what is locked is left for the next sweep), and hands a lapsed send over
-- to lookup: its sender is gone or too late. `abandoned`: runs whose plan nobody has ended by their cut-off;
-- their orders wait for that.
create function public.sweep_orders(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.earlier_of(args);
  expired bigint[];
  stopped bigint[] := '{}';
  lapsed bigint;
  abandoned jsonb;
  blocked constant bigint := core.end_blocked_orders(null, now_at);
begin
  select array_agg(due.id) into expired from (
    select o.id from public.orders o join public.scan_runs run on run.id = o.run_id
    where o.ended_at is null and o.status = 'queued' and o.send_before <= now_at and run.state <> 'planning'
      limit 1000) due;
  if expired is not null then
    expired := core.lock_orders(expired, true);
    -- What an open breaker held back to the end was stopped by it, unless a halt would have stopped it, too.
    stopped := array(select o.id from public.orders o where o.id = any(expired)
      and core.stopped_until(o) is not null and core.halted_for(o) is null);
    with ended as (
      update public.orders set ended_at = now_at, changed_at = now_at, claim_id = null, lease_until = null,
        status = case when id = any(stopped) then 'canceled' else 'expired' end,
        reason = case when id = any(stopped) then 'breaker_open' else 'not_sent_in_time' end
      where id = any(expired) and status = 'queued'
      returning id, status
    )
    select array_agg(id), array_agg(id) filter (where status = 'canceled') into expired, stopped from ended;
    perform core.close_orders(expired, now_at);
  end if;

  update public.orders set status = 'unknown', reason = 'sender_lost', changed_at = now_at,
    next_lookup_at = now_at,
    claim_id = null, lease_until = null
  where id = any(array(select id from public.orders where ended_at is null and status = 'submitting'
    and (lease_until < core.database_now() or (args ->> 'onlyProcess')::boolean)
    limit 1000 for no key update skip locked));
  get diagnostics lapsed = row_count;

  -- Where the caller is the only process there is, whoever held a claim is gone.
  if (args ->> 'onlyProcess')::boolean then
    update public.orders set claim_id = null, lease_until = null where ended_at is null
      and claim_id is not null;
  end if;
  delete from public.sends where id = any(array(select id from public.sends
    where at < core.database_now() - interval '10 minutes' order by at limit 1000 for update skip locked));
  select jsonb_build_object('abandoned', jsonb_agg(jsonb_build_object('runId', id, 'tradeDate', trade_date)
    order by cut_off_at, id)) into abandoned
  from public.scan_runs where state = 'planning' and cut_off_at <= now_at having count(*) > 0;
  return jsonb_build_object('lapsed', lapsed, 'stopped', blocked + coalesce(cardinality(stopped), 0),
    'expired', coalesce(cardinality(expired), 0) - coalesce(cardinality(stopped), 0))
    || coalesce(abandoned, '{}');
end $$;

-- When an order's trade date is over, where its market is.
create function core.day_ends_at(o public.orders) returns timestamptz
language sql stable as $$
  select core.trade_date_ends(run.id, run.trade_date) from public.scan_runs run where run.id = o.run_id;
$$;

-- Whether looking an order up again is of no use: an unknown one has had `max_lookups`; one its venue has
-- confirmed had as many in a row that did not find it, the last of them after its day, or its venue calls it
-- open five days after (orders are for a day, which at a venue abroad may be its next one).
create function core.lookups_exhausted(o public.orders, max_lookups integer, now_at timestamptz)
  returns boolean
language sql stable as $$
  select case when o.status = 'unknown' then o.lookups >= max_lookups
    else least(o.next_lookup_at, now_at) >= core.day_ends_at(o)
      and (o.missed_lookups >= max_lookups or now_at >= core.day_ends_at(o) + interval '5 days') end;
$$;

-- Orders whose truth is at the venue and whose pause is over, leased to the caller. A look is counted here,
-- before it is made: one whose answer can't be booked, or ends its process, is one of the budget all the
-- same. One that has had its `maxLookups` (core.lookups_exhausted), or whose venue nobody has looked at for
-- a day after its own (`spent`), is a person's from here on, and not leased. Asking again with the same
-- claim id after a lost answer gives what it leased and nobody has settled or taken since.
create function public.claim_lookups(args jsonb) returns json
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.now_of(args);
  answer json;
begin
  with due as materialized (
    select id, o.claim_id is distinct from args ->> 'claimId' and args ? 'maxLookups'
      and core.lookups_exhausted(o, (args ->> 'maxLookups')::integer, now_at) as spent
    from public.orders o
    where ended_at is null and status in ('unknown', 'working', 'partially_filled')
      and next_lookup_at <= now_at
      and (lease_until is null or lease_until < core.database_now() or claim_id = args ->> 'claimId')
      and args -> 'venues' ? venue
    order by next_lookup_at limit (args ->> 'limit')::bigint for no key update skip locked
  ), nobodys as materialized (
    select id, true as spent from public.orders o
    where args ? 'maxLookups' and ended_at is null and status in ('unknown', 'working', 'partially_filled')
      and next_lookup_at <= now_at - interval '1 day' and core.day_ends_at(o) <= now_at - interval '1 day'
      and (lease_until is null or lease_until < core.database_now()) and not args -> 'venues' ? venue
    order by next_lookup_at limit (args ->> 'limit')::bigint for no key update skip locked
  ), claimed as (
    update public.orders o set claim_id = case when not spent then args ->> 'claimId' end,
      lease_until = case when not spent
        then core.database_now() + (args ->> 'leaseMs')::bigint * interval '1 millisecond' end,
      next_lookup_at = case when not spent then o.next_lookup_at end,
      (lookups, missed_lookups) = (select o.lookups + counted, o.missed_lookups + counted
        from (select case when spent or o.claim_id = args ->> 'claimId'
          then 0 else 1 end as counted) this_lookup)
    from (select * from due union all select * from nobodys) found where o.id = found.id returning o, spent
  )
  select coalesce(json_agg(core.order_json(claimed.o, i, core.halted_for(claimed.o), spent)
    order by (claimed.o).next_lookup_at, (claimed.o).id), '[]')
  into answer from claimed join public.instruments i on i.id = (claimed.o).instrument_id;
  return answer;
end $$;
