-- The evening page: a day of one mode and currency in figures, and what of it needs a person. Lists hold 20
-- at most. Amounts of two currencies never meet in a sum.

-- {tradeDate, mode, currency (left out: INR)}. Money and positions are as they are now; orders, charges and
-- messages are the day's, of the markets that trade in the currency.
create function public.read_day(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  day constant date := args ->> 'tradeDate';
  of_mode constant text := args ->> 'mode';
  paid_in constant text := coalesce(args ->> 'currency', 'INR');
  runs constant text[] := array(select id from public.scan_runs where trade_date = day and mode = of_mode
    and core.currency_of(id) = paid_in order by opened_at);
begin
  return core.day_of_money(of_mode, paid_in, day) || core.day_of_orders(runs)
    || core.day_of_troubles(of_mode, paid_in, day)
    || jsonb_build_object('tradeDate', day, 'mode', of_mode, 'currency', paid_in, 'runs', to_jsonb(runs),
      'missedExits', core.missed_exits(runs),
      'messages', (select jsonb_build_object('queued', count(*)
        filter (where status in ('queued', 'sending')),
          'sent', count(*) filter (where status in ('sent', 'delivered')), 'failed', count(*)
          filter (where status = 'failed'), 'unknown', count(*) filter (where status = 'unknown'),
          'runs', coalesce(jsonb_agg(distinct run_id) filter (where status in ('failed', 'unknown')), '[]'))
        from public.messages where run_id = any(runs)));
end $$;

-- What the accounts of a mode and currency have, what went in and out that day, and what they hold: the 20
-- largest positions by value, all together in figures.
create function core.day_of_money(of_mode text, paid_in text, day date) returns jsonb
language sql stable as $$
  with held as materialized (
    select p.instrument_id, count(distinct p.account_id) as accounts, sum(p.quantity) as quantity,
      sum(p.cost_minor) as cost, sum(p.margin_minor) as margin
    from public.positions p join public.accounts a on a.id = p.account_id
    where a.mode = of_mode and a.currency = paid_in and p.quantity <> 0 group by 1
  ), valued as materialized (
    select held.*, i.exchange, i.symbol, known.price_minor, known.priced_at,
      core.value_down(held.quantity::bigint, known.price_minor, i.quantity_scale + i.price_scale) as value
    from held join public.instruments i on i.id = held.instrument_id
    left join lateral core.last_price(held.instrument_id) known on true
  )
  select jsonb_build_object(
    'accounts', (select jsonb_build_object('count', count(*),
      'cashMinor', core.clamp_to_safe(coalesce(sum(cash_minor), 0)),
      'heldMinor', core.clamp_to_safe(coalesce(sum(held_minor), 0))) from public.accounts
      where mode = of_mode and currency = paid_in)
      || core.cash_moves_on(of_mode, paid_in, day),
    'held', (select jsonb_build_object('positions', coalesce(sum(accounts), 0), 'instruments', count(*),
      'costMinor', core.clamp_to_safe(coalesce(sum(cost) filter (where price_minor is not null), 0)),
      'valueMinor', core.clamp_to_safe(coalesce(sum(value), 0)),
      'marginMinor', core.clamp_to_safe(coalesce(sum(margin), 0)), 'unpriced', count(*)
      filter (where price_minor is null)) from valued),
    'largest', (select coalesce(jsonb_agg(jsonb_build_object('exchange', exchange, 'symbol', symbol,
        'accounts', accounts, 'quantity', core.clamp_to_safe(quantity),
        'costMinor', core.clamp_to_safe(cost), 'priceMinor', price_minor, 'pricedAtMs', core.ms(priced_at))
        order by value desc nulls last, symbol), '[]')
      from (select * from valued order by value desc nulls last, symbol limit 20) first));
$$;

-- What the orders of these runs came to.
create function core.day_of_orders(runs text[]) returns jsonb
language sql stable as $$
  select jsonb_build_object('orders', (select jsonb_build_object('count', count(*),
      'filled', count(*) filter (where status = 'filled'),
      'open', count(*) filter (where status in ('queued', 'submitting', 'working', 'partially_filled')),
      'boughtMinor', core.clamp_to_safe(coalesce(sum(filled_value_minor) filter (where side = 'BUY'), 0)),
      'soldMinor', core.clamp_to_safe(coalesce(sum(filled_value_minor) filter (where side = 'SELL'), 0)),
      'chargesMinor', core.clamp_to_safe(coalesce(sum(charges_minor) filter (where filled_quantity > 0), 0)))
    from public.orders where run_id = any(runs))
    || jsonb_build_object('realisedMinor', (select core.clamp_to_safe(coalesce(sum(f.realised_minor), 0))
      from public.orders o join public.fills f on f.order_id = o.id
      where o.run_id = any(runs))));
$$;

-- What needs a person, of whatever day it is.
create function core.day_of_troubles(of_mode text, paid_in text, day date) returns jsonb
language sql stable as $$
  with lost as materialized (
    select o.*, i.symbol, u.name from public.orders o join public.accounts a on a.id = o.account_id
      and a.mode = of_mode and a.currency = paid_in
    join public.instruments i on i.id = o.instrument_id join public.users u on u.id = o.user_id
    where o.ended_at is null and (o.status = 'unknown' or core.left_to_a_person(o))
  ), drift as materialized (
    select d.*, a.user_id, a.venue from public.drifts d join public.accounts a on a.id = d.account_id
      and a.mode = of_mode and a.currency = paid_in
    where d.acknowledged_at is null
  ), blocked as materialized (
    select a.user_id, a.venue, coalesce(a.not_ready, a.check_found) as why from public.accounts a
    where a.mode = of_mode and a.currency = paid_in and coalesce(a.not_ready, a.check_found) is not null
  ), nobody as materialized (
    select a.user_id, a.venue from public.accounts a join public.users u on u.id = a.user_id and u.active
    where a.mode = of_mode and a.currency = paid_in and of_mode = 'live' and core.lacks_login(a.id, day)
  )
  select jsonb_build_object(
    'unknownOrders', jsonb_build_object('count', (select count(*) from lost),
      'first', (select coalesce(jsonb_agg(
        jsonb_build_object('clientOrderId', client_order_id, 'userId', user_id, 'userName', name,
          'symbol', symbol, 'side', side, 'quantity', quantity, 'venue', venue, 'status', status,
          'leftToAPerson', next_lookup_at is null) order by id), '[]')
      from (select * from lost order by id limit 20) t)),
    'drifts', jsonb_build_object('count', (select count(*) from drift), 'first', (select coalesce(jsonb_agg(
        jsonb_build_object('userId', user_id, 'venue', venue, 'kind', kind, 'what', what, 'ours', ours,
          'theirs', theirs) order by id), '[]') from (select * from drift order by id limit 20) t)),
    'blocked', jsonb_build_object('count', (select count(*) from blocked),
      'first', (select coalesce(jsonb_agg(
        jsonb_build_object('userId', user_id, 'venue', venue, 'why', why) order by user_id, venue), '[]')
      from (select * from blocked order by user_id, venue limit 20) t)),
    'missingLogins', jsonb_build_object('count', (select count(*) from nobody),
      'first', (select coalesce(jsonb_agg(
        jsonb_build_object('userId', user_id, 'venue', venue) order by user_id), '[]')
      from (select * from nobody order by user_id limit 20) t)),
    'notChecked', (select count(*) from public.accounts a
      join public.users u on u.id = a.user_id and u.active
      where a.mode = of_mode and a.currency = paid_in and of_mode = 'live'
        and a.checked_for is distinct from day),
    'halts', (select coalesce(jsonb_agg(jsonb_build_object('scope', scope, 'target', target, 'why', why)
      order by id), '[]')
      from (select * from public.halts where resumed_at is null order by id limit 20) t),
    'messagesStopped', (select string_agg(why, '; ') from public.message_stops where resumed_at is null));
$$;
