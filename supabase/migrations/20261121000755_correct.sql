-- Fills that were told wrong: a person says what one really was. The first word stays; the correction takes
-- its place.

-- {order, fill (its venue's name for it; null: the order's only one), quantity (0: it never was), priceMinor
-- (null: as told), by, nowMs}. What it changes in money is one entry of the ledger, of kind correction. Only
-- of an order that has ended: an open one's fills still come from its venue. Asked again, it finds nothing
-- to change. A correction makes no fill more wrong: not beyond the order's quantity, nor its limit.
create function public.correct_fill(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.stamp_of(args);
  o public.orders;
  was record;
  becomes_quantity constant bigint := (args ->> 'quantity')::bigint;
  becomes_price bigint;
  booked public.fills;
  cash_before bigint;
begin
  perform from public.accounts where id in (select account_id from public.orders
    where client_order_id = args ->> 'order' or id = core.order_id_of(args ->> 'order'))
  for no key update;
  select * into o from public.orders
  where client_order_id = args ->> 'order' or id = core.order_id_of(args ->> 'order') for no key update;
  -- What was removed, or is marked to be, is closed for good.
  if o.id is null or o.id <= core.last_removed_order() then
    return jsonb_build_object('kind', 'no_such_order');
  end if;
  if o.ended_at is null then return jsonb_build_object('kind', 'still_open', 'status', o.status); end if;

  select f.id, f.venue_fill_id, corrected.quantity, corrected.price_minor, count(*) over () as fills into was
  from public.fills f cross join lateral core.corrected_fill(f) corrected
  where f.order_id = o.id and f.corrects is null
    and f.venue_fill_id = coalesce(args ->> 'fill', f.venue_fill_id);
  if was.fills is distinct from 1 then
    return jsonb_build_object('kind', 'which_fill', 'fills', (select coalesce(jsonb_agg(jsonb_build_object(
        'venueFillId', f.venue_fill_id, 'quantity', corrected.quantity, 'priceMinor', corrected.price_minor)
        order by f.id), '[]')
      from public.fills f cross join lateral core.corrected_fill(f) corrected where f.order_id = o.id
        and f.corrects is null));
  end if;
  becomes_price := coalesce((args ->> 'priceMinor')::bigint, was.price_minor);
  if (becomes_quantity, becomes_price) = (was.quantity, was.price_minor) then
    return jsonb_build_object('kind', 'unchanged', 'clientOrderId', o.client_order_id);
  end if;
  if becomes_quantity > was.quantity
    and o.filled_quantity - was.quantity + becomes_quantity > o.quantity then
    return jsonb_build_object('kind', 'wrong_quantity', 'quantity', o.quantity,
      'filledQuantity', o.filled_quantity - was.quantity);
  end if;
  if becomes_price <> was.price_minor
    and (case o.side when 'BUY' then becomes_price > o.limit_price_minor
      else becomes_price < o.limit_price_minor end) then
    return jsonb_build_object('kind', 'wrong_price', 'limitPriceMinor', o.limit_price_minor);
  end if;

  select cash_minor into cash_before from public.accounts where id = o.account_id;
  booked := core.book_correction(o, was.id, becomes_quantity, becomes_price, now_at);
  perform core.record_action(args -> 'by', 'correct_fill', 'order:' || o.client_order_id,
    of_user => o.user_id, before => jsonb_build_object('fill', was.venue_fill_id, 'quantity', was.quantity,
      'priceMinor', was.price_minor),
    after => jsonb_build_object('fill', was.venue_fill_id, 'quantity', becomes_quantity,
      'priceMinor', becomes_price));
  return (select jsonb_build_object('kind', 'corrected', 'clientOrderId', o.client_order_id,
    'userId', o.user_id, 'accountVenue', a.venue, 'venueFillId', was.venue_fill_id,
    'was', jsonb_build_object('quantity', was.quantity,
      'priceMinor', was.price_minor),
      'now', jsonb_build_object('quantity', becomes_quantity, 'priceMinor', becomes_price),
    'cashBeforeMinor', cash_before, 'cashMinor', a.cash_minor, 'notReady', a.not_ready)
    from public.accounts a where a.id = o.account_id);
end $$;

-- The correction with its position, its entry in the ledger, and what the order has filled now.
create function core.book_correction(o public.orders, of_fill bigint, really bigint, really_at_minor bigint,
  now_at timestamptz) returns public.fills language plpgsql set search_path = '' as $$
declare
  fresh bigint;
  booked public.fills;
  filled record;
  released bigint;
  paid bigint;
begin
  fresh := core.book_fill_out_of_order(row(o.id, o.client_order_id, o.leverage_centi,
    o.filled_value_minor, true, o.account_id, o.instrument_id, o.product,
    (select f.trade_date from public.fills f where f.id = of_fill), of_fill,
    format('correction:%s:%s', of_fill,
      (select count(*) from public.fills f where f.corrects = of_fill) + 1), o.side,
    really, really_at_minor,
    core.fill_value(o.side, really, really_at_minor, core.places_of(o.instrument_id)),
    (select f.filled_at from public.fills f where f.id = of_fill))::core.reported_fill, now_at);
  select * into booked from public.fills where id = fresh;
  select coalesce(sum(f.quantity), 0)::bigint as quantity,
    coalesce(sum(f.value_minor), 0)::bigint as minor
  into filled from core.effective_fills f where f.order_id = o.id;
  released := booked.realised_minor + booked.freed_margin_minor;
  paid := core.cost_of_value(o, filled.minor) - core.cost_of_value(o, o.filled_value_minor);

  insert into public.ledger_entries (account_id, order_id, fill_id, kind, cash_delta_minor,
    held_delta_minor, at)
  values (o.account_id, o.id, booked.id, 'correction', released - paid, 0, now_at);
  update public.orders set filled_quantity = filled.quantity, filled_value_minor = filled.minor,
    released_minor = released_minor + released, changed_at = greatest(now_at, changed_at),
    charges_minor = (select core.charges_on(filled.minor, rate) from public.charge_rates rate
      where rate.id = o.rate_id)
  where id = o.id;
  update public.accounts a set cash_minor = a.cash_minor + released - paid,
    not_ready = case when a.cash_minor + released - paid < a.held_minor
      then core.block_reason(a.not_ready, 'available money is below zero: acknowledge it')
        else a.not_ready end
  where a.id = o.account_id;
  return booked;
end $$;
