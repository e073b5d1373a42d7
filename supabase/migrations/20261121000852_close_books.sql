-- Closing the books: the evening's job, account by account, for a day so long past that nothing before its
-- end is open any more.

-- A day of a clock, in India.
create function core.day_of(at timestamptz) returns date
  language sql immutable as $$ select (at at time zone 'Asia/Kolkata')::date; $$;

-- The last number a table has given out.
create function core.last_number(of_table text) returns bigint
language sql stable as $$
  select coalesce(pg_sequence_last_value(pg_get_serial_sequence(of_table, 'id')::regclass), 0);
$$;

-- Where the records up to the end of a day end; null: on the first day after it orders are still being
-- made, so it can't be said yet. Wherever a cut is, the books add up; it only should be near the end of the
-- day. Orders have numbers in their order in time, and what is recorded under them has later ones.
create function core.cut_after(day date) returns public.closings
language plpgsql stable set search_path = '' as $$
declare
  next_day constant date := (select min(core.day_of(run.recorded_at)) from public.scan_runs run
    where core.day_of(run.recorded_at) > day
      and exists (select from public.orders o where o.run_id = run.id));
  cut public.closings;
  next_day_ends bigint;
begin
  if next_day >= core.day_of(core.database_now()) then return null; end if;
  cut.through := day;
  cut.last_order_id := core.last_number('public.orders');
  cut.last_entry_id := core.last_number('public.ledger_entries');
  cut.last_fill_id := core.last_number('public.fills');
  if next_day is not null then
    select min(o.id) - 1, max(o.id) into cut.last_order_id, next_day_ends
    from public.scan_runs run join public.orders o on o.run_id = run.id
    where core.day_of(run.recorded_at) = next_day;
    select coalesce(min(e.id) - 1, cut.last_entry_id) into cut.last_entry_id from public.ledger_entries e
    where e.kind = 'hold' and e.order_id > cut.last_order_id and e.order_id <= next_day_ends;
    -- Of all later orders: one of that day may be filled after those of the days that follow. Not the first
    -- of all fills that is one of theirs, by their numbers: that reads every fill there was before.
    select coalesce(min(later.id) - 1, cut.last_fill_id) into cut.last_fill_id
    from (select f.id from public.fills f where f.order_id > cut.last_order_id offset 0) later;
  end if;
  return cut;
end $$;

-- Those of locked accounts whose books can be closed: everything up to there has ended, adds up, and was
-- traded before all that came after; and nobody has yet to look at any of it.
create function core.closable_accounts(c public.closings, p core.period,
  positions public.closed_positions[]) returns bigint[]
language sql stable as $$
  with wrong as (
    select finding.user_id from (
      select * from core.entry_findings(p)
      union all select * from core.single_entry_findings(p)
      union all select * from core.fill_findings(p)
      union all select * from core.value_findings(p)
      union all select * from core.beyond_order_findings(p)
      union all select * from core.filled_findings(p)) finding
    union
    select a.user_id from core.unacknowledged_facts(p) fact join public.accounts a on a.id = fact.account_id
    where fact.since is null or not core.acknowledged_since(a, fact.since)
  ), unfit as (
    select o.account_id from core.orders_in(p) o where o.ended_at is null
    union
    select at_end.account_id from core.positions_at_end(p) at_end
    where at_end.said_realised_minor <> at_end.realised_minor
      or at_end.said_freed_minor <> at_end.freed_minor
      or at_end.first_filled_at <= at_end.opened_at
      or at_end.last_filled_at >= core.database_now() - core.closing_delay()
    union
    select position.account_id from unnest(positions) position join public.fills later
      on later.account_id = position.account_id and later.id > c.last_fill_id
      and (later.instrument_id, later.product) = (position.instrument_id, position.product)
      and (later.order_id is null or later.order_id > c.last_order_id)
      and later.filled_at <= position.last_filled_at
  )
  select coalesce(array_agg(made.account_id), '{}')
  from core.money_at_end(p) made join public.accounts a on a.id = made.account_id
  where made.cash_minor = made.earned_minor and made.held_minor = 0
    -- As in public.accounts: beyond it nobody who reads JSON has the same number.
    and abs(made.cash_minor) <= 9007199254740991
    and a.id not in (select unfit.account_id from unfit)
    and a.user_id not in (select wrong.user_id from wrong where wrong.user_id is not null);
$$;

-- {through, after, limit}: closes the books of the next accounts after that one (null: from the first) with
-- everything up to the end of that day, which has to be over for two days. Accounts somebody else holds, and
-- those in which something is open or does not add up, are left for another evening: {kind: closed, closed
-- (how many were), next (where to go on; null: that was all)}; or `too_early`, `closed_further` (only the
-- last closing is made on), `busy` (another call is at it). Asked again, it finds nothing left to do.
create function public.close_books(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  day constant date := (args ->> 'through')::date;
  c public.closings;
  batch bigint[];
  closable bigint[];
  positions public.closed_positions[];
  p core.period;
begin
  if day is null or day > core.day_of(core.database_now()) - 2 then
    return jsonb_build_object('kind', 'too_early');
  elsif exists (select from public.closings later where later.through > day) then
    return jsonb_build_object('kind', 'closed_further');
  elsif not pg_try_advisory_xact_lock(hashtext('close_books')) then
    return jsonb_build_object('kind', 'busy');
  end if;
  c := coalesce((select known from public.closings known where known.through = day), core.cut_after(day));
  if c.through is null then return jsonb_build_object('kind', 'too_early'); end if;

  batch := array(select a.id from public.accounts a where a.id > coalesce((args ->> 'after')::bigint, 0)
    and not exists (select from public.closed_balances b where (b.account_id, b.through) = (a.id, day))
    order by a.id limit (args ->> 'limit')::bigint for no key update skip locked);
  c.seen_entry_id := core.last_number('public.ledger_entries');
  c.seen_fill_id := core.last_number('public.fills');
  c.closed_at := core.database_now();
  insert into public.closings select c.*
  on conflict (through) do update set seen_entry_id = c.seen_entry_id, seen_fill_id = c.seen_fill_id,
    closed_at = c.closed_at;
  if batch = '{}' then
    return jsonb_build_object('kind', 'closed', 'closed', 0, 'next', null);
  end if;
  p := core.period_of_accounts(c, batch);
  positions := array(select (at_end.account_id, at_end.instrument_id, at_end.product, day, at_end.quantity,
      at_end.cost_minor, at_end.margin_minor, at_end.realised_minor, at_end.said_freed_minor,
      at_end.last_filled_at)::public.closed_positions
    from core.positions_at_end(p) at_end where at_end.first_filled_at is not null);
  closable := core.closable_accounts(c, p, positions);
  insert into public.closed_balances (account_id, through, cash_minor)
  select made.account_id, day, made.cash_minor from core.money_at_end(p) made
  where made.account_id = any(closable);
  insert into public.closed_positions select position.* from unnest(positions) position
  where position.account_id = any(closable);
  return jsonb_build_object('kind', 'closed', 'closed', cardinality(closable),
    'next', batch[cardinality(batch)]);
end $$;

-- How many orders were recorded on each day after the last closing, up to a day (null: of none).
create function core.orders_to_close(until date) returns table (day date, orders bigint)
language sql stable as $$
  select core.day_of(run.recorded_at), count(*)
  from public.scan_runs run join public.orders o on o.run_id = run.id
  where core.day_of(run.recorded_at) <= until and core.day_of(run.recorded_at)
    > coalesce((select max(c.through) from public.closings c), '-infinity')
  group by 1;
$$;

-- {until}: the first day something was recorded on (null: nothing was), through which closing records were
-- removed (null: none ever were), all closings with how many accounts are closed at each, and how many
-- orders were recorded on each day since, up to `until`.
create function public.read_closings(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'firstDay', (select min(core.day_of(run.recorded_at)) from public.scan_runs run),
    'removedThrough', (select max(r.through) from public.removed_periods r),
    'closings', (select coalesce(jsonb_agg(jsonb_build_object('through', c.through,
        'accounts', (select count(*) from public.closed_balances b where b.through = c.through))
        order by c.through), '[]')
      from public.closings c),
    'days', (select coalesce(jsonb_agg(jsonb_build_object('day', day, 'orders', orders) order by day), '[]')
      from core.orders_to_close((args ->> 'until')::date)));
$$;
