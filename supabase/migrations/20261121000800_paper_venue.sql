-- The paper venue: a simulated exchange with a durable book of its own. It shares nothing with our tables, so that
-- its book can be the judge of what we sent. It refuses duplicate client order ids; a lookup miss is proof.

create schema paper_venue;

-- What the simulated market trades at on a day; orders fill at it where their limit allows.
create table paper_venue.market (
  exchange text not null,
  symbol text not null,
  trade_date date not null,
  price_minor bigint not null,
  primary key (exchange, symbol, trade_date)
);

-- What the venue was told to do wrong, per user and symbol (null: any). A timeout strikes once per order.
create table paper_venue.faults (
  id bigint generated always as identity primary key,
  user_id text,
  symbol text,
  fault text not null,
  message text,
  delay_ms bigint not null default 30000,
  quantity bigint,
  constraint a_fault_is_of_a_known_kind
    check (fault in ('reject', 'delay', 'partial', 'timeout_before', 'timeout_after', 'garbage'))
);

create table paper_venue.orders (
  client_order_id text primary key,
  venue_order_id text not null unique,
  user_id text not null,
  exchange text not null,
  symbol text not null,
  side text not null,
  quantity bigint not null,
  limit_minor bigint not null,
  placed_at timestamptz not null,
  -- Fixed at placing: what fills, when and at what, and how the order ends. Lookups only read the clock against it.
  fill_quantity bigint not null,
  fill_price_minor bigint,
  fill_at timestamptz,
  end_status text not null,
  end_at timestamptz not null,
  message text
);

-- Requests that were dropped before the book saw them: a second try gets through.
create table paper_venue.dropped (client_order_id text primary key);

create function public.paper_venue_prepare(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into paper_venue.market (exchange, symbol, trade_date, price_minor)
  select exchange, symbol, (args ->> 'tradeDate')::date, "priceMinor"
  from jsonb_to_recordset(args -> 'quotes') as row(exchange text, symbol text, "priceMinor" bigint)
  order by exchange, symbol
  on conflict (exchange, symbol, trade_date) do update set price_minor = excluded.price_minor;
  if args -> 'faults' is not null and args -> 'faults' <> 'null' then
    -- Supabase's API refuses a delete without a condition (safeupdate), inside functions too.
    delete from paper_venue.faults where true;
    insert into paper_venue.faults (user_id, symbol, fault, message, delay_ms, quantity)
    select "userId", symbol, fault, message, coalesce("delayMs", 30000), quantity
    from jsonb_to_recordset(args -> 'faults') as row("userId" text, symbol text, fault text, message text,
      "delayMs" bigint, quantity bigint);
  end if;
  return '{}';
end $$;

create function paper_venue.report_json(o paper_venue.orders, now_at timestamptz) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_build_object('venueOrderId', o.venue_order_id, 'clientOrderId', o.client_order_id,
    'status', case when now_at >= o.end_at then o.end_status
      when now_at >= o.fill_at and o.fill_quantity > 0 then 'partially_filled' else 'working' end,
    'message', o.message,
    'fills', case when o.fill_quantity > 0 and now_at >= o.fill_at then jsonb_build_array(jsonb_build_object(
      'venueFillId', o.venue_order_id || '-1', 'quantity', o.fill_quantity, 'priceMinor', o.fill_price_minor,
      'atMs', core.ms(o.fill_at))) else '[]' end);
$$;

-- One order. The answer's `kind` says what goes over the wire: acknowledged, rejected, duplicate, silence, garbage.
create function paper_venue.submit(args jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  id constant text := args ->> 'clientOrderId';
  asked constant bigint := (args ->> 'quantity')::bigint;
  limit_at constant bigint := (args ->> 'limitPriceMinor')::bigint;
  buying constant boolean := args ->> 'side' = 'BUY';
  now_at constant timestamptz := core.at((args ->> 'nowMs')::bigint);
  day constant date := (now_at at time zone 'Asia/Kolkata')::date;
  fault paper_venue.faults;
  market_minor bigint;
  fill_minor bigint;
  crosses boolean;
  late interval := '0';
  filled bigint;
  known paper_venue.orders;
begin
  select * into fault from paper_venue.faults f
  where coalesce(f.user_id, args ->> 'userId') = args ->> 'userId'
    and coalesce(f.symbol, args ->> 'symbol') = args ->> 'symbol' order by f.id limit 1;
  if fault.fault = 'timeout_before' then
    insert into paper_venue.dropped values (id) on conflict do nothing;
    if found then return jsonb_build_object('kind', 'silence'); end if;
  end if;

  select price_minor into market_minor from paper_venue.market
  where exchange = args ->> 'exchange' and symbol = args ->> 'symbol' and trade_date = day;
  fill_minor := case when buying
    then least(limit_at, market_minor + market_minor * coalesce((args ->> 'slippageBps')::bigint, 0) / 10000)
    else greatest(limit_at, market_minor - market_minor * coalesce((args ->> 'slippageBps')::bigint, 0) / 10000) end;
  crosses := case when buying then market_minor <= limit_at else market_minor >= limit_at end;
  late := case when fault.fault in ('delay', 'partial') then fault.delay_ms * interval '1 millisecond' else '0' end;
  filled := case when fault.fault = 'partial' then least(coalesce(fault.quantity, asked / 2), asked) else asked end;

  insert into paper_venue.orders values (id, 'P' || upper(id), args ->> 'userId', args ->> 'exchange', args ->> 'symbol',
    args ->> 'side', asked, limit_at, now_at,
    case when fault.fault is not distinct from 'reject' or not coalesce(crosses, false) then 0 else filled end, fill_minor,
    case when fault.fault = 'delay' then now_at + late else now_at end,
    case when fault.fault is not distinct from 'reject' or market_minor is null then 'rejected'
      when not crosses then 'expired' when filled < asked then 'canceled' else 'filled' end,
    case when fault.fault is not distinct from 'reject' or market_minor is null then now_at
      when not crosses then (day + time '15:30') at time zone 'Asia/Kolkata' else now_at + late end,
    case when fault.fault is not distinct from 'reject' then coalesce(fault.message, 'rejected by the simulated venue')
      when market_minor is null then 'no market in ' || (args ->> 'symbol')
      when fault.fault = 'partial' then 'remainder canceled by the simulated venue' end)
  on conflict (client_order_id) do nothing
  returning * into known;
  if not found then return jsonb_build_object('kind', 'duplicate'); end if;
  if fault.fault = 'timeout_after' then return jsonb_build_object('kind', 'silence'); end if;
  if fault.fault = 'garbage' then return jsonb_build_object('kind', 'garbage'); end if;
  return jsonb_build_object('kind', case known.end_status when 'rejected' then 'rejected' else 'acknowledged' end,
    'report', paper_venue.report_json(known, now_at));
end $$;

-- What came in at the same moment, each by itself: `orders`, with the answers in their order.
create function public.paper_venue_submit(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  select coalesce(jsonb_agg(paper_venue.submit(told) order by n), '[]')
  from jsonb_array_elements(args -> 'orders') with ordinality as one(told, n);
$$;

create function public.paper_venue_lookup(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(
    (select jsonb_build_object('kind', 'found', 'report', paper_venue.report_json(o, core.at((args ->> 'nowMs')::bigint)))
     from paper_venue.orders o where o.client_order_id = args ->> 'clientOrderId'),
    jsonb_build_object('kind', 'missing'));
$$;
