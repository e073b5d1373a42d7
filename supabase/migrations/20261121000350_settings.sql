-- What an operator sets by hand: who may trade what, and days of the calendar.

-- A JSON list of strings as an array; JSON null as null.
create function core.text_array(list jsonb) returns text[]
language sql immutable as $$
  select case when jsonb_typeof(list) = 'array' then array(select jsonb_array_elements_text(list)) end;
$$;

-- What an operator sets of a user, as it stands.
create function core.settings_json(u public.users) returns jsonb
language sql immutable as $$
  select jsonb_build_object('active', u.active, 'tradingEnabled', u.trading_enabled, 'notify', u.notify,
    'language', u.language, 'strategies', u.strategies, 'allowSymbols', u.allow_symbols,
    'denySymbols', u.deny_symbols, 'login', u.auth_user_id);
$$;

-- {userId, by, …}: only the keys given are changed. `changed`: there is such a user; `stopped`: how many of
-- their orders had not been sent, and now never will be; `underWay`: how many had been, and go on.
create function public.set_user(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  was jsonb;
  becomes jsonb;
  stopped bigint := 0;
  under_way bigint := 0;
begin
  select core.settings_json(u) into was from public.users u where u.id = args ->> 'userId' for no key update;
  if was is null then return jsonb_build_object('changed', false, 'stopped', 0, 'underWay', 0); end if;
  update public.users u set
    active = coalesce((args ->> 'active')::boolean, active),
    trading_enabled = coalesce((args ->> 'tradingEnabled')::boolean, trading_enabled),
    notify = coalesce(args ->> 'notify', notify), language = coalesce(args ->> 'language', language),
    strategies = case when args ? 'strategies' then core.text_array(args -> 'strategies')
      else strategies end,
    allow_symbols = case when args ? 'allowSymbols' then core.text_array(args -> 'allowSymbols')
      else allow_symbols end,
    auth_user_id = case when args ? 'authUserId' then (args ->> 'authUserId')::uuid else auth_user_id end,
    deny_symbols = case when args ? 'denySymbols' then coalesce(core.text_array(args -> 'denySymbols'), '{}')
      else deny_symbols end
  where id = args ->> 'userId' returning core.settings_json(u) into becomes;
  if args ?| '{active,tradingEnabled,strategies,allowSymbols,denySymbols}' then
    stopped := core.end_blocked_orders(args ->> 'userId', core.database_now());
    under_way := (select count(*) from public.orders o where o.user_id = args ->> 'userId'
      and o.ended_at is null
      and o.status <> 'queued' and core.settings_block_of(o) is not null);
  end if;
  if was <> becomes or stopped > 0 then
    perform core.record_action(args -> 'by', 'set_user', 'user:' || (args ->> 'userId'),
      core.without_names(core.json_changes(was, becomes)),
      core.without_names(core.json_changes(becomes, was))
        || case when stopped > 0 then jsonb_build_object('stoppedOrders', stopped) else '{}' end);
  end if;
  return jsonb_build_object('changed', true, 'stopped', stopped, 'underWay', under_way);
end $$;

-- The id of whom a person means by an id or a name; null: nobody, or several of that name.
create function core.find_user_id(text text) returns text
language sql stable as $$
  select coalesce((select u.id from public.users u where u.id = text),
    (select min(u.id) from public.users u where lower(u.name) = lower(trim(text)) having count(*) = 1));
$$;

-- {user}: whom a name or an id may mean, and, where it means nobody, whose name or id is near it (5 at
-- most).
create function public.find_users(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with search as materialized (
    select args ->> 'user' as exact, lower(trim(args ->> 'user')) as name
  ), named as materialized (
    select u.id, u.name from public.users u, search where u.id = search.exact
    union all
    select u.id, u.name from public.users u, search
    where lower(u.name) = search.name
      and not exists (select from public.users same where same.id = search.exact)
    limit 6
  ), near as (
    select u.id, u.name from public.users u, search
    where not exists (select from named) and char_length(search.name) >= 2
      and (strpos(lower(u.name), search.name) > 0 or strpos(u.id, search.name) > 0
        or left(lower(u.name), 3) = left(search.name, 3) or left(u.id, 3) = left(search.name, 3))
    order by strpos(lower(u.name), search.name) = 0 and strpos(u.id, search.name) = 0, u.name, u.id limit 5
  )
  select jsonb_build_object(
    'matches', (select coalesce(jsonb_agg(to_jsonb(named) order by id), '[]') from named),
    'near', (select coalesce(jsonb_agg(to_jsonb(near)), '[]') from near));
$$;

-- A user with their settings and accounts, by id or name: {userId}. null: nobody.
create function public.read_user(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('id', u.id, 'name', u.name, 'active', u.active,
    'tradingEnabled', u.trading_enabled, 'strategies', u.strategies, 'allowSymbols', u.allow_symbols,
    'denySymbols', u.deny_symbols, 'priority', u.priority, 'hasWhatsapp', u.opted_in_at is not null,
    'notify', u.notify, 'language', u.language,
    'accounts', (select coalesce(jsonb_agg(jsonb_build_object('venue', a.venue, 'mode', a.mode,
      'currency', a.currency, 'notReady', coalesce(a.not_ready, a.check_found),
        'cashMinor', a.cash_minor, 'heldMinor', a.held_minor, 'moved', core.recent_cash_moves(a.id, 5),
        'maxOrdersPerDay', a.max_orders_per_day, 'maxOrderValueMinor', a.max_order_value_minor)
        order by a.venue, a.mode, a.currency), '[]')
      from public.accounts a where a.user_id = u.id))
  from public.users u where u.id = args ->> 'userId' or lower(u.name) = lower(args ->> 'userId');
$$;

-- `kind` null takes the operator's day out again: the shipped calendar stands.
create function public.set_calendar_day(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  was jsonb;
  becomes jsonb;
begin
  select to_jsonb(d) into was from public.calendar_days d
  where exchange = args ->> 'exchange' and day = (args ->> 'date')::date for update;
  delete from public.calendar_days where exchange = args ->> 'exchange' and day = (args ->> 'date')::date;
  if args ->> 'kind' is not null then
    insert into public.calendar_days (exchange, day, kind, name, open_time, close_time)
    values (args ->> 'exchange', (args ->> 'date')::date, args ->> 'kind', args ->> 'name',
      (args ->> 'openTime')::time, (args ->> 'closeTime')::time)
    returning to_jsonb(calendar_days) into becomes;
  end if;
  if was is distinct from becomes then
    perform core.record_action(args -> 'by', 'set_calendar_day',
      format('day:%s %s', args ->> 'exchange', args ->> 'date'), was - '{exchange,day}'::text[],
      becomes - '{exchange,day}'::text[]);
  end if;
  return '{}';
end $$;
