-- A user's own settings hold until an order is sent: who is paused, and what they may not buy, is looked at
-- again where an order is accepted and where it is marked, and what waits unsent ends when they change.

-- Whether a list of symbols names this one, whatever its series.
create function core.lists_symbol(list text[], exchange text, symbol text) returns boolean
language plpgsql immutable as $$
begin
  return (
    select exists (select from unnest(list) one
      where core.folded_symbol(exchange, one) = core.folded_symbol(exchange, symbol))
  );
end $$;

-- Why a user's settings keep an order from going; null: they don't. The same as the rules of these names in
-- domain/decision/rules.ts: a test compares the two. `strategy` null: of an order that was asked for by
-- itself.
create function core.settings_block(u public.users, side text, strategy text, exchange text, symbol text)
  returns text
language sql immutable as $$
  select case when not u.active then 'user_inactive'
    when not u.trading_enabled then 'trading_disabled'
    when not strategy = any(u.strategies) then 'not_subscribed'
    -- What they hold they may sell.
    when side = 'BUY' and (core.lists_symbol(u.deny_symbols, exchange, symbol)
      or (u.allow_symbols is not null and not core.lists_symbol(u.allow_symbols, exchange, symbol)))
      then 'symbol_not_allowed' end;
$$;

-- Why its user's settings, as they are now, keep an order from going; null: they don't.
create function core.settings_block_of(o public.orders) returns text
language sql stable as $$
  select core.settings_block(u, o.side, case when s.source <> 'api' then s.strategy end,
    i.exchange, i.symbol)
  from public.users u, public.signals s, public.instruments i
  where u.id = o.user_id and s.id = o.signal_id and i.id = o.instrument_id;
$$;

-- Ends orders that settings keep from going and that were not sent: all of a user's (whose row the caller
-- holds), under their accounts' and their own locks, so that whoever accepts or marks comes before or after;
-- or (null) those a mark has refused, passing over what is locked. Gives how many.
create function core.end_blocked_orders(of_user text, now_at timestamptz) returns bigint
language plpgsql set search_path = '' as $$
declare
  blocked bigint[];
begin
  if of_user is not null then
    perform from public.accounts where user_id = of_user order by id for no key update;
    blocked := array(select id from public.orders where user_id = of_user and ended_at is null
      and status = 'queued'
      order by id for no key update);
  else
    blocked := array(select o.id from public.orders o where o.ended_at is null and o.venue_order_id is null
      and o.status = 'queued' and o.next_attempt_at = o.send_before
      and core.settings_block_of(o) is not null limit 1000);
    if cardinality(blocked) = 0 then return 0; end if;
    blocked := core.lock_orders(blocked, true);
  end if;
  with ended as (
    update public.orders o set status = 'canceled', reason = core.settings_block_of(o), ended_at = now_at,
      changed_at = greatest(now_at, o.changed_at), claim_id = null, lease_until = null
    -- What has a fill was sent after all.
    where o.id = any(blocked) and o.status = 'queued'
      and o.filled_quantity = 0 and core.settings_block_of(o) is not null
    returning o.id
  ) select coalesce(array_agg(id), '{}') into blocked from ended;
  perform core.close_orders(blocked, now_at);
  return cardinality(blocked);
end $$;
