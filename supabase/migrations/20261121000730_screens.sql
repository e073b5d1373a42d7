-- What screens show of everybody: reasons with their counts, pages of a run's users, runs, positions, a day.

create index prices_of_an_instrument on public.run_prices (instrument_id, priced_at desc);

-- Sales of these runs that were refused although the share is held now: how many, and the first 20. The
-- listings of a share are asked once for each share, and positions by account and instrument: asked for each
-- decision, a run of 5,000 users took two seconds.
create function core.missed_exits(of_runs text[]) returns jsonb
language sql stable as $$
  with refused as materialized (
    select d.run_id, d.signal_id, d.user_id, d.account_id, d.reason, d.queue_position, s.instrument_id
    from public.decisions d join public.signals s on s.id = d.signal_id and s.side = 'SELL'
    where d.run_id = any(of_runs) and d.outcome <> 'accepted' and d.reason <> 'already_decided'
  ), listed as materialized (
    select one.instrument_id, i.symbol, listing
    from (select distinct instrument_id from refused) one
    join public.instruments i on i.id = one.instrument_id
    cross join lateral unnest(core.listings_of(one.instrument_id)) listing
  ), missed as (
    select r.user_id, u.name, listed.symbol, r.reason, core.clamp_to_safe(sum(p.quantity)) as quantity,
      r.queue_position
    from refused r join listed on listed.instrument_id = r.instrument_id
    cross join lateral (select held.* from public.positions held
      where held.account_id = r.account_id and held.instrument_id = listed.listing and held.quantity > 0
      -- Found by its key, however many positions there are.
      offset 0) p
    join public.users u on u.id = r.user_id
    group by r.run_id, r.signal_id, r.user_id, u.name, listed.symbol, r.reason, p.instrument_id,
      r.queue_position
  )
  select jsonb_build_object('count', (select count(*) from missed), 'first', (select coalesce(jsonb_agg(
      jsonb_build_object('userId', user_id, 'userName', name, 'symbol', symbol, 'reason', reason,
        'quantity', quantity) order by queue_position, symbol), '[]')
    from (select * from missed order by queue_position, symbol limit 20) first));
$$;

-- What a run came to in words and money, of all its users: {runId}. Null where there is no such run.
-- `first`: the first users a reason met, in the order the run served them. `missedExits`: sales that were
-- refused of what is held.
create function public.read_report_reasons(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with reason_counts as (
    select d.outcome as category, d.reason, count(*) as n,
      (array_agg(d.user_id order by d.queue_position))[1:100] as user_ids
    from public.decisions d where d.run_id = args ->> 'runId' and d.outcome <> 'accepted' group by 1, 2
    union all
    select o.status, o.reason, count(*), (array_agg(o.user_id order by o.queue_position))[1:100]
    from public.orders o where o.run_id = args ->> 'runId'
      and o.status in ('rejected', 'canceled', 'expired', 'unknown') group by 1, 2
  ), traded as (
    select core.clamp_to_safe(coalesce(sum(filled_value_minor) filter (where side = 'BUY'), 0)) as bought,
      core.clamp_to_safe(coalesce(sum(filled_value_minor) filter (where side = 'SELL'), 0)) as sold,
      core.clamp_to_safe(coalesce(sum(charges_minor) filter (where filled_quantity > 0), 0)) as charges
    from public.orders where run_id = args ->> 'runId'
  )
  select jsonb_build_object(
    'reasons', (select coalesce(jsonb_agg(jsonb_build_object('what', category, 'reason', reason, 'count', n,
        'first', (select jsonb_agg(u.name order by first.at) from (select id, min(met) as at
            from unnest(user_ids) with ordinality as each_one(id, met) group by id order by 2 limit 3) first
          join public.users u on u.id = first.id)) order by n desc, category, reason), '[]')
          from reason_counts),
    'boughtMinor', bought, 'soldMinor', sold, 'chargesMinor', charges,
    'exits', (select coalesce(jsonb_agg(jsonb_build_object('signalId', s.id,
      'stopLossMinor', s.stop_loss_minor,
        'targetMinor', s.target_minor) order by rs.position), '[]')
      from public.run_signals rs join public.signals s on s.id = rs.signal_id where rs.run_id = run.id),
    'missedExits', core.missed_exits(array[run.id]))
  from public.scan_runs run, traded where run.id = args ->> 'runId';
$$;

-- A page of a run's users with all their decisions, orders and messages: {runId, afterQueuePosition, limit,
-- userId, status, of}. `status`: only who has an order, a decision or a message of that status (`of`
-- messages: a message). `left`: how many such users come after.
create function public.read_report_page(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  of_run constant text := args ->> 'runId';
  of_user constant text := args ->> 'userId';
  of_status constant text := args ->> 'status';
  page_size constant bigint := args ->> 'limit';
  page jsonb;
begin
  with matching as materialized (
    select ru.queue_position, ru.user_id from public.run_users ru
    where ru.run_id = of_run and ru.queue_position > (args ->> 'afterQueuePosition')::bigint
      and (of_user is null or ru.user_id = of_user)
      and (of_status is null
        or args ->> 'of' = 'all' and exists (select from public.orders o
          where (o.run_id, o.user_id) = (of_run, ru.user_id) and o.status = of_status)
        or args ->> 'of' = 'all' and exists (select from public.decisions d
          where (d.run_id, d.user_id) = (of_run, ru.user_id) and d.outcome = of_status)
        or exists (select from public.messages m where (m.run_id, m.user_id) = (of_run, ru.user_id)
          and m.status = of_status))
  ), shown as (select * from matching order by queue_position limit page_size)
  select jsonb_build_object(
    'users', coalesce((select jsonb_agg(jsonb_build_object('queuePosition', shown.queue_position,
      'userId', u.id, 'userName', u.name)
      order by shown.queue_position) from shown join public.users u on u.id = shown.user_id), '[]'),
    'decisions', coalesce((select jsonb_agg(core.decision_json(d, u) order by d.position, d.queue_position)
      from shown join public.users u on u.id = shown.user_id
      join public.decisions d on (d.run_id, d.user_id) = (of_run, shown.user_id)), '[]'),
    'messages', coalesce((select jsonb_agg(jsonb_build_object('queuePosition', shown.queue_position,
      'userId', m.user_id,
        'status', m.status, 'text', coalesce(m.text, '')) order by shown.queue_position, m.id)
      from shown join public.messages m on (m.run_id, m.user_id) = (of_run, shown.user_id)), '[]'),
    'left', (select count(*) from matching) - (select count(*) from shown)) into page;
  return page;
end $$;

-- One decision as read_report_decisions gives it, with what became of its order.
create function core.decision_json(d public.decisions, u public.users) returns jsonb
language sql stable as $$
  select jsonb_build_object('position', d.position, 'queuePosition', d.queue_position, 'userId', d.user_id,
    'userName', u.name, 'symbol', i.symbol, 'side', s.side, 'signalId', s.id, 'outcome', d.outcome,
    'reason', d.reason, 'limit', d.limit_value, 'actual', d.actual_value,
    'order', (select jsonb_build_object('clientOrderId', o.client_order_id, 'quantity', o.quantity,
        'status', o.status, 'limitPriceMinor', o.limit_price_minor, 'reason', o.reason,
        'decisionPriceMinor', o.decision_price_minor, 'filledQuantity', o.filled_quantity,
        'filledValueMinor', o.filled_value_minor, 'chargesMinor', o.charges_minor,
        'leverageCenti', o.leverage_centi)
      from public.orders o where o.run_id = d.run_id and o.user_id = d.user_id
        and o.signal_id = d.signal_id))
  from public.signals s join public.instruments i on i.id = s.instrument_id where s.id = d.signal_id;
$$;

-- Runs, the newest first: {named, after, limit}. `named`: only the run of that id, or runs whose id starts
-- so, with or without the market (2025-08-28); `after`: only those before the run of that id.
create function public.read_runs(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with page as materialized (
    select run.* from public.scan_runs run
    where (args ->> 'named' is null or starts_with(run.id, args ->> 'named')
        or starts_with(substr(run.id, strpos(run.id, ':') + 1), args ->> 'named'))
      and (args ->> 'after' is null or exists (select from public.scan_runs other
        where other.id = args ->> 'after' and (run.opened_at, run.id) < (other.opened_at, other.id)))
    order by run.opened_at desc, run.id desc limit (args ->> 'limit')::bigint
  )
  select coalesce(jsonb_agg(jsonb_build_object('runId', page.id, 'tradeDate', page.trade_date,
    'mode', page.mode, 'state', page.state, 'openedAtMs', core.ms(page.opened_at), 'users', u.n,
    'orders', o.n, 'filled', o.filled, 'rejected', o.rejected, 'open', o.open, 'unknown', o.unknown,
    'messagesFailed', m.failed)
    order by page.opened_at desc, page.id desc), '[]')
  from page
  cross join lateral (select count(*) as n from public.run_users where run_id = page.id) u
  cross join lateral (select count(*) as n, count(*) filter (where status = 'filled') as filled,
    count(*) filter (where status = 'rejected') as rejected,
    count(*) filter (where status = 'unknown') as unknown,
    count(*) filter (where status in ('queued', 'submitting', 'working', 'partially_filled')) as open
    from public.orders where run_id = page.id) o
  cross join lateral (select count(*) as failed from public.messages
    where run_id = page.id and status in ('failed', 'unknown')) m;
$$;

-- The last price known of an instrument, with its time: of a run, or the stored close of a day.
create function core.last_price(of_instrument bigint, out price_minor bigint, out priced_at timestamptz)
language sql stable as $$
  select price_minor, priced_at from (
    (select p.price_minor, p.priced_at from public.run_prices p where p.instrument_id = of_instrument
      order by p.priced_at desc limit 1)
    union all
    (select d.close_minor, core.ordinary_close(d.exchange, d.day)
      from public.instruments i join public.daily_prices d on (d.exchange, d.symbol) = (i.exchange, i.symbol)
      where i.id = of_instrument and d.close_minor is not null order by d.day desc limit 1)) known
  order by priced_at desc limit 1;
$$;

-- What is held: {userId, mode, after, limit}, by user and symbol. `after` is the `key` of the row before.
-- plan_cache_mode: one plan for all filters reads 5,037 rows for the positions of one user, a plan of its
-- own 42 rows.
create function public.read_positions(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  of_user constant text := args ->> 'userId';
  of_mode constant text := args ->> 'mode';
  after_key constant text := args ->> 'after';
  page_size constant bigint := args ->> 'limit';
begin
  return (with held as (
    -- Whatever the product.
    select a.user_id || ' ' || p.account_id || ' ' || p.instrument_id as key, a.user_id, a.venue, a.mode,
      p.instrument_id, core.clamp_to_safe(sum(p.quantity)) as quantity,
      core.clamp_to_safe(sum(p.cost_minor)) as cost_minor,
      core.clamp_to_safe(sum(p.margin_minor)) as margin_minor
    from public.positions p join public.accounts a on a.id = p.account_id
    where p.quantity <> 0 and (of_user is null or a.user_id = of_user)
      and (of_mode is null or a.mode = of_mode)
    group by a.id, p.account_id, p.instrument_id
  ), page as materialized (
    select * from held where after_key is null or key collate "C" > after_key
    order by key collate "C" limit page_size
  ), priced as materialized (
    select id, (core.last_price(id)).* from (select distinct instrument_id as id from page) used
  )
  select coalesce(jsonb_agg(jsonb_build_object('key', page.key, 'userId', page.user_id, 'userName', u.name,
    'venue', page.venue, 'mode', page.mode, 'exchange', i.exchange, 'symbol', i.symbol,
    'quantity', page.quantity, 'costMinor', page.cost_minor, 'marginMinor', page.margin_minor,
    'priceMinor', priced.price_minor, 'pricedAtMs', core.ms(priced.priced_at))
    order by page.key collate "C"), '[]')
  from page join public.users u on u.id = page.user_id join public.instruments i on i.id = page.instrument_id
  left join priced on priced.id = page.instrument_id);
end $$;
