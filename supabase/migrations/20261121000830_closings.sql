-- Closings: what the books of each account came to at the end of a day long past, so that whoever checks
-- them every evening reads what was recorded since and not everything there ever was. Derived from the
-- records, never the other way round: check_books computes each closing anew, and public.close_books makes
-- it again where a record came later.

-- Everything recorded up to the end of a day (India). What is recorded under an order belongs to its
-- order; the rest (money that people moved, shares that came past us) to its own number.
create table public.closings (
  through date primary key,
  last_order_id bigint not null,
  last_entry_id bigint not null,
  last_fill_id bigint not null,
  -- The highest numbers there were when an account was closed last: no closed one has anything beyond.
  seen_entry_id bigint not null,
  seen_fill_id bigint not null,
  closed_at timestamptz not null default core.database_now(),
  constraint a_closing_ends_with_records_it_has_seen
    check (last_entry_id <= seen_entry_id and last_fill_id <= seen_fill_id)
);

-- Up to which closing the records were removed, by whom and why (0854_remove_old). What each account had at
-- its closings stays, and so does what names no order: all later books begin with these.
create table public.removed_periods (
  through date primary key references public.closings,
  -- The closing's: every order up to it goes, with what is recorded under it.
  last_order_id bigint not null,
  removed_at timestamptz not null default core.database_now(),
  removed_by text not null,
  why text not null,
  -- How many rows of each table went.
  counts jsonb not null,
  -- SHA-256 of the manifest of the export that was written, and read back, before.
  manifest_hash text not null,
  constraint a_removal_says_why check (why <> ''),
  constraint a_removal_names_its_export check (manifest_hash ~ '^[0-9a-f]{64}$')
);
create trigger removed_periods_are_facts before update or delete or truncate on public.removed_periods
  for each statement execute function core.refuse_change();

-- Up to which day records were removed; -infinity: none ever were.
create function core.removed_through() returns date
language sql stable as $$
  select coalesce((select max(r.through) from public.removed_periods r), '-infinity');
$$;

-- The last order that was removed, or is marked to be; 0: none.
create function core.last_removed_order() returns bigint
language sql stable as $$
  select coalesce((select max(r.last_order_id) from public.removed_periods r), 0);
$$;

-- What an account had after everything of a closing. It held nothing: all its orders had ended. A row says
-- that the account is closed that far; one that is missing, that its records since the closing before have
-- to be read.
create table public.closed_balances (
  account_id bigint not null references public.accounts,
  through date not null references public.closings,
  cash_minor bigint not null,
  primary key (account_id, through)
);
create index balances_of_a_closing on public.closed_balances (through, account_id);

-- The positions of an account that were traded since the closing before; the others are as they were then.
create table public.closed_positions (
  account_id bigint not null,
  instrument_id bigint not null,
  product text not null,
  through date not null,
  quantity bigint not null,
  cost_minor bigint not null,
  margin_minor bigint not null,
  -- All its fills realised and freed so far.
  realised_minor bigint not null,
  freed_margin_minor bigint not null,
  -- Every fill of a later closing was traded after it.
  last_filled_at timestamptz not null,
  primary key (account_id, instrument_id, product, through),
  foreign key (account_id, through) references public.closed_balances on delete cascade
);
create index positions_of_a_closed_balance on public.closed_positions (account_id, through);

-- Trigger: what was removed can't be closed anew.
create function core.refuse_opening_removed() returns trigger
language plpgsql set search_path = '' as $$
begin
  if exists (select from gone where gone.through <= core.removed_through()) then
    raise exception 'the records through % were removed: what they came to stays', core.removed_through()
      using errcode = 'PT403';
  end if;
  return null;
end $$;
create trigger removed_balances_stay_closed after delete on public.closed_balances
  referencing old table as gone for each statement execute function core.refuse_opening_removed();
create trigger removed_positions_stay_closed after delete on public.closed_positions
  referencing old table as gone for each statement execute function core.refuse_opening_removed();

-- What is closed of a position before a fill that is to be booked: the last closing that stays closed once
-- it is (the trigger below opens the others again). 0: nothing is.
create function core.closed_before(one core.reported_fill) returns core.closed_holding
language sql stable as $$
  select row(row(coalesce(last.quantity, 0), coalesce(last.cost_minor, 0), coalesce(last.margin_minor, 0),
      coalesce(last.realised_minor, 0))::core.holding,
    coalesce(last.last_order_id, 0), coalesce(last.last_fill_id, 0))::core.closed_holding
  from (values (true)) as every left join lateral (
    select * from public.closed_positions p join public.closings c using (through)
    where (p.account_id, p.instrument_id, p.product) = (one.account_id, one.instrument_id, one.product)
      -- What was removed is not counted anew: a fill that says it was traded before is counted right after.
      and (p.last_filled_at < one.filled_at or p.through <= core.removed_through())
      and coalesce(one.order_id > c.last_order_id, one.corrects > c.last_fill_id, true)
    order by p.through desc limit 1) last on true;
$$;

-- How long ago the last trade of a closed position has to be. A fill that is told later and was traded
-- before it is then known by its age alone, so that the trigger below costs the others nothing.
create function core.closing_delay() returns interval
  language sql immutable as $$ select interval '1 day'; $$;

-- Trigger: a fill of an order that is closed, or traded before what is closed, opens its account again from
-- there on; what was removed stays closed. Whoever books a fill has locked its account, and so has
-- close_books.
create function core.reopen_closed_balances() returns trigger
language plpgsql set search_path = '' as $$
begin
  delete from public.closed_balances b where b.account_id = new.account_id
    and b.through > core.removed_through() and b.through >= least(
    (select min(c.through) from public.closings c
      where c.last_order_id >= new.order_id or (new.order_id is null and c.last_fill_id >= new.id)),
    (select min(p.through) from public.closed_positions p
      where (p.account_id, p.instrument_id, p.product) = (new.account_id, new.instrument_id, new.product)
        and p.last_filled_at >= new.filled_at));
  return null;
end $$;
create trigger a_fill_of_the_past_reopens_its_account after insert on public.fills
  for each row when (new.late or new.corrects is not null or new.order_id is null
    or new.filled_at < new.booked_at - core.closing_delay())
  execute function core.reopen_closed_balances();

-- What is read together: the records after one closing (`opening`; null: from the first) up to another
-- (`closing`, of the accounts that are closed there; null: up to now, of all). `after_…` is where the
-- opening ends, `last_…` where the closing does, `seen_…` how far to look for it. `accounts`: these only.
create type core.period as (opening date, after_order bigint, after_entry bigint, after_fill bigint,
  closing date, last_order bigint, last_entry bigint, last_fill bigint, seen_entry bigint, seen_fill bigint,
  accounts bigint[]);

-- The period that ends with a closing; null: the one since the last.
create function core.period_to(closing date) returns core.period
language sql stable as $$
  select (opened.through, coalesce(opened.last_order_id, 0), coalesce(opened.last_entry_id, 0),
    coalesce(opened.last_fill_id, 0), closed.through, coalesce(closed.last_order_id, most),
    coalesce(closed.last_entry_id, most), coalesce(closed.last_fill_id, most),
    coalesce(closed.seen_entry_id, most), coalesce(closed.seen_fill_id, most), null)::core.period
  from (values (9223372036854775807)) as every(most)
  left join public.closings closed on closed.through = period_to.closing
  left join lateral (select * from public.closings c
    where c.through < coalesce(period_to.closing, 'infinity')
    order by c.through desc limit 1) opened on true;
$$;

-- Some accounts' records up to a closing they are not closed at.
create function core.period_of_accounts(c public.closings, accounts bigint[]) returns core.period
language sql immutable as $$
  select (c.through, c.last_order_id, c.last_entry_id, c.last_fill_id, null, c.last_order_id,
    c.last_entry_id, c.last_fill_id, c.last_entry_id, c.last_fill_id, accounts)::core.period;
$$;

-- Accounts that are not closed at the closing of a period: their records are no part of it.
create function core.accounts_left_open(p core.period) returns setof bigint
language sql stable as $$
  select a.id from public.accounts a where (p).closing is not null and not exists (
    select from public.closed_balances b where (b.account_id, b.through) = (a.id, (p).closing));
$$;

-- Accounts that are not closed at the opening of a period: their records are read from their own last
-- closing on.
create function core.accounts_behind(p core.period) returns table (account_id bigint, user_id text,
  after_order bigint, after_entry bigint, after_fill bigint, cash_minor bigint)
language sql stable as $$
  select a.id, a.user_id, coalesce(c.last_order_id, 0), coalesce(c.last_entry_id, 0),
    coalesce(c.last_fill_id, 0), coalesce(own.cash_minor, 0)
  from public.accounts a
  left join lateral (select b.through, b.cash_minor from public.closed_balances b
    where b.account_id = a.id and b.through < (p).opening order by b.through desc limit 1) own on true
  left join public.closings c on c.through = own.through
  where (p).opening is not null and ((p).accounts is null or a.id = any((p).accounts))
    and not exists (select from public.closed_balances b
      where (b.account_id, b.through) = (a.id, (p).opening))
    and ((p).closing is null
      or a.id in (select b.account_id from public.closed_balances b where b.through = (p).closing));
$$;

-- The orders of a period. `case`, here and below: of a range of numbers in a table that was never analyzed
-- the planner expects one row in two hundred, and joins each order with each fill; of what it can't look
-- into it expects every second row (472 orders of which nothing was known: 74,000 ms to check their entries,
-- so 86 ms).
create function core.orders_in(p core.period) returns setof public.orders
language sql stable as $$
  select o.* from public.orders o where o.id > (p).after_order
    and case when o.id <= (p).last_order then true else false end
    and ((p).closing is null or (o.account_id, o.user_id) not in (
      select a.id, a.user_id from public.accounts a where a.id in (select core.accounts_left_open(p))))
  union all
  select o.* from core.accounts_behind(p) behind join public.orders o on o.user_id = behind.user_id
    and o.account_id = behind.account_id and o.id > behind.after_order
    and case when o.id <= (p).after_order then true else false end;
$$;

-- The fills of a period: of its orders, and of none. One that names an order its own number is too low for
-- is wrong, and here to be seen; so is an entry below.
create function core.fills_in(p core.period) returns setof public.fills
language sql stable as $$
  select f.* from public.fills f where f.id > (p).after_fill and case when f.id > (p).seen_fill then false
      when f.order_id > (p).after_order and f.order_id <= (p).last_order then true
      else f.id <= (p).last_fill and coalesce(f.order_id > (p).after_order, true) end
    and ((p).closing is null or f.account_id not in (select core.accounts_left_open(p)))
  union all
  select f.* from core.accounts_behind(p) behind join public.fills f on f.account_id = behind.account_id
    and f.id > behind.after_fill
    and case when f.order_id > behind.after_order and f.order_id <= (p).after_order then true
      else f.id <= (p).after_fill and coalesce(f.order_id > behind.after_order, true) end;
$$;

-- The ledger's entries of a period: of its orders, and of none. Account by account, since no index knows
-- them by their number alone.
create function core.entries_in(p core.period) returns setof public.ledger_entries
language sql stable as $$
  select e.* from public.accounts a join public.ledger_entries e on e.account_id = a.id
  where e.id > (p).after_entry and case when e.id > (p).seen_entry then false
      when e.order_id > (p).after_order and e.order_id <= (p).last_order then true
      else e.id <= (p).last_entry and coalesce(e.order_id > (p).after_order, true) end
    and ((p).closing is null or a.id not in (select core.accounts_left_open(p)))
  union all
  select e.* from core.accounts_behind(p) behind
  join public.ledger_entries e on e.account_id = behind.account_id and e.id > behind.after_entry
    and case when e.order_id > behind.after_order and e.order_id <= (p).after_order then true
      else e.id <= (p).after_entry and coalesce(e.order_id > behind.after_order, true) end;
$$;

-- The executions of a period as they count: with what the last correction says each really was.
create function core.effective_fills_in(p core.period) returns table (id bigint, order_id bigint,
  account_id bigint, instrument_id bigint, product text, venue_fill_id text, side text, quantity bigint,
  price_minor bigint, value_minor bigint, booked_at timestamptz, filled_at timestamptz)
language sql stable as $$
  select f.id, f.order_id, f.account_id, f.instrument_id, f.product, f.venue_fill_id, f.side,
    coalesce(corrected.quantity, f.quantity), coalesce(corrected.price_minor, f.price_minor),
    coalesce(corrected.value_minor, f.value_minor), f.booked_at, f.filled_at
  from core.fills_in(p) f left join lateral (select last.quantity, last.price_minor, last.value_minor
    from public.fills last where last.corrects = f.id order by last.id desc limit 1) corrected on true
  where case when f.corrects is null then coalesce(corrected.quantity, f.quantity) > 0 else false end;
$$;

-- What each ended order of a period cost or brought in all, as its fills say: released margin and profit,
-- less margin and charges.
create function core.cost_of_orders(p core.period)
returns table (order_id bigint, account_id bigint, cash_minor numeric)
language sql stable as $$
  select o.id, o.account_id,
    coalesce(made.released, 0) - core.charges_on(coalesce(filled.value, 0)::bigint, rate)
    - case o.side when 'BUY' then core.margin_on(coalesce(filled.value, 0)::bigint, o.leverage_centi)
    else 0 end
  from core.orders_in(p) o join public.charge_rates rate on rate.id = o.rate_id
  left join (select f.order_id, sum(f.value_minor) as value
    from core.effective_fills_in(p) f where f.order_id is not null group by 1) filled
      on filled.order_id = o.id
  left join (select f.order_id, sum(f.realised_minor + f.freed_margin_minor) as released
    from core.fills_in(p) f where f.order_id is not null group by 1) made on made.order_id = o.id
  where o.ended_at is not null;
$$;

-- Each account at the end of a period: the cash and held money its entries come to, and the cash that what
-- was paid in and what orders made of it come to.
create function core.money_at_end(p core.period)
returns table (account_id bigint, cash_minor numeric, held_minor numeric, earned_minor numeric)
language sql stable as $$
  with opened as (
    select b.account_id, b.cash_minor from public.closed_balances b
    where b.through = (p).opening and (p).accounts is null
    union all select behind.account_id, behind.cash_minor from core.accounts_behind(p) behind
  ), entry as (
    select e.account_id, sum(e.cash_delta_minor) as cash, sum(e.held_delta_minor) as held,
      coalesce(sum(e.cash_delta_minor) filter (where e.order_id is null), 0) as moved
    from core.entries_in(p) e group by 1
  ), earned as (
    select cost.account_id, sum(cost.cash_minor) as cash from core.cost_of_orders(p) cost group by 1
  )
  select a.id, coalesce(opened.cash_minor, 0) + coalesce(entry.cash, 0), coalesce(entry.held, 0),
    coalesce(opened.cash_minor, 0) + coalesce(entry.moved, 0) + coalesce(earned.cash, 0)
  from public.accounts a left join opened on opened.account_id = a.id
  left join entry on entry.account_id = a.id left join earned on earned.account_id = a.id
  where ((p).accounts is null or a.id = any((p).accounts)) and ((p).closing is null
    or a.id in (select b.account_id from public.closed_balances b where b.through = (p).closing));
$$;

-- A holding after one more fill, where the first is added to what was held before all of them.
create function core.holding_since(held core.holding, opening core.holding, side text, quantity bigint,
  value_minor bigint, bound_minor bigint)
returns core.holding language plpgsql immutable set search_path = '' as $$
begin
  return core.holding_after(coalesce(held, opening), side, quantity, value_minor, bound_minor);
end $$;

-- What was held, with all fills of a position since, in the order they were traded in.
create aggregate core.holding_from(opening core.holding, side text, quantity bigint, value_minor bigint,
  bound_minor bigint) (sfunc = core.holding_since, stype = core.holding);

-- The fills of positions in a period with what each binds, as core.position_fills has them.
create function core.position_fills_in(p core.period)
returns table (account_id bigint, instrument_id bigint, product text, client_order_id text, side text,
  quantity bigint, value_minor bigint, bound_minor bigint, filled_at timestamptz, venue_fill_id text)
language sql stable as $$
  select account_id, instrument_id, product, client_order_id, side, quantity, value_minor,
    case when side = 'SELL' then 0 when order_id is null then value_minor
      else core.margin_on(upto_minor::bigint, leverage_centi)
        - core.margin_on((upto_minor - value_minor)::bigint, leverage_centi) end,
    filled_at, venue_fill_id
  from (
    select f.*, coalesce(o.client_order_id::text, '') as client_order_id, o.leverage_centi,
      sum(f.value_minor) over (partition by f.account_id, f.instrument_id, f.product, f.order_id
        order by f.filled_at, f.venue_fill_id collate "C") as upto_minor
    from core.effective_fills_in(p) f left join public.orders o on o.id = f.order_id
  ) counted;
$$;

-- The positions of a period's accounts as they are closed on a day: its opening, or its closing.
create function core.positions_closed_on(day date, p core.period) returns setof public.closed_positions
language sql stable as $$
  select distinct on (c.account_id, c.instrument_id, c.product) c.* from public.closed_positions c
  where c.through <= day and ((p).accounts is null or c.account_id = any((p).accounts))
    and ((p).closing is null or c.account_id not in (select core.accounts_left_open(p)))
  order by c.account_id, c.instrument_id, c.product, c.through desc;
$$;

-- Each position at the end of a period: what its fills make, what they realised by that, and what they say
-- they realised and freed; `freed_minor` is what they should have. `first_filled_at`: in the period;
-- `opened_at`: the last before it, where it was not removed.
create function core.positions_at_end(p core.period)
returns table (account_id bigint, instrument_id bigint, product text, quantity bigint, cost_minor bigint,
  margin_minor bigint, realised_minor numeric, freed_minor numeric, said_realised_minor numeric,
  said_freed_minor numeric, last_filled_at timestamptz, first_filled_at timestamptz, opened_at timestamptz)
language sql stable as $$
  with folded as (
    select t.account_id, t.instrument_id, t.product, sum(t.bound_minor) as bound,
      core.holding_from((coalesce(c.quantity, 0), coalesce(c.cost_minor, 0), coalesce(c.margin_minor, 0),
        coalesce(c.realised_minor, 0))::core.holding, t.side, t.quantity, t.value_minor, t.bound_minor
        order by t.filled_at, t.side, t.client_order_id collate "C", t.venue_fill_id collate "C") as held
    from core.position_fills_in(p) t left join core.positions_closed_on((p).opening, p) c
      using (account_id, instrument_id, product) group by 1, 2, 3
  ), said as (
    select f.account_id, f.instrument_id, f.product, sum(f.realised_minor) as realised,
      sum(f.freed_margin_minor) as freed, max(f.filled_at) as last_at, min(f.filled_at) as first_at
    from core.fills_in(p) f group by 1, 2, 3
  ), counted as (
    select account_id, instrument_id, product, realised, freed, last_at, first_at, f.bound,
      c.last_filled_at as opened_at, c.through as opened_through,
      coalesce(f.held, (c.quantity, c.cost_minor, c.margin_minor, c.realised_minor)::core.holding) as held,
      coalesce(c.realised_minor, 0) as opened_realised, coalesce(c.freed_margin_minor, 0) as opened_freed,
      coalesce(c.freed_margin_minor + c.margin_minor, 0) as opened_bound
    from core.positions_closed_on((p).opening, p) c
    full join said using (account_id, instrument_id, product)
    full join folded f using (account_id, instrument_id, product)
  )
  select account_id, instrument_id, product, coalesce((held).quantity, 0), coalesce((held).cost_minor, 0),
    coalesce((held).margin_minor, 0), coalesce((held).realised_minor, 0),
    opened_bound + coalesce(bound, 0) - coalesce((held).margin_minor, 0),
    opened_realised + coalesce(realised, 0), opened_freed + coalesce(freed, 0),
    greatest(opened_at, last_at), first_at,
    case when opened_through > core.removed_through() then opened_at end
  from counted;
$$;
