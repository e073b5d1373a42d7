-- Where signals come from over HTTP, one row each: what a source may send, and how much a day. And how much
-- a caller may make us keep in a day.

create table public.signal_sources (
  name text primary key,
  -- null: every strategy.
  strategies text[],
  -- Most signals that are taken of it on one day.
  per_day bigint not null,
  enabled boolean not null default true,
  created_at timestamptz not null,
  constraint a_source_has_a_plain_name check (name ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  constraint a_source_has_a_daily_ceiling check (per_day between 0 and 1000000)
);

-- How often something was done today, by the database's clock: the day's counts are those of rates.
create function core.daily_count(what text) returns bigint
language plpgsql stable as $$
begin
  return (
    select coalesce((select used from core.rate_days
      where key = what and day = (core.database_now() at time zone 'Asia/Kolkata')::date), 0)
  );
end $$;

-- Counts {what: how often more}, in one order everywhere: whoever counts the same waits, and nobody for
-- ever.
create function core.add_daily_counts(done jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  insert into core.rate_days as today (key, day, used)
  select key, (core.database_now() at time zone 'Asia/Kolkata')::date, value::bigint
  from jsonb_each_text(done) where value::bigint > 0 order by key
  on conflict (key, day) do update set used = today.used + excluded.used;
end $$;

-- Only the keys given are changed: {name, strategies, perDay, enabled, by, nowMs}. A new source takes every
-- strategy and 100 signals a day. Safe to repeat.
create function public.set_signal_source(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  old public.signal_sources;
  new public.signal_sources;
begin
  select * into old from public.signal_sources where name = args ->> 'name' for no key update;
  insert into public.signal_sources as source (name, strategies, per_day, enabled, created_at)
  values (args ->> 'name', core.text_array(args -> 'strategies'), coalesce((args ->> 'perDay')::bigint, 100),
    coalesce((args ->> 'enabled')::boolean, true), (select core.stamp_of(args)))
  on conflict (name) do update set
    strategies = case when args ? 'strategies' then excluded.strategies else source.strategies end,
    per_day = case when args ->> 'perDay' is not null then excluded.per_day else source.per_day end,
    enabled = case when args ->> 'enabled' is not null then excluded.enabled else source.enabled end
  returning * into new;
  if old is distinct from new then
    perform core.record_action(args -> 'by', 'set_signal_source', 'source:' || new.name,
      before => case when old.name is not null then to_jsonb(old) - 'name' - 'created_at' end,
      after => to_jsonb(new) - 'name' - 'created_at');
  end if;
  return jsonb_build_object('created', old.name is null);
end $$;

-- How many refused single orders are kept of one caller in a day.
create function core.max_denied_orders() returns bigint
language sql immutable as $$ select 1000::bigint; $$;

-- How many single orders are placed of one user in a day.
create function core.max_single_orders() returns bigint
language sql immutable as $$ select 2000::bigint; $$;

-- Answers to fresh requests of `place_orders` that leave nothing, by principal and key: a refusal beyond the
-- day's, and a buy beyond the user's single orders of the day; never a sale.
create function core.over_quota_answers(args jsonb, of_run text, decisions core.decision[]) returns jsonb
language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_object_agg(name, answer), '{}') from (
      select row.principal || ' ' || row.key as name, case
        when d.outcome <> 'accepted'
          and core.daily_count('denied ' || row.principal) >= core.max_denied_orders()
          then jsonb_build_object('kind', 'over_quota', 'of', 'refused', 'limit', core.max_denied_orders(),
            'reason', d.reason)
        when d.outcome = 'accepted' and row.signal ->> 'side' = 'BUY' and (select count(*) from (
            select from public.orders o where (o.run_id, o.user_id) = (of_run, d."userId")
            limit core.max_single_orders()) of_user) >= core.max_single_orders()
          then jsonb_build_object('kind', 'over_quota', 'of', 'placed', 'limit', core.max_single_orders(),
            'reason', null) end as answer
      from unnest(decisions) d
      join jsonb_to_recordset(args -> 'requests') as row(principal text, key text, signal jsonb)
        on row.signal ->> 'id' = d."signalId") answered
    where answer is not null
  );
end $$;

-- Counts the refusals of fresh requests, for whom they were made by.
create function core.count_denied_orders(args jsonb, of_run text, fresh_signals text[]) returns void
language plpgsql set search_path = '' as $$
begin
  perform core.add_daily_counts(counted.done) from (
    select jsonb_object_agg('denied ' || principal, n) as done from (
      select row.principal, count(*) as n
      from jsonb_to_recordset(args -> 'requests') as row(principal text, signal jsonb)
      cross join lateral (select outcome from public.decisions made where made.run_id = of_run
        and made.signal_id = row.signal ->> 'id' limit 1) d
      where row.signal ->> 'id' = any(fresh_signals) and d.outcome <> 'accepted' group by 1) denied) counted
  where counted.done is not null;
end $$;
