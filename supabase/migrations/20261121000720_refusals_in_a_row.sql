-- An error nobody listed, or a text that is refused, is one user's trouble, until several users meet it one
-- after the other: then the next will meet it too.

create index refusals_by_code on public.message_events (error_code, id) where error_code is not null;

-- Whether somebody's message got through a stage: taken over by the provider (send), or arrived (delivery).
create function core.passed_stage(e public.message_events, stage text) returns boolean
language sql immutable as $$
  select case stage
    when 'send' then e.status = 'sent'
      and coalesce(e.provider_status, 'queued') in ('accepted', 'scheduled', 'queued', 'sending')
    else e.status = 'delivered' end;
$$;

-- The newest refusals of each user with this code, since messages were last resumed: at most 50 are looked
-- at.
create function core.recent_refusals(args jsonb)
returns table (event_id bigint, at timestamptz, message_id bigint, user_id text)
language sql stable as $$
  select distinct on (recent.user_id) recent.id, recent.at, recent.message_id, recent.user_id from (
    select e.id, e.at, m.id as message_id, m.user_id
    from public.message_events e join public.messages m on m.id = e.message_id
    where e.error_code = args ->> 'code' and e.status = 'failed' and m.channel = args ->> 'channel'
      and (e.provider_status is null) = (args ->> 'stage' = 'send')
      and e.at >= coalesce((select max(resumed_at) from public.message_stops
        where channel = args ->> 'channel'), '-infinity')
    order by e.id desc limit 50) recent
  order by recent.user_id, recent.id desc;
$$;

-- Stops messages where the last `people` different users were all refused with this code, {code, stage:
-- send|delivery, channel, people, why, nowMs}, and queues what was refused: it has provably not arrived.
-- Those of one batch share their instant, so one of them that got through is in between wherever its row
-- stands. Repeated it changes nothing more.
create function public.stop_refused_in_a_row(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  first_id bigint;
  first_at timestamptz;
  stop jsonb;
  again bigint;
begin
  select r.event_id, r.at into first_id, first_at from core.recent_refusals(args) r
  order by r.event_id desc offset (args ->> 'people')::integer - 1 limit 1;
  -- Ids of one batch are neighbours: a thousand before are all of it.
  if first_id is null or exists (select from public.message_events e
      join public.messages m on m.id = e.message_id
      where e.id > first_id - 1000 and e.at >= first_at
        and core.passed_stage(e, args ->> 'stage') and m.channel = args ->> 'channel') then
    return jsonb_build_object('changed', false, 'queued', 0);
  end if;
  -- Before the stop is recorded: the log's lock is the last of all.
  perform from public.messages where id in (select r.message_id from core.recent_refusals(args) r)
  order by id for no key update;
  stop := public.stop_messages(args);
  with waiting as (
    update public.messages m set status = 'queued', next_attempt_at = null, provider_status = null,
      reason = 'refused_in_a_row', changed_at = (select core.stamp_of(args))
    from core.recent_refusals(args) r
    where m.id = r.message_id and r.at >= first_at and m.status = 'failed' and m.error_code = args ->> 'code'
    returning 1
  ) select count(*) into again from waiting;
  return stop || jsonb_build_object('queued', again);
end $$;
