-- From queued to submitting: orders are marked by the call that hands them out. What may not go stays
-- queued, and nobody holds it meanwhile.

-- What a take marked, for a minute: who asks again after a lost answer is answered from here.
create table core.takes (
  mark_id text primary key,
  order_ids bigint[] not null,
  taken_at timestamptz not null
);
create index takes_by_age on core.takes (taken_at);

-- Whose rate is used up, and for how long: a venue's (`accountId` null), or one account's there.
create type core.rate_wait as (venue text, "accountId" bigint, "waitMs" bigint);

-- The venues whose rate has room. Each that has a budget is locked to the end of this transaction; one that
-- somebody else is counting is left for a moment, since it may take long.
create function core.venues_with_rate(all_venues text[], budgets jsonb, out venues text[],
  out waits core.rate_wait[])
language plpgsql set search_path = '' as $$
declare
  venue text;
  wait_ms bigint;
begin
  venues := '{}';
  waits := '{}';
  foreach venue in array all_venues loop
    wait_ms := case when not budgets ? venue then 0
      when not pg_try_advisory_xact_lock(hashtextextended('rate ' || venue, 0)) then 100
      else core.rate_wait_ms(venue, nullif(budgets -> venue -> 'venue', 'null')) end;
    if wait_ms = 0 then venues := venues || venue;
    elsif wait_ms > 0 then waits := waits || (venue, null, wait_ms)::core.rate_wait; end if;
  end loop;
end $$;

-- Of orders with their accounts, best first: those that leave each account at most `most` with what the
-- caller `held` of it already; and the accounts that have so many.
create function core.within_shares(ids bigint[], accounts bigint[], held jsonb, most bigint, out go bigint[],
  out full_accounts bigint[])
language sql stable set search_path = '' as $$
  select coalesce(array_agg(id order by n) filter (where nth <= most), '{}'),
    coalesce(array_agg(distinct account_id) filter (where nth >= most), '{}')
  from (
    select one.id, account_id, n, coalesce((held ->> account_id::text)::bigint, 0)
      + row_number() over (partition by account_id order by n) as nth
    from unnest(ids, accounts) with ordinality as one(id, account_id, n)
  ) counted;
$$;

-- Which orders their venues' rate budgets let go now, best first; and whose rate is used up for how long,
-- null: not today any more. What has to wait for its account is passed over until its turn may have come.
-- The caller holds the venues' locks.
create function core.admit_by_rate(order_ids bigint[], budgets jsonb, now_at timestamptz, out go bigint[],
  out waits core.rate_wait[])
language plpgsql set search_path = '' as $$
declare
  o record;
  wait_ms bigint;
  is_venues boolean;
begin
  go := '{}';
  waits := '{}';
  for o in select q.id, q.venue, q.account_id from unnest(order_ids) with ordinality as one(id, n)
    join public.orders q on q.id = one.id order by one.n
  loop
    if not budgets ? o.venue then
      go := go || o.id;
      continue;
    end if;
    continue when exists (select from unnest(waits) w where w.venue = o.venue
      and coalesce(w."accountId", o.account_id) = o.account_id);
    wait_ms := core.take_rate(o.venue, o.account_id, budgets -> o.venue);
    if wait_ms = 0 then
      go := go || o.id;
    else
      is_venues := core.rate_wait_ms(o.venue, nullif(budgets -> o.venue -> 'venue', 'null'))
        is distinct from 0;
      waits := waits || (o.venue, case when not is_venues then o.account_id end, wait_ms)::core.rate_wait;
    end if;
  end loop;
  update public.orders q set next_attempt_at = coalesce(
    now_at + w."waitMs" * interval '1 millisecond', q.send_before)
  from unnest(waits) w where q.id = any(order_ids) and q.account_id = w."accountId" and not q.id = any(go);
end $$;

-- The best orders that may go now, locked: at most `limit`, of the caller's venues. It walks the index of
-- what waits, in its order, and never sorts all of it.
create function core.choose_orders(args jsonb, now_at timestamptz, out taken bigint[],
  out waits core.rate_wait[])
language plpgsql set search_path = '' as $$
declare
  max_orders constant bigint := (args ->> 'limit')::bigint;
  per_account constant bigint := (args ->> 'perAccount')::bigint;
  held constant jsonb := args -> 'held';
  budgets constant jsonb := coalesce(args -> 'budgets', '{}');
  -- Asked once: mostly there is none, and no order has to be compared with it.
  any_open constant boolean := exists (select from public.breakers where is_open);
  full_accounts bigint[] := array(select key::bigint from jsonb_each_text(held)
    where value::bigint >= per_account);
  venues text[];
  ids bigint[];
  accounts bigint[];
  taken_accounts bigint[] := '{}';
  is_last boolean := false;
  now_full bigint[];
  now_waiting core.rate_wait[];
begin
  select open.venues, open.waits into venues, waits
  from core.venues_with_rate(core.text_array(args -> 'venues'), budgets) open;
  taken := '{}';
  -- Once, mostly: again only where probes went first, or accounts or venues had more waiting than may go.
  for turn in 0 .. 1000 loop
    if turn = 0 then
      continue when not any_open;
      ids := core.due_probes(venues, full_accounts, now_at, least(max_orders, 20));
      accounts := array(select o.account_id from unnest(ids) with ordinality as one(id, n)
        join public.orders o on o.id = one.id order by one.n);
    else
      select found.ids, found.accounts, found.is_last into ids, accounts, is_last
      from core.find_queued(venues, full_accounts, taken, any_open, now_at,
        max_orders - cardinality(taken)) found;
    end if;
    if per_account is not null then
      select shares.go, shares.full_accounts into ids, now_full
      from core.within_shares(taken || ids, taken_accounts || accounts, held, per_account) shares;
      ids := ids[cardinality(taken) + 1:];
      full_accounts := full_accounts || now_full;
    end if;
    if budgets <> '{}' then
      select admitted.go, admitted.waits into ids, now_waiting
      from core.admit_by_rate(ids, budgets, now_at) admitted;
      waits := waits || array(select w from unnest(now_waiting) w where w."waitMs" is not null);
      full_accounts := full_accounts || array(select w."accountId" from unnest(now_waiting) w
        where w."accountId" is not null);
      venues := array(select venue from unnest(venues) venue where not exists (
        select from unnest(now_waiting) w where w.venue = venue and w."accountId" is null));
    end if;
    taken := taken || ids;
    exit when is_last or cardinality(taken) >= max_orders;
    taken_accounts := array(select o.account_id from unnest(taken) with ordinality as one(id, n)
      join public.orders o on o.id = one.id order by one.n);
  end loop;
end $$;

-- Queued orders that nothing keeps from going, best first, locked; what somebody else holds is passed over.
-- What its user's settings keep is ended by the next sweep. `is_last`: there are no more.
create function core.find_queued(venues text[], full_accounts bigint[], taken bigint[], any_open boolean,
  now_at timestamptz, most bigint, out ids bigint[], out accounts bigint[], out is_last boolean)
language plpgsql set search_path = '' as $$
declare
  blocked bigint[];
begin
  select coalesce(array_agg(found.id) filter (where not is_blocked), '{}'),
    coalesce(array_agg(found.account_id) filter (where not is_blocked), '{}'),
    array_agg(found.id) filter (where is_blocked), count(*) < most into ids, accounts, blocked, is_last
  from (
    select o.id, o.account_id, core.settings_block_of(o) is not null as is_blocked from public.orders o
    where o.ended_at is null and o.venue_order_id is null and o.status = 'queued' and o.send_before > now_at
      -- A queued order with a fill was sent after all, whatever we were told: it must not go again.
      and o.filled_quantity = 0
      and (o.next_attempt_at is null or o.next_attempt_at <= now_at)
      and o.venue = any(venues)
      and not o.run_id = any(array(select id from public.scan_runs where state = 'planning'))
      and not o.account_id = any(full_accounts) and not o.id = any(taken)
      and (not any_open or not exists (select from public.breakers b where core.breaker_stops(b, o)))
      -- As a join, not as halted_for: it must not ask three questions of every waiting order.
      and not exists (select from public.halts h where h.resumed_at is null and (h.scope = 'all'
        or (h.scope = 'venue' and h.target = o.venue) or (h.scope = 'user' and h.target = o.user_id)))
    order by o.position, o.queue_position
    limit most
    for no key update of o skip locked
  ) found;
  if blocked is not null then
    update public.orders o set next_attempt_at = o.send_before where o.id = any(blocked);
  end if;
end $$;

-- Marks orders as being sent and hands them out, best signal first, then queue position: {markId, venues,
-- limit, held, perAccount, budgets, leaseMs, nowMs}. Write first, then speak: only what this returns may be
-- sent, and only by its caller. An order goes while its time is not over, nothing is halted, its user's
-- settings let it, its venue's rate budget has room, and no open breaker stops it, but as its probe
-- (`probes`). An account has at most `perAccount`, with what the caller `held` of it already. What is locked
-- is passed over: it delays nobody. `waits`: whose rate is used up. Safe to repeat after a lost answer: the
-- same mark id is answered with what it marked, as far as that may still go. plan_cache_mode: planned anew
-- for each call, one order takes 2.1 ms (3,030 rows), with a kept plan 0.7 ms (30 rows). enable_seqscan,
-- enable_bitmapscan, enable_hashjoin, enable_mergejoin, enable_sort: what waits is read by its index, in its
-- order; made anew once `orders` had been analyzed, the plan read and sorted 33 rows for each order taken
-- instead of one. jit: to the planner what is switched off costs ten billion, and it compiles: 500 orders
-- took 2,500 ms.
create function public.take_orders(args jsonb) returns json
language plpgsql security definer set search_path = '' set plan_cache_mode = force_generic_plan
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off
set enable_mergejoin = off set enable_sort = off as $$
declare
  this_mark constant text := args ->> 'markId';
  now_at constant timestamptz := core.later_of(args);
  lease constant interval := (args ->> 'leaseMs')::bigint * interval '1 millisecond';
  fresh bigint[] := '{}';
  again bigint[] := '{}';
  probes bigint[];
  waits core.rate_wait[] := '{}';
begin
  -- A call that was thought lost may still be under way: its repetition waits for what that one marked.
  perform pg_advisory_xact_lock(hashtextextended('take ' || this_mark, 0));
  select order_ids into again from core.takes where mark_id = this_mark;
  if found then
    probes := array(select probe_order_id from public.breakers
      where is_open and probe_order_id = any(again));
  else
    select chosen.taken, chosen.waits into fresh, waits from core.choose_orders(args, now_at) chosen;
    select assigned.go, assigned.probes into fresh, probes
    from core.assign_probes(fresh, now_at, lease) assigned;
    perform core.record_take(this_mark, fresh);
    again := '{}';
  end if;
  return json_build_object('orders', core.mark_taken(this_mark, fresh, again, now_at, lease),
    'probes', probes, 'waits', to_json(waits));
end $$;

-- Keeps what a take marked, for a minute.
create function core.record_take(this_mark text, taken bigint[]) returns void
language plpgsql set search_path = '' as $$
begin
  if cardinality(taken) = 0 then return; end if;
  delete from core.takes where taken_at < core.database_now() - interval '1 minute';
  insert into core.takes values (this_mark, taken, core.database_now());
end $$;

-- Marks what is `fresh`, and gives it, with what was marked before and may still go, as columns: an array
-- for each field.
create function core.mark_taken(this_mark text, fresh bigint[], again bigint[], now_at timestamptz,
  lease interval) returns json
language plpgsql set search_path = '' as $$
declare
  answer json;
begin
  with marked as (
    update public.orders o set status = 'submitting', submitted_at = now_at, changed_at = now_at,
      attempts = o.attempts + 1, mark_id = this_mark, claim_id = this_mark,
      lease_until = core.database_now() + lease
    where o.id = any(fresh)
    returning o.id, o.client_order_id, o.run_id, o.signal_id, o.user_id, o.account_id, o.instrument_id,
      o.venue, o.position, o.queue_position, o.side, o.quantity, o.limit_price_minor, o.product,
      o.send_before, o.attempts, o.lookups
  ), given as (
    select * from marked
    union all
    select o.id, o.client_order_id, o.run_id, o.signal_id, o.user_id, o.account_id, o.instrument_id,
      o.venue, o.position, o.queue_position, o.side, o.quantity, o.limit_price_minor, o.product,
      o.send_before, o.attempts, o.lookups
    from public.orders o
    where o.id = any(again) and o.mark_id = this_mark and o.status = 'submitting' and o.send_before > now_at
      and o.lease_until >= core.database_now() and core.halted_for(o) is null
      and core.settings_block_of(o) is null
  )
  select json_build_object('orderId', array_agg(o.id), 'clientOrderId', array_agg(o.client_order_id::text),
    'runId', array_agg(o.run_id), 'signalId', array_agg(o.signal_id), 'userId', array_agg(o.user_id),
    'accountId', array_agg(o.account_id), 'venue', array_agg(o.venue), 'exchange', array_agg(o.exchange),
    'symbol', array_agg(o.symbol), 'side', array_agg(o.side), 'quantity', array_agg(o.quantity),
    'limitPriceMinor', array_agg(o.limit_price_minor), 'product', array_agg(o.product),
    'sendBeforeMs', array_agg(core.ms(o.send_before)), 'attempts', array_agg(o.attempts),
    'lookups', array_agg(o.lookups))
  into answer
  from (select given.*, i.exchange, i.symbol
    from given join public.instruments i on i.id = given.instrument_id
    order by given.position, given.queue_position) o
  having count(*) > 0;
  return answer;
end $$;

-- Marks an unknown order to be asked for again, by who holds it for its lookup, where its venue refuses
-- duplicates: {orderId, claimId, markId, leaseMs, nowMs, budgets}. It passes the checks of any send, but
-- stays unknown. `waitMs`: its rate is used up. An order that is locked is not marked. Safe to repeat: what
-- this mark has marked stays so, as far as it may still go, and counts once.
create function public.mark_resend(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.later_of(args);
  lease constant interval := (args ->> 'leaseMs')::bigint * interval '1 millisecond';
  budgets constant jsonb := coalesce(args -> 'budgets', '{}');
  o public.orders;
  wait_ms bigint := 0;
begin
  select * into o from public.orders where id = (args ->> 'orderId')::bigint
    and claim_id = args ->> 'claimId' and status = 'unknown' for no key update skip locked;
  -- Before halts and times are looked at, since others may hold it for long.
  if budgets ? o.venue then perform pg_advisory_xact_lock(hashtextextended('rate ' || o.venue, 0)); end if;
  if o.id is null or o.send_before <= now_at or o.lease_until < core.database_now()
    or core.halted_for(o) is not null or core.settings_block_of(o) is not null then
    return jsonb_build_object('marked', false, 'waitMs', null);
  end if;
  if o.mark_id is distinct from args ->> 'markId' then
    wait_ms := core.take_rate(o.venue, o.account_id, budgets -> o.venue);
    update public.orders set lease_until = core.database_now() + lease,
      submitted_at = case when wait_ms = 0 then now_at else submitted_at end,
      changed_at = case when wait_ms = 0 then now_at else changed_at end,
      attempts = attempts + case when wait_ms = 0 then 1 else 0 end,
      mark_id = case when wait_ms = 0 then args ->> 'markId' else mark_id end
    where id = o.id;
  end if;
  return jsonb_build_object('marked', coalesce(wait_ms = 0, false), 'waitMs', nullif(wait_ms, 0));
end $$;
