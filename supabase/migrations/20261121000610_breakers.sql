-- Breakers: sends that fail are stopped where the trouble is, and tried again after a pause. Of one account
-- by itself; of a venue where many accounts are in trouble with more than one signal; of one signal at one
-- venue where the others do well there. While a breaker is open its orders stay queued; after each pause
-- one of them goes as a probe, and enough answered probes in a row close it. What it still holds back at
-- its `sendBefore` ends there (sweep_orders). Times are the business clock's, as those of every pause
-- between two tries: a clock that is set lets them elapse at once.

-- What came of the last sends, one row per settled batch, venue and signal: for each order its account,
-- among those that were answered or those that were not. A breaker's question reads the newest of them
-- only; they are kept for minutes.
create table public.sends (
  id bigint generated always as identity primary key,
  run_id text not null,
  venue text not null,
  signal_id text not null,
  answered bigint[] not null,
  failed bigint[] not null,
  at timestamptz not null
);
create index sends_of_a_venue on public.sends (run_id, venue, id);
create index sends_by_age on public.sends (at);

create table public.breakers (
  run_id text not null,
  venue text not null,
  -- '': of every signal, and 0: of every account.
  signal_id text not null default '',
  account_id bigint not null default 0,
  is_open boolean not null default false,
  -- An account's, counted here since its first trouble; else those it was opened by.
  tried bigint not null default 0,
  failed bigint not null default 0,
  accounts bigint not null default 1,
  failed_accounts bigint not null default 1,
  openings integer not null default 0,
  opened_at timestamptz,
  closed_at timestamptz,
  pause_ms bigint not null default 0,
  next_probe_at timestamptz,
  probe_order_id bigint,
  answered_probes integer not null default 0,
  -- Sends up to this one count no more: it has been closed since.
  counted_from bigint not null default 0,
  -- The call that opened or closed it last: asked again, it gets the same answer.
  judge_id text,
  primary key (run_id, venue, signal_id, account_id)
);
create index breakers_that_are_open on public.breakers (run_id) where is_open;

-- One expression, so that it is planned with the query it stands in.
create function core.breaker_stops(b public.breakers, o public.orders) returns boolean
language sql immutable as $$
  select b.is_open and b.run_id = o.run_id and b.venue = o.venue and b.signal_id in ('', o.signal_id)
    and b.account_id in (0, o.account_id);
$$;

-- Until when open breakers hold an order back, at most its own time; null: none does.
create function core.stopped_until(o public.orders) returns timestamptz
language sql stable as $$
  select least(max(b.next_probe_at), o.send_before) from public.breakers b where core.breaker_stops(b, o)
  having count(*) > 0;
$$;

-- A threshold as the run froze it.
create function core.breaker_limit(limits jsonb, name text, otherwise bigint) returns bigint
language sql immutable as $$
  select coalesce((limits ->> name)::bigint, otherwise);
$$;

-- A send and what came of it.
create type core.send as (run_id text, venue text, signal_id text, account_id bigint, failed boolean);

-- Notes what came of sends, before their orders move: no clear answer, or not even sent, is trouble, at an
-- order's first try; a refusal is an answer. A lookup says nothing here, nor does a late word about an
-- earlier try. An account's own counts begin with its first trouble, and older ones fade.
create function core.record_sends(outcomes core.outcome[]) returns void
language plpgsql set search_path = '' as $$
declare
  sent constant core.send[] := array(
    select row(o.run_id, o.venue, o.signal_id, o.account_id,
      row."venueStatus" in ('unknown', 'queued'))::core.send
    from unnest(outcomes) row
    cross join lateral (select * from public.orders one where one.id = row."orderId" limit 1) o
    where o.status = 'submitting' and o.attempts = coalesce(row.attempts, o.attempts)
      and (o.attempts = 1 or row."venueStatus" not in ('unknown', 'queued')));
begin
  if cardinality(sent) = 0 then return; end if;
  insert into public.sends (run_id, venue, signal_id, answered, failed, at)
  select one.run_id, one.venue, one.signal_id,
    coalesce(array_agg(one.account_id) filter (where not one.failed), '{}'),
    coalesce(array_agg(one.account_id) filter (where one.failed), '{}'), core.database_now()
  from unnest(sent) one group by 1, 2, 3;

  -- Mostly no account is in trouble, or was.
  if not exists (select from unnest(sent) one where one.failed)
    and not exists (select from (select distinct s.run_id, s.venue from unnest(sent) s) one
      cross join lateral (select from public.breakers b where (b.run_id, b.venue, b.signal_id)
        = (one.run_id, one.venue, '') and b.account_id > 0 limit 1) known) then return; end if;
  -- In one order, whoever else counts or judges them.
  perform from public.breakers b join unnest(sent) one
    on (b.run_id, b.venue, b.signal_id, b.account_id) = (one.run_id, one.venue, '', one.account_id)
  order by b.run_id, b.venue, b.account_id for no key update of b;
  insert into public.breakers as b (run_id, venue, account_id, tried, failed)
  select one.run_id, one.venue, one.account_id, count(*), count(*) filter (where one.failed)
  from unnest(sent) one
  group by 1, 2, 3
  having bool_or(one.failed) or exists (select from public.breakers known
    where (known.run_id, known.venue) = (one.run_id, one.venue)
      and (known.signal_id, known.account_id) = ('', one.account_id))
  order by 1, 2, 3
  on conflict (run_id, venue, signal_id, account_id) do update set
    tried = case when b.tried >= 20 then b.tried / 2 else b.tried end + excluded.tried,
    failed = case when b.tried >= 20 then b.failed / 2 else b.failed end + excluded.failed
  where not b.is_open;
end $$;

-- Which of the orders that are to be marked go, and which of these as the probe of an open breaker: one per
-- breaker whose pause is over. It waits for nobody: a breaker that somebody else is looking at lets nothing
-- through now. A probe that is never heard of again does not keep the next one back for longer than its
-- lease.
create function core.assign_probes(order_ids bigint[], now_at timestamptz, lease interval, out go bigint[],
  out probes bigint[])
language plpgsql set search_path = '' as $$
declare
  o public.orders;
  due integer;
begin
  go := order_ids;
  probes := '{}';
  if not exists (select from public.breakers where is_open) then return; end if;
  for o in select * from public.orders where id = any(order_ids) order by position, queue_position loop
    continue when not exists (select from public.breakers b where core.breaker_stops(b, o));
    perform from public.breakers b where core.breaker_stops(b, o) and b.next_probe_at <= now_at
    order by b.signal_id, b.account_id for no key update skip locked;
    get diagnostics due = row_count;
    if due < (select count(*) from public.breakers b where core.breaker_stops(b, o)) then
      go := array_remove(go, o.id);
    else
      update public.breakers b set probe_order_id = o.id, next_probe_at = now_at + lease
      where core.breaker_stops(b, o);
      probes := probes || o.id;
    end if;
  end loop;
end $$;

-- Orders that may go as probes, locked: the best of each open breaker whose pause is over, where no other
-- breaker stops it.
create function core.due_probes(venues text[], full_accounts bigint[], now_at timestamptz, most bigint)
returns bigint[] language plpgsql set search_path = '' as $$
declare
  b public.breakers;
  one bigint;
  found_orders bigint[] := '{}';
begin
  for b in select due.* from public.breakers due join public.scan_runs run on run.id = due.run_id
    where due.is_open and due.next_probe_at <= now_at and due.venue = any(venues) and run.state = 'decided'
    order by due.next_probe_at
  loop
    select o.id into one from public.orders o
    where o.ended_at is null and o.venue_order_id is null and o.status = 'queued' and o.send_before > now_at
      and (b.account_id = 0 or o.account_id = b.account_id) and core.breaker_stops(b, o)
      and o.filled_quantity = 0 and (o.next_attempt_at is null or o.next_attempt_at <= now_at)
      and not o.account_id = any(full_accounts) and core.halted_for(o) is null
      and core.settings_block_of(o) is null
      and not exists (select from public.breakers other
        where core.breaker_stops(other, o) and other.next_probe_at > now_at)
    order by o.position, o.queue_position limit 1 for no key update of o skip locked;
    if one is not null and not one = any(found_orders) then found_orders := found_orders || one; end if;
    exit when cardinality(found_orders) >= most;
  end loop;
  return found_orders;
end $$;

-- What probes came to: answered three times in a row (one time for an account), or with nothing left that
-- waits, their breaker closes; else the next one goes at once after an answer, and without one after a
-- pause twice as long.
create function core.settle_probes(order_ids bigint[], for_run text, for_venue text, judge text,
  now_at timestamptz)
returns void language plpgsql set search_path = '' as $$
declare
  b public.breakers;
  o public.orders;
  answered boolean;
  closes boolean;
begin
  for b in select * from public.breakers
    where run_id = for_run and venue = for_venue and is_open and probe_order_id = any(order_ids)
    order by signal_id, account_id for no key update
  loop
    select * into o from public.orders where id = b.probe_order_id;
    continue when o.status = 'submitting';
    answered := o.status not in ('unknown', 'queued');
    closes := answered and (b.answered_probes >= case when b.account_id > 0 then 0 else 2 end
      or not exists (select from public.orders waiting where waiting.ended_at is null
        and waiting.venue_order_id is null and waiting.status = 'queued'
        and core.breaker_stops(b, waiting)));
    b.pause_ms := case when answered then b.pause_ms else least(b.pause_ms * 2, 300000) end;
    update public.breakers set probe_order_id = null, pause_ms = b.pause_ms, is_open = not closes,
      answered_probes = case when answered then b.answered_probes + 1 else 0 end,
      next_probe_at = now_at + case when answered then 0 else b.pause_ms end * interval '1 millisecond',
      closed_at = case when closes then now_at else b.closed_at end,
      judge_id = case when closes then judge else b.judge_id end,
      tried = case when closes and b.account_id > 0 then 0 else b.tried end,
      failed = case when closes and b.account_id > 0 then 0 else b.failed end,
      counted_from = case when closes then coalesce((select max(id) from public.sends), 0)
        else b.counted_from end
    where (run_id, venue, signal_id, account_id) = (b.run_id, b.venue, b.signal_id, b.account_id);
    if closes and b.account_id = 0 and b.signal_id = '' then
      -- Its accounts were in trouble with it: each may try again at once.
      update public.breakers set next_probe_at = least(next_probe_at, now_at)
      where run_id = for_run and venue = for_venue and is_open and probe_order_id is null;
    end if;
  end loop;
end $$;

-- The last sends of a run at a venue, over all its signals ('') and signal by signal: how many, how many in
-- trouble, of how many accounts, and of how many of them at least `pct` of theirs. `elsewhere`: the same
-- trouble outside the signal, so of '' outside the signal that is in most trouble.
create type core.sends_counted as (signal_id text, tried bigint, failed bigint, accounts bigint,
  failed_accounts bigint, elsewhere_tried bigint, elsewhere_failed bigint, elsewhere_accounts bigint);

-- Counts the last `most` sends of a run at a venue, those of five minutes, not those a closed breaker has
-- judged.
create function core.count_sends(for_run text, for_venue text, most bigint, pct bigint)
returns setof core.sends_counted language sql stable set search_path = '' as $$
  with closed as materialized (
    select signal_id, counted_from from public.breakers
    where (run_id, venue, account_id) = (for_run, for_venue, 0)
  ), latest as (
    select s.*, cardinality(s.answered) + cardinality(s.failed) as n from public.sends s
    where s.run_id = for_run and s.venue = for_venue and s.at > core.database_now() - interval '5 minutes'
      and s.id > coalesce((select counted_from from closed where signal_id = ''), 0)
    order by s.id desc limit most
  ), counted as (
    select latest.*, sum(n) over (order by id desc) - n as newer from latest
  ), sent as materialized (
    select c.signal_id, account_id, is_failed,
      c.id > coalesce((select counted_from from closed where closed.signal_id = c.signal_id), 0) as is_new
    from counted c cross join lateral (select unnest(c.answered), false
      union all select unnest(c.failed), true) each_one(account_id, is_failed)
    where c.newer < most
  ), worst as (
    select signal_id from sent where is_failed group by 1 order by count(*) desc, 1 limit 1
  ), scopes as (
    select '' as scope, (select signal_id from worst) as own
    union all select distinct signal_id, signal_id from sent
  ), of_accounts as (
    select scope, account_id, count(*) as tried, count(*) filter (where is_failed) as failed
    from scopes join sent on scope = '' or (sent.signal_id = scope and is_new) group by 1, 2
  ), elsewhere as (
    select scope, count(*) as tried, count(*) filter (where is_failed) as failed,
      count(distinct account_id) filter (where is_failed) as accounts
    from scopes join sent on sent.signal_id <> own group by 1
  )
  select scope, sum(o.tried)::bigint, sum(o.failed)::bigint, count(*),
    count(*) filter (where o.failed > 0 and o.failed * 100 >= o.tried * pct),
    coalesce(min(e.tried), 0), coalesce(min(e.failed), 0), coalesce(min(e.accounts), 0)
  from of_accounts o left join elsewhere e using (scope) group by 1;
$$;

-- Opens what the last sends say is failing. Whose trouble it is: a venue's, where it is found outside its
-- worst signal, too (or there is but one); else a signal's; and an account's own by its own sends. A venue
-- that is stopped stops its signals and accounts with it, so theirs are not opened besides.
create function core.open_breakers(run public.scan_runs, for_venue text, of_accounts bigint[], judge text,
  now_at timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  pct constant bigint := core.breaker_limit(run.limits, 'breakerPct', 50);
  least_orders constant bigint := core.breaker_limit(run.limits, 'breakerMinOrders', 10);
  least_accounts constant bigint := core.breaker_limit(run.limits, 'breakerMinAccounts', 3);
  accounts_pct constant bigint := core.breaker_limit(run.limits, 'breakerAccountsPct', 50);
  least_of_account constant bigint := core.breaker_limit(run.limits, 'breakerAccountMinOrders', 5);
  first_ms constant bigint := core.breaker_limit(run.limits, 'breakerPauseMs', 5000);
  is_lone constant boolean := (select count(*) < 2
    from (select from public.run_signals where run_id = run.id limit 2) first_two);
  failing core.sends_counted[];
begin
  if exists (select from public.breakers b where b.is_open
    and (b.run_id, b.venue, b.signal_id, b.account_id) = (run.id, for_venue, '', 0)) then return; end if;
  failing := array(select c from core.count_sends(run.id, for_venue, greatest(100, least_orders * 2), pct) c
    where c.tried >= least_orders and c.failed * 100 >= c.tried * pct
      and c.failed_accounts >= least_accounts and c.failed_accounts * 100 >= c.accounts * accounts_pct
      and (c.signal_id <> '' or is_lone or (c.elsewhere_accounts >= least_accounts
        and c.elsewhere_failed * 100 >= c.elsewhere_tried * pct)));
  if exists (select from unnest(failing) f where f.signal_id = '') then
    failing := array(select f from unnest(failing) f where f.signal_id = '');
    update public.breakers set is_open = false, closed_at = now_at, probe_order_id = null
    where run_id = run.id and venue = for_venue and account_id = 0 and is_open;
  end if;
  insert into public.breakers as b (run_id, venue, signal_id, is_open, tried, failed, accounts,
    failed_accounts, openings, opened_at, pause_ms, next_probe_at, judge_id)
  select run.id, for_venue, f.signal_id, true, f.tried, f.failed, f.accounts, f.failed_accounts,
    1, now_at, first_ms, now_at + first_ms * interval '1 millisecond', judge
  from unnest(failing) f order by f.signal_id
  on conflict on constraint breakers_pkey do update set (is_open, tried, failed, accounts, failed_accounts,
    openings, opened_at, pause_ms, next_probe_at, probe_order_id, answered_probes, judge_id) = (true,
    excluded.tried, excluded.failed, excluded.accounts, excluded.failed_accounts, b.openings + 1, now_at,
    core.next_pause(b, excluded.pause_ms, now_at),
    now_at + core.next_pause(b, excluded.pause_ms, now_at) * interval '1 millisecond', null, 0, judge)
  where not b.is_open;
  if failing[1].signal_id = '' then return; end if;
  update public.breakers b set is_open = true, openings = b.openings + 1, opened_at = now_at,
    pause_ms = core.next_pause(b, first_ms, now_at), probe_order_id = null, answered_probes = 0,
    judge_id = judge,
    next_probe_at = now_at + core.next_pause(b, first_ms, now_at) * interval '1 millisecond'
  where b.run_id = run.id and b.venue = for_venue and b.signal_id = '' and b.account_id = any(of_accounts)
    and not b.is_open and b.failed >= least_of_account and b.failed * 100 >= b.tried * pct;
end $$;

-- Opened again soon after it was closed, it goes on with longer pauses.
create function core.next_pause(b public.breakers, first_ms bigint, now_at timestamptz) returns bigint
language sql immutable as $$
  select case when b.closed_at > now_at - interval '2 minutes'
      then least(greatest(b.pause_ms * 2, first_ms), 300000)
    else first_ms end;
$$;

-- Judges by what came of some orders' sends: {judgeId, orderIds, nowMs}. Answers what it opened and closed,
-- with the counts that was done by. Called after sends without a clear answer and after probes. It reads
-- the last sends of the orders' venues, however long the run is. Safe to repeat: the same judge id gets the
-- same answer.
create function public.trip_breakers(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.stamp_of(args);
  judge constant text := args ->> 'judgeId';
  order_ids constant bigint[] := array(select value::bigint
    from jsonb_array_elements_text(args -> 'orderIds'));
  scope record;
  run public.scan_runs;
begin
  for scope in select o.run_id, o.venue, array_agg(distinct o.account_id) as accounts
    from public.orders o where o.id = any(order_ids) group by 1, 2 order by 1, 2
  loop
    select * into run from public.scan_runs where id = scope.run_id and state = 'decided';
    continue when run.id is null;
    -- One judge at a time, to the end of this short transaction.
    perform pg_advisory_xact_lock(hashtextextended('breakers ' || run.id || ' ' || scope.venue, 0));
    perform from public.breakers b where (b.run_id, b.venue) = (run.id, scope.venue)
      and (b.account_id = any(scope.accounts) or b.account_id = 0 or b.is_open)
    order by b.account_id, b.signal_id for no key update;
    perform core.settle_probes(order_ids, run.id, scope.venue, judge, now_at);
    perform core.open_breakers(run, scope.venue, scope.accounts, judge, now_at);
  end loop;
  return jsonb_build_object('changed', (select coalesce(jsonb_agg(jsonb_build_object(
      'kind', case when b.is_open then 'opened' else 'closed' end, 'runId', b.run_id, 'venue', b.venue,
      'signalId', nullif(b.signal_id, ''), 'userId', a.user_id, 'tried', b.tried, 'failed', b.failed,
      'accounts', b.accounts, 'failedAccounts', b.failed_accounts, 'nextProbeMs', core.ms(b.next_probe_at),
      'waiting', (select count(*) from public.orders o where o.ended_at is null and o.venue_order_id is null
        and o.status = 'queued' and o.run_id = b.run_id and o.venue = b.venue
        and b.signal_id in ('', o.signal_id) and b.account_id in (0, o.account_id)))
      order by b.signal_id, b.account_id), '[]')
    from public.breakers b left join public.accounts a on a.id = b.account_id
    where b.judge_id = judge and b.run_id in (select run_id from public.orders where id = any(order_ids))));
end $$;
