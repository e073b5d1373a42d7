-- accept: the page of decisions is re-checked under row locks and written with its orders and holds, in one
-- transaction. It may turn an accept into a skip or a denial, never the reverse. Safe to repeat: a user
-- whose decisions are written is left alone. With `skipLocked` nobody waits for somebody else's account: who
-- has an accept and whose account another session holds is left out, and named in `locked`.

-- A decision as `decide` made it, with what its order would need.
create type core.decision as ("queuePosition" bigint, "signalId" text, "userId" text, "accountId" bigint,
  outcome text, reason text, "limit" text, actual text, quantity bigint, "priceMinor" bigint,
  "limitPriceMinor" bigint, "marginMinor" bigint, "chargesMinor" bigint, "holdMinor" bigint,
  "leverageCenti" integer, product text, "rateId" integer, "clientOrderId" text);

-- Read out of the JSON once per call: an array costs less to look through again.
create function core.decisions_in(args jsonb) returns core.decision[]
language plpgsql immutable as $$
begin
  return (
    select coalesce(array_agg(row), '{}')
    from jsonb_populate_recordset(null::core.decision, args -> 'decisions') row
  );
end $$;

-- What the last look, under locks, no longer allowed.
create type core.refusal as ("signalId" text, "userId" text, outcome text, reason text, "limit" text,
  actual text);

-- An amount in the minor unit as people write it: 1234 is 12.34.
create function core.decimal(minor numeric) returns text
language sql immutable strict as $$
  select round(minor / 100.0, 2)::text;
$$;

-- Accepts a page of decisions: {runId, decisions, skipLocked, nowMs}. Gives how many orders it made and the
-- run's state, and in `locked` the users it left out. enable_seqscan: with statistics from before
-- the day a page of 60 users reads 50,190 rows, without it 24,100 rows.
create function public.accept_page(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
declare
  run public.scan_runs;
  now_at constant timestamptz := core.later_of(args);
  decisions core.decision[] := core.decisions_in(args);
  positions bigint[];
  users text[];
  refusals core.refusal[];
  batch core.decision[];
  locked jsonb;
begin
  -- Shared: pages of two planners may overlap, but nobody may call the run decided meanwhile.
  select * into run from public.scan_runs where id = args ->> 'runId' for share;
  if run.state is distinct from 'planning' then
    return jsonb_build_object('accepted', 0, 'state', run.state);
  end if;
  decisions := core.lock_accounts(run, decisions, (args ->> 'skipLocked')::boolean);
  select case when count(*) = 0 then '{}'
    else jsonb_build_object('locked', jsonb_agg(distinct one."userId")) end
  into locked from unnest(core.decisions_in(args)) one
  where not one."userId" = any(array(select row."userId" from unnest(decisions) row));

  with taken as (
    update public.run_users set decided_at = now_at
    where run_id = run.id
      and decided_at is null
      and queue_position = any(array(select distinct "queuePosition" from unnest(decisions)))
    returning queue_position, user_id
  )
  select coalesce(array_agg(queue_position), '{}'), coalesce(array_agg(user_id), '{}') into positions, users
  from taken;
  decisions := array(select row from unnest(decisions) row
    join unnest(positions, users) as fresh(queue_position, user_id)
      on (fresh.queue_position, fresh.user_id) = (row."queuePosition", row."userId"));

  -- An accept that another run took meanwhile becomes «already decided»; the unique index is the last word.
  refusals := array(select row(d."signalId", d."userId", 'skipped', 'already_decided', null,
    null)::core.refusal
    from unnest(decisions) d where (select true from public.decisions old where old.signal_id = d."signalId"
      and old.account_id = d."accountId" and old.reason is distinct from 'already_decided' limit 1));
  for batch in select core.accept_batches(run, decisions, refusals) loop
    refusals := refusals || array(select core.accept_batch(run, batch, now_at));
  end loop;
  return jsonb_build_object('accepted', core.write_decisions(run, decisions, refusals),
    'state', run.state) || locked;
end $$;

-- Accounts by id. Where a cap is set its lock, too: nobody adds to a symbol's sum before this transaction
-- ends. Gives the decisions that may go on: all, or, skipping what is locked, those of users who have no
-- accept on such an account.
create function core.lock_accounts(run public.scan_runs, decisions core.decision[], skip_locked boolean)
returns core.decision[] language plpgsql set search_path = '' as $$
declare
  account_ids constant bigint[] := array(select distinct "accountId" from unnest(decisions));
  locked bigint[];
begin
  if skip_locked then
    locked := array(select id from public.accounts where id = any(account_ids)
      order by id for no key update skip locked);
    decisions := array(select row from unnest(decisions) row
      where not row."userId" = any(array(select other."userId"
      from unnest(decisions) other where other.outcome = 'accepted'
        and not other."accountId" = any(locked))));
  else
    perform from public.accounts where id = any(account_ids) order by id for no key update;
  end if;
  if run.limits ->> 'symbolCapMinor' is not null then
    perform pg_advisory_xact_lock(hashtextextended('symbol caps ' || run.mode || run.trade_date, 0));
  end if;
  return decisions;
end $$;

-- How many shares are held or being bought, whatever listings of them.
create function core.open_instruments(of_account bigint) returns bigint
language plpgsql stable set search_path = '' as $$
begin
  return (
    select count(distinct i.share) from (
      select p.instrument_id from public.positions p where p.account_id = of_account and p.quantity <> 0
      union
      select o.instrument_id from public.orders o where o.account_id = of_account and o.side = 'BUY'
        and o.ended_at is null) open_one
    join public.instruments i on i.id = open_one.instrument_id
  );
end $$;

-- Decisions with their signals and where these stand in the run. Each by index: a run of single orders has
-- as many signals as orders, and a join could be with all of them.
create function core.with_signals(run public.scan_runs, decisions core.decision[])
returns table (decision core.decision, "position" bigint, send_before timestamptz, signal public.signals)
language sql stable as $$
  select row, rs.position, rs.send_before, s.signal
  from unnest(decisions) row
  cross join lateral (select * from public.run_signals frozen
    where (frozen.run_id, frozen.signal_id) = (run.id, row."signalId") limit 1) rs
  cross join lateral (select frozen as signal from public.signals frozen
    where frozen.id = row."signalId" limit 1) s;
$$;

-- Accepts in the order they are to be tried: best rank first, so that scarce money goes to the best signal
-- and each turn sees what the one before it took. Accounts whose accepts fit all together (mostly all:
-- `decide` counted so) need no turns among themselves, so theirs go at once, first. A symbol cap is used up
-- across accounts: then a scan goes by signal. Single orders stand in no queue: each is its account's next.
create function core.accept_batches(run public.scan_runs, decisions core.decision[], refusals core.refusal[])
returns setof core.decision[] language plpgsql stable set search_path = '' as $$
begin
  return query
  with accept as materialized (
    select decision as row, (decision)."accountId" as account_id, (signal).side, position,
      (select i.share from public.instruments i where i.id = (signal).instrument_id) as share
    from core.with_signals(run, decisions)
    where (decision).outcome = 'accepted' and not exists (select from unnest(refusals) no
      where (no."signalId", no."userId") = ((decision)."signalId", (decision)."userId"))
  ), crowded as (
    -- Accounts whose accepts may not all fit.
    select a.id from (
      select account_id, min((row)."userId") as user_id, sum((row)."holdMinor") as hold_minor,
        count(*) filter (where side = 'BUY') as buys, count(*) > count(distinct share) as has_one_twice
      from accept group by 1) totals
    join public.accounts a on a.id = totals.account_id
    where totals.has_one_twice or totals.hold_minor > a.cash_minor - a.held_minor
      or (a.max_open_positions is not null
        and totals.buys > a.max_open_positions - core.open_instruments(a.id))
      or (a.max_orders_per_day is not null and totals.buys
        > a.max_orders_per_day - core.orders_today(a.id, totals.user_id, run.mode, run.trade_date))
  ), ordered as (
    select row, case
      when run.limits ->> 'symbolCapMinor' is null and not account_id in (select id from crowded) then null
      when run.takes_orders_until is null then position
      else (select count(*) from accept other
        where other.account_id = accept.account_id and other.position <= accept.position) end as turn
    from accept
  )
  select array_agg(row) from ordered group by turn order by turn nulls first;
end $$;

-- Who comes first takes from what there is room for, as long as it fits whole: a smaller one behind may
-- still fit.
create function core.add_if_it_fits(so_far numeric, minor numeric, room numeric) returns numeric
language sql immutable as $$
  select case when so_far + minor <= room then so_far + minor else so_far end;
$$;

-- What of a sequence of amounts fits into a room, in their order.
create aggregate core.sum_that_fits(minor numeric, room numeric) (sfunc = core.add_if_it_fits,
  stype = numeric, initcond = '0');

-- A decision of a page with what is true of its account, its share and its cap now, under the locks.
create type core.recheck_input as (decision core.decision, signal public.signals, account public.accounts,
  send_before timestamptz, signal_position bigint, listings bigint[], cap_minor bigint, used_minor numeric,
  held_instrument_id bigint, held_quantity bigint, settings_block text, value_minor numeric,
  exposure_minor numeric, cap_use_minor numeric);

-- What the page's decisions are judged by. Subqueries, each by an index: a join could be planned for far
-- fewer rows than there are.
create function core.recheck_inputs(run public.scan_runs, decisions core.decision[])
returns setof core.recheck_input language sql stable as $$
  with used as materialized (
    -- Where a cap is set its lock is held, so nobody adds to these sums meanwhile.
    select * from core.symbol_use(run.mode, run.trade_date) where run.limits ->> 'symbolCapMinor' is not null
  ), shares as materialized (
    select one.instrument_id, core.listings_of(one.instrument_id) as listings,
      (run.limits ->> 'symbolCapMinor')::bigint as cap_minor,
      coalesce((select used.minor from used where used.share = i.share), 0) as used_minor
    from (select distinct (signal).instrument_id from core.with_signals(run, decisions)) one
    join public.instruments i on i.id = one.instrument_id
  )
  select decision, signal, a, send_before, input.position, listings, cap_minor, used_minor,
    held.instrument_id, held.quantity, settings.block, worth.minor, worth.exposure_minor, worth.cap_use_minor
  from core.with_signals(run, decisions) input
  join public.accounts a on a.id = (decision)."accountId"
  -- Who changes a user's settings holds the account, so what is read here stands.
  cross join lateral (select core.settings_block(u, (signal).side,
      case when (signal).source <> 'api' then (signal).strategy end, i.exchange, i.symbol) as block
    from public.users u, public.instruments i
    where u.id = (decision)."userId" and i.id = (signal).instrument_id limit 1) settings
  cross join lateral (select * from shares of_share
    where of_share.instrument_id = (signal).instrument_id limit 1) share
  -- A sale is of one product, the one it was decided and charged for. Of a share held under several
  -- listings, the one that has enough; of those the signal's own.
  left join lateral (select p.instrument_id, p.quantity from public.positions p
    where p.account_id = a.id and p.instrument_id = any(listings) and p.quantity <> 0
      and ((signal).side = 'BUY' or p.product = (decision).product)
    order by p.quantity >= (decision).quantity desc, p.instrument_id = (signal).instrument_id desc
    limit 1) held on true
  -- What it may cost: the price is what it may be bought for, not what it is quoted at.
  cross join lateral (select (decision).quantity::numeric * (decision)."limitPriceMinor" as minor,
    (decision).quantity::numeric * (decision)."priceMinor" as exposure_minor,
    -- As core.cap_use_minor will count it.
    (decision).quantity::numeric * case when run.takes_orders_until is null then (decision)."priceMinor"
      else greatest((decision)."priceMinor", (signal).reference_price_minor) end as cap_use_minor) worth;
$$;

-- What becomes of a decision: `refusal` says why it may not stand after all; null: it may. `capped_minor`:
-- what its share's cap would be used up to.
create type core.rechecked as (decision core.decision, account public.accounts, side text,
  instrument_id bigint, signal_position bigint, send_before timestamptz, not_ready text,
  available_minor bigint, value_minor numeric, dearest_minor numeric, cap_minor bigint, capped_minor numeric,
  refusal text);

-- Judges a page's decisions once more, by what there is now.
create function core.recheck(run public.scan_runs, decisions core.decision[], now_at timestamptz)
returns setof core.rechecked language sql stable as $$
  with halted as materialized (
    select scope, target from public.halts where resumed_at is null
  ), checked as materialized (
    select input.*, side, dearest_minor, core.not_ready_on(account, run.trade_date) as not_ready,
      available_minor, side = 'BUY' and (decision)."holdMinor" > available_minor as lacks_money,
      case
        when settings_block <> 'symbol_not_allowed' then settings_block
        when core.not_ready_on(account, run.trade_date) is not null then 'account_not_ready'
        when side = 'BUY' and held_quantity <> 0 then 'already_holding'
        when (select true from public.orders o where o.account_id = (account).id
          and o.instrument_id = any(listings) and o.ended_at is null limit 1) then 'working_order'
        when side = 'SELL' and coalesce(held_quantity, 0) < (decision).quantity then 'no_position'
        when settings_block is not null then settings_block
        when (select true from halted h where h.scope = 'all'
          or (h.scope = 'user' and h.target = (decision)."userId")
          or (h.scope = 'venue' and h.target = core.order_venue(run.mode, (account).venue)) limit 1)
          then 'halted'
        when now_at >= run.cut_off_at then 'cut_off'
        when (signal).valid_until <= now_at then 'signal_expired'
        when side = 'BUY' and (account).max_open_positions is not null
          and core.open_instruments((account).id) >= (account).max_open_positions then 'max_open_positions'
        when side = 'BUY' and value_minor > (account).max_order_value_minor
          or dearest_minor > 9007199254740991 then 'max_order_value'
        when side = 'BUY' and (account).max_orders_per_day is not null
          and core.orders_today((account).id, (account).user_id, run.mode, run.trade_date)
            >= (account).max_orders_per_day then 'max_orders_per_day'
      end as objection
    from core.recheck_inputs(run, decisions) input
    -- 2^53 - 1 is the most that can be computed with, for a sale, too.
    cross join lateral (select (signal).side, greatest(value_minor, exposure_minor) as dearest_minor,
      (account).cash_minor - (account).held_minor as available_minor) derived
  ), capped as (
    -- With what those before it in the queue take of the cap: only who would be accepted takes anything.
    select checked.*, used_minor + cap_use_minor + coalesce(core.sum_that_fits(
        case when side = 'BUY' and objection is null and not lacks_money then cap_use_minor else 0 end,
        cap_minor - used_minor)
      over (partition by listings order by signal_position, (decision)."queuePosition"
        rows between unbounded preceding and 1 preceding), 0) as capped_minor
    from checked
  )
  -- A sale goes out under the listing that is held.
  select decision, account, side, case side when 'SELL' then held_instrument_id
      else (signal).instrument_id end, signal_position, send_before, not_ready,
    available_minor, value_minor, dearest_minor, cap_minor, capped_minor,
    coalesce(objection, case when side = 'BUY' and capped_minor > cap_minor then 'symbol_cap'
      when lacks_money then 'insufficient_funds' end)
  from capped;
$$;

-- A decision that may not stand, as it is written: skipped or denied, by which limit, and what was found.
create function core.refusal_of(run public.scan_runs, judged core.rechecked) returns core.refusal
language sql stable as $$
  select row((judged.decision)."signalId", (judged.decision)."userId",
    case when judged.refusal in ('user_inactive', 'trading_disabled', 'not_subscribed', 'account_not_ready',
      'already_holding', 'working_order', 'no_position', 'symbol_not_allowed') then 'skipped'
      else 'denied' end, judged.refusal,
    case judged.refusal when 'insufficient_funds' then core.decimal(judged.available_minor)
      when 'max_open_positions' then (judged.account).max_open_positions::text
      when 'max_order_value' then core.decimal(
        case when judged.side = 'BUY' and judged.value_minor > (judged.account).max_order_value_minor
        then (judged.account).max_order_value_minor else 9007199254740991 end)
      when 'max_orders_per_day' then (judged.account).max_orders_per_day::text
      when 'symbol_cap' then core.decimal(judged.cap_minor) end,
    case judged.refusal when 'insufficient_funds' then core.decimal((judged.decision)."holdMinor")
      when 'max_open_positions' then core.open_instruments((judged.decision)."accountId")::text
      when 'max_order_value' then core.decimal(
        case when judged.side = 'BUY' and judged.value_minor > (judged.account).max_order_value_minor
        then judged.value_minor else judged.dearest_minor end)
      when 'max_orders_per_day' then core.orders_today((judged.decision)."accountId",
        (judged.decision)."userId", run.mode, run.trade_date)::text
      when 'symbol_cap' then core.decimal(judged.capped_minor)
      when 'account_not_ready' then judged.not_ready end)::core.refusal;
$$;

-- Orders and holds for what still fits; gives what no longer does, and why.
create function core.accept_batch(run public.scan_runs, decisions core.decision[], now_at timestamptz)
returns setof core.refusal language plpgsql set search_path = '' as $$
begin
  return query
  with judged as materialized (
    select rechecked.*, rechecked as whole from core.recheck(run, decisions, now_at) rechecked
  ), ordered as (
    insert into public.orders (client_order_id, run_id, signal_id, user_id, account_id, instrument_id, venue,
      position, queue_position, side, quantity, decision_price_minor, limit_price_minor, leverage_centi,
      product, rate_id, hold_minor, charges_minor, send_before, created_at, changed_at)
    select (decision)."clientOrderId", run.id, (decision)."signalId", (decision)."userId",
      (decision)."accountId", instrument_id, core.order_venue(run.mode, (account).venue), send_rank,
      (decision)."queuePosition", side, (decision).quantity, (decision)."priceMinor",
      (decision)."limitPriceMinor", (decision)."leverageCenti", (decision).product,
      -- Its id comes from outside: one that is not there fails the page.
      (select rate.id from public.charge_rates rate where rate.id = (decision)."rateId"),
      -- A sale sets aside what there is: its charges are paid out of what it brings.
      case side when 'BUY' then (decision)."holdMinor"
        else least((decision)."holdMinor", greatest(available_minor, 0)) end,
      (decision)."chargesMinor", send_before, now_at, now_at
    -- 0: somebody waits for their single order, so it goes before what a scan queued.
    from judged cross join lateral (select case when run.takes_orders_until is null
      then signal_position else 0 end as send_rank) queued
    where refusal is null order by send_rank, (decision)."queuePosition"
    returning id, account_id, hold_minor
  ), held as (
    insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
    select account_id, id, 'hold', 0, hold_minor, now_at from ordered order by id
  ), taken as (
    update public.accounts a set held_minor = a.held_minor + total.hold_minor
    from (select account_id, sum(hold_minor)::bigint as hold_minor from ordered group by account_id) total
    where a.id = total.account_id
  )
  select refused.* from judged cross join lateral core.refusal_of(run, whole) refused
  where judged.refusal is not null;
end $$;

-- Writes every decision with what became of it, and counts the accepted.
create function core.write_decisions(run public.scan_runs, decisions core.decision[],
  refusals core.refusal[]) returns bigint
language plpgsql set search_path = '' as $$
declare
  accepted bigint;
begin
  with written as (
    insert into public.decisions (run_id, signal_id, user_id, account_id, position, queue_position, outcome,
      reason, limit_value, actual_value, quantity, price_minor, hold_minor)
    select run.id, (decision)."signalId", (decision)."userId", (decision)."accountId",
      case when run.takes_orders_until is null then input.position else 0 end, (decision)."queuePosition",
      coalesce(no.outcome, (decision).outcome), coalesce(no.reason, (decision).reason),
      case when no.reason is null then (decision)."limit" else no."limit" end,
      case when no.reason is null then (decision).actual else no.actual end,
      case when no.reason is null then (decision).quantity else 0 end, (decision)."priceMinor",
      case when no.reason is not null then 0 when (signal).side = 'BUY' then (decision)."holdMinor"
        else coalesce((select o.hold_minor from public.orders o
          where o.client_order_id = (decision)."clientOrderId"), (decision)."holdMinor") end
    from core.with_signals(run, decisions) input
    left join unnest(refusals) no
      on (no."signalId", no."userId") = ((decision)."signalId", (decision)."userId")
    returning outcome
  )
  select count(*) filter (where outcome = 'accepted') into accepted from written;
  return accepted;
end $$;

-- The lines are those of planLine in domain/ids.ts.
create function core.plan_lines(for_run text) returns setof text
language sql stable as $$
  select concat_ws('|', signal_id, user_id, outcome, coalesce(reason, ''), quantity,
    coalesce(price_minor::text, ''), hold_minor)
  from public.decisions where run_id = for_run;
$$;

-- The hash of a run's plan: over its lines, sorted. As planHash in domain/ids.ts.
create function core.plan_hash(for_run text) returns text
language sql stable as $$
  select encode(sha256(convert_to(coalesce(string_agg(line, E'\n' order by line collate "C"), ''), 'UTF8')),
    'hex')
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
  now_at constant timestamptz := core.now_of(args);
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
    from public.run_users where run_id = run.id order by queue_position
    on conflict (run_id, user_id, kind) do nothing;
    -- Wakes idle workers where the connection lets them listen; the others poll.
    perform pg_notify('daily_scan_work', run.id);
  end if;
  return jsonb_build_object('state', run.state, 'planHash', run.plan_hash);
end $$;
