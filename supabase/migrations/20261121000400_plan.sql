-- From open to decided: freeze the run's inputs, read pages of accounts, write pages of decisions.
-- Lock order everywhere: run → users by id → accounts by id → symbol caps → orders by id.

-- Users of a run in the order they are served: priority, then a hash that differs from run to run, so nobody
-- is always last. The same order as queueHash in domain/ids.ts gives a dry run.
create function core.user_queue(for_run text, only_users jsonb)
returns table (queue_position bigint, user_id text, venue text)
language sql stable as $$
  select row_number() over (order by u.priority,
      encode(sha256(convert_to(for_run || '|' || u.id, 'UTF8')), 'hex') collate "C"), u.id, u.venue
  from (
    -- Two halves, so that a few users are found by their ids and not among all.
    select * from public.users where only_users is null
    union all
    select * from public.users where id = any(array(select jsonb_array_elements_text(only_users)))
  ) u;
$$;

-- Where an account's orders go: paper mode trades at the paper venue, whatever venue the account is for.
create function core.order_venue(mode text, account_venue text) returns text
language sql immutable as $$
  select case mode when 'paper' then 'paper' else account_venue end;
$$;

-- Whether a run, {runId, mode}, trades with an account: it is in the currency of the run's market, at the
-- venue its user is imported with, or, in another currency than rupees, at whichever venue they have one.
create function core.trades_in(a public.accounts, at_venue text, run jsonb) returns boolean
language sql immutable as $$
  select a.mode = run ->> 'mode' and a.currency = core.currency_of(run ->> 'runId')
    and (a.venue = at_venue or a.currency <> 'INR');
$$;

-- The currency of another account of a user whom no account of the run's is for: the run's own, where it is
-- only at another venue. null: they have none in this mode.
create function core.currency_elsewhere(of_user text, run jsonb) returns text
language plpgsql stable as $$
begin
  return (
    select other.currency from public.accounts other
    where other.user_id = of_user and other.mode = run ->> 'mode'
    order by other.currency = core.currency_of(run ->> 'runId') desc, other.id limit 1
  );
end $$;

-- A signal as `decide` reads it.
create function core.signal_json(s public.signals, i public.instruments) returns jsonb
language sql stable as $$
  select jsonb_build_object('id', s.id, 'tradeDate', s.trade_date, 'rank', s.rank, 'strategy', s.strategy,
    'exchange', i.exchange, 'symbol', i.symbol, 'side', s.side,
    'referencePriceMinor', s.reference_price_minor, 'stopLossMinor', s.stop_loss_minor,
    'targetMinor', s.target_minor, 'validUntilMs', core.ms(s.valid_until));
$$;

-- null for an assumed instrument: nothing is known about it.
create function core.instrument_json(i public.instruments) returns jsonb
language sql stable as $$
  select case when not i.assumed then jsonb_build_object('exchange', i.exchange, 'symbol', i.symbol,
    'isin', i.isin, 'name', i.name, 'tickMinor', i.tick_minor, 'lotSize', i.lot_size,
    'freezeQuantity', i.freeze_quantity, 'fno', i.fno, 'restricted', i.restricted,
    'currency', i.currency, 'quantityScale', i.quantity_scale, 'priceScale', i.price_scale) end;
$$;

-- The charge rates of the market of a run (of its id) in force on a day.
create function core.rates_json(for_run text, on_date date) returns jsonb
language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', id, 'product', product, 'side', side,
      'transactionTaxPpb', transaction_tax_ppb, 'exchangePpb', exchange_ppb, 'regulatorPpb', regulator_ppb,
      'stampPpb', stamp_ppb, 'brokeragePpb', brokerage_ppb, 'brokerageCapMinor', brokerage_cap_minor,
      'gstBps', gst_bps)), '[]')
    from (select distinct on (product, side) * from public.charge_rates
      where exchange = core.charging_exchange(for_run) and valid_from <= on_date
      order by product, side, valid_from desc) in_force
  );
end $$;

-- What an order to buy counts towards the cap of its symbol: while it is open all of it, at the quote it was
-- decided on or at the limit that was named above that; once it has ended what it bought. One that was
-- rejected, or never sent, gives its share back.
create function core.cap_use_minor(o public.orders, named_limit_minor bigint, places integer) returns numeric
language sql immutable as $$
  select case when o.ended_at is null
    then core.value_up(o.quantity, greatest(o.decision_price_minor, named_limit_minor), places)
    else o.filled_value_minor end;
$$;

-- What each share's cap is used up by, over all users and runs of a day. The reference price of a single
-- order's signal is the limit it names.
create function core.symbol_use(for_mode text, on_date date) returns table (share text, minor numeric)
language sql stable as $$
  select i.share, sum(core.cap_use_minor(o,
    case when run.takes_orders_until is not null and o.ended_at is null
      then (select s.reference_price_minor from public.signals s where s.id = o.signal_id) end,
    i.quantity_scale + i.price_scale))
  from public.scan_runs run join public.orders o on o.run_id = run.id
  join public.instruments i on i.id = o.instrument_id
  where run.trade_date = on_date and run.mode = for_mode and o.side = 'BUY'
  group by i.share;
$$;

-- What each share's cap is used up by, as JSON: {share: minor}.
create function core.symbol_exposure(for_mode text, on_date date) returns jsonb
language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_object_agg(share, core.clamp_to_safe(minor)), '{}')
    from core.symbol_use(for_mode, on_date)
  );
end $$;

-- Whether anybody has brought in instruments of the market of a run (of its id): of shares it does not know
-- nothing is assumed then.
create function core.instruments_known(for_run text) returns boolean
language plpgsql stable as $$
begin
  return exists (select from public.instruments
    where not assumed and core.zone_of(exchange) = core.zone_of(for_run));
end $$;

-- What a scan looks at before it opens a run. Reads only.
create function public.read_inputs(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'users', (select count(*) from public.users),
    'anySignals', exists (select from public.signals where source <> 'api'),
    'signals', (select coalesce(jsonb_agg(core.signal_json(s, i) order by s.rank, s.strategy, i.symbol),
      '[]')
      from public.signals s join public.instruments i on i.id = s.instrument_id
      where s.trade_date = (args ->> 'tradeDate')::date and s.source <> 'api'),
    -- Of this market's zone only: another's thousands are none of this run's.
    'instruments', (select coalesce(jsonb_agg(core.instrument_json(i)), '[]') from public.instruments i
      where not assumed and core.zone_of(exchange) = core.zone_of(args ->> 'runId')),
    'instrumentsKnown', core.instruments_known(args ->> 'runId'),
    -- In this market's currency only: another's accounts decide nothing here, and its venues are not asked.
    -- What was traded today belongs to it: a loss made by selling all of a share is measured from its
    -- previous close.
    'held', (select coalesce(jsonb_agg(jsonb_build_object('exchange', i.exchange, 'symbol', i.symbol)), '[]')
      from (select p.instrument_id from public.positions p join public.accounts a on a.id = p.account_id
          where p.quantity <> 0 and a.mode = args ->> 'mode'
        union
        select o.instrument_id from public.scan_runs run join public.orders o on o.run_id = run.id
          where run.trade_date = (args ->> 'tradeDate')::date and run.mode = args ->> 'mode'
            and o.filled_quantity > 0
      ) either join public.instruments i on i.id = either.instrument_id
      where i.currency = core.currency_of(args ->> 'runId')),
    'rates', core.rates_json(args ->> 'runId', (args ->> 'tradeDate')::date),
    'corporateActions', core.corporate_actions((args ->> 'tradeDate')::date),
    'symbolExposure', core.symbol_exposure(args ->> 'mode', (args ->> 'tradeDate')::date),
    'halted', core.halted('all', ''),
    'runState', (select state from public.scan_runs where id = args ->> 'runId'));
$$;

-- Freezes signals, prices and users of a run. A second call finds the first one's rows and changes nothing.
create function public.open_run(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  new_run constant text := args ->> 'runId';
begin
  insert into public.scan_runs (id, session_id, trade_date, mode, limits, cut_off_at, opened_at, problems)
  values (new_run, args ->> 'sessionId', (args ->> 'tradeDate')::date, args ->> 'mode', args -> 'limits',
    core.at((args ->> 'cutOffMs')::bigint), (select core.now_of(args)), args -> 'problems')
  on conflict (id) do nothing;
  if not found then
    return jsonb_build_object('created', false);
  end if;

  insert into public.run_signals (run_id, signal_id, position, send_before)
  select new_run, "signalId", position, core.at("sendBeforeMs")
  from jsonb_to_recordset(args -> 'signals') as row("signalId" text, position bigint, "sendBeforeMs" bigint);

  perform core.freeze_prices(new_run, args -> 'quotes');

  insert into public.run_users (run_id, queue_position, user_id, account_id)
  select new_run, queue_position, user_id, (select account.id from public.accounts account
      where account.user_id = queue.user_id
        and core.trades_in(account, queue.venue, args)
      order by account.venue = queue.venue desc, account.id desc limit 1)
  from core.user_queue(new_run, nullif(args -> 'userIds', 'null')) queue;
  perform core.record_action(args -> 'by', 'open_run', 'run:' || new_run, after => jsonb_build_object(
    'signals', jsonb_array_length(args -> 'signals'), 'users',
    (select count(*) from public.run_users where run_id = new_run)));
  return jsonb_build_object('created', true);
end $$;

-- Keeps the prices a run decides by; a newer one takes the place of an older.
create function core.freeze_prices(for_run text, quotes jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.run_prices
    (run_id, instrument_id, price_minor, previous_close_minor, lower_circuit_minor,
      upper_circuit_minor, priced_at)
  select for_run, i.id, "priceMinor", "previousCloseMinor", "lowerCircuitMinor", "upperCircuitMinor",
    core.at("atMs")
  from jsonb_to_recordset(quotes) as row(exchange text, symbol text, "priceMinor" bigint,
    "previousCloseMinor" bigint, "lowerCircuitMinor" bigint, "upperCircuitMinor" bigint, "atMs" bigint)
  join public.instruments i using (exchange, symbol)
  -- A price that is there is left alone: two who place single orders at once must not wait for one another.
  where (select true from public.run_prices old where (old.run_id, old.instrument_id) = (for_run, i.id)
    and (old.price_minor, old.previous_close_minor, old.lower_circuit_minor, old.upper_circuit_minor)
      is not distinct from ("priceMinor", "previousCloseMinor", "lowerCircuitMinor", "upperCircuitMinor")
    and old.priced_at > core.at("atMs") - interval '1 second' limit 1) is null
  order by i.id
  on conflict (run_id, instrument_id) do update set price_minor = excluded.price_minor,
    previous_close_minor = excluded.previous_close_minor, lower_circuit_minor = excluded.lower_circuit_minor,
    upper_circuit_minor = excluded.upper_circuit_minor, priced_at = excluded.priced_at;
end $$;

-- New prices for a planning run that was killed and is resumed too late for its frozen ones. Decided users
-- keep theirs.
create function public.reprice_run(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  perform from public.scan_runs where id = args ->> 'runId' and state = 'planning' for no key update;
  if found then
    perform core.freeze_prices(args ->> 'runId', args -> 'quotes');
  end if;
  return jsonb_build_object('repriced', found);
end $$;

-- The frozen run: everything `decide` needs that is the same for all users. null where there is no such run.
create function public.read_run(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('runId', run.id, 'sessionId', run.session_id, 'tradeDate', run.trade_date,
    'mode', run.mode, 'state', run.state, 'limits', run.limits, 'planHash', run.plan_hash,
    'cutOffMs', core.ms(run.cut_off_at), 'openedAtMs', core.ms(run.opened_at),
    'doneAtMs', core.ms(run.done_at),
    'users', (select count(*) from public.run_users ru where ru.run_id = run.id),
    'undecided', (select count(*) from public.run_users ru where ru.run_id = run.id
      and ru.decided_at is null),
    'halted', core.halted('all', ''),
    'instrumentsKnown', core.instruments_known(run.id),
    'rates', core.rates_json(run.id, run.trade_date),
    'corporateActions', core.corporate_actions(run.trade_date),
    'symbolExposure', core.symbol_exposure(run.mode, run.trade_date),
    'signals', (select coalesce(jsonb_agg(jsonb_build_object('signal', core.signal_json(s, i),
        'instrument', core.instrument_json(i), 'share', i.share, 'sendBeforeMs', core.ms(rs.send_before))
        order by rs.position), '[]')
      from public.run_signals rs join public.signals s on s.id = rs.signal_id
      join public.instruments i on i.id = s.instrument_id where rs.run_id = run.id),
    'quotes', (select coalesce(jsonb_agg(jsonb_build_object('exchange', i.exchange, 'symbol', i.symbol,
        'priceMinor', price_minor, 'previousCloseMinor', previous_close_minor,
        'lowerCircuitMinor', lower_circuit_minor, 'upperCircuitMinor', upper_circuit_minor,
        'atMs', core.ms(priced_at))), '[]')
      from public.run_prices rp join public.instruments i on i.id = rp.instrument_id
      where rp.run_id = run.id))
  from public.scan_runs run where run.id = args ->> 'runId';
$$;

-- How many orders to buy an account has of a trading day, by scans and one by one, without those that were
-- never sent, or are known not to have reached their venue: what ended from the queue was tried, perhaps,
-- and never got there.
create function core.orders_today(of_account bigint, of_user text, for_mode text, on_date date)
  returns bigint
language plpgsql stable as $$
begin
  return (
    select count(*) from public.scan_runs run
    -- Run by run, by index: a user's past is longer than their day.
    cross join lateral (select * from public.orders one
      where (one.run_id, one.user_id) = (run.id, of_user) offset 0) o
    where run.trade_date = on_date and run.mode = for_mode and o.account_id = of_account and o.side = 'BUY'
      and (o.ended_at is null or (o.attempts > 0 and o.reason is distinct from 'never_reached_venue'
        and (select last.from_status from public.order_events last where last.order_id = o.id
          order by last.id desc limit 1) is distinct from 'queued'))
  );
end $$;

-- What an account's orders traded on a day: by listing the quantities and values of their fills, and what
-- all of it costs in charges. A fill's day is its order's, however late it is told. Shares that came or went
-- without an order are none. As text, of any size: a sum cut short would hide a loss.
create function core.day_trades(of_account bigint, on_date date) returns json
language plpgsql stable as $$
begin
  return (
    with traded as materialized (
      select f.order_id, f.instrument_id, f.side, f.quantity, f.value_minor as minor
      from core.effective_fills f where f.account_id = of_account and f.trade_date = on_date
        and f.order_id is not null
    )
    select json_build_object(
      'traded', (select coalesce(json_agg(json_build_object('exchange', i.exchange, 'symbol', i.symbol,
        'share', i.share,
          'boughtQuantity', bought::text, 'boughtMinor', bought_minor::text, 'soldQuantity', sold::text,
          'soldMinor', sold_minor::text)
          order by i.symbol, i.exchange), '[]')
        from (select instrument_id,
            coalesce(sum(quantity) filter (where side = 'BUY'), 0) as bought,
            coalesce(sum(minor) filter (where side = 'BUY'), 0) as bought_minor,
            coalesce(sum(quantity) filter (where side = 'SELL'), 0) as sold,
            coalesce(sum(minor) filter (where side = 'SELL'), 0) as sold_minor
          from traded group by 1) listing
        join public.instruments i on i.id = listing.instrument_id),
      'chargesMinor', (select coalesce(sum(core.charges_on(minor, rate)), 0)::text
        from (select order_id, sum(minor)::bigint as minor from traded group by 1) of_order
        join public.orders o on o.id = of_order.order_id join public.charge_rates rate
          on rate.id = o.rate_id))
  );
end $$;

-- A page of accounts as `decide` sees them: of an open run (`frozen`), those still undecided; of a run that
-- is only planned, every user in the order the run would serve them. Constant number of queries whatever the
-- page size. What belongs to an account is asked for with a subquery of its own, so that it is found by
-- index and never joined with the whole page, however old the statistics are. It answers as text (json):
-- nobody here looks into it. Measured for a page of 500 of 5,000 users, with statistics from before the day:
-- 4,000 rows in 31 ms. Without enable_hashjoin 8,500 rows, without enable_mergejoin 8,470 rows, without
-- enable_seqscan 10,000 rows where days are counted, without enable_bitmapscan 5,000 rows before anything is
-- analyzed; without any 13,000 rows in 124 ms. plan_cache_mode: planned anew for each page, Postgres 18
-- takes 1,010 ms instead of 124 ms where days are counted. jit: before Postgres 18 a plan kind that is
-- switched off makes every plan look so dear that it is compiled at each call: 1,480 ms.
create function public.read_accounts(args jsonb) returns json
language plpgsql stable security definer set search_path = '' set plan_cache_mode = force_generic_plan
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
begin
  return (
    with page as materialized (
      (select queue_position, user_id, account_id from public.run_users
        where (args ->> 'frozen')::boolean and run_id = args ->> 'runId' and decided_at is null
          and queue_position > (args ->> 'afterQueuePosition')::bigint
        order by queue_position limit (args ->> 'limit')::bigint)
      union all
      -- The accounts of the page alone, each by index: a join could be with all there are.
      (select queue_position, user_id, (select account.id from public.accounts account
          where account.user_id = cut.user_id and core.trades_in(account, cut.venue, args)
          order by account.venue = cut.venue desc, account.id desc limit 1)
        from (select * from core.user_queue(args ->> 'runId', nullif(args -> 'userIds', 'null'))
          where not (args ->> 'frozen')::boolean and queue_position > (args ->> 'afterQueuePosition')::bigint
          order by queue_position limit (args ->> 'limit')::bigint) cut)
    ), halted as materialized (select scope, target, why from public.halts where resumed_at is null)
    select coalesce(json_agg(json_build_object('queuePosition', page.queue_position,
      'accountId', page.account_id, 'settings', json_build_object('id', u.id, 'name', u.name,
        'whatsapp', u.whatsapp, 'priority', u.priority,
        -- Its account's: who moved to another venue since a run froze them trades where they were frozen.
        'venue', coalesce(a.venue, u.venue), 'capitalMinor', coalesce(a.capital_minor, 0),
        'allocationBps', coalesce(a.allocation_bps, 0), 'leverageCenti', coalesce(a.leverage_centi, 100),
        'maxOpenPositions', a.max_open_positions, 'dailyLossLimitBps', a.daily_loss_limit_bps,
        'maxOrdersPerDay', a.max_orders_per_day, 'maxOrderValueMinor', a.max_order_value_minor),
      'active', u.active, 'tradingEnabled', u.trading_enabled, 'strategies', u.strategies,
      'allowSymbols', u.allow_symbols, 'denySymbols', u.deny_symbols,
      'currency', coalesce(a.currency, core.currency_elsewhere(u.id, args)),
      'notReady', case when a.id is null then 'no ' || (args ->> 'mode') || ' account'
        else core.not_ready_on(a, (args ->> 'tradeDate')::date) end,
      'halted', (select why from halted where (scope = 'user' and target = u.id)
        or (scope = 'venue' and target = core.order_venue(args ->> 'mode', coalesce(a.venue, u.venue)))
        order by scope limit 1),
      'availableMinor', coalesce(a.cash_minor - a.held_minor, 0),
      -- Both are read only where there is a limit to them, or may be one.
      'today', case when a.daily_loss_limit_bps is not null or (args ->> 'countDay')::boolean
        then core.day_trades(a.id, (args ->> 'tradeDate')::date)
        else json_build_object('traded', '[]'::json, 'chargesMinor', '0') end,
      'ordersToday', case when a.max_orders_per_day is not null or (args ->> 'countDay')::boolean
        then core.orders_today(a.id, a.user_id, a.mode, (args ->> 'tradeDate')::date) else 0 end,
      'positions', (select coalesce(json_agg(json_build_object('exchange', i.exchange, 'symbol', i.symbol,
          'share', i.share, 'product', p.product, 'quantity', p.quantity) order by i.symbol, i.exchange,
          p.product), '[]')
        from public.positions p join public.instruments i on i.id = p.instrument_id
        where p.account_id = a.id and p.quantity <> 0),
      'working', (select coalesce(json_agg(json_build_object('exchange', i.exchange, 'symbol', i.symbol,
          'share', i.share, 'side', o.side) order by o.id), '[]')
        from public.orders o join public.instruments i on i.id = o.instrument_id
        where o.account_id = a.id and o.ended_at is null),
      'decidedSignalIds', (select coalesce(json_agg(frozen_signal), '[]')
        from jsonb_array_elements_text(args -> 'signalIds') frozen_signal
        where (select true from public.decisions d where d.signal_id = frozen_signal and d.account_id = a.id
          and d.reason is distinct from 'already_decided' limit 1))) order by page.queue_position), '[]')
    from page join public.users u on u.id = page.user_id
    left join public.accounts a on a.id = page.account_id
  );
end $$;
