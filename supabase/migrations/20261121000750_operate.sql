-- When a person has to decide: resolve, acknowledge.

-- A person says what became of an order that was left to them. It is booked like a venue's own word, with
-- who said so: what they name as filled beside what is booked already, and as canceled or not placed
-- whatever is left.
create function public.resolve_order(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  o public.orders;
  resolution text := args ->> 'as';
  filled bigint;
begin
  -- Locked before it is looked at: a fill that is booked meanwhile must not be counted again from the
  -- person's word.
  perform from public.accounts where id in (select account_id from public.orders
    where client_order_id = args ->> 'order' or id = core.order_id_of(args ->> 'order'))
  for no key update;
  select * into o from public.orders
  where client_order_id = args ->> 'order' or id = core.order_id_of(args ->> 'order') for no key update;
  if o.id is null then return jsonb_build_object('kind', 'no_such_order'); end if;
  if o.status not in ('unknown', 'working', 'partially_filled') then
    return jsonb_build_object('kind', 'not_unknown', 'status', o.status);
  end if;
  -- While somebody may still come back with the venue's own word, a person's would count the same fill
  -- twice.
  if o.next_lookup_at is not null or o.lease_until >= core.database_now() then
    return jsonb_build_object('kind', 'still_looked_up');
  end if;
  filled := coalesce((args ->> 'quantity')::bigint, case resolution when 'filled'
    then o.quantity - o.filled_quantity else 0 end);
  if resolution in ('filled', 'partly') and ((args ->> 'priceMinor') is null or filled <= 0
      or o.filled_quantity + filled > o.quantity
      or (resolution = 'filled') <> (o.filled_quantity + filled = o.quantity)) then
    return jsonb_build_object('kind', 'wrong_quantity', 'quantity', o.quantity,
      'filledQuantity', o.filled_quantity);
  end if;
  -- No venue fills beyond a limit: it is another order's price, or a slip.
  if resolution in ('filled', 'partly')
    and ((o.side = 'BUY' and (args ->> 'priceMinor')::bigint > o.limit_price_minor)
      or (o.side = 'SELL' and (args ->> 'priceMinor')::bigint < o.limit_price_minor)) then
    return jsonb_build_object('kind', 'wrong_price', 'side', o.side, 'limitPriceMinor', o.limit_price_minor);
  end if;
  perform public.settle_orders(jsonb_build_object('nowMs', args -> 'nowMs', 'clock', args -> 'clock',
    'outcomes', jsonb_build_array(
    jsonb_build_object('orderId', o.id,
      'venueStatus', case resolution when 'filled' then 'filled' when 'rejected' then 'rejected'
      else 'canceled' end, 'reason', 'resolved_by_operator', 'message', (args -> 'by' ->> 'who')
        || ' resolved it as ' || resolution,
      'fills', case when resolution in ('filled', 'partly') then jsonb_build_array(jsonb_build_object(
        'venueFillId', 'operator-' || o.client_order_id, 'quantity', filled,
        'priceMinor', args -> 'priceMinor', 'atMs', core.ms(core.stamp_of(args)))) else '[]' end))));
  select status into resolution from public.orders where id = o.id;
  perform core.record_action(args -> 'by', 'resolve_order', 'order:' || o.client_order_id,
    of_user => o.user_id,
    before => jsonb_build_object('status', o.status, 'filledQuantity', o.filled_quantity),
    after => jsonb_build_object('status', resolution, 'quantity', filled,
      'priceMinor', args -> 'priceMinor'));
  return jsonb_build_object('kind', 'resolved', 'clientOrderId', o.client_order_id, 'status', resolution);
end $$;

-- Whether an account's available money was taken down by something other than a hold after an entry of its
-- ledger.
create function core.money_left_since(of_account bigint, snapshot_entry bigint) returns boolean
language sql stable as $$
  select exists (select from public.ledger_entries e where e.account_id = of_account
    and e.id > snapshot_entry
    and e.kind <> 'hold' and (e.kind = 'late_post' or e.cash_delta_minor < e.held_delta_minor));
$$;

-- What a person has to acknowledge of a user's accounts: {userId}. `block` is what is said about money; it
-- is acknowledged by naming `snapshotEntryId`, the last entry of the ledger there is now, and a drift by its
-- id.
create function public.read_blocks(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with open_drift as (
    select d.account_id, jsonb_agg(jsonb_build_object('driftId', d.id, 'kind', d.kind, 'what', d.what,
      'ours', d.ours, 'theirs', d.theirs, 'foundAtMs', core.ms(d.found_at),
      'lastFoundAtMs', core.ms(d.last_found_at)) order by d.id) as drifts
    from public.drifts d join public.accounts a on a.id = d.account_id and a.user_id = args ->> 'userId'
    where d.acknowledged_at is null group by 1
  ), account as (
    select a.*, case when a.not_ready not like 'drift:%' and not core.awaits_check(a.not_ready)
      then a.not_ready end as block
    from public.accounts a where a.user_id = args ->> 'userId'
  )
  select coalesce(jsonb_agg(jsonb_build_object('venue', a.venue, 'mode', a.mode,
    'currency', a.currency, 'block', a.block,
    'snapshotEntryId', coalesce((select max(e.id) from public.ledger_entries e where e.account_id = a.id),
      0),
    'drifts', coalesce(open_drift.drifts, '[]')) order by a.venue, a.mode, a.currency), '[]')
  from account a left join open_drift on open_drift.account_id = a.id
  where a.block is not null or open_drift.drifts is not null;
$$;

-- Which of these drifts are of shares with an open order of the account: their truth is still on its way.
create function core.drifts_under_way(of_account bigint, drift_ids bigint[]) returns bigint[]
language sql stable as $$
  select coalesce(array_agg(d.id), '{}') from public.drifts d
  join public.instruments named on named.exchange || ':' || named.symbol = d.what
  where d.account_id = of_account and d.id = any(drift_ids) and d.kind in ('position', 'oversold')
    and d.acknowledged_at is null
    and exists (select from public.orders o join public.instruments i on i.id = o.instrument_id
      where o.account_id = of_account and o.ended_at is null
        and i.share = named.share);
$$;

-- Shares the venue no longer has, as a person has acknowledged: external sales that name their drift. What
-- they brought nobody told us, so they go at what they cost, without profit or loss; their cash comes with
-- the venue's funds in the next readiness. Only where our books still are as the drift saw them, the last
-- check has not found it gone, and no younger drift of the share says otherwise. Gives the new fills.
create function core.book_missing_shares(of_account bigint, drift_ids bigint[], now_at timestamptz)
  returns bigint[]
language sql set search_path = '' as $$
  with missing as (
    select distinct on (named.share) d.id, d.ours::bigint as ours, named.id as named,
      d.ours::bigint - greatest(d.theirs::bigint, 0) as gone, named.share
    from public.drifts d join public.accounts a on a.id = d.account_id
    join public.instruments named on named.exchange || ':' || named.symbol = d.what
    where d.account_id = of_account and d.id = any(drift_ids) and d.kind = 'position'
      and d.acknowledged_at is null
      and d.last_found_at > coalesce(a.checked_at, '-infinity')
    order by named.share, d.last_found_at desc, d.id desc
  ), held as (
    select m.*, p.instrument_id, p.product, p.quantity, p.cost_minor,
      sum(p.quantity) over (partition by m.id) as total,
      (sum(p.quantity) over (partition by m.id order by p.instrument_id <> m.named,
        p.instrument_id, p.product)
        - p.quantity)::bigint as before
    from missing m join public.positions p on p.account_id = of_account and p.quantity <> 0
    join public.instruments i on i.id = p.instrument_id and i.share = m.share
  )
  select (core.book_reported_fills(array(
    select core.external_fill(of_account, instrument_id, product,
      format('drift:%s:%s:%s', id, instrument_id, product), 'SELL', least(quantity, gone - before),
      greatest(1, round(cost_minor::numeric / quantity))::bigint, now_at)
    from held where total = ours and before < gone and quantity > 0
    order by instrument_id, product), now_at)).fresh;
$$;

-- Shares that were sold beyond what was held, as a person has acknowledged: whoever delivered them did it
-- past us, at what they were sold for, without profit or loss. What it cost comes with the venue's funds in
-- the next readiness. Only where the position still is as its drift says. Gives the new fills.
create function core.book_oversold(of_account bigint, drift_ids bigint[], now_at timestamptz)
  returns bigint[]
language sql set search_path = '' as $$
  select (core.book_reported_fills(array(
    select core.external_fill(of_account, p.instrument_id, p.product,
      format('drift:%s:%s:%s', d.id, p.instrument_id, p.product), 'BUY', -p.quantity,
      ceil(p.cost_minor::numeric / p.quantity)::bigint, now_at)
    from public.drifts d join public.instruments i on i.exchange || ':' || i.symbol = d.what
    join public.positions p on (p.account_id, p.instrument_id) = (of_account, i.id)
    where d.account_id = of_account and d.id = any(drift_ids) and d.kind = 'oversold'
      and d.acknowledged_at is null
      and p.quantity = d.ours::bigint and p.quantity < 0
    order by p.instrument_id, p.product), now_at)).fresh;
$$;

-- An operator has looked at what blocks an account: {userId, venue, mode, currency (left out: INR),
-- driftIds, snapshotEntryId (null: nothing about money), by, nowMs}. Just that is taken off: a drift that
-- came later, or money that went later, stands until it is seen. A position is brought to the venue's
-- (core.book_missing_shares); one with an open order waits. Asked again, it finds the drifts acknowledged
-- and nothing left to book.
create function public.acknowledge_account(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.stamp_of(args);
  drift_ids bigint[] := array(select value::bigint from jsonb_array_elements_text(args -> 'driftIds'));
  snapshot_entry constant bigint := (args ->> 'snapshotEntryId')::bigint;
  account public.accounts;
  waiting bigint[];
  fresh bigint[];
  acknowledged bigint[];
  new_block text;
begin
  select * into account from public.accounts
  where user_id = args ->> 'userId' and venue = args ->> 'venue' and mode = args ->> 'mode'
    and currency = coalesce(args ->> 'currency', 'INR') for no key update;
  waiting := core.drifts_under_way(account.id, drift_ids);
  drift_ids := array(select unnest(drift_ids) except select unnest(waiting));
  fresh := core.book_missing_shares(account.id, drift_ids, now_at)
    || core.book_oversold(account.id, drift_ids, now_at);
  with updated as (
    update public.drifts set acknowledged_at = core.database_now()
    where account_id = account.id and id = any(drift_ids) and acknowledged_at is null
    returning id
  ) select coalesce(array_agg(id order by id), '{}') into acknowledged from updated;

  new_block := case
    when account.not_ready like 'drift:%' then coalesce(core.open_drift(account.id),
      case when account.cash_minor < account.held_minor
        then 'available money is below zero: acknowledge it' end)
    when account.not_ready is null or core.awaits_check(account.not_ready) or snapshot_entry is null
      or account.cash_minor < account.held_minor or core.money_left_since(account.id, snapshot_entry)
        then account.not_ready
    else core.open_drift(account.id) end;
  update public.accounts set not_ready = new_block where id = account.id
    and not_ready is distinct from new_block;
  if new_block is distinct from account.not_ready or cardinality(acknowledged) > 0 then
    perform core.record_action(args -> 'by', 'acknowledge_account',
      core.account_target(account),
      jsonb_build_object('notReady', account.not_ready), jsonb_build_object('notReady', new_block,
        'drifts', to_jsonb(acknowledged), 'snapshotEntryId', snapshot_entry, 'fills', to_jsonb(fresh)),
        of_user => account.user_id);
  end if;

  return jsonb_build_object('acknowledged', to_jsonb(acknowledged), 'waiting', to_jsonb(waiting),
    'changed', new_block is distinct from account.not_ready or cardinality(acknowledged) > 0,
    'booked', (select coalesce(jsonb_agg(jsonb_build_object('exchange', i.exchange, 'symbol', i.symbol,
      'quantity', f.quantity, 'priceMinor', f.price_minor) order by f.id), '[]')
      from public.fills f join public.instruments i on i.id = f.instrument_id where f.id = any(fresh)));
end $$;

-- For a worker, who belongs to no run: every decided run with nothing left becomes done; when is the next
-- thing due?
create function public.finish_runs(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with finished as (
    update public.scan_runs run set state = 'done',
      done_at = greatest((select core.earlier_of(args)), decided_at)
    where state = 'decided' and coalesce(takes_orders_until, '-infinity') <= (select core.earlier_of(args))
      and not exists (select from public.orders o where o.run_id = run.id and o.ended_at is null
        and core.unfinished(o))
    returning 1
  )
  select jsonb_build_object('finished', (select count(*) from finished), 'nextDueMs', core.ms(least(
    (select min(case when exists (select from public.halts h where h.resumed_at is null and (h.scope = 'all'
          or (h.scope = 'venue' and h.target = o.venue) or (h.scope = 'user' and h.target = o.user_id)))
        then o.send_before
        else greatest(coalesce(o.next_attempt_at, (select core.earlier_of(args))), 
            case when exists (select from public.breakers where is_open) then core.stopped_until(o) end) end)
      from public.orders o
      join public.scan_runs run on run.id = o.run_id
      where o.ended_at is null and o.status = 'queued' and run.state = 'decided'),
    (select min(next_lookup_at) from public.orders
      where ended_at is null and status in ('unknown', 'working', 'partially_filled')),
    (select min(greatest(m.due_at, m.next_attempt_at)) from public.messages m where m.status = 'queued'
      and not (select core.is_stopped('whatsapp'))
      and not ((select core.is_stopped('sms')) and core.goes_as_sms(m))),
    (select min(next_lookup_at) from public.messages where status = 'unknown'))));
$$;

-- How much is still to be done over all runs: orders that are not ended and not left to a person, messages
-- not settled.
create function public.count_unfinished(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'orders', (select count(*) from public.orders o where o.ended_at is null and core.unfinished(o)),
    'messages', (select count(*) from public.messages where status in ('queued', 'sending')));
$$;
