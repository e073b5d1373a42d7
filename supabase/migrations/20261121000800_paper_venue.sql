-- The paper venue: a simulated exchange with a durable book of its own. It shares nothing with our tables,
-- so that its book can be the judge of what we sent. It refuses duplicate client order ids; a lookup miss is
-- proof.

create schema paper_venue;

-- What the simulated market trades at on a day; orders fill at it where their limit allows.
create table paper_venue.market (
  exchange text not null,
  symbol text not null,
  trade_date date not null,
  price_minor bigint not null,
  primary key (exchange, symbol, trade_date)
);

-- What the venue was told to do wrong on a day, per user and symbol (null: any). A timeout strikes once per
-- order.
create table paper_venue.faults (
  id bigint generated always as identity primary key,
  user_id text,
  symbol text,
  fault text not null,
  message text,
  delay_ms bigint not null default 30000,
  quantity bigint,
  trade_date date not null,
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
  -- Fixed at placing: what fills, when and at what, and how the order ends. Lookups only read the clock
  -- against it.
  fill_quantity bigint not null,
  fill_price_minor bigint,
  fill_at timestamptz,
  end_status text not null,
  end_at timestamptz not null,
  message text
);

-- Requests that were dropped before the book saw them: a second try gets through.
create table paper_venue.dropped (client_order_id text primary key);

-- {tradeDate, quotes, faults}: the market of a day. `faults`, users by name or id, replace all that were
-- given before and end with their day; null leaves those of the day as they are. `unmatched`: what names
-- nobody and no symbol of the day.
create function public.paper_venue_prepare(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  nobody jsonb := '[]';
begin
  insert into paper_venue.market (exchange, symbol, trade_date, price_minor)
  select exchange, symbol, (args ->> 'tradeDate')::date, "priceMinor"
  from jsonb_to_recordset(args -> 'quotes') as row(exchange text, symbol text, "priceMinor" bigint)
  order by exchange, symbol
  on conflict (exchange, symbol, trade_date) do update set price_minor = excluded.price_minor;
  if args -> 'faults' is not null and args -> 'faults' <> 'null' then
    -- Supabase's API refuses a delete without a condition (safeupdate), inside functions too.
    delete from paper_venue.faults where true;
    insert into paper_venue.faults (user_id, symbol, fault, message, delay_ms, quantity, trade_date)
    select coalesce(core.find_user_id("user"), "user"), symbol, fault, message,
      coalesce("delayMs", 30000), quantity, (args ->> 'tradeDate')::date
    from jsonb_to_recordset(args -> 'faults') as row("user" text, symbol text, fault text, message text,
      "delayMs" bigint, quantity bigint);
    select coalesce(jsonb_agg(distinct name), '[]') into nobody from (
      select user_id as name from paper_venue.faults f
      where user_id is not null and not exists (select from public.users u where u.id = f.user_id)
      union all
      select symbol from paper_venue.faults f
      where symbol is not null and not exists (select from jsonb_array_elements(args -> 'quotes') quote
        where quote ->> 'symbol' = f.symbol)) unmatched;
  end if;
  return jsonb_build_object('unmatched', nobody);
end $$;

-- What the simulated venue says of an order at an instant: its status, and its fills so far.
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

-- The orders of a submission with the day's fault and market of each; of one that comes twice, which is the
-- first.
create function paper_venue.submitted_orders(args jsonb) returns table ("clientOrderId" text, "userId" text,
  exchange text, symbol text, side text, quantity bigint, "limitPriceMinor" bigint, n bigint,
  now_at timestamptz, day date, fault text, message text, delay interval, fault_quantity bigint,
  market_minor bigint, slippage_minor bigint, is_first boolean)
language sql stable as $$
  select "clientOrderId", "userId", request.exchange, request.symbol, side, request.quantity,
    "limitPriceMinor", n, clock.now_at, clock.day, coalesce(f.fault, 'none'), f.message,
    f.delay_ms * interval '1 millisecond', f.quantity, m.price_minor,
    m.price_minor * coalesce("slippageBps", 0) / 10000,
    row_number() over (partition by "clientOrderId" order by n) = 1
  from rows from (jsonb_to_recordset(args -> 'orders') as ("clientOrderId" text, "userId" text,
    exchange text,
      symbol text, side text, quantity bigint, "limitPriceMinor" bigint, "slippageBps" bigint,
      "nowMs" bigint))
    with ordinality as request("clientOrderId", "userId", exchange, symbol, side, quantity,
      "limitPriceMinor", "slippageBps", "nowMs", n)
  cross join lateral (select core.at("nowMs") as now_at,
    core.date_in(request.exchange, core.at("nowMs")) as day) clock
  left join lateral (select * from paper_venue.faults f
    where coalesce(f.user_id, request."userId") = request."userId"
      and coalesce(f.symbol, request.symbol) = request.symbol and f.trade_date = clock.day
    order by f.id limit 1) f on true
  left join lateral (select price_minor from paper_venue.market
    where (market.exchange, market.symbol, trade_date) = (request.exchange, request.symbol, clock.day)
    limit 1) m on true;
$$;

-- What came in at the same moment, each by itself: `orders`, with the answers in their order. An answer's
-- `kind` says what goes over the wire: acknowledged, rejected, duplicate, silence, garbage.
create function public.paper_venue_submit(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with submitted as materialized (
    select * from paper_venue.submitted_orders(args)
  ), lost as (
    insert into paper_venue.dropped (client_order_id)
    select "clientOrderId" from submitted where fault = 'timeout_before' and is_first
    on conflict do nothing returning client_order_id
  ), matched as (
    select submitted.*,
      case side when 'BUY' then least("limitPriceMinor", market_minor + slippage_minor)
        else greatest("limitPriceMinor", market_minor - slippage_minor) end as fill_minor,
      case when fault = 'reject' or market_minor is null then 'rejected'
        when case side when 'BUY' then market_minor > "limitPriceMinor"
        else market_minor < "limitPriceMinor" end
          then 'expired'
        when filled < quantity then 'canceled' else 'filled' end as end_status, filled
    from submitted cross join lateral (select case fault when 'partial'
      then least(coalesce(fault_quantity, quantity / 2), quantity) else quantity end as filled) crossed
    where is_first and not "clientOrderId" in (select client_order_id from lost)
  ), booked as (
    insert into paper_venue.orders
    select "clientOrderId", 'P' || upper("clientOrderId"), "userId", exchange, symbol, side, quantity,
      "limitPriceMinor", now_at, case when end_status in ('rejected', 'expired') then 0
      else filled end, fill_minor,
      case when fault = 'delay' then now_at + delay else now_at end, end_status,
      case when end_status = 'rejected' then now_at
        when end_status = 'expired' then core.ordinary_close(exchange, day)
        when fault in ('delay', 'partial') then now_at + delay else now_at end,
      case when fault = 'reject' then coalesce(message, 'rejected by the simulated venue')
        when market_minor is null then 'no market in ' || symbol
        -- Said while it rests, too: nobody has to wait for the close to know.
        when end_status = 'expired' then 'the simulated market stays at ' || core.decimal(market_minor)
          || ' all day: this limit is not reached'
        when fault = 'partial' then 'remainder canceled by the simulated venue' end
    from matched order by n
    on conflict (client_order_id) do nothing
    returning orders as known
  )
  select coalesce(jsonb_agg(case
      when is_first and "clientOrderId" in (select client_order_id from lost)
        then jsonb_build_object('kind', 'silence')
      when not is_first or known is null then jsonb_build_object('kind', 'duplicate')
      when fault = 'timeout_after' then jsonb_build_object('kind', 'silence')
      when fault = 'garbage' then jsonb_build_object('kind', 'garbage')
      else jsonb_build_object('kind', case (known).end_status when 'rejected' then 'rejected'
        else 'acknowledged' end, 'report', paper_venue.report_json(known, now_at)) end order by n), '[]')
  from submitted left join booked on (known).client_order_id = "clientOrderId";
$$;

-- An order in the simulated venue's book: {clientOrderId, nowMs}. `missing` is proof that it never got
-- there.
create function public.paper_venue_lookup(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(
    (select jsonb_build_object('kind', 'found',
      'report', paper_venue.report_json(o, (select core.stamp_of(args))))
     from paper_venue.orders o where o.client_order_id = args ->> 'clientOrderId'),
    jsonb_build_object('kind', 'missing'));
$$;
