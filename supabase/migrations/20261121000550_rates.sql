-- Rate budgets per account and per venue over a second, a minute and a day, held across all processes. Uses
-- are counted in buckets of 100 ms and a whole bucket more than the window is looked at, so that no window
-- of the venue's own, wherever it begins, ever holds more than the limit. The database's clock counts.

create table core.rate_uses (
  key text not null,
  bucket timestamptz not null,
  used bigint not null,
  primary key (key, bucket)
);

create table core.rate_days (
  key text not null,
  day date not null,
  used bigint not null,
  primary key (key, day)
);

-- How long to wait before one more use fits: 0 = it fits now, null = not today any more.
create function core.rate_wait_ms(for_key text, limits jsonb) returns bigint
language sql stable as $$
  select case
    when limits is null then 0
    when coalesce((select used from core.rate_days where key = for_key
      and day = (core.database_now() at time zone 'Asia/Kolkata')::date), 0) >= (limits ->> 'perDay')::bigint
        then null
    when last_minute >= (limits ->> 'perMinute')::bigint then 1000
    when last_second >= (limits ->> 'perSecond')::bigint then 100
    else 0 end
  from (select coalesce(sum(used), 0) as last_minute,
      coalesce(sum(used) filter (where bucket > core.database_now() - interval '1100 milliseconds'),
        0) as last_second
    from core.rate_uses where key = for_key
      and bucket > core.database_now() - interval '60100 milliseconds') recent;
$$;

-- Counts one use of a budget, and forgets what no window looks back to.
create function core.use_rate(for_key text) returns void
language sql set search_path = '' as $$
  delete from core.rate_uses where key = for_key and bucket < core.database_now() - interval '61 seconds';
  insert into core.rate_uses as recent (key, bucket, used)
  values (for_key, date_bin('100 milliseconds', core.database_now(), timestamptz 'epoch'), 1)
  on conflict (key, bucket) do update set used = recent.used + 1;
  insert into core.rate_days as today (key, day, used)
  values (for_key, (core.database_now() at time zone 'Asia/Kolkata')::date, 1)
  on conflict (key, day) do update set used = today.used + 1;
$$;

-- Takes one use of the account's and of the venue's budget, both or none. 0: taken; else how long to wait
-- before asking again; null: not today any more. `budget` is {account, venue}, each {perSecond, perMinute,
-- perDay}, or null.
create function core.take_rate(for_venue text, for_account bigint, budget jsonb) returns bigint
language plpgsql set search_path = '' as $$
declare
  account_key constant text := for_venue || ' account ' || for_account;
  wait_ms bigint;
begin
  if budget is null then return 0; end if;
  -- One at a time per venue, to the end of the transaction: two processes must not both see the last use
  -- free.
  perform pg_advisory_xact_lock(hashtextextended('rate ' || for_venue, 0));
  wait_ms := core.rate_wait_ms(account_key, nullif(budget -> 'account', 'null'));
  if wait_ms is null or wait_ms > 0 then return wait_ms; end if;
  wait_ms := core.rate_wait_ms(for_venue, nullif(budget -> 'venue', 'null'));
  if wait_ms is null or wait_ms > 0 then return wait_ms; end if;
  perform core.use_rate(account_key);
  perform core.use_rate(for_venue);
  return 0;
end $$;

-- For lookups at venues that count them with the orders. Answers how long each has to wait, 0 where it may
-- go.
create function public.take_rates(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  select coalesce(jsonb_agg(core.take_rate(venue, "accountId", args -> 'budgets' -> venue) order by n), '[]')
  from jsonb_array_elements(args -> 'uses') with ordinality as requested(use, n),
    jsonb_to_record(use) as row(venue text, "accountId" bigint);
$$;
