-- Closings against the records they are made of, each on top of the one before.

-- What is closed of each account against its records: its cash, and that it held nothing.
create function core.closed_balance_findings(p core.period) returns setof core.finding
language sql stable as $$
  with stands as (
    select a, b.cash_minor as ours, made.*
    from public.closed_balances b join public.accounts a on a.id = b.account_id
    join core.money_at_end(p) made on made.account_id = b.account_id
    where b.through = (p).closing
  ), wrong as (
    select 'closed cash is the sum of its entries' as rule, a, core.decimal(ours) as ours,
      core.decimal(cash_minor) as should from stands where ours <> cash_minor
    union all
    select 'closed cash is what was paid in and what orders made of it', a, core.decimal(ours),
      core.decimal(earned_minor) from stands where ours <> earned_minor
    union all
    select 'a closed account held nothing', a, core.decimal(held_minor), core.decimal(0)
    from stands where held_minor <> 0
  )
  select rule, format('%s through %s', core.account_name(a), (p).closing), (a).user_id, ours, should,
    null, false from wrong
  union all
  select 'an order of a closed account has ended', 'order ' || o.client_order_id, o.user_id, o.status,
    'ended', null, false
  from core.orders_in(p) o where o.ended_at is null and (p).closing is not null;
$$;

-- What is closed of each position against its fills, and what they say they realised and freed; and that all
-- of it was traded before what follows, since positions are computed on from there.
create function core.closing_findings(p core.period) returns setof core.finding
language sql stable as $$
  with stands as (
    select account_id, instrument_id, product, made.opened_at, made.first_filled_at,
      (coalesce(c.quantity, 0)::numeric, coalesce(c.cost_minor, 0)::numeric,
        coalesce(c.margin_minor, 0)::numeric, coalesce(c.realised_minor, 0)::numeric,
        coalesce(c.freed_margin_minor, 0)::numeric, c.last_filled_at) as ours,
      (coalesce(made.quantity, 0)::numeric, coalesce(made.cost_minor, 0)::numeric,
        coalesce(made.margin_minor, 0)::numeric, coalesce(made.realised_minor, 0),
        coalesce(made.freed_minor, 0), made.last_filled_at) as should,
      (coalesce(made.said_realised_minor, 0), coalesce(made.said_freed_minor, 0)) as said,
      (coalesce(made.realised_minor, 0), coalesce(made.freed_minor, 0)) as should_say
    from core.positions_closed_on((p).closing, p) c
    full join core.positions_at_end(p) made using (account_id, instrument_id, product)
  ), wrong as (
    select 'a closed position is what its fills make' as rule, stands, ours::text as ours,
      should::text as should
    from stands where (p).closing is not null and ours is distinct from should
    union all
    select 'closed fills realised and freed what their position did', stands, said::text, should_say::text
    from stands where (p).closing is not null and said is distinct from should_say
    union all
    select 'what is closed was traded before what follows it', stands, first_filled_at::text,
      'after ' || opened_at
    from stands where first_filled_at <= opened_at
  )
  select * from core.closed_balance_findings(p)
  union all
  select rule, format('%s:%s (%s) of account %s', i.exchange, i.symbol, (stands).product,
    (stands).account_id), a.user_id, ours, should, null, false
  from wrong left join public.accounts a on a.id = (stands).account_id
  left join public.instruments i on i.id = (stands).instrument_id;
$$;
