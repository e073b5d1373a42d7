-- accept: the page of decisions is re-checked under row locks and written with its orders and holds, in one
-- transaction. It may turn an accept into a skip or a denial, never the reverse. Safe to repeat: a user
-- whose decisions are written is left alone. With `skipLocked` nobody waits for somebody else's account: who
-- has an accept and whose account another session holds is left out, and named in `locked`.

-- A decision as `decide` made it, with what its order would need.
create type core.decision as ("queuePosition" bigint, "signalId" text, "userId" text, "accountId" bigint,
  outcome text, reason text, "limit" text, actual text, quantity bigint, "priceMinor" bigint,
  "limitPriceMinor" bigint, "marginMinor" bigint, "chargesMinor" bigint, "holdMinor" bigint,
  "leverageCenti" integer, product text, "rateId" integer, "clientOrderId" text);

-- Read out of the JSON once per call: an array costs less to look through again. `decisions` is a list of
-- objects or, for pages, one object of lists: its fields, each with the values of all decisions.
create function core.decisions_in(args jsonb) returns core.decision[]
language plpgsql immutable as $$
begin
  if jsonb_typeof(args -> 'decisions') = 'array' then
    return (select coalesce(array_agg(row), '{}')
      from jsonb_populate_recordset(null::core.decision, args -> 'decisions') row);
  end if;
  return (select coalesce(array_agg(row), '{}') from (
    select row(d.*)::core.decision as row
    from jsonb_to_record(args -> 'decisions') as c("queuePosition" bigint[], "signalId" text[],
      "userId" text[], "accountId" bigint[], outcome text[], reason text[], "limit" text[], actual text[],
      quantity bigint[], "priceMinor" bigint[], "limitPriceMinor" bigint[], "marginMinor" bigint[],
      "chargesMinor" bigint[], "holdMinor" bigint[], "leverageCenti" integer[], product text[],
      "rateId" integer[], "clientOrderId" text[]),
    unnest(c."queuePosition", c."signalId", c."userId", c."accountId", c.outcome, c.reason, c."limit",
      c.actual, c.quantity, c."priceMinor", c."limitPriceMinor", c."marginMinor", c."chargesMinor",
      c."holdMinor", c."leverageCenti", c.product, c."rateId", c."clientOrderId") d) rows);
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
-- run's state, and in `locked` the users it left out. plan_cache_mode, enable_seqscan: with statistics of
-- when there was next to nothing a decision by turns reads 5,114 rows, with both 108 rows.
-- jit: what is off costs ten billion to the planner, and it compiles (1,700 ms, see accept_at_once).
create function public.accept_page(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set plan_cache_mode = force_generic_plan
set jit = off set enable_seqscan = off as $$
declare
  run public.scan_runs;
  now_at constant timestamptz := core.later_of(args);
  given constant core.decision[] := core.decisions_in(args);
  decisions core.decision[];
  refusals core.refusal[];
  batch core.decision[];
  locked jsonb := '{}';
  accepted bigint := 0;
  crowded bigint[];
begin
  -- Shared: pages of two planners may overlap, but nobody may call the run decided meanwhile.
  select * into run from public.scan_runs where id = args ->> 'runId' for share;
  if run.state is distinct from 'planning' then
    return jsonb_build_object('accepted', 0, 'state', run.state);
  end if;
  decisions := core.lock_accounts(run, given, (args ->> 'skipLocked')::boolean);
  if cardinality(decisions) < cardinality(given) then
    select jsonb_build_object('locked', jsonb_agg(distinct one."userId")) into locked from unnest(given) one
    where not one."userId" = any(array(select row."userId" from unnest(decisions) row));
  end if;
  decisions := core.take_undecided(run.id, decisions, now_at);
  refusals := core.decided_before(run.id, decisions);

  -- A cap is used up across accounts, so there all go by turns.
  if run.limits ->> 'symbolCapMinor' is null then
    select at_once.accepted, at_once.crowded into accepted, crowded
    from core.accept_at_once(run, decisions, refusals, now_at) at_once;
    decisions := case when cardinality(crowded) = 0 then '{}' else array(select row
      from unnest(decisions) row where row."accountId" = any(crowded)) end;
  end if;
  if cardinality(decisions) > 0 then
    for batch in select core.accept_batches(run, decisions, refusals) loop
      refusals := refusals || array(select core.accept_batch(run, batch, now_at));
    end loop;
    accepted := accepted + core.write_decisions(run, decisions, refusals);
  end if;
  return jsonb_build_object('accepted', accepted, 'state', run.state) || locked;
end $$;

-- Marks the users of a page as decided, and gives the decisions of those who were not yet.
create function core.take_undecided(of_run text, decisions core.decision[], now_at timestamptz)
returns core.decision[] language plpgsql set search_path = '' as $$
declare
  asked constant bigint[] := array(select distinct "queuePosition" from unnest(decisions));
  positions bigint[];
  users text[];
begin
  with taken as (
    update public.run_users set decided_at = now_at
    where run_id = of_run and decided_at is null and queue_position = any(asked)
    returning queue_position, user_id
  )
  select coalesce(array_agg(queue_position), '{}'), coalesce(array_agg(user_id), '{}') into positions, users
  from taken;
  return array(select row from unnest(decisions) row
    join unnest(positions, users) as fresh(queue_position, user_id)
      on (fresh.queue_position, fresh.user_id) = (row."queuePosition", row."userId"));
end $$;

-- What another run has decided meanwhile is «already decided»; the unique index is the last word. Looked for
-- only where another run has the signal: nobody else decides it.
create function core.decided_before(of_run text, decisions core.decision[]) returns core.refusal[]
language plpgsql stable set search_path = '' as $$
declare
  shared constant text[] := array(select named.id
    from (select distinct "signalId" as id from unnest(decisions)) named
    where (select true from public.run_signals other
      where other.signal_id = named.id and other.run_id <> of_run limit 1));
begin
  if cardinality(shared) = 0 then return '{}'; end if;
  return array(select row(d."signalId", d."userId", 'skipped', 'already_decided', null, null)::core.refusal
    from unnest(decisions) d where d."signalId" = any(shared)
      and (select true from public.decisions old where old.signal_id = d."signalId"
        and old.account_id = d."accountId" and old.reason is distinct from 'already_decided' limit 1));
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
    if cardinality(locked) = cardinality(array_remove(account_ids, null)) then return decisions; end if;
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

-- Whether an account's accepts may not all fit: a share twice, more than its money, more buys than it may
-- still have open or order today (null: as many as it likes).
create function core.is_crowded(has_one_twice boolean, hold_minor numeric, available_minor bigint,
  buys bigint, positions_left bigint, orders_left bigint) returns boolean
language sql immutable as $$
  select has_one_twice or hold_minor > available_minor or coalesce(buys > positions_left, false)
    or coalesce(buys > orders_left, false);
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
    select a.id from (
      select account_id, min((row)."userId") as user_id, sum((row)."holdMinor") as hold_minor,
        count(*) filter (where side = 'BUY') as buys, count(*) > count(distinct share) as has_one_twice
      from accept group by 1) totals
    join public.accounts a on a.id = totals.account_id
    where core.is_crowded(totals.has_one_twice, totals.hold_minor, a.cash_minor - a.held_minor, totals.buys,
      a.max_open_positions - case when a.max_open_positions is not null
        then core.open_instruments(a.id) end,
      a.max_orders_per_day - case when a.max_orders_per_day is not null
        then core.orders_today(a.id, totals.user_id, run.mode, run.trade_date) end)
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

-- A decision of a page with what is true of its signal and its account now, under the locks. Columns, not
-- rows within rows: those cost more than all the looking.
create type core.recheck_input as ("queuePosition" bigint, "signalId" text, "userId" text,
  "accountId" bigint, outcome text, reason text, "limit" text, actual text, quantity bigint,
  "priceMinor" bigint, "limitPriceMinor" bigint, "marginMinor" bigint, "chargesMinor" bigint,
  "holdMinor" bigint, "leverageCenti" integer, product text, "rateId" integer, "clientOrderId" text,
  signal_position bigint, send_before timestamptz, side text, strategy text, valid_until timestamptz,
  named_minor bigint, signal_instrument_id bigint, places integer, exchange text, symbol text, share text,
  is_share_twice boolean, listings bigint[],
  account_id bigint, venue text, not_ready text, available_minor bigint, is_restricted boolean,
  halt text, has_open_orders boolean, max_order_value_minor bigint, max_open_positions integer,
  open_positions bigint, max_orders_per_day integer, orders_today bigint);

-- What the page's decisions are judged by: what is of a signal or an account is looked up once for each of
-- them, and never for all there are. A user's accepts are of one account.
create function core.recheck_inputs(run public.scan_runs, decisions core.decision[])
returns setof core.recheck_input language sql stable as $$
  with frozen as materialized (
    select rs.signal_id, rs.position, rs.send_before, s.side,
      case when s.source <> 'api' then s.strategy end as strategy, s.valid_until,
      -- Of a single order: the limit it names.
      case when run.takes_orders_until is not null then s.reference_price_minor end as named_minor,
      s.instrument_id, i.quantity_scale + i.price_scale as places, i.exchange, i.symbol, i.share, i.currency,
      count(*) over (partition by i.share) > 1 as is_share_twice, core.listings_of(i.id) as listings
    from (select distinct "signalId" as id from unnest(decisions)) named
    cross join lateral (select * from public.run_signals one
      where (one.run_id, one.signal_id) = (run.id, named.id) limit 1) rs
    cross join lateral (select * from public.signals one where one.id = named.id limit 1) s
    cross join lateral (select * from public.instruments one where one.id = s.instrument_id limit 1) i
  ), halted as materialized (
    select scope, target from public.halts where resumed_at is null
  ), trader as materialized (
    -- Who changes a user's settings holds the account, so what is read here stands.
    select u.id as user_id, a.id, a.currency, core.order_venue(run.mode, a.venue) as venue,
      core.not_ready_on(a, run.trade_date) as not_ready, a.cash_minor - a.held_minor as available_minor,
      not (u.active and u.trading_enabled and u.deny_symbols = '{}')
        or u.strategies is not null or u.allow_symbols is not null as is_restricted,
      (select h.scope from halted h where h.scope = 'all' or (h.scope = 'user' and h.target = u.id)
        or (h.scope = 'venue' and h.target = core.order_venue(run.mode, a.venue)) limit 1) as halt,
      exists (select from public.orders o where o.account_id = a.id and o.ended_at is null)
        as has_open_orders,
      a.max_order_value_minor, a.max_open_positions,
      case when a.max_open_positions is not null then core.open_instruments(a.id) end as open_positions,
      a.max_orders_per_day, case when a.max_orders_per_day is not null
        then core.orders_today(a.id, u.id, run.mode, run.trade_date) end as orders_today
    from (select distinct "userId" as user_id, "accountId" as account_id from unnest(decisions)
      where outcome = 'accepted') named
    cross join lateral (select * from public.accounts one where one.id = named.account_id limit 1) a
    cross join lateral (select * from public.users one where one.id = named.user_id limit 1) u
  )
  select d.*, f.position, f.send_before, f.side, f.strategy, f.valid_until, f.named_minor, f.instrument_id,
    f.places, f.exchange, f.symbol, f.share, f.is_share_twice, f.listings, t.id, t.venue, t.not_ready,
    t.available_minor, t.is_restricted, t.halt, t.has_open_orders, t.max_order_value_minor,
    t.max_open_positions, t.open_positions, t.max_orders_per_day, t.orders_today
  from unnest(decisions) d join frozen f on f.signal_id = d."signalId"
  -- An account in another currency than the instrument is none to order with: the page fails.
  left join trader t on t.id = d."accountId" and t.user_id = d."userId" and d.outcome = 'accepted'
    and t.currency = f.currency;
$$;

-- What becomes of a decision: `refusal` says why it may not stand after all; null: it may.
create type core.rechecked as ("queuePosition" bigint, "signalId" text, "userId" text, "accountId" bigint,
  outcome text, reason text, "limit" text, actual text, quantity bigint, "priceMinor" bigint,
  "limitPriceMinor" bigint, "chargesMinor" bigint, "holdMinor" bigint, "leverageCenti" integer,
  product text, "rateId" integer, "clientOrderId" text, signal_position bigint, send_before timestamptz,
  side text, named_minor bigint, instrument_id bigint, places integer, share text, is_share_twice boolean,
  listings bigint[], account_id bigint, venue text, not_ready text, available_minor bigint,
  max_order_value_minor bigint, max_open_positions integer, open_positions bigint,
  max_orders_per_day integer, orders_today bigint, cap_minor bigint, capped_minor numeric, refusal text);

-- Judges decisions once more, by what there is now, but for the cap of their symbols. What was no accept
-- stands.
create function core.recheck(run public.scan_runs, decisions core.decision[], now_at timestamptz)
returns setof core.rechecked language sql stable as $$
  select "queuePosition", "signalId", "userId", "accountId", outcome, reason, "limit", actual, quantity,
    "priceMinor", "limitPriceMinor", "chargesMinor", "holdMinor", "leverageCenti", product, "rateId",
    "clientOrderId", signal_position, send_before, side, named_minor,
    -- A sale goes out under the listing that is held.
    case side when 'SELL' then held[1] else signal_instrument_id end, places, share, is_share_twice,
    listings, account_id, venue, not_ready, available_minor, max_order_value_minor, max_open_positions,
    open_positions,
    max_orders_per_day, orders_today, null::bigint, null::numeric,
    case when outcome <> 'accepted' then null
      when settings_block <> 'symbol_not_allowed' then settings_block
      when not_ready is not null then 'account_not_ready'
      when side = 'BUY' and held is not null then 'already_holding'
      when has_open_orders and (select true from public.orders o where o.account_id = input.account_id
        and o.instrument_id = any(listings) and o.ended_at is null limit 1) then 'working_order'
      when side = 'SELL' and coalesce(held[2], 0) < quantity then 'no_position'
      when settings_block is not null then settings_block
      when halt is not null then 'halted'
      when now_at >= run.cut_off_at then 'cut_off'
      when valid_until <= now_at then 'signal_expired'
      when side = 'BUY' and open_positions >= max_open_positions then 'max_open_positions'
      -- 2^53 - 1 is the most that can be computed with, for a sale, too.
      when side = 'BUY' and value_minor > max_order_value_minor
        or greatest(value_minor, core.value_up(quantity, "priceMinor", places)) > 9007199254740991
        then 'max_order_value'
      when side = 'BUY' and orders_today >= max_orders_per_day then 'max_orders_per_day'
      when side = 'BUY' and "holdMinor" > available_minor then 'insufficient_funds' end
  from (select input.*,
    -- What it may cost: the price is what it may be bought for, not what it is quoted at.
    core.value_up(quantity, "limitPriceMinor", places) as value_minor,
    case when is_restricted then (select core.settings_block(u, side, strategy, exchange, symbol)
      from public.users u where u.id = "userId") end as settings_block,
    -- A sale is of one product, the one it was decided and charged for. Of a share held under several
    -- listings, the one that has enough; of those the signal's own.
    case when account_id is not null then (select array[p.instrument_id, p.quantity]
      from public.positions p where p.account_id = input.account_id and p.instrument_id = any(listings)
        and p.quantity <> 0 and (side = 'BUY' or p.product = input.product)
      order by p.quantity >= input.quantity desc, p.instrument_id = signal_instrument_id desc limit 1)
      end as held
    -- offset 0, twice: nothing is looked up more than once.
    from core.recheck_inputs(run, decisions) input offset 0) input offset 0;
$$;

-- The same with the cap of each symbol, where the run has one: its lock is held, so nobody adds to what is
-- used of it meanwhile. A cap refuses before money does.
create function core.recheck_capped(run public.scan_runs, decisions core.decision[], now_at timestamptz)
returns setof core.rechecked language sql stable as $$
  with used as materialized (
    select * from core.symbol_use(run.mode, run.trade_date) where run.limits ->> 'symbolCapMinor' is not null
  ), checked as materialized (
    select judged.*, (run.limits ->> 'symbolCapMinor')::bigint as cap,
      coalesce((select used.minor from used where used.share = judged.share), 0) as used_minor,
      -- As core.cap_use_minor will count it.
      core.value_up(quantity, greatest("priceMinor", named_minor), places) as cap_use_minor
    from core.recheck(run, decisions, now_at) judged
  ), capped as (
    -- With what those before it in the queue take of the cap: only who would be accepted takes anything.
    select checked.*, used_minor + cap_use_minor + coalesce(core.sum_that_fits(
        case when side = 'BUY' and refusal is null then cap_use_minor else 0 end, cap - used_minor)
      over (partition by listings order by signal_position, "queuePosition"
        rows between unbounded preceding and 1 preceding), 0) as with_this_minor
    from checked
  )
  select "queuePosition", "signalId", "userId", "accountId", outcome, reason, "limit", actual, quantity,
    "priceMinor", "limitPriceMinor", "chargesMinor", "holdMinor", "leverageCenti", product, "rateId",
    "clientOrderId", signal_position, send_before, side, named_minor, instrument_id, places, share,
    is_share_twice, listings, account_id, venue, not_ready, available_minor, max_order_value_minor,
    max_open_positions, open_positions, max_orders_per_day, orders_today, cap, with_this_minor,
    case when side = 'BUY' and with_this_minor > cap
      and coalesce(refusal, 'insufficient_funds') = 'insufficient_funds' then 'symbol_cap' else refusal end
  from capped;
$$;

-- A decision that may not stand, as it is written: skipped or denied, by which limit, and what was found.
create function core.refusal_of(judged core.rechecked) returns core.refusal
language plpgsql stable set search_path = '' as $$
declare
  value_minor constant numeric := core.value_up(judged.quantity, judged."limitPriceMinor", judged.places);
  is_beyond_own constant boolean := judged.side = 'BUY' and value_minor > judged.max_order_value_minor;
begin
  return row(judged."signalId", judged."userId",
    case when judged.refusal in ('user_inactive', 'trading_disabled', 'not_subscribed', 'account_not_ready',
      'already_holding', 'working_order', 'no_position', 'symbol_not_allowed') then 'skipped'
      else 'denied' end, judged.refusal,
    case judged.refusal when 'insufficient_funds' then core.decimal(judged.available_minor)
      when 'max_open_positions' then judged.max_open_positions::text
      when 'max_order_value' then core.decimal(
        case when is_beyond_own then judged.max_order_value_minor else 9007199254740991 end)
      when 'max_orders_per_day' then judged.max_orders_per_day::text
      when 'symbol_cap' then core.decimal(judged.cap_minor) end,
    case judged.refusal when 'insufficient_funds' then core.decimal(judged."holdMinor")
      when 'max_open_positions' then judged.open_positions::text
      when 'max_order_value' then core.decimal(case when is_beyond_own then value_minor
        else greatest(value_minor, core.value_up(judged.quantity, judged."priceMinor", judged.places)) end)
      when 'max_orders_per_day' then judged.orders_today::text
      when 'symbol_cap' then core.decimal(judged.capped_minor)
      when 'account_not_ready' then judged.not_ready end)::core.refusal;
end $$;

-- Orders and holds for what still fits; gives what no longer does, and why.
create function core.accept_batch(run public.scan_runs, decisions core.decision[], now_at timestamptz)
returns setof core.refusal language plpgsql set search_path = '' as $$
begin
  return query
  with judged as materialized (
    select * from core.recheck_capped(run, decisions, now_at)
  ), ordered as (
    insert into public.orders (client_order_id, run_id, signal_id, user_id, account_id, instrument_id, venue,
      position, queue_position, side, quantity, decision_price_minor, limit_price_minor, leverage_centi,
      product, rate_id, hold_minor, charges_minor, send_before, created_at, changed_at)
    select "clientOrderId", run.id, "signalId", "userId", account_id, instrument_id, venue, send_rank,
      "queuePosition", side, quantity, "priceMinor", "limitPriceMinor", "leverageCenti", product,
      -- Its id comes from outside: one that is not there, or another market's, fails the page.
      (select rate.id from public.charge_rates rate
        where rate.id = "rateId" and rate.exchange = core.charging_exchange(run.id)),
      -- A sale sets aside what there is: its charges are paid out of what it brings.
      case side when 'BUY' then "holdMinor" else least("holdMinor", greatest(available_minor, 0)) end,
      "chargesMinor", send_before, now_at, now_at
    -- 0: somebody waits for their single order, so it goes before what a scan queued.
    from judged cross join lateral (select case when run.takes_orders_until is null
      then signal_position else 0 end as send_rank) queued
    where refusal is null order by send_rank, "queuePosition"
    returning id, account_id, hold_minor
  ), held as (
    insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
    select account_id, id, 'hold', 0, hold_minor, now_at from ordered order by id
  ), taken as (
    update public.accounts a set held_minor = a.held_minor + total.hold_minor
    from (select account_id, sum(hold_minor)::bigint as hold_minor from ordered group by account_id) total
    where a.id = total.account_id
  )
  select (core.refusal_of(judged)).* from judged where refusal is not null;
end $$;

-- A page, or single orders, without a symbol cap, in one statement: decisions, orders, holds and balances
-- of every account whose accepts fit all together (mostly all: `decide` counted so). Gives how many it
-- accepted, and the accounts it left alone (`crowded`), whose accepts go by turns. Where all holds fit, so
-- does a sale's. enable_nestloop: 2,500 decisions compared one by one with 500 accounts take 116 ms, without
-- it 102 ms, and as many times more as both grow. jit: what compiles a statement that looks this dear takes
-- 1,700 ms for 500 decisions.
create function core.accept_at_once(run public.scan_runs, decisions core.decision[], refusals core.refusal[],
  now_at timestamptz, out accepted bigint, out crowded bigint[])
language plpgsql set search_path = '' set enable_nestloop = off set jit = off as $$
declare
  account_ids constant bigint[] := array(select distinct "accountId" from unnest(decisions));
begin
  with judged as materialized (
    -- As in accept_batch: 0 for a single order.
    select r.*, case when run.takes_orders_until is null then r.signal_position else 0 end as send_rank,
      no.reason is not null as is_decided, case when no.reason is not null then no
      when r.refusal is not null then core.refusal_of(r) end as refused
    from core.recheck(run, decisions, now_at) r
    left join unnest(refusals) no on no."userId" = r."userId" and no."signalId" = r."signalId"
  ), crowd as materialized (
    select "accountId" as id from judged where outcome = 'accepted' and not is_decided
    group by 1 having core.is_crowded(
      count(*) filter (where is_share_twice) > count(distinct share) filter (where is_share_twice),
      sum("holdMinor"), min(available_minor), count(*) filter (where side = 'BUY'),
      min(max_open_positions) - min(open_positions), min(max_orders_per_day) - min(orders_today))
  ), ordered as (
    insert into public.orders (client_order_id, run_id, signal_id, user_id, account_id, instrument_id, venue,
      position, queue_position, side, quantity, decision_price_minor, limit_price_minor, leverage_centi,
      product, rate_id, hold_minor, charges_minor, send_before, created_at, changed_at)
    select "clientOrderId", run.id, "signalId", "userId", account_id, instrument_id, venue, send_rank,
      "queuePosition", judged.side, quantity, "priceMinor", "limitPriceMinor", "leverageCenti",
      judged.product, rate.id, "holdMinor", "chargesMinor", send_before, now_at, now_at
    -- A rate comes from outside: one that is not there, or another market's, fails the page.
    from judged left join public.charge_rates rate
      on rate.id = "rateId" and rate.exchange = core.charging_exchange(run.id)
    where outcome = 'accepted' and not is_decided and refusal is null
      and not "accountId" in (select id from crowd)
    order by send_rank, "queuePosition", signal_position
    returning id, account_id, hold_minor
  ), held as (
    insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
    select account_id, id, 'hold', 0, hold_minor, now_at from ordered order by id
  ), taken as (
    update public.accounts a set held_minor = a.held_minor + total.hold_minor
    from (select account_id, sum(hold_minor)::bigint as hold_minor from ordered group by account_id) total
    where a.id = any(account_ids) and a.id = total.account_id
  ), written as (
    insert into public.decisions (run_id, signal_id, user_id, account_id, position, queue_position, outcome,
      reason, limit_value, actual_value, quantity, price_minor, hold_minor)
    select run.id, "signalId", "userId", "accountId", send_rank, "queuePosition",
      coalesce((refused).outcome, outcome), coalesce((refused).reason, reason),
      case when (refused).reason is null then "limit" else (refused)."limit" end,
      case when (refused).reason is null then actual else (refused).actual end,
      case when (refused).reason is null then quantity else 0 end, "priceMinor",
      case when (refused).reason is null then "holdMinor" else 0 end
    from judged where ("accountId" in (select id from crowd)) is not true
    returning outcome
  )
  select count(*) filter (where written.outcome = 'accepted'), array(select id from crowd)
  into accepted, crowded from written;
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
