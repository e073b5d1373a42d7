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
-- What came in stays as it came, until it is forgotten as a whole.
create trigger received_signals_are_facts before update or truncate on public.received_signals
  for each statement execute function core.refuse_change();
create index received_signals_by_time on public.received_signals (received_at);

-- How many rows are kept of one sender in a day, taken or not.
create function core.max_received_rows() returns bigint
language sql immutable as $$ select 5000::bigint; $$;

-- Who sends, as the database knows them: {source, strategies (null: all), perDay (null: no ceiling)}, or
-- {refused}: why nothing is taken of them. A key (`apiKey`, its hint) says by itself which source it is for.
create function core.signal_sender(args jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  k public.api_keys;
  s public.signal_sources;
begin
  if args ->> 'apiKey' is null then
    return jsonb_build_object('source', args -> 'source', 'strategies', null, 'perDay', args -> 'perDay');
  end if;
  select * into k from public.api_keys where hint = args ->> 'apiKey';
  if k.hash is null then return '{"refused": "unknown"}'; end if;
  if core.key_fault(k) is not null then return jsonb_build_object('refused', core.key_fault(k)); end if;
  if k.role = 'operator' and k.scope = 'trade' then
    return jsonb_build_object('source', args -> 'source', 'strategies', null, 'perDay', null);
  end if;
  if k.role <> 'signals' then return '{"refused": "not_for_signals"}'; end if;
  select * into s from public.signal_sources where name = k.source;
  if not s.enabled then return '{"refused": "source_disabled"}'; end if;
  return jsonb_build_object('source', 'http:source:' || s.name, 'strategies', s.strategies,
    'perDay', s.per_day);
end $$;

create type core.checked_signal as ("position" integer, payload text, signal_id text,
  is_known boolean, why text);

-- The rows of a request, each with why it is rejected (`why`) or whether it is a duplicate; else it is to be
-- taken. `free`: how many more may be taken today; null: as many as there are.
create function core.check_signals(rows jsonb, strategies text[], free bigint)
  returns setof core.checked_signal
language sql stable as $$
  with examined as (
    select row.position, payload, signal ->> 'id' as signal_id,
      exists (select from public.signals s where s.id = signal ->> 'id')
        or row_number() over (partition by signal ->> 'id', problem is null
          order by row.position) > 1 as is_known,
      case when problem is not null then problem
        when strategies is not null and not signal ->> 'strategy' = any(strategies)
          then 'strategy_not_allowed'
        when exists (select from public.scan_runs where id = "runId") then 'too_late' end as why
    from jsonb_to_recordset(rows) as row(position integer, payload text, problem text, "runId" text,
      signal jsonb)
  )
  select position, payload, signal_id, is_known and coalesce(why, 'too_late') = 'too_late',
    case when why is not null then why
      when not is_known and count(*) filter (where why is null and not is_known)
        over (order by position) > free
        then 'daily_limit' end
  from examined;
$$;

-- Writes signals; where they can't all be written, one by one. Gives those that can't be, with the
-- database's reason (SQLSTATE): one odd row must not take the others with it, whatever the readers before it
-- let through.
create function core.write_each_signal(source jsonb, signals jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  one jsonb;
  unwritable jsonb := '{}';
begin
  begin
    perform core.write_signals(jsonb_build_object('source', source, 'signals', signals));
    return unwritable;
  exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
    for one in select value from jsonb_array_elements(signals) loop
      begin
        perform core.write_signals(jsonb_build_object('source', source, 'signals', jsonb_build_array(one)));
      exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
        unwritable := unwritable || jsonb_build_object(one ->> 'id', 'not_writable: ' || sqlstate);
      end;
    end loop;
  end;
  return unwritable;
end $$;

-- Books the rows of one request and brings the good ones in: {requestId, source, perDay, apiKey, nowMs,
-- rows}. Of rows with the same signal the first stands, also one that is known already; a signal whose run
-- is open is kept here only: that run's signals are frozen. What a source may not send, or no more today, is
-- kept here only, too. Safe to repeat: the same request gets its first answer, and leaves nothing. One
-- request at a time, so that of two the first stands as well. {refused, limit} where nothing is taken of the
-- sender at all.
create function public.receive_signals(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  request constant uuid := args ->> 'requestId';
  sender jsonb;
  judged core.checked_signal[];
  unwritable jsonb;
  taken bigint;
begin
  perform pg_advisory_xact_lock(hashtext('daily-scan receive_signals'));
  sender := core.signal_sender(args);
  if sender ? 'refused' then return sender; end if;
  if not exists (select from public.received_signals where request_id = request) then
    if core.daily_count('received of ' || (sender ->> 'source')) >= core.max_received_rows() then
      return jsonb_build_object('refused', 'daily_quota', 'limit', core.max_received_rows());
    end if;
    judged := array(select judged_row
      from core.check_signals(args -> 'rows', core.text_array(sender -> 'strategies'),
      (sender ->> 'perDay')::bigint - core.daily_count('signals of ' || (sender ->> 'source'))) judged_row);
    unwritable := core.write_each_signal(sender -> 'source', (
      select coalesce(jsonb_agg(row -> 'signal'), '[]')
      from jsonb_array_elements(args -> 'rows') row
      join unnest(judged) j on j.position = (row ->> 'position')::integer
      where j.why is null and not j.is_known));
    insert into public.received_signals
      (request_id, position, received_at, source, payload, signal_id, outcome, problem)
    select request, position, (select core.now_of(args)), sender ->> 'source', payload, signal_id,
      case when is_known then 'duplicate' when coalesce(why, unwritable ->> signal_id) is not null
        then 'rejected'
        else 'accepted' end,
      case when not is_known then coalesce(why, unwritable ->> signal_id) end
    from unnest(judged);
    select count(*) filter (where outcome = 'accepted') into taken
    from public.received_signals where request_id = request;
    perform core.add_daily_counts(jsonb_build_object('signals of ' || (sender ->> 'source'), taken,
      'received of ' || (sender ->> 'source'), jsonb_array_length(args -> 'rows')));
    perform core.record_action(args -> 'by', 'receive_signals', 'request:' || request, after => (
      select jsonb_object_agg(outcome, n) from (
        select outcome, count(*) as n from public.received_signals where request_id = request
        group by 1) counted));
  end if;
  return (select coalesce(jsonb_agg(jsonb_build_object('position', position, 'signalId', signal_id,
      'outcome', outcome, 'problem', problem) order by position), '[]')
    from public.received_signals where request_id = request);
end $$;

-- Deletes what nothing is decided by any more, `limit` rows of a kind at most: {nowMs, keptDays, limit}.
-- Received rows older than `keptDays`, and counts of uses of rates that no budget looks back to. Safe to
-- repeat.
create function public.forget_old(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  forgotten jsonb;
begin
  with received as (
    delete from public.received_signals where id in (select id from public.received_signals
      where received_at < (select core.earlier_of(args)) - (args ->> 'keptDays')::integer * interval '1 day'
      order by received_at limit (args ->> 'limit')::bigint)
    returning 1
  ), buckets as (
    delete from core.rate_uses where (key, bucket) in (select key, bucket from core.rate_uses
      where bucket < core.database_now() - interval '2 days' limit (args ->> 'limit')::bigint)
    returning 1
  ), days as (
    delete from core.rate_days where (key, day) in (select key, day from core.rate_days
      where day < (core.database_now() at time zone 'Asia/Kolkata')::date - 2
        limit (args ->> 'limit')::bigint)
    returning 1
  )
  select jsonb_build_object('receivedSignals', (select count(*) from received),
    'rateUses', (select count(*) from buckets) + (select count(*) from days)) into forgotten;
  if forgotten <> '{"receivedSignals": 0, "rateUses": 0}' then
    perform core.record_action(args -> 'by', 'forget_old', 'old rows', after => forgotten);
  end if;
  return forgotten;
end $$;
