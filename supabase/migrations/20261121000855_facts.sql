-- The facts of accounts with what the books say of them, for who computes the books a second time: `npm run
-- audit` reads them and asks domain/account-model.ts, which shares nothing with what books.

-- Where the facts of an account begin: after the closing its records were removed through; null: they never
-- were.
create function core.facts_begin(of_account bigint) returns public.closings
language sql stable as $$
  select c from public.closings c join public.closed_balances b on (b.account_id, b.through)
    = (of_account, c.through)
  where c.through = core.removed_through();
$$;

-- What an account's facts begin with: the cash the removed orders made, and the positions that were held.
create function core.opening_of(of_account bigint, begins public.closings) returns json
language sql stable as $$
  select json_build_object('cashMinor', (select coalesce(sum(x.cash_minor), 0) from public.removed_cash x
      where x.account_id = of_account),
    'positions', (select coalesce(json_agg(json_build_object('instrumentId', p.instrument_id,
        'product', p.product, 'quantity', p.quantity, 'costMinor', p.cost_minor,
        'marginMinor', p.margin_minor, 'realisedMinor', p.realised_minor,
        'freedMarginMinor', p.freed_margin_minor) order by p.instrument_id, p.product), '[]')
      from (select distinct on (one.instrument_id, one.product) one.* from public.closed_positions one
        where one.account_id = of_account and one.through <= begins.through
        order by one.instrument_id, one.product, one.through desc) p))
  where begins.through is not null;
$$;

-- The orders of an account, each with its day and its rate. Found by their user, whom an index knows.
create function core.order_facts_of(of_account bigint, of_user text, begins public.closings) returns json
language sql stable as $$
  select coalesce(json_agg(json_build_object('orderId', o.id, 'clientOrderId', o.client_order_id,
    'side', o.side, 'tradeDate', run.trade_date, 'leverageCenti', o.leverage_centi,
    'holdMinor', o.hold_minor, 'createdAtMs', core.ms(o.created_at), 'endedAtMs', core.ms(o.ended_at),
    'filledQuantity', o.filled_quantity, 'filledValueMinor', o.filled_value_minor,
    'chargesMinor', o.charges_minor, 'releasedMinor', o.released_minor,
    'rate', json_build_object('transactionTaxPpb', rate.transaction_tax_ppb,
      'exchangePpb', rate.exchange_ppb, 'regulatorPpb', rate.regulator_ppb, 'stampPpb', rate.stamp_ppb,
      'brokeragePpb', rate.brokerage_ppb, 'brokerageCapMinor', rate.brokerage_cap_minor,
      'gstBps', rate.gst_bps)) order by o.id), '[]')
  from public.orders o join public.scan_runs run on run.id = o.run_id
  join public.charge_rates rate on rate.id = o.rate_id
  where o.user_id = of_user and o.account_id = of_account and o.id > coalesce(begins.last_order_id, 0);
$$;

-- The fills of an account, each with when it was booked as far as it moved cash: where an entry names it
-- then, what an order had before its end at its end.
create function core.fill_facts_of(of_account bigint, begins public.closings) returns json
language sql stable as $$
  select coalesce(json_agg(json_build_object('fillId', f.id, 'orderId', f.order_id,
    'instrumentId', f.instrument_id, 'exchange', i.exchange, 'symbol', i.symbol, 'product', f.product,
    'side', f.side, 'venueFillId', f.venue_fill_id, 'quantity', f.quantity, 'priceMinor', f.price_minor,
    'places', i.quantity_scale + i.price_scale, 'valueMinor', f.value_minor,
    'tradeDate', f.trade_date, 'filledAtMs', core.ms(f.filled_at), 'corrects', f.corrects,
    'reportedAtMs', core.ms(coalesce(e.at, o.ended_at, f.filled_at)), 'realisedMinor', f.realised_minor,
    'freedMarginMinor', f.freed_margin_minor) order by f.id), '[]')
  from public.fills f join public.instruments i on i.id = f.instrument_id
  left join public.orders o on o.id = f.order_id left join public.ledger_entries e on e.fill_id = f.id
  where f.account_id = of_account and case when f.order_id is null
    then f.id > coalesce(begins.last_fill_id, 0) else f.order_id > coalesce(begins.last_order_id, 0) end;
$$;

-- Everything of one account, and what the books say of it.
create function core.facts_of(of_account bigint, of_user text) returns json
language sql stable as $$
  select json_build_object('accountId', a.id, 'userId', a.user_id, 'venue', a.venue, 'mode', a.mode,
    'currency', a.currency, 'cashMinor', a.cash_minor, 'heldMinor', a.held_minor,
    'entries', (select coalesce(json_agg(json_build_object('orderId', e.order_id, 'kind', e.kind,
        'cashMinor', e.cash_delta_minor, 'heldMinor', e.held_delta_minor, 'atMs', core.ms(e.at))
        order by e.id), '[]')
      from public.ledger_entries e where e.account_id = a.id
        and coalesce(e.order_id > coalesce((begins).last_order_id, 0), true)),
    'orders', core.order_facts_of(of_account, of_user, begins),
    'fills', core.fill_facts_of(of_account, begins), 'opening', core.opening_of(of_account, begins),
    'positions', (select coalesce(json_agg(json_build_object('instrumentId', p.instrument_id,
      'exchange', i.exchange,
        'symbol', i.symbol, 'product', p.product, 'quantity', p.quantity, 'costMinor', p.cost_minor,
        'marginMinor', p.margin_minor) order by p.instrument_id, p.product), '[]')
      from public.positions p join public.instruments i on i.id = p.instrument_id where p.account_id = a.id))
  from public.accounts a cross join lateral (select core.facts_begin(of_account) as begins) begun
  where a.id = of_account;
$$;

-- {mode, userId, after, entries}: the next accounts after that one (null: from the first, every mode,
-- everybody) with everything of them, as many as have so many entries in the ledger together, and one at
-- least. `next`: where to go on; null: that was all. One statement, so it sees one moment of each.
-- plan_cache_mode: on Postgres 18 one plan for all reads 2,290 rows for one user, a plan of its own 470
-- rows.
create function public.read_facts(args jsonb) returns json
language sql stable security definer set search_path = '' set plan_cache_mode = force_custom_plan as $$
  with counted as (
    select a.*, sum((select count(*) from public.ledger_entries e where e.account_id = a.id))
      over (order by a.id) as upto
    from (select * from public.accounts
      where id > coalesce((args ->> 'after')::bigint, 0) and coalesce(args ->> 'mode', mode) = mode
        and coalesce(args ->> 'userId', user_id) = user_id order by id limit 200) a
  ), page as materialized (
    select * from counted
    where id = (select min(id) from counted) or upto <= (args ->> 'entries')::bigint
  )
  select json_build_object(
    'accounts', (select coalesce(json_agg(core.facts_of(page.id, page.user_id) order by page.id), '[]')
      from page),
    'next', (select max(page.id) from page where exists (select from public.accounts a
      where a.id > (select max(p.id) from page p) and coalesce(args ->> 'mode', a.mode) = a.mode
        and coalesce(args ->> 'userId', a.user_id) = a.user_id)));
$$;
