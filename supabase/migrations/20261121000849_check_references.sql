-- Whether the rows that orders, fills, positions, entries, messages and what a run froze name are there: no
-- foreign key says so.

-- Each order against the rows it names.
create function core.order_reference_findings(p core.period) returns setof core.finding
language sql stable as $$
  select 'an order names rows that are there', 'order ' || o.client_order_id, o.user_id,
    concat_ws(', ', case when run.id is null then 'run ' || o.run_id end,
      case when s.id is null then 'signal ' || o.signal_id
        when frozen.run_id is null then 'signal ' || o.signal_id || ' in its run' end,
      case when u.id is null then 'user ' || o.user_id end,
      case when a.id is null then 'account ' || o.account_id end,
      case when i.id is null then 'instrument ' || o.instrument_id end,
      case when rate.id is null then 'rate ' || o.rate_id end) || ': not there',
    'there', null::text, false
  from core.orders_in(p) o left join public.scan_runs run on run.id = o.run_id
  left join public.signals s on s.id = o.signal_id
  left join public.run_signals frozen on (frozen.run_id, frozen.signal_id) = (o.run_id, o.signal_id)
  left join public.users u on u.id = o.user_id
  left join public.accounts a on a.id = o.account_id
  left join public.instruments i on i.id = o.instrument_id
  left join public.charge_rates rate on rate.id = o.rate_id
  where run.id is null or s.id is null or frozen.run_id is null or u.id is null or a.id is null
    or i.id is null or rate.id is null;
$$;

-- What a run froze, and every request and message, against the rows they name, and entries against their
-- account: all there ever was, since what names no run has no day, and what names no account no period.
create function core.run_reference_findings() returns setof core.finding
language sql stable as $$
  select 'what a run froze is there', 'signal ' || rs.signal_id, null::text,
    concat_ws(', ', case when run.id is null then 'run ' || rs.run_id end,
      case when s.id is null then 'signal ' || rs.signal_id end) || ': not there', 'there', null::text, false
  from public.run_signals rs left join public.scan_runs run on run.id = rs.run_id
  left join public.signals s on s.id = rs.signal_id
  where run.id is null or s.id is null
  union all
  select 'what a run froze is there', 'user ' || ru.user_id, ru.user_id,
    'run ' || ru.run_id || ': not there', 'there', null, false
  from public.run_users ru
  where not exists (select from public.scan_runs run where run.id = ru.run_id)
  union all
  select 'an entry names rows that are there', 'entry ' || e.id, null,
    format('account %s: not there', e.account_id), 'there', null, false
  from public.ledger_entries e where not exists (select from public.accounts a where a.id = e.account_id)
  union all
  select 'a request names its decision', 'request ' || r.signal_id, r.user_id,
    'decision: not there', 'there', null, false
  from public.order_requests r where not exists (select from public.decisions d
    where (d.run_id, d.signal_id, d.user_id) = (r.run_id, r.signal_id, r.user_id))
  union all
  select 'a message names rows that are there', 'message ' || m.id, m.user_id,
    concat_ws(', ', case when run.id is null and m.run_id is not null then 'run ' || m.run_id end,
      case when o.id is null and m.first_order_id is not null
        then 'order ' || m.first_order_id end) || ': not there', 'there', null, false
  from public.messages m left join public.scan_runs run on run.id = m.run_id
  left join public.orders o on o.id = m.first_order_id
  where (run.id is null and m.run_id is not null) or (o.id is null and m.first_order_id is not null);
$$;

-- Each fill, position and entry of the ledger against the rows it names.
create function core.reference_findings(in_period core.period) returns setof core.finding
language sql stable as $$
  select * from core.order_reference_findings(in_period)
  union all
  select 'a fill names rows that are there', 'fill ' || f.venue_fill_id, a.user_id,
    concat_ws(', ', case when o.id is null then 'order ' || f.order_id end,
      case when a.id is null then 'account ' || f.account_id end,
      case when i.id is null then 'instrument ' || f.instrument_id end,
      case when was.id is null then 'corrected fill ' || f.corrects end) || ': not there',
    'there', null::text, false
  from core.fills_in(in_period) f left join public.orders o on o.id = f.order_id
  left join public.accounts a on a.id = f.account_id
  left join public.instruments i on i.id = f.instrument_id
  left join public.fills was on was.id = f.corrects
  where (o.id is null and f.order_id is not null) or a.id is null or i.id is null
    or (was.id is null and f.corrects is not null)
  union all
  select 'an entry names rows that are there', 'entry ' || e.id, a.user_id,
    concat_ws(', ', case when o.id is null then 'order ' || e.order_id end,
      case when f.id is null then 'fill ' || e.fill_id end) || ': not there', 'there', null, false
  from core.entries_in(in_period) e join public.accounts a on a.id = e.account_id
  left join public.orders o on o.id = e.order_id
  left join public.fills f on f.id = e.fill_id
  where (o.id is null and e.order_id is not null) or (f.id is null and e.fill_id is not null)
  union all
  select 'a position names rows that are there',
    format('instrument %s (%s) of account %s', p.instrument_id, p.product, p.account_id), a.user_id,
    concat_ws(', ', case when a.id is null then 'account ' || p.account_id end,
      case when i.id is null then 'instrument ' || p.instrument_id end) || ': not there',
    'there', null, false
  from public.positions p left join public.accounts a on a.id = p.account_id
  left join public.instruments i on i.id = p.instrument_id
  where (in_period).closing is null and (a.id is null or i.id is null);
$$;

-- Each order, and each position, against the currency of its account: amounts of two never meet in a sum.
create function core.currency_findings(p core.period) returns setof core.finding
language sql stable as $$
  select 'an order is in the currency of its account', 'order ' || o.client_order_id, o.user_id,
    format('%s:%s in %s', i.exchange, i.symbol, i.currency), a.currency, null::text, false
  from core.orders_in(p) o join public.accounts a on a.id = o.account_id
  join public.instruments i on i.id = o.instrument_id
  where i.currency <> a.currency
  union all
  select 'a position is in the currency of its account', core.account_name(a), a.user_id,
    format('%s:%s in %s', i.exchange, i.symbol, i.currency), a.currency, null, false
  from public.positions held join public.accounts a on a.id = held.account_id
  join public.instruments i on i.id = held.instrument_id
  where (p).closing is null and i.currency <> a.currency;
$$;
