-- Bringing instruments, users, signals and holdings in. Every function may be called again with the same
-- rows.

-- {instruments, keeps, by}; `keeps` names what the file says nothing of (isin, freezeQuantity, fno,
-- restricted): of an instrument there is, that stays.
create function public.import_instruments(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  written bigint;
begin
  insert into public.instruments
    (exchange, symbol, isin, name, tick_minor, lot_size, freeze_quantity, fno, restricted, assumed,
      quantity_scale, price_scale)
  select exchange, symbol, isin, name, "tickMinor", "lotSize", "freezeQuantity", fno, restricted, false,
    coalesce("quantityScale", 0), coalesce("priceScale", 0)
  from jsonb_to_recordset(args -> 'instruments') as row(exchange text, symbol text, isin text, name text,
    "tickMinor" bigint, "lotSize" bigint, "freezeQuantity" bigint, fno boolean, restricted text,
    "quantityScale" smallint, "priceScale" smallint)
  order by exchange, symbol
  on conflict (exchange, symbol) do update set
    isin = case when args -> 'keeps' ? 'isin' then instruments.isin else excluded.isin end,
    name = excluded.name, tick_minor = excluded.tick_minor, lot_size = excluded.lot_size,
    freeze_quantity = case when args -> 'keeps' ? 'freezeQuantity' then instruments.freeze_quantity
      else excluded.freeze_quantity end,
    fno = case when args -> 'keeps' ? 'fno' then instruments.fno else excluded.fno end,
    restricted = case when args -> 'keeps' ? 'restricted' then instruments.restricted
      else excluded.restricted end,
    quantity_scale = excluded.quantity_scale, price_scale = excluded.price_scale, assumed = false;
  get diagnostics written = row_count;
  if written > 0 then
    perform core.record_action(args -> 'by', 'import_instruments', 'instruments',
      after => jsonb_build_object('rows', written));
  end if;
  return jsonb_build_object('written', written);
end $$;

-- {restrictions, exchange (null: the NSE), by}: everything nobody may enter today where that exchange is;
-- what is no longer among it is free again, and nothing of other markets changes. `unknown` are listings no
-- instruments file has named.
create function public.import_restrictions(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  changed jsonb;
begin
  with imported as (
    select exchange, symbol, restricted
    from jsonb_to_recordset(args -> 'restrictions') as row(exchange text, symbol text, restricted text)
  ), written as (
    update public.instruments i set restricted = (
      select imported.restricted from imported
      where (imported.exchange, imported.symbol) = (i.exchange, i.symbol))
    where not i.assumed
      and core.zone_of(i.exchange) = core.zone_of(coalesce(args ->> 'exchange', 'NSE'))
      and i.restricted is distinct from (
      select imported.restricted from imported
      where (imported.exchange, imported.symbol) = (i.exchange, i.symbol))
    returning i.exchange || ':' || i.symbol as listing, i.restricted
  )
  select jsonb_build_object(
    'restricted', (select coalesce(jsonb_agg(listing order by listing), '[]') from written
      where restricted is not null),
    'freed', (select coalesce(jsonb_agg(listing order by listing), '[]') from written
      where restricted is null),
    'unknown', (select coalesce(jsonb_agg(exchange || ':' || symbol order by symbol), '[]') from imported
      where not exists (select from public.instruments i
        where (i.exchange, i.symbol) = (imported.exchange, imported.symbol)
          and not i.assumed))) into changed;
  if changed -> 'restricted' <> '[]' or changed -> 'freed' <> '[]' then
    perform core.record_action(args -> 'by', 'import_restrictions',
      'instruments', after => jsonb_build_object(
      'restricted', jsonb_path_query_array(changed, '$.restricted[0 to 199]'),
      'freed', jsonb_path_query_array(changed, '$.freed[0 to 199]')));
  end if;
  return changed;
end $$;

-- What is listed at an exchange (null: the NSE) under a symbol that could be one of these without its
-- series; null: all of it. Instruments only a signal has named are none.
create function public.read_listings(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('exchange', exchange, 'symbol', symbol) order by symbol),
    '[]')
  from public.instruments where exchange = coalesce(args ->> 'exchange', 'NSE') and not assumed
    and (args ->> 'symbols' is null or core.folded_symbol(exchange, symbol)
      in (select jsonb_array_elements_text(nullif(args -> 'symbols', 'null'))));
$$;

-- {signals, source, by}
create function public.import_signals(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  written constant bigint := core.write_signals(args);
begin
  if written > 0 then
    perform core.record_action(args -> 'by', 'import_signals', 'signals', after => jsonb_build_object(
      'rows', jsonb_array_length(args -> 'signals'), 'written', written, 'source', args -> 'source',
      'days', (select jsonb_agg(distinct day) from (
        select value ->> 'tradeDate' as day from jsonb_array_elements(args -> 'signals') limit 100) dates)));
  end if;
  return jsonb_build_object('written', written);
end $$;

-- Signals whose symbol no instruments file has named get an assumed instrument: paper may trade it, live
-- refuses.
create function core.write_signals(args jsonb) returns bigint
language plpgsql set search_path = '' as $$
declare
  written bigint;
begin
  insert into public.instruments (exchange, symbol, assumed)
  select distinct exchange, symbol, true
  from jsonb_to_recordset(args -> 'signals') as row(exchange text, symbol text)
  where (select true from public.instruments i where (i.exchange, i.symbol) = (row.exchange, row.symbol)
    limit 1) is null
  order by exchange, symbol
  on conflict (exchange, symbol) do nothing;

  insert into public.signals (id, trade_date, rank, strategy, instrument_id, side, reference_price_minor,
    stop_loss_minor, target_minor, valid_until, source)
  select row.id, "tradeDate", rank, strategy, instrument.id, side, "referencePriceMinor", "stopLossMinor",
    "targetMinor", core.at("validUntilMs"), args ->> 'source'
  from jsonb_to_recordset(args -> 'signals') as row(id text, "tradeDate" date, rank integer, strategy text,
    exchange text, symbol text, side text, "referencePriceMinor" bigint, "stopLossMinor" bigint,
    "targetMinor" bigint, "validUntilMs" bigint)
  join public.instruments instrument using (exchange, symbol)
  order by row.id
  -- Corrected until a run has frozen it; from then on its first word stands.
  on conflict (id) do update set rank = excluded.rank,
    reference_price_minor = excluded.reference_price_minor,
    stop_loss_minor = excluded.stop_loss_minor, target_minor = excluded.target_minor,
    valid_until = excluded.valid_until, source = excluded.source
  where not exists (select from public.run_signals frozen where frozen.signal_id = excluded.id);
  get diagnostics written = row_count;
  return written;
end $$;

-- Creates users and their accounts of one mode, one for each of a user's rows: by venue and currency. The
-- first import of a paper account deposits its capital, once; a later import changes settings and the sizing
-- base, never money.
create function public.import_users(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.stamp_of(args);
  -- Looked at before it is written; what another import changes meanwhile is in that one's own action.
  changes constant jsonb := core.user_changes(args);
  created bigint;
begin
  insert into public.users (id, name, whatsapp, opted_in_at, opt_in_source, active,
    trading_enabled, strategies, allow_symbols, deny_symbols, priority, venue)
  select id, name, whatsapp, case when whatsapp is not null then now_at end,
    case when whatsapp is not null then args ->> 'source' end,
    coalesce(active, true), coalesce("tradingEnabled", true), strategies, "allowSymbols",
    coalesce("denySymbols", '{}'), priority, user_venue
  from core.imported_users(args) where is_first
  order by id
  on conflict (id) do update set
    name = excluded.name, priority = excluded.priority, venue = excluded.venue, whatsapp = excluded.whatsapp,
    -- A number that did not change keeps the time and source of its opt-in.
    opted_in_at = case when users.whatsapp is not distinct from excluded.whatsapp
      then users.opted_in_at else excluded.opted_in_at end,
    opt_in_source = case when users.whatsapp is not distinct from excluded.whatsapp
      then users.opt_in_source else excluded.opt_in_source end;

  -- By id, as everybody locks accounts; and only those that change: one somebody is at keeps no other row
  -- waiting.
  perform from public.accounts where id in (select id from core.resized_accounts(args))
  order by id for no key update;
  update public.accounts a set
    capital_minor = n.capital_minor, allocation_bps = n.allocation_bps, leverage_centi = n.leverage_centi,
    max_open_positions = n.max_open_positions, daily_loss_limit_bps = n.daily_loss_limit_bps,
    max_orders_per_day = n.max_orders_per_day, max_order_value_minor = n.max_order_value_minor
  from core.resized_accounts(args) n where a.id = n.id;

  created := core.open_imported_accounts(args, now_at);
  if created > 0 or jsonb_array_length(changes) > 0 then
    perform core.record_action(args -> 'by', 'import_users', 'users', after => jsonb_build_object(
      'mode', args -> 'mode', 'source', args -> 'source', 'rows', jsonb_array_length(args -> 'users'),
      'created', created, 'changed', jsonb_array_length(changes),
      'changes', jsonb_path_query_array(changes, '$[0 to 199]')));
  end if;
  return jsonb_build_object('created', created);
end $$;

-- The users of an import as rows; `fields` is the whole object, which says what the file has a column for.
-- Of several rows of a user the rupee's, else the first, says what is no account's (`is_first`). A user's
-- venue is that of their rupees, where they have any (`user_venue`).
create function core.imported_users(args jsonb) returns table (id text, name text, whatsapp text,
  active boolean, "tradingEnabled" boolean, strategies text[], "allowSymbols" text[], "denySymbols" text[],
  priority integer, venue text, "capitalMinor" bigint, "allocationBps" integer, "leverageCenti" integer,
  "maxOpenPositions" integer, "dailyLossLimitBps" integer, "maxOrdersPerDay" integer,
  "maxOrderValueMinor" bigint, fields jsonb, currency text, is_first boolean, user_venue text)
language sql stable as $$
  select row.*, fields, paid.currency,
    row_number() over (partition by row.id order by paid.currency <> 'INR', n) = 1,
    case when paid.currency = 'INR' then row.venue else coalesce((select u.venue from public.users u
      where u.id = row.id and exists (select from public.accounts a
        where a.user_id = u.id and a.currency = 'INR')), row.venue) end
  from jsonb_array_elements(args -> 'users') with ordinality as listed(fields, n),
    lateral (select coalesce(fields ->> 'currency', 'INR') as currency) paid,
    jsonb_to_record(fields) as row(id text, name text, whatsapp text, active boolean,
    "tradingEnabled" boolean, strategies text[], "allowSymbols" text[], "denySymbols" text[],
    priority integer, venue text, "capitalMinor" bigint, "allocationBps" integer, "leverageCenti" integer,
    "maxOpenPositions" integer, "dailyLossLimitBps" integer, "maxOrdersPerDay" integer,
    "maxOrderValueMinor" bigint);
$$;

-- Opens the accounts that imported users have not, a paper one with its capital as a deposit. Gives how
-- many.
create function core.open_imported_accounts(args jsonb, now_at timestamptz) returns bigint
language sql set search_path = '' as $$
  with opened as (
    insert into public.accounts (user_id, venue, mode, currency, capital_minor, allocation_bps,
      leverage_centi, max_open_positions, daily_loss_limit_bps, max_orders_per_day, max_order_value_minor,
      not_ready, cash_minor)
    select id, venue, args ->> 'mode', currency, "capitalMinor", "allocationBps", "leverageCenti",
      "maxOpenPositions", "dailyLossLimitBps", "maxOrdersPerDay", "maxOrderValueMinor",
      case when args ->> 'mode' = 'live' then 'not connected yet' end,
      case when args ->> 'mode' = 'paper' then "capitalMinor" else 0 end
    from core.imported_users(args)
    order by id
    on conflict (user_id, venue, mode, currency) do nothing
    returning id, mode, capital_minor
  ), deposited as (
    insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, source, at)
    select id, 'deposit', capital_minor, 0, args ->> 'source', now_at from opened
    where mode = 'paper' order by id
  )
  select count(*) from opened;
$$;

-- The accounts whose sizing or limits an import changes, with what they will be. A file without the column
-- says nothing of a limit: it stays.
create function core.resized_accounts(args jsonb) returns table (id bigint, capital_minor bigint,
  allocation_bps integer, leverage_centi integer, max_open_positions integer, daily_loss_limit_bps integer,
  max_orders_per_day integer, max_order_value_minor bigint)
language sql stable as $$
  select a.id, row."capitalMinor", row."allocationBps", row."leverageCenti", row."maxOpenPositions",
    row."dailyLossLimitBps", most.orders, most.value
  from core.imported_users(args) row
  join public.accounts a
    on (a.user_id, a.venue, a.mode, a.currency) = (row.id, row.venue, args ->> 'mode', row.currency)
  cross join lateral (select
    case when fields ? 'maxOrdersPerDay' then row."maxOrdersPerDay" else a.max_orders_per_day end as orders,
    case when fields ? 'maxOrderValueMinor' then row."maxOrderValueMinor"
      else a.max_order_value_minor end as value) most
  where (a.capital_minor, a.allocation_bps, a.leverage_centi, a.max_open_positions, a.daily_loss_limit_bps,
      a.max_orders_per_day, a.max_order_value_minor)
    is distinct from (row."capitalMinor", row."allocationBps", row."leverageCenti", row."maxOpenPositions",
      row."dailyLossLimitBps", most.orders, most.value);
$$;

-- What an import changes of users there are, by id: their settings as they were and as they will be. A name
-- is only said to have changed, and of a number its last digits are hidden.
create function core.user_changes(args jsonb) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('userId', id,
    'was', core.without_names(core.json_changes(old, new)),
    'now', core.without_names(core.json_changes(new, old)))
    || case when currency = 'INR' then '{}' else jsonb_build_object('currency', currency) end
    order by id, currency <> 'INR'), '[]')
  from (
    select row.id, row.currency,
      jsonb_build_object('whatsapp', u.whatsapp, 'name', u.name, 'venue', u.venue, 'priority', u.priority,
        'capitalMinor', a.capital_minor, 'allocationBps', a.allocation_bps,
        'leverageCenti', a.leverage_centi, 'maxOpenPositions', a.max_open_positions,
        'dailyLossLimitBps', a.daily_loss_limit_bps, 'maxOrdersPerDay', a.max_orders_per_day,
        'maxOrderValueMinor', a.max_order_value_minor) as old,
      jsonb_build_object('whatsapp', person.whatsapp, 'name', person.name, 'venue', person.venue,
        'priority', person.priority, 'capitalMinor', row."capitalMinor",
        'allocationBps', row."allocationBps",
        'leverageCenti', row."leverageCenti", 'maxOpenPositions', row."maxOpenPositions",
        'dailyLossLimitBps', row."dailyLossLimitBps", 'maxOrdersPerDay', most.orders,
        'maxOrderValueMinor', most.value) as new
    from core.imported_users(args) row join public.users u on u.id = row.id
    cross join lateral (select case when is_first then row.whatsapp else u.whatsapp end as whatsapp,
      case when is_first then row.name else u.name end as name,
      case when is_first then user_venue else u.venue end as venue,
      case when is_first then row.priority else u.priority end as priority) person
    left join public.accounts a
      on (a.user_id, a.venue, a.mode, a.currency) = (u.id, row.venue, args ->> 'mode', row.currency)
    cross join lateral (select
      case when fields ? 'maxOrdersPerDay' then row."maxOrdersPerDay"
        else a.max_orders_per_day end as orders,
      case when fields ? 'maxOrderValueMinor' then row."maxOrderValueMinor"
        else a.max_order_value_minor end as value) most
    where (u.whatsapp, u.name, u.venue, u.priority, a.capital_minor, a.allocation_bps, a.leverage_centi,
        a.max_open_positions, a.daily_loss_limit_bps, a.max_orders_per_day, a.max_order_value_minor)
      is distinct from (person.whatsapp, person.name, person.venue, person.priority, row."capitalMinor",
        row."allocationBps", row."leverageCenti", row."maxOpenPositions", row."dailyLossLimitBps",
        most.orders, most.value)
  ) changed;
$$;

-- What an import of these users would do, before it does it: who of them there is already, and what of them
-- changes. `known` are also those whom a name of theirs would mean (`names`).
create function public.preview_users(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'known', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'name', name) order by id), '[]')
      from public.users where id in (select id from core.imported_users(args))
        or id in (select jsonb_array_elements_text(args -> 'names'))),
    'changes', (select coalesce(jsonb_agg(change || jsonb_build_object('numberChanges', exists (
        select from core.imported_users(args) row join public.users u using (id)
        where row.id = change ->> 'userId' and is_first and u.whatsapp is not null
          and u.whatsapp is distinct from row.whatsapp))), '[]')
      from jsonb_array_elements(core.user_changes(args)) change));
$$;

-- Holdings we did not buy: external fills, in the product their venue says, booked as paid for. `reference`
-- makes each count once.
create function public.import_holdings(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  booked bigint;
begin
  insert into public.instruments (exchange, symbol, assumed)
  select distinct exchange, symbol, true
  from jsonb_to_recordset(args -> 'holdings') as row(exchange text, symbol text)
  order by exchange, symbol
  on conflict (exchange, symbol) do nothing;

  perform from public.accounts a where (a.user_id, a.venue, a.mode, a.currency) in (
    select "userId", venue, mode, core.currency_of(exchange)
    from jsonb_to_recordset(args -> 'holdings') as row("userId" text, venue text, mode text, exchange text))
  order by a.id for no key update;
  select cardinality(fresh) into booked from core.book_reported_fills(array(
    select distinct on (account.id, row.reference) row(null, null, null, 0, false, account.id, instrument.id,
      coalesce(row.product, 'delivery'), row."tradeDate", null, row.reference, 'BUY', row.quantity,
      row."priceMinor", core.fill_value('BUY', row.quantity, row."priceMinor",
        instrument.quantity_scale + instrument.price_scale),
      (select core.now_of(args)))::core.reported_fill
    from jsonb_to_recordset(args -> 'holdings') as row("userId" text, venue text, mode text, exchange text,
      symbol text, product text, quantity bigint, "priceMinor" bigint, "tradeDate" date, reference text)
    join public.accounts account on (account.user_id, account.venue, account.mode, account.currency)
      = (row."userId", row.venue, row.mode, core.currency_of(row.exchange))
    join public.instruments instrument using (exchange, symbol)
    where not exists (select from public.fills old where old.order_id is null
      and (old.account_id, old.venue_fill_id) = (account.id, row.reference))
    order by account.id, row.reference), (select core.now_of(args)));
  return jsonb_build_object('booked', booked);
end $$;

-- Daily prices of instruments, for paper trading: everybody trades at the open.
create function public.import_prices(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  written bigint;
begin
  insert into public.daily_prices (exchange, symbol, day, open_minor, close_minor)
  select coalesce(exchange, 'NSE'), symbol, date, "openMinor", "closeMinor"
  from jsonb_to_recordset(args -> 'prices') as row(exchange text, symbol text, date date,
    "openMinor" bigint, "closeMinor" bigint)
  order by 1, symbol, date
  on conflict (exchange, symbol, day) do update set open_minor = excluded.open_minor,
    close_minor = coalesce(excluded.close_minor, daily_prices.close_minor);
  get diagnostics written = row_count;
  if written > 0 then
    perform core.record_action(args -> 'by', 'import_prices', 'prices', after => (
      select jsonb_build_object('rows', written, 'from', min(value ->> 'date'), 'to', max(value ->> 'date'))
      from jsonb_array_elements(args -> 'prices')));
  end if;
  return jsonb_build_object('written', written);
end $$;

-- Corporate actions of a file; a row that is there gets the ratio of the file.
create function public.import_corporate_actions(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  written bigint;
begin
  insert into public.corporate_actions as known (exchange, symbol, ex_date, kind, ratio)
  select exchange, symbol, "exDate", kind, ratio
  from jsonb_to_recordset(args -> 'actions') as row(exchange text, symbol text, "exDate" date,
    kind text, ratio text)
  order by exchange, symbol, "exDate", kind
  on conflict (exchange, symbol, ex_date, kind) do update set ratio = excluded.ratio
    where known.ratio is distinct from excluded.ratio;
  get diagnostics written = row_count;
  if written > 0 then
    perform core.record_action(args -> 'by', 'import_corporate_actions', 'corporate actions',
      after => jsonb_build_object('rows', written));
  end if;
  return jsonb_build_object('written', written);
end $$;

-- The opens of a day with each symbol's last close before it; `any`: whether there are stored prices of any
-- of their exchanges at all.
create function public.read_prices(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select jsonb_build_object('any', exists (select from public.daily_prices
        where exchange in (select value ->> 'exchange' from jsonb_array_elements(args -> 'listings'))),
      'prices', coalesce(jsonb_agg(
      jsonb_build_object('exchange', p.exchange, 'symbol', p.symbol, 'priceMinor', p.open_minor,
        'previousCloseMinor', (select before.close_minor from public.daily_prices before
         where (before.exchange, before.symbol) = (p.exchange, p.symbol) and before.day < p.day
           -- One of before a split says nothing of the price after it, however many days are missing
           -- between.
           and not exists (select from public.corporate_actions acted
             where (acted.exchange, acted.symbol) = (p.exchange, p.symbol)
               and acted.ex_date > before.day and acted.ex_date <= p.day)
         order by before.day desc limit 1))), '[]'))
    from (select distinct exchange, symbol
      from jsonb_to_recordset(args -> 'listings') as row(exchange text, symbol text)) listing
    -- One by one, by key: a kept plan may be from when there were no prices, and read all there are.
    cross join lateral (select * from public.daily_prices stored
      where (stored.exchange, stored.symbol, stored.day)
        = (listing.exchange, listing.symbol, (args ->> 'tradeDate')::date) limit 1) p
  );
end $$;
