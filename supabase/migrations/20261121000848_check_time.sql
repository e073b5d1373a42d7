-- What should be over by now, and what can't have happened yet, by the database's clock.

-- What nobody has ended though its time is over. A run on a clock of its own (a demo of a past day) is never
-- late by ours.
create function core.overdue_findings() returns setof core.finding
language sql stable as $$
  select 'nothing waits to be sent when its time is over', 'order ' || o.client_order_id, o.user_id,
    o.status || ', to be sent before ' || o.send_before, 'ended',
    'npm run worker (every call ends what is over)', false
  from public.orders o join public.scan_runs run on run.id = o.run_id
  where o.ended_at is null and o.status = 'queued' and not core.is_scripted(run)
    and o.send_before < core.database_now() - core.check_grace()
  union all
  select 'nothing is at its venue after its day, but what a person was told of',
    'order ' || o.client_order_id, o.user_id, o.status || ' of ' || run.trade_date,
    'ended, or left to a person', 'npm run worker (it looks up, or hands it over)', false
  from public.orders o join public.scan_runs run on run.id = o.run_id
  where o.ended_at is null and o.status <> 'queued' and core.unfinished(o) and not core.is_scripted(run)
    and core.database_now() > core.trade_date_ends(run.id, run.trade_date) + core.check_grace()
  union all
  select 'no run is planned after its cut-off', run.id, null, 'planning, to end at '
    || run.cut_off_at, 'decided', 'npm run worker (every call closes what is over)', false
  from public.scan_runs run where run.state = 'planning' and not core.is_scripted(run)
    and run.cut_off_at < core.database_now() - core.check_grace();
$$;

-- Trades of accounts whose last check of that day called them ready without their books having been brought
-- up.
create function core.unready_findings() returns setof core.finding
language sql stable as $$
  select 'who trades on a day had their books brought up for it', core.account_name(a), a.user_id,
    coalesce('brought up for ' || a.books_for, 'never brought up'), 'brought up for ' || a.checked_for,
    'npm run ready', false
  from public.accounts a
  where a.mode = 'live' and a.checked_at is not null and a.check_found is null
    and a.books_for is distinct from a.checked_for
    and exists (select from public.scan_runs run
      join public.orders o on (o.run_id, o.user_id) = (run.id, a.user_id)
      where run.trade_date = a.checked_for and run.mode = 'live' and o.account_id = a.id);
$$;

-- Times in a period that the database's clock has not come to. A process whose clock is wrong wrote them.
create function core.ahead_findings(p core.period) returns setof core.finding
language sql stable as $$
  with latest(at) as (select core.database_now() + core.check_skew()),
  stamped as (
    select 'order ' || o.client_order_id as subject, o.user_id, written.at
    from core.orders_in(p) o cross
    join lateral (values (greatest(o.created_at, o.changed_at, o.submitted_at, o.ended_at)),
      (o.next_lookup_at - interval '1 day'), (o.next_attempt_at - interval '1 day')) written(at)
    where written.at > (select at from latest)
    union all
    select 'order ' || e.order_id, null, e.at
    from core.orders_in(p) o join public.order_events e on e.order_id = o.id
    where e.at > (select at from latest)
    union all
    select 'fill ' || f.venue_fill_id, null, greatest(f.filled_at, f.booked_at) from core.fills_in(p) f
    where greatest(f.filled_at, f.booked_at) > (select at from latest)
    union all
    select 'entry ' || e.id, null, e.at from core.entries_in(p) e where e.at > (select at from latest)
    union all
    select core.account_name(a), a.user_id, a.checked_at from public.accounts a
    where a.checked_at > (select at from latest)
    union all
    select core.account_name(a), a.user_id, a.checked_for::timestamp at time zone 'Asia/Kolkata'
    from public.accounts a
    where a.checked_for::timestamp at time zone 'Asia/Kolkata' - interval '10 days' > (select at from latest)
    union all
    select run.id, null, greatest(run.opened_at, run.recorded_at, run.decided_at, run.done_at)
    from public.scan_runs run
    where greatest(run.opened_at, run.recorded_at, run.decided_at, run.done_at) > (select at from latest)
    union all
    select ru.run_id, ru.user_id, ru.decided_at
    from public.scan_runs run join public.run_users ru on ru.run_id = run.id
    where run.trade_date > coalesce((p).opening, '-infinity')
      and run.trade_date <= coalesce((p).closing, 'infinity') and ru.decided_at > (select at from latest)
    union all
    select 'message ' || m.id, m.user_id, m.changed_at
    from public.messages m left join public.scan_runs run on run.id = m.run_id
    where coalesce(run.trade_date, m.trade_date) > coalesce((p).opening, '-infinity')
      and coalesce(run.trade_date, m.trade_date) <= coalesce((p).closing, 'infinity')
      and greatest(m.changed_at, m.sending_at, m.resend_requested_at, m.due_at - interval '1 day',
      m.next_attempt_at - interval '1 day', m.next_lookup_at - interval '1 day') > (select at from latest)
  )
  select 'nothing is ahead of the database''s clock', subject, user_id, stamped.at::text,
    'at most ' || latest.at, 'npm run doctor on each machine names the one whose clock is wrong', false
  from stamped, latest;
$$;
