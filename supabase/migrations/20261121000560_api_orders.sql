-- Orders asked for one by one over HTTP. Each becomes a signal of its own under the day's run
-- `MIC:date:api:mode`, and goes through the same accept as a page of a scan.

-- What was asked under which key: the same key again is answered with what became of the first request. Its
-- decision is written by the same call: without a foreign key, as orders are (0200_runs_and_orders).
create table public.order_requests (
  principal text not null,
  idempotency_key text not null,
  body_hash text not null,
  -- The hint of the API key it was asked with; null: with a login.
  api_key text,
  run_id text not null,
  signal_id text not null,
  user_id text not null,
  requested_at timestamptz not null,
  -- What it was judged by, with what its account says.
  limits jsonb not null,
  primary key (principal, idempotency_key)
);

create index requests_of_a_user on public.order_requests (user_id, run_id);

create trigger order_requests_are_facts before update or delete on public.order_requests
  for each row execute function core.refuse_all_but_erasure('user_id', 'principal');
create trigger order_requests_are_never_truncated before truncate on public.order_requests
  for each statement execute function core.refuse_change();

-- Where an asked-for order stands among the day's; a sequence, so that nobody waits for anybody to have his
-- place.
create sequence core.single_order_position;

-- What `decide` looks at for single orders: as read_inputs and read_accounts, but for these users and
-- symbols only; on paper with the stored prices of these and of what the users hold or traded today.
create function public.read_order_inputs(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  accounts constant jsonb := public.read_accounts(args || jsonb_build_object('frozen', false,
    'signalIds', '[]'::jsonb, 'afterQueuePosition', 0, 'limit', jsonb_array_length(args -> 'userIds')));
begin
  return jsonb_build_object(
    'halted', core.halted('all', ''),
    'rates', core.rates_json(args ->> 'runId', (args ->> 'tradeDate')::date),
    'corporateActions', core.corporate_actions((args ->> 'tradeDate')::date),
    'symbolExposure', case when (args ->> 'capped')::boolean
      then core.symbol_exposure(args ->> 'mode', (args ->> 'tradeDate')::date) else '{}' end,
    'instruments', (select coalesce(jsonb_agg(core.instrument_json(i)), '[]')
      from jsonb_to_recordset(args -> 'listings') as listing(exchange text, symbol text)
      join public.instruments i using (exchange, symbol) where not i.assumed),
    'instrumentsKnown', core.instruments_known(args ->> 'runId'),
    'shares', public.read_shares(args),
    'accounts', accounts,
    'storedPrices', case when args ->> 'mode' = 'paper' then public.read_prices(args || jsonb_build_object(
      'listings', (args -> 'listings') || jsonb_path_query_array(accounts, '$[*].positions[*]')
        || jsonb_path_query_array(accounts, '$[*].today.traded[*]'))) end);
end $$;

-- What became of a request; null for a key that was never used.
create function core.request_outcome(by_principal text, by_key text, with_body text)
  returns table (answer jsonb)
language sql stable as $$
  select case when old.body_hash <> with_body then jsonb_build_object('kind', 'other_body')
    else jsonb_build_object('kind', 'decided', 'fresh', false, 'outcome', d.outcome, 'reason', d.reason,
      'limit', d.limit_value, 'actual', d.actual_value,
      'order', (select jsonb_build_object('orderId', o.id, 'clientOrderId', o.client_order_id)
        from public.orders o
        where (o.run_id, o.signal_id, o.user_id) = (d.run_id, d.signal_id, d.user_id))) end
  -- One by one, by key: a kept plan may be from when there were none, and join all of both.
  from (select * from public.order_requests request
    where (request.principal, request.idempotency_key) = (by_principal, by_key) limit 1) old
  cross join lateral (select * from public.decisions made
    where (made.run_id, made.signal_id, made.user_id) = (old.run_id, old.signal_id, old.user_id) limit 1) d;
$$;

-- What became of requests, in their order, null for a key that was never used: {requests: [{principal, key,
-- bodyHash}]}.
create function public.read_request_outcomes(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select coalesce(jsonb_agg(outcome.answer order by n), '[]')
    from rows from (jsonb_to_recordset(args -> 'requests') as (principal text, key text, "bodyHash" text))
      with ordinality as request(principal, key, "bodyHash", n)
    left join lateral core.request_outcome(principal, key, "bodyHash") outcome on true
  );
end $$;

-- The day's run of single orders, opened by the first. Its limits are those in force: each order is judged
-- by the limits it is asked under, which its request keeps; the run's own, which breakers judge by, follow
-- where nobody holds the run.
create function core.open_single_order_run(args jsonb, now_at timestamptz) returns public.scan_runs
language plpgsql set search_path = '' as $$
declare
  run public.scan_runs;
begin
  select * into run from public.scan_runs where id = args ->> 'runId' for share;
  if not found then
    insert into public.scan_runs (id, session_id, trade_date, mode, state, limits, cut_off_at,
      takes_orders_until, opened_at, decided_at, plan_hash)
    values (args ->> 'runId', args ->> 'sessionId', (args ->> 'tradeDate')::date, args ->> 'mode', 'decided',
      args -> 'limits', core.at((args ->> 'takesOrdersUntilMs')::bigint),
      core.at((args ->> 'takesOrdersUntilMs')::bigint), now_at, now_at, '')
    on conflict (id) do nothing;
    select * into run from public.scan_runs where id = args ->> 'runId' for share;
  end if;
  if run.limits <> run.limits || (args -> 'limits') then
    update public.scan_runs set limits = limits || (args -> 'limits')
    where id = (select free.id from public.scan_runs free where free.id = run.id
      for no key update skip locked);
  end if;
  run.limits := args -> 'limits';
  return run;
end $$;

-- {runId, sessionId, tradeDate, mode, limits, takesOrdersUntilMs, nowMs, quotes, decisions, requests:
-- [{principal, key, bodyHash, apiKey, sendBeforeMs, signal, by (null: the user's own order)}]}: one answer
-- per request, in their order. Safe to repeat: a key is used up by its first request, and the advisory lock
-- keeps a second one from running beside it. plan_cache_mode: planned anew for each call, 40 orders read
-- 29,600 rows in 10 ms, with a kept plan 1,700 rows in 6 ms. enable_seqscan: a plan kept from when the
-- tables were small reads 11,600 rows in 19 ms, without it 1,420 rows in 6 ms.
-- jit: what is switched off costs ten billion to the planner, and it compiles (1,700 ms in accept_at_once).
create function public.place_orders(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set plan_cache_mode = force_generic_plan
set jit = off set enable_seqscan = off as $$
declare
  now_at constant timestamptz := core.later_of(args);
  run public.scan_runs;
  busy text[];
  -- What is answered without anything being kept: by principal and key.
  early_answers jsonb;
  over_quota jsonb;
  fresh_signals text[];
  decisions core.decision[];
begin
  run := core.open_single_order_run(args, now_at);

  select coalesce(jsonb_object_agg(name, jsonb_build_object('kind', 'key_refused', 'why', why)),
    '{}') into early_answers
  from core.refused_api_keys(args);
  select coalesce(array_agg(name), '{}') into busy
  from (select principal || ' ' || key as name
    from jsonb_to_recordset(args -> 'requests') as row(principal text, key text)
    offset 0) request
  where not pg_try_advisory_xact_lock(hashtextextended('order request ' || name, 0));
  -- In a statement of its own, which sees what was committed before the lock was had.
  select coalesce(array_agg(signal ->> 'id'), '{}') into fresh_signals
  from jsonb_to_recordset(args -> 'requests') as row(principal text, key text, signal jsonb)
  where not principal || ' ' || key = any(busy) and not early_answers ? (principal || ' ' || key)
    and (select true from public.order_requests old
      where (old.principal, old.idempotency_key) = (row.principal, row.key) limit 1) is null;

  decisions := array(select row from unnest(core.decisions_in(args)) row
    where row."signalId" = any(fresh_signals));
  over_quota := core.over_quota_answers(args, run.id, decisions);
  if over_quota <> '{}' then
    early_answers := early_answers || over_quota;
    decisions := array(select d from unnest(decisions) d,
      jsonb_to_recordset(args -> 'requests') as row(principal text, key text, signal jsonb)
      where signal ->> 'id' = d."signalId" and not early_answers ? (principal || ' ' || key));
  end if;
  decisions := core.lock_accounts(run, decisions, (args ->> 'skipLocked')::boolean);
  fresh_signals := array(select row."signalId" from unnest(decisions) row);
  if decisions <> '{}' then
    perform core.book_single_orders(run, args, decisions, now_at);
    perform core.record_placed_orders(args, run.id, fresh_signals);
  end if;
  return core.request_answers(args, early_answers, busy, fresh_signals);
end $$;

-- Writes what becomes of fresh requests: what a scan freezes, orders and holds for what still fits, the
-- decisions, and who is told of it.
create function core.book_single_orders(run public.scan_runs, args jsonb, decisions core.decision[],
  now_at timestamptz)
returns void language plpgsql set search_path = '' as $$
declare
  fresh_signals constant text[] := array(select row."signalId" from unnest(decisions) row);
  by_turns core.decision[];
  batch core.decision[];
  refusals core.refusal[] := '{}';
  accepted bigint := 0;
  crowded bigint[];
begin
  perform core.freeze_requests(run, args, decisions, now_at);
  decisions := core.with_queue_positions(run.id, decisions);
  by_turns := decisions;
  if run.limits ->> 'symbolCapMinor' is null then
    select at_once.accepted, at_once.crowded into accepted, crowded
    from core.accept_at_once(run, decisions, '{}', now_at) at_once;
    by_turns := case when crowded = '{}' then '{}' else array(select row
      from unnest(decisions) row where row."accountId" = any(crowded)) end;
  end if;
  if by_turns <> '{}' then
    for batch in select core.accept_batches(run, by_turns, '{}') loop
      refusals := refusals || array(select core.accept_batch(run, batch, now_at));
    end loop;
    accepted := accepted + core.write_decisions(run, by_turns, refusals);
  end if;
  if accepted < cardinality(decisions) then
    perform core.count_denied_orders(args, run.id, fresh_signals);
  end if;
  perform pg_notify('daily_scan_work', run.id);
  perform core.queue_order_messages(run.id, decisions, now_at);
end $$;

-- One answer per request, in their order: one that is ready (`early_answers`), that somebody else is just
-- placing it (`busy`), or what became of it.
create function core.request_answers(args jsonb, early_answers jsonb, busy text[], fresh_signals text[])
returns jsonb language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_agg(case when early_answers ? name then early_answers -> name
        when name = any(busy) then jsonb_build_object('kind', 'in_flight')
        -- Nothing was written: its account is somebody else's for now.
        when outcome.answer is null then jsonb_build_object('kind', 'locked')
        else outcome.answer || jsonb_build_object('fresh', request.signal ->> 'id' = any(fresh_signals)) end
      order by n), '[]')
    from rows from (jsonb_to_recordset(args -> 'requests') as (principal text, key text, "bodyHash" text,
      signal jsonb)) with ordinality as request(principal, key, "bodyHash", signal, n)
    cross join lateral (select request.principal || ' ' || request.key as name) named
    left join lateral core.request_outcome(request.principal, request.key, request."bodyHash") outcome
      on true
  );
end $$;

-- What operators asked for in users' names is an act of theirs each, also where it was refused.
create function core.record_placed_orders(args jsonb, of_run text, fresh_signals text[]) returns void
language plpgsql set search_path = '' as $$
declare
  acts public.operator_actions[];
begin
  acts := array(select core.action_row(request.by, 'place_order',
      coalesce('order:' || placed.client_order_id, 'signal:' || d.signal_id),
      of_user => d.user_id, after => jsonb_strip_nulls(jsonb_build_object('runId', of_run,
        'outcome', d.outcome, 'reason', d.reason, 'symbol', request.signal -> 'symbol',
        'side', request.signal -> 'side', 'quantity', d.quantity)))
    from rows from (jsonb_to_recordset(args -> 'requests')
      as (signal jsonb, by jsonb)) with ordinality as request(signal, by, n)
    cross join lateral (select * from public.decisions made where made.run_id = of_run
      and made.signal_id = request.signal ->> 'id' limit 1) d
    left join lateral (select o.client_order_id from public.orders o
      where (o.run_id, o.user_id, o.signal_id) = (of_run, d.user_id, d.signal_id) limit 1) placed on true
    where request.signal ->> 'id' = any(fresh_signals) and nullif(request.by, 'null') is not null
    order by n);
  if acts <> '{}' then
    perform core.append_actions(acts);
  end if;
end $$;

-- The rows a scan freezes, for the fresh requests: their signals, prices and users.
create function core.freeze_requests(run public.scan_runs, args jsonb, decisions core.decision[],
  now_at timestamptz)
returns void language plpgsql set search_path = '' as $$
begin
  -- A refused symbol that nobody knows is made no instrument for: its decision is booked on one that stands
  -- for them all, and the signal's id tells its name.
  insert into public.instruments (exchange, symbol, assumed)
  select distinct signal ->> 'exchange', case when d.outcome = 'accepted' then signal ->> 'symbol'
    else '?' end, true
  from jsonb_to_recordset(args -> 'requests') as row(signal jsonb)
  join unnest(decisions) d on d."signalId" = signal ->> 'id'
  where (select true from public.instruments i
    where (i.exchange, i.symbol) = (signal ->> 'exchange', signal ->> 'symbol') limit 1) is null
  on conflict (exchange, symbol) do nothing;
  perform core.freeze_prices(run.id, args -> 'quotes');

  with fresh as materialized (
    select row.*, signal.*, d."userId", d."accountId"
    from jsonb_to_recordset(args -> 'requests') as row(principal text, key text, "bodyHash" text,
      "apiKey" text, signal jsonb, "sendBeforeMs" bigint)
    cross join lateral jsonb_to_record(row.signal) as signal(id text, "tradeDate" date, rank integer,
      strategy text, exchange text, symbol text, side text, "referencePriceMinor" bigint,
      "stopLossMinor" bigint, "targetMinor" bigint, "validUntilMs" bigint)
    join unnest(decisions) d on d."signalId" = signal.id
  ), signals as (
    insert into public.signals (id, trade_date, rank, strategy, instrument_id, side, reference_price_minor,
      stop_loss_minor, target_minor, valid_until, source)
    select id, "tradeDate", rank, strategy, (select i.id from public.instruments i
        where i.exchange = fresh.exchange and i.symbol in (fresh.symbol, '?')
        order by i.symbol = '?' limit 1),
      side, "referencePriceMinor", "stopLossMinor", "targetMinor", core.at("validUntilMs"), 'api' from fresh
  ), of_run as (
    insert into public.run_signals (run_id, signal_id, position, send_before)
    select run.id, id, nextval('core.single_order_position'), core.at("sendBeforeMs") from fresh
  ), of_users as (
    insert into public.run_users (run_id, queue_position, user_id, account_id, decided_at)
    select distinct on ("userId") run.id, nextval('core.single_order_position'), "userId", "accountId",
      now_at
    from fresh order by "userId"
    on conflict (run_id, user_id) do nothing
  )
  insert into public.order_requests (principal, idempotency_key, body_hash, api_key, run_id,
    signal_id, user_id, requested_at, limits)
  select principal, key, "bodyHash", "apiKey", run.id, id, "userId", now_at, run.limits from fresh;
end $$;

-- Decisions with the places their users have in the run.
create function core.with_queue_positions(in_run text, decisions core.decision[]) returns core.decision[]
language plpgsql stable as $$
begin
  return (
    select coalesce(array_agg(row(ru.queue_position, d."signalId", d."userId", d."accountId", d.outcome,
      d.reason, d."limit", d.actual, d.quantity, d."priceMinor", d."limitPriceMinor", d."marginMinor",
      d."chargesMinor", d."holdMinor", d."leverageCenti", d.product, d."rateId",
      d."clientOrderId")::core.decision), '{}')
    from unnest(decisions) d
    cross join lateral (select queue_position from public.run_users frozen
      where (frozen.run_id, frozen.user_id) = (in_run, d."userId") limit 1) ru
  );
end $$;

-- Our number of an order, where a name is one.
create function core.order_id_of(name text) returns bigint
language sql immutable as $$
  select case when name ~ '^[0-9]{1,18}$' then name::bigint end;
$$;

-- One order as its owner and the operator see it. A function, so that list and single answer are the same.
create function core.order_details(o public.orders) returns jsonb
language sql stable as $$
  select jsonb_build_object('orderId', o.id, 'clientOrderId', o.client_order_id, 'runId', o.run_id,
    'userId', o.user_id, 'exchange', i.exchange, 'symbol', i.symbol, 'side', o.side, 'quantity', o.quantity,
    'status', o.status, 'reason', o.reason, 'message', o.message, 'venue', o.venue,
    'venueOrderId', o.venue_order_id, 'limitPriceMinor', o.limit_price_minor,
    'filledQuantity', o.filled_quantity, 'filledValueMinor', o.filled_value_minor,
    'chargesMinor', o.charges_minor, 'lateFill', o.late_fill, 'createdAtMs', core.ms(o.created_at),
    'changedAtMs', core.ms(o.changed_at))
  from public.instruments i where i.id = o.instrument_id;
$$;

-- Newest first, `limit` of them before the order `beforeId`. Every filter is optional; it is planned anew
-- for each call, so that those that are not given fold away and the others find their index.
-- plan_cache_mode: one plan for all filters reads 175,060 rows for a page of one user, a plan of its own 80
-- rows.
create function public.read_orders(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  of_user constant text := args ->> 'userId';
  in_status constant text := args ->> 'status';
  of_run constant text := args ->> 'runId';
  of_symbol constant text := args ->> 'symbol';
  before_id constant bigint := args ->> 'beforeId';
begin
  return (select coalesce(jsonb_agg(core.order_details(page) order by page.id desc), '[]') from (
    select o.* from public.orders o
    where (of_user is null or o.user_id = of_user) and (of_run is null or o.run_id = of_run)
      and (in_status is null or o.status = in_status)
      -- Says the same once more, for the indexes of what is open.
      and (in_status is null or in_status in ('filled', 'rejected', 'canceled', 'expired')
        or o.ended_at is null)
      and (of_symbol is null
        or o.instrument_id in (select id from public.instruments where symbol = of_symbol))
      and (before_id is null or o.id < before_id)
    order by o.id desc limit (args ->> 'limit')::bigint) page);
end $$;

-- By our number or by its client order id, with its history; null where there is none, or it is not this
-- user's.
create function public.read_order(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select core.order_details(o) || (select jsonb_build_object('stopLossMinor', s.stop_loss_minor,
      'targetMinor', s.target_minor) from public.signals s where s.id = o.signal_id) || jsonb_build_object(
    'events', (select jsonb_agg(jsonb_build_object('eventId', e.id, 'atMs', core.ms(e.at),
      'from', e.from_status, 'to', e.to_status, 'reason', e.reason) order by e.id) from public.order_events e
      where e.order_id = o.id),
    'fills', (select coalesce(jsonb_agg(jsonb_build_object('quantity', f.quantity,
      'priceMinor', f.price_minor, 'atMs', core.ms(f.filled_at), 'late', f.late) order by f.id), '[]')
      from core.effective_fills f where f.order_id = o.id))
  from public.orders o
  where (o.client_order_id = args ->> 'order' or o.id = core.order_id_of(args ->> 'order'))
    and (args ->> 'userId' is null or o.user_id = args ->> 'userId');
$$;
