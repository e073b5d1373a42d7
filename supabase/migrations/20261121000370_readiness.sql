-- Is an account ready for the day, and do our books and its venue's agree? What a check finds
-- (accounts.check_found) is kept apart from what a person has to acknowledge (accounts.not_ready): the next
-- check may clear only the first.

-- The two reasons of accounts.not_ready that stand for a check that is still to come.
create function core.awaits_check(not_ready text) returns boolean
language sql immutable as $$
  select coalesce(not_ready in ('not connected yet', 'not checked yet'), false);
$$;

-- What a person has to see about money stands above what a check or a comparison of books found: those come
-- again.
create function core.block_reason(not_ready text, money text) returns text
language sql immutable as $$
  select case when not_ready is null or core.awaits_check(not_ready) or not_ready like 'drift:%' then money
    else not_ready end;
$$;

-- Why an account may not open anything new on a day; null: it may. A live one needs a check of that very
-- day.
create function core.not_ready_on(a public.accounts, on_day date) returns text
language sql immutable as $$
  select case
    when a.mode <> 'live' or (a.not_ready is not null and not core.awaits_check(a.not_ready))
      then a.not_ready
    when a.checked_for = on_day then coalesce(a.check_found, a.not_ready)
    else coalesce(a.not_ready, 'not_checked_today') end;
$$;

-- Whether a user would trade with this account on a day if he logged in at its venue: the last check says
-- that a login is what it lacks, and nothing was stored since that could be one. What only its operator can
-- mend is no login of the user's.
create function core.lacks_login(of_account bigint, on_day date) returns boolean
language sql stable as $$
  select exists (select from public.accounts a
    join public.users u on u.id = a.user_id and u.active and u.trading_enabled
      and (u.venue = a.venue or a.currency <> 'INR')
    where a.id = of_account and a.mode = 'live'
      and core.not_ready_on(a, on_day) ~ '^(no_login|login_ends_at):'
      and core.not_ready_on(a, on_day)
        !~ '^no_login: (not_connected|credentials_unreadable|keys_refused|trading_blocked|account_)'
      and not exists (select from public.account_credentials c
        where c.account_id = a.id and c.stored_at > a.checked_at));
$$;

-- Where our books and a venue's differ in a way nobody may trade over. Acknowledged with its account.
create table public.drifts (
  id bigint generated always as identity primary key,
  account_id bigint not null references public.accounts,
  trade_date date not null,
  kind text not null,
  -- Which order, which share, which money; and how much of it each side has.
  what text not null,
  ours text not null,
  theirs text not null,
  found_at timestamptz not null,
  last_found_at timestamptz not null,
  acknowledged_at timestamptz,
  constraint a_drift_is_of_a_known_kind
    check (kind in ('unknown_order', 'order', 'position', 'oversold', 'funds'))
);
-- What was found stays as it was found, and what was acknowledged stays acknowledged.
create function core.refuse_drift_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'UPDATE' and to_jsonb(new) - '{last_found_at,acknowledged_at}'::text[]
      = to_jsonb(old) - '{last_found_at,acknowledged_at}'::text[] and new.last_found_at >= old.last_found_at
    and (old.acknowledged_at is null or new.acknowledged_at = old.acknowledged_at) then
    return new;
  end if;
  raise exception 'a drift is a fact: it is only seen again and acknowledged once' using errcode = 'PT403';
end $$;
create trigger drifts_are_facts before update or delete on public.drifts
  for each row execute function core.refuse_drift_change();
create trigger drifts_are_never_truncated before truncate on public.drifts
  for each statement execute function core.refuse_change();
create unique index a_drift_is_open_once on public.drifts (account_id, kind, what, ours, theirs)
  where acknowledged_at is null;
create index drifts_of_an_account on public.drifts (account_id, id);

-- What blocks an account whose books differ from its venue's; null: nothing that is not acknowledged.
create function core.open_drift(of_account bigint) returns text
language sql stable as $$
  select format('drift: %s %s: ours %s, theirs %s%s: acknowledge it', kind, what, ours, theirs,
    case when more > 0 then format(' (and %s more)', more) else '' end)
  from (select d.*, count(*) over () - 1 as more from public.drifts d
    where account_id = of_account and acknowledged_at is null) open
  order by kind <> 'unknown_order', id limit 1;
$$;

-- Our books of live or paper accounts, a page of them by id: what readiness and the evening's sync compare.
-- {mode, currency (of the market whose day it is), tradeDate, accountIds (null: all), afterId, limit};
-- `orders` are those of the trade date and the open ones.
create function public.read_books(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  with page as (
    select a.* from public.accounts a
    where a.mode = args ->> 'mode' and a.currency = args ->> 'currency'
      and a.id > (args ->> 'afterId')::bigint
      and (nullif(args -> 'accountIds', 'null') is null
        or a.id in (select value::bigint from jsonb_array_elements_text(args -> 'accountIds')))
    order by a.id limit (args ->> 'limit')::bigint
  ), holding as (
    select listed.account_id, jsonb_agg(jsonb_build_object('exchange', i.exchange, 'symbol', i.symbol,
      'quantity', listed.quantity, 'mtfQuantity', listed.mtf) order by i.symbol, i.exchange) as positions
    from (select p.account_id, p.instrument_id, sum(p.quantity) as quantity,
        coalesce(sum(p.quantity) filter (where p.product = 'mtf'), 0) as mtf
      from page join public.positions p on p.account_id = page.id group by 1, 2) listed
    join public.instruments i on i.id = listed.instrument_id
    where listed.quantity <> 0 group by 1
  ), traded as (
    select o.account_id, jsonb_agg(jsonb_build_object('clientOrderId', o.client_order_id,
      'venueOrderId', o.venue_order_id, 'exchange', i.exchange, 'symbol', i.symbol, 'side', o.side,
      'quantity', o.quantity, 'filledQuantity', o.filled_quantity, 'filledValueMinor', o.filled_value_minor,
      'status', o.status, 'leftToAPerson', core.left_to_a_person(o),
      'today', today) order by o.id) as orders
    from page cross join lateral (
      -- Two halves, each by an index of its own: an account has years of orders.
      select o, true as today from public.scan_runs run
      join public.orders o on (o.run_id, o.user_id) = (run.id, page.user_id) and o.account_id = page.id
      where run.trade_date = (args ->> 'tradeDate')::date
      union all
      select o, false from public.orders o join public.scan_runs run on run.id = o.run_id
      where o.account_id = page.id and o.ended_at is null and run.trade_date <> (args ->> 'tradeDate')::date
    ) found cross join lateral (select (found.o).*) o join public.instruments i on i.id = o.instrument_id
    group by 1
  )
  select coalesce(jsonb_agg(jsonb_build_object('accountId', page.id, 'userId', u.id, 'userName', u.name,
    'active', u.active, 'venue', page.venue, 'currency', page.currency, 'leverageCenti', page.leverage_centi,
    'cashMinor', page.cash_minor, 'heldMinor', page.held_minor,
    'blockedByOthersMinor', page.blocked_by_others_minor, 'positions', coalesce(holding.positions, '[]'),
    'orders', coalesce(traded.orders, '[]')) order by page.id), '[]')
  from page join public.users u on u.id = page.user_id
  left join holding on holding.account_id = page.id left join traded on traded.account_id = page.id;
$$;

-- Which share each listing is, whether it is an instrument of ours or not.
create function public.read_shares(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('exchange', listing.exchange,
      'symbol', listing.symbol, 'share', coalesce((select i.share from public.instruments i
          where core.folded_symbol(i.exchange, i.symbol)
            = core.folded_symbol(listing.exchange, listing.symbol)
          order by (i.exchange, i.symbol) = (listing.exchange, listing.symbol) desc,
            i.exchange = listing.exchange desc, i.isin is null, i.symbol limit 1),
        core.folded_symbol(listing.exchange, listing.symbol)))), '[]')
    from jsonb_to_recordset(args -> 'listings') as listing(exchange text, symbol text)
  );
end $$;

-- Brings our books to what the venue has, before a day's first trade: the difference in cash as an
-- adjustment, shares we don't know as external fills, and notes what other business had blocked then. {mode,
-- tradeDate, nowMs, accounts: [{accountId, booksCashMinor, cashMinor, blockedByOthersMinor, source,
-- holdings: [{exchange, symbol, product, booksQuantity, quantity (more), priceMinor, reference}]}]}. Each
-- account only if its books still are as they were seen, it has no open order and none of the day, and no
-- run is deciding about it just now: what other accounts do keeps nobody's books from being brought up. So a
-- repeated call finds nothing left to book. `free`: the accounts for which it was so.
create function public.adjust_books(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.now_of(args);
  day constant date := (args ->> 'tradeDate')::date;
  free bigint[];
  adjusted bigint;
  shares jsonb;
begin
  perform from public.accounts where id in (
    select "accountId" from jsonb_to_recordset(args -> 'accounts') as row("accountId" bigint))
  order by id for no key update;

  -- A run that opens only now waits for these accounts when it accepts, and sees what is booked here.
  select coalesce(array_agg(a.id), '{}') into free
  from jsonb_to_recordset(args -> 'accounts') as row("accountId" bigint, "booksCashMinor" bigint,
    "cashMinor" bigint)
  -- Asked again after a lost answer, an account that was brought up then still is.
  join public.accounts a on a.id = row."accountId" and a.mode = args ->> 'mode'
    and a.cash_minor in (row."booksCashMinor", row."cashMinor")
  where not exists (select from public.scan_runs run
      join public.run_users frozen on frozen.run_id = run.id and frozen.account_id = a.id
        and frozen.decided_at is null
      where run.trade_date = day and run.mode = args ->> 'mode' and run.state = 'planning')
    and not exists (select from public.orders o join public.scan_runs run on run.id = o.run_id
      where o.account_id = a.id and (o.ended_at is null or run.trade_date = day));

  adjusted := core.adjust_cash(args -> 'accounts', free, now_at);
  update public.accounts a set blocked_by_others_minor = row."blockedByOthersMinor"
  from jsonb_to_recordset(args -> 'accounts') as row("accountId" bigint, "blockedByOthersMinor" bigint)
  where a.id = row."accountId" and a.id = any(free)
    and a.blocked_by_others_minor <> row."blockedByOthersMinor";

  select coalesce(jsonb_agg(jsonb_build_object('userId', a.user_id, 'venue', a.venue, 'mode', a.mode,
    'exchange', share.exchange, 'symbol', share.symbol, 'product', share.product, 'quantity', share.quantity,
    'priceMinor', share."priceMinor", 'tradeDate', day, 'reference', share.reference)), '[]') into shares
  from jsonb_to_recordset(args -> 'accounts') as row("accountId" bigint, holdings jsonb)
  join public.accounts a on a.id = row."accountId" and a.id = any(free)
  cross join lateral jsonb_to_recordset(row.holdings) as share(exchange text, symbol text, product text,
    "booksQuantity" bigint, quantity bigint, "priceMinor" bigint, reference text)
  where share."booksQuantity" = coalesce((select sum(p.quantity) from public.positions p
    join public.instruments i on i.id = p.instrument_id
    where p.account_id = a.id and (i.exchange, i.symbol) = (share.exchange, share.symbol)), 0);

  return jsonb_build_object('free', to_jsonb(free), 'adjusted', adjusted, 'external',
    public.import_holdings(jsonb_build_object('holdings', shares, 'nowMs', args -> 'nowMs',
      'clock', args -> 'clock')) -> 'booked');
end $$;

-- Brings the cash of these accounts to their venue's, as adjustments of the ledger. Gives how many it had
-- to.
create function core.adjust_cash(accounts jsonb, free bigint[], now_at timestamptz) returns bigint
language sql set search_path = '' as $$
  with entry as (
    insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, source, at)
    select a.id, 'adjustment', row."cashMinor" - a.cash_minor, 0, row.source, now_at
    from jsonb_to_recordset(accounts) as row("accountId" bigint, "cashMinor" bigint, source text)
    join public.accounts a on a.id = row."accountId"
    where a.id = any(free) and row."cashMinor" <> a.cash_minor order by a.id
    returning account_id, cash_delta_minor
  ), moved as (
    update public.accounts a set cash_minor = a.cash_minor + entry.cash_delta_minor,
      not_ready = case when a.cash_minor + entry.cash_delta_minor >= a.held_minor then a.not_ready
        when a.not_ready is null or core.awaits_check(a.not_ready)
          then 'available money is below zero: acknowledge it'
        else a.not_ready end
    from entry where a.id = entry.account_id returning 1
  )
  select count(*) from moved;
$$;

-- {tradeDate, nowMs, verdicts: [{accountId, ready, reason, checkedAtMs}]}: gives for each account why it may
-- not trade that day, whoever says so. An older check never takes the place of a younger one.
create function public.store_readiness(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  perform from public.accounts where id in (
    select "accountId" from jsonb_to_recordset(args -> 'verdicts') as row("accountId" bigint))
  order by id for no key update;

  update public.accounts a set checked_for = (args ->> 'tradeDate')::date,
    books_for = case when coalesce(row."broughtUp", row.ready) then (args ->> 'tradeDate')::date
      else a.books_for end, checked_at = core.caller_instant(args, row."checkedAtMs"),
    check_found = case when not row.ready then coalesce(row.reason, 'not_ready') end,
    not_ready = case when row.ready and core.awaits_check(a.not_ready)
      then case when a.cash_minor < a.held_minor then 'available money is below zero: acknowledge it' end
      else a.not_ready end
  from jsonb_to_recordset(args -> 'verdicts') as row("accountId" bigint, ready boolean, "broughtUp" boolean,
    reason text, "checkedAtMs" bigint)
  where a.id = row."accountId"
    and (a.checked_at is null or a.checked_at <= core.caller_instant(args, row."checkedAtMs")
    -- One of a clock that was ahead: no check can be younger than now.
    or (not core.uses_virtual_clock(args) and a.checked_at > core.database_now()));

  return (select coalesce(jsonb_agg(jsonb_build_object('accountId', a.id,
      'notReady', core.not_ready_on(a, (args ->> 'tradeDate')::date), 'acknowledge',
      a.not_ready is not null and not core.awaits_check(a.not_ready)) order by a.id), '[]')
    from public.accounts a where a.id in (
      select "accountId" from jsonb_to_recordset(args -> 'verdicts') as row("accountId" bigint)));
end $$;

-- {tradeDate, nowMs, drifts: [{accountId, kind, what, ours, theirs}]}: keeps each once and blocks its
-- account. One that was acknowledged and has been there ever since (a gap of five days at most: no holidays
-- are longer) is not raised again; one of a position is, since acknowledging it has brought our books to the
-- venue's. Safe to repeat.
create function public.store_drifts(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  now_at constant timestamptz := core.caller_instant(args, (args ->> 'nowMs')::bigint);
  found_ids bigint[];
begin
  perform from public.accounts where id in (
    select "accountId" from jsonb_to_recordset(args -> 'drifts') as row("accountId" bigint))
  order by id for no key update;

  update public.drifts d set last_found_at = greatest(d.last_found_at, now_at)
  from jsonb_to_recordset(args -> 'drifts') as row("accountId" bigint, kind text, what text,
    ours text, theirs text)
  where (d.account_id, d.kind, d.what, d.ours, d.theirs) = (row."accountId", row.kind, row.what,
    row.ours, row.theirs)
    and (d.acknowledged_at is null
      or (d.kind <> 'position' and d.last_found_at > now_at - interval '5 days'));

  with fresh as (
    insert into public.drifts (account_id, trade_date, kind, what, ours, theirs, found_at, last_found_at)
    select row."accountId", (args ->> 'tradeDate')::date, row.kind, row.what, row.ours, row.theirs, now_at,
      now_at
    from rows from (jsonb_to_recordset(args -> 'drifts') as ("accountId" bigint, kind text, what text,
      ours text, theirs text)) with ordinality as row("accountId", kind, what, ours, theirs, n)
    where not exists (select from public.drifts d
      where (d.account_id, d.kind, d.what, d.ours, d.theirs) = (row."accountId", row.kind, row.what,
        row.ours, row.theirs)
        and (d.acknowledged_at is null or d.last_found_at >= now_at))
    -- The first of them is the one its account's block names: in the order they were found.
    group by 1, 3, 4, 5, 6 order by min(row.n)
    returning id
  )
  select coalesce(array_agg(id), '{}') into found_ids from fresh;

  update public.accounts a set not_ready = core.open_drift(a.id)
  where a.id in (select "accountId" from jsonb_to_recordset(args -> 'drifts') as row("accountId" bigint))
    and (a.not_ready is null or core.awaits_check(a.not_ready) or a.not_ready like 'drift:%')
    and core.open_drift(a.id) is not null;
  return (select coalesce(jsonb_agg(jsonb_build_object('accountId', account_id, 'kind', kind, 'what', what,
    'ours', ours, 'theirs', theirs) order by id), '[]') from public.drifts where id = any(found_ids));
end $$;

-- One reminder for each user whose login is what a day's trade lacks: {currency (of the market whose day it
-- is), tradeDate, dueMs, sendBeforeMs, nowMs}. Asked again it finds them queued. One that was not even tried
-- (the login was there, or there was no number) waits again.
create function public.queue_login_reminders(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  with missing as materialized (
    select a.id, a.user_id from public.accounts a
    where a.mode = 'live' and a.currency = args ->> 'currency'
      and a.checked_for = (args ->> 'tradeDate')::date
      and core.lacks_login(a.id, (args ->> 'tradeDate')::date)
      and (select core.later_of(args)) < core.at((args ->> 'sendBeforeMs')::bigint)
  ), untried as (
    select m.id from public.messages m join missing on missing.id = m.account_id
    where m.trade_date = (args ->> 'tradeDate')::date and m.status = 'suppressed' and m.attempts = 0
    order by m.id for no key update of m skip locked
  ), again as (
    update public.messages m set status = 'queued', reason = null,
      due_at = core.at((args ->> 'dueMs')::bigint),
      next_attempt_at = null, changed_at = (select core.now_of(args))
    from untried where m.id = untried.id returning 1
  ), fresh as (
    insert into public.messages (account_id, user_id, trade_date, kind, due_at, send_before, changed_at)
    select id, user_id, (args ->> 'tradeDate')::date, 'login_reminder', core.at((args ->> 'dueMs')::bigint),
      core.at((args ->> 'sendBeforeMs')::bigint), (select core.now_of(args))
    from missing order by id
    on conflict (trade_date, account_id) do nothing returning 1
  ) select jsonb_build_object('queued', (select count(*) from again) + (select count(*) from fresh));
$$;
