-- When a fan-out fails as a whole, and when a person has to decide: breaker, resolve, acknowledge.

-- An order whose sending went wrong in a way that says something about the venue: no clear answer, or not even sent.
-- A refusal names the account or the order, and does not count; nor does a sender of ours that was killed.
create function core.went_wrong(o public.orders) returns boolean
language sql stable as $$
  select exists (select from public.order_events e where e.order_id = o.id and e.from_status = 'submitting'
    and e.to_status in ('unknown', 'queued') and e.reason is distinct from 'sender_lost');
$$;

-- Stops the rest of a signal's or a venue's fan-out when half of at least ten orders went wrong: what was not sent is
-- canceled and its hold voided. The other signals and venues go on. Safe to repeat: canceled orders are ended.
create function public.trip_breakers(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.at((args ->> 'nowMs')::bigint);
  stopped bigint[];
begin
  with tried as (
    select o.run_id, o.venue, o.signal_id, core.went_wrong(o) as wrong
    from public.orders o join public.scan_runs run on run.id = o.run_id
    where run.state = 'decided' and o.attempts > 0
  ), failing as (
    select run_id, venue, null as signal_id, count(*) as tried, count(*) filter (where wrong) as wrong
    from tried group by 1, 2
    union all
    select run_id, null, signal_id, count(*), count(*) filter (where wrong) from tried group by 1, 3
  ), tripped as (
    select failing.* from failing join public.scan_runs run on run.id = failing.run_id
    where tried >= coalesce((run.limits ->> 'breakerMinOrders')::int, 10)
      and wrong * 100 >= tried * coalesce((run.limits ->> 'breakerPct')::int, 50)
  )
  select array_agg(o.id) into stopped from public.orders o join tripped t on t.run_id = o.run_id
    and (t.venue = o.venue or t.signal_id = o.signal_id)
  where o.status = 'queued';

  perform from public.accounts where id in (select account_id from public.orders where id = any(stopped))
  order by id for no key update;
  perform from public.orders where id = any(stopped) order by id for no key update;
  with canceled as (
    update public.orders set status = 'canceled', reason = 'breaker_open', ended_at = now_at, changed_at = now_at,
      claim_id = null, lease_until = null
    where id = any(stopped) and status = 'queued' returning id
  )
  select coalesce(array_agg(id), '{}') into stopped from canceled;
  perform core.end_orders(stopped, now_at);
  return jsonb_build_object('canceled', cardinality(stopped));
end $$;

-- A person says what became of an order nobody could find out about. It is booked like a venue's own word, with who said so.
create function public.resolve_order(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  o public.orders;
  told constant text := args ->> 'as';
  filled bigint;
begin
  -- Locked before it is looked at: a fill that is booked meanwhile must not be counted again from the person's word.
  perform from public.accounts where id in (select account_id from public.orders
    where client_order_id = args ->> 'order' or id::text = args ->> 'order')
  for no key update;
  select * into o from public.orders
  where client_order_id = args ->> 'order' or id::text = args ->> 'order' for no key update;
  if o.id is null then return jsonb_build_object('kind', 'no_such_order'); end if;
  if o.status <> 'unknown' then return jsonb_build_object('kind', 'not_unknown', 'status', o.status); end if;
  -- While somebody may still come back with the venue's own word, a person's would count the same fill twice.
  if o.next_look_at is not null or o.lease_until >= core.database_now() then
    return jsonb_build_object('kind', 'still_looked_up');
  end if;
  filled := coalesce((args ->> 'quantity')::bigint, case told when 'filled' then o.quantity - o.filled_quantity else 0 end);
  if told in ('filled', 'partly') and ((args ->> 'priceMinor') is null or filled <= 0
      or o.filled_quantity + filled > o.quantity or (told = 'filled') <> (o.filled_quantity + filled = o.quantity)) then
    return jsonb_build_object('kind', 'wrong_quantity', 'quantity', o.quantity, 'filledQuantity', o.filled_quantity);
  end if;
  perform public.settle_orders(jsonb_build_object('nowMs', args -> 'nowMs', 'outcomes', jsonb_build_array(
    jsonb_build_object('orderId', o.id,
      'venueStatus', case told when 'filled' then 'filled' when 'rejected' then 'rejected' else 'canceled' end,
      'reason', 'resolved_by_operator', 'message', (args ->> 'by') || ' resolved it as ' || told,
      'fills', case when told in ('filled', 'partly') then jsonb_build_array(jsonb_build_object(
        'venueFillId', 'operator-' || o.client_order_id, 'quantity', filled, 'priceMinor', args -> 'priceMinor',
        'atMs', args -> 'nowMs')) else '[]' end))));
  return jsonb_build_object('kind', 'resolved', 'clientOrderId', o.client_order_id,
    'status', (select status from public.orders where id = o.id));
end $$;

-- An operator has looked at why an account is blocked: it may trade again, where it has money. A drift he has not been
-- shown yet, because something else stood before it, is what he is shown next.
create function public.acknowledge_account(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with blocked as materialized (
    select id, not_ready like 'drift:%' as by_drift from public.accounts
    where user_id = args ->> 'userId' and venue = args ->> 'venue' and mode = args ->> 'mode'
      and not_ready is not null and cash_minor >= held_minor
    for no key update
  ), looked_at as (
    update public.drifts d set acknowledged_at = core.database_now()
    from blocked where blocked.by_drift and d.account_id = blocked.id and d.acknowledged_at is null
  ), cleared as (
    update public.accounts a set not_ready = case when not blocked.by_drift then core.open_drift(a.id) end
    from blocked where a.id = blocked.id
    returning 1
  ) select jsonb_build_object('changed', exists (select from cleared));
$$;

-- For a worker, who belongs to no run: every decided run with nothing left becomes done; when is the next thing due?
create function public.finish_runs(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with finished as (
    update public.scan_runs run set state = 'done', done_at = greatest(core.at((args ->> 'nowMs')::bigint), decided_at)
    where state = 'decided' and coalesce(takes_orders_until, '-infinity') <= core.at((args ->> 'nowMs')::bigint)
      and not exists (select from public.orders o where o.run_id = run.id and core.unfinished(o))
    returning 1
  )
  select jsonb_build_object('finished', (select count(*) from finished), 'nextDueMs', core.ms(least(
    (select min(case when core.halted_for(o) is not null then o.send_before
        else coalesce(o.next_attempt_at, core.at((args ->> 'nowMs')::bigint)) end) from public.orders o
      join public.scan_runs run on run.id = o.run_id where o.status = 'queued' and run.state = 'decided'),
    (select min(next_look_at) from public.orders where status in ('unknown', 'working', 'partially_filled')),
    (select min(greatest(due_at, next_attempt_at)) from public.messages where status = 'queued'
      and not exists (select from public.message_stops where resumed_at is null)),
    (select min(next_look_at) from public.messages where status = 'unknown'))));
$$;

-- How much is still to be done over all runs: orders that are not ended and not left to a person, messages not settled.
create function public.count_unfinished(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('orders', (select count(*) from public.orders o where core.unfinished(o)),
    'messages', (select count(*) from public.messages where status in ('queued', 'sending')));
$$;
