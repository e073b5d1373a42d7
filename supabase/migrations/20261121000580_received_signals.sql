-- Signals that came in by the HTTP door: every row of every request, with what became of it.

create table public.received_signals (
  id bigint generated always as identity primary key,
  -- One id per request, made by us: a call that is made again finds its first answer.
  request_id uuid not null,
  position integer not null,
  received_at timestamptz not null,
  source text not null,
  -- What was sent, as JSON text, without the key it may have carried, and cut where it is very long.
  payload text not null,
  signal_id text,
  outcome text not null,
  -- Why it was rejected.
  problem text,
  constraint a_row_is_received_once_per_request unique (request_id, position),
  constraint a_received_signal_is_accepted_duplicate_or_rejected
    check (outcome in ('accepted', 'duplicate', 'rejected')),
  constraint only_a_rejected_signal_has_a_problem check ((outcome = 'rejected') = (problem is not null)),
  constraint only_a_rejected_signal_may_lack_an_id check (signal_id is not null or outcome = 'rejected')
);
create index received_signals_by_time on public.received_signals (received_at);

-- Books the rows of one request and brings the good ones in. Of rows with the same signal the first stands, also one
-- that is known already; a signal whose run is open is kept here only: that run's signals are frozen. Safe to repeat:
-- the same request gets its first answer. One request at a time, so that of two the first stands as well.
create function public.receive_signals(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  request constant uuid := args ->> 'requestId';
begin
  perform pg_advisory_xact_lock(hashtext('daily-scan receive_signals'));
  if not exists (select from public.received_signals where request_id = request) then
    insert into public.received_signals
      (request_id, position, received_at, source, payload, signal_id, outcome, problem)
    select request, position, core.at((args ->> 'nowMs')::bigint), args ->> 'source', payload, signal_id,
      case when problem is not null then 'rejected' when known then 'duplicate'
        when frozen then 'rejected' else 'accepted' end,
      coalesce(problem, case when frozen and not known then 'too_late' end)
    from (
      select position, payload, problem, signal ->> 'id' as signal_id,
        exists (select from public.scan_runs where id = "runId") as frozen,
        exists (select from public.signals s where s.id = signal ->> 'id')
          or row_number() over (partition by signal ->> 'id', problem is null order by position) > 1 as known
      from jsonb_to_recordset(args -> 'rows') as row(position integer, payload text, problem text, "runId" text,
        signal jsonb)
    ) looked_at;

    perform core.write_signals(jsonb_build_object('source', args -> 'source', 'signals', (
      select coalesce(jsonb_agg(row -> 'signal'), '[]')
      from jsonb_array_elements(args -> 'rows') row join public.received_signals r
        on r.request_id = request and r.position = (row ->> 'position')::integer
      where r.outcome = 'accepted')));
    perform core.record_action(args -> 'by', 'receive_signals', 'request:' || request, after => (
      select jsonb_object_agg(outcome, n) from (
        select outcome, count(*) as n from public.received_signals where request_id = request group by 1) counted));
  end if;
  return (select coalesce(jsonb_agg(jsonb_build_object('position', position, 'signalId', signal_id,
      'outcome', outcome, 'problem', problem) order by position), '[]')
    from public.received_signals where request_id = request);
end $$;

-- Deletes what nothing is decided by any more, `limit` rows of a kind at most: {nowMs, keptDays, limit}. Received rows
-- older than `keptDays`, and counts of uses of rates that no budget looks back to. Safe to repeat.
create function public.forget_old(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  forgotten jsonb;
begin
  with received as (
    delete from public.received_signals where id in (select id from public.received_signals
      where received_at < core.at((args ->> 'nowMs')::bigint) - (args ->> 'keptDays')::integer * interval '1 day'
      order by received_at limit (args ->> 'limit')::bigint)
    returning 1
  ), buckets as (
    delete from core.rate_uses where (key, bucket) in (select key, bucket from core.rate_uses
      where bucket < core.database_now() - interval '2 days' limit (args ->> 'limit')::bigint)
    returning 1
  ), days as (
    delete from core.rate_days where (key, day) in (select key, day from core.rate_days
      where day < (core.database_now() at time zone 'Asia/Kolkata')::date - 2 limit (args ->> 'limit')::bigint)
    returning 1
  )
  select jsonb_build_object('receivedSignals', (select count(*) from received),
    'rateUses', (select count(*) from buckets) + (select count(*) from days)) into forgotten;
  if forgotten <> '{"receivedSignals": 0, "rateUses": 0}' then
    perform core.record_action(args -> 'by', 'forget_old', 'old rows', after => forgotten);
  end if;
  return forgotten;
end $$;
