-- Who may come in by the HTTP door: API keys, and the logins that belong to a user.

create table public.api_keys (
  -- SHA-256 of the key, hex. The key itself is told once, to whoever made it, and kept nowhere.
  hash text primary key,
  -- The key's first characters: what a list, a log and `revoke` call it by.
  hint text not null,
  role text not null,
  user_id text references public.users,
  label text not null default '',
  created_at timestamptz not null,
  revoked_at timestamptz,
  constraint a_key_is_known_by_its_hint unique (hint),
  constraint a_key_is_stored_as_its_hash check (hash ~ '^[0-9a-f]{64}$'),
  constraint a_key_is_an_operators_or_a_users check (role in ('operator', 'user')),
  constraint a_users_key_names_the_user check ((role = 'user') = (user_id is not null))
);

-- Safe to repeat: the same hash is one key.
create function public.create_api_key(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  if args ->> 'userId' is not null and not exists (select from public.users where id = args ->> 'userId') then
    return jsonb_build_object('kind', 'no_such_user');
  end if;
  insert into public.api_keys (hash, hint, role, user_id, label, created_at)
  values (args ->> 'hash', args ->> 'hint', args ->> 'role', args ->> 'userId', coalesce(args ->> 'label', ''),
    core.at((args ->> 'nowMs')::bigint))
  on conflict (hash) do nothing;
  return jsonb_build_object('kind', 'created');
end $$;

-- Whose key it is; null for one that is unknown or revoked.
create function public.find_api_key(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('hint', hint, 'role', role, 'userId', user_id)
  from public.api_keys where hash = args ->> 'hash' and revoked_at is null;
$$;

-- For good. Safe to repeat: the first time stands.
create function public.revoke_api_key(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  update public.api_keys set revoked_at = core.at((args ->> 'nowMs')::bigint)
  where hint = args ->> 'hint' and revoked_at is null;
  if found then return jsonb_build_object('kind', 'revoked'); end if;
  return jsonb_build_object('kind', case when exists (select from public.api_keys where hint = args ->> 'hint')
    then 'already_revoked' else 'no_such_key' end);
end $$;

create function public.read_api_keys(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('hint', hint, 'role', role, 'userId', user_id, 'label', label,
    'createdAtMs', core.ms(created_at), 'revokedAtMs', core.ms(revoked_at)) order by created_at, hint), '[]')
  from public.api_keys;
$$;

-- The user a login of the project's own sign-in belongs to. The caller has checked that it is a uuid.
create function public.find_auth_user(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('userId',
    (select id from public.users where auth_user_id = (args ->> 'authUserId')::uuid));
$$;
