-- Who may come in by the HTTP door: API keys, and the logins that belong to a user.

create table public.api_keys (
  -- SHA-256 of the key, hex. The key itself is told once, to whoever made it, and kept nowhere.
  hash text primary key,
  -- The key's first characters: what a list, a log and `revoke` call it by.
  hint text not null,
  role text not null,
  -- What it may do: read, or trade as well; a key that sends signals does neither.
  scope text,
  user_id text references public.users,
  -- Whose signals it sends.
  source text references public.signal_sources,
  label text not null default '',
  created_at timestamptz not null,
  -- From then on it opens nothing; null: until it is revoked. The database's clock decides.
  expires_at timestamptz,
  revoked_at timestamptz,
  -- To the minute, by the database's clock.
  last_used_at timestamptz,
  constraint a_key_is_known_by_its_hint unique (hint),
  constraint a_key_is_stored_as_its_hash check (hash ~ '^[0-9a-f]{64}$'),
  constraint a_key_is_an_operators_a_users_or_sends_signals check (role in ('operator', 'user', 'signals')),
  constraint a_key_reads_trades_or_sends_signals
    check ((scope in ('read', 'trade')) is true = (role <> 'signals')),
  constraint a_users_key_names_the_user check ((role = 'user') = (user_id is not null)),
  constraint a_signals_key_names_its_source check ((role = 'signals') = (source is not null)),
  constraint a_key_ends_after_it_was_made check (expires_at > created_at)
);

create index keys_of_a_user on public.api_keys (user_id) where user_id is not null;
create index keys_of_a_source on public.api_keys (source) where source is not null;

-- Why a key opens nothing any more; null: it does.
create function core.key_fault(k public.api_keys) returns text
language sql stable as $$
  select case when k.revoked_at is not null then 'revoked' when k.expires_at <= core.database_now()
    then 'expired' end;
$$;

-- Which requests of `place_orders` show an API key (`apiKey`, its hint) that may not place their order, and
-- why.
create function core.refused_api_keys(args jsonb) returns table (name text, why text)
language sql stable as $$
  select checked.name, checked.why from (
    select row.principal || ' ' || row.key as name, case when k.hash is null then 'unknown'
      when core.key_fault(k) is not null then core.key_fault(k) when k.scope is distinct from 'trade'
        then 'read_only'
      when k.user_id <> (select d ->> 'userId' from jsonb_array_elements(args -> 'decisions') d
        where d ->> 'signalId' = row.signal ->> 'id' limit 1) then 'other_user' end as why
    from jsonb_to_recordset(args -> 'requests') as row(principal text, key text, "apiKey" text, signal jsonb)
    left join lateral (select * from public.api_keys named where named.hint = row."apiKey" limit 1) k on true
    where row."apiKey" is not null) checked
  where checked.why is not null;
$$;

-- Safe to repeat: the same hash is one key.
create function public.create_api_key(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  if args ->> 'userId' is not null
    and not exists (select from public.users where id = args ->> 'userId') then
    return jsonb_build_object('kind', 'no_such_user');
  end if;
  insert into public.api_keys (hash, hint, role, scope, user_id, source, label, created_at, expires_at)
  values (args ->> 'hash', args ->> 'hint', args ->> 'role',
    case when args ->> 'role' <> 'signals' then coalesce(args ->> 'scope', 'trade') end, args ->> 'userId',
    args ->> 'source', coalesce(args ->> 'label', ''), (select core.now_of(args)),
    core.at((args ->> 'expiresMs')::bigint))
  on conflict (hash) do nothing;
  if found then
    perform core.record_action(args -> 'by', 'create_api_key', 'key:' || (args ->> 'hint'),
      of_user => args ->> 'userId', after => jsonb_build_object('role', args -> 'role',
        'source', args -> 'source', 'scope', case when args ->> 'role' <> 'signals'
        then coalesce(args ->> 'scope', 'trade') end, 'expiresMs', args -> 'expiresMs',
          'label', args -> 'label'));
  end if;
  return jsonb_build_object('kind', 'created');
end $$;

-- Whose key it is and what it may do, or why it opens nothing any more (`fault`); null for one that is
-- unknown.
create function public.find_api_key(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('hint', hint, 'role', role, 'scope', scope, 'userId', user_id,
    'source', source, 'expiresAtMs', core.ms(expires_at), 'fault', core.key_fault(k))
  from public.api_keys k where hash = args ->> 'hash';
$$;

-- Notes that the keys with these hints were used: {hints}. Once a minute for each key, whoever tells it and
-- how often. Safe to repeat.
create function public.note_key_uses(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with used as (
    select hash from public.api_keys
    where hint in (select jsonb_array_elements_text(args -> 'hints'))
      and coalesce(last_used_at, '-infinity') < core.database_now() - interval '1 minute'
    -- Who notes the same key at this moment says the same.
    for no key update skip locked
  ), noted as (
    update public.api_keys k set last_used_at = core.database_now() from used
    where k.hash = used.hash returning 1
  ) select jsonb_build_object('noted', (select count(*) from noted));
$$;

-- For good. Safe to repeat: the first time stands.
create function public.revoke_api_key(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  revoked public.api_keys;
begin
  update public.api_keys set revoked_at = (select core.stamp_of(args))
  where hint = args ->> 'hint' and revoked_at is null returning * into revoked;
  if revoked.hint is not null then
    perform core.record_action(args -> 'by', 'revoke_api_key', 'key:' || revoked.hint,
      of_user => revoked.user_id,
      before => jsonb_build_object('role', revoked.role, 'scope', revoked.scope, 'label', revoked.label));
    return jsonb_build_object('kind', 'revoked');
  end if;
  return jsonb_build_object('kind', case
    when exists (select from public.api_keys where hint = args ->> 'hint')
    then 'already_revoked' else 'no_such_key' end);
end $$;

-- Every API key there ever was, the oldest first, without its hash.
create function public.read_api_keys(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('hint', hint, 'role', role, 'scope', scope, 'userId', user_id,
    'source', source, 'label', label, 'createdAtMs', core.ms(created_at), 'expiresAtMs', core.ms(expires_at),
    'lastUsedAtMs', core.ms(last_used_at), 'revokedAtMs', core.ms(revoked_at))
    order by created_at, hint), '[]')
  from public.api_keys;
$$;

-- The user a login of the project's own sign-in belongs to. The caller has checked that it is a uuid.
create function public.find_auth_user(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('userId',
    (select id from public.users where auth_user_id = (args ->> 'authUserId')::uuid));
$$;

-- Every source, with what was taken of it today and which of its keys still open something.
create function public.read_signal_sources(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('name', s.name, 'strategies', s.strategies,
    'perDay', s.per_day, 'enabled', s.enabled,
    'today', core.daily_count('signals of http:source:' || s.name),
    'keys', (select coalesce(jsonb_agg(k.hint order by k.created_at, k.hint), '[]') from public.api_keys k
      where k.source = s.name and core.key_fault(k) is null)) order by s.name), '[]')
  from public.signal_sources s;
$$;

-- The keys of a source that still open something: {name}. Its requests are signed with the hash of one of
-- them.
create function public.find_source_keys(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('hint', k.hint, 'hash', k.hash) order by k.created_at desc,
    k.hint), '[]')
  from public.api_keys k where k.source = args ->> 'name' and core.key_fault(k) is null;
$$;
