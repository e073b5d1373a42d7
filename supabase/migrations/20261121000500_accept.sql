-- accept: the page of decisions is re-checked under row locks and written with its orders and holds, in one
-- transaction. It may turn an accept into a skip or a denial, never the reverse. Safe to repeat: a user whose
-- decisions are written is left alone.

-- A decision as `decide` made it, with what its order would need.
create type core.decided as (place bigint, "signalId" text, "userId" text, "accountId" bigint, outcome text, reason text,
  "limit" text, actual text, quantity bigint, "priceMinor" bigint, "limitPriceMinor" bigint, "marginMinor" bigint,
  "chargesMinor" bigint, "holdMinor" bigint, "leverageCenti" integer, "rateId" integer, "clientOrderId" text);

-- Read out of the JSON once per call: an array costs less to look through again.
create function core.decisions_in(args jsonb) returns core.decided[]
language sql immutable as $$
  select coalesce(array_agg(row), '{}') from jsonb_populate_recordset(null::core.decided, args -> 'decisions') row;
$$;

create function core.decimal(minor numeric) returns text
language sql immutable strict as $$
  select trim(to_char(minor / 100.0, '999999999999990.00'));
$$;

create function public.accept_page(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  run public.scan_runs;
  now_at constant timestamptz := core.at((args ->> 'nowMs')::bigint);
  given constant core.decided[] := core.decisions_in(args);
  fresh_users text[];
  wanted text;
  accepted bigint;
begin
  -- Shared: pages of two planners may overlap, but nobody may call the run decided meanwhile.
  select * into run from public.scan_runs where id = args ->> 'runId' for share;
  if run.state is distinct from 'planning' then
    return jsonb_build_object('accepted', 0, 'state', run.state);
  end if;

  perform from public.accounts where id in (select "accountId" from unnest(given))
  order by id for no key update;

  if run.limits ->> 'symbolCapMinor' is not null then
    perform pg_advisory_xact_lock(hashtextextended('symbol caps ' || run.mode || run.trade_date, 0));
  end if;

  with taken as (
    update public.run_users set decided_at = now_at
    where run_id = run.id and decided_at is null and place in (select place from unnest(given))
    returning user_id
  )
  select coalesce(array_agg(user_id), '{}') into fresh_users from taken;

  -- An accept that another run took meanwhile becomes «already decided»; the unique index is the last word.
  insert into public.decisions (run_id, signal_id, user_id, account_id, position, place, outcome, reason, limit_value,
    actual_value, quantity, price_minor, hold_minor)
  select run.id, d."signalId", d."userId", d."accountId", rs.position, d.place,
    case when earlier then 'skipped' else d.outcome end, case when earlier then 'already_decided' else d.reason end,
    case when not earlier then d."limit" end, case when not earlier then d.actual end,
    case when earlier then 0 else d.quantity end, d."priceMinor", case when earlier then 0 else d."holdMinor" end
  from (select row.*, exists (select from public.decisions old where old.signal_id = row."signalId"
          and old.account_id = row."accountId" and old.reason is distinct from 'already_decided') as earlier
        from unnest(given) row where row."userId" = any(fresh_users)) d
  join public.run_signals rs on rs.run_id = run.id and rs.signal_id = d."signalId";

  -- Best rank first, so that scarce money goes to the best signal: each round sees what the one before it took.
  for wanted in
    select rs.signal_id from public.run_signals rs where rs.run_id = run.id order by rs.position
  loop
    perform core.accept_round(run, array(select row from unnest(given) row
      where row."signalId" = wanted and row.outcome = 'accepted' and row."userId" = any(fresh_users)), now_at);
  end loop;

  select count(*) into accepted from public.decisions
  where run_id = run.id and user_id = any(fresh_users) and outcome = 'accepted';
  return jsonb_build_object('accepted', accepted, 'state', run.state);
end $$;

-- One order at most for each account: refuse what no longer fits, order and hold the rest.
create function core.accept_round(run public.scan_runs, given core.decided[], now_at timestamptz) returns void
language sql set search_path = '' as $$
  with candidate as (
    select d.*, row."limitPriceMinor", row."chargesMinor", row."leverageCenti", row."rateId", row."clientOrderId",
      rs.send_before, s.side, s.instrument_id, s.valid_until, a.venue as account_venue,
      core.not_ready_on(a, run.trade_date) as not_ready,
      a.max_open_positions, a.cash_minor - a.held_minor as available_minor
    from unnest(given) row
    join public.decisions d on (d.run_id, d.signal_id, d.user_id) = (run.id, row."signalId", row."userId")
      and d.outcome = 'accepted'
    join public.run_signals rs on (rs.run_id, rs.signal_id) = (d.run_id, d.signal_id)
    join public.signals s on s.id = d.signal_id
    join public.accounts a on a.id = d.account_id
  ), judged as (
    select c.*, held.quantity as held_quantity, busy.instruments as busy_instruments,
      case
        when c.not_ready is not null then 'account_not_ready'
        when c.side = 'BUY' and held.quantity <> 0 then 'already_holding'
        when working.found then 'working_order'
        when c.side = 'SELL' and coalesce(held.quantity, 0) < c.quantity then 'no_position'
        when coalesce(core.halted('all', ''), core.halted('user', c.user_id),
          core.halted('venue', core.order_venue(run.mode, c.account_venue))) is not null then 'halted'
        when now_at >= run.cut_off_at then 'cut_off'
        when c.valid_until <= now_at then 'signal_expired'
        when c.side = 'BUY' and busy.instruments >= c.max_open_positions then 'max_open_positions'
        when c.side = 'BUY' and capped.used + sum(c.quantity * c.price_minor) over (partition by c.instrument_id order by c.position, c.place) > capped.cap
          then 'symbol_cap'
        when c.hold_minor > c.available_minor then 'insufficient_funds'
      end as refusal, capped.cap, capped.used
    from candidate c
    left join public.positions held on (held.account_id, held.instrument_id) = (c.account_id, c.instrument_id)
    cross join lateral (select exists (select from public.orders o
      where o.account_id = c.account_id and o.instrument_id = c.instrument_id
        and o.status not in ('filled', 'rejected', 'canceled', 'expired')) as found) working
    cross join lateral (select count(*) as instruments from (
      select p.instrument_id from public.positions p where p.account_id = c.account_id and p.quantity <> 0
      union
      select o.instrument_id from public.orders o where o.account_id = c.account_id and o.side = 'BUY'
        and o.status not in ('filled', 'rejected', 'canceled', 'expired')) as open_one) busy
    -- Where a cap is set accept_page holds its lock, so nobody adds to the sum meanwhile.
    cross join lateral (select (run.limits ->> 'symbolCapMinor')::bigint as cap,
      case when run.limits ->> 'symbolCapMinor' is not null then (
        select coalesce(sum(o.quantity * o.decision_price_minor), 0)
        from public.scan_runs same_day join public.orders o on o.run_id = same_day.id
        where same_day.trade_date = run.trade_date and same_day.mode = run.mode
          and o.instrument_id = c.instrument_id and o.side = 'BUY') end as used) capped
  ), refused as (
    update public.decisions d set
      outcome = case when j.refusal in ('account_not_ready', 'already_holding', 'working_order', 'no_position')
        then 'skipped' else 'denied' end,
      reason = j.refusal, quantity = 0, hold_minor = 0,
      limit_value = case j.refusal when 'insufficient_funds' then core.decimal(j.available_minor)
        when 'max_open_positions' then j.max_open_positions::text when 'symbol_cap' then core.decimal(j.cap) end,
      actual_value = case j.refusal when 'insufficient_funds' then core.decimal(j.hold_minor)
        when 'max_open_positions' then j.busy_instruments::text
        when 'symbol_cap' then core.decimal(j.used + j.quantity * j.price_minor)
        when 'account_not_ready' then j.not_ready end
    from judged j
    where j.refusal is not null and (d.run_id, d.signal_id, d.user_id) = (j.run_id, j.signal_id, j.user_id)
  ), ordered as (
    insert into public.orders (client_order_id, run_id, signal_id, user_id, account_id, instrument_id, venue, position,
      place, side, quantity, decision_price_minor, limit_price_minor, leverage_centi, rate_id, hold_minor,
      charges_minor, send_before, created_at, changed_at)
    select "clientOrderId", run_id, signal_id, user_id, account_id, instrument_id,
      core.order_venue(run.mode, account_venue), position, place, side, quantity, price_minor, "limitPriceMinor",
      "leverageCenti", "rateId", hold_minor, "chargesMinor", send_before, now_at, now_at
    from judged where refusal is null order by position, place
    returning id, account_id, hold_minor
  ), held as (
    insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
    select account_id, id, 'hold', 0, hold_minor, now_at from ordered order by id
  )
  update public.accounts a set held_minor = a.held_minor + ordered.hold_minor
  from ordered where a.id = ordered.account_id;
$$;

-- The lines are those of planLine in domain/ids.ts.
create function core.plan_lines(for_run text) returns setof text
language sql stable as $$
  select concat_ws('|', signal_id, user_id, outcome, coalesce(reason, ''), quantity,
    coalesce(price_minor::text, ''), hold_minor)
  from public.decisions where run_id = for_run;
$$;

create function core.plan_hash(for_run text) returns text
language sql stable as $$
  select encode(sha256(convert_to(coalesce(string_agg(line, E'\n' order by line collate "C"), ''), 'UTF8')), 'hex')
  from core.plan_lines(for_run) line;
$$;

-- The part of a plan that is written already, for comparing a resumed run with the plan somebody approved.
create function public.read_plan_lines(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(line), '[]') from core.plan_lines(args ->> 'runId') line;
$$;

-- Once, after the last page: orders become claimable, every user gets a message row. Repeats change nothing.
create function public.decide_run(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  run public.scan_runs;
  now_at constant timestamptz := core.at((args ->> 'nowMs')::bigint);
begin
  select * into run from public.scan_runs where id = args ->> 'runId' for no key update;
  if run.state = 'planning' and not exists (
    select from public.run_users where run_id = run.id and decided_at is null
  ) then
    update public.scan_runs set state = 'decided', decided_at = greatest(now_at, opened_at),
      plan_hash = core.plan_hash(id)
    where id = run.id returning * into run;
    insert into public.messages (run_id, user_id, due_at, changed_at)
    select run.id, user_id, now_at + interval '90 seconds', now_at
    from public.run_users where run_id = run.id order by place
    on conflict (run_id, user_id, kind) do nothing;
    -- Wakes idle workers where the connection lets them listen; the others poll.
    perform pg_notify('daily_scan_work', run.id);
  end if;
  return jsonb_build_object('state', run.state, 'planHash', run.plan_hash);
end $$;
