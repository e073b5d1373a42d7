-- What an operator sets by hand: who may trade what, and days of the calendar.

-- A JSON list of strings as an array; JSON null as null.
create function core.texts(list jsonb) returns text[]
language sql immutable as $$
  select case when jsonb_typeof(list) = 'array' then array(select jsonb_array_elements_text(list)) end;
$$;

-- Only the keys given are changed.
create function public.set_user(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with changed as (
    update public.users set
      active = coalesce((args ->> 'active')::boolean, active),
      trading_enabled = coalesce((args ->> 'tradingEnabled')::boolean, trading_enabled),
      notify = coalesce(args ->> 'notify', notify), language = coalesce(args ->> 'language', language),
      strategies = case when args ? 'strategies' then core.texts(args -> 'strategies') else strategies end,
      allow_symbols = case when args ? 'allowSymbols' then core.texts(args -> 'allowSymbols') else allow_symbols end,
      auth_user_id = case when args ? 'authUserId' then (args ->> 'authUserId')::uuid else auth_user_id end,
      deny_symbols = case when args ? 'denySymbols' then coalesce(core.texts(args -> 'denySymbols'), '{}') else deny_symbols end
    where id = args ->> 'userId' returning 1
  ) select jsonb_build_object('changed', exists (select from changed));
$$;

create function public.read_user(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('id', u.id, 'name', u.name, 'active', u.active, 'tradingEnabled', u.trading_enabled,
    'strategies', u.strategies, 'allowSymbols', u.allow_symbols, 'denySymbols', u.deny_symbols, 'priority', u.priority,
    'hasWhatsapp', u.opted_in_at is not null, 'notify', u.notify, 'language', u.language,
    'accounts', (select coalesce(jsonb_agg(jsonb_build_object('venue', a.venue, 'mode', a.mode, 'notReady', coalesce(a.not_ready, a.check_found),
        'cashMinor', a.cash_minor, 'heldMinor', a.held_minor) order by a.venue, a.mode), '[]')
      from public.accounts a where a.user_id = u.id))
  from public.users u where u.id = args ->> 'userId' or lower(u.name) = lower(args ->> 'userId');
$$;

-- `kind` null takes the operator's day out again: the shipped calendar stands.
create function public.set_calendar_day(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  delete from public.calendar_days where exchange = args ->> 'exchange' and day = (args ->> 'date')::date;
  if args ->> 'kind' is not null then
    insert into public.calendar_days (exchange, day, kind, name, open_time, close_time)
    values (args ->> 'exchange', (args ->> 'date')::date, args ->> 'kind', args ->> 'name',
      (args ->> 'openTime')::time, (args ->> 'closeTime')::time);
  end if;
  return '{}';
end $$;
