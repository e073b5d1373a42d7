-- Fills and positions.

-- Each fill against its order.
create function core.fill_findings(p core.period) returns setof core.finding
language sql stable as $$
  with placed as (
    select f, o, run.trade_date from core.fills_in(p) f join public.orders o on o.id = f.order_id
    left join public.scan_runs run on run.id = o.run_id
  ), wrong as (
    select 'a fill is of the account, share and side of its order' as rule, f, o,
      concat_ws(' ', (f).side, 'instrument', (f).instrument_id, (f).product,
        'account', (f).account_id) as ours,
      concat_ws(' ', (o).side, 'instrument', (o).instrument_id, (o).product,
        'account', (o).account_id) as should
    from placed where ((f).side, (f).instrument_id, (f).product, (f).account_id)
      <> ((o).side, (o).instrument_id, (o).product, (o).account_id)
    union all
    select 'a fill counts for the day of its order', f, o, (f).trade_date::text, placed.trade_date::text
    from placed where (f).trade_date is distinct from placed.trade_date
    union all
    select 'an order is filled only after it was made', f, o, (f).filled_at::text, 'after ' || (o).created_at
    from placed where (f).filled_at < (o).created_at - core.check_skew()
    union all
    select 'a correction is of a fill of its order, at its time', f, o,
      concat_ws(' ', 'order', (f).order_id, (f).filled_at),
      concat_ws(' ', 'order', was.order_id, was.filled_at)
    from placed join public.fills was on was.id = (f).corrects
    where (was.order_id, was.filled_at) is distinct from ((f).order_id, (f).filled_at)
      or was.corrects is not null
  )
  select rule, format('fill %s of order %s', (f).venue_fill_id, (o).client_order_id), (o).user_id,
    ours, should, null, false
  from wrong;
$$;

-- What each fill is said to be worth, against its quantity and price.
create function core.value_findings(p core.period) returns setof core.finding
language sql stable as $$
  with worth as (
    select f, core.fill_value(f.side, f.quantity, f.price_minor, core.places_of(f.instrument_id)) as value
    from core.fills_in(p) f
  )
  select 'a fill is worth its quantity at its price', 'fill ' || (f).venue_fill_id, a.user_id,
    core.decimal((f).value_minor), core.decimal(value), null, false
  from worth join public.accounts a on a.id = (f).account_id where (f).value_minor <> value;
$$;

-- Whether somebody has looked at what blocked an account since an instant.
create function core.acknowledged_since(a public.accounts, since timestamptz) returns boolean
language sql stable as $$
  select exists (select from public.operator_actions act where act.user_id = a.user_id
    and act.action = 'acknowledge_account' and act.at >= since
    and act.target = core.account_target(a));
$$;

-- What a venue filled beyond an order, until a person has acknowledged or corrected it.
create function core.beyond_order_findings(p core.period) returns setof core.finding
language sql stable as $$
  with beyond as (
    select 'an order is filled for no more than it asked' as rule, o, o.filled_quantity::text as ours,
      'at most ' || o.quantity as should, (select max(f.booked_at) from public.fills f
        where f.order_id = o.id and f.corrects is null) as booked_at,
      format('npm run correct -- --order %s', o.client_order_id) as correct
    from core.orders_in(p) o where o.filled_quantity > o.quantity
    union all
    select 'an order is filled at its limit or better', o, core.decimal(f.price_minor),
      case o.side when 'BUY' then 'at most ' else 'at least ' end || core.decimal(o.limit_price_minor),
        f.booked_at,
      format('npm run correct -- --order %s --fill %s', o.client_order_id, f.venue_fill_id)
    from core.effective_fills_in(p) f join public.orders o on o.id = f.order_id
    where case o.side when 'BUY' then f.price_minor > o.limit_price_minor
      else f.price_minor < o.limit_price_minor end
  )
  select rule, 'order ' || (o).client_order_id, (o).user_id, ours, should,
    format('npm run account -- --user %s --acknowledge %s, if the venue stands by it; else %s', a.user_id,
      a.venue, correct),
    a.not_ready is not null
  from beyond join public.accounts a on a.id = (o).account_id
  where not core.acknowledged_since(a, booked_at);
$$;

-- What somebody has to look at before an account trades on: money that went late, or a drift. null since:
-- it is there until it is acknowledged.
create function core.unacknowledged_facts(p core.period)
returns table (account_id bigint, what text, since timestamptz)
language sql stable as $$
  select f.account_id, format('blocked for the late fill %s', f.venue_fill_id), f.booked_at
  from core.fills_in(p) f where f.late and f.corrects is null
  union all
  select d.account_id, format('blocked for the drift of %s', d.what), null
  from public.drifts d where d.acknowledged_at is null;
$$;

-- Accounts that may trade though nobody has looked at what has to be looked at. Materialized: of tables that
-- were never analyzed the planner would look for what that is once for each account.
create function core.unacknowledged_findings(p core.period) returns setof core.finding
language sql stable as $$
  with fact as materialized (select * from core.unacknowledged_facts(p))
  select 'an account stays blocked until somebody has seen why', core.account_name(a), a.user_id,
    'not blocked', fact.what,
    format('npm run account -- --user %s --acknowledge %s', a.user_id, a.venue), false
  from fact join public.accounts a on a.id = fact.account_id and a.not_ready is null
  where fact.since is null or not core.acknowledged_since(a, fact.since);
$$;

-- What is held, and what was earned with it, computed anew from the fills in the order they were traded in;
-- of the period up to now.
create function core.position_findings(in_period core.period) returns setof core.finding
language sql stable as $$
  with stands as (
    select account_id, instrument_id, product, p.quantity, p.cost_minor as cost, p.margin_minor as margin,
      p.last_filled_at, made.said_realised_minor as realised, made.said_freed_minor as freed,
      made.last_filled_at as last_at, coalesce(made.quantity, 0) as should_quantity,
      coalesce(made.cost_minor, 0) as should_cost, coalesce(made.margin_minor, 0) as should_margin,
      coalesce(made.realised_minor, 0) as should_realised, coalesce(made.freed_minor, 0) as should_freed
    from public.positions p
    full join core.positions_at_end(in_period) made using (account_id, instrument_id, product)
    where (in_period).closing is null
  ), wrong as (
    select 'a position is what its fills make' as rule, stands, format('%s shares, cost %s, margin %s',
        coalesce(quantity, 0), core.decimal(coalesce(cost, 0)), core.decimal(coalesce(margin, 0))) as ours,
      format('%s shares, cost %s, margin %s', should_quantity, core.decimal(should_cost),
        core.decimal(should_margin)) as should
    from stands where (coalesce(quantity, 0), coalesce(cost, 0), coalesce(margin, 0))
      <> (should_quantity, should_cost, should_margin)
    union all
    select 'fills realised what their position did', stands, core.decimal(coalesce(realised, 0)),
      core.decimal(should_realised)
    from stands where coalesce(realised, 0) <> should_realised
    union all
    select 'fills freed what their position no longer binds', stands, core.decimal(coalesce(freed, 0)),
      core.decimal(should_freed) from stands where coalesce(freed, 0) <> should_freed
    union all
    select 'a position binds no more than it cost', stands, core.decimal(margin),
      'from 0 to ' || core.decimal(cost)
    from stands where quantity >= 0 and margin not between 0 and cost
    union all
    select 'a position ends with its last fill', stands, coalesce(last_filled_at::text, 'nothing'),
      last_at::text
    from stands where last_filled_at is distinct from last_at
  )
  select rule, format('%s:%s (%s) of account %s', i.exchange, i.symbol, (stands).product, a.id), a.user_id,
    ours, should, null, false
  from wrong left join public.accounts a on a.id = (stands).account_id
  left join public.instruments i on i.id = (stands).instrument_id
  union all
  select 'nothing is held below zero',
    format('%s:%s (%s) of account %s', i.exchange, i.symbol, p.product, a.id), a.user_id,
    p.quantity::text, '0 or more',
    format('npm run account -- --user %s --acknowledge %s', a.user_id, a.venue),
    exists (select from public.drifts d where (d.account_id, d.kind, d.what)
      = (a.id, 'oversold', i.exchange || ':' || i.symbol) and d.acknowledged_at is null)
  from public.positions p join public.accounts a on a.id = p.account_id
  join public.instruments i on i.id = p.instrument_id
  where p.quantity < 0 and (in_period).closing is null;
$$;
