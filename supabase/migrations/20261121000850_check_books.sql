-- The books checked against themselves: every broken promise as a line, none when all is well. Reads only; one
-- statement, so it sees one moment. Meant for operators and tests, not for the trading path.
create function public.check_books(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with ledger as (
    select account_id, sum(cash_delta_minor) as cash, sum(held_delta_minor) as held from public.ledger_entries group by 1
  ), open_hold as (
    select o.account_id, sum(o.hold_minor) as held from public.orders o
    where not exists (select from public.ledger_entries l where l.order_id = o.id and l.kind in ('post', 'void'))
    group by 1
  ), filled as (
    select order_id, sum(quantity) as quantity, sum(quantity * price_minor) as value from core.effective_fills
    where order_id is not null group by 1
  ), broken as (
    select 'cash is the sum of its entries' as rule, 'account ' || a.id as subject
    from public.accounts a left join ledger on ledger.account_id = a.id where a.cash_minor <> coalesce(ledger.cash, 0)
    union all
    select 'held is the sum of its entries', 'account ' || a.id
    from public.accounts a left join ledger on ledger.account_id = a.id where a.held_minor <> coalesce(ledger.held, 0)
    union all
    select 'held is the open holds', 'account ' || a.id
    from public.accounts a left join open_hold on open_hold.account_id = a.id where a.held_minor <> coalesce(open_hold.held, 0)
    union all
    select 'available is not below zero unless the account is blocked', 'account ' || id
    from public.accounts where cash_minor < held_minor and not_ready is null
    union all
    select 'an accepted decision has its order, and an order its decision', coalesce(d.signal_id || ' ' || d.user_id, o.client_order_id)
    from (select * from public.decisions where outcome = 'accepted') d
    full join public.orders o
      on (o.run_id, o.signal_id, o.user_id) = (d.run_id, d.signal_id, d.user_id)
    where d.run_id is null or o.run_id is null
    union all
    select 'a signal has one order per account', o.account_id || ' ' || o.signal_id
    from public.orders o group by o.account_id, o.signal_id having count(*) > 1
    union all
    select 'what an order filled is the sum of its fills', o.client_order_id
    from public.orders o left join filled on filled.order_id = o.id
    where (o.filled_quantity, o.filled_value_minor) <> (coalesce(filled.quantity, 0), coalesce(filled.value, 0))
    union all
    select 'an order is held once and closed once when it has ended', o.client_order_id
    from public.orders o left join (
      select order_id, count(*) filter (where kind = 'hold') as holds, count(*) filter (where kind in ('post', 'void')) as ends
      from public.ledger_entries where order_id is not null group by order_id) entry on entry.order_id = o.id
    where coalesce(holds, 0) <> 1 or coalesce(ends, 0) <> case when o.ended_at is null then 0 else 1 end
    union all
    select 'a position is what was bought less what was sold', coalesce(p.account_id, f.account_id) || ' ' || coalesce(p.instrument_id, f.instrument_id)
    from public.positions p full join (
      select account_id, instrument_id, product, sum(case side when 'BUY' then quantity else -quantity end) as quantity
      from core.effective_fills group by 1, 2, 3) f
      on (f.account_id, f.instrument_id, f.product) = (p.account_id, p.instrument_id, p.product)
    where coalesce(p.quantity, 0) <> coalesce(f.quantity, 0)
    union all
    select 'every signal of a decided run has a decision for every user', run.id
    from public.scan_runs run where run.state <> 'planning' and run.takes_orders_until is null
      and (select count(*) from public.decisions d where d.run_id = run.id)
        <> (select count(*) from public.run_signals rs where rs.run_id = run.id)
         * (select count(*) from public.run_users ru where ru.run_id = run.id)
    union all
    select 'every user of a decided run has one summary', run.id
    from public.scan_runs run where run.state <> 'planning' and run.takes_orders_until is null
      and (select count(*) from public.messages m where m.run_id = run.id and m.kind = 'summary')
        <> (select count(*) from public.run_users ru where ru.run_id = run.id)
    union all
    select 'a single order has a message that tells of it', o.client_order_id
    from public.orders o join public.scan_runs run on run.id = o.run_id and run.takes_orders_until is not null
    where not exists (select from public.messages m
      where (m.run_id, m.user_id) = (o.run_id, o.user_id) and m.first_order_id <= o.id)
  )
  select coalesce(jsonb_agg(jsonb_build_object('rule', rule, 'subject', subject)), '[]') from broken;
$$;
