-- What opens accounts at venues: one sealed record per account, and the account it belongs to.
-- The database holds no key: what is here is useless without the master key, which only the service has.

create table public.account_credentials (
  account_id bigint primary key references public.accounts,
  -- The first 8 hex digits of the SHA-256 of the master key that wraps the record's own key.
  key_id text not null,
  -- The record's own key, wrapped; made anew each time something is stored, so it also says which version
  -- this is.
  wrapped_key text not null,
  sealed text not null,
  stored_at timestamptz not null,
  constraint a_master_key_is_known_by_eight_hex_digits check (key_id ~ '^[0-9a-f]{8}$'),
  constraint credentials_are_sealed check (wrapped_key ~ '^[A-Za-z0-9+/=]{40,}$'
    and sealed ~ '^[A-Za-z0-9+/=]{40,}$')
);

-- A user's account at a venue in a currency (null: rupees), with the sizing of the account they have already
-- in that currency, and no money: rupees say nothing of how many dollars. Safe to repeat.
create function public.open_account(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  in_currency constant text := coalesce(args ->> 'currency', 'INR');
  person public.users;
  account public.accounts;
  created boolean;
begin
  select * into person from public.users where id = args ->> 'userId';
  if not found then return jsonb_build_object('kind', 'no_such_user'); end if;
  insert into public.accounts (user_id, venue, mode, currency, capital_minor, allocation_bps, leverage_centi,
    max_open_positions, daily_loss_limit_bps, max_orders_per_day, max_order_value_minor, not_ready)
  select person.id, args ->> 'venue', args ->> 'mode', in_currency, capital_minor, allocation_bps,
    leverage_centi, max_open_positions, daily_loss_limit_bps, max_orders_per_day, max_order_value_minor,
    'not checked yet'
  from public.accounts where user_id = person.id and currency = in_currency
  -- The venue he is imported with, the mode that is asked for, the youngest.
  order by venue = person.venue desc, mode = args ->> 'mode' desc, id desc limit 1
  on conflict (user_id, venue, mode, currency) do nothing;
  created := found;
  select * into account from public.accounts a where (a.user_id, a.venue, a.mode, a.currency)
    = (person.id, args ->> 'venue', args ->> 'mode', in_currency);
  if not found then return jsonb_build_object('kind', 'no_sizing'); end if;
  if created then
    perform core.record_action(args -> 'by', 'open_account', core.account_target(account),
      of_user => person.id);
  end if;
  return jsonb_build_object('kind', 'open', 'accountId', account.id, 'created', created,
    'tradesAt', person.venue);
end $$;

-- `replaces` is the wrapped key of the record that was read before: it is changed only if that is still the
-- one (null: whichever is there). Repeated after a lost answer it says the same. `by` null: a session the
-- account's own login made.
create function public.store_credentials(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  of_account constant bigint := (args ->> 'accountId')::bigint;
  account public.accounts;
  key_was text;
  was text;
begin
  select * into account from public.accounts where id = of_account for no key update;
  if not found then return jsonb_build_object('kind', 'no_such_account'); end if;
  select wrapped_key, key_id into was, key_was from public.account_credentials where account_id = of_account;
  if was = args ->> 'wrappedKey' then return jsonb_build_object('kind', 'stored'); end if;
  if args ->> 'replaces' is not null and was is distinct from args ->> 'replaces' then
    return jsonb_build_object('kind', 'changed');
  end if;
  insert into public.account_credentials (account_id, key_id, wrapped_key, sealed, stored_at)
  values (of_account, args ->> 'keyId', args ->> 'wrappedKey', args ->> 'sealed',
    (select core.stamp_of(args)))
  on conflict (account_id) do update set key_id = excluded.key_id, wrapped_key = excluded.wrapped_key,
    sealed = excluded.sealed, stored_at = excluded.stored_at;
  update public.accounts set not_ready = 'not checked yet' where id = of_account
    and not_ready = 'not connected yet';
  if nullif(args -> 'by', 'null') is not null then
    perform core.record_action(args -> 'by', 'store_credentials',
      core.account_target(account),
      jsonb_build_object('keyId', key_was), jsonb_build_object('keyId', args -> 'keyId'),
      of_user => account.user_id);
  end if;
  return jsonb_build_object('kind', 'stored');
end $$;

-- A sealed record with the account it opens.
create function core.credentials_json(c public.account_credentials, a public.accounts) returns jsonb
language sql immutable as $$
  select jsonb_build_object('accountId', a.id, 'userId', a.user_id, 'venue', a.venue, 'mode', a.mode,
    'keyId', c.key_id, 'wrappedKey', c.wrapped_key, 'sealed', c.sealed, 'storedAtMs', core.ms(c.stored_at));
$$;

-- The sealed record of one account: {accountId}. null: nothing is stored for it.
create function public.read_credentials(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select core.credentials_json(c, a)
  from public.account_credentials c join public.accounts a on a.id = c.account_id
  where a.id = (args ->> 'accountId')::bigint;
$$;

-- Everything that is stored: for a new master key, and to see who is connected.
create function public.read_all_credentials(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(core.credentials_json(c, a) order by a.id), '[]')
  from public.account_credentials c join public.accounts a on a.id = c.account_id;
$$;

-- Whose order a venue speaks of, by our id of it; not the one that carries another number of the venue.
create function public.find_venue_order(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('orderId', id, 'accountId', account_id, 'userId', user_id)
  from public.orders
  where client_order_id = args ->> 'clientOrderId' and venue = args ->> 'venue'
    and coalesce(venue_order_id, args ->> 'venueOrderId') = args ->> 'venueOrderId';
$$;

-- The order is due to be looked up now: somebody said that something happened to it, and the venue's book
-- says what. One that was left to a person has its looks anew.
create function public.request_lookup(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with requested as (
    update public.orders set next_lookup_at = least(next_lookup_at, (select core.stamp_of(args))),
      lookups = case when next_lookup_at is null then 0 else lookups end,
      missed_lookups = case when next_lookup_at is null then 0 else missed_lookups end
    where id = (args ->> 'orderId')::bigint and status in ('unknown', 'working', 'partially_filled')
    returning 1
  ) select jsonb_build_object('due', exists (select from requested));
$$;
