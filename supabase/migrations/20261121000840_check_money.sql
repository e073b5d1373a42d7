-- The books checked against what they are made of: each function gives the broken promises of its part. They
-- only read, and all of them together are one statement (public.check_books), so they see one moment.

-- A promise that is not kept: its rule as a sentence, what about, whose; what the books say and what they
-- should; which command settles it (null: none does, so trading is to be stopped until somebody knows why).
-- Of a user nothing but the id is said. `left_to_a_person`: the program has done its part (it blocked the
-- account and told somebody).
create type core.finding as (rule text, subject text, user_id text, ours text, should text, settle text,
  left_to_a_person boolean);

-- An account as findings name it.
create function core.account_name(a public.accounts) returns text
language sql immutable as $$
  select format('account %s of %s at %s (%s)', a.id, a.user_id, a.venue,
    concat_ws(', ', a.mode, nullif(a.currency, 'INR')));
$$;

-- What is over for longer than this should have been ended by whoever sweeps.
create function core.check_grace() returns interval
  language sql immutable as $$ select interval '15 minutes'; $$;

-- How far the clocks of two machines may differ.
create function core.check_skew() returns interval
  language sql immutable as $$ select interval '5 minutes'; $$;

-- Whether a run lived on a clock of its own, as demos and replays of past days do: then nothing of it is
-- late by ours.
create function core.is_scripted(run public.scan_runs) returns boolean
language sql stable as $$
  select run.opened_at not between run.recorded_at - interval '1 hour'
    and run.recorded_at + interval '1 hour';
$$;

-- Each account against its entries, its open orders, and what was paid in and earned; of the period up to
-- now.
create function core.money_findings(p core.period) returns setof core.finding
language sql stable as $$
  with opened as (
    select account_id, sum(hold_minor) as held from public.orders where ended_at is null group by 1
  ), stands as (
    select a, made.cash_minor as entered_cash, made.held_minor as entered_held,
      coalesce(opened.held, 0) as open_held, made.earned_minor as earned_cash
    from public.accounts a join core.money_at_end(p) made on made.account_id = a.id
    left join opened on opened.account_id = a.id
    where (p).closing is null
  ), wrong as (
    select 'cash is the sum of its entries' as rule, a, (a).cash_minor as ours, entered_cash as should
    from stands where (a).cash_minor <> entered_cash
    union all
    select 'cash is what was paid in and what orders made of it', a, (a).cash_minor, earned_cash
    from stands where (a).cash_minor <> earned_cash
    union all
    select 'held is the sum of its entries', a, (a).held_minor, entered_held
    from stands where (a).held_minor <> entered_held
    union all
    select 'held is the open holds', a, (a).held_minor, open_held from stands
    where (a).held_minor <> open_held
    union all
    select 'available is not below zero unless the account is blocked', a, (a).cash_minor - (a).held_minor, 0
    from stands where (a).cash_minor < (a).held_minor and (a).not_ready is null
  )
  select rule, core.account_name(a), (a).user_id, core.decimal(ours), core.decimal(should), null,
    false from wrong;
$$;

-- Each order against its entries: held once, closed once, by what it held, for what it cost, when it began
-- and ended.
create function core.entry_findings(p core.period) returns setof core.finding
language sql stable as $$
  with entry as (
    select order_id, count(*) filter (where kind = 'hold') as holds,
      min(at) filter (where kind = 'hold') as held_at,
      count(*) filter (where kind in ('post', 'void')) as ends,
      count(*) filter (where kind = 'post') as posts,
      min(at) filter (where kind in ('post', 'void')) as ended_at, sum(cash_delta_minor) as cash,
      coalesce(sum(held_delta_minor) filter (where kind = 'hold'), 0) as held,
      sum(held_delta_minor) as still_held
    from core.entries_in(p) where order_id is not null group by 1
  ), traded as (
    select f.order_id, bool_or(not f.late) as in_time from core.fills_in(p) f
    where f.order_id is not null group by 1
  ), stands as (
    select o, coalesce(holds, 0) as holds, coalesce(ends, 0) as ends, coalesce(posts, 0) as posts,
      coalesce(in_time, false)::integer as in_time, coalesce(cash, 0) as cash,
      coalesce(should.cash_minor, 0) as should_cash, coalesce(held, 0) as held,
      coalesce(still_held, 0) as still_held, held_at, entry.ended_at
    from core.orders_in(p) o left join entry on entry.order_id = o.id
    left join traded on traded.order_id = o.id
    left join core.cost_of_orders(p) should on should.order_id = o.id
  ), wrong as (
    select 'an order is held once and closed once when it has ended' as rule, o,
      format('%s held, %s closed', holds, ends) as ours,
      format('1 held, %s closed', ((o).ended_at is not null)::integer) as should
    from stands where holds <> 1 or ends <> ((o).ended_at is not null)::integer
    union all
    select 'an order is posted if it was filled before its end, else voided', o, posts || ' posts',
      in_time || ' posts'
    from stands where (o).ended_at is not null and posts <> in_time
    union all
    select 'what an order holds is entered, and given back at its end', o,
      format('%s held, %s left', core.decimal(held), core.decimal(still_held)),
      format('%s held, %s left', core.decimal((o).hold_minor),
        core.decimal(case when (o).ended_at is null then (o).hold_minor else 0 end))
    from stands where held <> (o).hold_minor
      or still_held <> case when (o).ended_at is null then (o).hold_minor else 0 end
    union all
    select 'the entries of an order are what its fills cost', o, core.decimal(cash),
      core.decimal(should_cash)
    from stands where cash <> should_cash
    union all
    select 'an order is held when it is made and closed when it ends', o,
      concat_ws(', ', held_at, stands.ended_at), concat_ws(', ', (o).created_at, (o).ended_at)
    from stands where (held_at, stands.ended_at) is distinct from ((o).created_at, (o).ended_at)
  )
  select rule, 'order ' || (o).client_order_id, (o).user_id, ours, should, null, false from wrong;
$$;

-- Each entry against the order and the fill it names.
create function core.single_entry_findings(p core.period) returns setof core.finding
language sql stable as $$
  select 'an entry is of the account of its order', format('entry %s of order %s', e.id, o.client_order_id),
    o.user_id, 'account ' || e.account_id, 'account ' || o.account_id, null::text, false
  from core.entries_in(p) e join public.orders o on o.id = e.order_id where e.account_id <> o.account_id
  union all
  select 'what came late is entered once, for its order',
    format('fill %s of order %s', f.venue_fill_id, o.client_order_id), o.user_id,
    coalesce(e.n, 0) || ' entries', f.late::integer || ' entries', null, false
  from core.fills_in(p) f join public.orders o on o.id = f.order_id
  left join (select fill_id, order_id, count(*) as n from core.entries_in(p)
    where fill_id is not null group by 1, 2) e on (e.fill_id, e.order_id) = (f.id, f.order_id)
  where coalesce(e.n, 0) <> f.late::integer
  union all
  select 'what came late is entered after the end of its order',
    format('entry %s of order %s', e.id, o.client_order_id), o.user_id, e.at::text,
    o.ended_at::text, null, false
  from core.entries_in(p) e join public.orders o on o.id = e.order_id
  where e.fill_id is not null and coalesce(e.at < o.ended_at - core.check_skew(), true);
$$;
