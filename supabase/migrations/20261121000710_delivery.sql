-- The outbox: one message per run, user and kind, and one reminder per account and day without a login;
-- given to a provider once, followed until it has arrived.

-- What is known of a number, whoever uses it. People answer by number: STOP stops it for every user who has
-- it.
create table public.whatsapp_numbers (
  number text primary key,
  -- The last message from it: 24 hours long free text may go there.
  last_inbound_at timestamptz,
  stopped_at timestamptz,
  -- Nothing can arrive there (not on WhatsApp, say); null: nothing is known against it.
  unreachable text,
  -- The database's clock: when something last went there, and when a template last did.
  sent_at timestamptz,
  template_at timestamptz,
  constraint a_number_is_e164 check (number ~ '^\+[1-9][0-9]{6,14}$')
);
create index numbers_written_to_first on public.whatsapp_numbers (template_at);

-- Who said when that he wants messages, or no more of them; `message_id` is the provider's, so that each
-- counts once.
create table public.consents (
  id bigint generated always as identity primary key,
  number text not null,
  keyword text not null,
  source text not null,
  message_id text constraint a_consent_counts_once unique,
  at timestamptz not null,
  constraint a_consent_starts_or_stops check (keyword in ('start', 'stop'))
);

create table public.message_events (
  id bigint generated always as identity primary key,
  message_id bigint not null references public.messages,
  at timestamptz not null,
  status text not null,
  -- Which try it is about, and the provider's id, word and error code where it was the provider who told.
  attempt integer not null,
  provider_id text,
  provider_status text,
  error_code text,
  reason text
);
create index events_of_a_message on public.message_events (message_id);

-- Why nothing goes out at the moment: an error that every further message would meet. A person lifts it. Met
-- by the fallback (`sms`) it stops the fallback only, met by `whatsapp` everything.
create table public.message_stops (
  id bigint generated always as identity primary key,
  channel text not null default 'whatsapp',
  why text not null,
  stopped_at timestamptz not null,
  resumed_at timestamptz,
  resumed_by text,
  constraint a_stop_is_of_a_channel check (channel in ('whatsapp', 'sms'))
);
create unique index messages_are_stopped_once_at_a_time on public.message_stops (channel)
  where resumed_at is null;

-- Whether nothing goes out over a channel at the moment.
create function core.is_stopped(by_channel text) returns boolean
language sql stable as $$
  select exists (select from public.message_stops where resumed_at is null and channel = by_channel);
$$;

-- Whether a message would go over the fallback now.
create function core.goes_as_sms(m public.messages) returns boolean
language sql stable as $$
  select m.channel = 'sms' or exists (select from public.users u
    join public.whatsapp_numbers n on n.number = u.whatsapp and n.unreachable is not null
    where u.id = m.user_id);
$$;

-- Trigger: each status of a message, and each word of its provider, is an event; those of one statement are
-- written together. enable_nestloop: rows of a statement have no statistics, and the loop over 500 × 500 of
-- them took 24 microseconds more for each message, 12 ms in all. jit: as in record_order_statuses.
create function core.record_message_statuses() returns trigger
language plpgsql set search_path = '' set jit = off set enable_nestloop = off as $$
begin
  insert into public.message_events (message_id, at, status, attempt, provider_id, provider_status,
    error_code, reason)
  select m.id, m.changed_at, m.status, m.attempts, m.provider_id, m.provider_status, m.error_code, m.reason
  from after_it m join before_it was on was.id = m.id
  where (was.status, was.provider_status) is distinct from (m.status, m.provider_status)
  order by m.id;
  return null;
end $$;
create trigger messages_keep_their_history after update on public.messages
  referencing old table as before_it new table as after_it
  for each statement execute function core.record_message_statuses();

-- A digest of a user's orders of a run as a message tells them. A table of one row, so that it becomes part
-- of the query that asks and is planned once, not once a message.
create function core.orders_digest(for_run text, for_user text) returns table (digest text)
language sql stable as $$
  select md5(coalesce(string_agg(concat_ws('|', o.signal_id, o.status, o.reason, o.message,
    o.filled_quantity, o.filled_value_minor), E'\n' order by o.id), ''))
  -- `offset 0`: found by run and user, not by walking all the user ever ordered because that is in order
  -- already.
  from (select * from public.orders one where one.run_id = for_run and one.user_id = for_user offset 0) o;
$$;

-- A fill on an order that had ended: whatever was said of it may be wrong now.
create function core.flag_messages_for_correction() returns trigger
language plpgsql set search_path = '' as $$
begin
  update public.messages m set may_change = true from public.orders o
  where o.id = new.order_id and (m.run_id, m.user_id) = (o.run_id, o.user_id) and m.first_order_id is null;
  return null;
end $$;
create trigger a_late_fill_puts_messages_in_doubt after insert on public.fills
  for each row when (new.late) execute function core.flag_messages_for_correction();

-- Why a message is not to go at all; null: it may. A table of one row, as `orders_digest`.
create function core.suppression_reason(m public.messages, u public.users, n public.whatsapp_numbers)
  returns table (suppressed_for text)
language sql stable as $$
  select case when u.notify = 'off' then 'notify_off'
    when u.notify = 'orders' and m.run_id is not null
      and not exists (select from public.orders o where (o.run_id, o.user_id) = (m.run_id, m.user_id))
      then 'no_order_placed'
    when n.stopped_at is not null then 'opted_out'
    when u.whatsapp is null or u.opted_in_at is null then 'no_whatsapp_number'
    when n.unreachable is not null and m.channel = 'whatsapp' then 'unreachable' end;
$$;

-- What a summary says line by line, best signal first: each of a user's decisions, with what became of the
-- order it led to. A table of one row, as `orders_digest`. Records, not json_build_object: 12 instead of 23
-- microseconds a user; and json, because jsonb is built anew each time it is put into another.
create function core.summary_lines(for_run text, for_user text) returns table (lines json)
language sql stable as $$
  select coalesce(json_agg(line), '[]') from (
    select i.symbol as "symbol", s.side as "side", d.outcome as "outcome", d.reason as "reason",
      d.limit_value as "limit", d.actual_value as "actual", o.status as "status", o.reason as "orderReason",
      o.message as "message", o.quantity as "quantity", o.filled_quantity as "filledQuantity",
      o.filled_value_minor as "filledValueMinor", o.limit_price_minor as "limitPriceMinor",
      s.stop_loss_minor as "stopLossMinor", s.target_minor as "targetMinor",
      core.margin_on(o.filled_value_minor, o.leverage_centi) as "marginMinor",
      o.charges_minor as "chargesMinor", case when o.side = 'SELL' then
        (select sum(f.realised_minor) from public.fills f where f.order_id = o.id) end as "realisedMinor"
    -- By run, signals and user, or by user and run: whichever index is taken, not all decisions of the run.
    from (select * from public.decisions made where made.run_id = for_run and made.user_id = for_user
      and made.signal_id = any(array(select signal_id from public.run_signals where run_id = for_run))
      offset 0) d
    join public.signals s on s.id = d.signal_id join public.instruments i on i.id = s.instrument_id
    left join (select * from public.orders placed where placed.run_id = for_run
      and placed.user_id = for_user offset 0) o on o.signal_id = d.signal_id
    order by d.position) line;
$$;

-- Everything a message says, from rows only: a user's orders of a run, or the login he is reminded of. A
-- table of one row, as `orders_digest`.
create function core.message_json(m public.messages, now_at timestamptz) returns table (message json)
language sql stable as $$
  select json_build_object('messageId', m.id, 'runId', m.run_id, 'userId', m.user_id, 'kind', m.kind,
    'userName', u.name, 'whatsapp', case when u.opted_in_at is not null and n.stopped_at is null
    then u.whatsapp end, 'silenced', (select suppressed_for from core.suppression_reason(m, u, n)),
    'language', u.language, 'channel', m.channel, 'attempt', m.attempts + 1,
    -- Five minutes less than WhatsApp's 24 hours: clocks differ, and free text outside is refused (63016).
    'windowOpen', coalesce(n.last_inbound_at > now_at - interval '23 hours 55 minutes', false),
    'dueMs', core.ms(m.due_at), 'contentHash', case when m.first_order_id is null
      then (select digest from core.orders_digest(m.run_id, m.user_id))
      else core.last_single_order(m) end,
    'tradeDate', coalesce(run.trade_date, m.trade_date), 'mode', coalesce(run.mode, a.mode),
    'pricesFrom', run.limits ->> 'pricesFrom',
    'availableMinor', (select traded.cash_minor - traded.held_minor from public.run_users ru
      join public.accounts traded on traded.id = ru.account_id
      where (ru.run_id, ru.user_id) = (m.run_id, m.user_id)),
    'login', case when a.id is not null then json_build_object('accountId', a.id, 'venue', a.venue,
      'beforeMs', core.ms(m.send_before)) end,
    'lines', case when m.first_order_id is not null then core.single_order_lines(m)::json
      else (select lines from core.summary_lines(m.run_id, m.user_id)) end)
  from public.users u left join public.whatsapp_numbers n on n.number = u.whatsapp
  left join public.scan_runs run on run.id = m.run_id left join public.accounts a on a.id = m.account_id
  where u.id = m.user_id;
$$;

-- Messages that may go. Of a run: it is decided, and the user's orders have all ended or 90 seconds are
-- over; of single orders: their three minutes are. It walks the index of what waits until it has enough, and
-- never sorts or looks up all of it.
-- enable_seqscan: with statistics from before the day 50 messages read 12,560 rows, without it 3,760 rows.
-- enable_bitmapscan: what waits is not known to the statistics, and all 5,000 were looked through and sorted
-- for each 500 (51 of 114 ms).
-- jit: what is switched off costs ten billion to the planner, and it compiles.
create function public.read_due_messages(args jsonb) returns json
language plpgsql stable security definer set search_path = '' set jit = off
set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  -- No subquery: with one among its arguments message_json would be planned once a message.
  now_at constant timestamptz := core.now_of(args);
begin
  return (select coalesce(json_agg(built.message order by (due.m).id), '[]') from (
    select m from public.messages m
    where m.status = 'queued' and (args ->> 'runId' is null or m.run_id = args ->> 'runId')
      and coalesce(m.next_attempt_at, '-infinity') <= now_at
      and not (select core.is_stopped('whatsapp'))
      and not ((select core.is_stopped('sms')) and core.goes_as_sms(m))
      and (m.due_at <= now_at
        or (m.run_id is not null and m.first_order_id is null and not exists (
        select from public.orders o where o.run_id = m.run_id and o.user_id = m.user_id
          and core.unfinished(o))))
    order by m.due_at, m.id limit (args ->> 'limit')::bigint) due
  cross join lateral core.message_json(due.m, now_at) built);
end $$;

-- Whoever was told something that is not so any more gets one correction, as soon as nothing more is to be
-- expected. Only messages that had something open when they went, or that a late fill put in doubt, are
-- looked at. One that was not to go at all is written anew: nobody was told, and what it would have said is
-- on record as it is now.
create function public.queue_corrections(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.now_of(args);
  queued bigint;
begin
  with doubted as (
    select m.id, m.run_id, m.user_id,
      m.content_hash is distinct from (select digest from core.orders_digest(m.run_id, m.user_id))
        as wrong,
      m.status in ('sent', 'delivered', 'unknown') as was_sent,
      not exists (select from public.messages later
        where (later.run_id, later.user_id) = (m.run_id, m.user_id)
        and later.id > m.id) as is_last,
      (select count(*) from public.messages other
        where (other.run_id, other.user_id) = (m.run_id, m.user_id)) as n,
      exists (select from public.orders o where (o.run_id, o.user_id) = (m.run_id, m.user_id)
        and o.ended_at is null) as is_open
    from public.messages m
    where m.may_change and m.status not in ('queued', 'sending')
      and not exists (select from public.orders o
        where (o.run_id, o.user_id) = (m.run_id, m.user_id) and core.unfinished(o))
    for no key update of m skip locked
  ), cleared as (
    -- An order a person has still to speak about stays in doubt.
    update public.messages m set may_change = false,
      status = case when d.wrong and m.status = 'suppressed' then 'queued' else m.status end,
      changed_at = case when d.wrong and m.status = 'suppressed' then now_at else m.changed_at end
    from doubted d where m.id = d.id and (d.wrong or not d.is_open or not d.is_last)
  ), corrected as (
    insert into public.messages (run_id, user_id, kind, due_at, changed_at)
    select run_id, user_id, case n when 1 then 'correction' else 'correction-' || n end, now_at, now_at
    from doubted where wrong and was_sent and is_last order by id
    on conflict (run_id, user_id, kind) do nothing returning 1
  ) select count(*) into queued from corrected;
  return jsonb_build_object('queued', queued);
end $$;

-- Write first, then speak: only messages this call returns may be sent, and only by its caller. Repeated
-- after a lost answer with the same mark id it gives what it marked. `pace`, where the provider asks for
-- one: {pairPauseMs, dailyRecipients} keep a number from getting two messages at once, and a day's templates
-- to so many numbers; what has to wait for that is told when. A reminder whose login is there by now, or
-- whose time is over, is not marked, nor a message of single orders there is more to say in by now.
create function public.mark_sending(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.later_of(args);
  this_mark constant text := args ->> 'markId';
  recipients_left bigint;
  again bigint[];
  bursts bigint[];
  marked jsonb;
begin
  select coalesce(array_agg(id), '{}') into again from core.requested_messages(args)
  where status = 'sending' and mark_id = this_mark;
  recipients_left := core.lock_recipients(args);
  bursts := core.sendable_order_messages(args, now_at);
  update public.messages m set status = 'suppressed', reason = 'login_made', text = reminder.text,
    changed_at = now_at
  from core.requested_messages(args) reminder
  where m.id = reminder.id and m.status = 'queued' and reminder.account_id is not null
    and not core.lacks_login(reminder.account_id, reminder.trade_date);

  with paced as (
    select * from core.paced_messages(args, now_at, bursts, recipients_left)
  ), held as (
    update public.messages m set next_attempt_at = not_before from paced p
    where m.id = p.message_id and m.status = 'queued' and not_before is not null
  ), sending as (
    update public.messages m set status = 'sending', mark_id = this_mark, text = p.text,
      content_hash = p.content_hash, sent_to = p.number, channel = coalesce(p.channel, m.channel),
      sending_at = core.database_now(), changed_at = now_at, attempts = m.attempts + 1,
      next_attempt_at = null, reason = null, error_code = null, provider_status = null, provider_id = null,
      lookups = 0, may_change = m.run_id is not null and m.first_order_id is null and (m.may_change
        or p.content_hash is distinct from (select digest from core.orders_digest(m.run_id, m.user_id))
        or exists (select from public.orders o
          where (o.run_id, o.user_id) = (m.run_id, m.user_id) and o.ended_at is null))
    from paced p where m.id = p.message_id and m.status = 'queued' and p.not_before is null
    returning m.id, p.number, p.is_template
  ), sent as (
    update public.whatsapp_numbers n set sent_at = core.database_now(),
      template_at = case when sending.is_template
        and coalesce(n.template_at <= core.database_now() - interval '24 hours', true)
        then core.database_now() else n.template_at end
    from sending where n.number = sending.number and args ? 'pace'
  )
  select coalesce(jsonb_agg(id), '[]') into marked
  from (select id from sending union all select unnest(again)) all_marked;
  return jsonb_build_object('marked', marked);
end $$;

-- The messages a call is about, as they are, each found by its id: a join may be with all that wait (500 of
-- 5,000 read 2.5 million rows and took 260 ms of a batch).
create function core.requested_messages(args jsonb) returns table (id bigint, text text, content_hash text,
  number text, is_template boolean, channel text, status text, mark_id text, send_before timestamptz,
  account_id bigint, trade_date date, first_order_id bigint)
language sql stable as $$
  select m.id, row.text, row."contentHash", row."to", coalesce(row.template, false), row.channel, m.status,
    m.mark_id, m.send_before, m.account_id, m.trade_date, m.first_order_id
  from jsonb_to_recordset(args -> 'messages') as row("messageId" bigint, text text, "contentHash" text,
    "to" text, template boolean, channel text)
  cross join lateral (select * from public.messages one where one.id = row."messageId" limit 1) m;
$$;

-- Knows and locks the numbers that messages are to go to, where the provider asks for a pace. Gives how many
-- new recipients the day has left; null: as many as there are.
create function core.lock_recipients(args jsonb) returns bigint
language plpgsql set search_path = '' as $$
declare
  max_recipients constant bigint := (args -> 'pace' ->> 'dailyRecipients')::bigint;
begin
  insert into public.whatsapp_numbers (number)
  select distinct "to" from jsonb_to_recordset(args -> 'messages') as row("to" text)
  where "to" is not null order by 1
  on conflict do nothing;
  if args ? 'pace' then
    perform from public.whatsapp_numbers n
    where n.number in (select "to" from jsonb_to_recordset(args -> 'messages') as row("to" text))
    order by n.number for no key update;
  end if;
  if max_recipients is null then return null; end if;
  -- One at a time: two processes must not both see the last recipient of the day free.
  perform pg_advisory_xact_lock(hashtextextended('whatsapp recipients', 0));
  return max_recipients - (select count(*) from (select from public.whatsapp_numbers
    where template_at > core.database_now() - interval '24 hours' limit max_recipients) recent);
end $$;

-- The messages that may go, each with the instant it has to wait for (`not_before`; null: it goes now): a
-- number gets one at a time with a pause between, and a day's templates go to so many numbers.
create function core.paced_messages(args jsonb, now_at timestamptz, bursts bigint[], recipients_left bigint)
returns table (message_id bigint, text text, content_hash text, number text, is_template boolean,
  channel text, not_before timestamptz)
language sql stable as $$
  with requested as (
    select m.*, n.sent_at, row_number() over (partition by m.number order by m.id) as nth,
      m.is_template and coalesce(n.template_at <= core.database_now() - interval '24 hours', true) as is_new,
      coalesce((args -> 'pace' ->> 'pairPauseMs')::bigint, 0) * interval '1 millisecond' as pause
    from core.requested_messages(args) m
    left join lateral (select known.sent_at, known.template_at from public.whatsapp_numbers known
      where known.number = m.number limit 1) n on true
    where m.status = 'queued' and coalesce(m.send_before > now_at, true)
      and (m.account_id is null or core.lacks_login(m.account_id, m.trade_date))
      and (m.first_order_id is null or m.id = any(bursts))
  )
  select id, text, content_hash, number, is_template, channel, case
      when not args ? 'pace' then null
      when nth > 1 then now_at + pause
      when sent_at > core.database_now() - pause then now_at + (sent_at + pause - core.database_now())
      when recipients_left is not null and is_new and sum(case when is_new and nth = 1 then 1 else 0 end)
        over (order by id) > recipients_left then now_at + interval '10 minutes' end
  from requested;
$$;

-- What became of messages. From `sending`: sent, failed, unknown, or queued again (proven not sent). From
-- `unknown`, by who looked it up and names the attempt: the same. From `queued`: suppressed or failed
-- without being sent.
create function public.settle_messages(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.stamp_of(args);
  settled bigint;
begin
  with row as (
    select * from jsonb_to_recordset(args -> 'messages') as row("messageId" bigint, status text,
      reason text, text text, "providerId" text, "providerStatus" text, code text, attempt integer,
      "lookedUp" boolean, "nextAttemptMs" bigint, "nextLookupMs" bigint, channel text, resend boolean,
      unreachable boolean)
  ), done as (
    update public.messages m set status = row.status, reason = row.reason, text = coalesce(row.text, m.text),
      provider_id = coalesce(row."providerId", m.provider_id), error_code = row.code,
      provider_status = coalesce(row."providerStatus", m.provider_status),
        channel = coalesce(row.channel, m.channel),
      next_attempt_at = core.at(row."nextAttemptMs"), next_lookup_at = core.at(row."nextLookupMs"),
      lookups = m.lookups + case when row."lookedUp" then 1 else 0 end,
      resends = m.resends + case when row.resend then 1 else 0 end, changed_at = now_at,
      may_change = m.may_change or (row.status = 'suppressed' and m.run_id is not null
        and m.first_order_id is null and exists (select from public.orders o
          where (o.run_id, o.user_id) = (m.run_id, m.user_id) and o.ended_at is null))
    from row where m.id = row."messageId" and m.attempts = coalesce(row.attempt, m.attempts)
      -- A case, so that the message is found by its id and not by an index of what waits.
      and case m.status when 'sending' then true when 'queued' then row.status in ('suppressed', 'failed')
        when 'unknown' then row."lookedUp" end
    returning m.sent_to, row.unreachable, row.reason
  ), marked as (
    update public.whatsapp_numbers n set unreachable = done.reason
    from done where done.unreachable and n.number = done.sent_to
  ) select count(*) into settled from done;
  return jsonb_build_object('settled', settled);
end $$;

-- A message whose sender is gone may have been sent or not: unknown, never sent again blindly.
create function public.sweep_messages(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with lost as (
    update public.messages set status = 'unknown', reason = 'sender_lost',
      changed_at = (select core.earlier_of(args)),
      next_lookup_at = core.at((args ->> 'nextLookupMs')::bigint)
    where status = 'sending' and (sending_at < core.database_now() - interval '2 minutes'
      or (args ->> 'onlyProcess')::boolean)
    returning 1
  ) select jsonb_build_object('lost', count(*)) from lost;
$$;

-- Unknown messages whose pause is over, each to one caller: it has a minute to come back.
create function public.claim_message_lookups(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with due as (
    select id from public.messages
    where status = 'unknown' and next_lookup_at <= (select core.now_of(args))
    order by next_lookup_at limit (args ->> 'limit')::bigint for no key update skip locked
  ), claimed as (
    update public.messages m set next_lookup_at = (select core.now_of(args)) + interval '1 minute'
    from due where m.id = due.id returning m.*
  )
  select coalesce(jsonb_agg(jsonb_build_object('messageId', c.id, 'runId', c.run_id, 'userId', c.user_id,
    'to', c.sent_to, 'channel', c.channel, 'attempt', c.attempts, 'lookups', c.lookups, 'resends', c.resends,
    'text', c.text, 'dueMs', core.ms(c.due_at), 'beforeMs', core.ms(c.send_before),
    'sendingMs', core.ms(c.sending_at), 'otherIds', (select coalesce(jsonb_agg(o.provider_id), '[]')
      from public.messages o
      where o.sent_to = c.sent_to and o.id <> c.id and o.provider_id is not null
        and o.sending_at > c.sending_at - interval '1 day'))), '[]')
  from claimed c;
$$;

-- How far a message has come, by the provider's word. A later word of a lower rank changes nothing.
create function core.delivery_rank(provider_status text) returns integer
language sql immutable as $$
  select case provider_status when 'accepted' then 1 when 'scheduled' then 1 when 'queued' then 2
    when 'sending' then 3
    when 'sent' then 4 when 'failed' then 5 when 'undelivered' then 5 when 'canceled' then 5
    when 'delivered' then 6
    when 'read' then 7 else 0 end;
$$;

-- What the provider tells by itself, in any order and as often as it likes. {messageId, attempt, providerId,
-- providerStatus, code, reason, nowMs} and, for a message that did not arrive, what follows: {unreachable,
-- retryMs, fallback}: a failed message may go again, because it has provably not arrived. A number is
-- unreachable by what WhatsApp says of it; what the fallback meets says nothing of that.
create function public.record_delivery(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.stamp_of(args);
  reported_status constant text := args ->> 'providerStatus';
  arrived constant boolean := reported_status in ('delivered', 'read');
  failed constant boolean := reported_status in ('failed', 'undelivered', 'canceled');
  again boolean;
  m public.messages;
begin
  select * into m from public.messages where id = (args ->> 'messageId')::bigint for no key update;
  if m.id is null or m.attempts = 0 then return jsonb_build_object('kind', 'no_such_message'); end if;
  if (m.attempts <> (args ->> 'attempt')::integer or m.provider_id <> args ->> 'providerId')
    and not arrived then
    return jsonb_build_object('kind', 'not_the_last_try');
  end if;
  if core.delivery_rank(reported_status) <= core.delivery_rank(m.provider_status)
    or m.status in ('suppressed') then
    return jsonb_build_object('kind', 'nothing_new', 'status', m.status);
  end if;
  again := failed and (args ->> 'fallback' is distinct from m.channel and args ->> 'fallback' is not null
    or args ->> 'retryMs' is not null);
  update public.messages set provider_id = args ->> 'providerId', provider_status = reported_status,
    changed_at = now_at,
    error_code = args ->> 'code', reason = args ->> 'reason', next_lookup_at = null,
    status = case when arrived then 'delivered' when again then 'queued' when failed then 'failed'
      else 'sent' end,
    channel = case when again then coalesce(args ->> 'fallback', channel) else channel end,
    next_attempt_at = case when again then coalesce(core.at((args ->> 'retryMs')::bigint), now_at) end
  where id = m.id;
  if (args ->> 'unreachable')::boolean and m.channel = 'whatsapp' then
    update public.whatsapp_numbers set unreachable = args ->> 'reason' where number = m.sent_to;
  elsif arrived then
    update public.whatsapp_numbers set unreachable = null where number = m.sent_to
      and unreachable is not null;
  end if;
  return jsonb_build_object('kind', 'recorded', 'status', case when arrived then 'delivered'
    when again then 'queued'
    when failed then 'failed' else 'sent' end, 'channel', m.channel, 'runId', m.run_id, 'userId', m.user_id);
end $$;

-- Somebody wrote: {number, consent: start|stop|null, source, providerId, nowMs}. It opens the window for
-- free text, and shows that the number can be reached; START and STOP count for every user with this number.
create function public.record_inbound_message(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.stamp_of(args);
  new_keyword constant text := args ->> 'consent';
  matching_users bigint;
begin
  -- Users before their number, by id, as whoever imports or erases them.
  if new_keyword is not null then
    perform from public.users where whatsapp = args ->> 'number' order by id for no key update;
  end if;
  insert into public.whatsapp_numbers as n (number, last_inbound_at) values (args ->> 'number', now_at)
  on conflict (number) do update set last_inbound_at = greatest(n.last_inbound_at, now_at),
    unreachable = null;
  select count(*) into matching_users from public.users where whatsapp = args ->> 'number';
  if new_keyword is not null then
    insert into public.consents (number, keyword, source, message_id, at)
    values (args ->> 'number', new_keyword, args ->> 'source', args ->> 'providerId', now_at)
      on conflict do nothing;
    if found then
      update public.whatsapp_numbers set stopped_at = case new_keyword when 'stop' then now_at end
      where number = args ->> 'number';
      update public.users set opted_in_at = case new_keyword when 'start' then now_at end,
        opt_in_source = case new_keyword when 'start' then args ->> 'source' end
          where whatsapp = args ->> 'number';
    end if;
  end if;
  return jsonb_build_object('users', matching_users);
end $$;
create index users_by_number on public.users (whatsapp) where whatsapp is not null;

-- {channel, why, by, nowMs}. Safe to repeat: the first reason stands.
create function public.stop_messages(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  changed boolean;
begin
  insert into public.message_stops (channel, why, stopped_at)
  values (args ->> 'channel', args ->> 'why', (select core.stamp_of(args))) on conflict do nothing;
  changed := found;
  if changed then
    perform core.record_action(args -> 'by', 'stop_messages', 'messages:' || (args ->> 'channel'),
      why => args ->> 'why');
  end if;
  return jsonb_build_object('changed', changed);
end $$;

-- {by, nowMs}. Safe to repeat: the second time there is nothing left to resume.
create function public.resume_messages(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  stops jsonb;
  why text;
begin
  with resumed as (
    update public.message_stops s set resumed_at = (select core.stamp_of(args)),
      resumed_by = args -> 'by' ->> 'who'
    where s.resumed_at is null returning s.*
  ) select jsonb_agg(jsonb_build_object('channel', r.channel, 'why', r.why,
    'stoppedAtMs', core.ms(r.stopped_at)) order by r.id),
      string_agg(r.why, '; ' order by r.id)
    into stops, why from resumed r;
  if why is not null then
    perform core.record_action(args -> 'by', 'resume_messages', 'messages',
      before => jsonb_build_object('why', why, 'stops', stops));
  end if;
  return jsonb_build_object('why', why);
end $$;

-- A person wants a message to go once more; who is on record. What is waiting or going needs no second
-- order.
create function public.resend_message(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  m public.messages;
begin
  select * into m from public.messages where run_id = args ->> 'runId' and user_id = args ->> 'userId'
  order by id desc limit 1 for no key update;
  if m.id is null then return jsonb_build_object('kind', 'no_such_message'); end if;
  -- Asked again after a lost answer: it may have gone out since, and must not go once more.
  if m.resend_requested_at = (select core.now_of(args)) then
    return jsonb_build_object('kind', 'queued', 'was', m.status);
  end if;
  if m.status in ('queued', 'sending')
    then return jsonb_build_object('kind', 'not_settled', 'status', m.status); end if;
  update public.messages set status = 'queued', reason = 'resend: ' || (args -> 'by' ->> 'who'),
    due_at = (select core.now_of(args)),
    resend_requested_at = (select core.now_of(args)),
    next_attempt_at = null, next_lookup_at = null,
      channel = 'whatsapp', changed_at = (select core.now_of(args))
  where id = m.id;
  update public.whatsapp_numbers set unreachable = null where number = m.sent_to;
  perform core.record_action(args -> 'by', 'resend_message', 'message:' || m.id, of_user => m.user_id,
    before => jsonb_build_object('runId', m.run_id, 'kind', m.kind, 'status', m.status));
  return jsonb_build_object('kind', 'queued', 'was', m.status);
end $$;

-- Those of a run, or of `userIds` of it; without a run, the login reminders of a day.
create function public.read_messages(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('userId', m.user_id, 'userName', u.name, 'kind', m.kind,
    'status', m.status, 'reason', m.reason, 'text', coalesce(m.text, ''), 'channel', m.channel,
    'attempts', m.attempts, 'providerId', m.provider_id, 'providerStatus', m.provider_status,
    'errorCode', m.error_code, 'changedAtMs', core.ms(m.changed_at),
    'events', (select coalesce(jsonb_agg(jsonb_build_object('atMs', core.ms(e.at),
      'status', e.status, 'attempt', e.attempt, 'providerStatus', e.provider_status,
      'errorCode', e.error_code, 'reason', e.reason) order by e.id), '[]') from public.message_events e
      where e.message_id = m.id)) order by m.id), '[]')
  from public.messages m join public.users u on u.id = m.user_id
  where (m.run_id = args ->> 'runId'
      and (not args ? 'userIds' or m.user_id in (select jsonb_array_elements_text(args -> 'userIds'))))
    or (args ->> 'runId' is null and m.run_id is null and m.trade_date = (args ->> 'tradeDate')::date);
$$;

-- What operators are told: a digest of each run, and alarms. `key` says it once to each of them.
create table public.notices (
  id bigint generated always as identity primary key,
  key text not null,
  run_id text references public.scan_runs,
  number text not null,
  text text not null,
  status text not null default 'queued',
  reason text,
  provider_id text,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null,
  changed_at timestamptz not null,
  constraint an_operator_is_told_once_of_a_thing unique (key, number),
  constraint a_notice_has_a_known_status check (status in ('queued', 'sending', 'sent', 'failed', 'unknown'))
);
create index notices_waiting on public.notices (next_attempt_at) where status = 'queued';

-- Queues notices for operators: {notices: [{key, runId, text}], to: [number], nowMs}. Each goes to each of
-- them once.
create function public.queue_notices(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with queued as (
    insert into public.notices (key, run_id, number, text, next_attempt_at, changed_at)
    select row.key, (select id from public.scan_runs where id = row."runId"), number, row.text,
      (select core.stamp_of(args)), (select core.stamp_of(args))
    from jsonb_to_recordset(args -> 'notices') as row(key text, "runId" text, text text),
      jsonb_array_elements_text(args -> 'to') as number
    on conflict (key, number) do nothing returning 1
  ) select jsonb_build_object('queued', count(*)) from queued;
$$;

-- Marked before anybody speaks. One whose sender is gone stays `sending`: it may have gone, and is not sent
-- again.
create function public.claim_notices(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with due as (
    select id from public.notices where status = 'queued' and next_attempt_at <= (select core.stamp_of(args))
    order by id limit (args ->> 'limit')::bigint for no key update skip locked
  ), claimed as (
    update public.notices n set status = 'sending', attempts = n.attempts + 1,
      changed_at = (select core.stamp_of(args))
    from due where n.id = due.id returning n.*
  ) select coalesce(jsonb_agg(jsonb_build_object('noticeId', id, 'key', key, 'number', number, 'text', text,
    'attempt', attempts) order by id), '[]') from claimed;
$$;

-- What became of notices that were being sent: {notices: [{noticeId, status, reason, providerId,
-- nextAttemptMs}], nowMs}.
create function public.settle_notices(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with settled as (
    update public.notices n set status = row.status, reason = row.reason, provider_id = row."providerId",
      next_attempt_at = coalesce(core.at(row."nextAttemptMs"), n.next_attempt_at),
        changed_at = (select core.stamp_of(args))
    from jsonb_to_recordset(args -> 'notices') as row("noticeId" bigint, status text, reason text,
      "providerId" text, "nextAttemptMs" bigint)
    where n.id = row."noticeId" and n.status = 'sending' returning 1
  ) select jsonb_build_object('settled', count(*)) from settled;
$$;

-- The facts of a run's digest, for runs nobody has told of: done, and its messages are on their way (or ten
-- minutes over).
create function public.read_digests(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('runId', run.id, 'mode', run.mode,
    'startedAtMs', core.ms(run.opened_at), 'doneAtMs', core.ms(run.done_at),
    'badRows', jsonb_array_length(run.problems),
    'users', (select count(*) from public.run_users u where u.run_id = run.id),
    'outcomes', (select coalesce(jsonb_object_agg(outcome, n), '{}') from (
      select outcome, count(*) as n from public.decisions d where d.run_id = run.id group by 1) t),
    'orders', (select coalesce(jsonb_object_agg(status, n), '{}') from (
      select status, count(*) as n from public.orders o where o.run_id = run.id group by 1) t),
    'messages', (select coalesce(jsonb_object_agg(status, n), '{}') from (
      select status, count(*) as n from public.messages m where m.run_id = run.id group by 1) t),
    'unknownOrders', (select coalesce(jsonb_agg(client_order_id), '[]') from (select client_order_id
      from public.orders o
      where o.run_id = run.id and o.ended_at is null order by id limit 5) t),
    'breaker', (select count(*) from public.orders o where o.run_id = run.id and o.reason = 'breaker_open'),
    'lateFills', (select count(*) from public.orders o where o.run_id = run.id and o.late_fill),
    'messagesStopped', (select string_agg(why, '; ') from public.message_stops where resumed_at is null))),
    '[]')
  from public.scan_runs run
  where run.state = 'done' and run.takes_orders_until is null
    and run.done_at > (select core.stamp_of(args)) - interval '1 day'
    and not exists (select from public.notices n where n.key = 'digest ' || run.id)
    and (run.done_at < (select core.stamp_of(args)) - interval '10 minutes' or not exists (
      select from public.messages m where m.run_id = run.id and (m.status in ('queued', 'sending')
        or (m.status = 'unknown' and m.next_lookup_at is not null))));
$$;
