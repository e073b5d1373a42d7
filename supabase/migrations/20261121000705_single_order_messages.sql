-- Messages of single orders: who was ordered for over HTTP hears of it, in one message for all orders of
-- three minutes. So a key in the wrong hands shows itself to whose money it moves. A burst's message begins
-- with its first order and tells of all before the next one's first: no order is told of twice, and none is
-- left out.

-- The orders a message of single orders tells of.
create function core.orders_in_message(m public.messages) returns setof public.orders
language sql stable as $$
  select o.* from public.orders o
  where (o.run_id, o.user_id) = (m.run_id, m.user_id) and o.id >= m.first_order_id
    and not exists (select from public.messages later
      where (later.run_id, later.user_id) = (m.run_id, m.user_id)
      and later.first_order_id > m.first_order_id and later.first_order_id <= o.id);
$$;

-- The last of them, which a text names to say how far it goes.
create function core.last_single_order(m public.messages) returns text
language sql stable as $$
  select coalesce(max(o.id)::text, '') from core.orders_in_message(m) o;
$$;

-- Each of them with who placed it: the user, with a key (by its label, else its hint) or a login, or an
-- operator.
create function core.single_order_lines(m public.messages) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('symbol', i.symbol, 'side', o.side, 'outcome', 'accepted',
      'reason', null, 'limit', null, 'actual', null, 'status', o.status, 'orderReason', o.reason,
      'message', o.message, 'quantity', o.quantity, 'filledQuantity', o.filled_quantity,
      'filledValueMinor', o.filled_value_minor, 'limitPriceMinor', o.limit_price_minor,
      'marginMinor', core.margin_on(o.filled_value_minor, o.leverage_centi), 'chargesMinor', o.charges_minor,
      'realisedMinor', case when o.side = 'SELL' then
        (select sum(f.realised_minor) from public.fills f where f.order_id = o.id) end,
      'placedBy', jsonb_build_object('own', request.principal is not distinct from 'user:' || o.user_id,
        'key', coalesce(nullif(trim(k.label), ''), request.api_key))) order by o.id), '[]')
  from core.orders_in_message(m) o
  join public.instruments i on i.id = o.instrument_id
  left join lateral (select * from public.order_requests one
    where (one.user_id, one.run_id, one.signal_id) = (o.user_id, o.run_id, o.signal_id)
      limit 1) request on true
  left join public.api_keys k on k.hint = request.api_key;
$$;

-- A message for each user an order was just accepted for, unless one of theirs still waits and will tell of
-- it too. That one is locked, so that it does not go without this order; where its sender has it, it may be
-- gone already, and the order begins the next. Orders never wait for messages here. One user's orders come
-- one after another, by the lock of their account.
create function core.queue_order_messages(of_run text, decisions core.decision[], now_at timestamptz)
  returns void
language plpgsql set search_path = '' as $$
begin
  with placed as materialized (
    select o.user_id, min(o.id) as first_order_id from unnest(decisions) d
    cross join lateral (select one.id, one.user_id from public.orders one
      where one.client_order_id = d."clientOrderId" limit 1) o
    where d.outcome = 'accepted' group by o.user_id
  ), latest as materialized (
    select p.*, m.id, m.n from placed p
    cross join lateral (select max(earlier.id) as id, count(*) as n from public.messages earlier
      where (earlier.run_id, earlier.user_id) = (of_run, p.user_id) and earlier.first_order_id is not null) m
  ), waiting as materialized (
    select m.user_id from public.messages m
    -- Not said as the index of what waits says it: by that, each order would read all messages there are.
    where m.id = any(array(select id from latest)) and m.status || '' = 'queued'
    for no key update of m skip locked
  )
  insert into public.messages (run_id, user_id, kind, first_order_id, due_at, changed_at)
  select of_run, user_id, case n when 0 then 'single_orders' else 'single_orders-' || n + 1 end,
    first_order_id, now_at + interval '3 minutes', now_at
  from latest where user_id not in (select user_id from waiting) order by user_id
  on conflict (run_id, user_id, kind) do nothing;
end $$;

-- Which messages of single orders among these may go now. Locked first: then the text says all there is, and
-- an order that is being placed begins the next message. A user gets one in three minutes; another has to
-- wait for that, also where an outage kept the one before until now.
create function core.sendable_order_messages(args jsonb, now_at timestamptz) returns bigint[]
language plpgsql set search_path = '' as $$
declare
  message_ids bigint[];
begin
  message_ids := array(select id from core.requested_messages(args)
    where status = 'queued' and first_order_id is not null);
  if message_ids = '{}' then return message_ids; end if;
  perform from public.messages m where m.id = any(message_ids) order by m.id for no key update;
  update public.messages m set next_attempt_at = least(recent.at, now_at) + interval '3 minutes'
  from unnest(message_ids) one(id) join public.messages this on this.id = one.id
  cross join lateral (select max(e.at) as at from public.messages other
    join public.message_events e on e.message_id = other.id and e.status = 'sending'
    where (other.run_id, other.user_id) = (this.run_id, this.user_id) and other.first_order_id is not null
      and other.id <> this.id) recent
  where m.id = one.id and m.status = 'queued' and recent.at > now_at - interval '3 minutes';
  return array(select m.id
    from jsonb_to_recordset(args -> 'messages') as row("messageId" bigint, "contentHash" text)
    join public.messages m on m.id = row."messageId" and m.id = any(message_ids)
    where coalesce(m.next_attempt_at <= now_at, true) and row."contentHash" = core.last_single_order(m));
end $$;
